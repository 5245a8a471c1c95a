//! Which runs a listing shows and in which order.

use crate::port::{RunFilter, RunHead, RunId, RunStatus, Timestamp};

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

/// A part of a listing that an index holds in its order, or of which only little has to be put in order. All parts
/// together, each once, are the listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) status: Option<RunStatus>,
    pub(crate) age: Age,
}

/// Which runs of a filter by last change: whatever was created after its beginning has changed after it, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Any,
    /// Created since then.
    Young,
    /// Created before, and has ended: found by when it changed.
    Ended,
    /// Created before, and goes on.
    Live,
}

/// Every status of a run that goes on.
const LIVE: [RunStatus; 5] = [
    RunStatus::Pending,
    RunStatus::Running,
    RunStatus::Waiting,
    RunStatus::Paused,
    RunStatus::Quarantined,
];

pub(crate) fn parts(filter: &RunFilter) -> Vec<Part> {
    // Each status is a part of the index in the right order; all of them together are not.
    let mut statuses: Vec<Option<RunStatus>> = Vec::new();
    for status in filter.statuses.iter().copied().map(Some) {
        if !statuses.contains(&status) {
            statuses.push(status);
        }
    }
    if statuses.is_empty() {
        statuses.push(None);
    }
    let mut parts = Vec::new();
    for status in statuses {
        let part = |age| Part { status, age };
        if filter.updated_from.is_none() {
            parts.push(part(Age::Any));
            continue;
        }
        parts.push(part(Age::Young));
        match status {
            Some(status) if !status.is_terminal() => parts.push(part(Age::Live)),
            Some(_) => parts.push(part(Age::Ended)),
            None => {
                parts.push(part(Age::Ended));
                parts.extend(LIVE.map(|status| Part {
                    status: Some(status),
                    age: Age::Live,
                }));
            }
        }
    }
    parts
}
