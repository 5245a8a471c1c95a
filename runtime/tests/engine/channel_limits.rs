//! How much is published on a channel, how large it may be, and how long it is kept.

use std::fs;
use std::time::Duration;

use ossa_runtime::engine::channel::{ChannelOptions, DeadLetterFilter, Subscriber};
use ossa_runtime::engine::{Engine, EngineOptions};
use ossa_runtime::manifest::model::ChannelSettings;
use ossa_runtime::policy::PublishRate;
use serde_json::json;

use crate::channels::{broken, listener, message, one, publish, retries, subscribe};
use crate::lab::Lab;
use crate::stories;

fn engine(lab: &Lab, settings: &[(&str, ChannelSettings)]) -> Engine {
    let settings = settings.iter();
    let settings = settings.map(|(channel, it)| ((*channel).to_owned(), it.clone()));
    lab.engine_with(EngineOptions {
        channels: ChannelOptions {
            settings: settings.collect(),
            ..ChannelOptions::default()
        },
        ..lab.options()
    })
}

fn ten_a_second() -> ChannelSettings {
    ChannelSettings {
        rate: Some(PublishRate {
            per_second: 10,
            burst: 2,
        }),
        ..ChannelSettings::default()
    }
}

fn kept_for(hours: u64) -> ChannelSettings {
    ChannelSettings {
        retention: Some(Duration::from_secs(hours * 3600)),
        ..ChannelSettings::default()
    }
}

fn kept(engine: &Engine) -> Vec<String> {
    let records = engine.channels().read("#", 0, 99).unwrap().records;
    records.into_iter().map(|it| it.id).collect()
}

stories! {
    fn who_publishes_too_much_is_told_when_to_try_again(lab) {
        let engine = engine(lab, &[("metrics.*", ten_a_second())]);
        subscribe(&engine, &listener("watcher", "metrics.*"));
        let send = |id: &str| engine.channels().publish(message("metrics.cpu", id, json!({})));
        send("m1").unwrap();
        send("m2").unwrap();
        let refused = send("m3").unwrap_err();
        assert_eq!(refused.code(), "OSSA-N026");
        assert!(refused.is_retryable());
        assert_eq!(refused.help(), Some("publish it again in 101 ms"));
        assert_eq!(kept(&engine), ["m1", "m2"]);
        // Each channel has a limit of its own, and others have none.
        publish(&engine, "metrics.memory", "m3");
        for n in 0..20 {
            publish(&engine, "orders", &format!("o{n}"));
        }
        lab.pass(Duration::from_millis(101));
        send("m3").unwrap();
    }

    fn all_processes_share_the_limit(lab) {
        let settings = [("metrics.*", ten_a_second())];
        for id in ["m1", "m2"] {
            publish(&engine(lab, &settings), "metrics.cpu", id);
        }
        let other = engine(lab, &settings);
        let refused = other.channels().publish(message("metrics.cpu", "m3", json!({})));
        assert_eq!(refused.unwrap_err().code(), "OSSA-N026");
    }

    fn of_a_batch_what_is_too_much_is_refused_and_the_rest_is_published(lab) {
        let engine = engine(lab, &[("metrics.*", ten_a_second())]);
        let batch = ["m1", "m2", "m3", "m4"].map(|id| message("metrics.cpu", id, json!({})));
        let mut batch = batch.to_vec();
        batch.insert(3, message("orders", "o1", json!({})));
        let answers = engine.channels().publish_batch(batch).into_iter();
        let answers: Vec<_> = answers.map(|it| it.map_err(|error| error.code()).map(|_| ())).collect();
        assert_eq!(answers, [Ok(()), Ok(()), Err("OSSA-N026"), Ok(()), Err("OSSA-N026")]);
        assert_eq!(kept(&engine), ["m1", "m2", "o1"]);
    }

    fn each_channel_is_kept_for_as_long_as_it_says(lab) {
        let engine = engine(lab, &[("audit.#", kept_for(72)), ("metrics.*", kept_for(1))]);
        for (channel, id) in [("audit.logins", "a"), ("metrics.cpu", "m"), ("orders", "o")] {
            publish(&engine, channel, id);
        }
        lab.pass(Duration::from_secs(2 * 3600));
        assert_eq!(engine.channels().prune(99).unwrap().messages, 1);
        assert_eq!(kept(&engine), ["a", "o"]);
        lab.pass(Duration::from_secs(48 * 3600));
        engine.channels().prune(99).unwrap();
        assert_eq!(kept(&engine), ["a"]);
        lab.pass(Duration::from_secs(48 * 3600));
        engine.channels().prune(99).unwrap();
        assert_eq!(kept(&engine), [""; 0]);
    }

    fn dead_letters_are_kept_for_as_long_as_their_subscriber_says(lab) {
        let engine = lab.engine();
        let of = |name: &str, seconds| Subscriber {
            retry: retries(1),
            dead_letter_retention_seconds: seconds,
            ..listener(name, "a")
        };
        subscribe(&engine, &of("scanner", Some(3600)));
        subscribe(&engine, &of("auditor", None));
        publish(&engine, "a", "m1");
        for name in ["scanner", "auditor"] {
            engine.channels().fail(&one(&engine, name), &broken()).unwrap();
        }
        lab.pass(Duration::from_secs(7200));
        assert_eq!(engine.channels().prune(99).unwrap().dead_letters, 1);
        let left = engine.dead_letters().list(&DeadLetterFilter::default(), 9).unwrap();
        let left: Vec<_> = left.iter().map(|it| it.subscriber.as_deref()).collect();
        assert_eq!(left, [Some("auditor")]);
    }
}

