//! How values of the ports stand in the columns of a database.

use std::time::Duration;

use crate::port::{Position, Priority, ReadStream, Record, StreamSlice, Version};

/// The number that stands for a priority: its place among [`Priority::ALL`].
pub(crate) const fn rank(priority: Priority) -> u8 {
    match priority {
        Priority::Critical => 0,
        Priority::High => 1,
        Priority::Normal => 2,
        Priority::Low => 3,
    }
}

/// The priority with this number.
pub(crate) fn priority(rank: u8) -> Option<Priority> {
    Priority::ALL.get(usize::from(rank)).copied()
}

/// Databases' integers are signed. No stored version comes near the largest.
pub(crate) fn signed(version: Version) -> i64 {
    i64::try_from(version.0).unwrap_or(i64::MAX)
}

/// A number of rows as databases take it.
pub(crate) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Whole milliseconds; more than fit are as good as for ever.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A position in the stream. None comes near the largest.
pub(crate) fn place(position: Position) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// The last name there can be that begins so, where names are compared byte by byte.
pub(crate) fn last_with(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

/// What was read of a stream that ended there at the time.
pub(crate) fn slice(records: Vec<Record>, request: &ReadStream, end: Position) -> StreamSlice {
    let full = records.len() >= request.limit.max(1);
    let read_to = match records.last() {
        Some(last) if full => last.position,
        _ => end.max(request.after),
    };
    StreamSlice { records, read_to }
}
