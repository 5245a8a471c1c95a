//! Threads of the engine's own, on a store that fails, hangs or panics under them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use ossa_runtime::engine::{Consumer, ConsumerOptions, Engine, EngineOptions, OutgoingMessage};
use ossa_runtime::port::{Backend, Priority, SystemClock};

use crate::faulty::{Faulty, Mode};
use crate::lab::*;

const NOW: Duration = Duration::ZERO;
const SOON: Duration = Duration::from_secs(1);
/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// An engine on the lab's store, in real time and with short leases, whose calls go by a rule.
fn engine(lab: &Lab, rule: impl Fn(&'static str) -> Mode + Send + Sync + 'static) -> Engine {
    let backend = Faulty::with(lab.backend(), move |name, _| rule(name));
    let options = EngineOptions {
        lease: SOON,
        clock: Arc::new(SystemClock),
        ..lab.options()
    };
    Engine::over(backend as Arc<dyn Backend>, options).unwrap()
}

fn consumer(engine: &Engine) -> Consumer {
    Consumer::new(engine, ConsumerOptions::of_queue(QUEUE)).unwrap()
}

fn send(engine: &Engine, count: u32) {
    let messages = (0..count).map(|number| OutgoingMessage {
        queue: QUEUE.to_owned(),
        priority: Priority::Normal,
        delay: NOW,
        body: number.to_string().into_bytes(),
        headers: Vec::new(),
    });
    engine.send(messages.collect()).unwrap();
}

/// Whether the caller is a thread of the engine's with this name.
fn is_thread(name: &str) -> bool {
    thread::current().name() == Some(name)
}

fn until(mut reached: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if reached() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it was never reached");
}

#[test]
fn a_failure_that_passes_is_kept_from_the_host() {
    let lab = Lab::in_memory();
    let ticks = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&ticks);
    let engine = engine(&lab, move |name| {
        let refused = name == "overdue" && count.fetch_add(1, Ordering::SeqCst) < 2;
        [Mode::Works, Mode::Refused][usize::from(refused)]
    });
    let consumer = consumer(&engine);
    while ticks.load(Ordering::SeqCst) < 3 {
        assert!(consumer.receive(1, SOON).unwrap().is_empty());
    }
    assert!(consumer.receive(1, NOW).unwrap().is_empty());
}

/// Takes and acks messages until there are no more to be had; returns how many there were.
fn drain(consumer: &Consumer) -> usize {
    let mut handled = 0;
    while let Some(message) = consumer.receive(1, NOW).unwrap().pop() {
        consumer.ack(&message.id).unwrap();
        handled += 1;
    }
    handled
}

/// How many messages are handled while no ack can be written, and once it can.
fn handled_without_acks(ack_bound: Option<usize>) -> [usize; 2] {
    let lab = Lab::in_memory();
    let works = Arc::new(AtomicBool::new(false));
    let engine = {
        let works = Arc::clone(&works);
        engine(&lab, move |name| match name {
            "ack" if !works.load(Ordering::SeqCst) => Mode::Refused,
            _ => Mode::Works,
        })
    };
    send(&engine, 9);
    let options = ConsumerOptions {
        ack_bound,
        lease: Some(LONG),
        ..ConsumerOptions::of_queue(QUEUE)
    };
    let consumer = Consumer::new(&engine, options).unwrap();
    let before = drain(&consumer);
    works.store(true, Ordering::SeqCst);
    [before, drain(&consumer)]
}

#[test]
fn a_message_is_handed_out_once_the_ack_of_the_one_before_is_written() {
    assert_eq!(handled_without_acks(None), [1, 8]);
    assert_eq!(handled_without_acks(Some(1)), [1, 8]);
}

#[test]
fn as_many_acks_may_be_unwritten_as_the_host_allows() {
    assert_eq!(handled_without_acks(Some(4)), [4, 5]);
}

#[test]
fn acks_of_messages_that_take_no_time_are_written_in_groups() {
    let lab = Lab::in_memory();
    let written = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&written);
    let engine = engine(&lab, move |name| {
        if name == "ack" {
            count.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(50));
        }
        Mode::Works
    });
    send(&engine, 100);
    let consumer = consumer(&engine);
    assert_eq!(drain(&consumer), 100);
    assert!(consumer.flush(LONG).unwrap());
    assert!(written.load(Ordering::SeqCst) < 50, "{written:?}");
}

