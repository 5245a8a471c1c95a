//! Taking deliveries: from queues, and from the stream for those with an order or a limit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::core::Core;
use super::hand_over::Guard;
use super::receipt::{DeliveryReceipt, ReceiptStatus};
use super::slip::Slip;
use super::subscriber::{Subscriber, Target};
use super::table::Table;
use super::{Channels, Reason};
use crate::error::Error;
use crate::manifest::model::Guarantee;
use crate::port::{Delivery, Lease, Position, Priority, Receipt, Receive, Timestamp};
use crate::routing::Envelope;
use crate::run::StepError;

/// So many deliveries that are not handed out are passed over in one call: they wait, or have become dead letters.
const MOST_TURNED_AWAY: usize = 1000;
/// What needs code of the host waits so long where that cannot be called.
const NOT_HERE: Duration = Duration::from_secs(1);
/// The longest wait between two looks at what may have become due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Which deliveries to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiveDeliveries {
    /// To these subscribers.
    pub subscribers: Vec<String>,
    /// At most this many.
    pub max: usize,
    /// How long to wait for the first.
    pub wait: Duration,
}

/// A message in the hands of a worker.
#[derive(Debug, Clone)]
pub struct ChannelDelivery {
    /// To whom.
    pub subscriber: String,
    /// Which of the subscriber's handlers is meant.
    pub handler: Option<String>,
    /// The rule that sent it.
    pub rule: Option<String>,
    /// The message, with the payload that the subscriber gets.
    pub envelope: Envelope,
    /// The message as it was published, byte by byte.
    pub original: Vec<u8>,
    /// How urgent it is.
    pub priority: Priority,
    /// Counts from 1.
    pub attempt: u32,
    /// The same for each attempt: for handlers that must not do a thing twice.
    pub effect_key: String,
    /// What is written on it.
    pub(super) slip: Slip,
    pub(super) hold: Hold,
    /// How often a holder was lost.
    pub(super) losses: u32,
}

/// What proves that a worker has a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hold {
    /// The claim of a queue's message.
    Queue(Receipt),
    /// A claim in the record of a subscriber that reads the stream.
    Stream { position: Position, fence: u64 },
    /// It was done with before it was handed out.
    Done,
}

/// A delivery as it was taken, not looked at yet.
pub(super) struct Taken {
    pub(super) slip: Slip,
    pub(super) body: Vec<u8>,
    pub(super) priority: Priority,
    pub(super) hold: Hold,
    /// How often a holder was lost.
    pub(super) losses: u32,
    /// Whether it was handed out before.
    pub(super) again: bool,
}

/// What became of a delivery that was looked at.
enum Looked {
    /// It may be handed out.
    Passes(Box<ChannelDelivery>),
    /// It waits until then.
    Waits(Hold, Timestamp),
    /// It is done with.
    Ended,
}

/// What was taken.
#[derive(Default)]
pub(super) struct Found {
    pub(super) deliveries: Vec<ChannelDelivery>,
    /// How many were not handed out: there may be more behind them.
    pub(super) turned_away: usize,
}

impl Found {
    fn add(&mut self, looked: Looked, waits: &mut Vec<(Hold, Timestamp)>) {
        match looked {
            Looked::Passes(delivery) => self.deliveries.push(*delivery),
            Looked::Waits(hold, at) => {
                waits.push((hold, at));
                self.turned_away += 1;
            }
            Looked::Ended => self.turned_away += 1,
        }
    }
}

impl Channels {
    /// Takes deliveries, most urgent first, waiting for the first. Each is to be ended by [`ack`](Self::ack),
    /// [`fail`](Self::fail) or [`release`](Self::release) within the subscriber's timeout, or prolonged.
    ///
    /// What has expired, or breaks the subscriber's schema, is not handed out: it becomes a dead letter.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn receive(&self, request: &ReceiveDeliveries) -> Result<Vec<ChannelDelivery>, Error> {
        let core = &self.0;
        let deadline = Instant::now().checked_add(request.wait);
        let mut seen = 0;
        let mut turned_away = 0;
        loop {
            let table = core.table()?;
            let found = core.take_deliveries(&table, &request.subscribers, request.max)?;
            if !found.deliveries.is_empty() || request.max == 0 {
                return Ok(found.deliveries);
            }
            turned_away += found.turned_away;
            if found.turned_away > 0 && turned_away < MOST_TURNED_AWAY {
                continue;
            }
            // Where a thread of ours takes what starts runs, it cannot call the host's transforms: this thread can.
            if table.has_transforms_of_host() {
                core.start_delivered()?;
            }
            let left = deadline.map_or(LOOK_EVERY, |it| {
                it.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return Ok(Vec::new());
            }
            // The first wait may be for nothing: what was published before it has been looked for.
            seen = core
                .backend()?
                .wait_for_change(seen, left.min(LOOK_EVERY))?;
        }
    }
}

