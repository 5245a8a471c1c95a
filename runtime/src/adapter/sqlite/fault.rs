//! What can go wrong inside a transaction, and what the caller is told.

use rusqlite::{ErrorCode, ffi};

use crate::port::StoreError;

/// A failure before it is known in which operation it happened.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
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

    /// Whether the connection must not be used again. After a failed write or sync nobody knows what of it reached the
    /// disk, and the operating system reports a failed sync once only: a second try on the same connection could
    /// succeed without the data. A new connection starts from what is really in the file.
    pub(super) fn spoils_connection(&self) -> bool {
        match self {
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::SystemIoFailure
                        | ErrorCode::DatabaseCorrupt
                        | ErrorCode::NotADatabase
                        | ErrorCode::CannotOpen
                        | ErrorCode::ReadOnly
                        | ErrorCode::InternalMalfunction
                        | ErrorCode::ApiMisuse
                )
            ),
            Self::Store(_) => false,
        }
    }

    pub(super) fn into_store_error(self, operation: &'static str) -> StoreError {
        match self {
            Self::Sqlite(error) => from_sqlite(&error, operation),
            Self::Store(error) => error,
        }
    }
}

fn from_sqlite(error: &rusqlite::Error, operation: &'static str) -> StoreError {
    let reason = error.to_string();
    let Some(failure) = error.sqlite_error() else {
        return match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => StoreError::Corrupt {
                what: format!("a row read to {operation}"),
                reason,
            },
            _ => StoreError::Failed { operation, reason },
        };
    };
    match failure.code {
        ErrorCode::DiskFull => StoreError::Full { operation, reason },
        // The index of the log is kept in a file of its own, and enlarging that one fails in its own way.
        ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => {
            StoreError::Full { operation, reason }
        }
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::CannotOpen
        | ErrorCode::OutOfMemory => StoreError::Unavailable { operation, reason },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt {
            what: "the database file".to_owned(),
            reason,
        },
        _ => StoreError::Failed { operation, reason },
    }
}
