//! How long a run took, and which steps made it so.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::ledger::Ledger;
use crate::port::Timestamp;
use crate::run::{Event, Place, ScopeId};

/// A step on the longest path through a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathStep {
    /// Step id.
    pub step: String,
    /// When it became ready, in virtual milliseconds since the run began.
    pub from_ms: u64,
    /// When it was settled.
    pub until_ms: u64,
}

/// True time from the start of a run to its end; `None` while it has not ended.
pub(super) fn duration(ledger: &Ledger) -> Option<Duration> {
    let (begin, _) = ledger.history.first()?;
    let mut history = ledger.history.iter().rev();
    let (end, _) = history.find(|(_, events)| events.iter().any(ends_a_run))?;
    Some(end.since(*begin))
}

/// The steps from the one that was settled last back to the first it had to wait for, in the order in which they ran.
pub(super) fn longest(ledger: &Ledger) -> Vec<PathStep> {
    let Some((begin, _)) = ledger.history.first() else {
        return Vec::new();
    };
    let spans = spans(ledger);
    let owners = owners(ledger);
    let mut path = Vec::new();
    let latest = |(_, (_, until)): &(&Place, &(Timestamp, Timestamp))| *until;
    let mut next = spans.iter().max_by_key(latest).map(|(place, _)| *place);
    while let Some(place) = next {
        let (Some((from, until)), Some(node)) = (spans.get(&place), ledger.plan.node(place.node))
        else {
            break;
        };
        // A step that was skipped took no time; what it waited for did.
        if from < until {
            path.push(PathStep {
                step: node.id.clone(),
                from_ms: millis(from.since(*begin)),
                until_ms: millis(until.since(*begin)),
            });
        }
        next = waited_for(ledger, &owners, place)
            .into_iter()
            .filter(|place| spans.contains_key(place))
            .max_by_key(|place| spans.get(place).map(|(_, until)| *until));
    }
    path.reverse();
    path
}

/// The steps that one waits for: its own dependencies, else those of the block it stands in.
fn waited_for(ledger: &Ledger, owners: &BTreeMap<ScopeId, Place>, place: Place) -> Vec<Place> {
    let mut around = std::iter::successors(Some(place), |place| owners.get(&place.scope).copied());
    let dependencies = around.find_map(|place| {
        let node = ledger.plan.node(place.node)?;
        let dependencies = node.depends_on.iter().map(|node| Place {
            node: *node,
            ..place
        });
        Some(dependencies.collect::<Vec<_>>()).filter(|found| !found.is_empty())
    });
    dependencies.unwrap_or_default()
}

/// The block each scope is an instance of, also of scopes that are gone.
fn owners(ledger: &Ledger) -> BTreeMap<ScopeId, Place> {
    let events = ledger.history.iter().flat_map(|(_, events)| events);
    let opened = events.filter_map(|event| match event {
        Event::ScopeOpened { opened, .. } => Some((ScopeId(*opened), event.place()?)),
        _ => None,
    });
    opened.collect()
}

/// When each step became ready, and when it was settled.
fn spans(ledger: &Ledger) -> BTreeMap<Place, (Timestamp, Timestamp)> {
    let mut spans = BTreeMap::new();
    for (at, events) in &ledger.history {
        for event in events {
            let Some(place) = event.place() else { continue };
            match event {
                Event::StepReady { .. }
                | Event::StepWaiting { .. }
                | Event::StepOpened { .. }
                | Event::StepSkipped { .. } => {
                    spans.entry(place).or_insert((*at, *at));
                }
                Event::StepCompleted { .. }
                | Event::StepFailed { .. }
                | Event::StepCanceled { .. } => {
                    if let Some((_, until)) = spans.get_mut(&place) {
                        *until = *at;
                    }
                }
                _ => {}
            }
        }
    }
    spans
}

const fn ends_a_run(event: &Event) -> bool {
    matches!(
        event,
        Event::RunCompleted { .. }
            | Event::RunFailed { .. }
            | Event::RunCanceled { .. }
            | Event::RunAborted { .. }
    )
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
