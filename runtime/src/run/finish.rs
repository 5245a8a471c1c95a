//! How a run ends: all is done, a failure ends it, time is up, or someone cancels it.

use super::child;
use super::effect::Effect;
use super::event::{Event, RunError, SkipReason};
use super::machine::Machine;
use super::start::DEADLINE_TIMER;
use super::state::{Failing, Phase, Place, ScopeId};
use super::transition::{Answer, Rejection};
use crate::plan::{BlockId, FailureMode};
use crate::port::RunStatus;

impl Machine<'_> {
    /// Ends the run when no step is left that its end waits for.
    pub(super) fn end_if_done(&mut self) -> Result<(), Rejection> {
        let scope = self.state.scope(ScopeId::ROOT);
        let done = scope.is_some_and(|scope| scope.pending == 0);
        let done = done && self.state.undoing().next().is_none();
        if self.status() != RunStatus::Running || !done {
            return Ok(());
        }
        // Steps that the end does not wait for would be dispatched after it: what is held waits with its end for them.
        let all_settled = || self.state.steps().all(|(_, step)| step.phase.is_settled());
        if self.state.is_held() && !all_settled() {
            return Ok(());
        }
        // The failure of a step that jumps to one which continues is handled.
        let failed = self.state.failure_in(ScopeId::ROOT).is_some();
        if let Some(error) = self.state.error.clone().filter(|_| failed) {
            self.fail_run(error)?;
        }
        if self.status() != RunStatus::Running {
            return Ok(());
        }
        if let Some(failing) = self.state.failing.clone() {
            return self.undone(failing);
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
            (FailureMode::Halt | FailureMode::Compensate, Some(block)) => {
                self.fail_block(block, place)
            }
            (FailureMode::Halt | FailureMode::Compensate, None) => match self.state.error.clone() {
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
        if let Some(place) = child::limited(name) {
            return self.child_limit_reached(place, generation);
        }
        if name != DEADLINE_TIMER {
            return self.wait_timer_fired(name, generation);
        }
        let current = generation == self.state.deadline_generation;
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
        self.advance()?;
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    pub(super) fn cancel(&mut self, by: String, reason: String) -> Result<Answer, Rejection> {
        if self.status().is_terminal() {
            return Ok(Answer::Ignored);
        }
        // Once more while it undoes what it did: that is given up, too.
        let begun = self.status() != RunStatus::Pending;
        if begun && self.plan.compensation().is_some() && self.state.failing.is_none() {
            self.stop_steps(false)?;
            self.clear_deadline();
            self.record(Event::RunCanceling { by, reason })?;
            self.go_on()?;
        } else {
            self.stop_steps(true)?;
            self.record(Event::RunCanceled { by, reason })?;
            self.clear_deadline();
        }
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    /// Fails the run, when all that is to be undone is undone.
    fn fail_run(&mut self, error: RunError) -> Result<(), Rejection> {
        if self.state.failing.is_some() {
            return Ok(());
        }
        self.stop_steps(false)?;
        if self.plan.compensation().is_none() && self.state.undoing().next().is_none() {
            return self.run_failed(error, false);
        }
        self.clear_deadline();
        self.record(Event::RunFailing { error })
    }

    /// Nothing is left to undo of the steps that failed: the compensation steps of the workflow follow, then the end.
    fn undone(&mut self, failing: Failing) -> Result<(), Rejection> {
        match self.plan.compensation() {
            Some(block) if failing.compensation.is_none() => self.open_undo(block, None),
            _ if failing.canceled => self.record(Event::RunCanceled {
                by: String::new(),
                reason: failing.error.message,
            }),
            compensation => self.run_failed(failing.error, compensation.is_some()),
        }
    }

    fn run_failed(&mut self, error: RunError, compensated: bool) -> Result<(), Rejection> {
        // In notify mode, each failed step was told about when it failed.
        let told = self.plan.on_failure() == FailureMode::Notify && error.step_id.is_some();
        if self.plan.notification().is_some() && !told {
            self.notify(error.clone())?;
        }
        self.record(Event::RunFailed { error, compensated })?;
        self.clear_deadline();
        Ok(())
    }

    /// Opens the steps that undo what the run did, or what a step that failed did.
    pub(super) fn open_undo(
        &mut self,
        block: BlockId,
        failed: Option<Place>,
    ) -> Result<(), Rejection> {
        let opened = ScopeId(self.state.next_scope);
        self.record(Event::CompensationOpened {
            opened: opened.0,
            block: block.0,
            scope: failed.map(|failed| failed.scope.0),
            node: failed.map(|failed| failed.node.0),
        })?;
        self.begin_scope(opened);
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

    /// Cancels what is in flight and skips what has not begun; what undoes something only when it is told.
    pub(super) fn stop_steps(&mut self, undo: bool) -> Result<(), Rejection> {
        let state = &self.state;
        let stops = |place: &Place| undo || !state.undoes(*place);
        self.unblocked.retain(|place| !stops(place));
        let left = state
            .steps()
            .map(|(place, _)| place)
            .filter(stops)
            .collect();
        self.done.clear();
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

    pub(super) fn stop(&mut self, places: Vec<Place>, reason: SkipReason) -> Result<(), Rejection> {
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
                self.give_up(place, attempt)?;
            } else if matches!(phase, Phase::Open | Phase::Waiting) {
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
