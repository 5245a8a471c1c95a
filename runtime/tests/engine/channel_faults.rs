//! A store that fails at any one call, before or after doing what it was asked, loses no message and doubles none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ossa_runtime::engine::Engine;
use ossa_runtime::engine::channel::{ReceiveDeliveries, Subscriber};
use ossa_runtime::error::Error;
use ossa_runtime::manifest::model::{Guarantee, Ordering};
use ossa_runtime::port::Backend;
use serde_json::json;

use crate::channels::{broken, listener, message, retries};
use crate::faulty::{Faulty, Mode};
use crate::lab::Lab;

/// Repeats a call that failed because the store did.
fn insist<T>(mut call: impl FnMut() -> Result<T, Error>) -> T {
    for _ in 0..5 {
        match call() {
            Ok(value) => return value,
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
    }
    panic!("it failed again and again");
}

fn subscribers() -> [Subscriber; 3] {
    [
        listener("plain", "a"),
        Subscriber {
            ordering: Ordering::PerSource,
            ..listener("ordered", "a")
        },
        Subscriber {
            guarantee: Guarantee::ExactlyOnce,
            retry: retries(1),
            ..listener("once", "a")
        },
    ]
}

/// How often each subscriber has handled each message to its end, in the order of the first time.
type Handled = BTreeMap<String, Vec<(String, usize)>>;

/// Publishes four messages, of which every subscriber handles all, the second one after a failure. Calls that fail are
/// repeated by the publisher; workers die with them.
fn live(lab: &Lab, backend: &Arc<Faulty>) -> (Handled, usize) {
    let open = || Engine::over(Arc::clone(backend) as Arc<dyn Backend>, lab.options()).unwrap();
    let mut engine = open();
    for subscriber in subscribers() {
        insist(|| engine.channels().subscribe(&subscriber));
    }
    for id in ["1", "2", "3", "4"] {
        insist(|| engine.channels().publish(message("a", id, json!({}))));
    }
    let mut handled = Handled::new();
    let mut idle = 0;
    while idle < 3 {
        let mut quiet = true;
        for subscriber in subscribers() {
            let request = ReceiveDeliveries {
                subscribers: vec![subscriber.name.clone()],
                max: 1,
                wait: Duration::ZERO,
            };
            let Ok(found) = engine.channels().receive(&request) else {
                engine = open();
                quiet = false;
                continue;
            };
            for delivery in found {
                quiet = false;
                let id = delivery.envelope.id.clone();
                let ended = if id == "2" && delivery.attempt == 1 {
                    engine.channels().fail(&delivery, &broken()).map(drop)
                } else {
                    let times = handled.entry(subscriber.name.clone()).or_default();
                    match times.iter_mut().find(|(known, _)| *known == id) {
                        Some((_, times)) => *times += 1,
                        None => times.push((id, 1)),
                    }
                    engine.channels().ack(&delivery)
                };
                if ended.is_err() {
                    engine = open();
                }
            }
        }
        if quiet {
            idle += 1;
            lab.pass(Duration::from_secs(31));
        }
    }
    let letters = insist(|| engine.dead_letters().list(&Default::default(), 99));
    (handled, letters.len())
}

/// Every message was handled, or is a dead letter of the one that gives up at once.
fn assert_nothing_lost(handled: &Handled, letters: usize, what: &str) {
    for name in ["plain", "ordered"] {
        let mut ids: Vec<_> = handled[name].iter().map(|(id, _)| id.as_str()).collect();
        if name == "ordered" {
            assert_eq!(ids, ["1", "2", "3", "4"], "{what}");
        }
        ids.sort_unstable();
        assert_eq!(ids, ["1", "2", "3", "4"], "{what}: {name}");
    }
    let once: Vec<_> = handled["once"].iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(once.len() + letters, 4, "{what}: {once:?} and {letters}");
}

fn at_every_call(mode: Mode) {
    for number in 1.. {
        let lab = Lab::in_memory();
        let backend = Faulty::new(lab.backend(), mode, number);
        let (handled, letters) = live(&lab, &backend);
        assert_nothing_lost(&handled, letters, &format!("{mode:?} at {number}"));
        if backend.calls() < number {
            assert!(number > 50, "there are more calls than {number}");
            return;
        }
    }
}

#[test]
fn a_call_that_fails_loses_no_message() {
    at_every_call(Mode::Refused);
}

#[test]
fn a_call_whose_answer_is_lost_loses_no_message() {
    at_every_call(Mode::DoneUnheard);
}
