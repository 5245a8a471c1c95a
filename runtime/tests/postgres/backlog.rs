//! Claims in a backlog begin where the one before ended; nothing is passed over for it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ossa_runtime::adapter;
use ossa_runtime::port::{Backend, NewMessage};

use crate::fixture::{message, request};
use crate::sample::at;
use crate::server_or_return;

fn due(body: &str, millis: i64) -> NewMessage {
    NewMessage {
        available_at: at(millis),
        ..message(body)
    }
}

fn bodies(store: &Arc<dyn Backend>, max: usize) -> Vec<String> {
    let claimed = store.receive(&request(max)).unwrap();
    let texts = claimed
        .into_iter()
        .map(|it| String::from_utf8(it.body).unwrap());
    texts.collect()
}

/// A store that has claimed the first two of `count` messages.
fn in_a_backlog(dsn: &str, count: i64) -> Arc<dyn Backend> {
    let store = adapter::open(dsn).unwrap();
    let all: Vec<_> = (0..count)
        .map(|it| due(&it.to_string(), it - 100))
        .collect();
    store.publish(&all, at(0)).unwrap();
    assert_eq!(bodies(&store, 2), ["0", "1"]);
    store
}

#[test]
fn at_the_end_of_a_backlog_what_others_put_in_front_is_found_at_once() {
    let server = server_or_return!();
    let store = in_a_backlog(&server.dsn, 3);
    let other = adapter::open(&server.dsn).unwrap();
    other.publish(&[due("in front", -200)], at(0)).unwrap();
    assert_eq!(bodies(&store, 5), ["2", "in front"]);
    assert!(bodies(&store, 5).is_empty());
}

#[test]
fn within_a_backlog_what_others_put_in_front_is_found_soon() {
    let server = server_or_return!();
    let store = in_a_backlog(&server.dsn, 50);
    let other = adapter::open(&server.dsn).unwrap();
    other.publish(&[due("in front", -200)], at(0)).unwrap();
    thread::sleep(Duration::from_millis(900));
    assert_eq!(bodies(&store, 2), ["in front", "2"]);
}

#[test]
fn what_the_same_process_puts_in_front_of_a_backlog_is_next() {
    let server = server_or_return!();
    let store = in_a_backlog(&server.dsn, 50);
    store.publish(&[due("in front", -200)], at(0)).unwrap();
    assert_eq!(bodies(&store, 1), ["in front"]);
    let claimed = store.receive(&request(1)).unwrap().remove(0);
    store
        .release(&[(claimed.receipt, at(-150))], at(0))
        .unwrap();
    assert_eq!(bodies(&store, 2), ["2", "3"]);
}
