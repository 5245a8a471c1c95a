use std::time::Duration;

use rusqlite::Connection;

use super::fault::Fault;
use super::{Batch, SqliteStore, inspect, messages, place};
use crate::port::{
    BrowsableQueue, ClaimAnswer, Delivery, Finding, Lease, MessageId, NewMessage, Queue,
    QueueCounts, Receipt, Receive, RunId, StepQueue, StepRef, StoreError, Timestamp, WorkerId,
};

impl Queue for SqliteStore {
    fn publish(
        &self,
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<Vec<MessageId>, StoreError> {
        let batch = Batch {
            messages: messages.into(),
            now,
            ..Batch::default()
        };
        Ok(self.write("publish", &batch)?.ids)
    }

    fn receive(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        self.take("receive", request, messages::receive)
    }

    fn has_visible(&self, queues: &[String], now: Timestamp) -> Result<bool, StoreError> {
        self.readers.read("look for messages", |db| {
            messages::has_visible(db, queues, now)
        })
    }

    fn ack(&self, receipts: &[Receipt]) -> Result<Vec<bool>, StoreError> {
        self.writer.quickly("ack", |db| {
            let acks = receipts.iter().map(|receipt| messages::ack(db, receipt));
            acks.collect()
        })
    }

    fn release(
        &self,
        releases: &[(Receipt, Timestamp)],
        _now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        let done = self.writer.quickly("release", |db| {
            let releases = releases.iter();
            let releases = releases.map(|(receipt, at)| messages::release(db, receipt, *at));
            releases.collect()
        })?;
        self.changes.announce();
        Ok(done)
    }

    fn extend(&self, receipts: &[Receipt], until: Timestamp) -> Result<Vec<bool>, StoreError> {
        self.writer.quickly("extend", |db| {
            let receipts = receipts.iter();
            let extensions = receipts.map(|receipt| messages::extend(db, receipt, until));
            extensions.collect()
        })
    }

    fn reject(
        &self,
        receipts: &[Receipt],
        dead_letter_queue: &str,
        headers: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        let done = self.writer.durably("reject", |db| {
            let receipts = receipts.iter();
            let rejections = receipts
                .map(|receipt| messages::reject(db, receipt, dead_letter_queue, headers, now));
            rejections.collect()
        })?;
        self.changes.announce();
        Ok(done)
    }

    fn count(&self, queue: &str, now: Timestamp) -> Result<QueueCounts, StoreError> {
        self.readers
            .read("count messages", |db| inspect::counts(db, queue, now))
    }

    fn wait_for_change(&self, seen: u64, timeout: Duration) -> Result<u64, StoreError> {
        self.changes.wait(seen, timeout)
    }

    fn findings(&self) -> Result<Vec<Finding>, StoreError> {
        Ok(place::finding(&self.path).into_iter().collect())
    }
}

impl BrowsableQueue for SqliteStore {
    fn list_messages_after(
        &self,
        queue: &str,
        after: Option<&MessageId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.readers
            .read("list messages", |db| inspect::list(db, queue, after, limit))
    }

    fn find_message(&self, queue: &str, id: &MessageId) -> Result<Option<Delivery>, StoreError> {
        self.readers
            .read("find a message", |db| inspect::find(db, queue, id))
    }

    fn claim_message(
        &self,
        queue: &str,
        id: &MessageId,
        _worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        self.writer.quickly("claim a message", |db| {
            messages::claim_message(db, queue, id, lease)
        })
    }
}

impl StepQueue for SqliteStore {
    fn relay(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        self.take("relay", request, messages::relay)
    }

    fn claim_step(
        &self,
        step: &StepRef,
        _worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        self.writer
            .quickly("claim a step", |db| messages::claim_step(db, step, lease))
    }

    fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.readers
            .read("find overdue steps", |db| inspect::overdue(db, now, limit))
    }

    fn step_items(&self, run: &RunId) -> Result<Vec<Delivery>, StoreError> {
        self.readers
            .read("list step items", |db| inspect::items_of(db, run))
    }
}

impl SqliteStore {
    fn take(
        &self,
        operation: &'static str,
        request: &Receive,
        take: impl FnOnce(&Connection, &Receive) -> Result<Vec<Delivery>, Fault>,
    ) -> Result<Vec<Delivery>, StoreError> {
        // An idle consumer must not keep the others from writing.
        if !self.has_visible(&request.queues, request.lease.now)? {
            return Ok(Vec::new());
        }
        self.writer.quickly(operation, |db| take(db, request))
    }
}
