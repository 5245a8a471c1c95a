//! Why a backend could not do what it was asked.

use thiserror::Error;

/// A backend's failure. Losing a compare-and-swap is not one: see [`CommitOutcome`](super::CommitOutcome).
///
/// Messages never contain credentials: adapters redact their DSN before it reaches an error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The DSN names no backend of this build, or one of its parts is wrong.
    #[error("the DSN is not usable: {part}: {reason}")]
    Dsn {
        /// The part that is wrong: `scheme`, `path`, `option synchronous`…
        part: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The backend cannot be reached or is locked for longer than the timeout; the same call may succeed later.
    #[error("the store is not available while trying to {operation}: {reason}")]
    Unavailable {
        /// What was attempted: `commit`, `claim`…
        operation: &'static str,
        /// The backend's own words, redacted.
        reason: String,
    },
    /// The backend refused for lack of space; nothing was written.
    #[error("the store is full while trying to {operation}: {reason}")]
    Full {
        /// What was attempted.
        operation: &'static str,
        /// The backend's own words.
        reason: String,
    },
    /// The backend failed in a way a repetition will not mend.
    #[error("the store failed to {operation}: {reason}")]
    Failed {
        /// What was attempted.
        operation: &'static str,
        /// The backend's own words, redacted.
        reason: String,
    },
    /// What is stored does not match its checksum or cannot be decoded.
    #[error("stored data of {what} is damaged: {reason}")]
    Corrupt {
        /// What is damaged: `log row 7 of run …`.
        what: String,
        /// How it was noticed.
        reason: String,
    },
    /// The store was written by a newer version of this software.
    #[error(
        "the store has schema version {found}, this build knows up to {known}: upgrade before opening it"
    )]
    TooNew {
        /// The schema version found.
        found: u32,
        /// The newest schema version this build can use.
        known: u32,
    },
}

impl StoreError {
    /// The stable error code, documented in `runtime/errors/`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Dsn { .. } => "OSSA-S001",
            Self::Unavailable { .. } => "OSSA-S002",
            Self::Full { .. } => "OSSA-S003",
            Self::Failed { .. } => "OSSA-S004",
            Self::Corrupt { .. } => "OSSA-S005",
            Self::TooNew { .. } => "OSSA-S006",
        }
    }

    /// Whether the same call may succeed later without anyone changing anything.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Full { .. })
    }
}
