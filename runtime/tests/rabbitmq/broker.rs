//! One broker for all tests of this binary that leave it alone; each has queues of its own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use ossa_runtime::adapter::{self, OpenQueue};
use ossa_runtime::port::{Delivery, NewMessage, Queue, Receive, Timestamp};

use crate::sample;
use crate::server::TestServer;

static BROKER: LazyLock<Option<TestServer>> = LazyLock::new(|| TestServer::start("rabbitmq"));
static PREFIXES: AtomicU32 = AtomicU32::new(0);

/// The DSN of queues that no other test uses; `None` where there is no broker.
pub fn fresh_dsn() -> Option<String> {
    let broker = BROKER.as_ref()?;
    let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
    Some(format!("{}?prefix=t{number}.", broker.dsn))
}

pub fn open(dsn: &str) -> Arc<dyn Queue> {
    match adapter::open_queue(dsn).unwrap() {
        OpenQueue::Broker(queue) => queue,
        OpenQueue::Store(_) => panic!("a broker was expected"),
    }
}

pub fn now() -> Timestamp {
    sample::at(0)
}

pub fn message(body: &str) -> NewMessage {
    NewMessage {
        headers: b"{}".to_vec(),
        ..sample::message("q", body)
    }
}

pub fn request(max: usize) -> Receive {
    sample::request("q", max, now())
}

/// So many messages, however long the broker takes; fewer when it takes a minute.
pub fn receive(queue: &dyn Queue, count: usize) -> Vec<Delivery> {
    let mut received = Vec::new();
    let mut seen = 0;
    for _ in 0..1200 {
        // A broker that restarts is away for a while.
        if let Ok(more) = queue.receive(&request(count - received.len())) {
            received.extend(more);
        }
        if received.len() == count {
            break;
        }
        seen = queue
            .wait_for_change(seen, Duration::from_millis(50))
            .unwrap();
    }
    received
}

pub fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    deliveries
        .iter()
        .map(|delivery| String::from_utf8(delivery.body.clone()).unwrap())
        .collect()
}

/// Asks again until it is so, for two minutes at most: a broker may take long to come back.
pub fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    loop {
        if holds() {
            return true;
        }
        if since.elapsed() > Duration::from_secs(120) {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
}
