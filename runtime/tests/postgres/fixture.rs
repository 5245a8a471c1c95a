use std::time::Duration;

use ossa_runtime::port::{
    Commit, Lease, LogRow, NewMessage, PlanHash, Priority, Receive, RunHead, RunId, RunStatus,
    StoreError, Timestamp, Version, WorkerId,
};
use postgres::{Client, NoTls};

use crate::server::TestServer;

/// A server, or the end of the test where PostgreSQL is not installed.
#[macro_export]
macro_rules! server_or_return {
    ($($argument:literal),*) => {
        match $crate::server::TestServer::start_with("postgresql", &[$($argument),*]) {
            Some(server) => server,
            None => return,
        }
    };
}

/// The server as any client sees it.
pub fn sql(server: &TestServer) -> Client {
    Client::connect(&server.dsn, NoTls).unwrap()
}

/// Ends all connections but the one that does it.
pub fn end_connections(server: &TestServer) {
    let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    sql(server).execute(all, &[]).unwrap();
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

pub fn message(body: &str) -> NewMessage {
    NewMessage {
        queue: "q".to_owned(),
        priority: Priority::Normal,
        available_at: at(0),
        body: body.as_bytes().to_vec(),
        headers: Vec::new(),
        step: None,
    }
}

pub fn request(max: usize) -> Receive {
    Receive {
        queues: vec!["q".to_owned()],
        worker: WorkerId("worker".to_owned()),
        max,
        eldest: 0,
        lease: Lease {
            now: at(0),
            duration: Duration::from_secs(30),
        },
    }
}

/// The commit that makes this version of a run.
pub fn transition(run: RunId, version: u64) -> Commit {
    Commit {
        expected: (version > 1).then(|| Version(version - 1)),
        head: RunHead {
            run,
            version: Version(version),
            workflow: "onboarding".to_owned(),
            plan: PlanHash("ab".repeat(32)),
            status: RunStatus::Running,
            priority: Priority::Normal,
            idempotency_key: None,
            correlation_id: None,
            labels: ossa_runtime::port::Labels::new(),
            progress: 0,
            current_step: None,
            error: None,
            created_at: at(0),
            updated_at: at(0),
            ended_at: None,
        },
        log: LogRow {
            version: Version(version),
            at: at(0),
            events: "[]".to_owned(),
        },
        snapshot: None,
        enqueue: Vec::new(),
        settle: Vec::new(),
        reschedule: Vec::new(),
        set_timers: Vec::new(),
        clear_timers: Vec::new(),
        publish: Vec::new(),
    }
}

/// The part of the DSN that is refused, and why.
pub fn refused<T>(answer: Result<T, StoreError>) -> (String, String) {
    match answer.map(|_| ()) {
        Err(StoreError::Dsn { part, reason }) => (part, reason),
        other => panic!("{other:?}"),
    }
}
