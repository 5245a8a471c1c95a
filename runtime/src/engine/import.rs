//! An exported run in another store: all of it or nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::Engine;
use super::core::Core;
use super::errand::Errands;
use super::export::{Exported, FORMAT, File, Item};
use super::stored::Hot;
use crate::error::{Category, Error, code};
use crate::plan::{Action, Plan, PlanLoadError};
use crate::port::{
    Commit, CommitOutcome, LogRow, NewMessage, RunId, Snapshot, StepItem, StepRef, StoredRun,
    TimerKey, TimerRow, Version,
};
use crate::run::{Place, RowValues, RunState};

/// A run that was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedRun {
    /// The run, under the id it had.
    pub run: RunId,
    /// `false` when the store had it already, with the same history.
    pub is_new: bool,
    /// The child runs that it waits for and this store does not have.
    pub missing: Vec<MissingRun>,
}

/// A child run that is not in the store of the run that waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingRun {
    /// The step that waits for it.
    pub step: String,
    /// The child run.
    pub run: RunId,
    /// Its workflow.
    pub workflow: String,
}

impl fmt::Display for MissingRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            step,
            run,
            workflow,
        } = self;
        write!(
            f,
            "`{step}` waits for the end of run {run} (`{workflow}`), which this store does not have: import it, or retry `{step}` to \
             start it anew"
        )
    }
}

impl Engine {
    /// Brings an exported run into this store under the id it has. Its attempts in flight are in the queue again; tokens
    /// of the store it comes from are worth nothing here. What it waits to hear of child runs that have ended here, and what
    /// its own parent waits to hear of it, is told.
    ///
    /// # Errors
    /// `OSSA-N019` when the text is damaged, `OSSA-N020` when a newer version wrote it, `OSSA-N021` when the store has the
    /// run with another history, or another run with its idempotency key; what the store fails with. Nothing was imported
    /// then.
    pub fn import(&self, text: &str) -> Result<ImportedRun, Error> {
        let exported = read(text)?;
        let (core, run) = (self.core(), exported.exported.head.run);
        let is_new = core.import(exported)?;
        let mut more = Errands::new();
        core.reunite(run, &mut more)?;
        core.carry_out(more);
        let missing = core.missing_children(&*core.current(run)?)?;
        Ok(ImportedRun {
            run,
            is_new,
            missing,
        })
    }
}

/// The run of a text, checked from end to end.
fn read(text: &str) -> Result<Checked, Error> {
    let value: Value = serde_json::from_str(text).map_err(|error| damaged(&error.to_string()))?;
    match value.get("format").and_then(Value::as_u64) {
        Some(format) if format > u64::from(FORMAT) => {
            return Err(too_new(&format!(
                "it has format {format}, this build knows up to {FORMAT}"
            )));
        }
        Some(_) => {}
        None => return Err(damaged("it says no format")),
    }
    let file: File = serde_json::from_value(value).map_err(|error| damaged(&error.to_string()))?;
    if file.run.checksum()? != file.checksum {
        return Err(damaged("its checksum is another one"));
    }
    let plan = Plan::from_json(&file.run.plan).map_err(|error| match error {
        PlanLoadError::Format { .. } => too_new(&error.to_string()),
        _ => damaged(&error.to_string()),
    })?;
    file.run.check(plan)
}

/// An exported run whose parts fit together.
struct Checked {
    exported: Exported,
    plan: Arc<Plan>,
}

impl Exported {
    fn check(self, plan: Plan) -> Result<Checked, Error> {
        let head = &self.head;
        let follow = self
            .log
            .iter()
            .zip(1..)
            .all(|(row, version)| row.version == Version(version));
        let last = self.log.last().map(|row| row.version);
        if !follow || last != Some(head.version) {
            return Err(damaged("log rows are missing"));
        }
        let stored = self.stored();
        let state = RunState::restore(&plan, &stored, |version| {
            let row = self.rows().find(|row| row.version == version)?;
            RowValues::read(&row).ok()
        });
        let state = state.map_err(|error| damaged(&error.to_string()))?;
        let mut expected = state.head(&plan);
        // Of a run that the engine set aside, only the head says why.
        expected.error.clone_from(&head.error);
        if expected != *head {
            return Err(damaged("its head is not that of its log"));
        }
        let in_flight = state.steps().filter(|(place, step)| {
            // A child run stands for itself.
            let node = plan.node(place.node).map(|node| &node.action);
            step.phase.is_in_flight() && !matches!(node, Some(Action::Subflow(_)))
        });
        let in_flight: BTreeSet<StepRef> = in_flight
            .map(|(place, step)| place.attempt(head.run, step.attempt))
            .collect();
        let items: BTreeSet<StepRef> = self.items.iter().map(|item| item.step(head.run)).collect();
        if in_flight != items {
            return Err(damaged("its step items are not its attempts in flight"));
        }
        Ok(Checked {
            plan: Arc::new(plan),
            exported: self,
        })
    }

    fn stored(&self) -> StoredRun {
        let snapshot = self.snapshot.as_ref().map(|snapshot| Snapshot {
            version: snapshot.version,
            state: snapshot.state.clone(),
        });
        let after = snapshot
            .as_ref()
            .map_or(Version(0), |snapshot| snapshot.version);
        StoredRun {
            head: self.head.clone(),
            snapshot,
            tail: self.rows().filter(|row| row.version > after).collect(),
        }
    }

