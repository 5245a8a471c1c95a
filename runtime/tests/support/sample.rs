//! Runs and messages as tests of backends have them.
#![allow(dead_code, clippy::unwrap_used)]

use std::time::Duration;

use ossa_runtime::port::{
    Commit, Labels, Lease, LogRow, NewMessage, PlanHash, Priority, Receive, RunHead, RunId,
    RunStatus, Snapshot, StepItem, StepRef, Timestamp, Version, WorkerId,
};

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

pub(crate) fn run_id(number: u128) -> RunId {
    RunId::from_uuid(uuid::Uuid::from_u128(number))
}

/// The commit that creates the run, with the item of its first attempt.
pub(crate) fn created(run: RunId) -> Commit {
    Commit {
        expected: None,
        head: RunHead {
            run,
            version: Version(1),
            workflow: "onboarding".to_owned(),
            plan: PlanHash("ab".repeat(32)),
            status: RunStatus::Running,
            priority: Priority::Normal,
            idempotency_key: None,
            correlation_id: None,
            labels: Labels::new(),
            progress: 0,
            current_step: None,
            error: None,
            created_at: at(0),
            updated_at: at(0),
            ended_at: None,
        },
        log: log_row(1),
        snapshot: None,
        enqueue: vec![item(run, 1)],
        settle: Vec::new(),
        reschedule: Vec::new(),
        set_timers: Vec::new(),
        clear_timers: Vec::new(),
        publish: Vec::new(),
    }
}

/// The next one: it settles the item of one attempt and puts in that of the next.
pub(crate) fn advanced(previous: &Commit) -> Commit {
    let mut commit = previous.clone();
    let version = previous.head.version.next();
    let attempt = u32::try_from(version.0).unwrap();
    commit.expected = Some(previous.head.version);
    commit.head.version = version;
    commit.log = log_row(version.0);
    commit.snapshot = version.0.is_multiple_of(16).then(|| Snapshot {
        version,
        state: "{}".to_owned(),
    });
    commit.settle = vec![step(previous.head.run, attempt - 1)];
    commit.enqueue = vec![item(previous.head.run, attempt)];
    commit
}

pub(crate) fn log_row(version: u64) -> LogRow {
    LogRow {
        version: Version(version),
        at: at(0),
        events: format!(
            r#"[{{"type":"warned","message":"transition {version} {}"}}]"#,
            "x".repeat(200)
        ),
    }
}

pub(crate) fn step(run: RunId, attempt: u32) -> StepRef {
    StepRef {
        run,
        scope: 0,
        node: 1,
        attempt,
    }
}

pub(crate) fn item(run: RunId, attempt: u32) -> NewMessage {
    NewMessage {
        step: Some(StepItem {
            step: step(run, attempt),
            timeout: Duration::from_secs(60),
        }),
        ..message("steps", "step job")
    }
}

pub(crate) fn message(queue: &str, body: &str) -> NewMessage {
    NewMessage {
        queue: queue.to_owned(),
        priority: Priority::Normal,
        available_at: at(0),
        body: body.as_bytes().to_vec(),
        headers: Vec::new(),
        step: None,
    }
}

pub(crate) fn request(queue: &str, max: usize, now: Timestamp) -> Receive {
    Receive {
        queues: vec![queue.to_owned()],
        worker: WorkerId("worker".to_owned()),
        max,
        eldest: 0,
        lease: Lease {
            now,
            duration: Duration::from_secs(30),
        },
    }
}
