//! Why a manifest is not found.

use std::path::PathBuf;

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::model::Reference;
use super::super::normalise::Kind;

/// Why a name or reference does not lead to a manifest.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// No manifest has the name.
    #[error("there is no {kind} `{name}` below the manifest roots{}", hint(.nearest))]
    NotFound {
        /// What was looked for.
        kind: Kind,
        /// Its name.
        name: String,
        /// A name that exists and is much like it.
        nearest: Option<String>,
    },
    /// The reference leads nowhere.
    #[error("the reference `{}` leads to no manifest{}", .reference.0, hint(.nearest))]
    Unresolved {
        /// The reference.
        reference: Reference,
        /// A name that exists and is much like it.
        nearest: Option<String>,
    },
    /// The reference leads out of the manifest roots.
    #[error("the reference `{}` leads out of the manifest roots", .reference.0)]
    Escapes {
        /// The reference.
        reference: Reference,
    },
    /// Several files go by the name of the reference.
    #[error("the reference `{}` may mean {} files: {}", .reference.0, .candidates.len(), list(.candidates))]
    Ambiguous {
        /// The reference.
        reference: Reference,
        /// The files.
        candidates: Vec<PathBuf>,
    },
    /// The reference holds an expression, which must be evaluated first.
    #[error("the reference `{}` holds an expression that is not evaluated yet", .reference.0)]
    Dynamic {
        /// The reference.
        reference: Reference,
    },
    /// The file is there and has errors.
    #[error("{} has errors: {}", .file.display(), first(.diagnostics))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// Its errors.
        diagnostics: Vec<Diagnostic>,
    },
}

impl CatalogError {
    /// The stable code, such as `OSSA-M047`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } | Self::Unresolved { .. } => code::UNRESOLVED_REFERENCE,
            Self::Escapes { .. } => code::ESCAPING_REFERENCE,
            Self::Ambiguous { .. } => code::AMBIGUOUS_NAME,
            Self::Dynamic { .. } => code::BAD_REFERENCE,
            Self::Invalid { diagnostics, .. } => diagnostics
                .first()
                .map_or(code::BAD_REFERENCE, |diagnostic| diagnostic.code),
        }
    }
}

fn hint(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    names.join(", ")
}

fn first(diagnostics: &[Diagnostic]) -> String {
    diagnostics
        .first()
        .map(|diagnostic| format!("{} ({})", diagnostic.message, diagnostic.code))
        .unwrap_or_default()
}
