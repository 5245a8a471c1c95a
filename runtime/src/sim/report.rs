//! What became of simulated runs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::chance::FaultCounts;
use super::fault::Fault;
use super::ledger::Ledger;
use super::path::{self, PathStep};
use super::simulation::Scenario;
use super::trace;
use super::world::{Breach, Ended};
use crate::manifest::model::ExecutionKind;
use crate::plan::Plan;
use crate::port::RunStatus;
use crate::run::{Event, SkipReason};

/// At most so many stuck runs and breaches are told one by one.
const MOST_EXAMPLES: usize = 10;

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// It ended well.
    Completed,
    /// It ended with an error.
    Failed,
    /// It was canceled.
    Canceled,
    /// It waits for somebody who is not simulated.
    Waiting,
    /// It was never started: the input was refused.
    Refused,
    /// Nothing moves it any more, and nobody is waited for.
    Stuck,
}

impl RunOutcome {
    /// The name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Waiting => "waiting",
            Self::Refused => "refused",
            Self::Stuck => "stuck",
        }
    }

    fn of(ledger: &Ledger) -> Self {
        match ledger.status() {
            Some(RunStatus::Completed) => Self::Completed,
            Some(RunStatus::Failed) => Self::Failed,
            Some(RunStatus::Canceled) => Self::Canceled,
            Some(RunStatus::Waiting | RunStatus::Paused) => Self::Waiting,
            None if ledger.refused.is_some() => Self::Refused,
            _ => Self::Stuck,
        }
    }
}

/// What became of many runs of one workflow or task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The workflow or task.
    pub workflow: String,
    /// Seed of the first run; the others follow.
    pub seed: u64,
    /// Runs simulated.
    pub runs: u64,
    /// The faults and their chances, as users write them.
    pub faults: String,
    /// How many runs ended how.
    pub outcomes: BTreeMap<RunOutcome, u64>,
    /// Its steps, in the order of the plan.
    pub steps: Vec<StepReport>,
    /// Why runs failed, or were refused; the most frequent first.
    pub failures: Vec<FailureReport>,
    /// Runs that got stuck, ten at most.
    pub stuck: Vec<StuckReport>,
    /// What does not hold though it must: errors of the runtime, ten at most.
    pub breaches: Vec<Breach>,
    /// The run that took longest.
    pub longest: Option<LongestReport>,
    /// How often each fault happened.
    #[serde(serialize_with = "by_name")]
    pub injected: FaultCounts,
    /// Transitions made in all.
    pub transitions: u64,
    /// Hash of everything that happened; the same whenever the same is simulated.
    pub hash: String,
    /// Everything that happened, a line each, when it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    #[serde(skip)]
    hashes: Vec<[u8; 32]>,
}

/// What became of a step in all runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StepReport {
    /// Step id.
    pub step: String,
    /// What its author says about repeating it; of a block, what kind of block it is.
    pub execution: String,
    /// How often it became ready.
    pub reached: u64,
    /// Attempts made.
    pub attempts: u64,
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// How often it completed.
    pub completed: u64,
    /// How often it failed for good.
    pub failed: u64,
    /// How often its fallback took over.
    pub fell_back: u64,
    /// How often it was skipped because its condition did not hold.
    pub skipped_by_condition: u64,
    /// How often it was skipped because of what became of others.
    pub skipped_otherwise: u64,
    /// How often it was canceled in flight.
    pub canceled: u64,
    /// How often its handler did its work.
    pub effects: u64,
    /// How often its handler did its work more than once for one and the same step of a run.
    pub doubled: u64,
    /// The most times it did.
    pub most_effects: u64,
    /// Whether the step may be repeated, by its execution type.
    pub repeatable: bool,
}

/// Why runs failed or were refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureReport {
    /// The step whose failure ended them, if one did.
    pub step: Option<String>,
    /// The error's code; `REFUSED` for a start that was.
    pub code: String,
    /// The message of the first.
    pub message: String,
    /// How many.
    pub runs: u64,
    /// Seed of the first.
    pub seed: u64,
}

