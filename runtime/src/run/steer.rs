//! What operators tell a run to do, and which steps they may skip or have executed.

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::event::{Event, SkipReason};
use super::machine::Machine;
use super::state::{Phase, Place, ScopeId, StepState};
use super::transition::{Answer, Rejection};
use crate::plan::NodeId;
use crate::port::{RunStatus, Timestamp};

/// An operator's order. Of two that contradict each other the first is carried out, the second rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What is to be done.
    pub command: Command,
    /// Who wants it, for the timeline.
    pub by: String,
    /// Why, for the timeline; may be empty.
    pub reason: String,
}

/// What an operator may order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Dispatch nothing more. What is in flight may finish, its results count, and deadlines keep running.
    Pause,
    /// Undo a pause.
    Resume,
    /// Set the run aside: as a pause, but only a release ends it.
    Quarantine,
    /// Undo a quarantine.
    Release,
    /// End the run at once, without compensation.
    Abort,
    /// Steer one step.
    Step {
        /// Scope instance of the step.
        scope: u32,
        /// Node of the step.
        node: u32,
        /// What is to be done with it.
        order: StepOrder,
    },
}

/// What an operator may order for one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOrder {
    /// Go on without it when its turn comes, as if its condition did not hold; reopens a run that it failed.
    Skip,
    /// Run it now: before its retry is due, or although the run is held. Never before the steps it depends on.
    Execute,
    /// Try it again after it failed, with a new attempt beyond its policy; reopens a run that it failed. Of a step that waits
    /// for a child run: start the child again if it is not there any more.
    Retry,
}

impl StepOrder {
    const fn done(self) -> &'static str {
        match self {
            Self::Skip => "skipped",
            Self::Execute => "executed",
            Self::Retry => "retried",
        }
    }
}

