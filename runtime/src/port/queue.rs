//! Queues of messages under leases.
//!
//! A message is in one of two places: visible from `available_at` on, or leased until a point in time, after which it
//! is visible again. There is no third place, so a worker's death needs no clean-up. Each claim raises the message's
//! `fence`; a receipt with an older fence no longer acks, releases or extends it.
//!
//! What a message broker can do is [`Queue`]; what only a queue within a store can, is [`BrowsableQueue`] and
//! [`StepQueue`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Finding, MessageId, RunId, StepRef, StoreError, Timestamp, WorkerId};

/// How urgent a message or run is. Accepted aliases: P0–P3, `urgent` (critical), `background` (low).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Before everything else.
    Critical,
    /// Before normal work.
    High,
    /// The default.
    #[default]
    Normal,
    /// When nothing else waits.
    Low,
}

impl Priority {
    /// All priorities, most urgent first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Normal, Self::Low];

    /// The priority with this name or alias, whatever its case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "critical" | "urgent" | "p0" => Some(Self::Critical),
            "high" | "p1" => Some(Self::High),
            "normal" | "p2" | "medium" => Some(Self::Normal),
            "low" | "background" | "p3" => Some(Self::Low),
            _ => None,
        }
    }

    /// The canonical name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// What makes a message a step item: the attempt it stands for and how long that attempt may run once claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepItem {
    /// The attempt; at most one message exists for each.
    pub step: StepRef,
    /// Bound on the attempt, counted from its first claim; whole milliseconds.
    pub timeout: Duration,
}

/// A message to put into a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// The queue's name.
    pub queue: String,
    /// How urgent it is.
    pub priority: Priority,
    /// Not visible before this instant.
    pub available_at: Timestamp,
    /// Opaque to the engine unless `step` is set; then the JSON of a step job.
    pub body: Vec<u8>,
    /// Opaque, written and read by the host (empty, or a JSON object).
    pub headers: Vec<u8>,
    /// Set when the message is a step item.
    pub step: Option<StepItem>,
}

/// Which messages to claim, for whom, for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receive {
    /// Queues; among messages of one priority, those of earlier queues come first.
    pub queues: Vec<String>,
    /// The claimant.
    pub worker: WorkerId,
    /// At most this many.
    pub max: usize,
    /// How many of these places go to the messages visible for longest, whatever their priority. A caller that always
    /// passes 0 lets what is urgent starve the rest.
    pub eldest: usize,
    /// Until when the claim holds, unless extended.
    pub lease: Lease,
}

impl Receive {
    /// How many places are filled most urgent first.
    #[must_use]
    pub const fn in_turn(&self) -> usize {
        self.max.saturating_sub(self.eldest)
    }

    /// Where to look, in the order of claiming: each priority of each queue. A queue named twice is there once.
    pub fn turns(&self) -> impl Iterator<Item = (Priority, &str)> {
        turns(&self.queues)
    }
}

/// [`Receive::turns`] of these queues.
pub(crate) fn turns(queues: &[String]) -> impl Iterator<Item = (Priority, &str)> {
    Priority::ALL.into_iter().flat_map(move |priority| {
        let distinct = queues
            .iter()
            .enumerate()
            .filter(|(index, queue)| !queues.iter().take(*index).any(|it| it == *queue));
        distinct.map(move |(_, queue)| (priority, queue.as_str()))
    })
}

/// A lease's terms: when it is taken and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// When it begins.
    pub now: Timestamp,
    /// How long it lasts.
    pub duration: Duration,
}

impl Lease {
    /// When it ends.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.now.after(self.duration)
    }
}

/// Proof of a claim. Worthless once the claim was ended, or the message claimed again: its fence is then higher. That
/// the lease has run out does not matter as long as nobody else claimed the message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The message.
    pub id: MessageId,
    /// The claim, counted from 1.
    pub fence: u64,
}

/// A message as claimed or listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The claim. For listed messages: the current fence, 0 when never claimed.
    pub receipt: Receipt,
    /// The queue it is in.
    pub queue: String,
    /// How urgent it is.
    pub priority: Priority,
    /// When it was published.
    pub published_at: Timestamp,
    /// When it became, or becomes, visible; for a claimed message, when its lease ends.
    pub visible_at: Timestamp,
    /// The body as published.
    pub body: Vec<u8>,
    /// The headers as published.
    pub headers: Vec<u8>,
    /// Set when the message is a step item.
    pub step: Option<StepItem>,
    /// When the attempt's time is up; set at the first claim of a step item, cleared by a release.
    pub deadline: Option<Timestamp>,
    /// How many claims of it ended because their lease ran out: a sign that it kills its workers. Releases and relays
    /// do not count.
    pub losses: u32,
}

/// How many messages a queue holds. The three are disjoint. A broker that cannot tell what other connections hold counts
/// as leased what this one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueCounts {
    /// Visible now.
    pub ready: u64,
    /// Visible later, never claimed or released with a delay.
    pub delayed: u64,
    /// Claimed, lease running.
    pub leased: u64,
}

