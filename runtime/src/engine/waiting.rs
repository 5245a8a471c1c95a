//! Answers to runs that wait: a person's decision, an event.

use serde_json::Value;

use super::Engine;
use crate::error::Error;
use crate::port::{RunId, RunStatus};
use crate::run::{Decision, Input};

impl Engine {
    /// Answers a step that waits for a person: fills in the form of a human task, approves or rejects. `by` stands for one
    /// person; who may answer is for the host to know. The first of two answers that contradict each other counts.
    /// Durable when it returns; gives the run's status after it.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-N008` when it has no such step, `OSSA-R012` when the step does not wait
    /// for this answer any more, `OSSA-R013` when the answer does not fit the form; what the store fails with.
    pub fn decide(
        &self,
        run: RunId,
        step: &str,
        decision: Value,
        by: &str,
        comment: Option<&str>,
    ) -> Result<RunStatus, Error> {
        let core = self.core();
        let place = core.current(run)?.place(step)?;
        let decision = Decision {
            scope: place.scope.0,
            node: place.node.0,
            decision,
            by: by.to_owned(),
            comment: comment.map(str::to_owned),
        };
        let changed = core.change(run, Input::Decide(Box::new(decision)))?;
        Ok(changed.hot.head.status)
    }

    /// Sends an event to a run. It answers every step that waits for it; when none does, it is kept for the next one that
    /// will. Durable when it returns; gives the run's status after it.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-R014` when the run takes no such signal; what the store fails with.
    pub fn signal(&self, run: RunId, name: &str, payload: Value) -> Result<RunStatus, Error> {
        let name = name.to_owned();
        let changed = self.core().change(run, Input::Signal { name, payload })?;
        Ok(changed.hot.head.status)
    }
}
