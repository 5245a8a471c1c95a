//! What is known of a run from outside, and what must hold of it after every transition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::store::{ModelStore, StoreAccess};
use super::world::World;
use crate::plan::{Action, Plan};
use crate::port::{LogRow, RunId, RunStatus, StepRef, TimerRow, Timestamp, Version};
use crate::run::{
    DEADLINE_TIMER, Errand, Event, Phase, Place, RunState, Transition, WaitState, check_invariants,
};

/// A run as an observer sees it who misses nothing.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) run: RunId,
    pub(super) plan: Arc<Plan>,
    pub(super) input: Value,
    /// The fold of all that happened, apart from any process.
    pub(super) shadow: Option<RunState>,
    /// The latest version of which a client was told.
    pub(super) told: Version,
    /// The events of each version, with the true time.
    pub(super) history: Vec<(Timestamp, Vec<Event>)>,
    /// How often each step instance's handler did its work, whatever was recorded of it.
    pub(super) effects: BTreeMap<Place, u32>,
    /// Why the run was refused at its start.
    pub(super) refused: Option<String>,
    /// How often operators have intervened.
    pub(super) interventions: u32,
    /// Whether each row is read from its JSON again. That takes most of the time of a simulation, and one run of eight
    /// does it as well; all do when they recover, each row once.
    reads_back: bool,
    /// Up to this version its rows led to the right state when they were read back from their JSON.
    proven: Version,
    /// Another run started it.
    pub(super) is_child: bool,
}

/// A transition on its way to the observer.
struct Made<'a> {
    row: &'a LogRow,
    /// The true time.
    at: Timestamp,
    by_hand: bool,
}

impl Ledger {
    pub(super) const fn new(run: RunId, plan: Arc<Plan>, input: Value) -> Self {
        Self {
            run,
            plan,
            input,
            shadow: None,
            told: Version(0),
            history: Vec::new(),
            effects: BTreeMap::new(),
            refused: None,
            interventions: 0,
            proven: Version(0),
            reads_back: run.as_uuid().as_u64_pair().0.is_multiple_of(8),
            is_child: false,
        }
    }

    pub(super) fn of_child(run: RunId, plan: Arc<Plan>, input: Value) -> Self {
        Self {
            is_child: true,
            ..Self::new(run, plan, input)
        }
    }

    pub(super) fn status(&self) -> Option<RunStatus> {
        self.shadow.as_ref().map(RunState::status)
    }

    /// Takes in a transition that the store says it has; returns what is wrong with it.
    fn follow(
        &mut self,
        store: &ModelStore,
        transition: &mut Transition,
        made: &Made<'_>,
    ) -> Option<String> {
        let events = std::mem::take(&mut transition.events);
        let state = &transition.state;
        let version = state.version();
        match store.row(self.run, version) {
            Some(row) if row == made.row => {}
            Some(_) => return Some(format!("the store has another row of version {version}")),
            None => {
                return Some(format!(
                    "version {version} was committed, but the store does not have it"
                ));
            }
        }
        let was = self.status();
        let was_held = self.shadow.as_ref().is_some_and(RunState::is_held);
        let shadow = self.shadow.take();
        let folded = if self.reads_back {
            let row = std::slice::from_ref(made.row);
            RunState::replay(&self.plan, shadow, row).map_err(|error| error.to_string())
        } else {
            RunState::after(&self.plan, shadow, &events, version, made.row.at)
                .map_err(|error| error.to_string())
        };
        match folded {
            Ok(shadow) if shadow == *state => self.shadow = Some(shadow),
            Ok(_) => {
                return Some(format!(
                    "replaying the log up to version {version} gives another state"
                ));
            }
            Err(error) => return Some(format!("the log does not replay: {error}")),
        }
        let dispatches = was_held && state.is_held() && !made.by_hand && dispatches(&events);
        if dispatches {
            return Some("the run is held and dispatches a step".to_owned());
        }
        self.history.push((made.at, events));
        let was_terminal = was.filter(|status| status.is_terminal());
        if let Some(was) = was_terminal
            && was != state.status()
            && !made.by_hand
        {
            return Some(format!(
                "the run was {} and is {}",
                was.as_str(),
                state.status().as_str()
            ));
        }
        check_invariants(&self.plan, state)
            .into_iter()
            .next()
            .or_else(|| self.problem_of_tokens(store, state))
            .or_else(|| self.problem_of_timers(store, state))
    }

    /// The events of a version, unless they are to be read back from what the store has: `afresh`, from a row that nobody has
    /// read back before.
    pub(super) fn events_of(&self, version: Version, afresh: bool) -> Option<&[Event]> {
        let position = usize::try_from(version.0.checked_sub(1)?).ok()?;
        let (_, events) = self.history.get(position)?;
        let from_json = self.reads_back || (afresh && version > self.proven);
        (!from_json).then_some(events)
    }

    /// Each attempt in flight has exactly its item: pending, or leased to a worker.
    fn problem_of_tokens(&self, store: &ModelStore, state: &RunState) -> Option<String> {
        let runs_child = |place: Place| {
            let node = self.plan.node(place.node).map(|node| &node.action);
            matches!(node, Some(Action::Subflow(_)))
        };
        let in_flight = state
            .steps()
            .filter(|(place, step)| step.phase.is_in_flight() && !runs_child(*place));
        let attempts = in_flight.map(|(place, step)| place.attempt(self.run, step.attempt));
        if attempts.eq(store.items_of(self.run)) {
            return None;
        }
        let items: Vec<StepRef> = store.items_of(self.run).collect();
        Some(format!(
            "the steps in flight and the items in the queue differ; the queue has {items:?}"
        ))
    }

