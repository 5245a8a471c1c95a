//! What operators do to runs.

use super::Engine;
use super::change::rejected;
use super::core::Core;
use crate::error::Error;
use crate::port::{RunId, RunStatus};
use crate::run::{Answer, Command, Input, Order, Phase, Place, Rejection, StepOrder};

/// Who orders something, and why: kept in the run's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderedBy {
    /// A person or program; may be empty.
    pub by: String,
    /// For whoever reads the timeline; may be empty.
    pub reason: String,
}

impl OrderedBy {
    /// Someone, without a reason.
    #[must_use]
    pub fn new(by: impl Into<String>) -> Self {
        Self {
            by: by.into(),
            reason: String::new(),
        }
    }

    /// With a reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }
}

impl Engine {
    /// Stops a run: what is in flight is given up, nothing more is dispatched but the compensation steps of the workflow, if
    /// it has any; the run is canceled when they are done. Canceled once more meanwhile, it ends at once. `false` when it
    /// had ended already.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run; what the store fails with.
    pub fn cancel(&self, run: RunId, by: OrderedBy) -> Result<bool, Error> {
        let OrderedBy { by, reason } = by;
        let changed = self.core().change(run, Input::Cancel { by, reason })?;
        Ok(matches!(changed.answer, Answer::Applied { .. }))
    }

    /// Ends a run at once, without compensation: what is in flight is given up.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-R010` when it has ended; what the store fails with.
    pub fn abort(&self, run: RunId, by: OrderedBy) -> Result<RunStatus, Error> {
        self.core().steer(run, Command::Abort, by)
    }

    /// Has a run dispatch nothing more until it is resumed. What workers hold may finish and its results count, which
    /// may bring the run to its end; deadlines keep running.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-R010` when it has ended or is paused; what the store fails with.
    pub fn pause(&self, run: RunId, by: OrderedBy) -> Result<RunStatus, Error> {
        self.core().steer(run, Command::Pause, by)
    }

    /// Lets a paused run go on.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-R010` when it is not paused; what the store fails with.
    pub fn resume(&self, run: RunId, by: OrderedBy) -> Result<RunStatus, Error> {
        self.core().steer(run, Command::Resume, by)
    }

    /// Sets a run aside: as a pause, but only [`release`](Self::release) ends it.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-R010` when it has ended or is set aside; what the store fails with.
    pub fn quarantine(&self, run: RunId, by: OrderedBy) -> Result<RunStatus, Error> {
        self.core().steer(run, Command::Quarantine, by)
    }

    /// Lets a run that was set aside go on; one that is paused as well stays paused.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-R010` when it is not set aside; what the store fails with.
    pub fn release(&self, run: RunId, by: OrderedBy) -> Result<RunStatus, Error> {
        self.core().steer(run, Command::Release, by)
    }

    /// Lets a run go on without a step, as if the step's condition did not hold. An attempt in flight is given up; a run
    /// that the step failed is reopened.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-N008` when it has no such step, `OSSA-R011` when the step is done;
    /// what the store fails with.
    pub fn skip_step(&self, run: RunId, step: &str, by: OrderedBy) -> Result<RunStatus, Error> {
        let core = self.core();
        let place = core.current(run)?.place(step)?;
        core.steer(run, of_step(place, StepOrder::Skip), by)
    }

    /// Runs a step now that waits only for its retry, for a free slot, or for the end of a pause. Returns the token of
    /// its attempt.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-N008` when it has no such step, `OSSA-R011` when steps it depends on
    /// are not settled, or it is running or done; what the store fails with.
    pub fn execute_step(&self, run: RunId, step: &str, by: OrderedBy) -> Result<String, Error> {
        let core = self.core();
        let place = core.current(run)?.place(step)?;
        core.steer(run, of_step(place, StepOrder::Execute), by)?;
        core.token_of(run, place)
    }

    /// Tries a failed step again with a new attempt beyond its policy; reopens the run if it failed. A step that waits for a
    /// child run which the store does not have starts it anew, under the same id. Returns the token of the attempt.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-N008` when it has no such step, `OSSA-R006` when the step is not one
    /// to retry; what the store fails with.
    pub fn retry_step(&self, run: RunId, step: &str, by: OrderedBy) -> Result<String, Error> {
        let core = self.core();
        let hot = core.current(run)?;
        let place = hot.place(step)?;
        let child = hot.state.step(place).filter(|it| it.phase == Phase::Child);
        if let Some(child) = child.and_then(|step| step.child) {
            core.is_lost(child, run, step)?;
        }
        core.steer(run, of_step(place, StepOrder::Retry), by)?;
        core.token_of(run, place)
    }
}

const fn of_step(place: Place, order: StepOrder) -> Command {
    Command::Step {
        scope: place.scope.0,
        node: place.node.0,
        order,
    }
}

impl Core {
    fn steer(&self, run: RunId, command: Command, by: OrderedBy) -> Result<RunStatus, Error> {
        let OrderedBy { by, reason } = by;
        let order = Order {
            command,
            by,
            reason,
        };
        let changed = self.change(run, Input::Steer(Box::new(order)))?;
        Ok(changed.hot.head.status)
    }

    /// Refuses to start a child run again that is at work.
    fn is_lost(&self, child: RunId, run: RunId, step: &str) -> Result<(), Error> {
        let head = self.backend()?.heads(&[child])?.pop().flatten();
        match head.filter(|head| !head.status.is_terminal()) {
            None => Ok(()),
            Some(_) => {
                let step = step.to_owned();
                let reason = format!("its child run {child} is at work");
                Err(rejected(run, &Rejection::NotRetryable { step, reason }))
            }
        }
    }

    fn token_of(&self, run: RunId, place: Place) -> Result<String, Error> {
        let hot = self.current(run)?;
        let attempt = hot.state.step(place).map_or(0, |step| step.attempt);
        Ok(self.opened()?.signer.sign(&place.attempt(run, attempt)))
    }
}
