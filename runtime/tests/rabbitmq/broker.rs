//! One broker for the tests that leave it alone; each has queues of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ossa_runtime::adapter::{self, OpenQueue};
use ossa_runtime::port::{Delivery, NewMessage, Queue, Receive, Timestamp};

use crate::sample;
use crate::server::TestServer;

/// A broker that several tests share, as it takes long to start.
pub struct Broker {
    server: TestServer,
    prefixes: AtomicU32,
}

impl Broker {
    /// `None`, and a line that says so, where RabbitMQ is not installed.
    pub fn start() -> Option<Self> {
        Some(Self {
            server: TestServer::start("rabbitmq")?,
            prefixes: AtomicU32::new(0),
        })
    }

    /// The DSN of queues that nobody else uses.
    pub fn fresh_dsn(&self) -> String {
        let number = self.prefixes.fetch_add(1, Ordering::Relaxed);
        format!("{}?prefix=t{number}.", self.server.dsn)
    }
}

/// A test, with its name, that gets the DSN of queues of its own.
pub type Story = (&'static str, fn(&str));

/// Runs tests on one broker, each although others fail.
pub fn tell(stories: &[&[Story]]) {
    let Some(broker) = Broker::start() else {
        return;
    };
    let failed: Vec<_> = stories
        .concat()
        .into_iter()
        .filter(|(name, story)| {
            println!("{name}");
            catch_unwind(AssertUnwindSafe(|| story(&broker.fresh_dsn()))).is_err()
        })
        .map(|(name, _)| name)
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
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
