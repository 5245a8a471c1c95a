//! The fold: one event, one change. Decides nothing, so that a log replays to the state it came from.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::child::Closing;
use super::data::{Data, Origin};
use super::event::{Event, RunError, SkipReason};
use super::group::GroupState;
use super::input::{Start, StepError};
use super::state::{Failing, Hold, Phase, Place, RunState, ScopeId, ScopeState, Signal, StepState};
use super::steer::StepOrder;
use crate::plan::{BlockId, NodeId, Plan};
use crate::port::{RunStatus, StepRef, Timestamp, Version};

/// An event that does not fit the state or the plan: the log is not this run's, or not this plan's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event does not fit the run: {reason}")]
pub struct Unfitting {
    /// What does not fit.
    pub reason: String,
}

impl Unfitting {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

impl RunState {
    /// The state after the first event of a run.
    ///
    /// # Errors
    /// When the event is not `RunCreated`, or names another plan.
    pub fn create(plan: &Plan, event: &Event, at: Timestamp) -> Result<Self, Unfitting> {
        let Event::RunCreated {
            start,
            workflow,
            plan: hash,
            variables,
            group,
            deadline,
        } = event
        else {
            return Err(Unfitting::new("the first event is not `run_created`"));
        };
        if hash != plan.hash() {
            return Err(Unfitting::new(format!("the run is pinned to plan {hash}")));
        }
        let mut state = Self {
            version: Version::default(),
            workflow: workflow.clone(),
            plan: hash.clone(),
            status: RunStatus::Pending,
            start: Arc::new(Start {
                input: start.input.clone().of(Origin::FIRST),
                ..(**start).clone()
            }),
            variables: variables.clone(),
            scopes: BTreeMap::new(),
            next_scope: 1,
            undo: Vec::new(),
            failing: None,
            ready: VecDeque::new(),
            in_flight: 0,
            waiting: 0,
            children: 0,
            closing: Vec::new(),
            group: group.clone().map(GroupState::new),
            untold: false,
            waits: 0,
            signals: Vec::new(),
            error: None,
            output: None,
            reason: None,
            paused: None,
            quarantined: None,
            deadline: *deadline,
            deadline_generation: 1,
            created_at: at,
            updated_at: at,
            started_at: None,
            ended_at: None,
            elsewhere: Vec::new(),
            folded: 1,
        };
        let root = ScopeState::open(plan, BlockId::ROOT, None)?;
        state.scopes.insert(ScopeId::ROOT, root);
        Ok(state)
    }

    /// Folds one event.
    ///
    /// # Errors
    /// When the event names a step that the run does not have, or creates the run again.
    pub fn evolve(&mut self, plan: &Plan, event: &Event, at: Timestamp) -> Result<(), Unfitting> {
        match event {
            Event::RunCreated { .. } => return Err(Unfitting::new("the run exists")),
            Event::RunStarted => {
                self.status = RunStatus::Running;
                self.started_at = Some(at);
                if let Some(group) = &mut self.group {
                    group.noted(false);
                    self.deadline = plan.timeout().map(|timeout| at.after(timeout));
                }
            }
            Event::GroupNoted { .. } => {
                let waits = self.status == RunStatus::Pending;
                if let Some(group) = &mut self.group {
                    group.noted(waits);
                }
            }
            Event::RunCompleted { output } => {
                self.error = None;
                self.output = Some(Arc::new(output.clone()));
                self.end(RunStatus::Completed, at);
            }
            Event::RunFailing { error } => {
                self.error = Some(error.clone());
                self.deadline = None;
                self.failing = Some(Failing {
                    error: error.clone(),
                    compensation: None,
                    canceled: false,
                });
            }
            Event::RunCanceling { reason, .. } => {
                let error = RunError::canceled(reason);
                self.error = Some(error.clone());
                self.deadline = None;
                self.paused = None;
                self.quarantined = None;
                self.failing = Some(Failing {
                    error,
                    compensation: None,
                    canceled: true,
                });
            }
            Event::CompensationOpened {
                opened,
                block,
                scope,
                node,
            } => {
                let owner = scope.zip(*node).map(|(scope, node)| Place {
                    scope: ScopeId(scope),
                    node: NodeId(node),
                });
                self.open_undo(plan, ScopeId(*opened), BlockId(*block), owner)?;
            }
            Event::RunFailed { error, .. } => {
                self.error = Some(error.clone());
                self.end(RunStatus::Failed, at);
            }
            Event::RunCanceled { reason, .. } | Event::RunAborted { reason, .. } => {
                self.reason = Some(reason.clone());
                self.end(RunStatus::Canceled, at);
            }
            Event::RunPaused { by, reason } => {
                self.paused = Some(Hold::new(by, reason, at));
                self.forget_executed();
            }
            Event::RunResumed { .. } => self.paused = None,
            Event::RunQuarantined { by, reason } => {
                self.quarantined = Some(Hold::new(by, reason, at));
                self.forget_executed();
            }
            Event::RunReleased { .. } => self.quarantined = None,
            Event::RunMigrated { to, .. } => self.migrate(plan, to)?,
            Event::RunReopened => self.reopen(plan, at),
            Event::ChildClosing {
                scope,
                node,
                attempt,
                abort,
                started,
                ..
            } => self.closing.push(Closing {
                scope: *scope,
                node: *node,
                attempt: *attempt,
                abort: *abort,
                started: *started,
            }),
            Event::ChildClosed {
                scope,
                node,
                attempt,
                ..
            } => {
                let attempt = StepRef {
                    run: self.run(),
                    scope: *scope,
                    node: *node,
                    attempt: *attempt,
                };
                self.closing.retain(|closing| !closing.is_of(&attempt));
            }
            Event::ParentTold => self.untold = false,
            Event::SignalKept { name, payload } => self.signals.push(Signal {
                name: name.clone(),
                payload: Arc::new(payload.clone()),
            }),
            Event::VariableSet { name, value } => {
                self.variables.insert(name.clone(), value.clone());
            }
            Event::ValidationFailed { .. }
            | Event::NotificationRequested { .. }
            | Event::Warned { .. } => {}
            step => self.evolve_step(plan, step, at)?,
        }
        self.folded = self.folded.saturating_add(1);
        Ok(())
    }