#[test]
fn a_failure_that_stays_is_told() {
    for (failing, mode, code) in [
        ("overdue", Mode::Refused, "OSSA-S002"),
        ("overdue", Mode::Broken, "OSSA-S004"),
        ("receive", Mode::Refused, "OSSA-S002"),
        ("receive", Mode::Broken, "OSSA-S004"),
    ] {
        let lab = Lab::in_memory();
        let engine = engine(&lab, move |name| {
            [Mode::Works, mode][usize::from(name == failing)]
        });
        let consumer = consumer(&engine);
        let mut error = None;
        until(|| {
            error = consumer.receive(1, SOON).err();
            error.is_some()
        });
        assert_eq!(error.unwrap().code(), code, "{failing} {mode:?}");
    }
}

#[test]
fn a_successful_write_does_not_hide_another_failure() {
    let lab = Lab::in_memory();
    let (sender, ticked) = channel();
    let engine = engine(&lab, move |name| {
        if name == "overdue" {
            sender.send(()).ok();
            return Mode::Broken;
        }
        Mode::Works
    });
    send(&engine, 1);
    let consumer = consumer(&engine);
    let id = engine.messages(QUEUE, 1).unwrap().remove(0).receipt.id;
    assert!(consumer.take(&id).unwrap());
    ticked.recv_timeout(LONG).unwrap();
    consumer.ack(&id).unwrap();
    until(|| engine.messages(QUEUE, 1).unwrap().is_empty());
    let error = consumer.flush(SOON).unwrap_err();
    assert_eq!(error.code(), "OSSA-S004");
}

#[test]
fn a_store_that_panics_under_the_thread_holds_up_nothing() {
    for failing in ["receive", "ack"] {
        let lab = Lab::in_memory();
        let panics = AtomicU32::new(0);
        let engine = engine(&lab, move |name| {
            let panics = name == failing
                && is_thread("ossa-consumer")
                && panics.fetch_add(1, Ordering::SeqCst) == 0;
            [Mode::Works, Mode::Panics][usize::from(panics)]
        });
        send(&engine, 300);
        let consumer = consumer(&engine);
        let mut handled = 0;
        until(|| {
            for message in consumer.receive(1, NOW).unwrap() {
                consumer.ack(&message.id).unwrap();
                handled += 1;
            }
            handled == 300
        });
        assert!(consumer.flush(LONG).unwrap(), "{failing}");
        assert!(engine.messages(QUEUE, 1).unwrap().is_empty(), "{failing}");
    }
}

/// A rule that has calls of `name` by the thread `thread` say that they have come, and wait until they are let go.
fn held(
    name: &'static str,
    thread: &'static str,
) -> (
    impl Fn(&'static str) -> Mode + Send + Sync,
    Receiver<()>,
    Sender<()>,
) {
    let (come, coming) = channel();
    let (let_go, going) = channel::<()>();
    let going = std::sync::Mutex::new(going);
    let rule = move |called| {
        if called == name && is_thread(thread) {
            come.send(()).ok();
            // Without anyone to let go, nothing is held any more.
            going.lock().unwrap().recv().ok();
        }
        Mode::Works
    };
    (rule, coming, let_go)
}

#[test]
fn a_host_that_does_not_wait_is_not_held_up_by_a_fetch_that_hangs() {
    let lab = Lab::in_memory();
    let (rule, coming, let_go) = held("receive", "ossa-consumer");
    let engine = engine(&lab, rule);
    send(&engine, 300);
    let consumer = consumer(&engine);
    let mut hangs = false;
    // Until the thread is at its first fetch, and what was fetched before is used up.
    until(|| {
        hangs |= coming.try_recv().is_ok();
        let messages = consumer.receive(1, NOW).unwrap();
        for message in &messages {
            consumer.ack(&message.id).unwrap();
        }
        hangs && messages.is_empty()
    });
    drop(let_go);
}

#[test]
fn an_attempt_claimed_while_the_last_thread_still_ends_has_its_lease_kept() {
    let lab = Lab::in_memory();
    let (rule, coming, let_go) = held("extend", "ossa-leases");
    let engine = engine(&lab, rule);
    start(&engine, &workflow(&step("one")));
    start(&engine, &workflow(&step("other")));
    let tokens = engine.relay(&[QUEUE], 2).unwrap();
    claimed(engine.claim(&tokens[0].token).unwrap());
    coming.recv_timeout(LONG).unwrap();
    engine.close();
    claimed(engine.claim(&tokens[1].token).unwrap());
    drop(let_go);
    coming
        .recv_timeout(LONG)
        .expect("somebody should prolong the lease of the second attempt");
}
