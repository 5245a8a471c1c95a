//! Subscribers that read the stream by themselves: those with an order, a limit, or a place of their own to begin at.
//!
//! Where such a subscriber stands is one entry in the key-value space of the store, changed by compare-and-swap. What is
//! handed out stays in it until it is done, so a worker's death loses nothing.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::super::core::Core;
use super::super::records::Change;
use super::receive::{Hold, Taken};
use super::slip::Slip;
use super::subscriber::Subscriber;
use super::table::Table;
use crate::error::{Category, Error, code};
use crate::manifest::model::Ordering;
use crate::policy::{Follower, Held, Line, Offered, Waiting};
use crate::port::{ChannelRange, Position, ReadStream, Record};
use crate::routing::Envelope;

/// Where the records are.
pub(super) const NAMESPACE: &str = "ossa.followers";
/// Records read of the stream at once, beyond those asked for, and at most.
const FIRST_PAGE: usize = 4;
const PAGE: usize = 500;
/// Records looked at in one call that were for others.
const LOOKED_AT: usize = 20_000;

impl Core {
    /// Hands out what is next, in the record first.
    pub(super) fn follow(
        &self,
        table: &Table,
        subscriber: &Arc<Subscriber>,
        max: usize,
    ) -> Result<Vec<Taken>, Error> {
        let found = self.change_record(NAMESPACE, &subscriber.name, |known, now| {
            let before: Option<Follower> = known.clone();
            let mut follower = match known {
                Some(follower) => follower,
                None => self.new_follower(subscriber)?,
            };
            let until = now.after(subscriber.timeout);
            let again = follower.take(subscriber.bounds(), now, until, max);
            let mut found = self.of_positions(&again)?;
            // What is gone from the stream was not kept for long enough to be delivered.
            for held in &again {
                if !found.iter().any(|(it, _)| it.position == held.position) {
                    follower.done(held.position, held.fence);
                }
            }
            let handed_out_before = found.len();
            self.read_on(table, subscriber, &mut follower, max, &mut found)?;
            let answer = (found, handed_out_before);
            Ok(match before.as_ref() == Some(&follower) {
                true => Change::Keep(answer),
                false => changed(follower, answer),
            })
        })?;
        let (found, handed_out_before) = found.ok_or_else(|| busy(&subscriber.name))?;
        let found = found.into_iter().enumerate();
        Ok(found
            .filter_map(|(place, (held, record))| {
                let mut taken = taken(table, subscriber, held, record)?;
                taken.again = place < handed_out_before;
                Some(taken)
            })
            .collect())
    }

    /// Offers records of the stream until enough are handed out, there is no room for more, or the stream ends.
    fn read_on(
        &self,
        table: &Table,
        subscriber: &Arc<Subscriber>,
        follower: &mut Follower,
        max: usize,
        found: &mut Vec<(Held, Record)>,
    ) -> Result<(), Error> {
        let backend = self.backend()?;
        let mut looked_at = 0;
        // Most of what is read is asked for; where it is not, more at once.
        let mut page = max.saturating_add(FIRST_PAGE);
        while found.len() < max && looked_at < LOOKED_AT {
            let now = self.now();
            let until = now.after(subscriber.timeout);
            let slice = backend.read_stream(&ReadStream {
                after: follower.read_to,
                channels: ChannelRange::All,
                limit: page.min(PAGE),
            })?;
            page = page.saturating_mul(4);
            if slice.read_to == follower.read_to {
                return Ok(());
            }
            looked_at += slice.records.len();
            for record in slice.records {
                if found.len() >= max {
                    return Ok(());
                }
                if !self.is_for(table, subscriber, &record) {
                    follower.pass(record.position);
                    continue;
                }
                let offered = Waiting {
                    position: record.position,
                    line: line(subscriber.ordering, &record),
                };
                match follower.offer(offered, subscriber.bounds(), now, until) {
                    Offered::Taken(held) => found.push((held, record)),
                    Offered::Waits => {}
                    Offered::Full => return Ok(()),
                }
            }
            follower.pass(slice.read_to);
        }
        Ok(())
    }

