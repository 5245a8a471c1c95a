//! What happens to runs, as messages: published with the transition, as soon as somebody takes them.
//!
//! An event `run_completed` is a message on `ossa.run.completed`, a `step_failed` one on `ossa.step.failed`.

use serde_json::{Value, json};

use super::super::core::Core;
use super::super::view::EventView;
use super::Channels;
use crate::error::Error;
use crate::port::{Commit, RunId, Timestamp, Version};
use crate::routing::{ChannelName, Envelope, HOPS_HEADER};
use crate::run::HOPS_LABEL;

/// What the channels of run events begin with.
const PREFIX: &str = "ossa.";
/// Transitions read at once.
const ROWS: usize = 256;

/// Which events of a run. Empty fields do not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunEventFilter {
    /// Of one of these types: `step_completed`…
    pub types: Vec<String>,
    /// About this step.
    pub step: Option<String>,
    /// Of transitions after this one.
    pub after: Version,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

impl Channels {
    /// What happened to a run, whether or not anybody was told, at most `limit` events in their order.
    ///
    /// # Errors
    /// What the store fails with; `OSSA-N007` when a row cannot be read.
    pub fn run_events(
        &self,
        run: RunId,
        filter: &RunEventFilter,
        limit: usize,
    ) -> Result<Vec<EventView>, Error> {
        let mut found = Vec::new();
        let mut after = filter.after;
        loop {
            let page = self.0.events(run, after, ROWS)?;
            let Some(last) = page.last() else {
                return Ok(found);
            };
            after = last.version;
            for view in page {
                if found.len() >= limit {
                    return Ok(found);
                }
                if filter.matches(&view) {
                    found.push(view);
                }
            }
        }
    }
}

impl RunEventFilter {
    fn matches(&self, view: &EventView) -> bool {
        let event = serde_json::to_value(&view.event).unwrap_or_default();
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let wanted = self.types.is_empty()
            || text("type").is_some_and(|kind| self.types.iter().any(|it| it == kind));
        wanted
            && self
                .step
                .as_deref()
                .is_none_or(|step| text("step") == Some(step))
            && self.since.is_none_or(|at| view.at >= at)
            && self.until.is_none_or(|at| view.at < at)
    }
}

impl Core {
    /// Adds to commits what their events say to those who take it.
    pub(in crate::engine) fn publish_events(&self, commits: &mut [Commit]) -> Result<(), Error> {
        let table = self.table()?;
        if !table.takes_events_of_runs() {
            return Ok(());
        }
        for commit in commits {
            let events: Vec<Value> = serde_json::from_str(&commit.log.events).unwrap_or_default();
            for (place, event) in events.iter().enumerate() {
                let Some(kind) = event.get("type").and_then(Value::as_str) else {
                    continue;
                };
                let Ok(channel) = ChannelName::parse(&channel_of(kind)) else {
                    continue;
                };
                if !table.takes(&channel) {
                    continue;
                }
                let head = &commit.head;
                let payload = json!({
                    "run": head.run.to_string(),
                    "workflow": head.workflow,
                    "version": head.version.0,
                    "status": head.status.as_str(),
                    "progress": head.progress,
                    "currentStep": head.current_step,
                    "timestamp": commit.log.at.to_string(),
                    "event": event,
                });
                let id = format!("{}:{}:{place}", head.run, head.version);
                let source = head.workflow.as_str();
                let mut envelope = Envelope::new(id, channel, source, commit.log.at, payload);
                envelope.kind = Some(camel_case(kind));
                envelope
                    .metadata
                    .correlation_id
                    .clone_from(&head.correlation_id);
                envelope.metadata.priority = Some(head.priority);
                if let Some(hops) = head.labels.get(HOPS_LABEL) {
                    let headers = &mut envelope.metadata.headers;
                    headers.insert(HOPS_HEADER.to_owned(), hops.as_str().into());
                }
                // What is too large to be told is in the run's log all the same.
                if let Ok(ready) = self.ready(&table, envelope, commit.log.at) {
                    commit.publish.push(ready.publication);
                    commit.publish.extend(ready.told);
                }
            }
        }
        Ok(())
    }
}

/// `run_completed` is told on `ossa.run.completed`.
fn channel_of(kind: &str) -> String {
    match kind.split_once('_') {
        Some((what, happened)) => format!("{PREFIX}{what}.{happened}"),
        None => format!("{PREFIX}run.{kind}"),
    }
}

/// `run_completed` is a `RunCompleted`.
fn camel_case(kind: &str) -> String {
    let words = kind.split('_');
    words
        .map(|word| {
            let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
            format!("{}{rest}", first.to_ascii_uppercase())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_a_channel_and_a_type_by_its_name() {
        assert_eq!(channel_of("run_completed"), "ossa.run.completed");
        assert_eq!(
            channel_of("step_retry_scheduled"),
            "ossa.step.retry_scheduled"
        );
        assert_eq!(channel_of("warned"), "ossa.run.warned");
        assert_eq!(camel_case("step_retry_scheduled"), "StepRetryScheduled");
    }
}
