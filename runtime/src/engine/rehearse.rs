//! What a result would mean, asked before anything depends on it: for hosts that commit their own data first.

use serde_json::Value;

use super::Engine;
use super::change::rejected;
use crate::error::Error;
use crate::port::StepRef;
use crate::run::{self, Answer, Event, Input, RetryOwner, StepError};

/// What reporting an output would come to.
#[derive(Debug, Clone, PartialEq)]
pub enum Rehearsal {
    /// The step would be completed.
    Accepted,
    /// The attempt would fail: the output breaks the task's schema or a postcondition.
    Refused(StepError),
    /// Nothing would change: the attempt is over, or has a result already.
    Superseded,
}

impl Engine {
    /// What [`complete`](Self::complete) would answer to this output now. Changes nothing.
    ///
    /// # Errors
    /// As [`complete`](Self::complete).
    pub fn rehearse(&self, token: &str, output: Value) -> Result<Rehearsal, Error> {
        let core = self.core();
        let step = core.read_token(token)?;
        let hot = core.current(step.run)?;
        let input = Input::Succeeded {
            step,
            output,
            retry_owner: RetryOwner::Engine,
        };
        let transition = run::apply(&hot.plan, Some(hot.state.clone()), input, core.now())
            .map_err(|rejection| rejected(step.run, &rejection))?;
        if !matches!(transition.answer, Answer::Recorded { .. }) {
            return Ok(Rehearsal::Superseded);
        }
        let mut events = transition.events.into_iter();
        let refusal = events.find_map(|event| refusal_of(step, event));
        Ok(refusal.map_or(Rehearsal::Accepted, Rehearsal::Refused))
    }
}

fn refusal_of(step: StepRef, event: Event) -> Option<StepError> {
    match event {
        Event::AttemptFailed {
            scope,
            node,
            attempt,
            error,
            ..
        } if (scope, node, attempt) == (step.scope, step.node, step.attempt) => Some(error),
        _ => None,
    }
}
