//! The one entrance: an input goes in, a transition or a rejection comes out.

use thiserror::Error;

use super::child;
use super::effect::Effect;
use super::event::Event;
use super::evolve::Unfitting;
use super::input::Input;
use super::machine::Machine;
use super::start;
use super::state::RunState;
use crate::plan::Plan;
use crate::port::{PlanHash, RunId, RunStatus, StepRef, Timestamp};

/// What an input led to. Without events nothing changed, and there is nothing to commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The state after it.
    pub state: RunState,
    /// What happened, for the log.
    pub events: Vec<Event>,
    /// What the engine is to do, in the transaction of the log row.
    pub effects: Vec<Effect>,
    /// For whoever gave the input.
    pub answer: Answer,
}

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A start, a timer, a cancellation or a retry by an operator was carried out.
    Applied {
        /// The run's status after it.
        status: RunStatus,
    },
    /// The result of an attempt was recorded.
    Recorded {
        /// What follows for the step.
        next: Next,
        /// The run's status after it.
        status: RunStatus,
    },
    /// The attempt has a result already; the first one counts.
    Duplicate,
    /// The attempt is over: a newer one was made, or the run ended first.
    Late,
    /// There was nothing to do: a timer that was replaced, a cancellation after the end.
    Ignored,
}

impl Answer {
    /// The same with the status that lists show.
    pub(super) const fn of(self, status: RunStatus) -> Self {
        match self {
            Self::Applied { .. } => Self::Applied { status },
            Self::Recorded { next, .. } => Self::Recorded { next, status },
            other => other,
        }
    }
}

/// What follows for a step once the result of an attempt is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt.
    Retry {
        /// When it is due.
        at: Timestamp,
        /// Its number.
        attempt: u32,
    },
    /// Nothing to worry about: it succeeded, or its failure is ignored, continued or left to a fallback.
    Handled,
    /// The step failed for good.
    Final,
}

/// Why an input was not applied. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The input given at the start breaks the schema. The run does not exist.
    #[error("the input does not match the schema of `{workflow}`: {}", .violations.join("; "))]
    InvalidInput {
        /// The workflow or task.
        workflow: String,
        /// Each violation, with its JSON path.
        violations: Vec<String>,
    },
    /// A variable could not be evaluated at the start. The run does not exist.
    #[error("variable `{variable}` of `{workflow}` cannot be evaluated: {reason}")]
    Variable {
        /// The workflow.
        workflow: String,
        /// The variable.
        variable: String,
        /// Why.
        reason: String,
    },
    /// The run exists.
    #[error("run {run} was started already")]
    AlreadyStarted {
        /// The run.
        run: RunId,
    },
    /// The run does not exist.
    #[error("the run was not started")]
    NotStarted,
    /// The input is for another run, or for a step or attempt that the run has not made.
    #[error("run {run} has made no attempt {} at scope {}, node {}", .step.attempt, .step.scope, .step.node)]
    UnknownAttempt {
        /// The run it was applied to.
        run: RunId,
        /// The attempt named.
        step: StepRef,
    },
    /// The step cannot be retried by hand.
    #[error("step `{step}` cannot be retried: {reason}")]
    NotRetryable {
        /// The step.
        step: String,
        /// Why not.
        reason: String,
    },
    /// The run is not in a state for an order.
    #[error("run {run} cannot be {order}: it is {}{}", .status.as_str(), in_brackets(.remark))]
    NotSteerable {
        /// The run.
        run: RunId,
        /// What it cannot be: `paused`, `resumed`…
        order: &'static str,
        /// Where it stands.
        status: RunStatus,
        /// Since when or by whom, for people; may be empty.
        remark: String,
    },
    /// A step is not in a state for an order.
    #[error("step `{step}` of run {run}, which is {}, cannot be {order}: {reason}", .status.as_str())]
    StepNotSteerable {
        /// The run.
        run: RunId,
        /// Where the run stands.
        status: RunStatus,
        /// The step.
        step: String,
        /// What it cannot be: `skipped`, `executed`.
        order: &'static str,
        /// Why not.
        reason: String,
    },
    /// The step does not wait for this answer; another may have come first.
    #[error("step `{step}` of run {run}, which is {status}, takes no answer: {reason}", status = .status.as_str())]
    NotWaiting {
        /// The run.
        run: RunId,
        /// Where the run stands now.
        status: RunStatus,
        /// The step.
        step: String,
        /// Why not.
        reason: String,
    },
    /// The answer is not one that the step asks for.
    #[error("the answer does not fit what step `{step}` asks: {}", .violations.join("; "))]
    InvalidAnswer {
        /// The step.
        step: String,
        /// Each violation, with its JSON path.
        violations: Vec<String>,
    },
    /// The run takes no such signal.
    #[error("run {run}, which is {status}, does not take the signal `{name}`: {reason}", status = .status.as_str())]
    SignalRefused {
        /// The run.
        run: RunId,
        /// Where the run stands now.
        status: RunStatus,
        /// The signal.
        name: String,
        /// Why not.
        reason: String,
    },
    /// The run cannot go on with another version of its workflow.
    #[error("run {run}, which is {}, cannot be migrated: {}", .status.as_str(), .differences.join("; "))]
    NotMigratable {
        /// The run.
        run: RunId,
        /// Where it stands.
        status: RunStatus,
        /// What stands in the way.
        differences: Vec<String>,
    },
    /// The run would wait for a slot that the run which started it has. It does not exist.
    #[error(
        "`{workflow}` would wait for the run that started it: both belong to concurrency group `{group}`"
    )]
    GroupOfParent {
        /// The workflow.
        workflow: String,
        /// The group.
        group: String,
    },
    /// The run is pinned to another plan.
    #[error("run {run} is pinned to plan {expected}, not {found}")]
    WrongPlan {
        /// The run.
        run: RunId,
        /// The plan it is pinned to.
        expected: PlanHash,
        /// The plan given.
        found: PlanHash,
    },
    /// The state contradicts itself: the run is to be quarantined.
    #[error("the run is inconsistent: {reason}")]
    Inconsistent {
        /// What is wrong.
        reason: String,
    },
}

