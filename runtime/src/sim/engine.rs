//! The processes that drive the machine: load, decide, commit; on a conflict, once more on the new state.

use std::sync::Arc;

use super::chance::Chance;
use super::fault::{Fault, FaultKind, Faults};
use super::store::{Commit, Committed, NewItem, StoreAccess};
use super::world::{Happening, World};
use crate::plan::Plan;
use crate::port::{LogRow, RunId, TimerKey, TimerRow, Timestamp, Version};
use crate::run::{
    Answer, Effect, Input, Rejection, ReplayError, RowValues, RunState, Transition, apply,
};

/// A snapshot is taken every so many versions.
const SNAPSHOT_EVERY: u64 = 16;
/// A run that comes to rest gets one only after so many.
const WORTH_A_SNAPSHOT: u64 = 4;
/// A run that changed under so many tries is given up.
const TRIES: u32 = 40;

/// One of the processes that have an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// The one that usually serves the run.
    Home,
    /// The one that sometimes does, and may remember an older state of it.
    Other,
}

/// What a process remembers, and its clock.
#[derive(Debug, Default)]
pub(super) struct ProcessState {
    /// A few runs: a state is taken out and put back with every transition.
    states: Vec<(RunId, Remembered)>,
    /// Milliseconds by which its clock is ahead of the true time.
    pub(super) skew: i64,
}

#[derive(Debug)]
struct Remembered {
    state: RunState,
    /// Version of the latest snapshot; 0 = none yet.
    snapshot: Version,
}

#[derive(Debug, Default)]
pub(super) struct Processes {
    home: ProcessState,
    other: ProcessState,
}

impl ProcessState {
    fn known(&self, run: RunId) -> Option<&Remembered> {
        let known = self.states.iter().find(|(known, _)| *known == run);
        known.map(|(_, remembered)| remembered)
    }

    fn take(&mut self, run: RunId) -> Option<Remembered> {
        let at = self.states.iter().position(|(known, _)| *known == run)?;
        Some(self.states.swap_remove(at).1)
    }

    fn remember(&mut self, run: RunId, remembered: Remembered) {
        match self.states.iter_mut().find(|(known, _)| *known == run) {
            Some((_, known)) => *known = remembered,
            None => self.states.push((run, remembered)),
        }
    }
}

impl Processes {
    pub(super) const fn of(&mut self, process: Process) -> &mut ProcessState {
        match process {
            Process::Home => &mut self.home,
            Process::Other => &mut self.other,
        }
    }

    pub(super) const fn skew(&self, process: Process) -> i64 {
        match process {
            Process::Home => self.home.skew,
            Process::Other => self.other.skew,
        }
    }

    pub(super) fn forget_all(&mut self) {
        self.home.states.clear();
        self.other.states.clear();
    }

    pub(super) fn any(&self, chance: &mut Chance) -> Process {
        if chance.one_in(0.5) {
            Process::Home
        } else {
            Process::Other
        }
    }

    pub(super) fn usually_home(&self, chance: &mut Chance, faults: Faults) -> Process {
        if chance.one_in(faults.chance(FaultKind::Race)) {
            Process::Other
        } else {
            Process::Home
        }
    }
}

/// What the one who gave an input sees of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was carried out, or there was nothing to do.
    Answered(Answer),
    /// The machine does not apply it.
    Refused(Rejection),
    /// The process died; it may or may not have been carried out.
    Unanswered,
}

