//! Subscribers that read the stream by themselves: those with an order, a limit, or a place of their own to begin at.
//!
//! Where such a subscriber stands is one entry in the key-value space of the store, changed by compare-and-swap. What is
//! handed out stays in it until it is done, so a worker's death loses nothing.

use std::sync::Arc;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::super::core::Core;
use super::receive::{Hold, Taken};
use super::slip::Slip;
use super::subscriber::Subscriber;
use super::table::Table;
use crate::error::{Category, Error, code};
use crate::manifest::model::Ordering;
use crate::policy::{Follower, Held, Line, Offered, Waiting};
use crate::port::{ChannelRange, KvEntry, KvWrite, Position, ReadStream, Record};
use crate::routing::Envelope;

/// Where the records are.
pub(super) const NAMESPACE: &str = "ossa.followers";
/// Others may change a record meanwhile.
const TRIES: u32 = 200;
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
        let backend = self.backend()?;
        for _ in 0..TRIES {
            let now = self.now();
            let until = now.after(subscriber.timeout);
            let entry = backend.kv_get(NAMESPACE, &subscriber.name, now)?;
            let version = entry.as_ref().map_or(0, |entry| entry.version);
            let mut follower = match entry.and_then(read) {
                Some(follower) => follower,
                None => self.new_follower(subscriber)?,
            };
            let before = (version > 0).then(|| follower.clone());
            let bounds = subscriber.bounds();
            let again = follower.take(bounds, now, until, max);
            let mut found = self.of_positions(&again)?;
            // What is gone from the stream was not kept for long enough to be delivered.
            for held in &again {
                if !found.iter().any(|(it, _)| it.position == held.position) {
                    follower.done(held.position, held.fence);
                }
            }
            let handed_out_before = found.len();
            self.read_on(table, subscriber, &mut follower, max, &mut found)?;
            if before.as_ref() != Some(&follower) {
                let write = write(&subscriber.name, &follower, version);
                if backend.kv_write(&write, now)?.is_none() {
                    continue;
                }
            }
            return Ok(found
                .into_iter()
                .enumerate()
                .filter_map(|(place, (held, record))| {
                    let mut taken = taken(table, subscriber, held, record)?;
                    taken.again = place < handed_out_before;
                    Some(taken)
                })
                .collect());
        }
        Err(busy(&subscriber.name))
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
        let backend = self.backend()?;
        let now = self.now();
        if backend.kv_get(NAMESPACE, &subscriber.name, now)?.is_none() {
            let follower = self.new_follower(subscriber)?;
            // Who was faster has begun for it.
            backend.kv_write(&write(&subscriber.name, &follower, 0), now)?;
        }
        Ok(())
    }

    /// Changes the record of a subscriber; gives what `change` found.
    pub(super) fn change_follower(
        &self,
        subscriber: &str,
        change: impl Fn(&mut Follower) -> bool,
    ) -> Result<bool, Error> {
        let backend = self.backend()?;
        for _ in 0..TRIES {
            let now = self.now();
            let Some(entry) = backend.kv_get(NAMESPACE, subscriber, now)? else {
                return Ok(false);
            };
            let version = entry.version;
            let Some(mut follower) = read(entry) else {
                return Ok(false);
            };
            if !change(&mut follower) {
                return Ok(false);
            }
            if backend
                .kv_write(&write(subscriber, &follower, version), now)?
                .is_some()
            {
                return Ok(true);
            }
        }
        Err(busy(subscriber))
    }

    /// Where a subscriber stands.
    pub(super) fn follower(&self, subscriber: &str) -> Result<Option<Follower>, Error> {
        let entry = self.backend()?.kv_get(NAMESPACE, subscriber, self.now())?;
        Ok(entry.and_then(read))
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
        let backend = self.backend()?;
        for _ in 0..TRIES {
            let now = self.now();
            let entry = backend.kv_get(NAMESPACE, subscriber, now)?;
            let version = entry.as_ref().map_or(0, |entry| entry.version);
            let claims = entry.and_then(read).map_or(0, |it| it.claims);
            let follower = Follower {
                // Older claims stay worth nothing.
                claims,
                ..Follower::after(to)
            };
            if backend
                .kv_write(&write(subscriber, &follower, version), now)?
                .is_some()
            {
                return Ok(());
            }
        }
        Err(busy(subscriber))
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

fn write(subscriber: &str, follower: &Follower, version: u64) -> KvWrite {
    KvWrite {
        namespace: NAMESPACE.to_owned(),
        key: subscriber.to_owned(),
        value: Some(json!(follower)),
        expires_at: None,
        expected: Some(version),
    }
}

fn read(entry: KvEntry) -> Option<Follower> {
    serde_json::from_value(entry.value).ok()
}

fn busy(subscriber: &str) -> Error {
    let message = format!("subscriber `{subscriber}` changed under every try to change it");
    Error::new(Category::Engine, code::RUN_BUSY, message).retryable()
}
