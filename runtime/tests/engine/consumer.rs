//! The prefetching consumer.

use std::thread;
use std::time::Duration;

use ossa_runtime::engine::{
    Acked, Consumer, ConsumerOptions, Engine, EngineOptions, OutgoingMessage, Received,
};
use ossa_runtime::error::Category;
use ossa_runtime::port::{MessageId, Priority, RunStatus, SystemClock};
use serde_json::{Value, json};

use crate::lab::*;
use crate::stories;

const NOW: Duration = Duration::ZERO;
const SOON: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_secs(31);

fn consumer(engine: &Engine) -> Consumer {
    Consumer::new(engine, ConsumerOptions::of_queue(QUEUE)).unwrap()
}

fn with_dead_letters(engine: &Engine) -> Consumer {
    let options = ConsumerOptions {
        dead_letter_queue: Some("dead".to_owned()),
        ..ConsumerOptions::of_queue(QUEUE)
    };
    Consumer::new(engine, options).unwrap()
}

fn send(engine: &Engine, bodies: impl IntoIterator<Item = impl ToString>) {
    let messages = bodies.into_iter().map(|body| OutgoingMessage {
        queue: QUEUE.to_owned(),
        priority: Priority::Normal,
        delay: NOW,
        body: body.to_string().into_bytes(),
        headers: Vec::new(),
    });
    engine.send(messages.collect()).unwrap();
}

fn body(message: &Received) -> String {
    String::from_utf8(message.body.clone()).unwrap()
}

/// Receives and acks until there is nothing for a moment.
fn drain(consumer: &Consumer) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let messages = consumer.receive(1, NOW).unwrap();
        let Some(message) = messages.first() else {
            return bodies;
        };
        bodies.push(body(message));
        consumer.ack(&message.id).unwrap();
    }
}

fn in_queue(engine: &Engine, queue: &str) -> (u64, u64) {
    let counts = engine.count(queue).unwrap();
    (counts.ready + counts.delayed, counts.leased)
}