impl Core {
    /// Takes what there is, without waiting.
    pub(super) fn take_deliveries(
        &self,
        table: &Table,
        subscribers: &[String],
        max: usize,
    ) -> Result<Found, Error> {
        let mut found = Found::default();
        let (mut followers, mut queues) = (Vec::new(), Vec::new());
        let mut timeout = Duration::ZERO;
        for name in subscribers {
            match table.subscriber(name) {
                Some(subscriber) => {
                    if subscriber.follows() {
                        followers.push(Arc::clone(subscriber));
                    }
                    // Also of those that read the stream: what is replayed is there.
                    timeout = timeout.max(subscriber.timeout);
                    queues.push(subscriber.queue());
                }
                // It is gone; what is left for it is handed out all the same.
                None => queues.push(super::subscriber::queue_of(name)),
            }
        }
        // Nobody is always the last to be asked.
        if rand::random() {
            self.take_of_stream(table, &followers, max, &mut found)?;
            self.take_of_queues(table, queues, timeout, max, &mut found)?;
        } else {
            self.take_of_queues(table, queues, timeout, max, &mut found)?;
            self.take_of_stream(table, &followers, max, &mut found)?;
        }
        Ok(found)
    }

    fn take_of_stream(
        &self,
        table: &Table,
        followers: &[Arc<Subscriber>],
        max: usize,
        found: &mut Found,
    ) -> Result<(), Error> {
        for subscriber in followers {
            let left = max.saturating_sub(found.deliveries.len());
            if left == 0 {
                break;
            }
            let mut waits = Vec::new();
            for taken in self.follow(table, subscriber, left)? {
                found.add(self.look_at(table, taken)?, &mut waits);
            }
            for (hold, at) in waits {
                self.put_off(&subscriber.name, &hold, at)?;
            }
        }
        Ok(())
    }

    fn take_of_queues(
        &self,
        table: &Table,
        queues: Vec<String>,
        timeout: Duration,
        max: usize,
        found: &mut Found,
    ) -> Result<(), Error> {
        let left = max.saturating_sub(found.deliveries.len());
        if queues.is_empty() || left == 0 {
            return Ok(());
        }
        let request = Receive {
            queues,
            worker: self.worker.clone(),
            max: left,
            eldest: self.turns.eldest_of(left),
            lease: Lease {
                now: self.now(),
                duration: match timeout.is_zero() {
                    true => self.options.lease,
                    false => timeout,
                },
            },
        };
        let mut waits = Vec::new();
        for delivery in self.backend()?.receive(&request)? {
            let looked = match self.taken(delivery)? {
                Some(taken) => self.look_at(table, taken)?,
                None => Looked::Ended,
            };
            found.add(looked, &mut waits);
        }
        let releases: Vec<_> = waits
            .into_iter()
            .filter_map(|(hold, at)| match hold {
                Hold::Queue(receipt) => Some((receipt, at)),
                Hold::Stream { .. } | Hold::Done => None,
            })
            .collect();
        if !releases.is_empty() {
            self.backend()?.release(&releases, self.now())?;
        }
        Ok(())
    }

    /// A delivery of a queue; what cannot be read is set aside.
    fn taken(&self, delivery: Delivery) -> Result<Option<Taken>, Error> {
        let Some(slip) = Slip::read(&delivery.headers) else {
            let dead = super::dead_letter::queue_of(super::publish::UNREADABLE);
            let receipts = [delivery.receipt];
            self.backend()?.reject(&receipts, &dead, None, self.now())?;
            return Ok(None);
        };
        Ok(Some(Taken {
            slip,
            again: delivery.receipt.fence > 1,
            losses: delivery.losses,
            priority: delivery.priority,
            body: delivery.body,
            hold: Hold::Queue(delivery.receipt),
        }))
    }