/// A run that got stuck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StuckReport {
    /// Simulate one run with it to see it again.
    pub seed: u64,
    /// Steps that are not settled, with their status.
    pub at: Vec<String>,
}

/// The run that took longest, and the steps that made it so long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LongestReport {
    /// Simulate one run with it to see it again.
    pub seed: u64,
    /// How long it took, in virtual milliseconds.
    pub took_ms: u64,
    /// Each step of the longest path through it.
    pub path: Vec<PathStep>,
}

impl Report {
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Self {
        Self {
            workflow: scenario.plan.name().to_owned(),
            seed,
            runs: 0,
            faults: scenario.faults.to_string(),
            outcomes: BTreeMap::new(),
            steps: steps_of(&scenario.plan),
            failures: Vec::new(),
            stuck: Vec::new(),
            breaches: Vec::new(),
            longest: None,
            injected: FaultCounts::default(),
            transitions: 0,
            hash: String::new(),
            log: Vec::new(),
            hashes: Vec::new(),
        }
    }

    /// Whether no run got stuck and everything holds that must.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.breaches.is_empty() && self.of(RunOutcome::Stuck) == 0
    }

    /// How many runs ended so.
    #[must_use]
    pub fn of(&self, outcome: RunOutcome) -> u64 {
        self.outcomes.get(&outcome).copied().unwrap_or(0)
    }

    /// Steps that no run reached.
    pub fn never_reached(&self) -> impl Iterator<Item = &str> {
        let unreached = self.steps.iter().filter(|step| step.reached == 0);
        unreached.map(|step| step.step.as_str())
    }

    /// Steps whose handler did its work twice though it must not be repeated.
    pub fn wrongly_doubled(&self) -> impl Iterator<Item = &StepReport> {
        let mut steps = self.steps.iter();
        std::iter::from_fn(move || steps.find(|step| step.doubled > 0 && !step.repeatable))
    }

    pub(super) fn add(&mut self, ended: Ended) {
        self.runs += 1;
        self.transitions += ended.transitions;
        self.injected.add(&ended.faults);
        self.hashes.push(ended.hash);
        self.log.extend(ended.log);
        let broken = ended.breach.is_some();
        if self.breaches.len() < MOST_EXAMPLES {
            self.breaches.extend(ended.breach);
        }
        // What became of a child is told by the step that it stands for.
        for ledger in ended.ledgers.values().filter(|ledger| !ledger.is_child) {
            self.add_run(ledger, ended.seed, broken);
        }
    }

    fn add_run(&mut self, ledger: &Ledger, seed: u64, broken: bool) {
        let outcome = RunOutcome::of(ledger);
        // A world that broke ended before its run could.
        if !(broken && outcome == RunOutcome::Stuck) {
            *self.outcomes.entry(outcome).or_default() += 1;
            if outcome == RunOutcome::Stuck && self.stuck.len() < MOST_EXAMPLES {
                let at = unsettled(ledger);
                self.stuck.push(StuckReport { seed, at });
            }
        }
        self.add_failure(ledger, seed);
        for event in ledger.history.iter().flat_map(|(_, events)| events) {
            self.add_event(event);
        }
        for (place, effects) in &ledger.effects {
            let id = ledger.plan.node(place.node).map(|node| node.id.as_str());
            if let Some(step) = id.and_then(|id| self.step(id)) {
                let effects = u64::from(*effects);
                step.effects += effects;
                step.doubled += u64::from(effects > 1);
                step.most_effects = step.most_effects.max(effects);
            }
        }
        if let Some(took) = path::duration(ledger)
            && self
                .longest
                .as_ref()
                .is_none_or(|longest| longest.took_ms < millis(took))
        {
            self.longest = Some(LongestReport {
                seed,
                took_ms: millis(took),
                path: path::longest(ledger),
            });
        }
    }

    fn add_failure(&mut self, ledger: &Ledger, seed: u64) {
        let failed = ledger
            .shadow
            .as_ref()
            .filter(|state| state.status() == RunStatus::Failed);
        let (step, code, message) = if let Some(reason) = &ledger.refused {
            (None, "REFUSED".to_owned(), reason.clone())
        } else if let Some(error) = failed.and_then(|state| state.error()) {
            (
                error.step_id.clone(),
                error.code.clone(),
                error.message.clone(),
            )
        } else {
            return;
        };
        let same = |known: &&mut FailureReport| known.step == step && known.code == code;
        if let Some(known) = self.failures.iter_mut().find(same) {
            known.runs += 1;
            return;
        }
        self.failures.push(FailureReport {
            step,
            code,
            message,
            runs: 1,
            seed,
        });
    }

    fn add_event(&mut self, event: &Event) {
        let Some((id, count)) = counted(event) else {
            return;
        };
        if let Some(step) = self.step(id) {
            count(step);
        }
    }

    fn step(&mut self, id: &str) -> Option<&mut StepReport> {
        self.steps.iter_mut().find(|step| step.step == id)
    }

    pub(super) fn finish(mut self) -> Self {
        self.hash = trace::combined(std::mem::take(&mut self.hashes));
        self.failures
            .sort_by_key(|failure| std::cmp::Reverse(failure.runs));
        self
    }
}

