use std::time::{Duration, Instant};

use super::MemoryStore;
use crate::port::{
    BrowsableQueue, ClaimAnswer, Delivery, Lease, MessageId, NewMessage, Queue, QueueCounts,
    Receipt, Receive, RunId, StepQueue, StepRef, StoreError, Timestamp, WorkerId,
};

impl Queue for MemoryStore {
    fn publish(
        &self,
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<Vec<MessageId>, StoreError> {
        let mut state = self.state();
        let ids = messages
            .iter()
            .map(|message| state.messages.publish(message, now))
            .collect();
        self.announce(state);
        Ok(ids)
    }

    fn receive(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        Ok(self.state().messages.receive(request))
    }

    fn has_visible(&self, queues: &[String], now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.state().messages.has_visible(queues, now))
    }

    fn ack(&self, receipts: &[Receipt]) -> Result<Vec<bool>, StoreError> {
        let mut state = self.state();
        Ok(receipts
            .iter()
            .map(|receipt| state.messages.ack(receipt))
            .collect())
    }

    fn release(
        &self,
        releases: &[(Receipt, Timestamp)],
        _now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        let mut state = self.state();
        let done = releases
            .iter()
            .map(|(receipt, at)| state.messages.release(receipt, *at))
            .collect();
        self.announce(state);
        Ok(done)
    }

    fn extend(&self, receipts: &[Receipt], until: Timestamp) -> Result<Vec<bool>, StoreError> {
        let mut state = self.state();
        Ok(receipts
            .iter()
            .map(|receipt| state.messages.extend(receipt, until))
            .collect())
    }

    fn reject(
        &self,
        receipts: &[Receipt],
        dead_letter_queue: &str,
        headers: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        let mut state = self.state();
        let done = receipts
            .iter()
            .map(|receipt| {
                state
                    .messages
                    .reject(receipt, dead_letter_queue, headers, now)
            })
            .collect();
        self.announce(state);
        Ok(done)
    }

    fn count(&self, queue: &str, now: Timestamp) -> Result<QueueCounts, StoreError> {
        Ok(self.state().messages.count(queue, now))
    }

    fn wait_for_change(&self, seen: u64, timeout: Duration) -> Result<u64, StoreError> {
        let mut state = self.state();
        // A timeout too long to be expressed is as good as none.
        match Instant::now().checked_add(timeout) {
            Some(deadline) => {
                self.changed
                    .wait_while_until(&mut state, |it| it.changes == seen, deadline);
            }
            None => self.changed.wait_while(&mut state, |it| it.changes == seen),
        }
        Ok(state.changes)
    }
}

impl BrowsableQueue for MemoryStore {
    fn list_messages_after(
        &self,
        queue: &str,
        after: Option<&MessageId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        Ok(self.state().messages.list(queue, after, limit))
    }

    fn find_message(&self, queue: &str, id: &MessageId) -> Result<Option<Delivery>, StoreError> {
        Ok(self.state().messages.find(queue, id))
    }

    fn claim_message(
        &self,
        queue: &str,
        id: &MessageId,
        _worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        Ok(self.state().messages.claim_message(queue, id, lease))
    }
}

impl StepQueue for MemoryStore {
    fn relay(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        Ok(self.state().messages.relay(request))
    }

    fn claim_step(
        &self,
        step: &StepRef,
        _worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        Ok(self.state().messages.claim_step(step, lease))
    }

    fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        Ok(self.state().messages.overdue(now, limit))
    }

    fn step_items(&self, run: &RunId) -> Result<Vec<Delivery>, StoreError> {
        Ok(self.state().messages.items_of(run))
    }
}
