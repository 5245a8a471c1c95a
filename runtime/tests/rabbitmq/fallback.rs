//! Sending while the broker is away.

use std::thread;
use std::time::Duration;

use ossa_runtime::engine::{
    Consumer, ConsumerOptions, Engine, EngineOptions, Fallback, MessageQueue, MessageQueueOptions,
    OutgoingMessage,
};
use ossa_runtime::port::Priority;

use crate::broker::eventually;
use crate::server::TestServer;

fn message(body: impl ToString) -> OutgoingMessage {
    OutgoingMessage {
        queue: "mails".to_owned(),
        priority: Priority::Normal,
        delay: Duration::ZERO,
        body: body.to_string().into_bytes(),
        headers: Vec::new(),
    }
}

fn open(dsn: &str, engine: &Engine) -> MessageQueue {
    let options = MessageQueueOptions {
        fallback: Some(Fallback::to(engine)),
        ..MessageQueueOptions::default()
    };
    MessageQueue::open(dsn, options).unwrap()
}

/// Receives and acks so many, however long it takes.
fn drain(messages: &MessageQueue, count: usize) -> Vec<String> {
    let consumer = Consumer::of(messages, ConsumerOptions::of_queue("mails")).unwrap();
    let mut bodies = Vec::new();
    eventually(|| {
        // A broker that comes back is away for a while.
        for message in consumer
            .receive(1, Duration::from_millis(100))
            .unwrap_or_default()
        {
            bodies.push(String::from_utf8(message.body).unwrap());
            consumer.ack(&message.id).unwrap();
        }
        bodies.len() >= count
    });
    bodies
}

#[test]
fn what_is_sent_while_the_broker_is_away_is_kept_and_passed_on_in_order() {
    let Some(mut broker) = TestServer::start("rabbitmq") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite://{}/ossa.db", folder.path().display());
    let engine = Engine::open(&store, EngineOptions::default()).unwrap();
    let messages = open(&broker.dsn, &engine);
    messages.send(vec![message(0), message(1)]).unwrap();
    // RabbitMQ notes new queues in a file that it writes out only now and then: killed before, it cannot serve them.
    thread::sleep(Duration::from_secs(3));
    broker.kill();
    for number in 2..30 {
        messages.send(vec![message(number)]).unwrap();
    }
    assert_eq!(engine.count("mails.fallback").unwrap().ready, 28);
    broker.restart();
    // Nothing that is sent now overtakes what waits; and no restart of ours is needed.
    messages.send(vec![message(30)]).unwrap();
    let expected: Vec<_> = (0..=30).map(|it| it.to_string()).collect();
    assert_eq!(drain(&messages, 31), expected);
    assert!(messages.pass_on().unwrap());
    assert_eq!(engine.count("mails.fallback").unwrap().ready, 0);
}

#[test]
fn what_another_process_kept_is_passed_on_by_a_worker() {
    let Some(mut broker) = TestServer::start("rabbitmq") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite://{}/ossa.db", folder.path().display());
    let engine = || Engine::open(&store, EngineOptions::default()).unwrap();
    broker.kill();
    let sender = open(&broker.dsn, &engine());
    sender.send((0..250).map(message).collect()).unwrap();
    drop(sender);
    broker.restart();
    let expected: Vec<_> = (0..250).map(|it| it.to_string()).collect();
    assert_eq!(drain(&open(&broker.dsn, &engine()), 250), expected);
}

#[test]
fn what_the_broker_refuses_for_good_is_told_not_kept() {
    let engine = Engine::open("memory:", EngineOptions::default()).unwrap();
    let messages = open("amqp://127.0.0.1:1/?wrong=1", &engine);
    let error = messages.send(vec![message(0)]).unwrap_err();
    assert!(error.message().contains("option wrong"), "{error}");
    assert_eq!(engine.count("mails.fallback").unwrap().ready, 0);
}