stories! {
    fn messages_come_in_order_and_are_gone_once_acked(lab) {
        let engine = lab.engine();
        send(&engine, 0..500);
        let consumer = consumer(&engine);
        let expected: Vec<_> = (0..500).map(|number| number.to_string()).collect();
        assert_eq!(drain(&consumer), expected);
        assert!(consumer.flush(SOON).unwrap());
        assert_eq!(in_queue(&engine, QUEUE), (0, 0));
    }

    fn a_message_that_arrives_wakes_the_one_who_waits(lab) {
        let engine = lab.engine();
        let consumer = consumer(&engine);
        assert!(consumer.receive(1, NOW).unwrap().is_empty());
        let sender = lab.engine();
        let messages = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(50));
                send(&sender, ["hello"]);
            });
            consumer.receive(1, SOON).unwrap()
        });
        assert_eq!(body(&messages[0]), "hello");
    }

    fn a_batch_is_as_large_as_asked_for(lab) {
        let engine = lab.engine();
        send(&engine, 0..10);
        let consumer = consumer(&engine);
        assert_eq!(consumer.receive(4, NOW).unwrap().len(), 4);
        assert_eq!(consumer.receive(100, NOW).unwrap().len(), 6);
    }

    fn fast_handlers_have_messages_fetched_ahead_and_given_back_on_close(lab) {
        let engine = lab.engine();
        send(&engine, 0..300);
        let consumer = consumer(&engine);
        for _ in 0..20 {
            let message = consumer.receive(1, NOW).unwrap().remove(0);
            consumer.ack(&message.id).unwrap();
        }
        consumer.flush(SOON).unwrap();
        let (_, leased) = in_queue(&engine, QUEUE);
        assert!(leased > 1, "nothing was fetched ahead");
        consumer.close();
        assert_eq!(in_queue(&engine, QUEUE), (280, 0));
        assert_eq!(drain(&consumer).len(), 280, "it starts anew after a close");
    }

    fn a_first_message_is_fetched_alone_so_that_idle_workers_share(lab) {
        let engine = lab.engine();
        send(&engine, ["one", "two"]);
        let (left, right) = (consumer(&engine), consumer(&engine));
        let mine = left.receive(1, NOW).unwrap();
        let yours = right.receive(1, NOW).unwrap();
        assert_eq!((body(&mine[0]).as_str(), body(&yours[0]).as_str()), ("one", "two"));
    }

    fn what_was_handed_out_and_not_acked_stays_claimed_until_its_lease_ends(lab) {
        let engine = lab.engine();
        send(&engine, ["unfinished"]);
        let one = consumer(&engine);
        one.receive(1, NOW).unwrap();
        drop(one);
        let other = consumer(&engine);
        assert!(other.receive(1, NOW).unwrap().is_empty());
        lab.pass(LEASE);
        assert_eq!(body(&other.receive(1, NOW).unwrap()[0]), "unfinished");
    }

    fn acks_are_written_when_the_consumer_is_dropped(lab) {
        let engine = lab.engine();
        send(&engine, 0..50);
        let consumer = consumer(&engine);
        for message in consumer.receive(50, NOW).unwrap() {
            assert_eq!(consumer.ack(&message.id).unwrap(), Acked::Accepted);
        }
        drop(consumer);
        assert_eq!(in_queue(&engine, QUEUE), (0, 0));
    }

    fn a_message_given_back_comes_again_after_its_delay(lab) {
        let engine = lab.engine();
        send(&engine, ["later"]);
        let consumer = consumer(&engine);
        let message = consumer.receive(1, NOW).unwrap().remove(0);
        consumer.release(&message.id, Duration::from_secs(10)).unwrap();
        consumer.flush(SOON).unwrap();
        assert!(consumer.receive(1, NOW).unwrap().is_empty());
        lab.pass(Duration::from_secs(10));
        assert_eq!(body(&consumer.receive(1, NOW).unwrap()[0]), "later");
    }

    fn rejected_messages_go_where_dead_letters_go(lab) {
        let engine = lab.engine();
        send(&engine, ["bad"]);
        let consumer = with_dead_letters(&engine);
        let message = consumer.receive(1, NOW).unwrap().remove(0);
        assert_eq!(consumer.reject(&message.id).unwrap(), Acked::Accepted);
        consumer.flush(SOON).unwrap();
        assert_eq!(in_queue(&engine, QUEUE), (0, 0));
        assert_eq!(engine.messages("dead", 10).unwrap()[0].body, b"bad");
    }

    fn rejected_messages_are_removed_where_there_is_no_such_place(lab) {
        let engine = lab.engine();
        send(&engine, ["bad"]);
        let consumer = consumer(&engine);
        let message = consumer.receive(1, NOW).unwrap().remove(0);
        consumer.reject(&message.id).unwrap();
        consumer.flush(SOON).unwrap();
        assert_eq!(in_queue(&engine, QUEUE), (0, 0));
    }

    fn a_message_is_ended_once_and_only_by_its_holder(lab) {
        let engine = lab.engine();
        send(&engine, ["mine"]);
        let (holder, stranger) = (consumer(&engine), consumer(&engine));
        let message = holder.receive(1, NOW).unwrap().remove(0);
        let refused = [
            stranger.ack(&message.id).map(drop),
            stranger.reject(&message.id).map(drop),
            stranger.release(&message.id, NOW),
            stranger.keepalive(&message.id, NOW),
        ];
        for refusal in refused {
            let error = refusal.unwrap_err();
            assert_eq!((error.category(), error.code()), (Category::Transport, "OSSA-N011"));
        }
        holder.ack(&message.id).unwrap();
        holder.flush(SOON).unwrap();
        assert!(holder.ack(&message.id).is_err());
        assert!(holder.ack(&MessageId("no such message".to_owned())).is_err());
    }

    fn a_message_that_was_found_is_taken_before_it_is_ended(lab) {
        let engine = lab.engine();
        send(&engine, ["a", "b"]);
        let consumer = with_dead_letters(&engine);
        let found = engine.messages(QUEUE, 10).unwrap();
        let [first, second] = [&found[0].receipt.id, &found[1].receipt.id];
        assert!(consumer.ack(first).is_err());
        assert!(consumer.take(first).unwrap() && consumer.take(second).unwrap());
        assert_eq!(consumer.ack(first).unwrap(), Acked::Accepted);
        assert_eq!(consumer.reject(second).unwrap(), Acked::Accepted);
        consumer.flush(SOON).unwrap();
        assert!(!consumer.take(first).unwrap(), "it is gone");
        assert_eq!(in_queue(&engine, QUEUE), (0, 0));
        assert_eq!(in_queue(&engine, "dead"), (1, 0));
    }

    fn a_message_in_other_hands_is_not_taken(lab) {
        let engine = lab.engine();
        send(&engine, ["theirs"]);
        let (holder, other) = (consumer(&engine), consumer(&engine));
        let message = holder.receive(1, NOW).unwrap().remove(0);
        assert!(!other.take(&message.id).unwrap());
    }

    fn an_ack_after_the_lease_was_lost_removes_nothing(lab) {
        let engine = lab.engine();
        send(&engine, ["slow"]);
        let (slow, other) = (consumer(&engine), consumer(&engine));
        let message = slow.receive(1, NOW).unwrap().remove(0);
        lab.pass(LEASE);
        let taken = other.receive(1, NOW).unwrap().remove(0);
        let error = slow.keepalive(&message.id, NOW).unwrap_err();
        assert_eq!(error.code(), "OSSA-N012");
        assert_eq!(slow.ack(&message.id).unwrap(), Acked::LeaseLost);
        assert_eq!(in_queue(&engine, QUEUE), (0, 1));
        assert_eq!(other.ack(&taken.id).unwrap(), Acked::Accepted);
        other.flush(SOON).unwrap();
        assert_eq!(in_queue(&engine, QUEUE), (0, 0));
    }

    fn a_message_that_kills_its_workers_becomes_a_dead_letter_and_takes_no_other_with_it(lab) {
        let engine = lab.engine();
        send(&engine, ["a", "b", "poison", "c", "d"]);
        let mut handled = Vec::new();
        for _ in 0..8 {
            let worker = with_dead_letters(&lab.engine());
            loop {
                let Some(message) = worker.receive(5, NOW).unwrap().into_iter().next() else { break };
                // Of a batch, the first one is handled; at the poison the process is gone.
                if body(&message) == "poison" {
                    break;
                }
                handled.push(body(&message));
                worker.ack(&message.id).unwrap();
                worker.flush(SOON).unwrap();
            }
            worker.flush(SOON).unwrap();
            worker.abandon();
            lab.pass(LEASE);
        }
        handled.sort();
        assert_eq!(handled, ["a", "b", "c", "d"]);
        assert_eq!(in_queue(&engine, QUEUE), (0, 0));
        let dead = engine.messages("dead", 10).unwrap().remove(0);
        assert_eq!(dead.body, b"poison");
        let headers: Value = serde_json::from_slice(&dead.headers).unwrap();
        assert_eq!(headers["ossa-error-code"], "WORKER_LOST");
    }

    fn a_step_is_claimed_on_receipt_and_removed_by_its_result(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        let consumer = consumer(&engine);
        for step in ["first", "second", "third"] {
            let message = consumer.receive(1, NOW).unwrap().remove(0);
            let received = message.step.clone().unwrap();
            assert_eq!(received.job.step, step);
            assert_eq!(claimed(engine.claim(&received.token).unwrap()), received);
            engine.complete(&received.token, json!({})).unwrap();
            assert_eq!(consumer.ack(&message.id).unwrap(), Acked::Settled);
        }
        assert_eq!(status(&engine, id), RunStatus::Completed);
        assert_eq!(in_queue(&engine, QUEUE), (0, 0));
    }

    fn a_step_acked_or_rejected_without_a_result_fails_its_attempt(lab) {
        let engine = lab.engine();
        let consumer = consumer(&engine);
        for (end, code) in [
            (Consumer::ack as fn(&Consumer, &MessageId) -> _, "NO_RESULT"),
            (Consumer::reject, "REJECTED"),
        ] {
            let id = start(&engine, &three_steps());
            let message = consumer.receive(1, NOW).unwrap().remove(0);
            assert_eq!(end(&consumer, &message.id).unwrap(), Acked::FailedWithoutResult);
            assert_eq!(run(&engine, id).run.error.unwrap().code, code);
        }
    }

    fn a_step_given_back_by_its_token_is_nobodys(lab) {
        let engine = lab.engine();
        start(&engine, &three_steps());
        let consumer = consumer(&engine);
        let message = consumer.receive(1, NOW).unwrap().remove(0);
        engine.give_back(&message.step.unwrap().token).unwrap();
        assert_eq!(consumer.ack(&message.id).unwrap(), Acked::Settled);
        assert_eq!(take(&lab.engine()).job.step, "first");
    }

    fn time_is_kept_while_messages_are_consumed(lab) {
        let engine = lab.engine();
        let id = start(&engine, &workflow(&step_with("slow", &["timeout_seconds: 10"])));
        take(&lab.engine());
        lab.pass(Duration::from_secs(10));
        let consumer = consumer(&engine);
        for _ in 0..50 {
            consumer.receive(1, SOON).unwrap();
            if status(&engine, id) == RunStatus::Failed {
                return;
            }
        }
        panic!("nobody noticed that the attempt's time is up");
    }
}

