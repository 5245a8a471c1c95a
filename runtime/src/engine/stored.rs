//! Runs as the store keeps them: from snapshot and log rows to a state, and from a transition to a commit.

use std::sync::Arc;

use super::core::Core;
use crate::error::{Category, Error, code};
use crate::plan::Plan;
use crate::port::{
    Commit, LogRow, NewMessage, RunHead, RunId, StepItem, StoredRun, TimerKey, TimerRow, Timestamp,
    Version,
};
use crate::run::{
    self, Answer, Dispatch, Effect, Event, Input, Rejection, RowValues, RunState, Transition,
};

/// A snapshot is taken every so many versions, which bounds what recovery reads.
const SNAPSHOT_EVERY: u64 = 16;
/// A run that comes to rest gets a snapshot only when there is something to save: reading a few rows is as cheap.
const WORTH_A_SNAPSHOT: u64 = 4;
/// A row of so many bytes is a large one.
const LARGE_ROW: usize = 64 * 1024;
/// The largest transition kept, in bytes of its events' JSON.
pub(super) const LARGEST_TRANSITION: usize = 16 * 1024 * 1024;

/// A run's state at a version, with all that the next transition needs.
#[derive(Debug, Clone)]
pub(super) struct Hot {
    pub(super) head: RunHead,
    pub(super) plan: Arc<Plan>,
    pub(super) state: RunState,
    /// The latest snapshot.
    snapshot: Shown,
    /// About how much memory the state takes: the JSON it was read from or grew by.
    pub(super) bytes: usize,
}

/// A snapshot, as far as the next one depends on it.
#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    /// The version it shows; 0 = there is none yet.
    version: Version,
    /// How many log rows it refers to.
    rows: u64,
}

/// A transition ready to be committed, and the state it leads to.
pub(super) struct Prepared {
    pub(super) commit: Commit,
    pub(super) hot: Hot,
}

/// What an input means for a run.
pub(super) enum Decision {
    /// Nothing changed; the state that said so.
    Nothing { answer: Answer, hot: Arc<Hot> },
    /// A transition, and what to commit for it.
    Change {
        answer: Answer,
        prepared: Result<Box<Prepared>, Error>,
    },
}

/// What the commit of a transition builds on; nothing, for the first one of a run.
#[derive(Default)]
pub(super) struct Before {
    version: Option<Version>,
    snapshot: Shown,
    bytes: usize,
}

impl Before {
    pub(super) const fn of(hot: &Hot) -> Self {
        Self {
            version: Some(hot.head.version),
            snapshot: hot.snapshot,
            bytes: hot.bytes,
        }
    }
}

impl Core {
    /// The state of a run as the store has it now.
    pub(super) fn load(&self, run: RunId) -> Result<Arc<Hot>, Error> {
        let stored = self.backend()?.load(&[run])?.pop().flatten();
        let stored = stored.ok_or_else(|| not_found(run))?;
        let hot = Arc::new(self.revive(&stored)?);
        self.remember(Arc::clone(&hot));
        Ok(hot)
    }

    /// The state of a run, certainly the latest: from memory if that has the store's version.
    pub(super) fn current(&self, run: RunId) -> Result<Arc<Hot>, Error> {
        if let Some(hot) = self.states.get(&run) {
            let head = self.backend()?.heads(&[run])?.pop().flatten();
            if head.is_some_and(|head| head.version == hot.head.version) {
                return Ok(hot);
            }
        }
        self.load(run)
    }