    /// A value of the event that is being folded.
    pub(super) fn kept(&self, value: impl Into<Data>) -> Data {
        value.into().of(Origin {
            version: self.version.next(),
            event: self.folded,
        })
    }

    /// Notes that the events so far make this version.
    pub(super) fn commit(&mut self, version: Version, at: Timestamp) {
        self.version = version;
        self.updated_at = at;
        self.folded = 0;
    }

    fn end(&mut self, status: RunStatus, at: Timestamp) {
        self.status = status;
        self.ended_at = Some(at);
        self.untold = self.start.parent.is_some();
        self.concern_group();
        // What has ended is held no more, should it be reopened.
        self.paused = None;
        self.quarantined = None;
    }

    fn concern_group(&mut self) {
        if let Some(group) = &mut self.group {
            group.due = true;
        }
    }

    /// A new hold holds what was executed under an older one, too.
    fn forget_executed(&mut self) {
        let scopes = self.scopes.values_mut();
        for step in scopes.flat_map(|scope| &mut scope.steps) {
            step.executed = false;
        }
    }

    fn reopen(&mut self, plan: &Plan, at: Timestamp) {
        self.status = RunStatus::Running;
        self.failing = None;
        self.ended_at = None;
        self.untold = false;
        self.concern_group();
        self.deadline = plan.timeout().map(|timeout| at.after(timeout));
        self.deadline_generation += 1;
        self.error = self.first_failure(plan);
    }