#[test]
fn leases_are_prolonged_while_a_handler_works() {
    let lab = Lab::in_memory();
    let engine = lab.engine_with(EngineOptions {
        lease: SOON,
        clock: std::sync::Arc::new(SystemClock),
        ..lab.options()
    });
    send(&engine, ["long"]);
    start(&engine, &three_steps());
    let worker = consumer(&engine);
    let held = worker.receive(2, NOW).unwrap();
    assert_eq!(held.len(), 2);
    thread::sleep(SOON * 2);
    assert!(consumer(&engine).receive(1, NOW).unwrap().is_empty());
    assert_eq!(worker.ack(&held[0].id).unwrap(), Acked::Accepted);
}

#[test]
fn what_was_fetched_ahead_is_given_back_when_a_handler_takes_long() {
    let lab = Lab::in_memory();
    let engine = lab.engine();
    send(&engine, 0..200);
    let busy = consumer(&engine);
    for _ in 0..20 {
        let message = busy.receive(1, NOW).unwrap().remove(0);
        busy.ack(&message.id).unwrap();
    }
    let held = busy.receive(1, NOW).unwrap();
    // The handler of this one does not come back; another worker is idle.
    let idle = consumer(&engine);
    let mut others = 0;
    while others < 179 {
        others += idle.receive(10, SOON).unwrap().len();
    }
    assert_eq!(held.len(), 1);
}

#[test]
fn queues_prefetch_and_lease_are_checked() {
    let engine = Lab::in_memory().engine();
    let good = ConsumerOptions::of_queue(QUEUE);
    let bad = [
        ConsumerOptions {
            queues: Vec::new(),
            ..good.clone()
        },
        ConsumerOptions {
            queues: vec!["no spaces".to_owned()],
            ..good.clone()
        },
        ConsumerOptions {
            dead_letter_queue: Some(String::new()),
            ..good.clone()
        },
        ConsumerOptions {
            prefetch: 0,
            ..good.clone()
        },
        ConsumerOptions {
            ack_bound: Some(0),
            ..good.clone()
        },
        ConsumerOptions {
            lease: Some(Duration::from_millis(5)),
            ..good
        },
    ];
    for options in bad {
        let error = Consumer::new(&engine, options).unwrap_err();
        assert_eq!(error.category(), Category::Argument);
    }
}
