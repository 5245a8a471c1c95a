//! Reading what was published, without taking anything.

use super::super::core::Core;
use super::Channels;
use super::publish::channel_name;
use crate::error::{Category, Error};
use crate::port::{ChannelRange, ChannelSize, Position, ReadStream, Record, Timestamp};
use crate::routing::ChannelPattern;

/// Records read of the stream at once.
const PAGE: usize = 500;

/// What was published, and where to read on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelRecords {
    /// In the order of publication.
    pub records: Vec<Record>,
    /// Pass it to read on.
    pub read_to: Position,
}

impl Channels {
    /// What was published after a position on the channels that a pattern matches, at most `limit`, in its order. May be
    /// fewer although more follow, as long as `read_to` moves on.
    ///
    /// # Errors
    /// Category argument for a bad pattern; what the store fails with.
    pub fn read(
        &self,
        pattern: &str,
        after: Position,
        limit: usize,
    ) -> Result<ChannelRecords, Error> {
        let pattern = pattern_of(pattern)?;
        let backend = self.0.backend()?;
        let mut found = ChannelRecords {
            records: Vec::new(),
            read_to: after,
        };
        let channels = match pattern.as_name() {
            Some(name) => ChannelRange::One(name.to_string()),
            None => ChannelRange::Prefix(literal_start(pattern.as_str()).to_owned()),
        };
        while found.records.len() < limit {
            let slice = backend.read_stream(&ReadStream {
                after: found.read_to,
                channels: channels.clone(),
                limit: PAGE.min(limit.max(1)),
            })?;
            if slice.read_to == found.read_to {
                break;
            }
            for record in slice.records {
                if found.records.len() >= limit {
                    return Ok(found);
                }
                found.read_to = record.position;
                if channel_name(&record.channel).is_ok_and(|name| pattern.matches(&name)) {
                    found.records.push(record);
                }
            }
            found.read_to = slice.read_to;
        }
        Ok(found)
    }

    /// The last records of the channels that a pattern matches, oldest first.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn last(&self, pattern: &str, limit: usize) -> Result<ChannelRecords, Error> {
        let end = self.end()?;
        let mut span = u64::try_from(limit)
            .unwrap_or(u64::MAX)
            .saturating_mul(4)
            .max(64);
        loop {
            let from = end.saturating_sub(span);
            let mut found = self.read(pattern, from, usize::MAX)?;
            let enough = found.records.len() >= limit;
            if enough || from == 0 {
                let beyond = found.records.len().saturating_sub(limit);
                found.records.drain(..beyond);
                return Ok(found);
            }
            span = span.saturating_mul(8);
        }
    }

    /// The position of what was published last.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn end(&self) -> Result<Position, Error> {
        Ok(self.0.backend()?.end_of_stream()?)
    }

    /// After which position to read to see what was published at a time and later.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn position_before(&self, time: Timestamp) -> Result<Position, Error> {
        Ok(self.0.backend()?.position_before(time)?)
    }

    /// What there is of each channel.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn sizes(&self) -> Result<Vec<ChannelSize>, Error> {
        Ok(self.0.backend()?.channels()?)
    }
}

/// The last records of one channel, oldest first.
pub(super) fn last(core: &Core, channel: &str, limit: usize) -> Result<Vec<Record>, Error> {
    let backend = core.backend()?;
    let sizes = backend.channels()?;
    let Some(size) = sizes.into_iter().find(|it| it.channel == channel) else {
        return Ok(Vec::new());
    };
    let mut records = Vec::new();
    let mut after = size.first.saturating_sub(1);
    loop {
        let slice = backend.read_stream(&ReadStream {
            after,
            channels: ChannelRange::One(channel.to_owned()),
            limit: PAGE,
        })?;
        if slice.read_to == after {
            break;
        }
        after = slice.read_to;
        records.extend(slice.records);
        let beyond = records.len().saturating_sub(limit);
        records.drain(..beyond);
    }
    Ok(records)
}

pub(super) fn pattern_of(pattern: &str) -> Result<ChannelPattern, Error> {
    ChannelPattern::parse(pattern).map_err(|error| {
        Error::new(Category::Argument, error.code(), error.to_string()).with_help(error.help())
    })
}

/// What every channel that the pattern matches begins with.
fn literal_start(pattern: &str) -> &str {
    let end = pattern.find(['*', '#']).unwrap_or(pattern.len());
    let start = pattern.get(..end).unwrap_or_default();
    // `security.#` matches `security`, too.
    start.strip_suffix('.').unwrap_or(start)
}
