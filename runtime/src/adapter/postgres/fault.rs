//! What can go wrong in a call, and what the caller is told.

use std::error::Error as _;

use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::adapter::dsn::wrong;
use crate::port::StoreError;

/// A failure before it is known in which operation it happened.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server refused a statement, and undoes the transaction it was in.
    Refused {
        code: SqlState,
        message: String,
    },
    /// The connection is gone, or nothing was heard for too long.
    Lost {
        reason: String,
        /// Whether what was asked for may have been done all the same.
        unknown: bool,
    },
    /// Somebody else was faster; the next try sees what they did.
    Overtaken,
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    /// What the client crate says. `unknown`: whether a commit was on its way.
    pub(super) fn of(error: &tokio_postgres::Error, unknown: bool) -> Self {
        match error.as_db_error() {
            Some(refusal) if !ends_connection(refusal) => Self::Refused {
                code: refusal.code().clone(),
                message: words(refusal),
            },
            Some(end) => Self::Lost {
                reason: words(end),
                unknown,
            },
            None if error.is_closed() => Self::Lost {
                reason: "the connection was closed".to_owned(),
                unknown,
            },
            None => Self::Lost {
                reason: chain(error),
                unknown,
            },
        }
    }

    /// Stored data that does not match its checksum or cannot be decoded.
    pub(super) fn damaged(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Store(StoreError::Corrupt {
            what: what.into(),
            reason: reason.into(),
        })
    }

    pub(super) const fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }

    /// Whether nothing was done and the same call may succeed at once, when it is tried again.
    pub(super) fn is_repeatable(&self) -> bool {
        match self {
            Self::Refused { code, .. } => {
                [
                    SqlState::T_R_SERIALIZATION_FAILURE,
                    SqlState::T_R_DEADLOCK_DETECTED,
                    // Two created the same run or used the same key at once: the next try sees the one that won.
                    SqlState::UNIQUE_VIOLATION,
                    // Prepared before another version changed the schema, or on another server behind a pooler.
                    SqlState::FEATURE_NOT_SUPPORTED,
                    SqlState::INVALID_SQL_STATEMENT_NAME,
                ]
                .contains(code)
            }
            Self::Lost { unknown, .. } => !unknown,
            Self::Overtaken => true,
            Self::Store(_) => false,
        }
    }

    /// Whether the connection should not be used again.
    pub(super) fn spoils_connection(&self) -> bool {
        match self {
            Self::Lost { .. } => true,
            Self::Refused { code, .. } => [
                SqlState::FEATURE_NOT_SUPPORTED,
                SqlState::INVALID_SQL_STATEMENT_NAME,
                // The server has become a standby: another one may be behind the name by now.
                SqlState::READ_ONLY_SQL_TRANSACTION,
            ]
            .contains(code),
            Self::Overtaken | Self::Store(_) => false,
        }
    }

    pub(super) fn into_store_error(self, operation: &'static str, place: &str) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Overtaken => StoreError::Unavailable {
                operation,
                reason: format!("{place}: others kept changing the same rows"),
            },
            Self::Lost { reason, unknown } => StoreError::Unavailable {
                operation,
                reason: match unknown {
                    true => format!("{place}: {reason}; whether it was done is unknown"),
                    false => format!("{place}: {reason}"),
                },
            },
            Self::Refused { code, message } => refused(&code, message, operation, place),
        }
    }
}

fn refused(code: &SqlState, message: String, operation: &'static str, place: &str) -> StoreError {
    // The first two characters are the class of the code.
    match code.code() {
        "53100" => StoreError::Full {
            operation,
            reason: message,
        },
        "3D000" => wrong("database", message),
        // The server's own words repeat the user.
        code if code.starts_with("28") => wrong(
            "user",
            format!("{place} does not accept this user with this password"),
        ),
        "XX001" | "XX002" => StoreError::Corrupt {
            what: "the database".to_owned(),
            reason: message,
        },
        "40001" | "40P01" | "25006" | "55P03" | "57014" => StoreError::Unavailable {
            operation,
            reason: format!("{place}: {message}"),
        },
        code @ ("26000" | "42P05") => StoreError::Failed {
            operation,
            reason: format!(
                "{message} ({code}): a pooler hands statements to connections that do not know them. Use its session \
                 pooling, or PgBouncer 1.21 or newer with `max_prepared_statements`"
            ),
        },
        code if code.starts_with("53") => StoreError::Unavailable {
            operation,
            reason: format!("{place}: {message}"),
        },
        code => StoreError::Failed {
            operation,
            reason: format!("{message} ({code})"),
        },
    }
}

fn ends_connection(error: &DbError) -> bool {
    // Said when a login is refused, too, and that is worth more words.
    let login = error.code().code().starts_with("28") || error.code().code() == "3D000";
    matches!(
        error.parsed_severity(),
        Some(Severity::Fatal | Severity::Panic)
    ) && !login
}

fn words(error: &DbError) -> String {
    error.message().to_owned()
}

/// The crate says which step failed, the errors within why.
fn chain(error: &tokio_postgres::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}