impl Rejection {
    /// The stable error code, documented in `runtime/errors/`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidInput { .. } => "OSSA-R001",
            Self::Variable { .. } => "OSSA-R002",
            Self::AlreadyStarted { .. } => "OSSA-R003",
            Self::NotStarted => "OSSA-R004",
            Self::UnknownAttempt { .. } => "OSSA-R005",
            Self::NotRetryable { .. } => "OSSA-R006",
            Self::WrongPlan { .. } => "OSSA-R007",
            Self::Inconsistent { .. } => "OSSA-R008",
            Self::NotWaiting { .. } => "OSSA-R012",
            Self::InvalidAnswer { .. } => "OSSA-R013",
            Self::SignalRefused { .. } => "OSSA-R014",
            Self::NotSteerable { .. } => "OSSA-R010",
            Self::StepNotSteerable { .. } => "OSSA-R011",
            Self::NotMigratable { .. } => "OSSA-R015",
            Self::GroupOfParent { .. } => "OSSA-R016",
        }
    }
}

fn in_brackets(remark: &str) -> String {
    if remark.is_empty() {
        String::new()
    } else {
        format!(" ({remark})")
    }
}

impl From<Unfitting> for Rejection {
    fn from(unfitting: Unfitting) -> Self {
        Self::Inconsistent {
            reason: unfitting.reason,
        }
    }
}

/// Applies an input to a run: decides what happened, folds it into the state, and says what is to be done.
///
/// Pure: the same arguments give the same transition. The state is taken by value and changed in place, so a caller
/// that is to keep it (after a rejection, say) keeps a clone or loads it again. `None` is a run that does not exist yet.
///
/// # Errors
/// When the input cannot be applied; nothing changed then.
pub fn apply(
    plan: &Plan,
    state: Option<RunState>,
    input: Input,
    now: Timestamp,
) -> Result<Transition, Rejection> {
    let Some(state) = state else {
        return match input {
            Input::Start(start) => start::start(plan, *start, now),
            Input::Forestall { start, reason } => child::forestall(plan, start, reason, now),
            _ => Err(Rejection::NotStarted),
        };
    };
    if state.plan() != plan.hash() {
        return Err(Rejection::WrongPlan {
            run: state.run(),
            expected: state.plan().clone(),
            found: plan.hash().clone(),
        });
    }
    let mut machine = Machine::new(plan, state, now);
    let answer = match input {
        Input::Start(_) | Input::Forestall { .. } => {
            let run = machine.state.run();
            return Err(Rejection::AlreadyStarted { run });
        }
        Input::Succeeded {
            step,
            output,
            retry_owner,
        } => machine.succeeded(&step, output, retry_owner)?,
        Input::Failed {
            step,
            error,
            retry_owner,
        } => machine.failed(&step, error, retry_owner)?,
        Input::TimerFired { name, generation } => machine.timer_fired(&name, generation)?,
        Input::Cancel { by, reason } => machine.cancel(by, reason)?,
        Input::Decide(decision) => machine.decide(*decision)?,
        Input::Signal { name, payload } => machine.signal(name, payload)?,
        Input::ChildStarted { step } => machine.child_started(&step)?,
        Input::ChildEnded {
            step,
            started,
            result,
        } => machine.child_ended(&step, started, result)?,
        Input::ChildClosed { step } => machine.child_closed(&step)?,
        Input::ParentTold => machine.parent_told()?,
        Input::Admit => machine.admit()?,
        Input::GroupNoted { ahead } => machine.group_noted(ahead)?,
        Input::Close { abort, reason } => machine.close(abort, reason)?,
        Input::Steer(order) => machine.steer(*order)?,
    };
    Ok(machine.finish(answer))
}
