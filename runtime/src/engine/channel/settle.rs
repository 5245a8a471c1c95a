//! Ending deliveries: done, failed, given back.

use std::time::Duration;

use super::super::core::Core;
use super::hand_over::next_of;
use super::receipt::{ReceiptError, ReceiptStatus};
use super::receive::{ChannelDelivery, Hold, Taken};
use super::slip::{Failure, Slip};
use super::subscriber::Subscriber;
use super::table::Table;
use super::{Channels, Reason};
use crate::error::{Category, Error, code};
use crate::manifest::model::Guarantee;
use crate::policy::RetryDecision;
use crate::port::Timestamp;
use crate::routing::ChannelName;
use crate::run::StepError;

/// What becomes of a delivery that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// It is delivered again.
    RetryAt(Timestamp),
    /// It is a dead letter of this channel.
    DeadLetter(String),
    /// This subscriber gets it instead.
    HandedOver(String),
    /// It is gone: its subscriber keeps no dead letters, or it was one already, or it is delivered at most once.
    Dropped,
}

impl Channels {
    /// A delivery is done.
    ///
    /// # Errors
    /// `OSSA-N012` when it is someone else's by now; what the store fails with.
    pub fn ack(&self, delivery: &ChannelDelivery) -> Result<(), Error> {
        self.0.ack_delivery(delivery)
    }

    /// A delivery failed. It is delivered again when its subscriber's policy allows it, and becomes a dead letter otherwise.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    pub fn fail(&self, delivery: &ChannelDelivery, error: &StepError) -> Result<Failed, Error> {
        self.0.fail_delivery(delivery, error)
    }

    /// Gives a delivery back untouched: it is handed out again after the delay, and no attempt counts.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    pub fn release(&self, delivery: &ChannelDelivery, delay: Duration) -> Result<(), Error> {
        let at = self.0.now().after(delay);
        self.0.give_back(delivery, at)
    }

    /// Keeps a delivery for so long from now on.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    pub fn extend(&self, delivery: &ChannelDelivery, by: Duration) -> Result<(), Error> {
        let core = &self.0;
        let until = core.now().after(by);
        let extended = match &delivery.hold {
            Hold::Done => true,
            Hold::Queue(receipt) => core
                .backend()?
                .extend(std::slice::from_ref(receipt), until)?
                .contains(&true),
            Hold::Stream { position, fence } => core
                .change_follower(&delivery.subscriber, |follower| {
                    follower.extend(*position, *fence, until)
                })?,
        };
        held(extended, delivery)
    }
}

impl Core {
    pub(super) fn ack_delivery(&self, delivery: &ChannelDelivery) -> Result<(), Error> {
        let table = self.table()?;
        let subscriber = table.subscriber(&delivery.subscriber);
        let kept = subscriber
            .is_some_and(|it| it.receipts || it.guarantee == Guarantee::ExactlyOnce)
            || delivery.attempt > 1;
        if kept {
            // First: a delivery that is gone without it might be handed out again by a replay.
            self.note_receipt(
                &delivery.slip,
                ReceiptStatus::Processed,
                (delivery.attempt, delivery.losses),
                None,
            )?;
        }
        self.end(delivery)?;
        self.note_delivery(&delivery.slip, &delivery.envelope, None);
        Ok(())
    }

    pub(super) fn fail_delivery(
        &self,
        delivery: &ChannelDelivery,
        error: &StepError,
    ) -> Result<Failed, Error> {
        self.note_delivery(&delivery.slip, &delivery.envelope, Some(error));
        let table = self.table()?;
        let unknown;
        let subscriber: &Subscriber = match table.subscriber(&delivery.subscriber) {
            Some(subscriber) => subscriber,
            None => {
                unknown = Subscriber::new(delivery.subscriber.as_str());
                &unknown
            }
        };
        if delivery.hold == Hold::Done {
            let failed = ReceiptError::of(error, false);
            let (slip, attempt) = (&delivery.slip, (delivery.attempt, delivery.losses));
            self.note_receipt(slip, ReceiptStatus::Failed, attempt, Some(failed))?;
            return Ok(Failed::Dropped);
        }
        let sample = rand::random();
        match subscriber.retry.decide(delivery.attempt, error, sample) {
            RetryDecision::Retry { delay } => {
                let failed = ReceiptError::of(error, true);
                let (slip, attempt) = (&delivery.slip, (delivery.attempt, delivery.losses));
                self.note_receipt(slip, ReceiptStatus::Failed, attempt, Some(failed))?;
                let at = self.now().after(delay);
                self.give_back(delivery, at)?;
                Ok(Failed::RetryAt(at))
            }
            RetryDecision::Stop(_) => {
                let taken = Taken {
                    slip: delivery.slip.clone(),
                    body: delivery.original.clone(),
                    priority: delivery.priority,
                    hold: delivery.hold.clone(),
                    losses: delivery.losses,
                    again: true,
                };
                let reason = Reason::HandlerFailed;
                self.abandon_delivery(&table, subscriber, &taken, reason, error, delivery.attempt)
            }
        }
    }