    fn evolve_step(&mut self, plan: &Plan, event: &Event, at: Timestamp) -> Result<(), Unfitting> {
        let place = event
            .place()
            .ok_or_else(|| Unfitting::new("the event names no step"))?;
        match event {
            Event::StepReady { input, .. } => {
                self.step_mut(place)?.input = Some(self.kept(input));
                self.enter(plan, place, Phase::Ready, at)?;
                self.ready.push_back(place);
            }
            Event::StepOpened { .. }
            | Event::ScopeOpened { .. }
            | Event::IterationFinished { .. } => self.evolve_block(plan, place, event, at)?,
            Event::StepWaiting { .. }
            | Event::StepVoted { .. }
            | Event::StepAnswered { .. }
            | Event::StepEscalated { .. } => self.evolve_wait(plan, place, event, at)?,
            Event::StepDispatched { attempt, .. } => {
                self.enter(plan, place, Phase::Running, at)?;
                let step = self.step_mut(place)?;
                step.attempt = *attempt;
                step.child = None;
                step.started_at.get_or_insert(at);
            }
            Event::ChildStarted { run, .. } => {
                self.step_mut(place)?.child = Some(*run);
                self.enter(plan, place, Phase::Child, at)?;
            }
            Event::StepCompleted { output, error, .. } => {
                let output = self.kept(output);
                let step = self.step_mut(place)?;
                step.output = Some(output);
                step.error = error.clone().map(Box::new);
                self.enter(plan, place, Phase::Completed, at)?;
            }
            Event::AttemptFailed { error, .. } => {
                self.step_mut(place)?.error = Some(Box::new(error.clone()));
            }
            Event::StepRetryScheduled { attempt, due, .. } => {
                let step = self.step_mut(place)?;
                step.attempt = *attempt;
                step.child = None;
                step.executed = false;
                self.enter(plan, place, Phase::Retrying { due: *due }, at)?;
            }
            Event::StepFailed {
                step: id,
                error,
                continued,
                ..
            } => {
                let step = self.step_mut(place)?;
                step.error = Some(Box::new(error.clone()));
                let attempt = step.attempt;
                let escapes = !continued && !self.is_caught(plan, place);
                if escapes && self.error.is_none() {
                    self.error = Some(RunError::of_step(error, id, attempt));
                }
                let phase = Phase::Failed {
                    continued: *continued,
                };
                self.enter(plan, place, phase, at)?;
            }
            Event::StepJumpedTo { error, .. } => {
                self.step_mut(place)?.jumped_to = true;
                self.error.get_or_insert_with(|| error.clone());
            }
            Event::StepFellBack { .. } => {
                let step = self.step_mut(place)?;
                step.fallback = true;
                step.discounted = step.attempt;
                self.enter(plan, place, Phase::Ready, at)?;
                // It keeps the slot that the failed attempt had.
                self.ready.push_front(place);
            }
            Event::StepSkipped { reason, .. } => {
                self.enter(plan, place, Phase::Skipped { reason: *reason }, at)?;
                if *reason == SkipReason::Operator && self.error.is_some() {
                    self.error = self.first_failure(plan);
                }
            }
            Event::StepSteered { order, .. } => {
                let step = self.step_mut(place)?;
                match order {
                    StepOrder::Skip => step.to_skip = true,
                    StepOrder::Execute => step.execute(at),
                    StepOrder::Retry => self.forget_lost_child(plan, place, at)?,
                }
            }
            Event::StepCanceled { .. } => self.enter(plan, place, Phase::Canceled, at)?,
            Event::StepReopened { .. } => {
                let step = self.step_mut(place)?;
                let failed = matches!(step.phase, Phase::Failed { .. });
                step.reopen();
                // A block goes on with the steps it has.
                let begun = step
                    .block
                    .as_ref()
                    .is_some_and(|block| !block.scopes.is_empty());
                let phase = if begun { Phase::Open } else { Phase::Pending };
                self.enter(plan, place, phase, at)?;
                if failed {
                    self.error = self.first_failure(plan);
                }
            }
            _ => return Err(Unfitting::new("the event is of an unknown type")),
        }
        Ok(())
    }

    /// Puts a step into a phase and keeps all counters right.
    pub(super) fn enter(
        &mut self,
        plan: &Plan,
        place: Place,
        phase: Phase,
        at: Timestamp,
    ) -> Result<(), Unfitting> {
        let step = self.step_mut(place)?;
        let old = std::mem::replace(&mut step.phase, phase);
        let (was_settled, is_settled) = (old.is_settled(), phase.is_settled());
        step.finished_at = is_settled.then_some(at);
        if old == Phase::Ready
            && let Some(position) = self.ready.iter().position(|ready| *ready == place)
        {
            self.ready.remove(position);
        }
        let count = |counter: &mut u32, before: bool, after: bool| match (before, after) {
            (false, true) => *counter += 1,
            (true, false) => *counter = counter.saturating_sub(1),
            _ => {}
        };
        count(
            &mut self.in_flight,
            old.is_in_flight(),
            phase.is_in_flight(),
        );
        count(
            &mut self.waiting,
            old == Phase::Waiting,
            phase == Phase::Waiting,
        );
        count(
            &mut self.children,
            old == Phase::Child,
            phase == Phase::Child,
        );
        if was_settled == is_settled {
            return Ok(());
        }
        let waited_for = plan.node(place.node).is_some_and(|node| !node.is_async);
        let Some(scope) = self.scopes.get_mut(&place.scope) else {
            return Ok(());
        };
        let step = |count: &mut u32| {
            *count = if is_settled {
                count.saturating_sub(1)
            } else {
                count.saturating_add(1)
            };
        };
        if waited_for {
            step(&mut scope.pending);
        }
        for dependant in plan.dependants(place.node) {
            if let Some(position) = scope.position(*dependant)
                && let Some(dependant) = scope.steps.get_mut(position)
            {
                step(&mut dependant.unmet);
            }
        }
        Ok(())
    }

