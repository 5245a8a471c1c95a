//! What operators do to runs.

use super::Engine;
use crate::error::{Category, Error, code};
use crate::port::RunId;
use crate::run::{Answer, Input, Place, ScopeId};

impl Engine {
    /// Stops a run: what is in flight is given up, nothing more is dispatched. `false` when it had ended already.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run; what the store fails with.
    pub fn cancel(&self, run: RunId, reason: &str) -> Result<bool, Error> {
        let reason = reason.to_owned();
        let changed = self.core().change(run, Input::Cancel { reason })?;
        Ok(matches!(changed.answer, Answer::Applied { .. }))
    }

    /// Tries a failed step again with a new attempt beyond its policy; reopens the run if it failed. Returns the token
    /// of the new attempt.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-N008` when it has no such step, `OSSA-R006` when the step is not one
    /// to retry; what the store fails with.
    pub fn retry_step(&self, run: RunId, step: &str) -> Result<String, Error> {
        let core = self.core();
        let hot = core.current(run)?;
        let node = hot.plan.find(step).ok_or_else(|| {
            let message = format!("run {run} has no step `{step}`");
            Error::new(Category::Engine, code::STEP_NOT_FOUND, message)
                .of_run(run)
                .of_step(step)
        })?;
        let place = Place {
            scope: ScopeId::ROOT,
            node,
        };
        let input = Input::RetryStep {
            scope: place.scope.0,
            node: node.0,
        };
        let changed = core.change(run, input)?;
        let attempt = changed.hot.state.step(place).map_or(0, |step| step.attempt);
        Ok(core.opened()?.signer.sign(&place.attempt(run, attempt)))
    }
}
