//! What this process has in its hands: messages that arrived and were not handed out, and claims.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::wire::Message;
use crate::port::{MessageId, Receipt};

/// A message the broker has given us, under the tag of its delivery.
#[derive(Debug, Clone)]
pub(super) struct Arrived {
    pub(super) tag: u64,
    pub(super) message: Message,
}

/// A message handed out.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) fence: u64,
    pub(super) arrived: Arrived,
}

/// Guarded by one lock; never held while the broker is asked.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Which channel all of this came through: what a former one brought is worth nothing.
    pub(super) channel: u64,
    /// By the name of the broker's queue.
    buffers: HashMap<String, VecDeque<Arrived>>,
    pub(super) claims: HashMap<MessageId, Claim>,
    /// Tags that are neither acked nor given back.
    outstanding: BTreeSet<u64>,
    changes: u64,
    last_asked: Option<Instant>,
}

#[derive(Debug, Default)]
pub(super) struct Hands {
    held: Mutex<Held>,
    changed: Condvar,
}

/// An ack to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) tag: u64,
    /// Also of all that came before.
    pub(super) multiple: bool,
}

impl Hands {
    pub(super) fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock()
    }

    /// Takes in what came through a channel, unless it is a former one.
    pub(super) fn take_in(&self, channel: u64, part: &str, arrived: Arrived) {
        let mut held = self.held.lock();
        if held.channel == channel {
            held.outstanding.insert(arrived.tag);
            let buffer = held.buffers.entry(part.to_owned()).or_default();
            buffer.push_back(arrived);
        }
        self.announce(held);
    }

    /// Wakes those who wait for a change.
    pub(super) fn announce(&self, mut held: MutexGuard<'_, Held>) {
        held.changes = held.changes.wrapping_add(1);
        self.changed.notify_all();
    }

    /// Forgets all that came through the channel: the broker gives it to somebody else.
    pub(super) fn lose(&self, channel: u64) {
        let mut held = self.held.lock();
        if held.channel == channel {
            held.begin_anew();
        }
        self.announce(held);
    }

    pub(super) fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let mut held = self.held.lock();
        // A timeout too long to be expressed is as good as none.
        match Instant::now().checked_add(timeout) {
            Some(deadline) => {
                self.changed
                    .wait_while_until(&mut held, |it| it.changes == seen, deadline);
            }
            None => self.changed.wait_while(&mut held, |it| it.changes == seen),
        }
        held.changes
    }
}

impl Held {
    /// The number of a new channel; what came through the last one is forgotten.
    pub(super) fn begin_anew(&mut self) -> u64 {
        self.channel += 1;
        self.buffers.clear();
        self.claims.clear();
        self.outstanding.clear();
        self.channel
    }

    pub(super) fn pop(&mut self, part: &str) -> Option<Arrived> {
        self.buffers.get_mut(part)?.pop_front()
    }

    pub(super) fn buffered(&self, part: &str) -> usize {
        self.buffers.get(part).map_or(0, VecDeque::len)
    }

    pub(super) fn take_buffered(&mut self) -> Vec<Arrived> {
        let buffers = self.buffers.values_mut();
        buffers.flat_map(|buffer| buffer.drain(..)).collect()
    }

    pub(super) fn put_back(&mut self, part: &str, arrived: Arrived) {
        let buffer = self.buffers.entry(part.to_owned()).or_default();
        buffer.push_back(arrived);
    }

    /// A message that was fetched rather than brought.
    pub(super) fn fetched(&mut self, tag: u64) {
        self.outstanding.insert(tag);
    }

    pub(super) fn asked(&mut self) {
        self.last_asked = Some(Instant::now());
    }

    /// Since when nobody has asked for messages; `None` = nobody ever has.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        self.last_asked.map(|at| at.elapsed())
    }

    /// The claim a receipt stands for.
    pub(super) fn claim(&self, receipt: &Receipt) -> Option<&Claim> {
        let claim = self.claims.get(&receipt.id)?;
        (claim.fence == receipt.fence).then_some(claim)
    }

    /// Ends the claim a receipt stands for.
    pub(super) fn end(&mut self, receipt: &Receipt) -> Option<Claim> {
        self.claim(receipt)?;
        self.claims.remove(&receipt.id)
    }

    /// The acks to send for these tags: one for all that nothing older is outstanding to.
    pub(super) fn acks(&mut self, tags: &[u64]) -> Vec<Ack> {
        let mut settled: BTreeSet<u64> = tags.iter().copied().collect();
        let oldest_kept = self.outstanding.iter().find(|tag| !settled.contains(tag));
        let later = match oldest_kept {
            Some(kept) => settled.split_off(kept),
            None => BTreeSet::new(),
        };
        for tag in tags {
            self.outstanding.remove(tag);
        }
        let multiple = settled.len() > 1;
        let upto = settled.last().map(|&tag| Ack { tag, multiple });
        let single = |tag| Ack {
            tag,
            multiple: false,
        };
        upto.into_iter()
            .chain(later.into_iter().map(single))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acks(outstanding: &[u64], settled: &[u64]) -> Vec<(u64, bool)> {
        let mut held = Held::default();
        held.outstanding.extend(outstanding);
        let acks = held.acks(settled);
        acks.iter().map(|ack| (ack.tag, ack.multiple)).collect()
    }

    #[test]
    fn what_nothing_older_stands_before_is_acked_in_one_go() {
        assert_eq!(acks(&[1, 2, 3, 4], &[1, 2, 3]), [(3, true)]);
        assert_eq!(acks(&[1, 2, 3], &[3, 1, 2]), [(3, true)]);
        assert_eq!(acks(&[5, 6], &[5]), [(5, false)]);
    }

    #[test]
    fn what_something_older_stands_before_is_acked_by_itself() {
        assert_eq!(acks(&[1, 2, 3, 4], &[2, 3]), [(2, false), (3, false)]);
        assert_eq!(acks(&[1, 2, 3, 4], &[1, 2, 4]), [(2, true), (4, false)]);
        assert_eq!(acks(&[1], &[]), []);
    }
}
