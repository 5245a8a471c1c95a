//! What a consumer has at hand and what its thread is to write.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::held::Held;
use super::trouble::Troubles;
use super::window::Window;
use crate::engine::claim::Admitted;
use crate::port::{MessageId, Receipt, Timestamp};

/// A host busy for so long has prefetched messages given back: others may be idle.
const GIVE_BACK_AFTER: Duration = Duration::from_secs(1);

/// Guarded by one lock; never held during a call to the store.
pub(super) struct State {
    pub(super) window: Window,
    /// Fetched, not handed out.
    buffer: VecDeque<Admitted>,
    /// Handed out.
    pub(super) held: HashMap<MessageId, Held>,
    writes: Writes,
    /// So many are writing what they took from `writes`.
    writing: usize,
    /// So many of the messages that the host is done with are among that.
    ending: usize,
    /// How long it takes to write that the host is done with messages; `None` before the first time.
    pub(super) write_time: Option<Duration>,
    /// Someone is fetching.
    pub(super) fetching: bool,
    /// The last fetch got all it asked for: there may be more.
    pub(super) more: bool,
    /// Messages that may kill their worker are about: fetch one at a time while it lasts, so that they take no other
    /// message with them.
    pub(super) careful: u32,
    /// Marker of [`Queue::wait_for_change`](crate::port::Queue::wait_for_change).
    pub(super) seen: u64,
    /// What fails in the background; the host's next call may have to tell.
    pub(super) troubles: Troubles,
    /// Number of the thread that is to run; others end.
    current: u64,
    /// The highest number of a thread that has ended.
    ended: u64,
}

/// Ends of claims to be written.
#[derive(Default)]
pub(super) struct Writes {
    pub(super) acks: Vec<Receipt>,
    pub(super) rejects: Vec<Receipt>,
    /// Dead letters, and the headers that say why.
    pub(super) poison: Vec<(Receipt, Vec<u8>)>,
    pub(super) releases: Vec<(Receipt, Timestamp)>,
}

impl Writes {
    pub(super) fn is_empty(&self) -> bool {
        self.acks.is_empty()
            && self.rejects.is_empty()
            && self.poison.is_empty()
            && self.releases.is_empty()
    }

    /// How many messages the host is done with are among them.
    pub(super) fn ends(&self) -> usize {
        self.acks.len() + self.rejects.len()
    }

    /// Puts what could not be written back in front of what came since.
    fn prepend(&mut self, mut unwritten: Self) {
        unwritten.acks.append(&mut self.acks);
        unwritten.rejects.append(&mut self.rejects);
        unwritten.poison.append(&mut self.poison);
        unwritten.releases.append(&mut self.releases);
        *self = unwritten;
    }
}

impl State {
    /// Failures that may pass are kept from the host for as long as a lease: after that, what is held is lost anyway.
    pub(super) fn new(prefetch: usize, lease: Duration) -> Self {
        Self {
            window: Window::new(prefetch),
            buffer: VecDeque::new(),
            held: HashMap::new(),
            writes: Writes::default(),
            writing: 0,
            ending: 0,
            write_time: None,
            fetching: false,
            more: false,
            careful: 0,
            seen: 0,
            troubles: Troubles::new(lease),
            current: 0,
            ended: 0,
        }
    }

    /// The number of a thread about to start; one that still runs is to end.
    pub(super) fn next_thread(&mut self) -> u64 {
        self.current += 1;
        self.current
    }

    pub(super) fn is_current(&self, thread: u64) -> bool {
        self.current == thread
    }

    pub(super) fn thread_ended(&mut self, thread: u64) {
        self.ended = self.ended.max(thread);
    }

    pub(super) fn has_ended(&self, thread: u64) -> bool {
        self.ended >= thread
    }

