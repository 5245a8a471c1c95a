//! An operator tries a failed step again.

use super::event::{Event, SkipReason};
use super::machine::Machine;
use super::state::{Phase, Place, StepState};
use super::transition::{Answer, Rejection};
use crate::plan::FailureMode;
use crate::port::{RunStatus, StepRef};

impl Machine<'_> {
    /// Gives a failed step one more attempt, and everything its failure kept from running another chance.
    pub(super) fn retry_step(&mut self, place: Place) -> Result<Answer, Rejection> {
        let run = self.state.run();
        let step = self.state.step(place).ok_or(Rejection::UnknownAttempt {
            run,
            step: StepRef {
                run,
                scope: place.scope.0,
                node: place.node.0,
                attempt: 0,
            },
        })?;
        let refused = refusal(self.status(), step.phase).or_else(|| self.halted_by(step.phase));
        if let Some(reason) = refused {
            return Err(Rejection::NotRetryable {
                step: self.node(place)?.id.clone(),
                reason,
            });
        }
        let reopened: Vec<Place> = self
            .state
            .steps()
            .filter(|(other, step)| *other == place || was_kept_back(step.phase))
            .map(|(place, _)| place)
            .collect();
        for place in &reopened {
            self.record(Event::StepReopened {
                step: self.node(*place)?.id.clone(),
                scope: place.scope.0,
                node: place.node.0,
            })?;
        }
        if self.status() == RunStatus::Failed {
            self.record(Event::RunReopened)?;
            self.set_deadline();
        }
        self.unblocked.extend(reopened);
        self.advance()?;
        Ok(Answer::Applied {
            status: self.status(),
        })
    }

    /// Why a canceled step is not the one to retry: under `halt` a run does not go on past a failure, and retrying the
    /// step that failed gives this one its chance as well.
    fn halted_by(&self, phase: Phase) -> Option<String> {
        if phase != Phase::Canceled || self.plan.on_failure() != FailureMode::Halt {
            return None;
        }
        let failed = |(_, step): &(Place, &StepState)| {
            matches!(step.phase, Phase::Failed { continued: false })
        };
        let (place, _) = self.state.steps().find(failed)?;
        let id = &self.plan.node(place.node)?.id;
        Some(format!(
            "it was canceled because `{id}` failed; retry that step"
        ))
    }
}

/// Steps that did not run, or not to their end, because of a failure.
const fn was_kept_back(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::Canceled
            | Phase::Skipped {
                reason: SkipReason::UpstreamFailed | SkipReason::RunEnded
            }
    )
}

fn refusal(run: RunStatus, step: Phase) -> Option<String> {
    match (run, step) {
        (RunStatus::Failed | RunStatus::Running, Phase::Failed { continued: false })
        | (RunStatus::Failed, Phase::Canceled) => None,
        (_, Phase::Failed { continued: true }) => Some("the run has gone on without it".to_owned()),
        (RunStatus::Failed | RunStatus::Running, phase) => {
            Some(format!("it is {}, not failed", phase.as_str()))
        }
        (run, _) => Some(format!("the run is {}", run.as_str())),
    }
}
