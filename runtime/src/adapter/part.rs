//! A listing in parts, for stores that keep indexes.

use crate::port::{RunFilter, RunStatus};

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
