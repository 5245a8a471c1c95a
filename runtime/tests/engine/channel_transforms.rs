//! Transforms that are code of the host: carried out when a message is handed out.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ossa_runtime::engine::channel::{DeadLetter, DeadLetterFilter, Reason, Replayed};
use ossa_runtime::engine::{Engine, EngineOptions};
use ossa_runtime::port::{Page, RunFilter};
use ossa_runtime::routing::{Call, Callbacks, Elsewhere};
use serde_json::{Value, json};

use crate::channels::{ids, listener, message, one, receive, subscribe};
use crate::lab::{Lab, QUEUE, because};

const RULES: &str = "\
apiVersion: ossa/v0.3.1
kind: MessageRouting
metadata: {name: privacy}
spec:
  rules:
    - {id: known, source: '*', channel: people.changed, targets: [crm], transform: anonymous}
    - {id: short, source: '*', channel: people.changed, targets: [audit], transform: id}
    - {id: started, source: '*', channel: people.left, targets: [farewell], transform: anonymous}
    - {id: onward, source: '*', channel: people.moved, targets: ['channel:moves'], transform: anonymous}
  transforms:
    anonymous:
      type: custom
      handler: anonymize
      outputSchema: {type: object, required: [id]}
    id: {type: jmespath, expression: '{id: id}'}
---
apiVersion: ossa/v0.3.1
kind: Workflow
metadata: {name: farewell}
spec:
  steps:
    - id: note
      kind: Task
      inline: {execution: {type: idempotent, entrypoint: note}}
";

/// Leaves out the name; fails where there is none.
#[derive(Default)]
struct Anonymize {
    is_broken: AtomicBool,
    /// It is called on another thread.
    is_away: AtomicBool,
}

impl Callbacks for Anonymize {
    fn has(&self, name: &str) -> bool {
        name == "anonymize"
    }

    fn call(&self, call: &Call<'_>) -> Result<Value, String> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Err("the vault is locked".to_owned());
        }
        assert_eq!(
            (call.transform, call.expression),
            ("anonymous", "anonymize")
        );
        let mut payload = call.message["payload"].clone();
        let members = payload.as_object_mut().ok_or("it is no object")?;
        members.remove("name").ok_or("it has no name")?;
        Ok(payload)
    }

    fn is_at_hand(&self) -> bool {
        !self.is_away.load(Ordering::Relaxed)
    }
}

struct Desk {
    _folder: tempfile::TempDir,
    host: Arc<Anonymize>,
    engine: Engine,
}

fn desk(lab: &Lab) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rules.ossa.yaml"), RULES).unwrap();
    let host = Arc::new(Anonymize::default());
    let engine = lab.engine_with(EngineOptions {
        manifest_roots: vec![folder.path().to_owned()],
        callbacks: Arc::clone(&host) as Arc<dyn Callbacks + Send + Sync>,
        ..lab.options()
    });
    for name in ["crm", "audit"] {
        subscribe(&engine, &listener(name, "other"));
    }
    assert_eq!(engine.channels().problems().unwrap(), [""; 0]);
    Desk {
        _folder: folder,
        host,
        engine,
    }
}

impl Desk {
    fn send(&self, channel: &str, id: &str, payload: Value) {
        let sent = message(channel, id, payload);
        self.engine.channels().publish(sent).unwrap();
    }

    fn letters(&self) -> Vec<DeadLetter> {
        let all = DeadLetterFilter::default();
        self.engine.dead_letters().list(&all, 99).unwrap()
    }
}

#[test]
fn a_target_gets_what_the_host_makes_of_a_message() {
    let desk = desk(&Lab::in_memory());
    desk.send(
        "people.changed",
        "m1",
        json!({"id": 7, "name": "Ada", "city": "London"}),
    );
    let delivery = one(&desk.engine, "crm");
    assert_eq!(*delivery.payload(), json!({"id": 7, "city": "London"}));
    assert!(String::from_utf8_lossy(&delivery.original).contains("Ada"));
    assert_eq!(delivery.rule.as_deref(), Some("known"));
    assert_eq!(*one(&desk.engine, "audit").payload(), json!({"id": 7}));
}

#[test]
fn who_publishes_needs_no_callback() {
    let lab = Lab::in_file();
    let desk = desk(&lab);
    let publisher = lab.engine_with(EngineOptions {
        manifest_roots: vec![desk._folder.path().to_owned()],
        callbacks: Arc::new(Elsewhere::named(Vec::new())),
        ..lab.options()
    });
    let problems = publisher.channels().problems().unwrap();
    assert!(
        problems[0].contains("needs the callback `anonymize`"),
        "{problems:?}"
    );
    let sent = message("people.changed", "m1", json!({"id": 7, "name": "Ada"}));
    publisher.channels().publish(sent).unwrap();
    assert_eq!(*one(&desk.engine, "crm").payload(), json!({"id": 7}));
}

