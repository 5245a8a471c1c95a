//! People and events that steps wait for. Somebody answers in the end, more than once now and then.

use serde_json::{Value, json};

use super::engine::Outcome;
use super::fault::Fault;
use super::sample;
use super::store::StoreAccess;
use super::world::{Happening, PATIENCE, World};
use crate::plan::{Action, WaitKind};
use crate::port::RunId;
use crate::run::{Answer, Decision, Input, Phase, Place, Rejection};

/// Nobody tries for ever.
const MOST_ANSWERS: u32 = 20;

impl<A: StoreAccess> World<'_, A> {
    /// Somebody will answer a step that has begun to wait.
    pub(super) fn plan_response(&mut self, run: RunId, place: Place) {
        let plan = self.ledgers.get(&run).map(|ledger| &ledger.plan);
        let node = plan.and_then(|plan| plan.node(place.node));
        let stub = node.and_then(|node| self.scenario.stubs.of_step(&node.id));
        let stubbed = stub.and_then(|stub| stub.duration);
        let after = stubbed.unwrap_or_else(|| self.chance.millis(100, 120_000));
        self.plan(after, Happening::Respond(run, place, 0));
        if self.chance.strikes(Fault::DuplicateReport) {
            self.plan(after, Happening::Respond(run, place, 1));
        }
    }

    pub(super) fn respond(&mut self, run: RunId, place: Place, earlier: u32) {
        let Some(input) = self.response(run, place, earlier) else {
            return;
        };
        let process = self.process_for(run);
        match self.change(process, run, input) {
            Outcome::Unanswered => self.plan(PATIENCE, Happening::Respond(run, place, earlier)),
            Outcome::Answered(Answer::Applied { .. }) => {
                self.acknowledge(run);
                if self.waits(run, place) && earlier < MOST_ANSWERS {
                    // One approval of several.
                    let after = self.chance.millis(100, 60_000);
                    self.plan(after, Happening::Respond(run, place, earlier + 1));
                }
            }
            Outcome::Refused(
                rejection @ (Rejection::NotWaiting { .. }
                | Rejection::InvalidAnswer { .. }
                | Rejection::SignalRefused { .. }
                // The iteration it belongs to is finished.
                | Rejection::UnknownAttempt { .. }
                // A power cut took the run before its start was synced; that nothing told is lost is checked there.
                | Rejection::NotStarted),
            ) => self.note(format_args!("{rejection}")),
            other => self.broken(format!("an answer to {place:?} leads to {other:?}")),
        }
    }

    fn waits(&self, run: RunId, place: Place) -> bool {
        let state = self.ledgers.get(&run).and_then(|it| it.shadow.as_ref());
        let step = state.and_then(|state| state.step(place));
        step.is_some_and(|step| step.phase == Phase::Waiting)
    }

    /// What is said in answer, by the user's stub or by chance.
    fn response(&mut self, run: RunId, place: Place, earlier: u32) -> Option<Input> {
        let ledger = self.ledgers.get(&run)?;
        let node = ledger.plan.node(place.node)?;
        let Action::Wait(wait) = &node.action else {
            return None;
        };
        let stubbed = self.scenario.stubs.answer(node, &mut self.chance);
        let decision = match &wait.kind {
            WaitKind::Event { name, .. } => {
                let state = ledger.shadow.as_ref()?.step(place)?;
                let expected = state.wait.as_deref().map(|wait| wait.expects.clone());
                let payload = stubbed.unwrap_or_else(|| expected.unwrap_or_default().into());
                return Some(Input::Signal {
                    name: name.clone(),
                    payload,
                });
            }
            WaitKind::Approval { .. } => {
                stubbed.unwrap_or_else(|| Value::Bool(self.chance.one_in(0.8)))
            }
            WaitKind::Human => stubbed.unwrap_or_else(|| match &wait.form {
                Some(form) => sample::of_schema(form, &mut self.chance).value,
                None => json!({}),
            }),
        };
        Some(Input::Decide(Box::new(Decision {
            scope: place.scope.0,
            node: place.node.0,
            decision,
            by: format!("person {earlier}"),
            comment: None,
        })))
    }
}
