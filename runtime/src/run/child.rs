//! Steps that run a workflow as a run of its own: the child run of an attempt, seen from its parent and from itself.
//!
//! | where | event | errand |
//! |---|---|---|
//! | parent | `StepDispatched`, `StepRetryScheduled` | start the child, when the attempt is due |
//! | parent | `ChildStarted` | |
//! | child | any end | tell the parent |
//! | parent | as for the result of a worker | |
//! | child | `ParentTold` | |
//! | parent | `ChildClosing`: the step ends first | close the child, as its close policy says |
//! | parent | `ChildClosed` | |
//!
//! The child's id is made of the attempt, so that starting it twice is starting it once. Closing a child that is not
//! there yet makes one that has ended: whoever is just about to start it finds it so. A child that was lost is started
//! again by the order to retry the step: under the id it had, so that its steps have the effect keys they had.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::data::Data;
use super::effect::Effect;
use super::errand::{Errand, place_of};
use super::event::{Event, SkipReason};
use super::evolve::Unfitting;
use super::group::GROUP_LABEL;
use super::identity::child_run;
use super::input::{RetryOwner, Start, StepError};
use super::machine::Machine;
use super::state::{Phase, Place, RunState, ScopeId, StepState};
use super::transition::{Answer, Next, Rejection, Transition};
use crate::manifest::model::ClosePolicy;
use crate::plan::{Action, NodeId, Plan, PlannedSubflow};
use crate::port::{Labels, RunId, RunStatus, StepRef, Timestamp};

/// Label of a child run: the id of its parent.
pub const PARENT_LABEL: &str = "ossa.parent";

/// Label of a run that a message started: how many messages led to what it publishes, one after the other.
pub const HOPS_LABEL: &str = "ossa.hops";

/// The attempt that a run is the child of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The parent run.
    pub run: RunId,
    /// Name of its workflow.
    pub workflow: String,
    /// Id of its step.
    pub step: String,
    /// Scope instance of the step.
    pub scope: u32,
    /// Node of the step.
    pub node: u32,
    /// The attempt.
    pub attempt: u32,
}

impl Parent {
    /// The attempt.
    #[must_use]
    pub const fn attempt(&self) -> StepRef {
        StepRef {
            run: self.run,
            scope: self.scope,
            node: self.node,
            attempt: self.attempt,
        }
    }
}

/// A child run that is to end because nobody waits for it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// Scope instance of the step.
    pub scope: u32,
    /// Its node.
    pub node: u32,
    /// The attempt.
    pub attempt: u32,
    /// At once, without compensation.
    pub abort: bool,
    /// It was started, as far as its parent knows.
    pub started: bool,
}

