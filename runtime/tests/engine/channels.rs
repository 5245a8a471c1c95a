//! Publishing on channels, and what becomes of a message at those who take it.

use std::time::Duration;

use ossa_runtime::engine::Engine;
use ossa_runtime::engine::channel::{
    ChannelDelivery, ChannelMessage, ChannelSubscription, Failed, Reason, ReceiptStatus,
    ReceiveDeliveries, Subscriber,
};
use ossa_runtime::manifest::model::{Guarantee, Ordering};
use ossa_runtime::policy::{Backoff, Rate, RetryPolicy};
use ossa_runtime::port::Priority;
use ossa_runtime::run::StepError;
use serde_json::{Value, json};

use crate::stories;

/// Attempts a second apart.
pub fn retries(max_attempts: u32) -> RetryPolicy {
    RetryPolicy {
        max_attempts,
        backoff: Backoff::Fixed,
        initial_delay: Duration::from_secs(1),
        jitter: 0.0,
        ..RetryPolicy::default()
    }
}

pub fn listener(name: &str, channel: &str) -> Subscriber {
    Subscriber {
        retry: retries(3),
        ..Subscriber::new(name).on(channel)
    }
}

pub fn subscribe(engine: &Engine, subscriber: &Subscriber) {
    engine.channels().subscribe(subscriber).unwrap();
}

pub fn message(channel: &str, id: &str, payload: Value) -> ChannelMessage {
    ChannelMessage::new(channel, "healer", payload).with_id(id)
}

pub fn publish(engine: &Engine, channel: &str, id: &str) {
    let sent = message(channel, id, json!({ "id": id }));
    assert!(engine.channels().publish(sent).unwrap().is_new);
}

pub fn receive(engine: &Engine, subscriber: &str, max: usize) -> Vec<ChannelDelivery> {
    let request = ReceiveDeliveries {
        subscribers: vec![subscriber.to_owned()],
        max,
        wait: Duration::ZERO,
    };
    engine.channels().receive(&request).unwrap()
}

pub fn one(engine: &Engine, subscriber: &str) -> ChannelDelivery {
    let mut found = receive(engine, subscriber, 1);
    found.pop().expect("there should be a delivery")
}

pub fn ids(deliveries: &[ChannelDelivery]) -> Vec<&str> {
    let ids = deliveries.iter().map(|it| it.envelope.id.as_str());
    ids.collect()
}

pub fn broken() -> StepError {
    StepError::new("HANDLER_ERROR", "the handler threw")
}

fn statuses(engine: &Engine, channel: &str, id: &str) -> Vec<(Option<String>, ReceiptStatus)> {
    let receipts = engine.channels().receipts(channel, id).unwrap();
    let statuses = receipts.into_iter().map(|it| (it.subscriber, it.status));
    statuses.collect()
}

