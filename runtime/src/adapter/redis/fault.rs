//! Errors of the client and the server, as the ports know them.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::adapter::authority;
use crate::port::StoreError;

/// Where it happened and whether it may have been done all the same.
pub(super) struct Circumstance<'a> {
    pub(super) operation: &'static str,
    pub(super) node: &'a (String, u16),
    /// The request was sent and its answer was lost.
    pub(super) outcome_unknown: bool,
}

impl Circumstance<'_> {
    pub(super) fn error(&self, error: &RedisError) -> StoreError {
        let place = authority::place(&self.node.0, self.node.1);
        let operation = self.operation;
        let words = words_of(error);
        let unavailable = |reason: String| StoreError::Unavailable { operation, reason };
        match error.kind() {
            ErrorKind::Io if self.outcome_unknown => unavailable(format!(
                "{place}: {words}; whether it was done is not known"
            )),
            ErrorKind::Io => unavailable(format!("{place}: {words}")),
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly,
            ) => unavailable(format!("{place}: {words}")),
            _ => match error.code() {
                Some("OOM") => StoreError::Full {
                    operation,
                    reason: format!("{place} has reached its maxmemory: {words}"),
                },
                // The server cannot write its own file: mostly a full disk.
                Some("MISCONF") => StoreError::Full {
                    operation,
                    reason: format!("{place}: {words}"),
                },
                Some("BUSY" | "NOREPLICAS") => unavailable(format!("{place}: {words}")),
                _ if words.contains("Error compiling script") => StoreError::Failed {
                    operation,
                    reason: format!("{place} is too old: Redis 7.0 or newer is needed"),
                },
                _ => StoreError::Failed {
                    operation,
                    reason: format!("{place}: {words}"),
                },
            },
        }
    }
}

/// The server's own words; those about logging in do not repeat what was sent.
fn words_of(error: &RedisError) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (None, Some(detail)) => format!("{}: {detail}", error.category()),
        _ => error.to_string(),
    }
}
