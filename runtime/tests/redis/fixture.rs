use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ossa_runtime::adapter::open;
use ossa_runtime::port::{
    Backend, Commit, Labels, Lease, LogRow, NewMessage, Page, PlanHash, Priority, Receipt, Receive,
    RunFilter, RunHead, RunId, RunStatus, Snapshot, StepItem, StepRef, StoreError, Timestamp,
    Version, WorkerId,
};
use redis::{Connection, Value, cmd};

use crate::server::TestServer;

/// A server with an empty memory; `None`, and a line that says so, where Redis is not installed.
pub(crate) fn server(arguments: &[&str]) -> Option<TestServer> {
    TestServer::start_with("redis", arguments)
}

/// Another store on the same server.
pub(crate) fn fresh(dsn: &str) -> Arc<dyn Backend> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    open(&format!("{dsn}?prefix=test{number}")).unwrap()
}

/// The server as any client sees it.
pub(crate) fn client(port: u16) -> Connection {
    let client = redis::Client::open(("127.0.0.1", port)).unwrap();
    client.get_connection().unwrap()
}

/// Sends a command, written as one types it.
pub(crate) fn send(connection: &mut Connection, command: &str) -> Value {
    let mut words = command.split_ascii_whitespace();
    let mut request = cmd(words.next().unwrap());
    for word in words {
        request.arg(word);
    }
    request.query(connection).unwrap()
}

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

pub(crate) fn receipts(store: &dyn Backend, max: usize) -> Result<Vec<Receipt>, StoreError> {
    let claimed = store.receive(&request("q", max, at(0)))?;
    Ok(claimed.into_iter().map(|it| it.receipt).collect())
}

/// Every run has its whole log and the one item of its latest transition; every message is where it is counted.
/// Gives how many runs there are.
pub(crate) fn check(store: &dyn Backend) -> usize {
    let page = Page {
        after: None,
        limit: 10_000,
    };
    let heads = store.list_runs(&RunFilter::default(), &page).unwrap().runs;
    for head in &heads {
        let run = head.run;
        let stored = store.load(&[run]).unwrap().remove(0).unwrap();
        assert_eq!(stored.head, *head);
        // Reading it also checks that there is no gap and every checksum holds.
        let log = store.history(&run, Version(0), usize::MAX).unwrap();
        assert_eq!(log.len() as u64, head.version.0);
        let items = store.step_items(&run).unwrap();
        assert_eq!(items.len(), 1, "run {run} has the item of one attempt");
        let attempt = items[0].step.unwrap().step.attempt;
        assert_eq!(u64::from(attempt), head.version.0);
    }
    let items = store.list_messages("steps", usize::MAX).unwrap();
    assert_eq!(items.len(), heads.len());
    for queue in ["q", "steps", "dead"] {
        let counts = store.count(queue, at(0)).unwrap();
        let there = store.list_messages(queue, usize::MAX).unwrap().len();
        let counted = counts.ready + counts.delayed + counts.leased;
        assert_eq!(counted, there as u64, "{queue}");
    }
    heads.len()
}
