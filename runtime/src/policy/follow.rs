//! Which records of a stream a subscriber with an order or a limit may have next.
//!
//! A [`Follower`] is the whole state of such a subscriber: how far it has read, what it has passed over because something
//! before it in its line is not done, and what is in hands. It replaces a queue: what is handed out stays in it until it
//! is done, so nothing is lost with a worker, and nothing needs to be written in two places.

use serde::{Deserialize, Serialize};

use crate::port::{Position, Timestamp};

/// Records of one line are handed out one at a time, in the order of their positions; `None` = in no line.
pub type Line = Option<u64>;

/// A subscriber's place in the stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follower {
    /// Everything up to here was looked at.
    pub read_to: Position,
    /// Looked at, and to be handed out later, by position.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// Handed out and not done, by position.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
    /// How many were handed out since when, where there is a limit for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Claims made so far: the fence of the last.
    #[serde(default)]
    pub claims: u64,
}

/// A record that is to be handed out later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The record.
    pub position: Position,
    /// Its line.
    pub line: Line,
}

/// A record that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The record.
    pub position: Position,
    /// Its line.
    pub line: Line,
    /// Nobody else gets it before.
    pub until: Timestamp,
    /// The claim; proof of who holds it.
    pub fence: u64,
    /// Whether it was given back, to be handed out again from `until` on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_back: bool,
    /// How often its holder was lost.
    #[serde(default)]
    pub losses: u32,
}

/// Records handed out in the current stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// When it began.
    pub since: Timestamp,
    /// How many since.
    pub count: u32,
}

/// How much a subscriber may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bounds {
    /// At most this many at once; `None` = any number.
    pub at_once: Option<u32>,
    /// At most this many in a stretch of time; `None` = any number.
    pub rate: Option<Rate>,
}

/// So many in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many, at least 1.
    pub count: u32,
    /// In how many milliseconds, at least 1.
    pub per_ms: u64,
}

/// What becomes of a record that is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It is handed out.
    Taken(Held),
    /// It waits for its turn.
    Waits,
    /// There is no room for more that wait: nothing after it may be looked at yet.
    Full,
}

/// The most records that wait, and the most that were given back. Who is that far behind holds up the others, too.
pub const MOST_WAITING: usize = 1000;

impl Follower {
    /// One that begins after a position.
    #[must_use]
    pub fn after(position: Position) -> Self {
        Self {
            read_to: position,
            ..Self::default()
        }
    }

