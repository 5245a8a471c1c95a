//! Circuit breakers of who takes messages: deliveries wait, or go to who stands in.

use std::time::Duration;

use ossa_runtime::engine::channel::{Failed, Subscriber};
use ossa_runtime::engine::{BreakerKey, Engine, EngineOptions};
use ossa_runtime::manifest::model::Ordering;
use ossa_runtime::policy::BreakerPolicy;
use ossa_runtime::run::StepError;
use serde_json::json;

use crate::channels::{broken, ids, listener, message, one, publish, receive, retries, subscribe};
use crate::lab::Lab;
use crate::stories;

/// What the breaker waits before it lets a delivery through, and the longest by which deliveries are spread.
const OPEN: Duration = Duration::from_secs(61);

/// An engine on which two failures in a row open the breakers of these subscribers.
fn guarded(lab: &Lab, names: &[(&str, Option<&str>)]) -> Engine {
    let breakers = names.iter().map(|(name, fallback)| {
        let policy = BreakerPolicy {
            failures: 2,
            fallback: fallback.map(str::to_owned),
            ..BreakerPolicy::default()
        };
        ((*name).to_owned(), policy)
    });
    lab.engine_with(EngineOptions {
        breakers: breakers.collect(),
        ..lab.options()
    })
}

/// Has two deliveries fail for good, so that the breaker of the scanner opens.
fn open(engine: &Engine) {
    for id in ["bad-1", "bad-2"] {
        publish(engine, "a", id);
        let failed = engine.channels().fail(&one(engine, "scanner"), &broken());
        assert!(matches!(failed, Ok(Failed::DeadLetter(_))), "{failed:?}");
    }
}

/// Fails at the first attempt.
fn scanner() -> Subscriber {
    Subscriber {
        retry: retries(1),
        ..listener("scanner", "a")
    }
}

