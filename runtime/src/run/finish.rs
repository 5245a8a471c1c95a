//! How a run ends: all is done, a failure ends it, time is up, or someone cancels it.

use super::effect::Effect;
use super::event::{Event, RunError, SkipReason};
use super::machine::Machine;
use super::start::DEADLINE_TIMER;
use super::state::{Phase, Place, ScopeId};
use super::transition::{Answer, Rejection};
use crate::plan::FailureMode;
use crate::port::RunStatus;

impl Machine<'_> {
    /// Ends the run when no step is left that its end waits for.
    pub(super) fn end_if_done(&mut self) -> Result<(), Rejection> {
        let scope = self.state.scope(ScopeId::ROOT);
        let done = scope.is_some_and(|scope| scope.pending == 0);
        if self.status() != RunStatus::Running || !done {
            return Ok(());
        }
        // Steps that the end does not wait for would be dispatched after it: what is held waits with its end for them.
        let all_settled = || self.state.steps().all(|(_, step)| step.phase.is_settled());
        if self.state.is_held() && !all_settled() {
            return Ok(());
        }
        if let Some(error) = self.state.error.clone() {
            return self.fail_run(error);
        }
        let output = self.run_output()?;
        self.record(Event::RunCompleted { output })?;
        self.clear_deadline();
        Ok(())
    }

    /// What the failure of a step, which nobody continues, means for the run.
    pub(super) fn step_failed_for_good(&mut self, place: Place) -> Result<(), Rejection> {
        let block = self.state.owner(place.scope);
        match (self.plan.on_failure(), block) {
            (FailureMode::Halt, Some(block)) => self.fail_block(block, place),
            (FailureMode::Halt, None) => match self.state.error.clone() {
                Some(error) if self.status() == RunStatus::Running => self.fail_run(error),
                _ => Ok(()),
            },
            (FailureMode::Notify, _) => {
                // A block reports what failed in it: people were told, or the failure is none of the run.
                let step = self.state.step(place);
                if step.is_some_and(|step| step.block.is_some())
                    || self.state.is_caught(self.plan, place)
                {
                    return Ok(());
                }
                let step = self.step(place)?;
                let id = &self.node(place)?.id;
                let error = step
                    .error
                    .as_ref()
                    .map(|error| RunError::of_step(error, id, step.attempt));
                error.map_or(Ok(()), |error| self.notify(error))
            }
            // Every failure is continued.
            (FailureMode::Continue, _) => Ok(()),
        }
    }

    pub(super) fn timer_fired(&mut self, name: &str, generation: u64) -> Result<Answer, Rejection> {
        let current = name == DEADLINE_TIMER && generation == self.state.deadline_generation;
        if !current || self.state.deadline.is_none() || self.status() != RunStatus::Running {
            return Ok(Answer::Ignored);
        }
        let limit = self.plan.timeout().unwrap_or_default();
        self.fail_run(RunError {
            code: "TIMEOUT".to_owned(),
            message: format!("the run did not end within {} s", limit.as_secs_f64()),
            step_id: None,
            attempt: None,
            details: None,
        })?;
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    pub(super) fn cancel(&mut self, reason: String) -> Result<Answer, Rejection> {
        if self.status().is_terminal() {
            return Ok(Answer::Ignored);
        }
        self.stop_steps()?;
        self.record(Event::RunCanceled { reason })?;
        self.clear_deadline();
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    fn fail_run(&mut self, error: RunError) -> Result<(), Rejection> {
        self.stop_steps()?;
        // In notify mode, each failed step was told about when it failed.
        let told = self.plan.on_failure() == FailureMode::Notify && error.step_id.is_some();
        if self.plan.notification().is_some() && !told {
            self.notify(error.clone())?;
        }
        self.record(Event::RunFailed { error })?;
        self.clear_deadline();
        Ok(())
    }

    fn notify(&mut self, error: RunError) -> Result<(), Rejection> {
        let notification = self.plan.notification().cloned().unwrap_or_default();
        self.record(Event::NotificationRequested {
            channels: notification.channels,
            template: notification.template,
            error,
        })
    }

    /// Cancels what is in flight and skips what has not begun.
    pub(super) fn stop_steps(&mut self) -> Result<(), Rejection> {
        self.unblocked.clear();
        self.done.clear();
        let left = self.state.steps().map(|(place, _)| place).collect();
        self.stop(left, SkipReason::RunEnded)
    }

    /// Cancels what is in flight below a block, and skips what has not begun.
    pub(super) fn stop_block(&mut self, block: Place) -> Result<(), Rejection> {
        let scopes = self.state.scopes_of(block);
        self.unblocked
            .retain(|place| !scopes.contains(&place.scope));
        self.done.retain(|scope| !scopes.contains(scope));
        let places = scopes.iter().flat_map(|scope| self.state.places(*scope));
        let left = places.map(|(place, _)| place).collect();
        self.stop(left, SkipReason::BlockEnded)
    }

    fn stop(&mut self, places: Vec<Place>, reason: SkipReason) -> Result<(), Rejection> {
        for place in places {
            let Some(found) = self.state.step(place) else {
                continue;
            };
            let (phase, attempt) = (found.phase, found.attempt);
            if phase.is_settled() {
                continue;
            }
            let step = self.node(place)?.id.clone();
            let (scope, node) = (place.scope.0, place.node.0);
            if phase.is_in_flight() {
                self.record(Event::StepCanceled { step, scope, node })?;
                let attempt = place.attempt(self.state.run(), attempt);
                self.effects.push(Effect::Settle(attempt));
            } else if phase == Phase::Open {
                self.record(Event::StepCanceled { step, scope, node })?;
            } else {
                self.record(Event::StepSkipped {
                    step,
                    scope,
                    node,
                    reason,
                })?;
            }
        }
        Ok(())
    }

    pub(super) fn clear_deadline(&mut self) {
        if self.state.deadline.is_some() {
            self.effects.push(Effect::ClearTimer {
                name: DEADLINE_TIMER.to_owned(),
            });
        }
    }
}
