//! Runs and messages to test with.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use uuid::Builder;

use crate::port::{
    Commit, Delivery, Lease, LogRow, NewMessage, PlanHash, Priority, Queue, QueueCounts, Receipt,
    Receive, RunHead, RunId, RunStatus, Snapshot, StepItem, StepRef, StoreError, TimerKey,
    TimerRow, Timestamp, Version, WorkerId,
};

/// How long claims made here last.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// How long a broker may take over what it is to do.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// So many milliseconds after the moment at which cases begin.
pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

/// A run's id whose time is `at(number)`.
pub(super) fn run_id(number: u32) -> RunId {
    let millis = at(number.into()).as_millis().unsigned_abs();
    let mut random = [0; 10];
    random
        .iter_mut()
        .zip(number.to_be_bytes())
        .for_each(|(to, from)| *to = from);
    RunId::from_uuid(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

/// The first commit of a run created at `at(number)`.
pub(super) fn first(number: u32) -> Commit {
    let now = at(number.into());
    let head = RunHead {
        run: run_id(number),
        version: Version(1),
        workflow: "onboarding".to_owned(),
        plan: PlanHash("ab".repeat(32)),
        status: RunStatus::Running,
        priority: Priority::Normal,
        idempotency_key: None,
        correlation_id: None,
        labels: crate::port::Labels::new(),
        progress: 0,
        current_step: None,
        error: None,
        created_at: now,
        updated_at: now,
        ended_at: None,
    };
    Commit {
        expected: None,
        log: log_row(1, now),
        head,
        snapshot: None,
        enqueue: Vec::new(),
        settle: Vec::new(),
        reschedule: Vec::new(),
        set_timers: Vec::new(),
        clear_timers: Vec::new(),
        publish: Vec::new(),
    }
}

/// The commit after this one, a millisecond later.
pub(super) fn after(previous: &Commit) -> Commit {
    let version = previous.head.version.next();
    let now = previous.log.at.after(Duration::from_millis(1));
    let mut head = previous.head.clone();
    head.version = version;
    head.updated_at = now;
    Commit {
        expected: Some(previous.head.version),
        head,
        log: log_row(version.0, now),
        snapshot: None,
        enqueue: Vec::new(),
        settle: Vec::new(),
        reschedule: Vec::new(),
        set_timers: Vec::new(),
        clear_timers: Vec::new(),
        publish: Vec::new(),
    }
}

/// The commit after this one, with which the run ends.
pub(super) fn ending(previous: &Commit, ended_at: Timestamp) -> Commit {
    let mut commit = after(previous);
    commit.head.status = RunStatus::Completed;
    commit.head.progress = 100;
    commit.head.ended_at = Some(ended_at);
    commit
}

pub(super) fn log_row(version: u64, at: Timestamp) -> LogRow {
    LogRow {
        version: Version(version),
        at,
        events: format!(r#"[{{"type":"warned","message":"transition {version} – ünïcode"}}]"#),
    }
}

pub(super) fn snapshot(version: u64) -> Snapshot {
    Snapshot {
        version: Version(version),
        state: format!(r#"{{"version":{version}}}"#),
    }
}

pub(super) fn timer(run: RunId, name: &str, generation: u64, due: Timestamp) -> TimerRow {
    TimerRow {
        key: TimerKey {
            run,
            name: name.to_owned(),
        },
        generation,
        due,
    }
}

/// A message visible from `at(0)` on.
pub(super) fn message(queue: &str, body: &str) -> NewMessage {
    NewMessage {
        queue: queue.to_owned(),
        priority: Priority::Normal,
        available_at: at(0),
        body: body.as_bytes().to_vec(),
        headers: b"{}".to_vec(),
        step: None,
    }
}

pub(super) fn step(run: RunId, node: u32, attempt: u32) -> StepRef {
    StepRef {
        run,
        scope: 0,
        node,
        attempt,
    }
}

/// The item of an attempt that may take a minute, visible from `at(0)` on.
pub(super) fn item(queue: &str, step: StepRef) -> NewMessage {
    NewMessage {
        step: Some(StepItem {
            step,
            timeout: Duration::from_secs(60),
        }),
        ..message(queue, "step job")
    }
}

pub(super) fn worker() -> WorkerId {
    WorkerId("worker".to_owned())
}

pub(super) fn lease(now: Timestamp) -> Lease {
    Lease {
        now,
        duration: LEASE,
    }
}

pub(super) fn request(queues: &[&str], max: usize, now: Timestamp) -> Receive {
    Receive {
        queues: queues.iter().map(ToString::to_string).collect(),
        worker: worker(),
        max,
        eldest: 0,
        lease: lease(now),
    }
}

pub(super) fn publish(
    queues: &(impl Queue + ?Sized),
    messages: &[NewMessage],
) -> Result<(), StoreError> {
    queues.publish(messages, at(0)).map(drop)
}

/// The one message a claim of this queue gets.
pub(super) fn receive_one(
    queues: &(impl Queue + ?Sized),
    queue: &str,
    now: Timestamp,
) -> Result<Delivery, StoreError> {
    receive_all(queues, &request(&[queue], 1, now)).map(the_one)
}

/// As many messages as are asked for. Waits while there are fewer: a broker delivers in its own time.
pub(super) fn receive_all(
    queues: &(impl Queue + ?Sized),
    request: &Receive,
) -> Result<Vec<Delivery>, StoreError> {
    let mut received = Vec::new();
    let mut seen = 0;
    let since = Instant::now();
    loop {
        let missing = Receive {
            max: request.max.saturating_sub(received.len()),
            ..request.clone()
        };
        received.extend(queues.receive(&missing)?);
        if received.len() >= request.max || since.elapsed() > PATIENCE {
            return Ok(received);
        }
        seen = queues.wait_for_change(seen, LOOK_EVERY)?;
    }
}

/// Holds when the queue counts so many messages ready, delayed and leased, be it after a while.
pub(super) fn assert_counts(
    queues: &(impl Queue + ?Sized),
    queue: &str,
    now: Timestamp,
    (ready, delayed, leased): (u64, u64, u64),
) -> Result<(), StoreError> {
    let expected = QueueCounts {
        ready,
        delayed,
        leased,
    };
    let since = Instant::now();
    loop {
        let found = queues.count(queue, now)?;
        if found == expected || since.elapsed() > PATIENCE {
            assert_eq!(found, expected, "in `{queue}`");
            return Ok(());
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Holds when `change` wakes those who wait for one.
pub(super) fn wakes<Q: Queue + ?Sized>(
    queues: &Arc<Q>,
    change: impl FnOnce() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let seen = queues.wait_for_change(0, Duration::ZERO)?;
    thread::scope(|scope| {
        let waits: Vec<_> = (0..3)
            .map(|_| scope.spawn(move || wait_until_it_is_not(seen, queues.as_ref())))
            .collect();
        change()?;
        waits.into_iter().try_for_each(|wait| match wait.join() {
            Ok(waited) => waited,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

/// Waiting may end for nothing; it may not go on for ever.
fn wait_until_it_is_not(seen: u64, queues: &(impl Queue + ?Sized)) -> Result<(), StoreError> {
    let since = Instant::now();
    let long = Duration::from_secs(60);
    while queues.wait_for_change(seen, long)? == seen {
        assert!(since.elapsed() < long, "the change was not noticed");
    }
    Ok(())
}

/// The only element.
pub(super) fn the_one<T: std::fmt::Debug>(all: Vec<T>) -> T {
    match <[T; 1]>::try_from(all) {
        Ok([one]) => one,
        Err(all) => panic!("there should be one: {all:?}"),
    }
}

pub(super) fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    deliveries
        .iter()
        .map(|delivery| String::from_utf8_lossy(&delivery.body).into_owned())
        .collect()
}

pub(super) fn receipts(deliveries: &[Delivery]) -> Vec<Receipt> {
    deliveries
        .iter()
        .map(|delivery| delivery.receipt.clone())
        .collect()
}