stories! {
    fn deliveries_wait_for_an_open_breaker_and_one_is_tried_when_its_time_is_over(lab) {
        let engine = guarded(lab, &[("scanner", None)]);
        subscribe(&engine, &scanner());
        open(&engine);
        for id in ["m1", "m2", "m3"] {
            publish(&engine, "a", id);
        }
        assert!(receive(&engine, "scanner", 9).is_empty());
        // Also for another process.
        assert!(receive(&guarded(lab, &[("scanner", None)]), "scanner", 9).is_empty());
        lab.pass(OPEN);
        let tried = receive(&engine, "scanner", 9);
        assert_eq!(tried.len(), 1, "{:?}", ids(&tried));
        assert_eq!(tried[0].attempt, 1);
        engine.channels().ack(&tried[0]).unwrap();
        lab.pass(Duration::from_secs(3));
        let rest = receive(&engine, "scanner", 9);
        assert_eq!(rest.len(), 2);
        assert!(rest.iter().all(|it| it.attempt == 1));
    }

    fn a_tried_delivery_that_fails_leaves_the_breaker_open(lab) {
        let engine = guarded(lab, &[("scanner", None)]);
        subscribe(&engine, &scanner());
        open(&engine);
        publish(&engine, "a", "m1");
        publish(&engine, "a", "m2");
        lab.pass(OPEN);
        engine.channels().fail(&one(&engine, "scanner"), &broken()).unwrap();
        lab.pass(Duration::from_secs(50));
        assert!(receive(&engine, "scanner", 9).is_empty());
    }

    fn an_error_that_a_repetition_would_not_mend_opens_nothing(lab) {
        let engine = guarded(lab, &[("scanner", None)]);
        subscribe(&engine, &scanner());
        for id in ["m1", "m2", "m3"] {
            publish(&engine, "a", id);
            let refused = StepError { retryable: Some(false), ..broken() };
            engine.channels().fail(&one(&engine, "scanner"), &refused).unwrap();
        }
        assert_eq!(engine.breakers().unwrap(), []);
    }

    fn another_subscriber_stands_in_while_the_breaker_is_open(lab) {
        let engine = guarded(lab, &[("scanner", Some("auditor"))]);
        subscribe(&engine, &scanner());
        subscribe(&engine, &Subscriber { retry: retries(1), ..Subscriber::new("auditor") });
        open(&engine);
        publish(&engine, "a", "m1");
        assert!(receive(&engine, "scanner", 9).is_empty());
        let delivery = one(&engine, "auditor");
        assert_eq!((delivery.envelope.id.as_str(), delivery.attempt), ("m1", 1));
        engine.channels().ack(&delivery).unwrap();
        lab.pass(OPEN);
        assert!(receive(&engine, "scanner", 9).is_empty());
    }

    fn what_stands_in_does_not_hand_on_what_it_was_handed(lab) {
        let engine = guarded(lab, &[("scanner", Some("auditor")), ("auditor", Some("scanner"))]);
        subscribe(&engine, &scanner());
        subscribe(&engine, &Subscriber { retry: retries(1), ..listener("auditor", "b") });
        open(&engine);
        for id in ["b-1", "b-2"] {
            publish(&engine, "b", id);
            engine.channels().fail(&one(&engine, "auditor"), &broken()).unwrap();
        }
        publish(&engine, "a", "m1");
        for _ in 0..5 {
            assert!(receive(&engine, "scanner", 9).is_empty());
            assert!(receive(&engine, "auditor", 9).is_empty());
        }
        lab.pass(OPEN);
        assert_eq!(ids(&receive(&engine, "auditor", 9)), ["m1"]);
    }

    fn one_tenant_does_not_stop_the_messages_of_another(lab) {
        let engine = guarded(lab, &[("scanner", None)]);
        subscribe(&engine, &scanner());
        let send = |id: &str, tenant: &str| {
            let mut sent = message("a", id, json!({}));
            sent.headers.insert("x-ossa-tenant".to_owned(), tenant.into());
            engine.channels().publish(sent).unwrap();
        };
        for id in ["bad-1", "bad-2"] {
            send(id, "one");
            engine.channels().fail(&one(&engine, "scanner"), &broken()).unwrap();
        }
        send("m1", "one");
        send("m2", "two");
        assert_eq!(ids(&receive(&engine, "scanner", 9)), ["m2"]);
        let keys: Vec<_> = engine.breakers().unwrap().into_iter().map(|it| it.key).collect();
        let key = BreakerKey { name: "scanner".to_owned(), tenant: Some("one".to_owned()) };
        assert_eq!(keys, [key]);
    }

    fn a_line_in_order_waits_and_goes_on_in_order(lab) {
        let engine = guarded(lab, &[("scanner", None)]);
        subscribe(&engine, &Subscriber { ordering: Ordering::PerChannel, ..scanner() });
        open(&engine);
        for id in ["m1", "m2", "m3"] {
            publish(&engine, "a", id);
        }
        assert!(receive(&engine, "scanner", 9).is_empty());
        lab.pass(OPEN);
        let mut order = Vec::new();
        for _ in 0..3 {
            let delivery = one(&engine, "scanner");
            order.push(delivery.envelope.id.clone());
            engine.channels().ack(&delivery).unwrap();
        }
        assert_eq!(order, ["m1", "m2", "m3"]);
    }

    fn a_line_in_order_is_handed_over_in_order(lab) {
        let engine = guarded(lab, &[("scanner", Some("auditor"))]);
        subscribe(&engine, &Subscriber { ordering: Ordering::PerChannel, ..scanner() });
        subscribe(&engine, &Subscriber::new("auditor"));
        open(&engine);
        for id in ["m1", "m2"] {
            publish(&engine, "a", id);
        }
        assert!(receive(&engine, "scanner", 9).is_empty());
        assert_eq!(ids(&receive(&engine, "auditor", 9)), ["m1", "m2"]);
    }
}

#[test]
fn an_open_breaker_makes_no_reader_of_the_stream_remember_more_than_it_can() {
    let lab = Lab::in_memory();
    let engine = guarded(&lab, &[("scanner", None)]);
    subscribe(
        &engine,
        &Subscriber {
            from: Some(0),
            ..scanner()
        },
    );
    open(&engine);
    let batch = (0..1500).map(|n| message("a", &format!("m{n}"), json!({})));
    engine.channels().publish_batch(batch.collect());
    for _ in 0..300 {
        assert!(receive(&engine, "scanner", 10).is_empty());
    }
    let views = engine.channels().subscribers().unwrap();
    let place = views[0].stream.unwrap();
    assert!((1000..1100).contains(&place.held), "{place:?}");
}
