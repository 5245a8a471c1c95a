//! What a failure leads to: another attempt, the fallback, nothing, or the end of the run.

use super::effect::Effect;
use super::event::Event;
use super::identity;
use super::input::{RetryOwner, StepError};
use super::machine::Machine;
use super::state::{Place, RunState};
use super::transition::{Next, Rejection};
use crate::manifest::model::TaskErrorAction;
use crate::plan::{FailureMode, OnError, Plan};
use crate::policy::{RetryDecision, RetryPolicy};
use crate::port::Timestamp;

impl RunState {
    /// Whether a failure with this code that is not retried would have the step's fallback task take its place.
    #[must_use]
    pub fn falls_back(&self, plan: &Plan, place: Place, code: &str) -> bool {
        let (Some(step), Some(node)) = (self.step(place), plan.node(place.node)) else {
            return false;
        };
        let fallback = node.task().and_then(|task| task.fallback.as_ref());
        fallback.is_some()
            && !step.fallback
            && step.input.is_some()
            && node.task_action(code) == TaskErrorAction::Fallback
    }
}

impl Machine<'_> {
    /// The current attempt of a step failed: its item is done with, and another attempt follows or the step fails.
    pub(super) fn attempt_failed(
        &mut self,
        place: Place,
        error: StepError,
        retry_owner: RetryOwner,
    ) -> Result<Next, Rejection> {
        let attempt = self.step(place)?.attempt;
        self.record(Event::AttemptFailed {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            attempt,
            error: error.clone(),
        })?;
        if !self.runs_child(place) {
            let settled = place.attempt(self.state.run(), attempt);
            self.effects.push(Effect::Settle(settled));
        }
        let Some(due) = self.retry_due(place, &error)? else {
            return self.settle_failure(place, error);
        };
        let next = attempt.saturating_add(1);
        match self.dispatch_retry(place, next, due, retry_owner)? {
            Ok(()) => Ok(Next::Retry {
                at: due,
                attempt: next,
            }),
            Err(error) => self.settle_failure(place, error),
        }
    }

    /// When the next attempt is due, if the policy in force allows one.
    ///
    /// A code named in `error_mapping` is retried only when it is mapped to `retry`, and then even if it is one that is
    /// otherwise not retried.
    fn retry_due(&self, place: Place, error: &StepError) -> Result<Option<Timestamp>, Rejection> {
        let call = self.call(place)?;
        let step = self.step(place)?;
        let mapped = call.mapped(&error.code);
        let asked = match mapped {
            Some(TaskErrorAction::Retry) => true,
            Some(_) => return Ok(None),
            None => call.on_error == TaskErrorAction::Retry,
        };
        let default = RetryPolicy::default();
        let policy = match self.policy(call) {
            Some(policy) => policy,
            None if asked => &default,
            None => return Ok(None),
        };
        let mut error = error.clone();
        if mapped == Some(TaskErrorAction::Retry) && error.retryable.is_none() {
            error.retryable = Some(true);
        }
        let used = step.attempt.saturating_sub(step.discounted);
        let sample = identity::sample(self.state.run(), place, step.attempt);
        Ok(match policy.decide(used, &error, sample) {
            RetryDecision::Retry { delay } => Some(self.now.after(delay)),
            RetryDecision::Stop(_) => None,
        })
    }

    /// A step failed and is not retried. Who decides what that means, the first that says something: the step, the task
    /// (for this code, then for any), the workflow.
    pub(super) fn settle_failure(
        &mut self,
        place: Place,
        error: StepError,
    ) -> Result<Next, Rejection> {
        let node = self.node(place)?;
        match self.task_action(place, &error)? {
            TaskErrorAction::Ignore => {
                self.complete(place, serde_json::Value::Null, Some(error))?;
                return Ok(Next::Handled);
            }
            // Without an input there is nothing to hand to the fallback.
            TaskErrorAction::Fallback if self.step(place)?.input.is_some() => {
                if let Some(fallback) = node.task().and_then(|task| task.fallback.as_ref()) {
                    let name = fallback.name.clone().unwrap_or_default();
                    return self.fall_back(place, name);
                }
            }
            TaskErrorAction::Fallback | TaskErrorAction::Fail | TaskErrorAction::Retry => {}
        }
        if let Some(OnError::Goto(target)) = node.on_error
            && let Some(next) = self.jump(place, target, &error)?
        {
            return Ok(next);
        }
        let undo = match node.on_error {
            Some(OnError::Compensate(block)) => Some(block),
            _ => None,
        };
        let continued = node.on_error == Some(OnError::Continue)
            || node.is_async
            || self.plan.on_failure() == FailureMode::Continue
            || self.state.undoes(place);
        self.step_failed(place, error, continued)?;
        if let Some(undo) = undo {
            self.open_undo(undo, Some(place))?;
        }
        if continued {
            return Ok(Next::Handled);
        }
        self.step_failed_for_good(place)?;
        Ok(Next::Final)
    }

    /// Settles a step as failed.
    pub(super) fn step_failed(
        &mut self,
        place: Place,
        error: StepError,
        continued: bool,
    ) -> Result<(), Rejection> {
        self.record(Event::StepFailed {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            error,
            continued,
        })?;
        self.unblock_dependants(place);
        Ok(())
    }

    /// What the task says of a failure that is not retried, where the step itself says nothing.
    pub(super) fn task_action(
        &self,
        place: Place,
        error: &StepError,
    ) -> Result<TaskErrorAction, Rejection> {
        if self.step(place)?.fallback {
            return Ok(TaskErrorAction::Fail);
        }
        Ok(self.node(place)?.task_action(&error.code))
    }

    fn fall_back(&mut self, place: Place, fallback: String) -> Result<Next, Rejection> {
        self.record(Event::StepFellBack {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            fallback,
        })?;
        Ok(Next::Handled)
    }
}