/// What an event adds to the report of its step.
type Count = fn(&mut StepReport);

/// The step an event is about, and what it adds to its report.
fn counted(event: &Event) -> Option<(&str, Count)> {
    Some(match event {
        Event::StepReady { step, .. }
        | Event::StepOpened { step, .. }
        | Event::StepWaiting { step, .. } => (step, |it| it.reached += 1),
        Event::StepDispatched { step, .. } | Event::StepRetryScheduled { step, .. } => {
            (step, |it| it.attempts += 1)
        }
        Event::AttemptFailed { step, .. } => (step, |it| it.failed_attempts += 1),
        Event::StepCompleted { step, .. } => (step, |it| it.completed += 1),
        Event::StepFailed { step, .. } => (step, |it| it.failed += 1),
        Event::StepFellBack { step, .. } => (step, |it| it.fell_back += 1),
        Event::StepSkipped {
            step,
            reason: SkipReason::Condition,
            ..
        } => (step, |it| it.skipped_by_condition += 1),
        Event::StepSkipped { step, .. } => (step, |it| it.skipped_otherwise += 1),
        Event::StepCanceled { step, .. } => (step, |it| it.canceled += 1),
        _ => return None,
    })
}

fn steps_of(plan: &Plan) -> Vec<StepReport> {
    let of_node = |node: &crate::plan::Node| {
        let execution = node.task().map(|task| task.execution);
        StepReport {
            step: node.id.clone(),
            execution: execution.map_or_else(
                || node.action.kind().to_owned(),
                |execution| execution.as_str().to_owned(),
            ),
            repeatable: execution.is_none_or(|execution| {
                matches!(
                    execution,
                    ExecutionKind::Deterministic | ExecutionKind::Idempotent
                )
            }),
            ..StepReport::default()
        }
    };
    plan.nodes().iter().map(of_node).collect()
}

fn unsettled(ledger: &Ledger) -> Vec<String> {
    let Some(state) = &ledger.shadow else {
        return vec!["the start".to_owned()];
    };
    let steps = state.steps().filter(|(_, step)| !step.phase.is_settled());
    let named = steps.filter_map(|(place, step)| {
        let node = ledger.plan.node(place.node)?;
        Some(format!("{} ({})", node.id, step.phase.as_str()))
    });
    named.take(MOST_EXAMPLES).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn by_name<S: serde::Serializer>(counts: &FaultCounts, serializer: S) -> Result<S::Ok, S::Error> {
    let happened = Fault::ALL.iter().filter(|fault| counts.of(**fault) > 0);
    serializer.collect_map(happened.map(|fault| (fault.as_str(), counts.of(*fault))))
}
