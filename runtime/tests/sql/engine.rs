//! Engines on the connection of an application.

use std::sync::Arc;
use std::time::Duration;

use ossa_runtime::adapter::{SqlOptions, SqlStore};
use ossa_runtime::engine::{
    Acked, Consumer, ConsumerOptions, Engine, EngineOptions, OutgoingMessage, Reported,
};
use ossa_runtime::port::{Backend, Clock, ManualClock, Priority, RunStatus, Timestamp};
use serde_json::json;

use crate::connections::Database;
use crate::lab::{QUEUE, complete, failure, run, start, status, take, three_steps, work_off};

struct Shop {
    database: Arc<Database>,
    clock: Arc<ManualClock>,
}

impl Shop {
    fn new() -> Self {
        Self {
            database: Arc::new(Database::new()),
            clock: Arc::new(ManualClock::at(Timestamp::from_millis(1_763_700_000_000))),
        }
    }

    /// One more engine, as another request of the application has.
    fn engine(&self) -> Engine {
        let database = Arc::clone(&self.database);
        let open = move || {
            let connection = Box::new(database.connection_of_this_thread());
            let store = SqlStore::open(connection, SqlOptions::default())?;
            Ok(Arc::new(store) as Arc<dyn Backend>)
        };
        let options = EngineOptions {
            queue: QUEUE.to_owned(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            ..EngineOptions::default()
        };
        Engine::on_this_thread(open, options).unwrap()
    }

    fn say(&self, sql: &str) {
        self.database.connections().say(sql);
    }
}

fn consumer(engine: &Engine) -> Consumer {
    Consumer::new(engine, ConsumerOptions::of_queue(QUEUE)).unwrap()
}

fn send(engine: &Engine, body: &str) {
    let message = OutgoingMessage {
        queue: QUEUE.to_owned(),
        priority: Priority::Normal,
        delay: Duration::ZERO,
        body: body.as_bytes().to_vec(),
        headers: Vec::new(),
    };
    engine.send(vec![message]).unwrap();
}

#[test]
fn a_consumed_run_is_worked_off_by_the_calling_thread_alone() {
    let shop = Shop::new();
    let engine = shop.engine();
    let id = start(&engine, &three_steps());
    let consumer = consumer(&engine);
    while !status(&engine, id).is_terminal() {
        for message in consumer.receive(1, Duration::from_secs(1)).unwrap() {
            let claim = message.step.unwrap();
            engine.complete(&claim.token, json!({})).unwrap();
            assert_eq!(consumer.ack(&message.id).unwrap(), Acked::Settled);
        }
    }
    consumer.close();
    drop(consumer);
    assert_eq!(status(&engine, id), RunStatus::Completed);
    assert!(!shop.database.strayed());
}

#[test]
fn an_ack_is_written_before_it_returns() {
    let shop = Shop::new();
    let engine = shop.engine();
    send(&engine, "m");
    let consumer = consumer(&engine);
    let message = consumer.receive(1, Duration::ZERO).unwrap().pop().unwrap();
    assert_eq!(consumer.ack(&message.id).unwrap(), Acked::Accepted);
    let counts = shop.engine().count(QUEUE).unwrap();
    assert_eq!(counts.ready + counts.delayed + counts.leased, 0);
}

#[test]
fn no_more_is_fetched_than_was_asked_for() {
    let shop = Shop::new();
    let engine = shop.engine();
    for body in ["a", "b", "c", "d"] {
        send(&engine, body);
    }
    let consumer = consumer(&engine);
    for _ in 0..2 {
        let message = consumer.receive(1, Duration::ZERO).unwrap().pop().unwrap();
        consumer.ack(&message.id).unwrap();
    }
    let counts = shop.engine().count(QUEUE).unwrap();
    assert_eq!((counts.ready, counts.leased), (2, 0));
}

#[test]
fn keepalive_prolongs_the_lease_of_a_message() {
    let shop = Shop::new();
    let engine = shop.engine();
    send(&engine, "m");
    let consumer = consumer(&engine);
    let message = consumer.receive(1, Duration::ZERO).unwrap().pop().unwrap();
    for _ in 0..3 {
        shop.clock.advance(Duration::from_secs(20));
        consumer.keepalive(&message.id, Duration::ZERO).unwrap();
    }
    let other = shop.engine();
    let other = self::consumer(&other);
    assert!(other.receive(1, Duration::ZERO).unwrap().is_empty());
    shop.clock.advance(Duration::from_secs(31));
    assert_eq!(other.receive(1, Duration::ZERO).unwrap().len(), 1);
    assert!(consumer.keepalive(&message.id, Duration::ZERO).is_err());
}

#[test]
fn a_rolled_back_report_leaves_the_run_as_it_was() {
    let shop = Shop::new();
    let engine = shop.engine();
    let id = start(&engine, &three_steps());
    let claim = take(&engine);

    shop.say("BEGIN");
    let report = engine.complete(&claim.token, json!({})).unwrap();
    assert!(matches!(report.result, Reported::Recorded(_)));
    assert_eq!(run(&engine, id).run.steps[0].status, "completed");
    shop.say("ROLLBACK");

    assert_eq!(run(&engine, id).run.steps[0].status, "running");
    let report = engine.complete(&claim.token, json!({})).unwrap();
    assert!(matches!(report.result, Reported::Recorded(_)));
    complete(&engine, "second");
    complete(&engine, "third");
    assert_eq!(status(&engine, id), RunStatus::Completed);
}

/// The version of what was rolled back comes again, with another state: remembered, it would be taken for the latest.
#[test]
fn another_change_of_the_same_version_is_not_mistaken_for_the_one_rolled_back() {
    let shop = Shop::new();
    let engine = shop.engine();
    let id = start(&engine, &three_steps());
    let claim = take(&engine);
    shop.say("BEGIN");
    engine.complete(&claim.token, json!({})).unwrap();
    assert_eq!(run(&engine, id).run.steps[0].status, "completed");
    shop.say("ROLLBACK");

    let other = shop.engine();
    other.fail(&claim.token, failure()).unwrap();
    assert_eq!(status(&other, id), RunStatus::Failed);

    assert_eq!(run(&engine, id).run.steps[0].status, "failed");
    let late = engine.complete(&claim.token, json!({})).unwrap();
    assert!(!matches!(late.result, Reported::Recorded(_)), "{late:?}");
    assert_eq!(work_off(&engine), [""; 0]);
}

#[test]
fn a_run_whose_start_was_rolled_back_is_not_there_and_the_next_one_is_whole() {
    let shop = Shop::new();
    let engine = shop.engine();
    // The tables are there before the transaction.
    engine.count(QUEUE).unwrap();
    let plan = three_steps();
    shop.say("BEGIN");
    let undone = start(&engine, &plan);
    shop.say("ROLLBACK");
    assert!(engine.run(undone).unwrap().is_none());

    // Its plan went with it, and has to be kept anew for others to go on with this one.
    let id = start(&engine, &plan);
    let other = shop.engine();
    assert_eq!(work_off(&other), ["first", "second", "third"]);
    assert_eq!(status(&other, id), RunStatus::Completed);
}

#[test]
fn a_run_started_in_a_transaction_begins_when_it_is_committed() {
    let shop = Shop::new();
    let engine = shop.engine();
    engine.count(QUEUE).unwrap();
    shop.say("CREATE TABLE orders (number INTEGER)");
    shop.say("BEGIN; INSERT INTO orders VALUES (7)");
    let id = start(&engine, &three_steps());
    shop.say("COMMIT");
    assert_eq!(work_off(&shop.engine()), ["first", "second", "third"]);
    assert_eq!(status(&engine, id), RunStatus::Completed);
}
