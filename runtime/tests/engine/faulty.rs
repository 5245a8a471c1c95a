//! A backend that fails at chosen calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ossa_runtime::port::{
    Appended, Backend, BrowsableQueue, ChannelSize, ClaimAnswer, Commit, CommitOutcome, Delivery,
    KeyValue, KvEntry, KvVersion, KvWrite, Lease, LogRow, MessageId, NewMessage, Page, PlanHash,
    Position, Publication, Queue, QueueCounts, ReadStream, Receipt, Receive, Record, Retention,
    RunFilter, RunHead, RunId, RunPage, StepQueue, StepRef, Store, StoreError, StoredRun, Stream,
    StreamSlice, TimerRow, Timestamp, TrimStream, Version, WorkerId,
};

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is carried out.
    Works,
    /// Nothing was done; a repetition may succeed.
    Refused,
    /// It was done, and the answer was lost.
    DoneUnheard,
    /// Nothing was done, and never will be.
    Broken,
    /// The backend has a fault of its own.
    Panics,
}

type Rule = dyn Fn(&'static str, u64) -> Mode + Send + Sync;

pub struct Faulty {
    inner: Arc<dyn Backend>,
    rule: Box<Rule>,
    chosen: u64,
    /// Whether the process that has it dies at the chosen call.
    dies: bool,
    dead: AtomicBool,
    calls: AtomicU64,
}

impl Faulty {
    /// Fails the call of this number, from 1; 0 = none.
    pub fn new(inner: Arc<dyn Backend>, mode: Mode, at: u64) -> Arc<Self> {
        let rule = move |_, number| if number == at { mode } else { Mode::Works };
        Arc::new(Self {
            chosen: at,
            ..Self::ruled(inner, rule)
        })
    }

    /// Is lost at the call of this number, carried out or not, and for good: until another process opens it
    /// [again](Self::revive).
    pub fn dying(inner: Arc<dyn Backend>, mode: Mode, at: u64) -> Arc<Self> {
        let rule = move |_, number| if number == at { mode } else { Mode::Works };
        Arc::new(Self {
            chosen: at,
            dies: true,
            ..Self::ruled(inner, rule)
        })
    }

    /// Whether it was lost. From now on it works again.
    pub fn revive(&self) -> bool {
        self.dead.swap(false, Ordering::SeqCst)
    }

    /// Asks the rule what becomes of each call, by the name of the method and the call's number. A commit of several
    /// transitions is a `commit_many`.
    pub fn with(
        inner: Arc<dyn Backend>,
        rule: impl Fn(&'static str, u64) -> Mode + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self::ruled(inner, rule))
    }

    fn ruled(
        inner: Arc<dyn Backend>,
        rule: impl Fn(&'static str, u64) -> Mode + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            rule: Box::new(rule),
            chosen: 0,
            dies: false,
            dead: AtomicBool::new(false),
            calls: AtomicU64::new(0),
        }
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// The number of the call that fails.
    pub fn chosen(&self) -> u64 {
        self.chosen
    }

    fn call<T>(
        &self,
        name: &'static str,
        call: impl FnOnce(&dyn Backend) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let reason = format!("call {number}, of {name}, was chosen to fail");
        let operation = "go on";
        let mode = match self.dead.load(Ordering::SeqCst) {
            true => Mode::Refused,
            false => (self.rule)(name, number),
        };
        if self.dies && number == self.chosen {
            self.dead.store(true, Ordering::SeqCst);
        }
        match mode {
            Mode::Works => call(&*self.inner),
            Mode::Refused => Err(StoreError::Unavailable { operation, reason }),
            Mode::DoneUnheard => {
                call(&*self.inner)?;
                Err(StoreError::Unavailable { operation, reason })
            }
            Mode::Broken => Err(StoreError::Failed { operation, reason }),
            Mode::Panics => panic!("{reason}"),
        }
    }
}

impl Store for Faulty {
    fn commit(&self, commits: &[Commit]) -> Result<Vec<CommitOutcome>, StoreError> {
        let name = ["commit", "commit_many"][usize::from(commits.len() > 1)];
        self.call(name, |it| it.commit(commits))
    }
    fn load(&self, runs: &[RunId]) -> Result<Vec<Option<StoredRun>>, StoreError> {
        self.call("load", |it| it.load(runs))
    }
    fn heads(&self, runs: &[RunId]) -> Result<Vec<Option<RunHead>>, StoreError> {
        self.call("heads", |it| it.heads(runs))
    }
    fn find_by_key(&self, workflow: &str, key: &str) -> Result<Option<RunId>, StoreError> {
        self.call("find_by_key", |it| it.find_by_key(workflow, key))
    }
    fn list_runs(&self, filter: &RunFilter, page: &Page) -> Result<RunPage, StoreError> {
        self.call("list_runs", |it| it.list_runs(filter, page))
    }
    fn history(
        &self,
        run: &RunId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<LogRow>, StoreError> {
        self.call("history", |it| it.history(run, after, limit))
    }
    fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<TimerRow>, StoreError> {
        self.call("due_timers", |it| it.due_timers(now, limit))
    }
    fn timers_of(&self, run: &RunId) -> Result<Vec<TimerRow>, StoreError> {
        self.call("timers_of", |it| it.timers_of(run))
    }
    fn save_plan(&self, hash: &PlanHash, plan: &str) -> Result<(), StoreError> {
        self.call("save_plan", |it| it.save_plan(hash, plan))
    }
    fn load_plan(&self, hash: &PlanHash) -> Result<Option<String>, StoreError> {
        self.call("load_plan", |it| it.load_plan(hash))
    }
    fn signing_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.inner.signing_key(fresh)
    }
    fn expired_runs(
        &self,
        retention: &Retention,
        limit: usize,
    ) -> Result<Vec<RunHead>, StoreError> {
        self.call("expired_runs", |it| it.expired_runs(retention, limit))
    }

    fn remove_runs(&self, runs: &[RunId]) -> Result<u64, StoreError> {
        self.call("remove_runs", |it| it.remove_runs(runs))
    }
}

impl Queue for Faulty {
    fn publish(
        &self,
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<Vec<MessageId>, StoreError> {
        self.call("publish", |it| it.publish(messages, now))
    }
    fn receive(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        self.call("receive", |it| it.receive(request))
    }
    fn has_visible(&self, queues: &[String], now: Timestamp) -> Result<bool, StoreError> {
        self.call("has_visible", |it| it.has_visible(queues, now))
    }
    fn ack(&self, receipts: &[Receipt]) -> Result<Vec<bool>, StoreError> {
        self.call("ack", |it| it.ack(receipts))
    }
    fn release(
        &self,
        releases: &[(Receipt, Timestamp)],
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        self.call("release", |it| it.release(releases, now))
    }
    fn extend(&self, receipts: &[Receipt], until: Timestamp) -> Result<Vec<bool>, StoreError> {
        self.call("extend", |it| it.extend(receipts, until))
    }
    fn reject(
        &self,
        receipts: &[Receipt],
        dead: &str,
        headers: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        self.call("reject", |it| it.reject(receipts, dead, headers, now))
    }
    fn count(&self, queue: &str, now: Timestamp) -> Result<QueueCounts, StoreError> {
        self.call("count", |it| it.count(queue, now))
    }
    fn wait_for_change(&self, seen: u64, timeout: Duration) -> Result<u64, StoreError> {
        self.inner.wait_for_change(seen, timeout)
    }
}

impl BrowsableQueue for Faulty {
    fn list_messages_after(
        &self,
        queue: &str,
        after: Option<&MessageId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.call("list_messages", |it| {
            it.list_messages_after(queue, after, limit)
        })
    }
    fn find_message(&self, queue: &str, id: &MessageId) -> Result<Option<Delivery>, StoreError> {
        self.call("find_message", |it| it.find_message(queue, id))
    }
    fn claim_message(
        &self,
        queue: &str,
        id: &MessageId,
        worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        self.call("claim_message", |it| {
            it.claim_message(queue, id, worker, lease)
        })
    }
}

impl StepQueue for Faulty {
    fn relay(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        self.call("relay", |it| it.relay(request))
    }
    fn claim_step(
        &self,
        step: &StepRef,
        worker: &WorkerId,
        lease: Lease,
    ) -> Result<ClaimAnswer, StoreError> {
        self.call("claim_step", |it| it.claim_step(step, worker, lease))
    }
    fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.call("overdue", |it| it.overdue(now, limit))
    }
    fn step_items(&self, run: &RunId) -> Result<Vec<Delivery>, StoreError> {
        self.call("step_items", |it| it.step_items(run))
    }
}

impl Stream for Faulty {
    fn append(&self, all: &[Publication], now: Timestamp) -> Result<Vec<Appended>, StoreError> {
        self.call("append", |it| it.append(all, now))
    }
    fn read_stream(&self, request: &ReadStream) -> Result<StreamSlice, StoreError> {
        self.call("read_stream", |it| it.read_stream(request))
    }
    fn records_at(&self, positions: &[Position]) -> Result<Vec<Record>, StoreError> {
        self.call("records_at", |it| it.records_at(positions))
    }
    fn find_record(&self, channel: &str, id: &str) -> Result<Option<Record>, StoreError> {
        self.call("find_record", |it| it.find_record(channel, id))
    }
    fn position_before(&self, time: Timestamp) -> Result<Position, StoreError> {
        self.call("position_before", |it| it.position_before(time))
    }
    fn end_of_stream(&self) -> Result<Position, StoreError> {
        self.call("end_of_stream", |it| it.end_of_stream())
    }
    fn trim_stream(&self, trim: &TrimStream) -> Result<u64, StoreError> {
        self.call("trim_stream", |it| it.trim_stream(trim))
    }
    fn channels(&self) -> Result<Vec<ChannelSize>, StoreError> {
        self.call("channels", |it| it.channels())
    }
}

impl KeyValue for Faulty {
    fn kv_get(
        &self,
        namespace: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KvEntry>, StoreError> {
        self.call("kv_get", |it| it.kv_get(namespace, key, now))
    }
    fn kv_write(&self, write: &KvWrite, now: Timestamp) -> Result<Option<KvVersion>, StoreError> {
        self.call("kv_write", |it| it.kv_write(write, now))
    }
    fn kv_keys(
        &self,
        namespace: &str,
        prefix: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.call("kv_keys", |it| it.kv_keys(namespace, prefix, now, limit))
    }
    fn kv_prune(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.call("kv_prune", |it| it.kv_prune(now))
    }
}