    pub(super) fn revive(&self, stored: &StoredRun) -> Result<Hot, Error> {
        let run = stored.head.run;
        let backend = self.backend()?;
        let plan = self.plans.of_hash(&stored.head.plan, &*backend)?;
        let (mut rows, mut large, mut failed) = (0, 0, None);
        let state = RunState::restore(&plan, stored, |version| {
            rows += 1;
            let values = self.rows.of(run, version, &*backend);
            let values = values.unwrap_or_else(|error| {
                failed = Some(error);
                None
            });
            large += values.as_ref().map_or(0, RowValues::bytes);
            values
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        let state = state.map_err(|error| {
            let message = format!("run {run} cannot be read: {error}");
            Error::new(Category::Store, error.code(), message).of_run(run)
        })?;
        let snapshot = stored.snapshot.as_ref();
        let tail: usize = stored.tail.iter().map(|row| row.events.len()).sum();
        Ok(Hot {
            head: stored.head.clone(),
            plan,
            state,
            snapshot: Shown {
                version: snapshot.map_or(Version(0), |snapshot| snapshot.version),
                rows,
            },
            bytes: tail + large + snapshot.map_or(0, |snapshot| snapshot.state.len()),
        })
    }
}

/// Decides on a run. The state is changed in place, and copied only when someone else looks at it, too: what a step costs
/// does not grow with the steps and variables of its run.
pub(super) fn decide(hot: Arc<Hot>, input: Input, now: Timestamp) -> Result<Decision, Rejection> {
    let Hot {
        head,
        plan,
        state,
        snapshot,
        bytes,
    } = Arc::unwrap_or_clone(hot);
    let transition = run::apply(&plan, Some(state), input, now)?;
    let answer = transition.answer;
    if transition.events.is_empty() {
        let hot = Arc::new(Hot {
            head,
            plan,
            state: transition.state,
            snapshot,
            bytes,
        });
        return Ok(Decision::Nothing { answer, hot });
    }
    let before = Before {
        version: Some(head.version),
        snapshot,
        bytes,
    };
    let prepared = prepare(&before, plan, transition, now).map(Box::new);
    Ok(Decision::Change { answer, prepared })
}

/// What to commit for a transition.
pub(super) fn prepare(
    before: &Before,
    plan: Arc<Plan>,
    transition: Transition,
    now: Timestamp,
) -> Result<Prepared, Error> {
    let Transition {
        state,
        events,
        effects,
        ..
    } = transition;
    let head = state.head(&plan);
    let run = head.run;
    let log = LogRow {
        version: head.version,
        at: now,
        events: serde_json::to_string(&events).map_err(|error| unwritable(run, &error))?,
    };
    if log.events.len() > LARGEST_TRANSITION {
        return Err(too_large(run, log.events.len()));
    }
    // Rows before a migration are about another plan: recovery must not need them.
    let migrated = events
        .iter()
        .any(|event| matches!(event, Event::RunMigrated { .. }));
    let due = migrated || snapshot_is_due(&state, before, log.events.len());
    let taken = due.then(|| state.take_snapshot());
    let hot = Hot {
        head: head.clone(),
        plan,
        snapshot: taken.as_ref().map_or(before.snapshot, |taken| Shown {
            version: taken.snapshot.version,
            rows: taken.rows,
        }),
        bytes: match &taken {
            Some(taken) => taken.bytes,
            None => before.bytes + log.events.len(),
        },
        state,
    };
    let mut commit = Commit {
        expected: before.version,
        head,
        log,
        snapshot: taken.map(|taken| taken.snapshot),
        enqueue: Vec::new(),
        settle: Vec::new(),
        reschedule: Vec::new(),
        set_timers: Vec::new(),
        clear_timers: Vec::new(),
        publish: Vec::new(),
    };
    for effect in effects {
        order(&mut commit, run, effect)?;
    }
    Ok(Prepared { commit, hot })
}

/// Recovery reads the snapshot, the rows that it refers to, and those that follow it. After a row that is larger than all
/// before it a snapshot costs little, and saves reading that row as events.
fn snapshot_is_due(state: &RunState, before: &Before, row: usize) -> bool {
    let since = state.version().0.saturating_sub(before.snapshot.version.0);
    let at_rest = state.is_parked() && !state.status().is_terminal();
    since + before.snapshot.rows >= SNAPSHOT_EVERY
        || (at_rest && since >= WORTH_A_SNAPSHOT)
        || (row >= LARGE_ROW && row >= before.bytes)
}

/// Adds what an effect asks for to the commit.
fn order(commit: &mut Commit, run: RunId, effect: Effect) -> Result<(), Error> {
    match effect {
        Effect::Dispatch(dispatch) => commit.enqueue.push(item(*dispatch)?),
        Effect::Settle(step) => {
            // Settled in the transition that dispatched it: the store settles first, and would keep the item.
            commit
                .enqueue
                .retain(|item| item.step.is_none_or(|item| item.step != step));
            commit.settle.push(step);
        }
        Effect::Reschedule { step, at } => commit.reschedule.push((step, at)),
        Effect::SetTimer {
            name,
            generation,
            due,
        } => commit.set_timers.push(TimerRow {
            key: TimerKey { run, name },
            generation,
            due,
        }),
        Effect::ClearTimer { name } => {
            let key = TimerKey { run, name };
            commit.set_timers.retain(|timer| timer.key != key);
            commit.clear_timers.push(key);
        }
    }
    Ok(())
}

fn item(dispatch: Dispatch) -> Result<NewMessage, Error> {
    let step = dispatch.step;
    let body = serde_json::to_vec(&dispatch.job).map_err(|error| unwritable(step.run, &error))?;
    Ok(NewMessage {
        queue: dispatch.queue,
        priority: dispatch.priority,
        available_at: dispatch.not_before,
        body,
        headers: Vec::new(),
        step: Some(StepItem {
            step,
            timeout: dispatch.timeout,
        }),
    })
}

pub(super) fn not_found(run: RunId) -> Error {
    let message = format!("there is no run {run}");
    Error::new(Category::Engine, code::RUN_NOT_FOUND, message)
        .with_help("it may belong to another store, or have been pruned")
        .of_run(run)
}

fn unwritable(run: RunId, error: &serde_json::Error) -> Error {
    let message = format!("the transition of run {run} cannot be written as JSON: {error}");
    Error::new(Category::Engine, code::RUN_UNREADABLE, message).of_run(run)
}

fn too_large(run: RunId, bytes: usize) -> Error {
    let message =
        format!("the transition takes {bytes} bytes of JSON, {LARGEST_TRANSITION} are allowed");
    Error::new(Category::Engine, code::TOO_LARGE, message)
        .with_help("keep large data in a file or table and hand a reference through the workflow")
        .of_run(run)
}
