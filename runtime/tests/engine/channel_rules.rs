//! Rules at work: failover, the limit of hops, and manifests that change while an engine runs.

use std::fs;
use std::time::{Duration, Instant};

use ossa_runtime::engine::channel::{DeadLetter, DeadLetterFilter, Failed, Reason, Subscriber};
use ossa_runtime::engine::{Engine, EngineOptions};
use ossa_runtime::policy::BreakerPolicy;
use ossa_runtime::port::{Page, RunFilter, RunHead};
use serde_json::json;

use crate::channels::{broken, ids, listener, message, one, receive, retries, subscribe};
use crate::lab::{Lab, QUEUE};

const FAILOVER: &str = "\
apiVersion: ossa/v0.3.1
kind: MessageRouting
metadata: {name: regions}
spec:
  rules:
    - {id: orders, source: '*', channel: orders, targets: [east, nobody, west], delivery: failover, transform: id}
  transforms: {id: {type: jmespath, expression: '{id: id}'}}
";

const ECHO: &str = "\
apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: echo}
spec:
  triggers: [{type: message, channel: echo.asked}, {type: event, event: ossa.run.completed}]
  steps:
    - id: answer
      kind: Task
      inline: {execution: {type: idempotent, entrypoint: answer}}
";

struct Desk {
    folder: tempfile::TempDir,
    engine: Engine,
}

fn desk_with(lab: &Lab, manifest: &str, options: EngineOptions) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("first.ossa.yaml"), manifest).unwrap();
    let engine = lab.engine_with(EngineOptions {
        manifest_roots: vec![folder.path().to_owned()],
        ..options
    });
    Desk { folder, engine }
}

fn desk(lab: &Lab, manifest: &str) -> Desk {
    desk_with(lab, manifest, lab.options())
}

impl Desk {
    fn send(&self, channel: &str, id: &str) {
        let sent = message(channel, id, json!({"id": id, "more": 1}));
        self.engine.channels().publish(sent).unwrap();
    }

    fn letters(&self) -> Vec<DeadLetter> {
        let all = DeadLetterFilter::default();
        self.engine.dead_letters().list(&all, 99).unwrap()
    }

    fn runs(&self) -> Vec<RunHead> {
        let page = Page {
            after: None,
            limit: 99,
        };
        self.engine.runs(&RunFilter::default(), &page).unwrap().runs
    }
}

fn region(name: &str) -> Subscriber {
    Subscriber {
        retry: retries(2),
        ..listener(name, "other")
    }
}

#[test]
fn of_the_targets_of_a_failover_the_next_gets_what_the_one_before_could_not_handle() {
    let lab = Lab::in_memory();
    let desk = desk(&lab, FAILOVER);
    let channels = desk.engine.channels();
    for name in ["east", "west"] {
        subscribe(&desk.engine, &region(name));
    }
    desk.send("orders", "m1");
    assert!(receive(&desk.engine, "west", 9).is_empty());
    let first = one(&desk.engine, "east");
    assert!(matches!(
        channels.fail(&first, &broken()),
        Ok(Failed::RetryAt(_))
    ));
    lab.pass(Duration::from_secs(1));
    let second = one(&desk.engine, "east");
    // The target that is nobody is passed over.
    let handed = Failed::HandedOver("west".to_owned());
    assert_eq!(channels.fail(&second, &broken()).unwrap(), handed);
    let delivery = one(&desk.engine, "west");
    assert_eq!(
        (delivery.attempt, delivery.payload()),
        (1, &json!({"id": "m1"}))
    );
    assert_eq!(delivery.rule.as_deref(), Some("orders"));
    assert_eq!(desk.letters(), []);
    channels.fail(&delivery, &broken()).unwrap();
    lab.pass(Duration::from_secs(1));
    channels
        .fail(&one(&desk.engine, "west"), &broken())
        .unwrap();
    let letters = desk.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].subscriber.as_deref(), Some("west"));
}

#[test]
fn a_failover_goes_round_a_target_whose_breaker_is_open() {
    let lab = Lab::in_memory();
    let one_failure = BreakerPolicy {
        failures: 1,
        ..BreakerPolicy::default()
    };
    let desk = desk_with(
        &lab,
        FAILOVER,
        EngineOptions {
            breakers: [("east".to_owned(), one_failure)].into(),
            ..lab.options()
        },
    );
    for name in ["east", "west"] {
        subscribe(&desk.engine, &region(name));
    }
    desk.send("orders", "m1");
    let failed = one(&desk.engine, "east");
    desk.engine.channels().fail(&failed, &broken()).unwrap();
    desk.send("orders", "m2");
    assert!(receive(&desk.engine, "east", 9).is_empty());
    assert_eq!(ids(&receive(&desk.engine, "west", 9)), ["m2"]);
}

#[test]
fn a_workflow_that_its_own_events_start_ends_after_sixteen_hops() {
    let lab = Lab::in_memory();
    let desk = desk(&lab, ECHO);
    desk.send("echo.asked", "m1");
    for _ in 0..40 {
        for claim in desk.engine.receive(&[QUEUE], 9).unwrap() {
            desk.engine.complete(&claim.token, json!({})).unwrap();
        }
        desk.engine.tick().unwrap();
    }
    // The message itself, and what each of sixteen runs told.
    assert_eq!(desk.runs().len(), 16);
    let letters = desk.letters();
    let told: Vec<_> = letters
        .iter()
        .map(|it| (it.channel.as_str(), it.reason))
        .collect();
    assert_eq!(told, [("ossa.run.completed", Reason::HopLimit)]);
}

#[test]
fn a_step_knows_how_many_messages_led_to_it() {
    let lab = Lab::in_memory();
    let desk = desk(
        &lab,
        &ECHO.replace(", {type: event, event: ossa.run.completed}", ""),
    );
    let mut sent = message("echo.asked", "m1", json!({}));
    sent.headers.insert("x-ossa-hops".to_owned(), 4.into());
    desk.engine.channels().publish(sent).unwrap();
    let claims = desk.engine.receive(&[QUEUE], 1).unwrap();
    assert_eq!(claims[0].job.hops, 5);
}

#[test]
fn a_manifest_that_comes_later_is_seen_by_an_engine_that_runs() {
    let lab = Lab::in_memory();
    let desk = desk(&lab, FAILOVER);
    assert_eq!(desk.engine.channels().subscribers().unwrap(), []);
    fs::write(desk.folder.path().join("second.ossa.yaml"), ECHO).unwrap();
    let begun = Instant::now();
    while desk.engine.channels().subscribers().unwrap().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is not seen");
        std::thread::sleep(Duration::from_millis(50));
    }
    desk.send("echo.asked", "m1");
    assert_eq!(desk.runs().len(), 1);
}