    fn end(&self, delivery: &ChannelDelivery) -> Result<(), Error> {
        held(
            self.done_with(&delivery.subscriber, &delivery.hold)?,
            delivery,
        )
    }

    /// Removes what is done; `false` when it is someone else's by now.
    pub(super) fn done_with(&self, subscriber: &str, hold: &Hold) -> Result<bool, Error> {
        match hold {
            Hold::Done => Ok(true),
            Hold::Queue(receipt) => {
                let acked = self.backend()?.ack(std::slice::from_ref(receipt))?;
                Ok(acked.contains(&true))
            }
            Hold::Stream { position, fence } => {
                self.change_follower(subscriber, |follower| follower.done(*position, *fence))
            }
        }
    }

    fn give_back(&self, delivery: &ChannelDelivery, at: Timestamp) -> Result<(), Error> {
        let given_back = self.put_off(&delivery.subscriber, &delivery.hold, at)?;
        held(given_back, delivery)
    }

    /// Has a delivery handed out again at that time; `false` when it is someone else's by now.
    pub(super) fn put_off(
        &self,
        subscriber: &str,
        hold: &Hold,
        at: Timestamp,
    ) -> Result<bool, Error> {
        match hold {
            Hold::Done => Ok(true),
            Hold::Queue(receipt) => {
                let releases = [(receipt.clone(), at)];
                let released = self.backend()?.release(&releases, self.now())?;
                Ok(released.contains(&true))
            }
            Hold::Stream { position, fence } => self.change_follower(subscriber, |follower| {
                follower.give_back(*position, *fence, at)
            }),
        }
    }

    /// Ends a delivery for good that was not handled: the next subscriber gets it or, where there is none, it becomes a dead
    /// letter, unless its subscriber wants none.
    pub(super) fn abandon_delivery(
        &self,
        table: &Table,
        subscriber: &Subscriber,
        taken: &Taken,
        reason: Reason,
        error: &StepError,
        attempts: u32,
    ) -> Result<Failed, Error> {
        let now = self.now();
        let slip = &taken.slip;
        let status = match reason {
            Reason::Expired => ReceiptStatus::Expired,
            Reason::SchemaInvalid => ReceiptStatus::Rejected,
            _ => ReceiptStatus::Failed,
        };
        let failed = ReceiptError::of(error, false);
        self.note_receipt(slip, status, (attempts, taken.losses), Some(failed))?;
        if matches!(reason, Reason::HandlerFailed | Reason::SchemaInvalid)
            && let Some((next, slip)) = next_of(table, slip)
        {
            self.hand_over(taken, &next, &slip)?;
            return Ok(Failed::HandedOver(next.name.clone()));
        }
        // A name that was none would not have been published on.
        let channel = ChannelName::parse(&slip.channel).ok();
        let dead = channel.and_then(|it| table.dead_letters_of(Some(subscriber), &it));
        let Some(dead) = dead else {
            self.done_with(&subscriber.name, &taken.hold)?;
            return Ok(Failed::Dropped);
        };
        let slip = Slip {
            failure: Some(Failure {
                reason,
                code: error.code.clone(),
                message: error.message.clone(),
                attempts,
                at: now,
                channel: dead.to_string(),
            }),
            ..slip.clone()
        };
        self.move_to_dead_letters(table, &slip, taken, now)?;
        Ok(Failed::DeadLetter(dead.to_string()))
    }
}

fn held(held: bool, delivery: &ChannelDelivery) -> Result<(), Error> {
    if held {
        return Ok(());
    }
    let message = format!(
        "the delivery of message `{}` to `{}` is someone else's by now",
        delivery.envelope.id, delivery.subscriber
    );
    Err(
        Error::new(Category::Transport, code::LEASE_LOST, message).with_help(
            "give the subscriber a longer timeout, or prolong the delivery while it is handled",
        ),
    )
}
