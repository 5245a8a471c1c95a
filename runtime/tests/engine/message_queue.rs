//! Messages in a queue that has no engine.

use std::time::Duration;

use ossa_runtime::engine::{
    Acked, Consumer, ConsumerOptions, MessageQueue, MessageQueueOptions, OutgoingMessage,
};
use ossa_runtime::error::Category;
use ossa_runtime::port::{Priority, QueueCounts};

use crate::lab::*;

fn message(body: &str) -> OutgoingMessage {
    OutgoingMessage {
        queue: "mails".to_owned(),
        priority: Priority::Normal,
        delay: Duration::ZERO,
        body: body.as_bytes().to_vec(),
        headers: b"{}".to_vec(),
    }
}

fn consumer(messages: &MessageQueue) -> Consumer {
    Consumer::of(messages, ConsumerOptions::of_queue("mails")).unwrap()
}

const WAIT: Duration = Duration::from_secs(1);

#[test]
fn a_queue_with_a_dsn_of_its_own_carries_messages_without_an_engine() {
    let folder = tempfile::tempdir().unwrap();
    let dsn = format!("ossa+sqlite://{}/queue.db", folder.path().display());
    let open = || MessageQueue::open(&dsn, MessageQueueOptions::default()).unwrap();
    let sender = open();
    sender.send(vec![message("one"), message("two")]).unwrap();
    sender.close();
    let messages = open();
    let bodies = |messages: &MessageQueue| -> Vec<_> {
        let listed = messages.list("mails", None, 9).unwrap();
        listed.into_iter().map(|it| it.body).collect()
    };
    assert_eq!(bodies(&messages), [b"one", b"two"]);
    let consumer = consumer(&messages);
    let received = consumer.receive(1, WAIT).unwrap();
    let one = received.first().unwrap();
    assert_eq!(one.body, b"one");
    assert_eq!(consumer.ack(&one.id).unwrap(), Acked::Accepted);
    assert!(consumer.flush(WAIT).unwrap());
    assert_eq!(bodies(&messages), [b"two"]);
    // What was fetched ahead is given back.
    consumer.close();
    let ready = QueueCounts {
        ready: 1,
        ..QueueCounts::default()
    };
    assert_eq!(messages.count("mails").unwrap(), ready);
}

#[test]
fn a_wrong_dsn_shows_at_the_first_use_by_its_part() {
    let messages = MessageQueue::open(
        "ossa+sqlite:///tmp/x?synchronous=never",
        MessageQueueOptions::default(),
    )
    .unwrap();
    let error = messages.send(vec![message("one")]).unwrap_err();
    assert_eq!(error.category(), Category::Transport);
    assert!(error.message().contains("option synchronous"), "{error}");
}

#[test]
fn steps_of_runs_are_not_handed_out_without_their_engine() {
    let lab = Lab::in_file();
    let engine = lab.engine();
    start(&engine, &three_steps());
    let messages = MessageQueue::open(&lab.dsn().unwrap(), MessageQueueOptions::default()).unwrap();
    let consumer = Consumer::of(&messages, ConsumerOptions::of_queue(QUEUE)).unwrap();
    let error = consumer.receive(1, WAIT).unwrap_err();
    assert!(error.message().contains("steps of runs"), "{error}");
    drop(consumer);
    assert_eq!(engine.count(QUEUE).unwrap().leased, 0, "it was given back");
}
