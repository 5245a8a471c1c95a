//! Removing what is no longer kept.

use std::time::Duration;

use super::Channels;
use super::dead_letters::DeadLetters;
use crate::error::Error;
use crate::port::{Timestamp, TrimStream};
use crate::routing::ChannelName;

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
        for (channel, retention) in self.retentions(options.retention)? {
            loop {
                let left = limit.saturating_sub(count(trimmed.messages));
                let trim = TrimStream {
                    before: before(now, retention),
                    channel: channel.clone(),
                    up_to: core.needed_from()?,
                    limit: left.min(BATCH),
                };
                if left == 0 {
                    break;
                }
                let gone = backend.trim_stream(&trim)?;
                trimmed.messages += gone;
                if count(gone) < trim.limit {
                    break;
                }
            }
        }
        trimmed.expired_values = backend.kv_prune(now)?;
        trimmed.dead_letters = DeadLetters::of(core).expire(now, limit)?;
        Ok(trimmed)
    }

    /// How long messages are kept: of all channels, or of each where some have a time of their own.
    fn retentions(&self, of_all: Duration) -> Result<Vec<(Option<String>, Duration)>, Error> {
        let table = self.0.table()?;
        if table.settings.iter().all(|(_, it)| it.retention.is_none()) {
            return Ok(vec![(None, of_all)]);
        }
        let sizes = self.0.backend()?.channels()?.into_iter();
        let retentions = sizes.map(|size| {
            // Records that are no messages may be on channels with names of their own.
            let settings = ChannelName::parse(&size.channel).map(|name| table.settings(&name));
            let own = settings.ok().and_then(|it| it.retention);
            (Some(size.channel), own.unwrap_or(of_all))
        });
        Ok(retentions.collect())
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn before(now: Timestamp, kept: Duration) -> Timestamp {
    let millis = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(millis))
}
