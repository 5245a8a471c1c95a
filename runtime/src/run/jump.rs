//! `on_error: goto`: a failure is answered by a later step of the same block.

use std::collections::BTreeSet;

use super::event::{Event, RunError, SkipReason};
use super::input::StepError;
use super::machine::Machine;
use super::state::{Phase, Place};
use super::transition::{Next, Rejection};
use crate::plan::{FailureMode, NodeId, OnError};

impl Machine<'_> {
    /// Fails a step, skips what stands between, and has the target considered. `None` when the target has begun already:
    /// then the failure is one like any other.
    pub(super) fn jump(
        &mut self,
        place: Place,
        target: NodeId,
        error: &StepError,
    ) -> Result<Option<Next>, Rejection> {
        let to = Place {
            node: target,
            ..place
        };
        if self.step(to)?.phase != Phase::Pending || self.state.undoes(place) {
            return Ok(None);
        }
        let handled = self.node(to)?.on_error == Some(OnError::Continue)
            || self.node(place)?.is_async
            || self.plan.on_failure() == FailureMode::Continue;
        self.step_failed(place, error.clone(), handled)?;
        let id = self.node(place)?.id.clone();
        let attempt = self.step(place)?.attempt;
        self.record(Event::StepJumpedTo {
            step: self.node(to)?.id.clone(),
            scope: to.scope.0,
            node: to.node.0,
            error: RunError::of_step(error, &id, attempt),
            from: id,
        })?;
        self.skip_all_but(to)?;
        self.unblocked.push_back(to);
        Ok(Some(if handled { Next::Handled } else { Next::Final }))
    }

    /// Stops the other steps of the block, those apart that come after `target`.
    fn skip_all_but(&mut self, target: Place) -> Result<(), Rejection> {
        let mut kept = BTreeSet::from([target.node]);
        let mut left = vec![target.node];
        while let Some(node) = left.pop() {
            for after in self.plan.dependants(node) {
                if kept.insert(*after) {
                    left.push(*after);
                }
            }
        }
        let others = self.state.places(target.scope).map(|(place, _)| place);
        let others: Vec<_> = others.filter(|place| !kept.contains(&place.node)).collect();
        for other in &others {
            self.stop_block(*other)?;
        }
        self.unblocked.retain(|place| place.scope != target.scope);
        self.stop(others, SkipReason::JumpedOver)?;
        self.done.push_back(target.scope);
        Ok(())
    }
}
