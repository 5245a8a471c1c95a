//! Why a command has no result, and the exit code that says so.

use std::io;

use ossa_runtime::error::{Category, Error, code};

use crate::output::{FAILURE, FINDINGS, Output};

/// Why there is no result.
pub(crate) enum Failure {
    Runtime(Box<Error>),
    Usage(String),
    Io(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Runtime(Box::new(error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    /// Says why, and gives the exit code.
    pub(crate) fn tell(self, output: &mut Output) -> io::Result<u8> {
        match self {
            Self::Io(error) => Err(error),
            Self::Usage(message) => {
                output.note(format!("ossa: {message}"));
                Ok(FAILURE)
            }
            Self::Runtime(error) => {
                output.note(format!("ossa: {error} ({})", error.code()));
                if let Some(help) = error.help() {
                    output.note(format!("  {help}"));
                }
                for violation in error.violations() {
                    output.note(format!("  {violation}"));
                }
                Ok(exit_code(&error))
            }
        }
    }
}

/// What was understood and refused is a finding; what is not there, or cannot be read or written, a failure.
fn exit_code(error: &Error) -> u8 {
    match error.category() {
        Category::Store | Category::Argument => FAILURE,
        _ if error.code() == code::RUN_NOT_FOUND => FAILURE,
        _ => FINDINGS,
    }
}
