//! An operator tries a failed step again.

use std::collections::BTreeSet;

use super::event::{Event, SkipReason};
use super::machine::Machine;
use super::state::{Phase, Place, ScopeId, StepState};
use super::transition::Rejection;
use crate::port::RunStatus;

impl Machine<'_> {
    pub(super) fn reason_not_to_retry(&self, place: Place, step: &StepState) -> Option<String> {
        if step.phase == Phase::Child {
            return None;
        }
        refusal(self.status(), step.phase)
            .or_else(|| self.halted_by(step.phase))
            .or_else(|| self.gone_on_around(place))
    }

    /// Gives a failed step one more attempt, and everything its failure kept from running another chance.
    pub(super) fn retry_step(&mut self, place: Place) -> Result<(), Rejection> {
        let reopened = self.to_reopen(place);
        self.reopen(&reopened)?;
        self.take_up(reopened)?;
        self.advance()
    }

    /// Makes steps pending again, and the run a running one.
    pub(super) fn reopen(&mut self, places: &[Place]) -> Result<(), Rejection> {
        for place in places {
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
        Ok(())
    }

    /// Has steps that were reopened considered.
    pub(super) fn take_up(&mut self, places: Vec<Place>) -> Result<(), Rejection> {
        for place in places {
            let block = self.step(place)?.block.as_ref();
            let scopes = block.map(|block| block.scopes.clone());
            self.done
                .extend(scopes.into_iter().flatten().filter(|scope| {
                    let scope = self.state.scope(*scope);
                    scope.is_some_and(|scope| scope.pending == 0)
                }));
            self.unblocked.push_back(place);
        }
        Ok(())
    }

    /// Why a canceled step is not the one to retry: under `halt` a run does not go on past a failure, and retrying the
    /// step that failed gives this one its chance as well.
    fn halted_by(&self, phase: Phase) -> Option<String> {
        if phase != Phase::Canceled || !self.plan.on_failure().halts() {
            return None;
        }
        let id = self.state.error.as_ref()?.step_id.as_ref()?;
        Some(format!(
            "it was canceled because `{id}` failed; retry that step"
        ))
    }

    /// Why a step is not retried although it failed: a block around it has ended without failing the run, or the run goes on
    /// with what follows it.
    pub(super) fn gone_on_around(&self, place: Place) -> Option<String> {
        if let Some(failing) = &self.state.failing {
            if !self.state.status().is_terminal() {
                return Some("the run is about to fail".to_owned());
            }
            if failing.compensation.is_some() {
                return Some("what the run did has been undone".to_owned());
            }
        }
        if self.state.undoes(place) {
            return Some("it undoes something".to_owned());
        }
        let mut blocks = self.state.around(place).skip(1);
        let ended = blocks.find(|block| {
            let step = self.state.step(*block);
            step.is_none_or(|step| {
                step.phase.is_settled()
                    && !matches!(
                        step.phase,
                        Phase::Failed { continued: false } | Phase::Canceled
                    )
            })
        });
        match ended {
            Some(ended) => {
                let id = &self.plan.node(ended.node)?.id;
                Some(format!("the run has gone on after `{id}`"))
            }
            None => self.going_on_with(place),
        }
    }

    /// A failure that was answered by a jump has the run go on with a later step. While that runs, what was jumped over
    /// cannot have its turn.
    fn going_on_with(&self, place: Place) -> Option<String> {
        let reopened = self.to_reopen(place);
        let later = reopened.iter().flat_map(|before| {
            let dependants = self.plan.dependants(before.node).iter();
            dependants.map(|node| Place {
                node: *node,
                ..*before
            })
        });
        let runs = later
            .filter(|later| !reopened.contains(later))
            .find(|later| {
                let step = self.state.step(*later);
                step.is_some_and(|step| step.phase.has_begun())
            })?;
        let id = &self.plan.node(runs.node)?.id;
        Some(format!("the run goes on with `{id}`"))
    }

    /// The step, the blocks around it, what failed in it, and all that was kept back; a block before what it contains.
    pub(super) fn to_reopen(&self, place: Place) -> Vec<Place> {
        let around: BTreeSet<Place> = self.state.around(place).collect();
        let below: BTreeSet<ScopeId> = self.state.scopes_of(place).into_iter().collect();
        let mut reopened = BTreeSet::new();
        // The number of a scope is above that of the scope it was opened in.
        for (other, step) in self.state.steps() {
            let goes_on = self.state.owner(other.scope).is_none_or(|block| {
                let step = self.state.step(block);
                reopened.contains(&block) || step.is_some_and(|step| step.phase == Phase::Open)
            });
            let failed = matches!(step.phase, Phase::Failed { continued: false });
            let goes_on = goes_on && !self.state.undoes(other);
            let wanted = (around.contains(&other) && step.phase.is_settled())
                || was_kept_back(step.phase)
                || (failed && below.contains(&other.scope));
            if goes_on && wanted {
                reopened.insert(other);
            }
        }
        reopened.into_iter().collect()
    }
}

/// Steps that did not run, or not to their end, because of a failure.
const fn was_kept_back(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::Canceled
            | Phase::Skipped {
                reason: SkipReason::UpstreamFailed
                    | SkipReason::RunEnded
                    | SkipReason::BlockEnded
                    | SkipReason::JumpedOver
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
