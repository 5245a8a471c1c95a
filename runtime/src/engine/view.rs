//! Looking at runs: lists, one run with its steps, and its events as they were written.

use std::sync::Arc;

use serde::Serialize;

use super::Engine;
use super::core::Core;
use crate::error::{Category, Error, code};
use crate::plan::{NodeId, Plan};
use crate::port::{LogRow, Page, RunFilter, RunId, RunPage, RunStatus, Timestamp, Version};
use crate::run::{Event, Phase, Place, RunView, ScopeId};

/// Log rows read at once.
const ROWS: usize = 256;

/// A run with its steps and events, as of one version.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunDetails {
    /// The run and its steps.
    #[serde(flatten)]
    pub run: RunView,
    /// Every event, in order.
    pub events: Vec<EventView>,
}

/// An event of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventView {
    /// The transition it belongs to.
    pub version: Version,
    /// When that was made.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What a token names, and where that attempt stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptView {
    /// The run.
    pub run: RunId,
    /// Name of the workflow or task.
    pub workflow: String,
    /// The step's id.
    pub step: String,
    /// The attempt.
    pub attempt: u32,
    /// Where the step stands.
    pub step_status: &'static str,
    /// When the next attempt is due, where the step waits for one.
    pub retry_due: Option<Timestamp>,
    /// Where the run stands.
    pub run_status: RunStatus,
}

impl Engine {
    /// A run with its steps and events; `None` when there is no such run.
    ///
    /// # Errors
    /// What the store fails with; `OSSA-N007` when the run cannot be read.
    pub fn run(&self, run: RunId) -> Result<Option<RunDetails>, Error> {
        let core = self.core();
        let hot = match core.current(run) {
            Ok(hot) => hot,
            Err(error) if error.code() == code::RUN_NOT_FOUND => return Ok(None),
            Err(error) => return Err(error),
        };
        let events = core.events_up_to(run, hot.head.version)?;
        Ok(Some(RunDetails {
            run: hot.state.view(&hot.plan),
            events,
        }))
    }

    /// The plan a run is pinned to; `None` when there is no such run.
    ///
    /// # Errors
    /// What the store fails with; `OSSA-N006` and `OSSA-N007` when plan or run cannot be read.
    pub fn plan_of(&self, run: RunId) -> Result<Option<Arc<Plan>>, Error> {
        match self.core().current(run) {
            Ok(hot) => Ok(Some(Arc::clone(&hot.plan))),
            Err(error) if error.code() == code::RUN_NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Runs that match, newest first.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn runs(&self, filter: &RunFilter, page: &Page) -> Result<RunPage, Error> {
        Ok(self.core().backend()?.list_runs(filter, page)?)
    }

    /// Events of a run after a version, at most those of `limit` transitions.
    ///
    /// # Errors
    /// What the store fails with; `OSSA-N007` when a row cannot be read.
    pub fn events(
        &self,
        run: RunId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<EventView>, Error> {
        self.core().events(run, after, limit)
    }

    /// What a token names, and where that attempt stands, without claiming it.
    ///
    /// # Errors
    /// Category token; `OSSA-N001` when the store has no such run.
    pub fn describe(&self, token: &str) -> Result<AttemptView, Error> {
        let core = self.core();
        let named = core.read_token(token)?;
        let hot = core.current(named.run)?;
        let node = hot.plan.node(NodeId(named.node));
        let step = hot.state.step(Place {
            scope: ScopeId(named.scope),
            node: NodeId(named.node),
        });
        let (Some(node), Some(step)) = (node, step) else {
            return Err(Error::new(
                Category::Engine,
                code::STEP_NOT_FOUND,
                format!("run {} has no step at node {}", named.run, named.node),
            )
            .of_run(named.run));
        };
        Ok(AttemptView {
            run: named.run,
            workflow: hot.head.workflow.clone(),
            step: node.id.clone(),
            attempt: named.attempt,
            step_status: step.phase.as_str(),
            retry_due: match step.phase {
                Phase::Retrying { due } => Some(due),
                _ => None,
            },
            run_status: hot.head.status,
        })
    }
}

impl Core {
    pub(super) fn events(
        &self,
        run: RunId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<EventView>, Error> {
        decode(run, self.backend()?.history(&run, after, limit)?)
    }

    fn events_up_to(&self, run: RunId, version: Version) -> Result<Vec<EventView>, Error> {
        let backend = self.backend()?;
        let mut events = Vec::new();
        let mut after = Version(0);
        while after < version {
            let rows = backend.history(&run, after, ROWS)?;
            let Some(last) = rows.last() else { break };
            after = last.version;
            events.extend(decode(run, rows)?);
        }
        events.retain(|event| event.version <= version);
        Ok(events)
    }
}

fn decode(run: RunId, rows: Vec<LogRow>) -> Result<Vec<EventView>, Error> {
    let mut views = Vec::new();
    for LogRow {
        version,
        at,
        events,
    } in rows
    {
        let events: Vec<Event> = serde_json::from_str(&events).map_err(|error| {
            let message = format!("log row {version} of run {run} cannot be read: {error}");
            Error::new(Category::Store, code::RUN_UNREADABLE, message).of_run(run)
        })?;
        views.extend(
            events
                .into_iter()
                .map(|event| EventView { version, at, event }),
        );
    }
    Ok(views)
}
