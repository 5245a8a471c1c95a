//! Several processes on one server, as several stores: each has connections of its own.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ossa_runtime::adapter;
use ossa_runtime::port::{Backend, StoreError};

use crate::fixture::{end_connections, message, request};
use crate::sample::at;
use crate::server_or_return;

const LONG: Duration = Duration::from_secs(60);

/// Waits for a change that `publish` makes, in a store that has seen everything before.
fn hears(store: &Arc<dyn Backend>, publish: impl FnOnce() -> Result<(), StoreError>) {
    let seen = store.wait_for_change(0, Duration::ZERO).unwrap();
    thread::scope(|scope| {
        let waits = scope.spawn(|| store.wait_for_change(seen, LONG).unwrap());
        publish().unwrap();
        assert_ne!(waits.join().unwrap(), seen);
    });
}

#[test]
fn a_message_of_another_process_wakes_those_who_wait() {
    let server = server_or_return!();
    let (one, other) = (
        adapter::open(&server.dsn).unwrap(),
        adapter::open(&server.dsn).unwrap(),
    );
    hears(&one, || other.publish(&[message("m")], at(0)).map(drop));
    let claimed = other.receive(&request(1)).unwrap().remove(0);
    hears(&one, || {
        other.release(&[(claimed.receipt, at(0))], at(0)).map(drop)
    });
}

#[test]
fn who_listens_listens_again_after_the_connection_was_lost() {
    let server = server_or_return!();
    let (one, other) = (
        adapter::open(&server.dsn).unwrap(),
        adapter::open(&server.dsn).unwrap(),
    );
    let seen = one.wait_for_change(0, Duration::ZERO).unwrap();
    end_connections(&server);
    let seen = one.wait_for_change(seen, LONG).unwrap();
    // By now, or soon, it listens again: each time it does, it looks.
    let seen = one.wait_for_change(seen, LONG).unwrap();
    thread::scope(|scope| {
        let waits = scope.spawn(|| one.wait_for_change(seen, LONG).unwrap());
        while other.publish(&[message("m")], at(0)).is_err() {}
        assert_ne!(waits.join().unwrap(), seen);
    });
}

#[test]
fn two_processes_never_claim_the_same_message_nor_leave_one() {
    let server = server_or_return!();
    let all: Vec<_> = (0..300).map(|it| message(&it.to_string())).collect();
    adapter::open(&server.dsn)
        .unwrap()
        .publish(&all, at(0))
        .unwrap();
    let claimed: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let store = adapter::open(&server.dsn).unwrap();
                scope.spawn(move || {
                    let mut claimed = Vec::new();
                    loop {
                        let batch = store.receive(&request(1 + worker * 4)).unwrap();
                        if batch.is_empty() {
                            return claimed;
                        }
                        let receipts: Vec<_> = batch.into_iter().map(|it| it.receipt).collect();
                        assert!(store.ack(&receipts).unwrap().into_iter().all(|acked| acked));
                        claimed.extend(receipts.into_iter().map(|it| it.id));
                    }
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|it| it.join().unwrap())
            .collect()
    });
    assert_eq!(claimed.len(), 300);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 300);
}
