//! How values of the ports stand in the columns of a database.

use std::time::Duration;

use crate::port::{Priority, Version};

/// The column's number for a priority: its place among [`Priority::ALL`].
pub(crate) const fn rank(priority: Priority) -> i64 {
    match priority {
        Priority::Critical => 0,
        Priority::High => 1,
        Priority::Normal => 2,
        Priority::Low => 3,
    }
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
