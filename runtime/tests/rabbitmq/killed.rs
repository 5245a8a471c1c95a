//! A broker killed in the middle of the work, and brought back.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ossa_runtime::port::StoreError;

use crate::broker::{eventually, message, now, open, request};
use crate::server::TestServer;

#[test]
fn what_was_confirmed_survives_a_kill_of_the_broker_without_a_restart_of_ours() {
    let Some(mut broker) = TestServer::start("rabbitmq") else {
        return;
    };
    let dsn = format!("{}?timeout=5s", broker.dsn);
    let (sender, worker) = (open(&dsn), open(&dsn));
    let confirmed: Arc<Mutex<HashSet<String>>> = Arc::default();
    let handled: Arc<Mutex<HashSet<String>>> = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    let sending = {
        let (confirmed, stop) = (Arc::clone(&confirmed), Arc::clone(&stop));
        thread::spawn(move || {
            let mut number = 0;
            while !stop.load(Ordering::Acquire) {
                let batch: Vec<_> = (number..number + 5).map(|it| it.to_string()).collect();
                number += 5;
                let messages: Vec<_> = batch.iter().map(|body| message(body)).collect();
                match sender.publish(&messages, now()) {
                    Ok(_) => confirmed.lock().unwrap().extend(batch),
                    Err(error) => {
                        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
                        thread::sleep(Duration::from_millis(50));
                    }
                }
            }
        })
    };
    let working = {
        let (confirmed, handled) = (Arc::clone(&confirmed), Arc::clone(&handled));
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            let work = || {
                for _ in 0..20 {
                    let Ok(received) = worker.receive(&request(10)) else {
                        continue;
                    };
                    let receipts: Vec<_> = received.iter().map(|it| it.receipt.clone()).collect();
                    let acked = worker.ack(&receipts).unwrap();
                    for (delivery, acked) in received.into_iter().zip(acked) {
                        if acked {
                            let body = String::from_utf8(delivery.body).unwrap();
                            handled.lock().unwrap().insert(body);
                        }
                    }
                }
            };
            while !stop.load(Ordering::Acquire) {
                work();
                thread::sleep(Duration::from_millis(10));
            }
            eventually(|| {
                work();
                handled
                    .lock()
                    .unwrap()
                    .is_superset(&confirmed.lock().unwrap())
            })
        })
    };
    let has_confirmed = |count: usize| eventually(|| confirmed.lock().unwrap().len() >= count);
    for round in 1..=2 {
        let before = confirmed.lock().unwrap().len();
        assert!(
            has_confirmed(before + 200),
            "round {round}: nothing gets through"
        );
        // RabbitMQ notes new queues in a file that it writes out only now and then: killed before, it cannot serve them.
        thread::sleep(Duration::from_secs(3));
        broker.kill();
        broker.restart();
    }
    let before = confirmed.lock().unwrap().len();
    assert!(
        has_confirmed(before + 100),
        "nothing gets through after the last restart"
    );
    stop.store(true, Ordering::Release);
    sending.join().unwrap();
    assert!(working.join().unwrap(), "confirmed messages are missing");
}

#[test]
fn receipts_from_before_a_restart_answer_false() {
    let Some(mut broker) = TestServer::start("rabbitmq") else {
        return;
    };
    let queue = open(&broker.dsn);
    queue.publish(&[message("m")], now()).unwrap();
    let old = crate::broker::receive(queue.as_ref(), 1).remove(0);
    broker.kill();
    broker.restart();
    let again = crate::broker::receive(queue.as_ref(), 1).remove(0);
    assert_eq!(again.receipt.id, old.receipt.id);
    assert!(again.receipt.fence > old.receipt.fence);
    assert_eq!(queue.ack(&[old.receipt]).unwrap(), [false]);
    assert_eq!(queue.ack(&[again.receipt]).unwrap(), [true]);
}
