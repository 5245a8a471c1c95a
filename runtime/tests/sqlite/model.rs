//! Random sequences of operations give the same answers from SQLite and from memory.

use std::collections::HashMap;
use std::time::Duration;

use ossa_runtime::adapter::{Durability, MemoryStore, SqliteOptions, SqliteStore};
use ossa_runtime::port::{
    Backend, ClaimAnswer, Commit, Delivery, KvWrite, MessageId, NewMessage, Page, Priority,
    Receipt, Retention, RunFilter, RunId, RunStatus, Snapshot, StepItem, StepRef, TimerKey,
    TimerRow, Timestamp, Version,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::fixture::Folder;
use crate::sample::{at, created, log_row, message, request, run_id};

const QUEUES: [&str; 3] = ["a", "b", "dead"];

#[derive(Debug, Clone)]
enum Operation {
    Commit(Vec<Transition>),
    Publish(Vec<NewMessage>),
    Receive {
        relay: bool,
        queues: Vec<&'static str>,
        max: usize,
        eldest: usize,
    },
    ClaimStep(StepRef),
    Ack(Vec<usize>),
    Release(Vec<usize>, i64),
    Extend(Vec<usize>, i64),
    Reject(Vec<usize>),
    Advance(i64),
    Write {
        key: String,
        value: Option<i64>,
        ttl: Option<i64>,
        expected: Expected,
    },
    PruneKeys,
    PruneRuns {
        before: i64,
        limit: usize,
    },
    ListRuns {
        filter: RunFilter,
        limit: usize,
    },
}

/// Which version a write of a key expects.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Any,
    Absent,
    Current,
    Wrong,
}

/// A commit, but for the version it is based on.
#[derive(Debug, Clone)]
struct Transition {
    run: u128,
    /// Off the run's version by so much.
    off: i64,
    status: RunStatus,
    key: Option<String>,
    snapshot: bool,
    enqueue: Vec<NewMessage>,
    settle: Vec<StepRef>,
    /// To so many milliseconds; `None` = never.
    reschedule: Vec<(StepRef, Option<i64>)>,
    set_timers: Vec<TimerRow>,
    clear_timers: Vec<TimerKey>,
}

fn step() -> impl Strategy<Value = StepRef> {
    (0..3_u128, 1..3_u32, 1..3_u32).prop_map(|(run, node, attempt)| StepRef {
        run: run_id(run),
        scope: 0,
        node,
        attempt,
    })
}

fn new_message() -> impl Strategy<Value = NewMessage> {
    let item = (step(), 0..80_u64).prop_map(|(step, millis)| StepItem {
        step,
        timeout: Duration::from_millis(millis),
    });
    (
        select(&QUEUES[..2]),
        select(&Priority::ALL[..]),
        0..60_i64,
        vec(any::<u8>(), 0..4),
        proptest::option::of(item),
    )
        .prop_map(|(queue, priority, millis, body, step)| NewMessage {
            priority,
            available_at: at(millis),
            body,
            step,
            ..message(queue, "")
        })
}

fn timer_key() -> impl Strategy<Value = TimerKey> {
    (0..3_u128, select(vec!["deadline", "retry"])).prop_map(|(run, name)| TimerKey {
        run: run_id(run),
        name: name.to_owned(),
    })
}

fn transition() -> impl Strategy<Value = Transition> {
    let timer = (timer_key(), 0..3_u64, 0..100_i64).prop_map(|(key, generation, due)| TimerRow {
        key,
        generation,
        due: at(due),
    });
    let statuses = vec![RunStatus::Running, RunStatus::Waiting, RunStatus::Failed];
    (
        (
            0..3_u128,
            prop_oneof![6 => Just(0_i64), 1 => Just(1), 1 => Just(-1)],
            select(statuses),
            proptest::option::of(select(vec!["k".to_owned(), "l".to_owned()])),
            any::<bool>(),
        ),
        (
            vec(new_message(), 0..3),
            vec(step(), 0..2),
            vec((step(), proptest::option::of(0..100_i64)), 0..2),
            vec(timer, 0..2),
            vec(timer_key(), 0..2),
        ),
    )
        .prop_map(
            |((run, off, status, key, snapshot), (enqueue, settle, reschedule, set, clear))| {
                Transition {
                    run,
                    off,
                    status,
                    key,
                    snapshot,
                    enqueue,
                    settle,
                    reschedule,
                    set_timers: set,
                    clear_timers: clear,
                }
            },
        )
}

