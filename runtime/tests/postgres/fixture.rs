use ossa_runtime::port::{Commit, NewMessage, Receive, RunId, StoreError, Version};
use postgres::{Client, NoTls};

use crate::sample::{self, at};
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

pub fn message(body: &str) -> NewMessage {
    sample::message("q", body)
}

pub fn request(max: usize) -> Receive {
    sample::request("q", max, at(0))
}

/// The commit that makes this version of a run, of one without steps.
pub fn transition(run: RunId, version: u64) -> Commit {
    let mut commit = sample::created(run);
    commit.expected = (version > 1).then(|| Version(version - 1));
    commit.head.version = Version(version);
    commit.log = sample::log_row(version);
    commit.enqueue.clear();
    commit
}

/// The part of the DSN that is refused, and why.
pub fn refused<T>(answer: Result<T, StoreError>) -> (String, String) {
    match answer.map(|_| ()) {
        Err(StoreError::Dsn { part, reason }) => (part, reason),
        other => panic!("{other:?}"),
    }
}
