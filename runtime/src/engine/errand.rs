//! What runs ask of each other: carried out right after the commit that decided it, and again when its timer is due,
//! until it is done.

use std::collections::VecDeque;
use std::sync::Arc;

use super::change::rejected;
use super::core::Core;
use super::stored::{Before, Prepared, prepare};
use crate::error::{Category, Error, code};
use crate::plan::{Action, NodeId, Plan};
use crate::port::{Commit, CommitOutcome, RunId, StepRef};
use crate::run::{self, Errand, Input, Rejection, Start, StepError};

/// Errands carried out before a caller gets its answer. What else there is waits for the next tick.
const AT_ONCE: usize = 64;
/// Times a child that appears and disappears is looked for.
const TRIES: u32 = 3;

/// Errands that commits left, with the runs they are of.
pub(super) type Errands = VecDeque<(RunId, Errand)>;

/// A child run that cannot be started, or why nobody can tell.
enum NotStarted {
    /// The attempt fails with this.
    Refused(Box<StepError>),
    Failed(Error),
}

impl From<Error> for NotStarted {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Core {
    /// Notes the errands of a commit that are due.
    pub(super) fn note_errands(commit: &Commit, errands: &mut Errands) {
        let due = commit
            .set_timers
            .iter()
            .filter(|timer| timer.due <= commit.log.at);
        errands.extend(due.filter_map(|timer| {
            let errand = Errand::of(timer.key.run, &timer.key.name, timer.generation)?;
            Some((timer.key.run, errand))
        }));
    }

    /// Carries out errands, and those that they lead to. One that fails is left to its timer.
    pub(super) fn carry_out(&self, mut errands: Errands) {
        for _ in 0..AT_ONCE {
            let Some((run, errand)) = errands.pop_front() else {
                return;
            };
            let _ = self.run_errand(run, errand, &mut errands);
        }
    }

    /// Carries out one errand; `false` when there is nothing to do, or not now.
    pub(super) fn run_errand(
        &self,
        run: RunId,
        errand: Errand,
        more: &mut Errands,
    ) -> Result<bool, Error> {
        match errand {
            Errand::StartChild(step) => self.start_child(run, step, more),
            Errand::CloseChild(step) => self.close_child(run, step, more),
            Errand::TellParent => self.tell_parent(run, more),
            Errand::Group(_) => self.tend_group(run, more),
        }
    }

    fn start_child(&self, run: RunId, step: StepRef, more: &mut Errands) -> Result<bool, Error> {
        let hot = self.current(run)?;
        let Some(start) = hot.state.child_to_start(&hot.plan, &step) else {
            return Ok(false);
        };
        let plan = plan_of_child(&hot.plan, &step, run)?;
        let child = start.run;
        let input = match self.create_child(plan, start, more) {
            Ok(true) => Input::ChildStarted { step },
            Ok(false) => self
                .result_of_child(child)?
                .unwrap_or(Input::ChildStarted { step }),
            Err(NotStarted::Refused(error)) => Input::ChildEnded {
                step,
                started: false,
                result: Err(*error),
            },
            Err(NotStarted::Failed(error)) => return Err(error),
        };
        self.answer(run, input, more).map(|()| true)
    }

    /// How a child run has ended; `None` while it has not.
    pub(super) fn result_of_child(&self, child: RunId) -> Result<Option<Input>, Error> {
        let result = self.current(child)?.state.result_as_child();
        Ok(result.map(|(step, result)| Input::ChildEnded {
            step,
            started: true,
            result,
        }))
    }

    /// Creates a child run; `false` when it is there.
    fn create_child(
        &self,
        plan: Arc<Plan>,
        start: Start,
        more: &mut Errands,
    ) -> Result<bool, NotStarted> {
        self.plans.keep(&plan, &*self.backend()?)?;
        let now = self.now();
        let input = Input::Start(Box::new(start));
        let transition = run::apply(&plan, None, input, now).map_err(|rejection| {
            let code = match rejection {
                Rejection::InvalidInput { .. } => "VALIDATION_FAILED",
                Rejection::Variable { .. } => "EXPRESSION_ERROR",
                Rejection::GroupOfParent { .. } => "CONCURRENCY_DEADLOCK",
                _ => "SUBFLOW_NOT_STARTED",
            };
            refused(code, rejection.to_string())
        })?;
        let prepared = prepare(&Before::default(), plan, transition, now).map_err(|error| {
            match error.code() {
                code::TOO_LARGE => refused("INPUT_TOO_LARGE", error.message().to_owned()),
                _ => NotStarted::Failed(error),
            }
        })?;
        Ok(self.commit_child(prepared, more)?)
    }