    fn of_positions(&self, held: &[Held]) -> Result<Vec<(Held, Record)>, Error> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let positions: Vec<_> = held.iter().map(|it| it.position).collect();
        let records = self.backend()?.records_at(&positions)?;
        let found = records.into_iter().filter_map(|record| {
            let held = held.iter().find(|it| it.position == record.position)?;
            Some((*held, record))
        });
        Ok(found.collect())
    }

    fn is_for(&self, table: &Table, subscriber: &Subscriber, record: &Record) -> bool {
        let now = self.now();
        envelope(record, now).is_some_and(|envelope| {
            table
                .planned_for(&envelope, &subscriber.name, now)
                .is_some()
        })
    }

    /// Where a subscriber begins.
    fn new_follower(&self, subscriber: &Subscriber) -> Result<Follower, Error> {
        let from = match subscriber.from {
            Some(from) => from,
            None => self.backend()?.end_of_stream()?,
        };
        Ok(Follower::after(from))
    }

    /// Makes sure that there is a record of where a subscriber stands: what is published from now on is for it.
    pub(super) fn begin_to_follow(&self, subscriber: &Subscriber) -> Result<(), Error> {
        if self
            .record::<Follower>(NAMESPACE, &subscriber.name)?
            .is_none()
        {
            let follower = self.new_follower(subscriber)?;
            // Who was faster has begun for it.
            self.create_record(NAMESPACE, &subscriber.name, &follower, None)?;
        }
        Ok(())
    }

    /// Changes the record of a subscriber; gives what `change` found.
    pub(super) fn change_follower(
        &self,
        subscriber: &str,
        change: impl Fn(&mut Follower) -> bool,
    ) -> Result<bool, Error> {
        let changed = self.change_record(NAMESPACE, subscriber, |known: Option<Follower>, _| {
            let Some(mut follower) = known else {
                return Ok(Change::Keep(false));
            };
            Ok(match change(&mut follower) {
                true => changed(follower, true),
                false => Change::Keep(false),
            })
        })?;
        changed.ok_or_else(|| busy(subscriber))
    }

    /// Where a subscriber stands.
    pub(super) fn follower(&self, subscriber: &str) -> Result<Option<Follower>, Error> {
        self.record(NAMESPACE, subscriber)
    }

    /// Up to where no subscriber needs the stream any more.
    pub(super) fn needed_from(&self) -> Result<Position, Error> {
        let mut first = Position::MAX;
        for subscriber in self.table()?.subscribers().filter(|it| it.follows()) {
            if let Some(follower) = self.follower(&subscriber.name)? {
                first = first.min(follower.needs_nothing_up_to());
            }
        }
        Ok(first)
    }

    /// Puts a subscriber to another place in the stream; what it has in hands is handed out again.
    pub(super) fn move_follower(&self, subscriber: &str, to: Position) -> Result<(), Error> {
        let moved = self.change_record(NAMESPACE, subscriber, |known: Option<Follower>, _| {
            let follower = Follower {
                // Older claims stay worth nothing.
                claims: known.map_or(0, |it| it.claims),
                ..Follower::after(to)
            };
            Ok(changed(follower, ()))
        })?;
        moved.ok_or_else(|| busy(subscriber))
    }
}

fn taken(table: &Table, subscriber: &Subscriber, held: Held, record: Record) -> Option<Taken> {
    let envelope = envelope(&record, record.at)?;
    let plan = table.planned_for(&envelope, &subscriber.name, record.at);
    Some(Taken {
        slip: Slip {
            subscriber: subscriber.name.clone(),
            handler: plan.as_ref().and_then(|it| it.handler.clone()),
            rule: plan.as_ref().and_then(|it| it.rule.clone()),
            payload: plan.as_ref().and_then(|it| it.payload.clone()),
            transform: plan.as_ref().and_then(|it| it.transform.clone()),
            next: plan.as_ref().map_or_else(Vec::new, |it| it.next.clone()),
            expires_at: record.expires_at,
            position: Some(record.position),
            ..Slip::new(record.channel, record.source, record.id)
        },
        body: record.body,
        priority: plan.map_or_else(|| envelope.priority(), |it| it.priority),
        hold: Hold::Stream {
            position: held.position,
            fence: held.fence,
        },
        losses: held.losses,
        again: false,
    })
}

fn envelope(record: &Record, now: crate::port::Timestamp) -> Option<Envelope> {
    let text = std::str::from_utf8(&record.body).ok()?;
    Envelope::from_json(text, now).ok()
}

/// In which line a record stands.
fn line(ordering: Ordering, record: &Record) -> Line {
    let line = |parts: &[&str]| {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
            hash.update([0]);
        }
        let digest = hash.finalize();
        let first = digest.iter().take(8);
        // Two lines that share a number wait for each other; nothing worse.
        Some(first.fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
    };
    match ordering {
        Ordering::None => None,
        Ordering::PerSource => line(&[&record.channel, &record.source]),
        Ordering::PerChannel => line(&[&record.channel]),
        Ordering::Global => Some(0),
    }
}

fn changed<A>(follower: Follower, answer: A) -> Change<Follower, A> {
    Change::Put {
        record: follower,
        expires_at: None,
        answer,
    }
}

fn busy(subscriber: &str) -> Error {
    let message = format!("subscriber `{subscriber}` changed under every try to change it");
    Error::new(Category::Engine, code::RUN_BUSY, message).retryable()
}