    pub(super) fn has_messages(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Takes back a message handed out, and what is known of it.
    pub(super) fn take_back(&mut self, id: &MessageId) -> Option<(Receipt, Held)> {
        let (id, held) = self.held.remove_entry(id)?;
        Some((held.receipt(id), held))
    }

    /// Takes up to `max` messages from the buffer.
    pub(super) fn take(&mut self, max: usize) -> Vec<Admitted> {
        let count = max.min(self.buffer.len());
        self.buffer.drain(..count).collect()
    }

    pub(super) fn store(&mut self, fetched: Vec<Admitted>) {
        self.buffer.extend(fetched);
    }

    /// Whether nothing at all is at hand.
    pub(super) fn is_idle(&self) -> bool {
        self.buffer.is_empty() && self.held.is_empty()
    }

    /// How many messages the next fetch of the thread should get; 0 = none.
    pub(super) fn refill(&self) -> usize {
        let target = self.window.target();
        if self.fetching || self.careful > 0 || !self.more || target < 2 {
            return 0;
        }
        if self.buffer.len() > target / 2 {
            return 0;
        }
        target - self.buffer.len()
    }

    pub(super) fn wants_refill(&self) -> bool {
        self.refill() > 0
    }

    pub(super) fn ack(&mut self, receipt: Receipt) {
        self.writes.acks.push(receipt);
    }

    pub(super) fn reject(&mut self, receipt: Receipt) {
        self.writes.rejects.push(receipt);
    }

    pub(super) fn bury(&mut self, receipt: Receipt, headers: Vec<u8>) {
        self.writes.poison.push((receipt, headers));
    }

    pub(super) fn release(&mut self, receipt: Receipt, at: Timestamp) {
        self.writes.releases.push((receipt, at));
    }

    /// Has everything that was not handed out given back at `at`.
    pub(super) fn give_back(&mut self, at: Timestamp) {
        while let Some(message) = self.buffer.pop_front() {
            self.writes.releases.push((message.delivery.receipt, at));
        }
        self.more = false;
    }

    /// When the prefetched messages are to be given back because the host is busy; `None` = there are none, or it is
    /// not.
    pub(super) fn give_back_due(&self) -> Option<Instant> {
        if self.buffer.is_empty() {
            return None;
        }
        self.window
            .busy_since()
            .map(|since| since + GIVE_BACK_AFTER)
    }

    pub(super) fn take_writes(&mut self) -> Writes {
        self.writing += 1;
        self.ending += self.writes.ends();
        std::mem::take(&mut self.writes)
    }

    /// Of what was taken, with so many ends, this could not be written.
    pub(super) fn written(&mut self, ends: usize, unwritten: Writes) {
        self.writing -= 1;
        self.ending -= ends;
        self.writes.prepend(unwritten);
    }

    pub(super) const fn is_writing(&self) -> bool {
        self.writing > 0
    }

    pub(super) fn has_writes(&self) -> bool {
        self.is_writing() || !self.writes.is_empty()
    }

    /// Whether more messages that the host is done with are unwritten than may be when it gets another one: if the worker
    /// is killed then, they are handled again, as is the one it got. Without a bound none may be, unless handling takes
    /// less time than writing; waiting would then more than halve the speed.
    pub(super) fn lags(&self, bound: Option<usize>) -> bool {
        let unwritten = self.ending + self.writes.ends();
        let may_lag = match (bound, self.window.pace(), self.write_time) {
            (Some(bound), ..) => bound.saturating_sub(1),
            (None, Some(pace), Some(write)) if pace < write => usize::MAX,
            _ => 0,
        };
        unwritten > may_lag
    }

    pub(super) fn has_pending_writes(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Every claim to prolong, attempts apart: those held are in the engine's table.
    pub(super) fn receipts(&self) -> Vec<Receipt> {
        let waiting = self.buffer.iter().map(|message| &message.delivery.receipt);
        let held = self.held.iter().filter(|(_, held)| held.is_kept_here());
        let held = held.map(|(id, held)| held.receipt(id.clone()));
        waiting.cloned().chain(held).collect()
    }

    /// Drops a message whose lease was lost from the buffer, or marks it if it was handed out.
    pub(super) fn lost(&mut self, id: &MessageId) {
        self.buffer
            .retain(|message| message.delivery.receipt.id != *id);
        if let Some(held) = self.held.get_mut(id) {
            held.lost = true;
        }
    }
}
