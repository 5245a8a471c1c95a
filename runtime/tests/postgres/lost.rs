//! Connections and servers that go away in the middle of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ossa_runtime::adapter;
use ossa_runtime::port::{Backend, CommitOutcome, RunId, Version};
use uuid::Uuid;

use crate::fixture::{end_connections, message, request, transition};
use crate::sample::at;
use crate::server_or_return;

#[test]
fn a_lost_connection_is_replaced_and_what_only_reads_does_not_notice() {
    let server = server_or_return!();
    let store = adapter::open(&server.dsn).unwrap();
    store.publish(&[message("before")], at(0)).unwrap();
    for _ in 0..3 {
        end_connections(&server);
        assert_eq!(store.count("q", at(0)).unwrap().ready, 1);
    }
}

#[test]
fn a_commit_whose_connection_is_lost_is_decided_by_its_versions() {
    let server = server_or_return!();
    let store = adapter::open(&server.dsn).unwrap();
    let run = RunId::from_uuid(Uuid::from_u128(1));
    for version in 1..=20 {
        end_connections(&server);
        let commit = [transition(run, version)];
        loop {
            match store.commit(&commit) {
                Ok(outcomes) => {
                    let done = CommitOutcome::Conflict {
                        found: Some(Version(version)),
                    };
                    assert!(
                        outcomes[0] == CommitOutcome::Committed || outcomes[0] == done,
                        "{outcomes:?}"
                    );
                    break;
                }
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        }
    }
    let history = store.history(&run, Version(0), 99).unwrap();
    assert_eq!(history.len(), 20);
}

/// What one thread was told, and what it was not told.
#[derive(Default)]
struct Told {
    published: Vec<String>,
    acked: Vec<String>,
    version: u64,
    unheard: usize,
}

fn work(store: &Arc<dyn Backend>, thread: u128, over: &AtomicBool) -> Told {
    let mut told = Told::default();
    let run = RunId::from_uuid(Uuid::from_u128(thread + 1));
    let mut number = 0;
    while !over.load(Ordering::Acquire) {
        number += 1;
        let body = format!("{thread}/{number}");
        match store.publish(&[message(&body)], at(0)) {
            Ok(_) => told.published.push(body),
            Err(error) => {
                assert!(error.is_retryable(), "{error}");
                told.unheard += 1;
                // A server that is away is not asked all the time.
                thread::sleep(Duration::from_millis(5));
            }
        }
        match store.commit(&[transition(run, told.version + 1)]) {
            Ok(outcomes) => match outcomes[0] {
                CommitOutcome::Committed => told.version += 1,
                CommitOutcome::Conflict { found: Some(found) } => {
                    assert_eq!(
                        found.0,
                        told.version + 1,
                        "only a commit that was not heard of goes ahead"
                    );
                    told.version = found.0;
                }
                ref other => panic!("{other:?}"),
            },
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
        if number % 3 == 0
            && let Ok(claimed) = store.receive(&request(1))
            && let Some(claimed) = claimed.first()
        {
            // Acked without an answer, it may be gone all the same.
            let _ = store.ack(std::slice::from_ref(&claimed.receipt));
            told.acked
                .push(String::from_utf8(claimed.body.clone()).unwrap());
        }
    }
    told
}

/// Ends the work of the threads with the story, be it by a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// How many messages there are, once the server says.
fn messages(store: &Arc<dyn Backend>) -> u64 {
    loop {
        match store.count("q", at(0)) {
            Ok(counts) => return counts.ready + counts.delayed + counts.leased,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until so many messages were added.
fn wait_for_more(store: &Arc<dyn Backend>, more: u64) {
    let before = messages(store);
    while messages(store) < before + more {
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed_and_the_store_goes_on() {
    let mut server = server_or_return!();
    let store = adapter::open(&server.dsn).unwrap();
    let over = AtomicBool::new(false);
    let told: Vec<Told> = thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                let (store, over) = (&store, &over);
                scope.spawn(move || work(store, thread, over))
            })
            .collect();
        let end = Over(&over);
        for _ in 0..3 {
            wait_for_more(&store, 40);
            server.kill();
            server.restart();
        }
        wait_for_more(&store, 10);
        drop(end);
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let there = store.list_messages("q", usize::MAX).unwrap();
    let bodies: HashSet<_> = there
        .iter()
        .map(|it| String::from_utf8(it.body.clone()).unwrap())
        .collect();
    assert_eq!(bodies.len(), there.len(), "none is there twice");
    let acked: HashSet<_> = told.iter().flat_map(|it| &it.acked).collect();
    for body in told.iter().flat_map(|it| &it.published) {
        assert!(
            bodies.contains(body) || acked.contains(body),
            "{body} is lost"
        );
    }
    let published: usize = told.iter().map(|it| it.published.len()).sum();
    let unheard: usize = told.iter().map(|it| it.unheard).sum();
    assert!(there.len() <= published + unheard);
    for (thread, told) in (0_u128..).zip(&told) {
        let run = RunId::from_uuid(Uuid::from_u128(thread + 1));
        let stored = store.load(&[run]).unwrap().remove(0).unwrap();
        assert!(stored.head.version.0 >= told.version);
        assert_eq!(stored.tail.len() as u64, stored.head.version.0);
    }
}