#[test]
fn a_name_comes_before_a_pattern_and_a_longer_pattern_before_a_shorter_one() {
    let lab = Lab::in_memory();
    let bytes = |most| ChannelSettings {
        max_message_bytes: Some(most),
        ..ChannelSettings::default()
    };
    let settings = [
        ("*", bytes(9000)),
        ("a.*", bytes(3000)),
        ("a.b", bytes(1000)),
    ];
    let engine = engine(&lab, &settings);
    let fits = |channel: &str, length: usize| {
        let sent = message(
            channel,
            &format!("{channel}{length}"),
            json!("x".repeat(length)),
        );
        engine.channels().publish(sent).is_ok()
    };
    for (channel, most) in [("a.b", 1000), ("a.c", 3000), ("b", 9000)] {
        assert!(fits(channel, most - 300), "{channel}");
        assert!(!fits(channel, most), "{channel}");
    }
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let lab = Lab::in_memory();
    for (channel, settings) in [
        ("Not a channel", ChannelSettings::default()),
        (
            "a",
            ChannelSettings {
                dead_letter_channel: Some("NO".to_owned()),
                ..ChannelSettings::default()
            },
        ),
        (
            "a",
            ChannelSettings {
                rate: Some(PublishRate {
                    per_second: 0,
                    burst: 1,
                }),
                ..ChannelSettings::default()
            },
        ),
    ] {
        let options = EngineOptions {
            channels: ChannelOptions {
                settings: vec![(channel.to_owned(), settings)],
                ..ChannelOptions::default()
            },
            ..lab.options()
        };
        let error = Engine::open("memory:", options).unwrap_err();
        assert_eq!(error.code(), "OSSA-N013", "{channel}");
    }
}

#[test]
fn a_manifest_says_what_holds_for_a_channel() {
    let manifest = "\
apiVersion: ossa/v0.3.3
kind: Agent
metadata: {name: reporter}
spec:
  role: reports
  messaging:
    channels:
      - name: agents.reports.daily
        type: topic
        schema: {type: object, required: [day]}
        config:
          maxMessageSize: 2048
          messageRetention: 3600
          dlqChannel: agents.reports.failed
          rateLimiting: {enabled: true, maxMessagesPerSecond: 5, burstSize: 1}
      - {name: agents.reports.noise, type: topic, config: {deadLetterQueue: false}}
";
    let lab = Lab::in_memory();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("reporter.ossa.yaml"), manifest).unwrap();
    let engine = lab.engine_with(EngineOptions {
        manifest_roots: vec![folder.path().to_owned()],
        ..lab.options()
    });
    let channels = engine.channels();
    assert_eq!(channels.problems().unwrap(), [""; 0]);
    let reader = Subscriber {
        retry: retries(1),
        ..listener("reader", "agents.reports.*")
    };
    subscribe(&engine, &reader);
    let send = |payload, id: &str| channels.publish(message("agents.reports.daily", id, payload));
    assert_eq!(send(json!({}), "m0").unwrap_err().code(), "OSSA-N023");
    send(json!({"day": 1}), "m1").unwrap();
    assert_eq!(
        send(json!({"day": 2}), "m2").unwrap_err().code(),
        "OSSA-N026"
    );
    lab.pass(Duration::from_secs(1));
    let large = json!({"day": 3, "text": "x".repeat(3000)});
    assert_eq!(send(large, "m3").unwrap_err().code(), "OSSA-N015");
    channels.fail(&one(&engine, "reader"), &broken()).unwrap();
    let letters = engine
        .dead_letters()
        .list(&DeadLetterFilter::default(), 9)
        .unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].dead_letter_channel, "agents.reports.failed");
    publish(&engine, "agents.reports.noise", "n1");
    channels.fail(&one(&engine, "reader"), &broken()).unwrap();
    assert_eq!(
        engine
            .dead_letters()
            .list(&DeadLetterFilter::default(), 9)
            .unwrap()
            .len(),
        1
    );
}
