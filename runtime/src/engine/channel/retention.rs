//! Removing what is no longer kept.

use std::time::Duration;

use super::Channels;
use super::dead_letters::DeadLetters;
use crate::error::Error;
use crate::port::{Timestamp, TrimStream};

/// Records removed in one transaction: few enough for others to write in between.
const BATCH: usize = 1000;

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Messages of the stream.
    pub messages: u64,
    /// Receipts, and other values that had expired.
    pub expired_values: u64,
    /// Dead letters.
    pub dead_letters: u64,
}

impl Channels {
    /// Removes what the options no longer keep, at most `limit` of each kind. A message that a subscriber has yet to read
    /// stays, however old it is.
    ///
    /// # Errors
    /// What the store fails with. What was removed before stays removed.
    pub fn prune(&self, limit: usize) -> Result<Trimmed, Error> {
        let core = &self.0;
        let options = &core.options.channels;
        let backend = core.backend()?;
        let now = core.now();
        let mut trimmed = Trimmed::default();
        let mut left = limit;
        while left > 0 {
            let trim = TrimStream {
                before: before(now, options.retention),
                channel: None,
                up_to: core.needed_from()?,
                limit: left.min(BATCH),
            };
            let gone = backend.trim_stream(&trim)?;
            trimmed.messages += gone;
            let gone = usize::try_from(gone).unwrap_or(usize::MAX);
            left = left.saturating_sub(gone);
            if gone < trim.limit {
                break;
            }
        }
        trimmed.expired_values = backend.kv_prune(now)?;
        if let Some(kept) = options.dead_letter_retention {
            let letters = DeadLetters::of(core);
            trimmed.dead_letters = letters.expire(before(now, kept), limit)?;
        }
        Ok(trimmed)
    }
}

fn before(now: Timestamp, kept: Duration) -> Timestamp {
    let millis = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(millis))
}
