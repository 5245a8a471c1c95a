//! Deliveries that the subscriber does not get now: they wait for its circuit breaker, or another subscriber gets them.

use std::sync::Arc;

use super::super::breaker::Guarded;
use super::super::core::Core;
use super::receive::{Hold, Taken};
use super::slip::Slip;
use super::subscriber::Subscriber;
use super::table::Table;
use crate::error::Error;
use crate::port::{NewMessage, Publication, Timestamp};
use crate::routing::Envelope;
use crate::run::StepError;

/// The channel that keeps a delivery from being handed over twice.
const CHANNEL: &str = "ossa.handed-over";

/// What the breaker of a subscriber says of a delivery.
pub(super) enum Guard {
    /// It may be handed out.
    Passes,
    /// It waits.
    Waits(Timestamp),
    /// This one gets it, and after it those that the slip says.
    Instead(Arc<Subscriber>, Box<Slip>),
}

impl Core {
    /// The breaker of a delivery's subscriber, and how it knows the delivery.
    fn guarded_delivery(&self, slip: &Slip, envelope: &Envelope) -> Option<Guarded> {
        let name = &slip.subscriber;
        let holder = format!("{}:{}:{name}", slip.channel, slip.message);
        self.guarded_subscriber(name, envelope.tenant(), holder)
    }

    /// Whether a delivery may be handed out now.
    pub(super) fn guard(
        &self,
        table: &Table,
        slip: &Slip,
        envelope: &Envelope,
    ) -> Result<Guard, Error> {
        let Some(guarded) = self.guarded_delivery(slip, envelope) else {
            return Ok(Guard::Passes);
        };
        let Some(until) = self.parked_until(&guarded)? else {
            return Ok(Guard::Passes);
        };
        if let Some(next) = next_of(table, slip) {
            return Ok(Guard::Instead(next.0, Box::new(next.1)));
        }
        let fallback = self.options.breaker(&slip.subscriber).fallback;
        let fallback = fallback.and_then(|name| table.subscriber(&name));
        Ok(match fallback {
            // What stands in for others waits: two could hand it to each other without end.
            Some(fallback) if slip.instead_of.is_none() && fallback.name != slip.subscriber => {
                let slip = Slip {
                    instead_of: Some(slip.subscriber.clone()),
                    ..to(fallback, slip)
                };
                Guard::Instead(Arc::clone(fallback), Box::new(slip))
            }
            _ => Guard::Waits(until),
        })
    }

    /// Tells the breaker of a subscriber how a delivery ended.
    pub(super) fn note_delivery(
        &self,
        slip: &Slip,
        envelope: &Envelope,
        error: Option<&StepError>,
    ) {
        if let Some(guarded) = self.guarded_delivery(slip, envelope) {
            self.note_attempt(&guarded, error);
        }
    }

    /// Puts a delivery into the queue of another subscriber, with all attempts before it; `false` when it is someone else's
    /// by now.
    pub(super) fn hand_over(
        &self,
        taken: &Taken,
        subscriber: &Subscriber,
        slip: &Slip,
    ) -> Result<bool, Error> {
        let (backend, now) = (self.backend()?, self.now());
        let (queue, headers) = (subscriber.queue(), slip.to_headers());
        match &taken.hold {
            Hold::Done => Ok(false),
            Hold::Queue(receipt) => {
                let receipts = std::slice::from_ref(receipt);
                let moved = backend.reject(receipts, &queue, Some(&headers), now)?;
                Ok(moved.contains(&true))
            }
            Hold::Stream { position, fence } => {
                let from = &taken.slip.subscriber;
                // In one transaction, and once however often it is repeated.
                let publication = Publication {
                    channel: CHANNEL.to_owned(),
                    source: "ossa".to_owned(),
                    id: format!("{}:{from}:{fence}", slip.message),
                    expires_at: None,
                    body: b"{}".to_vec(),
                    deliver: vec![NewMessage {
                        queue,
                        priority: taken.priority,
                        available_at: now,
                        body: taken.body.clone(),
                        headers,
                        step: None,
                    }],
                };
                backend.append(&[publication], now)?;
                self.change_follower(from, |follower| follower.done(*position, *fence))
            }
        }
    }
}

/// Who gets a delivery that its subscriber cannot handle, and what is written on it then.
pub(super) fn next_of(table: &Table, slip: &Slip) -> Option<(Arc<Subscriber>, Slip)> {
    let mut names = slip.next.clone();
    let next = table.first_of(&mut names)?;
    let slip = Slip {
        next: names,
        ..to(next, slip)
    };
    Some((Arc::clone(next), slip))
}

/// The slip for another subscriber.
fn to(subscriber: &Subscriber, slip: &Slip) -> Slip {
    Slip {
        subscriber: subscriber.name.clone(),
        handler: None,
        position: None,
        ..slip.clone()
    }
}