impl<A: StoreAccess> World<'_, A> {
    /// The process that serves the next input of a run.
    pub(super) fn process_for(&mut self, run: RunId) -> Process {
        let process = self
            .processes
            .usually_home(&mut self.chance, self.scenario.faults);
        let known = self.processes.of(process).known(run);
        if known.is_some_and(|it| Some(it.state.version()) != self.store.version(run)) {
            self.chance.note(Fault::StaleState);
            self.note(format_args!("{}", Fault::StaleState.as_str()));
        }
        process
    }

    /// Carries out an input as an engine does.
    pub(super) fn change(&mut self, process: Process, run: RunId, input: Input) -> Outcome {
        let Some(ledger) = self.ledgers.get(&run) else {
            self.broken(format!("an input for run {run}, which nobody started"));
            return Outcome::Unanswered;
        };
        let plan = Arc::clone(&ledger.plan);
        let by_hand = matches!(input, Input::Steer(_));
        let now = self.clock(process);
        // Memory may be old. Only a commit proves it right, so whatever is not committed is said on the store's word.
        let mut known = self.processes.of(process).take(run);
        let mut certain = false;
        for _ in 0..TRIES {
            let remembered = match known.take() {
                Some(remembered) => Some(remembered),
                None => match self.load(run, &plan, false) {
                    Ok(loaded) => {
                        certain = true;
                        loaded
                    }
                    Err(problem) => {
                        self.broken(problem);
                        return Outcome::Unanswered;
                    }
                },
            };
            let snapshot = remembered.as_ref().map_or(Version(0), |it| it.snapshot);
            let state = remembered.map(|it| it.state);
            let expected = state.as_ref().map(RunState::version);
            match apply(&plan, state, input.clone(), now) {
                Ok(transition) if transition.events.is_empty() => {
                    if certain {
                        let state = transition.state;
                        self.remember(process, run, Remembered { state, snapshot });
                        return Outcome::Answered(transition.answer);
                    }
                }
                Ok(mut transition) => {
                    if self.chance.strikes(Fault::CrashBeforeCommit) {
                        return self.crash(process, run, Fault::CrashBeforeCommit);
                    }
                    let commit = match commit(run, expected, snapshot, &transition, now) {
                        Ok(commit) => commit,
                        Err(problem) => {
                            self.broken(problem);
                            return Outcome::Unanswered;
                        }
                    };
                    let snapshot = commit.snapshot.as_ref().map_or(snapshot, |it| it.version);
                    let row = commit.row.clone();
                    if self.access.commit(&mut self.store, commit) == Committed::Written {
                        self.committed(run, &mut transition, &row, by_hand);
                        return self.answer(process, run, transition, snapshot);
                    }
                }
                Err(rejection) if certain => return Outcome::Refused(rejection),
                Err(_) => {}
            }
        }
        self.broken(format!("run {run} changed under every try to change it"));
        Outcome::Unanswered
    }

    /// What follows a commit, if nothing happens before it does.
    fn answer(
        &mut self,
        process: Process,
        run: RunId,
        transition: Transition,
        snapshot: Version,
    ) -> Outcome {
        self.transitions += 1;
        if self.doomed || self.chance.strikes(Fault::PowerCut) {
            if !self.doomed {
                self.doomed = true;
                let after = self.chance.millis(0, 20);
                self.plan(after, Happening::PowerCut);
            }
            let state = transition.state;
            self.remember(process, run, Remembered { state, snapshot });
            return Outcome::Unanswered;
        }
        self.store.sync();
        if self.chance.strikes(Fault::CrashAfterCommit) {
            return self.crash(process, run, Fault::CrashAfterCommit);
        }
        let state = transition.state;
        self.remember(process, run, Remembered { state, snapshot });
        Outcome::Answered(transition.answer)
    }

    fn crash(&mut self, process: Process, run: RunId, fault: Fault) -> Outcome {
        self.note(format_args!("{}", fault.as_str()));
        self.processes.of(process).states.clear();
        self.recover(run);
        Outcome::Unanswered
    }

    fn remember(&mut self, process: Process, run: RunId, remembered: Remembered) {
        self.processes.of(process).remember(run, remembered);
    }

    /// The state of a run as the store has it.
    pub(super) fn state(&mut self, run: RunId, plan: &Plan) -> Result<RunState, String> {
        let loaded = self.load(run, plan, false)?;
        let state = loaded.map(|it| it.state);
        state.ok_or_else(|| format!("run {run} has a timer, and is not there"))
    }

    /// A run as the store has it; `afresh`, as who knows nothing of it reads it.
    fn load(
        &mut self,
        run: RunId,
        plan: &Plan,
        afresh: bool,
    ) -> Result<Option<Remembered>, String> {
        let Some(stored) = self.access.load(&self.store, run) else {
            return Ok(None);
        };
        let unreadable = |error| format!("run {run} cannot be read back: {error}");
        let snapshot = stored.snapshot.as_ref();
        let state = snapshot
            .map(|snapshot| {
                RunState::from_snapshot(plan, snapshot, |version| {
                    RowValues::read(self.store.row(run, version)?).ok()
                })
            })
            .transpose()
            .map_err(unreadable)?;
        let mut state = state;
        for row in &stored.tail {
            // A row that is there as it was written need not be read from its JSON each time.
            let written = self.store.row(run, row.version) == Some(row);
            let ledger = self.ledgers.get(&run).filter(|_| written);
            let events = ledger.and_then(|it| it.events_of(row.version, afresh));
            let after = match events {
                Some(events) => RunState::after_row(plan, state, row, events),
                None => RunState::replay(plan, state, std::slice::from_ref(row)),
            };
            state = Some(after.map_err(unreadable)?);
        }
        let state = state.ok_or_else(|| unreadable(ReplayError::Empty))?;
        if state.version() != stored.version {
            return Err(format!(
                "run {run} reads back as version {}, the store has {}",
                state.version(),
                stored.version
            ));
        }
        let snapshot = snapshot.map_or(Version(0), |snapshot| snapshot.version);
        Ok(Some(Remembered { state, snapshot }))
    }

    /// Holds what a process that begins afresh would read against what is known of the run.
    pub(super) fn recover(&mut self, run: RunId) {
        let Some(plan) = self
            .ledgers
            .get(&run)
            .map(|ledger| Arc::clone(&ledger.plan))
        else {
            return;
        };
        let problem = match self.load(run, &plan, true) {
            Ok(loaded) => {
                let state = loaded.map(|it| it.state);
                let ledger = self.ledgers.get_mut(&run);
                ledger.and_then(|ledger| ledger.recovered(state))
            }
            Err(problem) => Some(problem),
        };
        if let Some(problem) = problem {
            self.broken(problem);
        }
    }
}