#[test]
fn what_the_host_cannot_make_is_a_dead_letter_with_the_original_and_can_be_replayed() {
    let desk = desk(&Lab::in_memory());
    desk.host.is_broken.store(true, Ordering::Relaxed);
    desk.send("people.changed", "m1", json!({"id": 7, "name": "Ada"}));
    assert!(receive(&desk.engine, "crm", 9).is_empty());
    assert_eq!(receive(&desk.engine, "audit", 9).len(), 1);
    let letters = desk.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, Reason::TransformFailed);
    assert_eq!(letters[0].error, "the vault is locked");
    assert!(String::from_utf8_lossy(&letters[0].original).contains("Ada"));
    desk.host.is_broken.store(false, Ordering::Relaxed);
    let letters = desk.engine.dead_letters();
    letters
        .replay(&desk.letters()[0].id, &because("unlocked"))
        .unwrap();
    assert_eq!(*one(&desk.engine, "crm").payload(), json!({"id": 7}));
}

#[test]
fn what_breaks_the_schema_of_a_transform_is_a_dead_letter() {
    let desk = desk(&Lab::in_memory());
    desk.send("people.changed", "m1", json!({"name": "Ada"}));
    assert!(receive(&desk.engine, "crm", 9).is_empty());
    assert_eq!(desk.letters()[0].reason, Reason::SchemaInvalid);
}

#[test]
fn a_replay_of_what_a_transform_of_the_runtime_could_not_make_applies_it_again() {
    let lab = Lab::in_memory();
    let folder = tempfile::tempdir().unwrap();
    let rules = "\
apiVersion: ossa/v0.3.1
kind: MessageRouting
metadata: {name: r}
spec:
  rules: [{id: one, source: '*', channel: a, targets: [crm], transform: sum}]
  transforms: {sum: {type: jmespath, expression: '{sum: sum(amounts)}'}}
";
    fs::write(folder.path().join("rules.ossa.yaml"), rules).unwrap();
    let engine = lab.engine_with(EngineOptions {
        manifest_roots: vec![folder.path().to_owned()],
        ..lab.options()
    });
    subscribe(&engine, &listener("crm", "other"));
    let sent = message("a", "m1", json!({"amounts": ["1"]}));
    engine.channels().publish(sent).unwrap();
    let letters = engine.dead_letters();
    let all = DeadLetterFilter::default();
    let letter = letters.list(&all, 9).unwrap().remove(0);
    assert_eq!(letter.reason, Reason::TransformFailed);
    letters
        .edit(&letter.id, &json!({"amounts": [1, 2]}), &because("numbers"))
        .unwrap();
    letters.replay(&letter.id, &because("")).unwrap();
    assert_eq!(*one(&engine, "crm").payload(), json!({"sum": 3.0}));
}

#[test]
fn a_run_begins_with_what_the_host_makes_where_that_can_be_called() {
    let lab = Lab::in_memory();
    let desk = desk(&lab);
    let runs = || {
        let page = Page {
            after: None,
            limit: 9,
        };
        let runs = desk.engine.runs(&RunFilter::default(), &page).unwrap().runs;
        runs.len()
    };
    desk.host.is_away.store(true, Ordering::Relaxed);
    desk.send("people.left", "m1", json!({"id": 7, "name": "Ada"}));
    desk.engine.tick().unwrap();
    assert_eq!((runs(), desk.letters()), (0, Vec::new()));
    desk.host.is_away.store(false, Ordering::Relaxed);
    // It was put off by a second; a worker that takes messages starts it then.
    lab.pass(Duration::from_secs(2));
    assert!(receive(&desk.engine, "crm", 1).is_empty());
    assert_eq!((runs(), desk.letters()), (1, Vec::new()));
    let claims = desk.engine.receive(&[QUEUE], 1).unwrap();
    let run = desk.engine.run(claims[0].job.run).unwrap().unwrap();
    assert_eq!(json!(run.run.input), json!({"id": 7}));
}

#[test]
fn what_cannot_be_made_for_another_channel_is_replayed_onto_it() {
    let desk = desk(&Lab::in_memory());
    subscribe(&desk.engine, &listener("mover", "moves"));
    desk.send("people.moved", "m1", json!({"id": 1, "name": "Ada"}));
    assert_eq!(*one(&desk.engine, "mover").payload(), json!({"id": 1}));
    desk.host.is_broken.store(true, Ordering::Relaxed);
    desk.send("people.moved", "m2", json!({"id": 2, "name": "Bob"}));
    let letter = desk.letters().remove(0);
    assert_eq!(letter.subscriber.as_deref(), Some("channel:moves"));
    let letters = desk.engine.dead_letters();
    letters
        .replay(&letter.id, &because("too early"))
        .unwrap_err();
    desk.host.is_broken.store(false, Ordering::Relaxed);
    let replayed = letters.replay(&letter.id, &because("unlocked")).unwrap();
    assert_eq!(replayed, Replayed::Routed { deliveries: 1 });
    let found = receive(&desk.engine, "mover", 9);
    assert_eq!(ids(&found), ["m1", "m2"][1..]);
    assert_eq!(desk.letters(), []);
}