fn filter() -> impl Strategy<Value = RunFilter> {
    let statuses = vec![RunStatus::Running, RunStatus::Waiting, RunStatus::Failed];
    let time = || proptest::option::of((0..100_i64).prop_map(at));
    (vec(select(statuses), 0..3), time(), time()).prop_map(|(statuses, from, before)| RunFilter {
        statuses,
        created_from: from,
        created_before: before,
        ..RunFilter::default()
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let picks = || vec(0..40_usize, 1..4);
    let expected = select(vec![
        Expected::Any,
        Expected::Absent,
        Expected::Current,
        Expected::Wrong,
    ]);
    prop_oneof![
        6 => vec(transition(), 1..3).prop_map(Operation::Commit),
        3 => vec(new_message(), 1..4).prop_map(Operation::Publish),
        6 => (any::<bool>(), vec(select(&QUEUES[..]), 1..4), 0..4_usize, 0..3_usize)
            .prop_map(|(relay, queues, max, eldest)| Operation::Receive { relay, queues, max, eldest }),
        3 => step().prop_map(Operation::ClaimStep),
        3 => picks().prop_map(Operation::Ack),
        2 => (picks(), 0..60_i64).prop_map(|(picks, millis)| Operation::Release(picks, millis)),
        2 => (picks(), 0..60_i64).prop_map(|(picks, millis)| Operation::Extend(picks, millis)),
        1 => picks().prop_map(Operation::Reject),
        4 => (1..40_000_i64).prop_map(Operation::Advance),
        4 => (
            select(vec!["x".to_owned(), "xy".to_owned(), "z".to_owned()]),
            proptest::option::of(0..9_i64),
            proptest::option::of(0..50_000_i64),
            expected,
        )
            .prop_map(|(key, value, ttl, expected)| Operation::Write { key, value, ttl, expected }),
        1 => Just(Operation::PruneKeys),
        1 => (0..100_000_i64, 0..3_usize)
            .prop_map(|(before, limit)| Operation::PruneRuns { before, limit }),
        2 => (filter(), 0..4_usize)
            .prop_map(|(filter, limit)| Operation::ListRuns { filter, limit }),
    ]
}

/// Both backends, and what is needed to ask both the same.
struct Pair {
    memory: MemoryStore,
    sqlite: SqliteStore,
    _folder: Folder,
    now: i64,
    /// SQLite's ids by those of memory: each gives its own.
    ids: HashMap<MessageId, MessageId>,
    /// Receipts ever given, by memory and by SQLite.
    receipts: Vec<(Receipt, Receipt)>,
}

impl Pair {
    fn new() -> Self {
        let folder = Folder::new();
        let sqlite = SqliteStore::open(SqliteOptions {
            durability: Durability::Process,
            ..SqliteOptions::new(folder.path())
        });
        Self {
            memory: MemoryStore::new(),
            sqlite: sqlite.unwrap(),
            _folder: folder,
            now: 0,
            ids: HashMap::new(),
            receipts: Vec::new(),
        }
    }

    fn now(&self) -> Timestamp {
        at(self.now)
    }

    /// Asks both and insists on the same answer.
    fn both<T: PartialEq + std::fmt::Debug>(&self, ask: impl Fn(&dyn Backend) -> T) -> T {
        let expected = ask(&self.memory);
        assert_eq!(ask(&self.sqlite), expected);
        expected
    }

    fn same_deliveries(&mut self, memory: Vec<Delivery>, sqlite: Vec<Delivery>) {
        assert_eq!(memory.len(), sqlite.len(), "{memory:?} {sqlite:?}");
        for (memory, mut sqlite) in memory.into_iter().zip(sqlite) {
            self.same_id(&memory.receipt.id, &sqlite.receipt.id);
            self.receipts
                .push((memory.receipt.clone(), sqlite.receipt.clone()));
            sqlite.receipt.id = memory.receipt.id.clone();
            assert_eq!(sqlite, memory);
        }
    }

    fn same_id(&mut self, memory: &MessageId, sqlite: &MessageId) {
        let known = self
            .ids
            .entry(memory.clone())
            .or_insert_with(|| sqlite.clone());
        assert_eq!(known, sqlite);
    }

    /// Asks both for what they answer with deliveries.
    fn deliveries(&mut self, ask: impl Fn(&dyn Backend) -> Vec<Delivery>) {
        let (memory, sqlite) = (ask(&self.memory), ask(&self.sqlite));
        self.same_deliveries(memory, sqlite);
    }

    fn picked(&self, picks: &[usize]) -> (Vec<Receipt>, Vec<Receipt>) {
        picks
            .iter()
            .filter_map(|pick| {
                let from_the_end = self.receipts.len().checked_sub(pick + 1)?;
                self.receipts.get(from_the_end).cloned()
            })
            .unzip()
    }

    fn commits(&self, transitions: &[Transition]) -> Vec<Commit> {
        let mut versions: HashMap<RunId, u64> = HashMap::new();
        transitions
            .iter()
            .map(|transition| {
                let run = run_id(transition.run);
                let stored = self.both(|it| it.heads(&[run]).unwrap().remove(0));
                let version = versions
                    .entry(run)
                    .or_insert_with(|| stored.map_or(0, |it| it.version.0));
                let base = version.saturating_add_signed(transition.off);
                *version = base + 1;
                self.commit(transition, base)
            })
            .collect()
    }

    fn commit(&self, transition: &Transition, base: u64) -> Commit {
        let mut commit = created(run_id(transition.run));
        commit.expected = (base > 0).then_some(Version(base));
        commit.head.version = Version(base + 1);
        commit.head.status = transition.status;
        commit.head.idempotency_key.clone_from(&transition.key);
        commit.head.created_at = self.now();
        commit.head.updated_at = self.now();
        commit.head.ended_at = transition.status.is_terminal().then(|| self.now());
        commit.log = log_row(base + 1);
        commit.log.at = self.now();
        commit.snapshot = transition.snapshot.then(|| Snapshot {
            version: Version(base + 1),
            state: format!("state {base}"),
        });
        commit.enqueue.clone_from(&transition.enqueue);
        commit.settle.clone_from(&transition.settle);
        let reschedule = transition.reschedule.iter();
        commit.reschedule = reschedule
            .map(|(step, millis)| (*step, millis.map_or(Timestamp::NEVER, at)))
            .collect();
        commit.set_timers.clone_from(&transition.set_timers);
        commit.clear_timers.clone_from(&transition.clear_timers);
        commit
    }

    fn apply(&mut self, operation: &Operation) {
        let now = self.now();
        match operation {
            Operation::Commit(transitions) => {
                let commits = self.commits(transitions);
                self.both(|it| it.commit(&commits).unwrap());
            }
            Operation::Publish(messages) => {
                let memory = self.memory_publish(messages, now);
                let sqlite = publish(&self.sqlite, messages, now);
                for (memory, sqlite) in memory.iter().zip(&sqlite) {
                    self.same_id(memory, sqlite);
                }
            }
            Operation::Receive {
                relay,
                queues,
                max,
                eldest,
            } => {
                let mut request = request("", *max, now);
                request.eldest = *eldest;
                request.queues = queues.iter().map(ToString::to_string).collect();
                self.deliveries(|it| match relay {
                    true => it.relay(&request).unwrap(),
                    false => it.receive(&request).unwrap(),
                });
            }
            Operation::ClaimStep(step) => self.claim_step(step, now),
            Operation::Ack(picks) => {
                let (memory, sqlite) = self.picked(picks);
                let expected = self.memory_backend().ack(&memory).unwrap();
                assert_eq!(self.sqlite_backend().ack(&sqlite).unwrap(), expected);
            }
            Operation::Release(picks, millis) => {
                let until = |receipts: Vec<Receipt>| -> Vec<_> {
                    let at = at(self.now + millis);
                    receipts.into_iter().map(|it| (it, at)).collect()
                };
                let (memory, sqlite) = self.picked(picks);
                let (memory, sqlite) = (until(memory), until(sqlite));
                let now = at(self.now);
                let expected = self.memory_backend().release(&memory, now).unwrap();
                let found = self.sqlite_backend().release(&sqlite, now).unwrap();
                assert_eq!(found, expected);
            }
            Operation::Extend(picks, millis) => {
                let until = at(self.now + millis);
                let (memory, sqlite) = self.picked(picks);
                let expected = self.memory_backend().extend(&memory, until).unwrap();
                let found = self.sqlite_backend().extend(&sqlite, until).unwrap();
                assert_eq!(found, expected);
            }
            Operation::Reject(picks) => {
                let (memory, sqlite) = self.picked(picks);
                let expected = self
                    .memory_backend()
                    .reject(&memory, "dead", None, now)
                    .unwrap();
                let found = self
                    .sqlite_backend()
                    .reject(&sqlite, "dead", None, now)
                    .unwrap();
                assert_eq!(found, expected);
            }
            Operation::Advance(millis) => self.now += millis,
            Operation::Write {
                key,
                value,
                ttl,
                expected,
            } => {
                let current = self.both(|it| it.kv_get("ns", key, now).unwrap());
                let current = current.map_or(0, |it| it.version);
                let write = KvWrite {
                    namespace: "ns".to_owned(),
                    key: key.clone(),
                    value: value.map(Into::into),
                    expires_at: ttl.map(|ttl| at(self.now + ttl)),
                    expected: match expected {
                        Expected::Any => None,
                        Expected::Absent => Some(0),
                        Expected::Current => Some(current),
                        Expected::Wrong => Some(current + 1),
                    },
                };
                self.both(|it| it.kv_write(&write, now).unwrap());
            }
            Operation::PruneKeys => {
                self.both(|it| it.kv_prune(now).unwrap());
            }
            Operation::PruneRuns { before, limit } => {
                let retention = Retention {
                    status: RunStatus::Failed,
                    ended_before: Some(at(*before)),
                    keep: None,
                };
                let expired = self.both(|it| it.expired_runs(&retention, *limit).unwrap());
                let runs: Vec<_> = expired.iter().map(|head| head.run).collect();
                self.both(|it| it.remove_runs(&runs).unwrap());
            }
            Operation::ListRuns { filter, limit } => {
                let mut after = None;
                // Through all slices, as long as they end.
                for _ in 0..5 {
                    let limit = *limit;
                    let page = Page { after, limit };
                    let found = self.both(|it| it.list_runs(filter, &page).unwrap());
                    after = found.next;
                    if after.is_none() {
                        break;
                    }
                }
            }
        }
    }

    fn claim_step(&mut self, step: &StepRef, now: Timestamp) {
        let request = request("", 1, now);
        let ask = |it: &dyn Backend| it.claim_step(step, &request.worker, request.lease).unwrap();
        match (ask(&self.memory), ask(&self.sqlite)) {
            (ClaimAnswer::Claimed(memory), ClaimAnswer::Claimed(sqlite)) => {
                self.same_deliveries(vec![memory], vec![sqlite]);
            }
            (memory, sqlite) => assert_eq!(sqlite, memory),
        }
    }

    fn memory_backend(&self) -> &dyn Backend {
        &self.memory
    }

    fn sqlite_backend(&self) -> &dyn Backend {
        &self.sqlite
    }

    fn memory_publish(&self, messages: &[NewMessage], now: Timestamp) -> Vec<MessageId> {
        publish(&self.memory, messages, now)
    }

    /// Compares all there is to see.
    fn compare(&mut self) {
        let now = self.now();
        for queue in QUEUES {
            self.both(|it| it.count(queue, now).unwrap());
            self.deliveries(|it| it.list_messages(queue, 99).unwrap());
        }
        self.deliveries(|it| it.overdue(now, 3).unwrap());
        self.both(|it| it.due_timers(now, 3).unwrap());
        let runs: Vec<_> = (0..3).map(run_id).collect();
        self.both(|it| it.load(&runs).unwrap());
        for run in &runs {
            self.both(|it| it.history(run, Version(1), 3).unwrap());
        }
        for key in ["k", "l"] {
            self.both(|it| it.find_by_key("onboarding", key).unwrap());
        }
        self.both(|it| it.kv_keys("ns", "x", now, 2).unwrap());
    }
}

fn publish(backend: &dyn Backend, messages: &[NewMessage], now: Timestamp) -> Vec<MessageId> {
    backend.publish(messages, now).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_answers_like_memory(operations in vec(operation(), 1..60)) {
        let mut pair = Pair::new();
        for operation in &operations {
            pair.apply(operation);
            pair.compare();
        }
    }
}
