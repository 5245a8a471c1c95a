use std::time::Duration;

use super::message::{add_message, claim_answer, deliveries, field, publication};
use super::number::{at_most, millis};
use super::reply::Reply;
use super::script::{self, Known};
use super::server::Call;
use super::{RedisStore, findings};
use crate::port::{
    BrowsableQueue, ClaimAnswer, Delivery, Finding, Lease, MessageId, NewMessage, Queue,
    QueueCounts, Receipt, Receive, RunId, StepQueue, StepRef, StoreError, Timestamp, WorkerId,
};

/// Waiting is cut into pieces of this length, so that a connection that is dead without saying so is noticed.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

impl Queue for RedisStore {
    fn publish(
        &self,
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<Vec<MessageId>, StoreError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        if messages.iter().all(|message| message.step.is_none()) {
            let key = |name: &str| self.server.options.key(name);
            let (transaction, ids) = publication(key, messages, now)?;
            self.server.transact("publish", &transaction)?;
            return Ok(ids);
        }
        let mut call = self.server.call(&script::PUBLISH);
        call.arg(messages.len());
        for message in messages {
            add_message(&mut call, message, now)?;
        }
        let ids = self.write("publish", &call)?.list()?.into_iter();
        ids.map(|id| id.text().map(MessageId)).collect()
    }

    fn receive(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        let places = (request.in_turn(), request.eldest.min(request.max));
        self.hand_out("receive", &script::RECEIVE, request, places)
    }

    fn has_visible(&self, queues: &[String], now: Timestamp) -> Result<bool, StoreError> {
        let mut call = self.server.call(&script::HAS_VISIBLE);
        call.arg(millis(now));
        for queue in queues {
            call.arg(queue);
        }
        Ok(self.server.run("look for messages", &call)?.number()? == 1)
    }

    fn ack(&self, receipts: &[Receipt]) -> Result<Vec<bool>, StoreError> {
        let mut call = self.server.call(&script::ACK);
        add_receipts(&mut call, receipts);
        self.server.run("ack", &call)?.flags()
    }

    fn release(
        &self,
        releases: &[(Receipt, Timestamp)],
        _now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        let mut call = self.server.call(&script::RELEASE);
        for (receipt, at) in releases {
            call.arg(&receipt.id.0).arg(receipt.fence).arg(millis(*at));
        }
        self.server.run("release", &call)?.flags()
    }

    fn extend(&self, receipts: &[Receipt], until: Timestamp) -> Result<Vec<bool>, StoreError> {
        let mut call = self.server.call(&script::EXTEND);
        call.arg(millis(until));
        add_receipts(&mut call, receipts);
        self.server.run("extend", &call)?.flags()
    }

    fn reject(
        &self,
        receipts: &[Receipt],
        dead_letter_queue: &str,
        headers: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        let mut call = self.server.call(&script::REJECT);
        call.arg(dead_letter_queue)
            .arg(millis(now))
            .arg(i32::from(headers.is_some()))
            .arg(headers.unwrap_or_default());
        add_receipts(&mut call, receipts);
        self.write("reject", &call)?.flags()
    }

    fn count(&self, queue: &str, now: Timestamp) -> Result<QueueCounts, StoreError> {
        let mut call = self.server.call(&script::COUNT);
        call.arg(queue).arg(millis(now));
        let counts = self.server.run("count messages", &call)?.list()?;
        let mut counts = counts.into_iter().map(Reply::count);
        let mut next = || counts.next().unwrap_or(Ok(0));
        Ok(QueueCounts {
            ready: next()?,
            delayed: next()?,
            leased: next()?,
        })
    }

    fn wait_for_change(&self, seen: u64, timeout: Duration) -> Result<u64, StoreError> {
        self.server.wait(seen, timeout.min(LONGEST_WAIT))
    }

    fn findings(&self) -> Result<Vec<Finding>, StoreError> {
        findings::findings(&self.server)
    }
}

impl BrowsableQueue for RedisStore {
    fn list_messages_after(
        &self,
        queue: &str,
        after: Option<&MessageId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut call = self.server.call(&script::LIST_MESSAGES);
        // Of none, the first: `-` is before everything.
        let after = after.map_or("-".to_owned(), |id| format!("({}", id.0));
        call.arg(queue).arg(after).arg(at_most(limit));
        deliveries(self.server.run("list messages", &call)?)
    }

    fn find_message(&self, queue: &str, id: &MessageId) -> Result<Option<Delivery>, StoreError> {
        let mut call = self.server.call(&script::FIND_MESSAGE);
        call.arg(queue).arg(&id.0);
        Ok(deliveries(self.server.run("find a message", &call)?)?.pop())
    }

    fn claim_message(
        &self,
        queue: &str,
        id: &MessageId,
        _worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        let mut call = self.server.call(&script::CLAIM_MESSAGE);
        call.arg(queue).arg(&id.0);
        add_lease(&mut call, lease);
        claim_answer(self.server.run("claim a message", &call)?)
    }
}

impl StepQueue for RedisStore {
    fn relay(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        self.hand_out("relay", &script::RELAY, request, (request.max, 0))
    }

    fn claim_step(
        &self,
        step: &StepRef,
        _worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        let mut call = self.server.call(&script::CLAIM_STEP);
        call.arg(step.run.to_string()).arg(field(step));
        add_lease(&mut call, lease);
        claim_answer(self.server.run("claim a step", &call)?)
    }

    fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        let mut call = self.server.call(&script::OVERDUE);
        call.arg(millis(now)).arg(at_most(limit));
        deliveries(self.server.run("find overdue steps", &call)?)
    }

    fn step_items(&self, run: &RunId) -> Result<Vec<Delivery>, StoreError> {
        let mut call = self.server.call(&script::STEP_ITEMS);
        call.arg(run.to_string());
        deliveries(self.server.run("list step items", &call)?)
    }
}

impl RedisStore {
    fn hand_out(
        &self,
        operation: &'static str,
        script: &'static Known,
        request: &Receive,
        (in_turn, eldest): (usize, usize),
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut call = self.server.call(script);
        add_lease(&mut call, request.lease);
        call.arg(in_turn).arg(eldest);
        for queue in &request.queues {
            call.arg(queue);
        }
        deliveries(self.server.run(operation, &call)?)
    }
}

fn add_lease(call: &mut Call, lease: Lease) {
    call.arg(millis(lease.now)).arg(millis(lease.until()));
}

fn add_receipts(call: &mut Call, receipts: &[Receipt]) {
    for receipt in receipts {
        call.arg(&receipt.id.0).arg(receipt.fence);
    }
}