    pub(super) fn step_mut(&mut self, place: Place) -> Result<&mut StepState, Unfitting> {
        let found = self.scopes.get_mut(&place.scope).and_then(|scope| {
            let position = scope.position(place.node)?;
            scope.steps.get_mut(position)
        });
        found.ok_or_else(|| {
            Unfitting::new(format!(
                "there is no step at scope {}, node {}",
                place.scope.0, place.node.0
            ))
        })
    }
}

impl ScopeState {
    /// A new scope of a block, opened by `owner`.
    pub(super) fn open(
        plan: &Plan,
        block: BlockId,
        owner: Option<Place>,
    ) -> Result<Self, Unfitting> {
        let found = plan
            .block(block)
            .ok_or_else(|| Unfitting::new(format!("the plan has no block {}", block.0)))?;
        let nodes = || plan.nodes_of(block).filter_map(|id| plan.node(id));
        let unmet = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(Self {
            parent: owner.map(|owner| owner.scope),
            node: owner.map(|owner| owner.node),
            block,
            iteration: None,
            join: found.join,
            first: found.first,
            pending: unmet(nodes().filter(|node| !node.is_async).count()),
            steps: nodes()
                .map(|node| StepState {
                    unmet: unmet(node.depends_on.len()),
                    ..StepState::default()
                })
                .collect(),
        })
    }
}

impl StepState {
    fn execute(&mut self, at: Timestamp) {
        self.executed = true;
        if let Phase::Retrying { due } = &mut self.phase {
            *due = at;
        }
    }

    /// Ready for another round: the input stays, so does the count of attempts.
    fn reopen(&mut self) {
        // A canceled attempt did not fail; after a failure, one attempt is given beyond the policy.
        self.discounted = if self.phase == Phase::Canceled && !self.fallback {
            self.discounted.saturating_add(1)
        } else {
            0
        };
        self.fallback = false;
        self.executed = false;
        self.output = None;
        self.error = None;
    }
}

impl Hold {
    fn new(by: &str, reason: &str, at: Timestamp) -> Self {
        Self {
            by: by.to_owned(),
            reason: reason.to_owned(),
            at,
        }
    }
}

impl RunError {
    /// What compensation steps see as the error of a run that someone canceled.
    fn canceled(reason: &str) -> Self {
        Self {
            code: "CANCELED".to_owned(),
            message: reason.to_owned(),
            step_id: None,
            attempt: None,
            details: None,
        }
    }

    /// The error of a step as the run sees it.
    pub(super) fn of_step(error: &StepError, step: &str, attempt: u32) -> Self {
        Self {
            code: error.code.clone(),
            message: error.message.clone(),
            step_id: Some(step.to_owned()),
            attempt: (attempt > 0).then_some(attempt),
            details: error.details.clone(),
        }
    }
}

impl Event {
    /// The step instance the event is about.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let (scope, node) = match self {
            Self::StepReady { scope, node, .. }
            | Self::StepOpened { scope, node, .. }
            | Self::ScopeOpened { scope, node, .. }
            | Self::IterationFinished { scope, node, .. }
            | Self::StepWaiting { scope, node, .. }
            | Self::StepVoted { scope, node, .. }
            | Self::StepAnswered { scope, node, .. }
            | Self::StepEscalated { scope, node, .. }
            | Self::StepDispatched { scope, node, .. }
            | Self::ChildStarted { scope, node, .. }
            | Self::ChildClosing { scope, node, .. }
            | Self::ChildClosed { scope, node, .. }
            | Self::StepCompleted { scope, node, .. }
            | Self::AttemptFailed { scope, node, .. }
            | Self::StepRetryScheduled { scope, node, .. }
            | Self::StepFailed { scope, node, .. }
            | Self::StepJumpedTo { scope, node, .. }
            | Self::StepFellBack { scope, node, .. }
            | Self::StepSkipped { scope, node, .. }
            | Self::StepCanceled { scope, node, .. }
            | Self::StepSteered { scope, node, .. }
            | Self::StepReopened { scope, node, .. } => (scope, node),
            Self::RunCreated { .. }
            | Self::RunStarted
            | Self::RunCompleted { .. }
            | Self::RunFailing { .. }
            | Self::RunCanceling { .. }
            | Self::CompensationOpened { .. }
            | Self::RunFailed { .. }
            | Self::RunCanceled { .. }
            | Self::RunAborted { .. }
            | Self::RunPaused { .. }
            | Self::RunResumed { .. }
            | Self::RunQuarantined { .. }
            | Self::RunReleased { .. }
            | Self::RunMigrated { .. }
            | Self::RunReopened
            | Self::ParentTold
            | Self::GroupNoted { .. }
            | Self::VariableSet { .. }
            | Self::SignalKept { .. }
            | Self::ValidationFailed { .. }
            | Self::NotificationRequested { .. }
            | Self::Warned { .. } => return None,
        };
        Some(Place {
            scope: ScopeId(*scope),
            node: NodeId(*node),
        })
    }
}
