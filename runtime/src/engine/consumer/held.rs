//! Messages handed out: what they are when the host comes back with them.

use std::time::Instant;

use super::{Received, Shared, State};
use crate::engine::claim::Admitted;
use crate::port::{MessageId, Receipt, StepRef};

/// A message handed out, under its id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    fence: u64,
    pub(super) step: Option<StepRef>,
    pub(super) lost: bool,
}

impl Held {
    pub(super) fn receipt(self, id: MessageId) -> Receipt {
        let fence = self.fence;
        Receipt { id, fence }
    }

    /// Whether its lease is kept by the consumer rather than by the engine's table of attempts.
    pub(super) fn is_kept_here(&self) -> bool {
        self.step.is_none() && !self.lost
    }
}

/// What a held message is by now.
pub(super) enum Holding {
    /// An ordinary message, still ours as far as is known.
    Message,
    /// An attempt without a result.
    Attempt(StepRef),
    /// An attempt whose result is in, or that was given back.
    Settled,
    /// Someone else's.
    Lost,
}

impl Shared {
    pub(super) fn holding(&self, receipt: &Receipt, held: Held) -> Holding {
        let Some(step) = held.step else {
            return if held.lost {
                Holding::Lost
            } else {
                Holding::Message
            };
        };
        match self.core.claims.get(&step) {
            None => Holding::Settled,
            Some(claim) if claim.lost || claim.receipt != *receipt => Holding::Lost,
            Some(_) => Holding::Attempt(step),
        }
    }

    /// Turns fetched messages into the host's. Attempts become claims of the engine.
    pub(super) fn hand_out(&self, state: &mut State, taken: Vec<Admitted>) -> Vec<Received> {
        let received: Vec<_> = taken
            .into_iter()
            .map(|admitted| {
                let Admitted { delivery, claim } = admitted;
                if let Some(claim) = &claim {
                    self.core.hold(claim, &delivery);
                }
                let held = Held {
                    fence: delivery.receipt.fence,
                    step: claim.as_ref().map(|claim| claim.step_ref()),
                    lost: false,
                };
                let id = delivery.receipt.id;
                state.held.insert(id.clone(), held);
                Received {
                    id,
                    queue: delivery.queue,
                    priority: delivery.priority,
                    published_at: delivery.published_at,
                    body: delivery.body,
                    headers: delivery.headers,
                    step: claim,
                }
            })
            .collect();
        state.window.handed_out(received.len(), Instant::now());
        received
    }
}
