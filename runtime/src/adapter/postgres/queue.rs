use std::time::Duration;

use super::delivery::{delivery, delivery_columns, number};
use super::fault::Fault;
use super::session::{Call, Session};
use super::value::{count, text};
use super::{PostgresStore, health, messages};
use crate::adapter::row::at_most;
use crate::port::{
    BrowsableQueue, ClaimAnswer, Delivery, Finding, Lease, MessageId, NewMessage, Queue,
    QueueCounts, Receipt, Receive, RunId, StepQueue, StepRef, StoreError, Timestamp, WorkerId,
};

impl Queue for PostgresStore {
    fn publish(
        &self,
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<Vec<MessageId>, StoreError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let publish = |db: &mut Session| messages::publish(db, messages, now);
        let ids = self.pool.with("publish", publish)?;
        self.fronts.published(messages);
        self.changes.announce();
        Ok(ids)
    }

    fn receive(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        self.pool
            .with("receive", |db| messages::claim(db, request, &self.fronts))
    }

    fn has_visible(&self, queues: &[String], now: Timestamp) -> Result<bool, StoreError> {
        self.pool.with("look for messages", |db| {
            messages::has_visible(db, queues, now)
        })
    }

    fn ack(&self, receipts: &[Receipt]) -> Result<Vec<bool>, StoreError> {
        self.pool.with("ack", |db| messages::ack(db, receipts))
    }

    fn release(
        &self,
        releases: &[(Receipt, Timestamp)],
        _now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        let done = self
            .pool
            .with("release", |db| messages::release(db, releases))?;
        self.fronts.forget();
        self.changes.announce();
        Ok(done)
    }

    fn extend(&self, receipts: &[Receipt], until: Timestamp) -> Result<Vec<bool>, StoreError> {
        self.pool
            .with("extend", |db| messages::extend(db, receipts, until))
    }

    fn reject(
        &self,
        receipts: &[Receipt],
        dead_letter_queue: &str,
        headers: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        let done = self.pool.with("reject", |db| {
            messages::reject(db, receipts, dead_letter_queue, headers, now)
        })?;
        self.fronts.forget();
        self.changes.announce();
        Ok(done)
    }

    fn count(&self, queue: &str, now: Timestamp) -> Result<QueueCounts, StoreError> {
        self.pool.with("count messages", |db| {
            let call = Call::new(COUNT).with(text(queue)).with(now.as_millis());
            let rows = db.read(call)?;
            match rows.first() {
                None => Ok(QueueCounts::default()),
                Some(row) => Ok(QueueCounts {
                    ready: count(row, 0)?,
                    delayed: count(row, 1)?,
                    leased: count(row, 2)?,
                }),
            }
        })
    }

    fn wait_for_change(&self, seen: u64, timeout: Duration) -> Result<u64, StoreError> {
        self.changes.wait(seen, timeout)
    }

    fn findings(&self) -> Result<Vec<Finding>, StoreError> {
        self.pool.with("check the settings", health::findings)
    }
}

impl BrowsableQueue for PostgresStore {
    fn claim_message(
        &self,
        queue: &str,
        id: &MessageId,
        _worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        self.pool.with("claim a message", |db| {
            messages::claim_message(db, queue, id, lease)
        })
    }

    fn list_messages_after(
        &self,
        queue: &str,
        after: Option<&MessageId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let call = || {
            Call::new(LIST)
                .with(text(queue))
                .with(after.map_or(0, number))
                .with(at_most(limit))
        };
        self.pool.with("list messages", |db| deliveries(db, call()))
    }

    fn find_message(&self, queue: &str, id: &MessageId) -> Result<Option<Delivery>, StoreError> {
        let call = || Call::new(FIND).with(number(id)).with(text(queue));
        let found = self
            .pool
            .with("find a message", |db| deliveries(db, call()))?;
        Ok(found.into_iter().next())
    }
}

impl StepQueue for PostgresStore {
    fn relay(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        self.pool.with("relay", |db| messages::relay(db, request))
    }

    fn claim_step(
        &self,
        step: &StepRef,
        _worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        self.pool
            .with("claim a step", |db| messages::claim_step(db, step, lease))
    }

    fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        let call = || {
            Call::new(OVERDUE)
                .with(now.as_millis())
                .with(at_most(limit))
        };
        self.pool
            .with("find overdue steps", |db| deliveries(db, call()))
    }

    fn step_items(&self, run: &RunId) -> Result<Vec<Delivery>, StoreError> {
        let call = || Call::new(ITEMS).with(run.as_uuid());
        self.pool
            .with("list step items", |db| deliveries(db, call()))
    }
}

pub(super) const OVERDUE: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM ossa.messages AS m WHERE deadline <= $1 ORDER BY deadline, id LIMIT $2"
);

pub(super) const COUNT: &str = "SELECT count(*) FILTER (WHERE visible_at <= $2),
        count(*) FILTER (WHERE visible_at > $2 AND NOT claimed), count(*) FILTER (WHERE visible_at > $2 AND claimed)
    FROM ossa.messages WHERE queue = $1";

/// The ids of the queue are put in order first: an empty queue is not looked for among another's many messages.
pub(super) const LIST: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM ossa.messages AS m WHERE id = ANY (ARRAY (
        SELECT id FROM (SELECT id FROM ossa.messages WHERE queue = $1 AND id > $2 OFFSET 0) AS mine
        ORDER BY id LIMIT $3
    )) ORDER BY id"
);

pub(super) const ITEMS: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM ossa.messages AS m WHERE run_id = $1 ORDER BY id"
);

const FIND: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM ossa.messages AS m WHERE id = $1 AND queue = $2"
);

fn deliveries(session: &mut Session, call: Call<'_>) -> Result<Vec<Delivery>, Fault> {
    let rows = session.read(call)?;
    rows.iter().map(|row| delivery(row, 0)).collect()
}