stories! {
    fn a_message_goes_to_everybody_who_takes_its_channel_and_to_nobody_else(lab) {
        let engine = lab.engine();
        subscribe(&engine, &listener("scanner", "security.vulnerabilities"));
        subscribe(&engine, &listener("auditor", "security.*"));
        subscribe(&engine, &listener("other", "dependency.*"));
        publish(&engine, "security.vulnerabilities", "m1");
        let sent = message("security.vulnerabilities", "m2", json!({"cve": "CVE-1"}));
        let published = engine.channels().publish(sent).unwrap();
        assert_eq!(published.deliveries, 2);
        for subscriber in ["scanner", "auditor"] {
            let found = receive(&engine, subscriber, 9);
            assert_eq!(ids(&found), ["m1", "m2"]);
            assert_eq!(*found[1].payload(), json!({"cve": "CVE-1"}));
            assert_eq!(found[1].envelope.source, "healer");
            for delivery in &found {
                engine.channels().ack(delivery).unwrap();
            }
            assert!(receive(&engine, subscriber, 9).is_empty());
        }
        assert!(receive(&engine, "other", 9).is_empty());
    }

    fn the_same_id_is_published_once(lab) {
        let engine = lab.engine();
        subscribe(&engine, &listener("scanner", "a"));
        publish(&engine, "a", "m1");
        let again = engine.channels().publish(message("a", "m1", json!("other"))).unwrap();
        assert!(!again.is_new);
        assert_eq!(again.deliveries, 0);
        assert_eq!(receive(&engine, "scanner", 9).len(), 1);
    }

    fn another_process_publishes_to_subscribers_it_was_never_told_of(lab) {
        subscribe(&lab.engine(), &listener("scanner", "a"));
        publish(&lab.engine(), "a", "m1");
        assert_eq!(one(&lab.engine(), "scanner").envelope.id, "m1");
    }

    fn urgent_messages_come_first(lab) {
        let engine = lab.engine();
        subscribe(&engine, &listener("scanner", "a"));
        publish(&engine, "a", "normal");
        let urgent = ChannelMessage {
            priority: Some(Priority::Critical),
            ..message("a", "urgent", json!({}))
        };
        engine.channels().publish(urgent).unwrap();
        assert_eq!(ids(&receive(&engine, "scanner", 9)), ["urgent", "normal"]);
    }

    fn a_filter_decides_what_a_subscriber_takes(lab) {
        let engine = lab.engine();
        let subscription = ChannelSubscription {
            filter: Some(json!({"severity": ["high", "critical"]})),
            source: Some("heal*".to_owned()),
            handler: Some("scan".to_owned()),
            ..ChannelSubscription::of("a")
        };
        let scanner = Subscriber { subscriptions: vec![subscription], ..Subscriber::new("scanner") };
        subscribe(&engine, &scanner);
        for (id, severity) in [("1", "low"), ("2", "high"), ("3", "critical")] {
            let sent = message("a", id, json!({"severity": severity}));
            engine.channels().publish(sent).unwrap();
        }
        let foreign = ChannelMessage::new("a", "stranger", json!({"severity": "high"}));
        engine.channels().publish(foreign).unwrap();
        let found = receive(&engine, "scanner", 9);
        assert_eq!(ids(&found), ["2", "3"]);
        assert_eq!(found[0].handler.as_deref(), Some("scan"));
    }

    fn a_failed_delivery_comes_again_after_its_delay_and_then_becomes_a_dead_letter(lab) {
        let engine = lab.engine();
        subscribe(&engine, &listener("scanner", "a"));
        subscribe(&engine, &listener("auditor", "a"));
        publish(&engine, "a", "m1");
        for attempt in 1..=3 {
            let delivery = one(&engine, "scanner");
            assert_eq!(delivery.attempt, attempt);
            let failed = engine.channels().fail(&delivery, &broken()).unwrap();
            match attempt {
                3 => assert_eq!(failed, Failed::DeadLetter("a.dlq".to_owned())),
                _ => assert!(matches!(failed, Failed::RetryAt(_)), "{failed:?}"),
            }
            assert!(receive(&engine, "scanner", 1).is_empty(), "not before its delay");
            lab.pass(Duration::from_secs(1));
        }
        assert!(receive(&engine, "scanner", 1).is_empty());
        let letters = engine.dead_letters().list(&Default::default(), 9).unwrap();
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].reason, Reason::HandlerFailed);
        assert_eq!(letters[0].error_code, "HANDLER_ERROR");
        assert_eq!((letters[0].attempts, letters[0].channel.as_str()), (3, "a"));
        assert_eq!(statuses(&engine, "a", "m1"), [
            (None, ReceiptStatus::Accepted),
            (Some("scanner".to_owned()), ReceiptStatus::Failed),
        ]);
        // The other one knows nothing of it.
        engine.channels().ack(&one(&engine, "auditor")).unwrap();
    }

    fn a_failure_that_a_repetition_does_not_mend_is_final(lab) {
        let engine = lab.engine();
        subscribe(&engine, &listener("scanner", "a"));
        publish(&engine, "a", "m1");
        let error = StepError { retryable: Some(false), ..broken() };
        let failed = engine.channels().fail(&one(&engine, "scanner"), &error).unwrap();
        assert_eq!(failed, Failed::DeadLetter("a.dlq".to_owned()));
    }

    fn what_a_lost_worker_had_is_delivered_again(lab) {
        let engine = lab.engine();
        subscribe(&engine, &listener("scanner", "a"));
        publish(&engine, "a", "m1");
        let first = one(&engine, "scanner");
        lab.pass(Duration::from_secs(31));
        let second = one(&engine, "scanner");
        assert_eq!((second.attempt, second.effect_key.as_str()), (2, first.effect_key.as_str()));
        let late = engine.channels().ack(&first).unwrap_err();
        assert_eq!(late.code(), "OSSA-N012");
        engine.channels().ack(&second).unwrap();
    }

    fn lost_workers_and_failures_are_attempts_alike(lab) {
        let engine = lab.engine();
        subscribe(&engine, &listener("plain", "a"));
        subscribe(&engine, &Subscriber { ordering: Ordering::Global, ..listener("ordered", "a") });
        for subscriber in ["plain", "ordered"] {
            publish(&engine, "a", subscriber);
            if subscriber == "ordered" {
                // The message before it.
                engine.channels().ack(&one(&engine, subscriber)).unwrap();
            }
            one(&engine, subscriber);
            lab.pass(Duration::from_secs(31));
            for attempt in 2..=3 {
                let delivery = one(&engine, subscriber);
                assert_eq!(delivery.attempt, attempt, "{subscriber}");
                engine.channels().fail(&delivery, &broken()).unwrap();
                lab.pass(Duration::from_secs(1));
            }
            assert!(receive(&engine, subscriber, 1).is_empty(), "{subscriber}");
            if subscriber == "plain" {
                continue;
            }
            let letters = engine.dead_letters().list(&Default::default(), 9).unwrap();
            let attempts: Vec<_> = letters.iter().map(|it| it.attempts).collect();
            assert_eq!(attempts, [3, 3]);
        }
    }

    fn a_delivery_that_is_prolonged_stays_with_its_worker(lab) {
        let engine = lab.engine();
        subscribe(&engine, &listener("scanner", "a"));
        publish(&engine, "a", "m1");
        let delivery = one(&engine, "scanner");
        lab.pass(Duration::from_secs(29));
        engine.channels().extend(&delivery, Duration::from_secs(30)).unwrap();
        lab.pass(Duration::from_secs(29));
        assert!(receive(&engine, "scanner", 1).is_empty());
        engine.channels().ack(&delivery).unwrap();
    }

    fn a_delivery_that_is_given_back_counts_no_attempt(lab) {
        let engine = lab.engine();
        subscribe(&engine, &listener("scanner", "a"));
        publish(&engine, "a", "m1");
        engine.channels().release(&one(&engine, "scanner"), Duration::from_secs(5)).unwrap();
        assert!(receive(&engine, "scanner", 1).is_empty());
        lab.pass(Duration::from_secs(5));
        assert_eq!(one(&engine, "scanner").attempt, 1);
    }

    fn who_gets_messages_at_most_once_gets_them_once(lab) {
        let engine = lab.engine();
        let scanner = Subscriber { guarantee: Guarantee::AtMostOnce, ..listener("scanner", "a") };
        subscribe(&engine, &scanner);
        publish(&engine, "a", "m1");
        let delivery = one(&engine, "scanner");
        lab.pass(Duration::from_secs(60));
        assert!(receive(&engine, "scanner", 1).is_empty());
        let failed = engine.channels().fail(&delivery, &broken()).unwrap();
        assert_eq!(failed, Failed::Dropped);
        assert!(receive(&engine, "scanner", 1).is_empty());
    }

    fn who_gets_messages_exactly_once_is_not_given_one_again_that_it_has_handled(lab) {
        let engine = lab.engine();
        let scanner = Subscriber { guarantee: Guarantee::ExactlyOnce, ..listener("scanner", "a") };
        subscribe(&engine, &scanner);
        subscribe(&engine, &listener("auditor", "a"));
        publish(&engine, "a", "m1");
        engine.channels().ack(&one(&engine, "scanner")).unwrap();
        assert_eq!(statuses(&engine, "a", "m1")[1].1, ReceiptStatus::Processed);
        // The same message once more, as after a replay.
        lab.backend().append(&[ossa_runtime::port::Publication {
            channel: "a".to_owned(),
            source: "healer".to_owned(),
            id: "again".to_owned(),
            expires_at: None,
            body: Vec::new(),
            deliver: vec![ossa_runtime::port::NewMessage {
                queue: "sub:scanner".to_owned(),
                priority: Priority::Normal,
                available_at: ossa_runtime::port::Timestamp::EPOCH,
                body: one(&engine, "auditor").original,
                headers: br#"{"ossa-subscriber":"scanner","ossa-channel":"a","ossa-message":"m1"}"#.to_vec(),
                step: None,
            }],
        }], ossa_runtime::port::Timestamp::EPOCH).unwrap();
        assert!(receive(&engine, "scanner", 1).is_empty());
        assert_eq!(lab.backend().count("sub:scanner", ossa_runtime::port::Timestamp::NEVER).unwrap().ready, 0);
    }

    fn what_has_expired_is_not_delivered(lab) {
        let engine = lab.engine();
        subscribe(&engine, &listener("scanner", "a"));
        let short = ChannelMessage { ttl: Some(Duration::from_secs(10)), ..message("a", "m1", json!({})) };
        engine.channels().publish(short).unwrap();
        lab.pass(Duration::from_secs(10));
        assert!(receive(&engine, "scanner", 1).is_empty());
        let letters = engine.dead_letters().list(&Default::default(), 9).unwrap();
        assert_eq!(letters[0].reason, Reason::Expired);
        assert_eq!(statuses(&engine, "a", "m1")[1].1, ReceiptStatus::Expired);
    }

    fn what_breaks_the_schema_of_a_subscriber_is_rejected_and_does_not_stop_what_is_behind_it(lab) {
        let engine = lab.engine();
        let subscription = ChannelSubscription {
            schema: Some(json!({"type": "object", "required": ["cve"]})),
            ..ChannelSubscription::of("a")
        };
        subscribe(&engine, &Subscriber { subscriptions: vec![subscription], ..Subscriber::new("scanner") });
        engine.channels().publish(message("a", "bad", json!({}))).unwrap();
        engine.channels().publish(message("a", "good", json!({"cve": 1}))).unwrap();
        assert_eq!(ids(&receive(&engine, "scanner", 9)), ["good"]);
        let letters = engine.dead_letters().list(&Default::default(), 9).unwrap();
        assert_eq!((letters[0].reason, letters[0].message_id.as_str()), (Reason::SchemaInvalid, "bad"));
        assert_eq!(statuses(&engine, "a", "bad")[1].1, ReceiptStatus::Rejected);
    }

    fn messages_of_one_source_are_handled_in_their_order_and_those_of_others_do_not_wait(lab) {
        let engine = lab.engine();
        let scanner = Subscriber { ordering: Ordering::PerSource, ..listener("scanner", "a") };
        subscribe(&engine, &scanner);
        for (id, source) in [("1", "x"), ("2", "x"), ("3", "y"), ("4", "x")] {
            let sent = ChannelMessage::new("a", source, json!({})).with_id(id);
            engine.channels().publish(sent).unwrap();
        }
        let found = receive(&engine, "scanner", 9);
        assert_eq!(ids(&found), ["1", "3"]);
        engine.channels().fail(&found[0], &broken()).unwrap();
        engine.channels().ack(&found[1]).unwrap();
        assert!(receive(&engine, "scanner", 9).is_empty(), "2 waits for 1");
        lab.pass(Duration::from_secs(1));
        for expected in ["1", "2", "4"] {
            let found = receive(&engine, "scanner", 9);
            assert_eq!(ids(&found), [expected]);
            engine.channels().ack(&found[0]).unwrap();
        }
    }

    fn a_line_goes_on_behind_a_message_that_becomes_a_dead_letter(lab) {
        let engine = lab.engine();
        let scanner = Subscriber { ordering: Ordering::Global, retry: retries(1), ..listener("scanner", "a") };
        subscribe(&engine, &scanner);
        publish(&engine, "a", "bad");
        publish(&engine, "a", "good");
        let failed = engine.channels().fail(&one(&engine, "scanner"), &broken()).unwrap();
        assert_eq!(failed, Failed::DeadLetter("a.dlq".to_owned()));
        assert_eq!(one(&engine, "scanner").envelope.id, "good");
        assert_eq!(engine.dead_letters().list(&Default::default(), 9).unwrap().len(), 1);
    }

    fn no_more_are_in_hands_than_a_subscriber_may_have_at_once(lab) {
        let engine = lab.engine();
        let scanner = Subscriber { max_concurrency: Some(2), ..listener("scanner", "a") };
        subscribe(&engine, &scanner);
        for id in ["1", "2", "3"] {
            publish(&engine, "a", id);
        }
        let found = receive(&engine, "scanner", 9);
        assert_eq!(ids(&found), ["1", "2"]);
        assert!(receive(&lab.engine(), "scanner", 9).is_empty(), "whoever asks");
        engine.channels().ack(&found[1]).unwrap();
        assert_eq!(ids(&receive(&lab.engine(), "scanner", 9)), ["3"]);
    }

    fn no_more_are_handed_out_in_a_stretch_of_time_than_a_subscriber_may_have(lab) {
        let engine = lab.engine();
        let scanner = Subscriber { rate: Some(Rate { count: 2, per_ms: 1000 }), ..listener("scanner", "a") };
        subscribe(&engine, &scanner);
        for id in ["1", "2", "3"] {
            publish(&engine, "a", id);
        }
        assert_eq!(receive(&engine, "scanner", 9).len(), 2);
        assert!(receive(&engine, "scanner", 9).is_empty());
        lab.pass(Duration::from_secs(1));
        assert_eq!(ids(&receive(&engine, "scanner", 9)), ["3"]);
    }

    fn a_group_reads_from_the_beginning_and_goes_on_where_it_stopped(lab) {
        let engine = lab.engine();
        for id in ["1", "2", "3"] {
            publish(&engine, "a", id);
        }
        subscribe(&engine, &Subscriber { from: Some(0), ..listener("report", "a") });
        let found = receive(&engine, "report", 2);
        assert_eq!(ids(&found), ["1", "2"]);
        for delivery in &found {
            engine.channels().ack(delivery).unwrap();
        }
        publish(&engine, "a", "4");
        assert_eq!(ids(&receive(&lab.engine(), "report", 9)), ["3", "4"]);
        engine.channels().seek("report", 0).unwrap();
        assert_eq!(receive(&engine, "report", 9).len(), 4);
    }

    fn what_is_no_envelope_becomes_a_dead_letter_with_its_bytes(lab) {
        let engine = lab.engine();
        engine.channels().publish_envelope(b"\xff no envelope", Some("a")).unwrap();
        let letters = engine.dead_letters().list(&Default::default(), 9).unwrap();
        assert_eq!(letters[0].reason, Reason::UnknownEnvelope);
        assert_eq!(letters[0].original, b"\xff no envelope");
        assert_eq!(letters[0].dead_letter_channel, "a.dlq");
    }

    fn an_envelope_of_another_dialect_is_delivered_byte_by_byte(lab) {
        let engine = lab.engine();
        subscribe(&engine, &listener("scanner", "agents.scan"));
        let text = br#"{"id":"7d444840-9dc0-41d1-b245-5ffdce74fad2","channel":"agents.scan","sender":"ossa://agents/healer","timestamp":"2026-11-21T09:00:00Z","type":"Found","payload":{"b":1,"a":2}}"#;
        engine.channels().publish_envelope(text, None).unwrap();
        let delivery = one(&engine, "scanner");
        assert_eq!(delivery.original, text);
        assert_eq!(delivery.envelope.source, "healer");
    }

    fn those_who_watch_dead_letters_are_told_and_theirs_are_not_dead_lettered_again(lab) {
        let engine = lab.engine();
        subscribe(&engine, &Subscriber { retry: retries(1), ..listener("scanner", "a") });
        subscribe(&engine, &Subscriber { retry: retries(1), ..listener("monitor", "*.dlq") });
        publish(&engine, "a", "m1");
        engine.channels().fail(&one(&engine, "scanner"), &broken()).unwrap();
        let told = one(&engine, "monitor");
        assert_eq!(told.payload()["reason"], "handler_failed");
        assert_eq!(told.payload()["message"]["id"], "m1");
        assert_eq!(engine.channels().fail(&told, &broken()).unwrap(), Failed::Dropped);
        assert_eq!(engine.dead_letters().list(&Default::default(), 9).unwrap().len(), 1);
    }

    fn old_messages_go_unless_somebody_has_yet_to_read_them(lab) {
        let engine = lab.engine();
        subscribe(&engine, &Subscriber { ordering: Ordering::Global, ..listener("slow", "a") });
        publish(&engine, "a", "1");
        publish(&engine, "a", "2");
        lab.pass(Duration::from_secs(2 * 86_400));
        engine.channels().ack(&one(&engine, "slow")).unwrap();
        assert_eq!(engine.channels().prune(99).unwrap().messages, 1);
        let left = engine.channels().read("a", 0, 9).unwrap().records;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].id, "2");
    }

    fn the_last_messages_of_a_channel_are_read(lab) {
        let engine = lab.engine();
        for id in ["1", "2", "3", "4"] {
            publish(&engine, "a.b", id);
        }
        publish(&engine, "c", "5");
        let last = engine.channels().last("a.*", 2).unwrap();
        let found: Vec<_> = last.records.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(found, ["3", "4"]);
        publish(&engine, "a.b", "6");
        assert_eq!(engine.channels().read("a.#", last.read_to, 9).unwrap().records.len(), 1);
    }

    fn the_runtime_s_own_channels_are_not_published_on(lab) {
        let refused = lab.engine().channels().publish(message("ossa.run.completed", "m", json!({})));
        assert_eq!(refused.unwrap_err().code(), "OSSA-N013");
        let refused = lab.engine().channels().publish(message("Not A Channel", "m", json!({})));
        assert_eq!(refused.unwrap_err().code(), "OSSA-C004");
    }
}
