//! Which runs a listing shows and in which order.

use std::cmp::Reverse;

use crate::port::{RunFilter, RunHead, RunId, RunPage, Timestamp};

/// Whether the filter lets this run through.
pub(crate) fn matches(filter: &RunFilter, head: &RunHead) -> bool {
    (filter.statuses.is_empty() || filter.statuses.contains(&head.status))
        && filter
            .workflow
            .as_ref()
            .is_none_or(|it| *it == head.workflow)
        && filter
            .correlation_id
            .as_ref()
            .is_none_or(|it| Some(it) == head.correlation_id.as_ref())
        && filter.created_from.is_none_or(|it| head.created_at >= it)
        && filter.created_before.is_none_or(|it| head.created_at < it)
        && filter.updated_from.is_none_or(|it| head.updated_at >= it)
        && filter.updated_before.is_none_or(|it| head.updated_at < it)
        && filter
            .labels
            .iter()
            .all(|(name, value)| head.labels.get(name) == Some(value))
}

/// Where a run stands in the order of listings, given when it was created if it is still there. A run pruned between
/// two pages is placed by the time in its id; `None` when the id has none.
pub(crate) fn position(run: RunId, created_at: Option<Timestamp>) -> Option<(Timestamp, RunId)> {
    let created_at = created_at.or_else(|| {
        let (seconds, nanos) = run.as_uuid().get_timestamp()?.to_unix();
        let millis = seconds
            .checked_mul(1000)?
            .checked_add(u64::from(nanos / 1_000_000))?;
        Some(Timestamp::from_millis(i64::try_from(millis).ok()?))
    })?;
    Some((created_at, run))
}

/// The page of a listing, of runs found in any order: its own and, if there are more, at least one of those after it.
pub(crate) fn page(mut found: Vec<RunHead>, limit: usize) -> RunPage {
    found.sort_by_key(|head| Reverse((head.created_at, head.run)));
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|head| head.run);
    RunPage { runs: found, next }
}