impl Machine<'_> {
    /// Carries out an order.
    pub(super) fn steer(&mut self, order: Order) -> Result<Answer, Rejection> {
        let Order {
            command,
            by,
            reason,
        } = order;
        match command {
            Command::Pause => self.pause(by, reason)?,
            Command::Resume => self.resume(by, reason)?,
            Command::Quarantine => self.quarantine(by, reason)?,
            Command::Release => self.release(by, reason)?,
            Command::Abort => self.abort(by, reason)?,
            Command::Step { scope, node, order } => {
                let place = Place {
                    scope: ScopeId(scope),
                    node: NodeId(node),
                };
                self.steer_step(place, order, by, reason)?;
            }
        }
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    pub(super) fn abort(&mut self, by: String, reason: String) -> Result<(), Rejection> {
        if self.status().is_terminal() {
            return Err(self.not_steerable("aborted", String::new()));
        }
        self.aborting = true;
        self.stop_steps(true)?;
        self.record(Event::RunAborted { by, reason })?;
        self.clear_deadline();
        Ok(())
    }

    fn steer_step(
        &mut self,
        place: Place,
        order: StepOrder,
        by: String,
        reason: String,
    ) -> Result<(), Rejection> {
        let step = self.known_step(place)?;
        let (phase, attempt) = (step.phase, step.attempt);
        let refusal = match order {
            StepOrder::Skip => self.reason_not_to_skip(place, step),
            StepOrder::Execute => self.reason_not_to_execute(place, step),
            StepOrder::Retry => self.reason_not_to_retry(place, step),
        };
        let id = &self.node(place)?.id;
        if let Some(reason) = refusal {
            let step = id.clone();
            return Err(match order {
                StepOrder::Retry => Rejection::NotRetryable { step, reason },
                StepOrder::Skip | StepOrder::Execute => Rejection::StepNotSteerable {
                    run: self.state.run(),
                    status: self.state.status(),
                    step,
                    order: order.done(),
                    reason,
                },
            });
        }
        self.record(Event::StepSteered {
            step: id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            order,
            by,
            reason,
        })?;
        match order {
            StepOrder::Skip => self.skip_by_order(place, phase, attempt),
            StepOrder::Retry if phase == Phase::Child => {
                self.start_child_again(place, attempt);
                Ok(())
            }
            StepOrder::Retry => self.retry_step(place),
            StepOrder::Execute if phase == Phase::Ready => self.dispatch(place),
            StepOrder::Execute => {
                self.reschedule(place, attempt, self.now);
                Ok(())
            }
        }
    }

    fn reason_not_to_skip(&self, place: Place, step: &StepState) -> Option<String> {
        let phase = step.phase;
        match (self.status(), phase) {
            (RunStatus::Completed | RunStatus::Canceled, _) => Some("the run has ended".to_owned()),
            (_, Phase::Failed { continued: false }) => self.gone_on_around(place),
            (RunStatus::Failed, _) => Some("the run has ended".to_owned()),
            (_, Phase::Failed { continued: true }) => {
                Some("the run has gone on without it".to_owned())
            }
            (_, Phase::Completed | Phase::Skipped { .. } | Phase::Canceled) => {
                Some(format!("it is {}", phase.as_str()))
            }
            (_, Phase::Pending) if step.to_skip => Some("it is to be skipped already".to_owned()),
            _ => None,
        }
    }

    /// Ends what the step does and lets the run go on without it.
    fn skip_by_order(&mut self, place: Place, phase: Phase, attempt: u32) -> Result<(), Rejection> {
        if phase == Phase::Pending {
            // The order of steps stays: those after it may rely on those before it.
            return Ok(());
        }
        let mut reopened = Vec::new();
        if matches!(phase, Phase::Failed { .. }) {
            let below = self.state.scopes_of(place);
            reopened = self.to_reopen(place);
            reopened.retain(|other| !below.contains(&other.scope));
            self.reopen(&reopened)?;
            reopened.retain(|other| *other != place);
        }
        if phase == Phase::Open {
            self.stop_block(place)?;
        }
        self.skip(place, SkipReason::Operator)?;
        if phase.is_in_flight() {
            self.give_up(place, attempt)?;
        }
        self.take_up(reopened)?;
        self.advance()
    }

    /// Out of order is safe only for what waits for nothing but time, a slot or a resume: its input is fixed, and
    /// nothing it reads can still change.
    fn reason_not_to_execute(&self, place: Place, step: &StepState) -> Option<String> {
        match step.phase {
            Phase::Retrying { .. } | Phase::Running if step.executed => {
                Some("it is executed already".to_owned())
            }
            Phase::Retrying { .. } => None,
            Phase::Ready if self.has_free_slot() => None,
            Phase::Ready => Some("as many steps as the workflow allows are in flight".to_owned()),
            Phase::Running if self.state.is_held() => None,
            Phase::Running => Some("it is running, or about to".to_owned()),
            Phase::Child => Some("its child run is at work".to_owned()),
            Phase::Pending => Some(format!("it waits for {}", self.unmet_steps(place))),
            Phase::Failed { continued: false } => Some("it failed: retry it".to_owned()),
            phase => Some(format!("it is {}", phase.as_str())),
        }
    }

    fn unmet_steps(&self, place: Place) -> String {
        let depends_on = self.plan.node(place.node).map(|node| &node.depends_on);
        let unmet = depends_on.into_iter().flatten().filter(|node| {
            let step = self.state.step(Place {
                node: **node,
                ..place
            });
            step.is_none_or(|step| !step.phase.is_settled())
        });
        let ids = unmet.filter_map(|node| self.plan.node(*node).map(|node| node.id.as_str()));
        ids.collect::<Vec<_>>().join(", ")
    }

    /// Has an attempt begin at another time, unless it has begun; [`Timestamp::NEVER`] takes it out of sight.
    pub(super) fn reschedule(&mut self, place: Place, attempt: u32, at: Timestamp) {
        if !self.runs_child(place) {
            let step = place.attempt(self.state.run(), attempt);
            self.effects.push(Effect::Reschedule { step, at });
        } else if self.step(place).is_ok_and(|step| !step.has_child()) {
            self.start_child_at(place, attempt, at);
        }
    }

    fn known_step(&self, place: Place) -> Result<&StepState, Rejection> {
        let run = self.state.run();
        self.state.step(place).ok_or(Rejection::UnknownAttempt {
            run,
            step: place.attempt(run, 0),
        })
    }

    pub(super) fn not_steerable(&self, order: &'static str, remark: String) -> Rejection {
        Rejection::NotSteerable {
            run: self.state.run(),
            order,
            status: self.state.status(),
            remark,
        }
    }
}
