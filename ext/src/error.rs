//! What a method answers when it cannot do what was asked: an exception in the making.

use ext_php_rs::error::Error as PhpError;
use ossa_runtime::error::{Category, Error, code};
use ossa_runtime::expression::{EvaluationError, ExpressionError};
use ossa_runtime::manifest::Diagnostic;

/// Result of everything that can end in an exception.
pub(crate) type Answer<T> = Result<T, Fault>;

/// Why a method did not do what was asked.
pub(crate) enum Fault {
    /// PHP code called on the way has thrown; its exception is on its way to the caller already.
    Thrown,
    /// An object was used outside the process that made it.
    ForeignProcess {
        /// The process that made it.
        made_in: u32,
        /// The process that used it.
        used_in: u32,
    },
    /// The runtime could not do it.
    Runtime(Error),
}

impl Fault {
    /// An argument is wrong.
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Error::new(Category::Argument, code::BAD_ARGUMENT, message).into()
    }

    /// PHP code asked for an instance of a class that only the extension makes.
    pub(crate) fn not_constructible() -> Self {
        Self::argument("instances of this class are made by the extension only")
    }

    /// The same with advice.
    pub(crate) fn with_help(self, help: impl Into<String>) -> Self {
        match self {
            Self::Runtime(error) => Self::Runtime(error.with_help(help)),
            other => other,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Runtime(error)
    }
}

/// PHP refused a value, or PHP code called on the way has thrown.
impl From<PhpError> for Fault {
    fn from(error: PhpError) -> Self {
        match error {
            PhpError::ExceptionPending { .. } => Self::Thrown,
            other => Self::argument(other.to_string()),
        }
    }
}

impl From<ExpressionError> for Fault {
    fn from(error: ExpressionError) -> Self {
        Error::new(Category::Expression, error.code(), error.to_string())
            .with_help(error.help())
            .at_offset(error.offset())
            .into()
    }
}

impl From<EvaluationError> for Fault {
    fn from(error: EvaluationError) -> Self {
        Error::new(Category::Expression, error.code(), error.to_string())
            .with_help(error.help())
            .into()
    }
}

/// A manifest that cannot be read.
impl From<Box<Diagnostic>> for Fault {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        let message = diagnostic.message.clone();
        let error = Error::new(Category::Manifest, diagnostic.code, message);
        let error = match &diagnostic.help {
            Some(help) => error.with_help(help.as_str()),
            None => error,
        };
        error.with_diagnostics(vec![*diagnostic]).into()
    }
}