impl Machine<'_> {
    /// What the attempts of a step run, when that is a workflow.
    pub(super) fn subflow(&self, place: Place) -> Option<&PlannedSubflow> {
        match &self.plan.node(place.node)?.action {
            Action::Subflow(subflow) => Some(subflow),
            _ => None,
        }
    }

    pub(super) fn runs_child(&self, place: Place) -> bool {
        self.subflow(place).is_some()
    }

    /// Dispatches an attempt whose work is a child run.
    pub(super) fn dispatch_child(&mut self, place: Place, attempt: u32) -> Result<(), Rejection> {
        self.record(Event::StepDispatched {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            attempt,
        })?;
        self.start_child_at(place, attempt, self.now);
        Ok(())
    }

    /// Has the child run of an attempt start at a time; [`Timestamp::NEVER`] takes that back.
    pub(super) fn start_child_at(&mut self, place: Place, attempt: u32, due: Timestamp) {
        let errand = Errand::StartChild(place.attempt(self.state.run(), attempt));
        if due == Timestamp::NEVER {
            self.done_with(errand);
        } else {
            self.send_on(errand, due);
        }
    }

    /// Has the child run of an attempt start that was started before. Where it is still there nothing comes of that.
    pub(super) fn start_child_again(&mut self, place: Place, attempt: u32) {
        let timeout = self.subflow(place).and_then(|subflow| subflow.timeout);
        if timeout.is_some() {
            self.effects.push(Effect::ClearTimer { name: limit(place) });
        }
        if !self.state.is_held() {
            self.start_child_at(place, attempt, self.now);
        }
    }

    pub(super) fn send_on(&mut self, errand: Errand, due: Timestamp) {
        self.effects.push(Effect::SetTimer {
            name: errand.timer(),
            generation: errand.generation(),
            due,
        });
    }

    pub(super) fn done_with(&mut self, errand: Errand) {
        let name = errand.timer();
        self.effects.push(Effect::ClearTimer { name });
    }

    /// The child run of an attempt exists.
    pub(super) fn child_started(&mut self, step: &StepRef) -> Result<Answer, Rejection> {
        let place = match self.current(step)? {
            Ok(place) => place,
            Err(answer) => return Ok(answer),
        };
        let timeout = self.subflow(place).map(|subflow| subflow.timeout);
        let Some(timeout) = timeout.filter(|_| self.step(place).is_ok_and(|it| !it.has_child()))
        else {
            return Ok(Answer::Ignored);
        };
        self.note_child(place, step)?;
        if let Some(timeout) = timeout {
            self.effects.push(Effect::SetTimer {
                name: limit(place),
                generation: step.attempt.into(),
                due: self.now.after(timeout),
            });
        }
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    fn note_child(&mut self, place: Place, step: &StepRef) -> Result<(), Rejection> {
        self.record(Event::ChildStarted {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            attempt: step.attempt,
            run: child_run(step),
        })?;
        self.done_with(Errand::StartChild(*step));
        Ok(())
    }

    /// The child run of an attempt ended, or could not be started (`started` is false then).
    pub(super) fn child_ended(
        &mut self,
        step: &StepRef,
        started: bool,
        result: Result<Value, StepError>,
    ) -> Result<Answer, Rejection> {
        let place = match self.current(step)? {
            Ok(place) => place,
            Err(answer) => return Ok(answer),
        };
        if !self.runs_child(place) {
            return Ok(Answer::Late);
        }
        if started && !self.step(place)?.has_child() {
            self.note_child(place, step)?;
        }
        self.forget_child(place, step);
        let accepted = match result {
            Ok(output) => self.accept(place, output)?,
            Err(error) => Err(error.bounded()),
        };
        let next = match accepted {
            Ok(output) => {
                self.complete(place, output, None)?;
                Next::Handled
            }
            Err(error) => self.attempt_failed(place, error, RetryOwner::Engine)?,
        };
        self.recorded(next)
    }

    /// The time of an attempt is up, and its child run has not ended.
    pub(super) fn child_limit_reached(
        &mut self,
        place: Place,
        generation: u64,
    ) -> Result<Answer, Rejection> {
        let waits = self
            .state
            .step(place)
            .filter(|step| step.phase == Phase::Child && u64::from(step.attempt) == generation);
        let Some(attempt) = waits.map(|step| step.attempt) else {
            return Ok(Answer::Ignored);
        };
        let timeout = self.subflow(place).and_then(|subflow| subflow.timeout);
        let limit = timeout.unwrap_or_default().as_secs_f64();
        let message = format!("the child run did not end within {limit} s");
        self.leave_child(place, attempt)?;
        let error = StepError::new("TIMEOUT", message);
        let next = self.attempt_failed(place, error, RetryOwner::Engine)?;
        self.recorded(next)
    }

    /// Takes back what an attempt has outside, which is over without a result: its item, or its child run.
    pub(super) fn give_up(&mut self, place: Place, attempt: u32) -> Result<(), Rejection> {
        if self.runs_child(place) {
            return self.leave_child(place, attempt);
        }
        let attempt = place.attempt(self.state.run(), attempt);
        self.effects.push(Effect::Settle(attempt));
        Ok(())
    }

    /// Nobody waits for a child run any more: its close policy says what becomes of it.
    fn leave_child(&mut self, place: Place, attempt: u32) -> Result<(), Rejection> {
        let step = place.attempt(self.state.run(), attempt);
        self.forget_child(place, &step);
        let started = self.step(place)?.has_child();
        let policy = self.subflow(place).map(|subflow| subflow.close);
        let abort = match policy.unwrap_or_default() {
            ClosePolicy::Abandon => return Ok(()),
            ClosePolicy::Cancel => self.aborting,
            ClosePolicy::Abort => true,
        };
        self.record(Event::ChildClosing {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            attempt,
            run: child_run(&step),
            abort,
            started,
        })?;
        self.send_on(Errand::CloseChild(step), self.now);
        Ok(())
    }

    /// Clears the timer of an attempt: that of its start, or of its time.
    fn forget_child(&mut self, place: Place, step: &StepRef) {
        if !self.step(place).is_ok_and(StepState::has_child) {
            self.done_with(Errand::StartChild(*step));
        } else if self
            .subflow(place)
            .is_some_and(|subflow| subflow.timeout.is_some())
        {
            self.effects.push(Effect::ClearTimer { name: limit(place) });
        }
    }

    /// A child run that was to be closed is.
    pub(super) fn child_closed(&mut self, step: &StepRef) -> Result<Answer, Rejection> {
        if self.state.closing_of(step).is_none() {
            return Ok(Answer::Ignored);
        }
        let node = self.plan.node(place_of(step).node);
        self.record(Event::ChildClosed {
            step: node.map(|node| node.id.clone()).unwrap_or_default(),
            scope: step.scope,
            node: step.node,
            attempt: step.attempt,
            run: child_run(step),
        })?;
        self.done_with(Errand::CloseChild(*step));
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    /// The parent run knows how this one ended.
    pub(super) fn parent_told(&mut self) -> Result<Answer, Rejection> {
        if !self.state.untold {
            return Ok(Answer::Ignored);
        }
        self.record(Event::ParentTold)?;
        self.done_with(Errand::TellParent);
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    /// What ends a run is told to its parent, unless the run goes on again before.
    pub(super) fn tell_parent(&mut self, event: &Event) {
        if event.ends_run() && self.state.start().parent.is_some() {
            self.send_on(Errand::TellParent, self.now);
        } else if matches!(event, Event::RunReopened) && self.state.untold {
            self.done_with(Errand::TellParent);
        }
    }

    /// Another run wants this one to end. Asked twice is asked once: what undoes is left to.
    pub(super) fn close(&mut self, abort: bool, reason: String) -> Result<Answer, Rejection> {
        if self.status().is_terminal() || (!abort && self.state.failing.is_some()) {
            return Ok(Answer::Ignored);
        }
        if !abort {
            return self.cancel(String::new(), reason);
        }
        self.abort(String::new(), reason)?;
        Ok(Answer::Applied {
            status: self.status(),
        })
    }
}

impl RunState {
    /// The attempt that this run is the child of.
    #[must_use]
    pub fn parent(&self) -> Option<&Parent> {
        self.start.parent.as_deref()
    }

    /// The child runs that its steps wait for, and the steps.
    pub fn awaited_children(&self) -> impl Iterator<Item = (Place, RunId)> + '_ {
        let steps = self.steps();
        let waiting = steps.filter(|(_, step)| step.phase == Phase::Child);
        waiting.filter_map(|(place, step)| Some((place, step.child?)))
    }

    /// Folds the order to retry a step whose child run was started.
    pub(super) fn forget_lost_child(
        &mut self,
        plan: &Plan,
        place: Place,
        at: Timestamp,
    ) -> Result<(), Unfitting> {
        let step = self.step_mut(place)?;
        if step.phase != Phase::Child {
            return Ok(());
        }
        step.child = None;
        self.enter(plan, place, Phase::Running, at)
    }

    /// What to start the child run of an attempt with; `None` when it is not to be started, or not now.
    #[must_use]
    pub fn child_to_start(&self, plan: &Plan, attempt: &StepRef) -> Option<Start> {
        let step = self.step(place_of(attempt))?;
        let about_to = matches!(step.phase, Phase::Running | Phase::Retrying { .. })
            && step.attempt == attempt.attempt
            && (step.executed || !self.is_held());
        let input = step.input.clone().unwrap_or_default();
        about_to.then(|| self.child_start(plan, attempt, input))
    }

    /// How a child run is to end, and a start for one that is not there yet; `None` when it need not end.
    #[must_use]
    pub fn child_to_close(&self, plan: &Plan, attempt: &StepRef) -> Option<(Closing, Start)> {
        let closing = *self.closing_of(attempt)?;
        Some((closing, self.child_start(plan, attempt, Data::default())))
    }

    /// What is to be done outside: each has a timer until it is.
    #[must_use]
    pub fn errands(&self, plan: &Plan) -> Vec<Errand> {
        let run = self.run();
        let closing = self.closing.iter().map(|closing| {
            Errand::CloseChild(StepRef {
                run,
                scope: closing.scope,
                node: closing.node,
                attempt: closing.attempt,
            })
        });
        let starting = self.steps().filter(|(place, step)| {
            let node = plan.node(place.node).map(|node| &node.action);
            let about_to = matches!(step.phase, Phase::Running | Phase::Retrying { .. });
            about_to
                && matches!(node, Some(Action::Subflow(_)))
                && (step.executed || !self.is_held())
        });
        let starting =
            starting.map(|(place, step)| Errand::StartChild(place.attempt(run, step.attempt)));
        let told = self.untold.then_some(Errand::TellParent);
        let group = self.group.as_ref().filter(|group| group.due);
        let group = group.map(|_| Errand::Group(run));
        closing.chain(starting).chain(told).chain(group).collect()
    }

    /// Whom to tell how this run ended, and what; `None` when nobody waits to hear it.
    #[must_use]
    pub fn result_for_parent(&self) -> Option<(StepRef, Result<Value, StepError>)> {
        self.result_as_child().filter(|_| self.untold)
    }

    /// The attempt that this run is the child of, and how it ended; whether or not its parent has been told.
    #[must_use]
    pub fn result_as_child(&self) -> Option<(StepRef, Result<Value, StepError>)> {
        let parent = self.parent()?;
        let run = self.run();
        let result = match self.status {
            RunStatus::Completed => Ok(self.output().cloned().unwrap_or_default()),
            RunStatus::Failed => {
                let error = self.error();
                let code = error.map_or("RUN_FAILED", |error| &error.code);
                let message = error.map_or("", |error| &error.message);
                let step = error.and_then(|error| error.step_id.as_deref());
                Err(StepError {
                    details: Some(json!({"run": run, "step_id": step})),
                    ..StepError::new(code, format!("child run {run} failed: {message}"))
                })
            }
            RunStatus::Canceled => {
                let reason = match self.reason() {
                    None | Some("") => String::new(),
                    Some(reason) => format!(": {reason}"),
                };
                Err(StepError {
                    retryable: Some(false),
                    details: Some(json!({"run": run})),
                    ..StepError::new("CANCELED", format!("child run {run} was canceled{reason}"))
                })
            }
            _ => return None,
        };
        Some((parent.attempt(), result))
    }

    pub(super) fn closing_of(&self, attempt: &StepRef) -> Option<&Closing> {
        self.closing.iter().find(|closing| closing.is_of(attempt))
    }

    /// A child belongs to the business case of its parent, and runs as urgently, on the same queue.
    fn child_start(&self, plan: &Plan, attempt: &StepRef, input: Data) -> Start {
        let own = [PARENT_LABEL, GROUP_LABEL];
        let inherited = self.start.labels.iter();
        let inherited = inherited.filter(|(name, _)| !own.contains(&name.as_str()));
        let mut labels: Labels = inherited.map(|(k, v)| (k.clone(), v.clone())).collect();
        labels.insert(PARENT_LABEL.to_owned(), self.run().to_string());
        let node = plan.node(place_of(attempt).node);
        Start {
            run: child_run(attempt),
            input,
            idempotency_key: None,
            labels,
            trigger: None,
            groups: self
                .start
                .groups
                .iter()
                .chain(self.group.as_ref().map(|group| &group.name))
                .cloned()
                .collect(),
            parent: Some(Box::new(Parent {
                run: self.run(),
                workflow: self.workflow.clone(),
                step: node.map(|node| node.id.clone()).unwrap_or_default(),
                scope: attempt.scope,
                node: attempt.node,
                attempt: attempt.attempt,
            })),
            ..(*self.start).clone()
        }
    }
}

impl Closing {
    pub(super) const fn is_of(&self, attempt: &StepRef) -> bool {
        self.scope == attempt.scope && self.node == attempt.node && self.attempt == attempt.attempt
    }
}

/// A run that has ended before it began.
pub(super) fn forestall(
    plan: &Plan,
    start: Box<Start>,
    reason: String,
    now: Timestamp,
) -> Result<Transition, Rejection> {
    let created = Event::RunCreated {
        start,
        workflow: plan.name().to_owned(),
        plan: plan.hash().clone(),
        variables: serde_json::Map::new(),
        group: None,
        deadline: None,
    };
    let state = RunState::create(plan, &created, now)?;
    let steps = state.steps().map(|(place, _)| place).collect();
    let mut machine = Machine::new(plan, state, now);
    machine.events.push(created);
    machine.stop(steps, SkipReason::RunEnded)?;
    machine.record(Event::RunCanceled {
        by: String::new(),
        reason,
    })?;
    let status = machine.status();
    Ok(machine.finish(Answer::Applied { status }))
}

const LIMIT: &str = "limit";

/// Name of the timer that bounds an attempt whose work is a child run.
fn limit(place: Place) -> String {
    format!("{LIMIT}/{}/{}", place.scope.0, place.node.0)
}

/// The step whose child run a timer bounds.
pub(super) fn limited(timer: &str) -> Option<Place> {
    let place = timer.strip_prefix(LIMIT)?.strip_prefix('/')?;
    let (scope, node) = place.split_once('/')?;
    Some(Place {
        scope: ScopeId(scope.parse().ok()?),
        node: NodeId(node.parse().ok()?),
    })
}