    /// Commits the first transition of a child run; `false` when it is there.
    fn commit_child(&self, prepared: Prepared, more: &mut Errands) -> Result<bool, Error> {
        let Prepared { mut commit, hot } = prepared;
        self.publish_events(std::slice::from_mut(&mut commit))?;
        let outcome = self.backend()?.commit(std::slice::from_ref(&commit))?.pop();
        let created = outcome == Some(CommitOutcome::Committed);
        if created {
            self.remember(Arc::new(hot));
            Self::note_errands(&commit, more);
        }
        Ok(created)
    }

    fn close_child(&self, run: RunId, step: StepRef, more: &mut Errands) -> Result<bool, Error> {
        let hot = self.current(run)?;
        let Some((closing, start)) = hot.state.child_to_close(&hot.plan, &step) else {
            return Ok(false);
        };
        let child = start.run;
        let reason = format!("run {run} waits for it no more");
        for _ in 0..TRIES {
            let close = Input::Close {
                abort: closing.abort,
                reason: reason.clone(),
            };
            match self.answer(child, close, more) {
                Err(error) if error.code() == code::RUN_NOT_FOUND && !closing.started => {
                    // Somebody may be just about to start it: what stands in its place keeps it from beginning.
                    let plan = plan_of_child(&hot.plan, &step, run)?;
                    self.plans.keep(&plan, &*self.backend()?)?;
                    let now = self.now();
                    let forestall = Input::Forestall {
                        start: Box::new(start.clone()),
                        reason: reason.clone(),
                    };
                    let transition = run::apply(&plan, None, forestall, now)
                        .map_err(|rejection| rejected(child, &rejection))?;
                    let prepared = prepare(&Before::default(), plan, transition, now)?;
                    if self.commit_child(prepared, more)? {
                        break;
                    }
                }
                Err(error) if error.code() != code::RUN_NOT_FOUND => return Err(error),
                // It has ended, and been removed.
                Ok(()) | Err(_) => break,
            }
        }
        self.answer(run, Input::ChildClosed { step }, more)
            .map(|()| true)
    }

    fn tell_parent(&self, run: RunId, more: &mut Errands) -> Result<bool, Error> {
        let hot = self.current(run)?;
        let Some((step, result)) = hot.state.result_for_parent() else {
            return Ok(false);
        };
        let ended = Input::ChildEnded {
            step,
            started: true,
            result,
        };
        match self.answer(step.run, ended, more) {
            // Its parent has been removed, or goes on with another version that does not know the step.
            Err(error) if !matches!(error.code(), code::RUN_NOT_FOUND | UNKNOWN_ATTEMPT) => {
                return Err(error);
            }
            Ok(()) | Err(_) => {}
        }
        self.answer(run, Input::ParentTold, more).map(|()| true)
    }

    pub(super) fn answer(&self, run: RunId, input: Input, more: &mut Errands) -> Result<(), Error> {
        let answer = self.change_noting(vec![(run, input)], more).pop();
        answer.map_or(Ok(()), |answer| answer.map(drop))
    }
}

/// Code of [`Rejection::UnknownAttempt`].
const UNKNOWN_ATTEMPT: &str = "OSSA-R005";

fn refused(code: &str, message: String) -> NotStarted {
    NotStarted::Refused(Box::new(StepError {
        retryable: Some(false),
        ..StepError::new(code, message)
    }))
}

/// The plan of the workflow that a step runs.
fn plan_of_child(plan: &Plan, step: &StepRef, run: RunId) -> Result<Arc<Plan>, Error> {
    let node = plan.node(NodeId(step.node)).map(|node| &node.action);
    let found = match node {
        Some(Action::Subflow(subflow)) => plan.subflow(&subflow.plan),
        _ => None,
    };
    found.cloned().ok_or_else(|| {
        let message = format!(
            "the plan of run {run} has no workflow for node {}",
            step.node
        );
        Error::new(Category::Store, code::PLAN_UNREADABLE, message).of_run(run)
    })
}