    /// Whoever waits until some time has a timer for it, and after the end nobody else has one: only async steps are left.
    fn problem_of_timers(&self, store: &ModelStore, state: &RunState) -> Option<String> {
        let ended = state.status().is_terminal();
        let waiting = state
            .steps()
            .filter(|(_, step)| step.phase == Phase::Waiting);
        let waits: Vec<&WaitState> = waiting
            .filter_map(|(_, step)| step.wait.as_deref())
            .collect();
        let has_timer = |due: &Timestamp| store.timers_of(self.run).any(|it| it.due == *due);
        if !waits
            .iter()
            .filter_map(|wait| wait.due.as_ref())
            .all(has_timer)
        {
            return Some("a step waits until a time for which there is no timer".to_owned());
        }
        let is_for = |due: Timestamp, wait: &&WaitState| {
            wait.due == Some(due) || wait.escalates == Some(due)
        };
        let errand = |timer: &TimerRow| Errand::of(self.run, &timer.key.name, timer.generation);
        let kept: BTreeSet<Errand> = store.timers_of(self.run).filter_map(errand).collect();
        let expected: BTreeSet<Errand> = state.errands(&self.plan).into_iter().collect();
        if kept != expected {
            return Some(format!(
                "there are timers for {kept:?}, and {expected:?} are to be done"
            ));
        }
        let mut timers = store.timers_of(self.run).filter(|timer| {
            let limits_child = timer.key.name.starts_with("limit/");
            let waits = || state.steps().any(|(_, step)| step.phase == Phase::Child);
            errand(timer).is_none() && !(limits_child && waits())
        });
        let left = timers.find(|timer| !waits.iter().any(|wait| is_for(timer.due, wait)));
        if let Some(timer) = left.filter(|_| ended) {
            return Some(format!(
                "the run has ended and has timer `{}`",
                timer.key.name
            ));
        }
        let deadline = state.deadline().filter(|_| !ended)?;
        let kept = store
            .timers_of(self.run)
            .any(|timer| timer.key.name == DEADLINE_TIMER && timer.due == deadline);
        (!kept).then(|| "the run has a deadline and no timer for it".to_owned())
    }

    /// Takes note of what a process that begins afresh reads; returns what is wrong with it.
    pub(super) fn recovered(&mut self, state: Option<RunState>) -> Option<String> {
        let version = state.as_ref().map_or(Version(0), RunState::version);
        if version < self.told {
            return Some(format!(
                "a client was told of version {}, and the store has version {version}",
                self.told
            ));
        }
        let known = usize::try_from(version.0).unwrap_or(usize::MAX);
        if known < self.history.len() {
            // A power cut took back what nobody had been told of.
            self.history.truncate(known);
            self.shadow = state;
        } else if self.shadow != state {
            return Some(format!("recovery of version {version} gives another state"));
        }
        self.proven = version;
        None
    }

    /// What is wrong with the history as a whole: each attempt has one result, made one after the other from 1.
    pub(super) fn problem_of_history(&self) -> Option<String> {
        let mut latest: BTreeMap<Place, u32> = BTreeMap::new();
        let mut decided: BTreeSet<(Place, u32)> = BTreeSet::new();
        for event in self.history.iter().flat_map(|(_, events)| events) {
            let Some(place) = event.place() else { continue };
            let problem = match event {
                Event::StepDispatched { attempt, .. }
                | Event::StepRetryScheduled { attempt, .. } => {
                    let before = latest.insert(place, *attempt).unwrap_or(0);
                    (*attempt != before.saturating_add(1)).then(|| format!("follows {before}"))
                }
                // Attempt 0 is none: a block, or a task that could not begin.
                Event::StepCompleted { attempt: 0, .. } => None,
                Event::StepCompleted {
                    attempt,
                    error: None,
                    ..
                }
                | Event::AttemptFailed { attempt, .. } => {
                    let first = decided.insert((place, *attempt));
                    (!first).then(|| format!("{attempt} has two results"))
                }
                _ => None,
            };
            if let Some(problem) = problem {
                return Some(format!("attempts of {place:?}: {problem}"));
            }
        }
        None
    }
}

/// The step that begins to wait, if that is what happened.
fn wait(event: &Event) -> Option<Place> {
    matches!(event, Event::StepWaiting { .. }).then(|| event.place())?
}

fn dispatches(events: &[Event]) -> bool {
    let mut events = events.iter();
    events.any(|event| matches!(event, Event::StepDispatched { .. }))
}

impl<A: StoreAccess> World<'_, A> {
    /// Checks a transition that was just committed, and keeps its events.
    pub(super) fn committed(
        &mut self,
        run: RunId,
        transition: &mut Transition,
        row: &LogRow,
        by_hand: bool,
    ) {
        self.note(format_args!("version {}: {}", row.version, row.events));
        let Some(ledger) = self.ledgers.get_mut(&run) else {
            return;
        };
        let was = ledger.status();
        let at = self.now;
        let made = Made { row, at, by_hand };
        if let Some(problem) = ledger.follow(&self.store, transition, &made) {
            self.broken(problem);
            return;
        }
        let events = ledger.history.last().map(|(_, events)| events.as_slice());
        let waits: Vec<Place> = events.unwrap_or_default().iter().filter_map(wait).collect();
        for place in waits {
            self.plan_response(run, place);
        }
        let status = transition.state.status();
        if was != Some(status) && status == RunStatus::Failed {
            self.run_failed(run);
        }
    }

    /// Notes that a client was told how far the run is.
    pub(super) fn acknowledge(&mut self, run: RunId) {
        if self.doomed {
            return;
        }
        let version = self.store.version(run);
        let ledger = self.ledgers.get_mut(&run);
        if let (Some(ledger), Some(version)) = (ledger, version) {
            ledger.told = ledger.told.max(version);
        }
    }
}
