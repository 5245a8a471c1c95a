//! Looking after messages that were given up.

use std::time::Duration;

use ossa_runtime::engine::Engine;
use ossa_runtime::engine::channel::{
    ChannelMessage, DeadLetter, DeadLetterFilter, Reason, Replayed, Subscriber,
};
use ossa_runtime::manifest::model::{Guarantee, Ordering};
use serde_json::json;

use crate::channels::{broken, ids, listener, message, one, publish, receive, retries, subscribe};
use crate::lab::because;
use crate::stories;

fn letters(engine: &Engine) -> Vec<DeadLetter> {
    let all = DeadLetterFilter::default();
    engine.dead_letters().list(&all, 99).unwrap()
}

/// Has one message be given up by a scanner; returns its dead letter.
fn give_up(engine: &Engine, scanner: Subscriber) -> DeadLetter {
    let scanner = Subscriber {
        retry: retries(1),
        ..scanner
    };
    subscribe(engine, &scanner);
    publish(engine, "a", "m1");
    engine
        .channels()
        .fail(&one(engine, "scanner"), &broken())
        .unwrap();
    letters(engine).remove(0)
}

stories! {
    fn a_replayed_message_is_delivered_to_the_one_that_failed_with_all_attempts_before_it(lab) {
        let engine = lab.engine();
        subscribe(&engine, &listener("auditor", "a"));
        let letter = give_up(&engine, listener("scanner", "a"));
        engine.channels().ack(&one(&engine, "auditor")).unwrap();
        let replayed = engine.dead_letters().replay(&letter.id, &because("mended")).unwrap();
        assert_eq!(replayed, Replayed::Subscriber("scanner".to_owned()));
        assert_eq!(letters(&engine), []);
        let delivery = one(&engine, "scanner");
        assert_eq!((delivery.attempt, &delivery.original), (1, &letter.original));
        assert!(receive(&engine, "auditor", 9).is_empty());
        engine.channels().ack(&delivery).unwrap();
    }

    fn dead_letters_are_listed_page_by_page_also_when_the_last_one_is_gone(lab) {
        let engine = lab.engine();
        for channel in ["a", "b"] {
            subscribe(&engine, &Subscriber { retry: retries(1), ..listener(channel, channel) });
            for n in 0..5 {
                publish(&engine, channel, &format!("{channel}{n}"));
                engine.channels().fail(&one(&engine, channel), &broken()).unwrap();
            }
        }
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let filter = DeadLetterFilter { after: after.clone(), ..DeadLetterFilter::default() };
            let page = engine.dead_letters().list(&filter, 3).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            seen.extend(page.iter().map(|it| it.message_id.clone()));
            engine.dead_letters().remove(&last.id, &because("done")).unwrap();
        }
        assert_eq!(seen, ["a0", "a1", "a2", "a3", "a4", "b0", "b1", "b2", "b3", "b4"]);
        let wrong = DeadLetterFilter { after: Some("no id".to_owned()), ..DeadLetterFilter::default() };
        assert_eq!(engine.dead_letters().list(&wrong, 3).unwrap_err().code(), "OSSA-N024");
    }

    fn what_fails_again_after_a_replay_is_a_dead_letter_again(lab) {
        let engine = lab.engine();
        let first = give_up(&engine, listener("scanner", "a"));
        for _ in 0..2 {
            let letter = letters(&engine).remove(0);
            engine.dead_letters().replay(&letter.id, &because("again")).unwrap();
            engine.channels().fail(&one(&engine, "scanner"), &broken()).unwrap();
        }
        let again = letters(&engine);
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].original, first.original);
    }

    fn a_replay_delivers_what_was_edited_and_the_original_is_kept(lab) {
        let engine = lab.engine();
        let letter = give_up(&engine, listener("scanner", "a"));
        let edited = engine.dead_letters().edit(&letter.id, &json!({"cve": 7}), &because("wrong")).unwrap();
        assert_eq!((edited.id.as_str(), &edited.original), (letter.id.as_str(), &letter.original));
        assert_eq!(edited.edits.len(), 1);
        engine.dead_letters().edit(&letter.id, &json!({"cve": 8}), &because("wrong, too")).unwrap();
        engine.dead_letters().replay(&letter.id, &because("")).unwrap();
        let delivery = one(&engine, "scanner");
        assert_eq!(*delivery.payload(), json!({"cve": 8}));
        assert_eq!(delivery.envelope.id, "m1");
        assert_eq!(letters(&engine), []);
    }

    fn what_was_to_be_in_order_is_replayed_beside_the_line(lab) {
        let engine = lab.engine();
        let scanner = Subscriber { ordering: Ordering::Global, ..listener("scanner", "a") };
        let letter = give_up(&engine, scanner);
        publish(&engine, "a", "m2");
        engine.dead_letters().replay(&letter.id, &because("")).unwrap();
        let found = receive(&engine, "scanner", 9);
        let mut found = ids(&found);
        found.sort_unstable();
        assert_eq!(found, ["m1", "m2"]);
    }

    fn who_gets_each_message_once_gets_a_replayed_one_that_it_has_not_handled(lab) {
        let engine = lab.engine();
        let scanner = Subscriber { guarantee: Guarantee::ExactlyOnce, ..listener("scanner", "a") };
        let letter = give_up(&engine, scanner);
        engine.dead_letters().replay(&letter.id, &because("")).unwrap();
        engine.channels().ack(&one(&engine, "scanner")).unwrap();
    }

    fn what_got_to_nobody_is_routed_anew_once_it_is_mended(lab) {
        let engine = lab.engine();
        engine.channels().publish_envelope(b"no envelope", Some("a")).unwrap();
        let letter = letters(&engine).remove(0);
        let refused = engine.dead_letters().replay(&letter.id, &because("")).unwrap_err();
        assert_eq!(refused.code(), "OSSA-N013");
        subscribe(&engine, &listener("scanner", "a"));
        let envelope = json!({
            "id": "7d444840-9dc0-41d1-b245-5ffdce74fad2", "timestamp": "2026-11-21T09:00:00Z",
            "source": "healer", "channel": "a", "payload": {"mended": true},
        });
        engine.dead_letters().edit(&letter.id, &json!(envelope.to_string()), &because("")).unwrap();
        let replayed = engine.dead_letters().replay(&letter.id, &because("")).unwrap();
        assert_eq!(replayed, Replayed::Routed { deliveries: 1 });
        assert_eq!(*one(&engine, "scanner").payload(), json!({"mended": true}));
        assert_eq!(letters(&engine), []);
    }

    fn dead_letters_are_found_by_channel_reason_code_and_time(lab) {
        let engine = lab.engine();
        give_up(&engine, listener("scanner", "a"));
        lab.pass(Duration::from_secs(60));
        subscribe(&engine, &listener("late", "b.c"));
        let short = ChannelMessage { ttl: Some(Duration::from_secs(1)), ..message("b.c", "m2", json!({})) };
        engine.channels().publish(short).unwrap();
        lab.pass(Duration::from_secs(1));
        assert!(receive(&engine, "late", 9).is_empty());
        let all = letters(&engine);
        assert_eq!(all.len(), 2);
        let found = |filter: DeadLetterFilter| {
            let found = engine.dead_letters().list(&filter, 99).unwrap();
            found.into_iter().map(|it| it.message_id).collect::<Vec<_>>()
        };
        let of = DeadLetterFilter::default;
        assert_eq!(found(DeadLetterFilter { channel: Some("b.*".to_owned()), ..of() }), ["m2"]);
        assert_eq!(found(DeadLetterFilter { channel: Some("a.dlq".to_owned()), ..of() }), ["m1"]);
        assert_eq!(found(DeadLetterFilter { reason: Some(Reason::Expired), ..of() }), ["m2"]);
        assert_eq!(found(DeadLetterFilter { error_code: Some("HANDLER_ERROR".to_owned()), ..of() }), ["m1"]);
        assert_eq!(found(DeadLetterFilter { subscriber: Some("late".to_owned()), ..of() }), ["m2"]);
        assert_eq!(found(DeadLetterFilter { since: Some(all[1].at), ..of() }), ["m2"]);
        assert_eq!(found(DeadLetterFilter { until: Some(all[1].at), ..of() }), ["m1"]);
        let stats = engine.dead_letters().stats(&of()).unwrap();
        let counts: Vec<_> = stats.iter().map(|it| (it.channel.as_str(), it.count)).collect();
        assert_eq!(counts, [("a.dlq", 1), ("b.c.dlq", 1)]);
    }

    fn it_is_recorded_who_did_what(lab) {
        let engine = lab.engine();
        let letter = give_up(&engine, listener("scanner", "a"));
        engine.dead_letters().edit(&letter.id, &json!(1), &because("wrong")).unwrap();
        engine.dead_letters().remove(&letter.id, &because("useless")).unwrap();
        let actions = engine.dead_letters().actions(9).unwrap();
        assert_eq!(actions.len(), 2);
        assert_eq!(actions[0].details["action"], "edit");
        assert!(actions[0].details["before"].as_str().unwrap().contains("m1"));
        assert_eq!(actions[1].details["reason"], "useless");
        assert_eq!(letters(&engine), []);
        let gone = engine.dead_letters().show(&letter.id).unwrap_err();
        assert_eq!(gone.code(), "OSSA-N024");
    }

    fn old_dead_letters_are_removed(lab) {
        let engine = lab.engine();
        give_up(&engine, listener("scanner", "a"));
        lab.pass(Duration::from_secs(31 * 86_400));
        assert_eq!(engine.channels().prune(99).unwrap().dead_letters, 1);
        assert_eq!(letters(&engine), []);
    }

    fn who_keeps_no_dead_letters_has_none(lab) {
        let engine = lab.engine();
        let scanner = Subscriber { dead_letters: false, retry: retries(1), ..listener("scanner", "a") };
        subscribe(&engine, &scanner);
        publish(&engine, "a", "m1");
        engine.channels().fail(&one(&engine, "scanner"), &broken()).unwrap();
        assert_eq!(letters(&engine), []);
        assert!(receive(&engine, "scanner", 9).is_empty());
    }

    fn dead_letters_go_to_the_channel_that_is_named(lab) {
        let engine = lab.engine();
        let named = Subscriber { dead_letter_channel: Some("errors".to_owned()), ..listener("scanner", "a") };
        let letter = give_up(&engine, named);
        assert_eq!(letter.dead_letter_channel, "errors");
    }
}