/// What to commit for a transition.
fn commit(
    run: RunId,
    expected: Option<Version>,
    last_snapshot: Version,
    transition: &Transition,
    now: Timestamp,
) -> Result<Commit, String> {
    let state = &transition.state;
    let events = serde_json::to_string(&transition.events)
        .map_err(|error| format!("the events cannot be written: {error}"))?;
    let mut commit = Commit {
        run,
        expected,
        row: LogRow {
            version: state.version(),
            at: now,
            events,
        },
        snapshot: snapshot_is_due(state, last_snapshot).then(|| state.to_snapshot()),
        settle: Vec::new(),
        enqueue: Vec::new(),
        reschedule: Vec::new(),
        clear_timers: Vec::new(),
        set_timers: Vec::new(),
    };
    for effect in &transition.effects {
        order(&mut commit, run, effect);
    }
    Ok(commit)
}

fn snapshot_is_due(state: &RunState, last: Version) -> bool {
    let since = state.version().0.saturating_sub(last.0);
    let at_rest = state.is_parked() && !state.status().is_terminal();
    since >= SNAPSHOT_EVERY || (at_rest && since >= WORTH_A_SNAPSHOT)
}

/// Adds what an effect asks for to the commit.
fn order(commit: &mut Commit, run: RunId, effect: &Effect) {
    match effect {
        Effect::Dispatch(dispatch) => commit.enqueue.push(NewItem {
            step: dispatch.step,
            visible_at: dispatch.not_before,
            timeout: dispatch.timeout,
        }),
        Effect::Settle(step) => {
            // Settled in the transition that dispatched it: the store settles first, and would keep the item.
            commit.enqueue.retain(|item: &NewItem| item.step != *step);
            commit.settle.push(*step);
        }
        Effect::Reschedule { step, at } => commit.reschedule.push((*step, *at)),
        Effect::SetTimer {
            name,
            generation,
            due,
        } => commit.set_timers.push(TimerRow {
            key: timer(run, name),
            generation: *generation,
            due: *due,
        }),
        Effect::ClearTimer { name } => {
            let key = timer(run, name);
            commit.set_timers.retain(|timer| timer.key != key);
            commit.clear_timers.push(key);
        }
    }
}

fn timer(run: RunId, name: &str) -> TimerKey {
    TimerKey {
        run,
        name: name.to_owned(),
    }
}