    /// Hands out records that were passed over, or handed out before and given back or lost, oldest first.
    pub fn take(
        &mut self,
        bounds: Bounds,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Vec<Held> {
        let mut taken = Vec::new();
        for place in 0..self.held.len() {
            if taken.len() >= most || !self.may_take(bounds, now) {
                return taken;
            }
            let fence = self.claims.saturating_add(1);
            let Some(held) = self.held.get_mut(place).filter(|it| it.until <= now) else {
                continue;
            };
            held.losses = held.losses.saturating_add(u32::from(!held.given_back));
            held.given_back = false;
            held.until = until;
            held.fence = fence;
            taken.push(*held);
            self.claims = fence;
            self.count(bounds, now);
        }
        let mut place = 0;
        while taken.len() < most && self.may_take(bounds, now) {
            let Some(waiting) = self.waiting.get(place).copied() else {
                break;
            };
            if self.is_busy(waiting.line, place) {
                place += 1;
                continue;
            }
            self.waiting.remove(place);
            taken.push(self.hand_out(waiting, bounds, now, until));
        }
        taken
    }

    /// Offers the next record of the stream. Everything before it must have been offered or passed.
    pub fn offer(
        &mut self,
        record: Waiting,
        bounds: Bounds,
        now: Timestamp,
        until: Timestamp,
    ) -> Offered {
        if record.position <= self.read_to {
            return Offered::Waits;
        }
        // What was given back is kept here until its time comes, like what waits.
        if self.held.iter().filter(|it| it.given_back).count() >= MOST_WAITING {
            return Offered::Full;
        }
        if self.may_take(bounds, now) && !self.is_busy(record.line, self.waiting.len()) {
            self.read_to = record.position;
            return Offered::Taken(self.hand_out(record, bounds, now, until));
        }
        // Without lines nothing behind it could be taken either: it need not be remembered.
        if record.line.is_none()
            || !self.may_take(bounds, now)
            || self.waiting.len() >= MOST_WAITING
        {
            return Offered::Full;
        }
        self.read_to = record.position;
        self.waiting.push(record);
        Offered::Waits
    }

    /// Passes records that are not for this subscriber.
    pub fn pass(&mut self, position: Position) {
        self.read_to = self.read_to.max(position);
    }

    /// A record is done; `false` when it is someone else's by now.
    pub fn done(&mut self, position: Position, fence: u64) -> bool {
        let before = self.held.len();
        self.held
            .retain(|held| (held.position, held.fence) != (position, fence));
        self.held.len() < before
    }

    /// A record is given back, to be handed out again later; its line waits for it.
    pub fn give_back(&mut self, position: Position, fence: u64, at: Timestamp) -> bool {
        self.change(position, fence, |held| {
            held.until = at;
            held.given_back = true;
        })
    }

    /// Prolongs a claim.
    pub fn extend(&mut self, position: Position, fence: u64, until: Timestamp) -> bool {
        self.change(position, fence, |held| held.until = until)
    }

    /// Up to where nothing is needed of the stream any more.
    #[must_use]
    pub fn needs_nothing_up_to(&self) -> Position {
        let waiting = self.waiting.iter().map(|it| it.position);
        let held = self.held.iter().map(|it| it.position);
        let first = waiting.chain(held).min();
        first.map_or(self.read_to, |first| first.saturating_sub(1))
    }

    /// When something that is held may be taken again, or the limit allows more: the earliest of both.
    #[must_use]
    pub fn next_change(&self, bounds: Bounds, now: Timestamp) -> Option<Timestamp> {
        let held = self.held.iter().map(|held| held.until);
        let window = match (bounds.rate, self.window) {
            (Some(rate), Some(window)) if window.count >= rate.count => Some(end_of(window, rate)),
            _ => None,
        };
        held.chain(window).filter(|at| *at > now).min()
    }

    fn change(&mut self, position: Position, fence: u64, change: impl FnOnce(&mut Held)) -> bool {
        let mut held = self.held.iter_mut();
        let found = held.find(|it| (it.position, it.fence) == (position, fence));
        found.map(change).is_some()
    }

    fn hand_out(
        &mut self,
        record: Waiting,
        bounds: Bounds,
        now: Timestamp,
        until: Timestamp,
    ) -> Held {
        self.claims = self.claims.saturating_add(1);
        let held = Held {
            position: record.position,
            line: record.line,
            until,
            fence: self.claims,
            given_back: false,
            losses: 0,
        };
        let place = self
            .held
            .partition_point(|other| other.position < held.position);
        self.held.insert(place, held);
        self.count(bounds, now);
        held
    }

    fn may_take(&self, bounds: Bounds, now: Timestamp) -> bool {
        let in_hands = self
            .held
            .iter()
            .filter(|it| it.until > now && !it.given_back);
        let room = bounds.at_once.is_none_or(|most| {
            in_hands.count() < usize::try_from(most).unwrap_or(usize::MAX).max(1)
        });
        let in_time = match (bounds.rate, self.window) {
            (Some(rate), Some(window)) => {
                window.count < rate.count.max(1) || end_of(window, rate) <= now
            }
            _ => true,
        };
        room && in_time
    }

    fn count(&mut self, bounds: Bounds, now: Timestamp) {
        let Some(rate) = bounds.rate else {
            self.window = None;
            return;
        };
        match &mut self.window {
            Some(window) if end_of(*window, rate) > now => {
                window.count = window.count.saturating_add(1);
            }
            window => {
                *window = Some(Window {
                    since: now,
                    count: 1,
                });
            }
        }
    }

    /// Whether something of the line is in hands, or waits before this place.
    fn is_busy(&self, line: Line, place: usize) -> bool {
        line.is_some()
            && (self.held.iter().any(|it| it.line == line)
                || self.waiting.iter().take(place).any(|it| it.line == line))
    }
}

fn end_of(window: Window, rate: Rate) -> Timestamp {
    window
        .since
        .after(std::time::Duration::from_millis(rate.per_ms.max(1)))
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