    /// Decides whether a delivery is handed out; what is not is done with.
    fn look_at(&self, table: &Table, mut taken: Taken) -> Result<Looked, Error> {
        let now = self.now();
        let name = taken.slip.subscriber.clone();
        let unknown;
        let subscriber: &Subscriber = match table.subscriber(&name) {
            Some(subscriber) => subscriber,
            None => {
                unknown = Subscriber::new(name.as_str());
                &unknown
            }
        };
        let slip = &taken.slip;
        let exactly_once = subscriber.guarantee == Guarantee::ExactlyOnce;
        let known = match taken.again || exactly_once || taken.losses > 0 {
            true => self.receipt(&slip.channel, &slip.message, &name)?,
            false => None,
        };
        if exactly_once
            && known
                .as_ref()
                .is_some_and(|it| it.status == ReceiptStatus::Processed)
        {
            self.done_with(&name, &taken.hold)?;
            return Ok(Looked::Ended);
        }
        let is_first = known.is_none();
        let failed = known.filter(|it| it.status == ReceiptStatus::Failed);
        // Losses are counted on the delivery; those before the last failure are among its attempts.
        let (before, counted) = failed.map_or((0, 0), |it| (it.delivery_attempt, it.losses));
        let attempt = before + taken.losses.saturating_sub(counted) + 1;
        let envelope = std::str::from_utf8(&taken.body)
            .ok()
            .and_then(|text| Envelope::from_json(text, now).ok());
        let Some(mut envelope) = envelope else {
            let error = StepError::new("OSSA-C001", "what was published is no envelope any more");
            self.abandon_delivery(
                table,
                subscriber,
                &taken,
                Reason::UnknownEnvelope,
                &error,
                attempt,
            )?;
            return Ok(Looked::Ended);
        };
        if taken.slip.expires_at.is_some_and(|at| at <= now) {
            let error = StepError::new("TTL_EXPIRED", "its time to live was over");
            self.abandon_delivery(
                table,
                subscriber,
                &taken,
                Reason::Expired,
                &error,
                attempt - 1,
            )?;
            return Ok(Looked::Ended);
        }
        if taken.losses >= self.options.max_losses {
            let error = StepError::new("WORKER_LOST", "it was with workers that were lost");
            self.note_delivery(&taken.slip, &envelope, Some(&error));
            self.abandon_delivery(
                table,
                subscriber,
                &taken,
                Reason::HandlerFailed,
                &error,
                attempt - 1,
            )?;
            return Ok(Looked::Ended);
        }
        match (&taken.slip.payload, taken.slip.transform.clone()) {
            (Some(payload), _) => envelope.payload = Arc::new(payload.clone()),
            (None, Some(transform)) => {
                let is_here = self.options.callbacks.is_at_hand();
                if !is_here && table.needs_host(&transform) {
                    return Ok(Looked::Waits(taken.hold, now.after(NOT_HERE)));
                }
                match self.transformed(table, &transform, &envelope, now) {
                    Ok(payload) => {
                        taken.slip.payload = Some((*payload).clone());
                        taken.slip.transform = None;
                        envelope.payload = payload;
                    }
                    Err((reason, message)) => {
                        let error = StepError::new(reason.as_str().to_uppercase(), message);
                        self.abandon_delivery(table, subscriber, &taken, reason, &error, attempt)?;
                        return Ok(Looked::Ended);
                    }
                }
            }
            (None, None) => {}
        }
        let violations = table.violations(&name, taken.slip.handler.as_deref(), &envelope);
        if !violations.is_empty() {
            let error = StepError::new("VALIDATION_FAILED", violations.join("; "));
            self.abandon_delivery(
                table,
                subscriber,
                &taken,
                Reason::SchemaInvalid,
                &error,
                attempt,
            )?;
            return Ok(Looked::Ended);
        }
        match self.guard(table, &taken.slip, &envelope)? {
            Guard::Passes => {}
            Guard::Waits(until) => return Ok(Looked::Waits(taken.hold, until)),
            Guard::Instead(other, slip) => {
                self.hand_over(&taken, &other, &slip)?;
                return Ok(Looked::Ended);
            }
        }
        let mut hold = taken.hold;
        if subscriber.guarantee == Guarantee::AtMostOnce {
            if !self.done_with(&name, &hold)? {
                return Ok(Looked::Ended);
            }
            hold = Hold::Done;
        }
        if subscriber.receipts && is_first {
            let status = match hold {
                Hold::Done => ReceiptStatus::Acknowledged,
                _ => ReceiptStatus::Delivered,
            };
            self.note_receipt(&taken.slip, status, (attempt, taken.losses), None)?;
        }
        let effect_key = format!("{}:{}:{name}", taken.slip.channel, taken.slip.message);
        Ok(Looked::Passes(Box::new(ChannelDelivery {
            subscriber: name,
            handler: taken.slip.handler.clone(),
            rule: taken.slip.rule.clone(),
            envelope,
            original: taken.body,
            priority: taken.priority,
            attempt,
            effect_key,
            slip: taken.slip,
            hold,
            losses: taken.losses,
        })))
    }

    /// What a transform makes of a message.
    pub(super) fn transformed(
        &self,
        table: &Table,
        transform: &str,
        envelope: &Envelope,
        now: Timestamp,
    ) -> Result<Arc<Value>, (Reason, String)> {
        table.transformed(transform, envelope, &*self.options.callbacks, now)
    }

    pub(super) fn note_receipt(
        &self,
        slip: &Slip,
        status: ReceiptStatus,
        (attempt, losses): (u32, u32),
        error: Option<super::receipt::ReceiptError>,
    ) -> Result<(), Error> {
        let receipt = DeliveryReceipt {
            message_id: slip.message.clone(),
            channel: slip.channel.clone(),
            subscriber: Some(slip.subscriber.clone()),
            status,
            timestamp: self.now(),
            delivery_attempt: attempt,
            losses,
            error,
        };
        self.keep_receipt(&receipt, self.options.channels.receipt_retention)
    }
}

impl ChannelDelivery {
    /// The payload that the subscriber gets.
    #[must_use]
    pub fn payload(&self) -> &Value {
        &self.envelope.payload
    }

    /// When it is worth nothing any more.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.slip.expires_at
    }
}

/// The subscribers whose messages the engine itself takes.
pub(super) fn started_by_engine(table: &Table) -> Vec<String> {
    let all = table.subscribers();
    let starts = all.filter(|it| matches!(it.target, Target::Start { .. }));
    starts.map(|it| it.name.clone()).collect()
}
