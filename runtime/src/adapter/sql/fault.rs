//! What can go wrong in a call, and what the caller is told.

use super::connection::{SqlError, SqlErrorKind};
use crate::port::StoreError;

/// A failure before it is known in which operation it happened.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(SqlError),
    Store(StoreError),
}

impl From<SqlError> for Fault {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    /// Stored data that does not match its checksum or cannot be decoded.
    pub(super) fn damaged(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Store(StoreError::Corrupt {
            what: what.into(),
            reason: reason.into(),
        })
    }

    /// Another transaction was faster, as the database itself would say.
    pub(super) fn conflict(message: &str) -> Self {
        Self::Sql(SqlError {
            kind: SqlErrorKind::Conflict,
            message: message.to_owned(),
        })
    }

    /// Whether the same transaction may succeed if it is tried again.
    pub(super) const fn is_conflict(&self) -> bool {
        matches!(self, Self::Sql(error) if matches!(error.kind, SqlErrorKind::Conflict))
    }

    pub(super) fn into_store_error(self, operation: &'static str) -> StoreError {
        let SqlError { kind, message } = match self {
            Self::Sql(error) => error,
            Self::Store(error) => return error,
        };
        let reason = message;
        match kind {
            SqlErrorKind::Unavailable | SqlErrorKind::Conflict => {
                StoreError::Unavailable { operation, reason }
            }
            SqlErrorKind::Full => StoreError::Full { operation, reason },
            SqlErrorKind::Duplicate | SqlErrorKind::Other => {
                StoreError::Failed { operation, reason }
            }
        }
    }
}
