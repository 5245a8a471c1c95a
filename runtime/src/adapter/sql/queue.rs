use std::thread;
use std::time::Duration;

use super::messages::{self, Taking};
use super::{SqlStore, receipts};
use crate::port::{
    BrowsableQueue, ClaimAnswer, Delivery, Lease, MessageId, NewMessage, Queue, QueueCounts,
    Receipt, Receive, RunId, StepQueue, StepRef, StoreError, Timestamp, WorkerId,
};

impl Queue for SqlStore {
    fn publish(
        &self,
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<Vec<MessageId>, StoreError> {
        self.database().write("publish", |database| {
            messages::insert(database, messages, now)
        })
    }

    fn receive(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        self.take("receive", request, Taking::Claim)
    }

    fn has_visible(&self, queues: &[String], now: Timestamp) -> Result<bool, StoreError> {
        self.database().at_once("look for messages", |database| {
            Ok(!messages::visible(database, queues, now, false)?.is_empty())
        })
    }

    fn ack(&self, receipts: &[Receipt]) -> Result<Vec<bool>, StoreError> {
        if let [receipt] = receipts {
            return self.database().at_once("ack", |database| {
                Ok(vec![receipts::ack_one(database, receipt)?])
            });
        }
        self.database()
            .write("ack", |database| receipts::ack(database, receipts))
    }

    fn release(
        &self,
        releases: &[(Receipt, Timestamp)],
        _now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        self.database()
            .write("release", |database| receipts::release(database, releases))
    }

    fn extend(&self, receipts: &[Receipt], until: Timestamp) -> Result<Vec<bool>, StoreError> {
        self.database().write("extend", |database| {
            receipts::extend(database, receipts, until)
        })
    }

    fn reject(
        &self,
        receipts: &[Receipt],
        dead_letter_queue: &str,
        headers: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        self.database().write("reject", |database| {
            receipts::reject(database, receipts, dead_letter_queue, headers, now)
        })
    }

    fn count(&self, queue: &str, now: Timestamp) -> Result<QueueCounts, StoreError> {
        self.database().at_once("count messages", |database| {
            messages::counts(database, queue, now)
        })
    }

    /// Nothing tells when there is something new: after a while there may be.
    fn wait_for_change(&self, seen: u64, timeout: Duration) -> Result<u64, StoreError> {
        thread::sleep(timeout.min(self.options.poll));
        Ok(seen.wrapping_add(1).max(1))
    }
}

impl BrowsableQueue for SqlStore {
    fn list_messages_after(
        &self,
        queue: &str,
        after: Option<&MessageId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.database().at_once("list messages", |database| {
            messages::list(database, queue, after, limit)
        })
    }

    fn find_message(&self, queue: &str, id: &MessageId) -> Result<Option<Delivery>, StoreError> {
        self.database().at_once("find a message", |database| {
            messages::find(database, queue, id)
        })
    }

    fn claim_message(
        &self,
        queue: &str,
        id: &MessageId,
        _worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        self.database().write("claim a message", |database| {
            messages::claim_message(database, queue, id, lease)
        })
    }
}

impl StepQueue for SqlStore {
    fn relay(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        self.take("relay", request, Taking::Relay)
    }

    fn claim_step(
        &self,
        step: &StepRef,
        _worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        self.database().write("claim a step", |database| {
            messages::claim_step(database, step, lease)
        })
    }

    fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.database().at_once("find overdue steps", |database| {
            messages::overdue(database, now, limit)
        })
    }

    fn step_items(&self, run: &RunId) -> Result<Vec<Delivery>, StoreError> {
        self.database().at_once("list step items", |database| {
            messages::items_of(database, run)
        })
    }
}

impl SqlStore {
    fn take(
        &self,
        operation: &'static str,
        request: &Receive,
        taking: Taking,
    ) -> Result<Vec<Delivery>, StoreError> {
        let database = self.database();
        // Most looks find nothing; they need no transaction.
        let places = database.at_once(operation, |database| {
            let now = request.lease.now;
            messages::visible(database, &request.queues, now, taking == Taking::Relay)
        })?;
        if places.is_empty() || request.max == 0 {
            return Ok(Vec::new());
        }
        database.write(operation, |database| {
            messages::take(database, request, &places, taking)
        })
    }
}
