//! A backend that fails at one chosen call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ossa_runtime::port::{
    Backend, ClaimAnswer, Commit, CommitOutcome, Delivery, KeyValue, KvEntry, KvVersion, KvWrite,
    Lease, LogRow, MessageId, NewMessage, Page, PlanHash, Queue, QueueCounts, Receipt, Receive,
    RunFilter, RunHead, RunId, RunPage, StepRef, Store, StoreError, StoredRun, TimerRow, Timestamp,
    Version, WorkerId,
};

/// How the chosen call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing was done.
    Refused,
    /// It was done, and the answer was lost.
    DoneUnheard,
}

pub struct Faulty {
    inner: Arc<dyn Backend>,
    mode: Mode,
    /// The call that fails, from 1; 0 = none.
    at: u64,
    calls: AtomicU64,
}

impl Faulty {
    pub fn new(inner: Arc<dyn Backend>, mode: Mode, at: u64) -> Arc<Self> {
        Arc::new(Self {
            inner,
            mode,
            at,
            calls: AtomicU64::new(0),
        })
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// The number of the call that fails.
    pub fn chosen(&self) -> u64 {
        self.at
    }

    fn call<T>(
        &self,
        call: impl FnOnce(&dyn Backend) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if number != self.at {
            return call(&*self.inner);
        }
        if self.mode == Mode::DoneUnheard {
            call(&*self.inner)?;
        }
        Err(StoreError::Unavailable {
            operation: "go on",
            reason: format!("call {number} was chosen to fail"),
        })
    }
}

impl Store for Faulty {
    fn commit(&self, commits: &[Commit]) -> Result<Vec<CommitOutcome>, StoreError> {
        self.call(|it| it.commit(commits))
    }
    fn load(&self, runs: &[RunId]) -> Result<Vec<Option<StoredRun>>, StoreError> {
        self.call(|it| it.load(runs))
    }
    fn heads(&self, runs: &[RunId]) -> Result<Vec<Option<RunHead>>, StoreError> {
        self.call(|it| it.heads(runs))
    }
    fn find_by_key(&self, workflow: &str, key: &str) -> Result<Option<RunId>, StoreError> {
        self.call(|it| it.find_by_key(workflow, key))
    }
    fn list_runs(&self, filter: &RunFilter, page: &Page) -> Result<RunPage, StoreError> {
        self.call(|it| it.list_runs(filter, page))
    }
    fn history(
        &self,
        run: &RunId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<LogRow>, StoreError> {
        self.call(|it| it.history(run, after, limit))
    }
    fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<TimerRow>, StoreError> {
        self.call(|it| it.due_timers(now, limit))
    }
    fn save_plan(&self, hash: &PlanHash, plan: &str) -> Result<(), StoreError> {
        self.call(|it| it.save_plan(hash, plan))
    }
    fn load_plan(&self, hash: &PlanHash) -> Result<Option<String>, StoreError> {
        self.call(|it| it.load_plan(hash))
    }
    fn signing_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.inner.signing_key(fresh)
    }
    fn prune_runs(&self, ended_before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.call(|it| it.prune_runs(ended_before, limit))
    }
}

impl Queue for Faulty {
    fn publish(
        &self,
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<Vec<MessageId>, StoreError> {
        self.call(|it| it.publish(messages, now))
    }
    fn receive(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        self.call(|it| it.receive(request))
    }
    fn relay(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        self.call(|it| it.relay(request))
    }
    fn claim_step(
        &self,
        step: &StepRef,
        worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        self.call(|it| it.claim_step(step, worker, lease))
    }
    fn claim_message(
        &self,
        queue: &str,
        id: &MessageId,
        worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        self.call(|it| it.claim_message(queue, id, worker, lease))
    }
    fn ack(&self, receipts: &[Receipt]) -> Result<Vec<bool>, StoreError> {
        self.call(|it| it.ack(receipts))
    }
    fn release(&self, releases: &[(Receipt, Timestamp)]) -> Result<Vec<bool>, StoreError> {
        self.call(|it| it.release(releases))
    }
    fn extend(&self, receipts: &[Receipt], until: Timestamp) -> Result<Vec<bool>, StoreError> {
        self.call(|it| it.extend(receipts, until))
    }
    fn reject(
        &self,
        receipts: &[Receipt],
        dead: &str,
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        self.call(|it| it.reject(receipts, dead, now))
    }
    fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.call(|it| it.overdue(now, limit))
    }
    fn count(&self, queue: &str, now: Timestamp) -> Result<QueueCounts, StoreError> {
        self.call(|it| it.count(queue, now))
    }
    fn list_messages(&self, queue: &str, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.call(|it| it.list_messages(queue, limit))
    }
    fn find_message(&self, queue: &str, id: &MessageId) -> Result<Option<Delivery>, StoreError> {
        self.call(|it| it.find_message(queue, id))
    }
    fn wait_for_change(&self, seen: u64, timeout: Duration) -> Result<u64, StoreError> {
        self.inner.wait_for_change(seen, timeout)
    }
}

impl KeyValue for Faulty {
    fn kv_get(
        &self,
        namespace: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KvEntry>, StoreError> {
        self.call(|it| it.kv_get(namespace, key, now))
    }
    fn kv_write(&self, write: &KvWrite, now: Timestamp) -> Result<Option<KvVersion>, StoreError> {
        self.call(|it| it.kv_write(write, now))
    }
    fn kv_keys(
        &self,
        namespace: &str,
        prefix: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.call(|it| it.kv_keys(namespace, prefix, now, limit))
    }
    fn kv_prune(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.call(|it| it.kv_prune(now))
    }
}
