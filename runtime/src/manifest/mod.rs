//! From text to a checked model: YAML, aliases, schemas, references, diagnostics.
//!
//! ```
//! use ossa_runtime::manifest::{self, Options};
//!
//! let loaded = manifest::load_str(
//!     "apiVersion: ossa/v0.3.0
//! kind: Task
//! metadata: {name: greet}
//! spec:
//!   execution: {type: idempotent, entrypoint: greet}
//! ",
//!     &Options::default(),
//! );
//! assert!(loaded.is_valid());
//! ```

mod check;
pub mod code;
mod diagnostic;
mod discover;
mod load;
pub mod model;
mod normalise;
mod path;
mod reader;
pub mod render;
mod schema;
mod yaml;

pub use diagnostic::{Diagnostic, Severity, Snippet};
pub use discover::{
    Catalog, CatalogError, Disk, Files, MAX_FILES, MAX_FOLDERS, Texts, manifest_files,
};
pub use load::{Document, Level, Loaded, Options, load_file, load_str};
pub use normalise::Kind;
pub use reader::{MAX_FINDINGS, MAX_STEPS};
pub(crate) use yaml::read_data;
pub use yaml::{MAX_ALIAS_NODES, MAX_BYTES, MAX_DEPTH, MAX_DOCUMENTS};