    fn rows(&self) -> impl Iterator<Item = LogRow> + '_ {
        self.log.iter().map(|row| LogRow {
            version: row.version,
            at: row.at,
            events: row.events.clone(),
        })
    }

    /// The run's transitions as if they were made now, one after the other.
    fn commits(&self) -> Vec<Commit> {
        let run = self.head.run;
        let mut commits: Vec<Commit> = self
            .rows()
            .map(|log| {
                let mut head = self.head.clone();
                head.version = log.version;
                let snapshot = self.snapshot.as_ref();
                let snapshot = snapshot.filter(|snapshot| snapshot.version == log.version);
                Commit {
                    expected: log
                        .version
                        .0
                        .checked_sub(1)
                        .filter(|it| *it > 0)
                        .map(Version),
                    head,
                    snapshot: snapshot.map(|snapshot| Snapshot {
                        version: snapshot.version,
                        state: snapshot.state.clone(),
                    }),
                    log,
                    enqueue: Vec::new(),
                    settle: Vec::new(),
                    reschedule: Vec::new(),
                    set_timers: Vec::new(),
                    clear_timers: Vec::new(),
                    publish: Vec::new(),
                }
            })
            .collect();
        if let Some(last) = commits.last_mut() {
            last.enqueue = self.items.iter().map(|item| item.message(run)).collect();
            let timers = self.timers.iter().map(|timer| TimerRow {
                key: TimerKey {
                    run,
                    name: timer.name.clone(),
                },
                generation: timer.generation,
                due: timer.due,
            });
            last.set_timers = timers.collect();
        }
        commits
    }
}

impl Item {
    const fn step(&self, run: RunId) -> StepRef {
        StepRef {
            run,
            scope: self.scope,
            node: self.node,
            attempt: self.attempt,
        }
    }

    fn message(&self, run: RunId) -> NewMessage {
        NewMessage {
            queue: self.queue.clone(),
            priority: self.priority,
            available_at: self.available_at,
            body: self.job.clone().into_bytes(),
            headers: Vec::new(),
            step: Some(StepItem {
                step: self.step(run),
                timeout: Duration::from_millis(self.timeout_ms),
            }),
        }
    }
}

impl Core {
    /// `false` when the store had the run already, with the same history.
    fn import(&self, checked: Checked) -> Result<bool, Error> {
        let Checked { exported, plan } = checked;
        let run = exported.head.run;
        let backend = self.backend()?;
        if backend.heads(&[run])?.pop().flatten().is_some() {
            let there = backend.history(&run, Version(0), usize::MAX)?;
            if there.into_iter().eq(exported.rows()) {
                return Ok(false);
            }
            let message = format!("the store has run {run} with another history");
            return Err(exists(run, message));
        }
        self.plans.keep(&plan, &*backend)?;
        let outcomes = backend.commit(&exported.commits())?;
        match outcomes.first() {
            Some(CommitOutcome::Committed) => Ok(true),
            Some(CommitOutcome::Duplicate { existing }) => {
                let message =
                    format!("the store has run {existing} with the idempotency key of run {run}");
                Err(exists(run, message))
            }
            Some(CommitOutcome::Conflict { .. }) | None => Err(exists(
                run,
                format!("run {run} was imported by someone else at the same time"),
            )),
        }
    }
}

impl Core {
    /// Tells a parent of its children, and a run's parent of it, what was told in another store before.
    fn reunite(&self, run: RunId, more: &mut Errands) -> Result<(), Error> {
        let hot = self.current(run)?;
        let awaited: Vec<RunId> = hot.state.awaited_children().map(|(_, it)| it).collect();
        for child in self.backend()?.heads(&awaited)?.into_iter().flatten() {
            if let Some(ended) = self.result_of_child(child.run)? {
                self.answer(run, ended, more)?;
            }
        }
        let Some(parent) = hot.state.parent().map(|parent| parent.run) else {
            return Ok(());
        };
        let is_there = self.backend()?.heads(&[parent])?.pop().flatten().is_some();
        match self.result_of_child(run)?.filter(|_| is_there) {
            Some(ended) => self.answer(parent, ended, more),
            None => Ok(()),
        }
    }

    /// The child runs that a run waits for and the store does not have.
    pub(super) fn missing_children(&self, hot: &Hot) -> Result<Vec<MissingRun>, Error> {
        let awaited: Vec<(Place, RunId)> = hot.state.awaited_children().collect();
        if awaited.is_empty() {
            return Ok(Vec::new());
        }
        let runs: Vec<RunId> = awaited.iter().map(|(_, run)| *run).collect();
        let heads = self.backend()?.heads(&runs)?;
        let missing = awaited
            .into_iter()
            .zip(heads)
            .filter(|(_, head)| head.is_none());
        let named = missing.filter_map(|((place, run), _)| {
            let node = hot.plan.node(place.node)?;
            Some(MissingRun {
                step: node.id.clone(),
                run,
                workflow: node.task()?.name.clone().unwrap_or_default(),
            })
        });
        Ok(named.collect())
    }
}

fn damaged(reason: &str) -> Error {
    let message = format!("the file is no run as it was exported: {reason}");
    Error::new(Category::Engine, code::EXPORT_DAMAGED, message)
        .with_help("export the run again, and bring the file over unchanged")
}

fn too_new(reason: &str) -> Error {
    let message = format!("the run was exported by a newer version: {reason}");
    Error::new(Category::Engine, code::EXPORT_TOO_NEW, message)
        .with_help("upgrade before importing it")
}

fn exists(run: RunId, message: String) -> Error {
    Error::new(Category::Engine, code::RUN_EXISTS, message)
        .with_help("a run is imported into a store that does not have it")
        .of_run(run)
}
