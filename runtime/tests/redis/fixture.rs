use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ossa_runtime::adapter::open;
use ossa_runtime::port::{Backend, Page, Receipt, RunFilter, StoreError, Version};
use redis::{Connection, Value, cmd};

use crate::sample::{at, request};
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
