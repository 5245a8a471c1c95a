//! `ossa channel` and `ossa dlq` on a real file.

#![cfg(all(feature = "cli", feature = "sqlite"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Duration;

use assert_cmd::Command;
use ossa_runtime::engine::channel::{ReceiveDeliveries, Subscriber};
use ossa_runtime::engine::{Engine, EngineOptions};
use ossa_runtime::policy::RetryPolicy;
use ossa_runtime::run::StepError;
use serde_json::Value;
use tempfile::TempDir;

struct Store {
    folder: TempDir,
    engine: Engine,
}

impl Store {
    /// One that a scanner takes messages from, in one attempt.
    fn with_a_scanner() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dsn = format!("sqlite://{}/ossa.db", folder.path().display());
        let engine = Engine::open(&dsn, EngineOptions::default()).unwrap();
        let retry = RetryPolicy {
            max_attempts: 1,
            ..RetryPolicy::default()
        };
        let scanner = Subscriber {
            retry,
            ..Subscriber::new("scanner").on("security.*")
        };
        engine.channels().subscribe(&scanner).unwrap();
        Self { folder, engine }
    }

    fn ossa(&self, arguments: &[&str]) -> (i32, String, String) {
        let dsn = format!("sqlite://{}/ossa.db", self.folder.path().display());
        let mut command = Command::cargo_bin("ossa").unwrap();
        command.env("OSSA_STORE", dsn).env("USER", "anna");
        let output = command.args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// What the command printed, which went well.
    fn said(&self, arguments: &[&str]) -> String {
        let (code, said, complaint) = self.ossa(arguments);
        assert_eq!(code, 0, "{arguments:?}: {complaint}");
        said
    }

    /// Has the scanner fail at the next message.
    fn fail(&self) {
        let channels = self.engine.channels();
        let request = ReceiveDeliveries {
            subscribers: vec!["scanner".to_owned()],
            max: 1,
            wait: Duration::ZERO,
        };
        let delivery = channels.receive(&request).unwrap().remove(0);
        let error = StepError::new("SMTP_DOWN", "no server answers");
        channels.fail(&delivery, &error).unwrap();
    }
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines.map(|it| serde_json::from_str(it).unwrap()).collect()
}

#[test]
fn what_is_published_is_seen_and_delivered() {
    let store = Store::with_a_scanner();
    let publish = ["channel", "publish", "security.found", r#"{"n":1}"#];
    let said = store.said(&[&publish[..], &["--id", "m1", "--source", "healer"]].concat());
    assert_eq!(said, "message m1 is at position 1, with 1 deliveries\n");
    let again = store.said(&[&publish[..], &["--id", "m1"]].concat());
    assert_eq!(again, "message m1 was there already, at position 1\n");
    let tail = [
        "channel",
        "tail",
        "security.#",
        "--once",
        "--format",
        "json",
    ];
    let seen = lines(&store.said(&tail));
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["source"], "healer");
    assert_eq!(seen[0]["message"]["payload"]["n"], 1);
    let listed = store.said(&["channel", "list"]);
    assert!(listed.contains("scanner"), "{listed}");
    assert!(listed.contains("1 ready"), "{listed}");
    let receipts = store.said(&["channel", "receipts", "security.found", "m1"]);
    assert!(receipts.contains("accepted"), "{receipts}");
    let (code, ..) = store.ossa(&["channel", "receipts", "security.found", "nothing"]);
    assert_eq!(code, 1);
}

#[test]
fn what_cannot_be_published_is_refused_in_words() {
    let store = Store::with_a_scanner();
    let (code, _, complaint) = store.ossa(&["channel", "publish", "Nope!", "{}"]);
    assert_eq!(code, 2);
    assert!(complaint.contains("OSSA-C004"), "{complaint}");
    let (code, _, complaint) = store.ossa(&["channel", "publish", "a", "{nope"]);
    assert_eq!(code, 2);
    assert!(complaint.contains("no JSON"), "{complaint}");
    let (code, _, complaint) = store.ossa(&["channel", "replay", "scanner", "--after", "0"]);
    assert_eq!(code, 2);
    assert!(complaint.contains("OSSA-N025"), "{complaint}");
}

#[test]
fn a_dead_letter_is_found_edited_and_replayed() {
    let store = Store::with_a_scanner();
    store.said(&[
        "channel",
        "publish",
        "security.found",
        r#"{"n":1}"#,
        "--id",
        "m1",
    ]);
    store.fail();
    let stats = store.said(&["dlq", "stats"]);
    assert!(stats.contains("handler_failed 1"), "{stats}");
    let list = [
        "dlq",
        "list",
        "--channel",
        "security.*",
        "--code",
        "SMTP_DOWN",
        "--format",
        "json",
    ];
    let letter = lines(&store.said(&list)).remove(0);
    assert_eq!(
        (&letter["attempts"], &letter["reason"]),
        (&1.into(), &"handler_failed".into())
    );
    let id = letter["id"].as_str().unwrap();
    assert_eq!(store.said(&["dlq", "list", "--why", "expired"]), "");
    let edited = store.said(&["dlq", "edit", id, r#"{"n":2}"#, "--reason", "wrong"]);
    assert!(edited.contains("by anna wrong"), "{edited}");
    assert!(
        edited.contains(r#"{"n":1}"#) && edited.contains(r#"{"n":2}"#),
        "{edited}"
    );
    let replayed = store.said(&["dlq", "replay", "--why", "handler_failed", "--rate", "100"]);
    assert_eq!(replayed, format!("{id} is on its way to scanner\n"));
    store.fail();
    let id = lines(&store.said(&list)).remove(0)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    store.said(&["dlq", "remove", &id]);
    assert_eq!(store.said(&["dlq", "list"]), "");
    let log = store.said(&["dlq", "log"]);
    let actions: Vec<_> = log
        .lines()
        .filter_map(|it| it.split_whitespace().nth(1))
        .collect();
    assert_eq!(actions, ["edit", "replay", "remove"]);
    let (code, _, complaint) = store.ossa(&["dlq", "show", &id]);
    assert_eq!(code, 2);
    assert!(complaint.contains("OSSA-N024"), "{complaint}");
}
