//! What keeps a backend from its promise although it works.

use serde::Serialize;

/// A setting or circumstance under which a backend works but may lose what it confirmed. Never contains credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What is so: "`fsync` is off".
    pub found: String,
    /// What it may cost.
    pub risk: String,
    /// What to change.
    pub remedy: String,
}
