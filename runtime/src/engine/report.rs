//! Results of attempts: the first one counts, and is durable when the report returns.

use serde_json::Value;

use super::Engine;
use super::breaker::Guarded;
use super::change::Changed;
use super::core::Core;
use super::unreadable::is_unreadable;
use crate::error::Error;
use crate::port::{RunId, RunStatus, StepRef};
use crate::run::{Answer, Input, Next, RetryOwner, StepError};

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum StepOutcome {
    /// The handler returned this.
    Success(Value),
    /// It failed with this.
    Failure(StepError),
}

/// What became of a reported result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepReport {
    /// The run.
    pub run: RunId,
    /// Whether the result was recorded.
    pub result: Reported,
    /// The run's status after the report.
    pub run_status: RunStatus,
}

/// Whether a result was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// It was, and this follows for the step.
    Recorded(Next),
    /// The attempt has a result already; the first one counts.
    Duplicate,
    /// The attempt is over, or another worker's now.
    Late,
}

impl Engine {
    /// Reports the output of an attempt. Durable when it returns.
    ///
    /// # Errors
    /// Category token; `OSSA-N001` when the store has no such run; what the store fails with. After a store error,
    /// repeat the call: the result is recorded once.
    pub fn complete(&self, token: &str, output: Value) -> Result<StepReport, Error> {
        let step = self.core().read_token(token)?;
        self.core().report(step, StepOutcome::Success(output))
    }

    /// Reports that an attempt failed. Durable when it returns.
    ///
    /// # Errors
    /// As [`complete`](Self::complete).
    pub fn fail(&self, token: &str, error: StepError) -> Result<StepReport, Error> {
        let step = self.core().read_token(token)?;
        self.core().report(step, StepOutcome::Failure(error))
    }

    /// Reports many results in one transaction; answers are in the order of the reports. Each stands for itself.
    pub fn report_many(
        &self,
        reports: Vec<(String, StepOutcome)>,
    ) -> Vec<Result<StepReport, Error>> {
        let core = self.core();
        let read: Vec<_> = reports
            .into_iter()
            .map(|(token, outcome)| core.read_token(&token).map(|step| (step, outcome)))
            .collect();
        core.report_each(read, core.options.retry_owner)
    }
}

impl Core {
    pub(super) fn report(&self, step: StepRef, outcome: StepOutcome) -> Result<StepReport, Error> {
        self.report_one(step, outcome, self.options.retry_owner)
    }

    /// Ends an attempt that the engine gives up by itself. No message of the host is about to be redelivered then, so
    /// the delay of a retry is the engine's to wait out.
    pub(super) fn give_up(&self, step: StepRef, error: StepError) -> Result<StepReport, Error> {
        self.report_one(step, StepOutcome::Failure(error), RetryOwner::Engine)
    }

    fn report_one(
        &self,
        step: StepRef,
        outcome: StepOutcome,
        retry_owner: RetryOwner,
    ) -> Result<StepReport, Error> {
        self.report_each(vec![Ok((step, outcome))], retry_owner)
            .pop()
            .unwrap_or_else(|| Err(super::stored::not_found(step.run)))
    }

    fn report_each(
        &self,
        reports: Vec<Result<(StepRef, StepOutcome), Error>>,
        retry_owner: RetryOwner,
    ) -> Vec<Result<StepReport, Error>> {
        let mut answers = Vec::with_capacity(reports.len());
        let mut steps = Vec::with_capacity(reports.len());
        let mut inputs = Vec::with_capacity(reports.len());
        for report in reports {
            answers.push(match report {
                Err(error) => Some(Err(error)),
                Ok((step, outcome)) => match self.is_late(&step, &outcome) {
                    Err(error) => Some(Err(error)),
                    Ok(true) => Some(self.late(&step)),
                    Ok(false) => {
                        let call = self.call_to_note(&step, &outcome);
                        inputs.push((step.run, input(step, outcome, retry_owner)));
                        steps.push((step, call));
                        None
                    }
                },
            });
        }
        let mut changed = self.change_many(inputs).into_iter().zip(steps);
        answers
            .into_iter()
            .filter_map(|answer| {
                answer.or_else(|| {
                    let (changed, (step, call)) = changed.next()?;
                    if changed.as_ref().is_err_and(is_unreadable) {
                        // Its lease is to run out: whoever gets it next finds out what is wrong before running it.
                        self.claims.remove(&step);
                    }
                    let report = changed.map(|changed| self.reported(&step, &changed));
                    if let (Ok(report), Some((guarded, error))) = (&report, call)
                        && matches!(report.result, Reported::Recorded(_))
                    {
                        self.note_attempt(&guarded, error.as_ref());
                    }
                    Some(report)
                })
            })
            .collect()
    }

    /// What circuit breakers learn from a result.
    fn call_to_note(
        &self,
        step: &StepRef,
        outcome: &StepOutcome,
    ) -> Option<(Guarded, Option<StepError>)> {
        if self.options.breakers.is_empty() {
            return None;
        }
        let guarded = self.guarded(&self.claims.get(step)?.claim.job)?;
        let error = match outcome {
            StepOutcome::Success(_) => None,
            StepOutcome::Failure(error) => Some(error.clone()),
        };
        Some((guarded, error))
    }

    fn reported(&self, step: &StepRef, changed: &Changed) -> StepReport {
        self.claims.remove(step);
        let result = match changed.answer {
            Answer::Recorded { next, .. } => Reported::Recorded(next),
            Answer::Duplicate => Reported::Duplicate,
            Answer::Late | Answer::Ignored | Answer::Applied { .. } => Reported::Late,
        };
        StepReport {
            run: step.run,
            result,
            run_status: changed.hot.head.status,
        }
    }

    /// A failure of an attempt that another worker has taken over says nothing about that worker's doing. A success is
    /// taken: the work is done.
    fn is_late(&self, step: &StepRef, outcome: &StepOutcome) -> Result<bool, Error> {
        let Some(held) = self.claims.get(step) else {
            return Ok(false);
        };
        if matches!(outcome, StepOutcome::Success(_)) {
            return Ok(false);
        }
        if held.lost {
            return Ok(true);
        }
        let lease = self.lease();
        if held.lease_until > lease.now {
            return Ok(false);
        }
        let kept = self
            .backend()?
            .extend(std::slice::from_ref(&held.receipt), lease.until())?;
        Ok(kept.first() != Some(&true))
    }

    fn late(&self, step: &StepRef) -> Result<StepReport, Error> {
        self.claims.remove(step);
        let hot = self.current(step.run)?;
        Ok(StepReport {
            run: step.run,
            result: Reported::Late,
            run_status: hot.head.status,
        })
    }
}

fn input(step: StepRef, outcome: StepOutcome, retry_owner: RetryOwner) -> Input {
    match outcome {
        StepOutcome::Success(output) => Input::Succeeded {
            step,
            output,
            retry_owner,
        },
        StepOutcome::Failure(error) => Input::Failed {
            step,
            error,
            retry_owner,
        },
    }
}