/// Queues of messages. Batches are all or nothing; results are in the order of the arguments.
///
/// What is published, rejected or committed is as durable as the store is configured to be. A claim, its end or its
/// extension, and an ack need only survive the process, not a power cut: losing one means seeing a message again.
///
/// Time is given with each call. Stores go by it alone. A broker has a clock of its own: to it an instant is how far it
/// lies from the `now` of the same call, a message may become visible a little later than it should, and `receive` may
/// find out about one a moment after it was published. Its claims may last as long as the connection that made them
/// instead of for their lease; with the connection they end, and count as lost.
pub trait Queue: Send + Sync {
    /// Stores the messages durably before it returns. A step item whose attempt already has one changes nothing: the
    /// answer is the id of the one that is there. A queue that is no [`StepQueue`] refuses step items.
    fn publish(
        &self,
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<Vec<MessageId>, StoreError>;

    /// Claims up to `max` visible messages (also those whose lease ran out), most urgent first, then in the order of
    /// the queues, then the one visible for longest, then the one published first. When that has filled all places but the
    /// last `eldest`, these go to the messages then visible for longest, whatever their priority and queue; of equal ones
    /// to the one published first. A broker, which cannot tell, fills these places least urgent first. Does not wait for
    /// any to arrive.
    fn receive(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError>;

    /// Whether [`receive`](Self::receive) would find a message of these queues. However many there are, it takes no longer.
    /// A broker may have one brought to it first, and say so when asked again a moment later.
    fn has_visible(&self, queues: &[String], now: Timestamp) -> Result<bool, StoreError>;

    /// Removes claimed messages for good. `false` where the receipt was no longer valid.
    fn ack(&self, receipts: &[Receipt]) -> Result<Vec<bool>, StoreError>;

    /// Makes messages nobody's: visible at the given instant, the attempt of a step item not begun. `false` where the
    /// message was claimed after the receipt (its fence is higher) or is gone. Relayed items are postponed with it, too.
    fn release(
        &self,
        releases: &[(Receipt, Timestamp)],
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError>;

    /// Prolongs claims. `false` where the receipt was no longer valid: the work is someone else's now.
    fn extend(&self, receipts: &[Receipt], until: Timestamp) -> Result<Vec<bool>, StoreError>;

    /// Moves claimed messages into `dead_letter_queue` in one step, there visible at once and keeping id, body and
    /// headers, with no losses any more; a step item becomes an ordinary message. `headers`, where given, take the place
    /// of its own: they can say why. `false` where the receipt was no longer valid. A queue that has no such step stores
    /// the dead letter durably first: a crash in between leaves both, never neither.
    fn reject(
        &self,
        receipts: &[Receipt],
        dead_letter_queue: &str,
        headers: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError>;

    /// How many messages the queue holds.
    fn count(&self, queue: &str, now: Timestamp) -> Result<QueueCounts, StoreError>;

    /// Waits until something may have been published since `seen`, or until `timeout`; returns the new marker to pass
    /// as `seen` next time. May return early and for nothing. Pass 0 at first.
    fn wait_for_change(&self, seen: u64, timeout: Duration) -> Result<u64, StoreError>;

    /// What keeps the backend from its promise although it works: for the checks of an installation. Looks it up each
    /// time.
    fn findings(&self) -> Result<Vec<Finding>, StoreError> {
        Ok(Vec::new())
    }
}

/// Answer to a claim of one particular step item or message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimAnswer {
    /// Claimed.
    Claimed(Delivery),
    /// Another claim holds it until the given instant.
    Held {
        /// When the holder's lease ends.
        until: Timestamp,
    },
    /// No such item or message: its result is in, or it never existed.
    Gone,
}

/// A queue whose messages can be looked at and picked out.
pub trait BrowsableQueue: Queue {
    /// Messages in publication order, claimed or not, without claiming them.
    fn list_messages(&self, queue: &str, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.list_messages_after(queue, None, limit)
    }

    /// The next page of [`list_messages`](Self::list_messages): what was published after this message, which may be gone.
    fn list_messages_after(
        &self,
        queue: &str,
        after: Option<&MessageId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// One message, without claiming it.
    fn find_message(&self, queue: &str, id: &MessageId) -> Result<Option<Delivery>, StoreError>;

    /// Claims one particular message if nobody holds it, visible or not yet. A step item is [`ClaimAnswer::Gone`] here: it
    /// is claimed by its attempt.
    fn claim_message(
        &self,
        queue: &str,
        id: &MessageId,
        worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError>;
}

/// A store's own queue: it holds step items, which come and go with the transitions of their runs.
pub trait StepQueue: Queue {
    /// Takes up to `max` visible step items in the order of [`receive`](Queue::receive) without claiming them, for a relay
    /// that passes them on: they are visible again at the end of the lease, anyone may [`claim_step`](Self::claim_step)
    /// them before, their fence stays and the time of their attempt does not run. Other messages are left alone.
    fn relay(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError>;

    /// Claims the item of one attempt if nobody holds it, visible or not yet. One that was rescheduled to
    /// [`Timestamp::NEVER`] is [`ClaimAnswer::Held`] until then.
    fn claim_step(
        &self,
        step: &StepRef,
        worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError>;

    /// Step items whose attempt's time is up (`deadline <= now`), oldest deadline first.
    fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError>;

    /// The step items of a run in publication order, claimed or not, without claiming them.
    fn step_items(&self, run: &RunId) -> Result<Vec<Delivery>, StoreError>;
}
