//! `ossa` on a server, by nothing but the DSN.

use assert_cmd::Command;
use ossa_runtime::engine::{Engine, EngineOptions, StartRequest};
use ossa_runtime::manifest::{Options, load_str, model::Manifest, model::Reference};
use ossa_runtime::plan::{Plan, Resolver, Unresolved};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::server_or_return;

const WORKFLOW: &str = "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: onboarding}
spec:
  steps:
    - {id: profile, kind: Task, inline: {execution: {entrypoint: profile}}}
";

struct Nothing;

impl Resolver for Nothing {
    fn resolve(&self, _: &Reference, _: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        Err(Unresolved {
            reason: String::new(),
        })
    }
}

fn ossa(store: &str, arguments: &[&str]) -> (bool, String, String) {
    let mut command = Command::cargo_bin("ossa").unwrap();
    let output = command
        .arg("run")
        .args(arguments)
        .args(["--store", store])
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn runs_on_a_server_are_listed_shown_and_canceled() {
    let server = server_or_return!();
    let (done, _, words) = ossa(&server.dsn, &["list"]);
    assert!(!done, "there is no store yet");
    assert!(
        words.contains(&format!("127.0.0.1:{}", server.port)) && !words.contains("ossa:ossa"),
        "{words}"
    );

    let engine = Engine::open(&server.dsn, EngineOptions::default()).unwrap();
    let loaded = load_str(WORKFLOW, &Options::default());
    let plan = Arc::new(Plan::compile(loaded.manifests().next().unwrap(), &Nothing).unwrap());
    let start = || {
        engine
            .start(StartRequest::of_plan(Arc::clone(&plan), json!({})))
            .unwrap()
            .run
    };
    let completed = start();
    let claim = engine.receive(&["default"], 1).unwrap().remove(0);
    engine.complete(&claim.token, json!({})).unwrap();
    let canceled = start().to_string();

    let (done, _, words) = ossa(&server.dsn, &["cancel", &canceled]);
    assert!(done, "{words}");
    let (_, listed, _) = ossa(&server.dsn, &["list", "--format=json"]);
    let statuses: Vec<_> = listed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["status"].clone())
        .collect();
    assert_eq!(statuses, ["canceled", "completed"]);
    let (_, shown, _) = ossa(&server.dsn, &["show", &completed.to_string()]);
    assert!(shown.contains("completed"), "{shown}");
}
