//! `ossa run` on a real file.

#![cfg(all(feature = "cli", feature = "sqlite"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;
use std::sync::Arc;

use assert_cmd::Command;
use ossa_runtime::engine::{Engine, EngineOptions, StartRequest};
use ossa_runtime::manifest::{Options, load_str};
use ossa_runtime::plan::{Plan, Resolver, Unresolved};
use ossa_runtime::port::RunId;
use ossa_runtime::run::StepError;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Store {
    folder: TempDir,
    completed: RunId,
    failed: RunId,
}

struct Nothing;

impl Resolver for Nothing {
    fn resolve(
        &self,
        _: &ossa_runtime::manifest::model::Reference,
        _: &ossa_runtime::manifest::model::Manifest,
    ) -> Result<Arc<ossa_runtime::manifest::model::Manifest>, Unresolved> {
        Err(Unresolved {
            reason: String::new(),
        })
    }
}

const WORKFLOW: &str = "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: onboarding, version: 1.2.0, labels: {team: blue}}
spec:
  steps:
    - {id: profile, kind: Task, inline: {execution: {entrypoint: profile}}}
    - {id: mail, kind: Task, inline: {execution: {entrypoint: mail}}}
";

impl Store {
    /// One run that completed and one that failed.
    fn with_two_runs() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&dsn(folder.path()), EngineOptions::default()).unwrap();
        let plan = plan(WORKFLOW);
        let start = || {
            let request = StartRequest::of_plan(Arc::clone(&plan), json!({}));
            engine.start(request).unwrap().run
        };
        let completed = start();
        while let Some(claim) = engine.receive(&["default"], 1).unwrap().pop() {
            engine.complete(&claim.token, json!({"ok": true})).unwrap();
        }
        let failed = start();
        let claim = engine.receive(&["default"], 1).unwrap().remove(0);
        let error = StepError::new("SMTP_DOWN", "no server answers");
        engine.fail(&claim.token, error).unwrap();
        Self {
            folder,
            completed,
            failed,
        }
    }

    fn ossa(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::cargo_bin("ossa").unwrap();
        command.env("OSSA_STORE", dsn(self.folder.path()));
        let output = command.arg("run").args(arguments).output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
        )
    }
}

fn plan(text: &str) -> Arc<Plan> {
    let loaded = load_str(text, &Options::default());
    Arc::new(Plan::compile(loaded.manifests().next().unwrap(), &Nothing).unwrap())
}

fn dsn(folder: &Path) -> String {
    format!("sqlite://{}/runs.db", folder.display())
}

#[test]
fn runs_are_listed_newest_first() {
    let store = Store::with_two_runs();
    let (code, text) = store.ossa(&["list"]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((code, lines.len()), (0, 3));
    assert!(lines[1].starts_with(&store.failed.to_string()), "{text}");
    assert!(lines[1].contains("failed") && lines[1].contains("SMTP_DOWN: no server answers"));
    assert!(lines[2].contains("completed") && lines[2].contains("100%"));
}

#[test]
fn a_list_can_be_narrowed_and_read_by_programs() {
    let store = Store::with_two_runs();
    let (_, text) = store.ossa(&["list", "--status=succeeded", "--format=json"]);
    let heads: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(heads.len(), 1);
    assert_eq!(heads[0]["run"], json!(store.completed));
    assert_eq!(
        store.ossa(&["list", "--workflow=other"]).1.lines().count(),
        1
    );
    assert_eq!(store.ossa(&["list", "--status=nonsense"]).0, 2);
}

#[test]
fn a_run_is_shown_with_steps_and_timeline() {
    let store = Store::with_two_runs();
    let (code, text) = store.ossa(&["show", &store.failed.to_string()]);
    assert_eq!(code, 0);
    for words in [
        "onboarding 1.2.0",
        "no server answers (SMTP_DOWN)",
        "profile  failed",
        "mail     skipped",
        "profile: attempt 1 dispatched",
        "run failed",
    ] {
        assert!(text.contains(words), "`{words}` is missing in\n{text}");
    }
    let (_, text) = store.ossa(&["show", &store.completed.to_string(), "--format=json"]);
    let details: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(details["status"], "completed");
    assert_eq!(details["steps"][1]["id"], "mail");
    assert_eq!(details["events"][0]["type"], "run_created");
}

#[test]
fn a_tail_ends_with_its_run_and_tells_how() {
    let store = Store::with_two_runs();
    let (code, text) = store.ossa(&["tail", &store.completed.to_string()]);
    assert_eq!(code, 0);
    assert!(
        text.lines().last().unwrap().ends_with("run completed"),
        "{text}"
    );
    let (code, text) = store.ossa(&["tail", &store.failed.to_string(), "--format=json"]);
    assert_eq!(code, 1);
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["type"], "run_failed");
}

#[test]
fn what_is_not_there_is_said_with_exit_code_2() {
    let store = Store::with_two_runs();
    let unknown = "00000000-0000-7000-8000-000000000000";
    assert_eq!(store.ossa(&["show", unknown]).0, 2);
    assert_eq!(store.ossa(&["show", "not-an-id"]).0, 2);
    let nowhere = store.folder.path().join("nowhere.db");
    let dsn = format!("--store=sqlite://{}", nowhere.display());
    assert_eq!(store.ossa(&["list", &dsn]).0, 2);
    assert!(!nowhere.exists(), "looking at a store creates none");
}

#[test]
fn a_run_is_paused_and_goes_on_when_resumed() {
    let store = Store::with_two_runs();
    let id = store.failed.to_string();
    let (code, text) = store.ossa(&["retry", &id, "profile"]);
    assert_eq!((code, text), (0, format!("run {id} is running\n")));
    let (code, _) = store.ossa(&["pause", &id, "--by=ada", "--reason=mail server down"]);
    assert_eq!(code, 0);
    let (_, text) = store.ossa(&["show", &id]);
    assert!(
        text.contains("run paused by ada: mail server down"),
        "{text}"
    );
    let (code, text) = store.ossa(&["resume", &id, "--format=json"]);
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, told), (0, json!({"run": id, "status": "running"})));
}

#[test]
fn an_order_that_is_refused_says_so_with_exit_code_1() {
    let store = Store::with_two_runs();
    let id = store.completed.to_string();
    for arguments in [
        vec!["pause", &id],
        vec!["cancel", &id],
        vec!["abort", &id],
        vec!["skip", &id, "mail"],
        vec!["skip", &id, "nowhere"],
        vec!["execute", &id, "mail"],
    ] {
        assert_eq!(store.ossa(&arguments), (1, String::new()), "{arguments:?}");
    }
    let unknown = "00000000-0000-7000-8000-000000000000";
    assert_eq!(store.ossa(&["pause", unknown]).0, 2);
}

#[test]
fn steps_that_wait_are_answered() {
    let store = Store::with_two_runs();
    let waits = "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: buy}
spec:
  steps:
    - {id: sign, type: approval, approvers: [{role: finance}]}
    - {id: paid, kind: Task, inline: {execution: {type: event_wait, event: {type: payment.received}}}}
";
    let engine = Engine::open(&dsn(store.folder.path()), EngineOptions::default()).unwrap();
    let started = engine.start(StartRequest::of_plan(plan(waits), json!({})));
    let id = started.unwrap().run.to_string();
    let sign = ["decide", &id, "sign", "approve", "--by=ada"];
    assert_eq!(store.ossa(&sign), (0, format!("run {id} is waiting\n")));
    assert_eq!(store.ossa(&sign), (1, String::new()), "it is answered");
    let signal = |more: &[&str]| store.ossa(&[&["signal", id.as_str()], more].concat());
    assert_eq!(signal(&["nobody.asked"]).0, 1);
    assert_eq!(signal(&["payment.received", "--payload=5"]).0, 2);
    let (code, text) = signal(&["payment.received", r#"--payload={"amount": 5}"#]);
    assert_eq!((code, text), (0, format!("run {id} is completed\n")));
}

#[test]
fn a_failed_step_is_skipped() {
    let store = Store::with_two_runs();
    let id = store.failed.to_string();
    assert_eq!(store.ossa(&["skip", &id, "profile"]).0, 0);
    assert_eq!(store.ossa(&["skip", &id, "mail"]).0, 0);
    let (_, text) = store.ossa(&["show", &id]);
    assert!(text.contains("status      completed"), "{text}");
}

#[test]
fn a_list_can_be_narrowed_by_label_and_time_and_continued() {
    let store = Store::with_two_runs();
    let count = |arguments: &[&str]| {
        let (code, text) = store.ossa(arguments);
        assert_eq!(code, 0, "{arguments:?}");
        text.lines().count() - 1
    };
    assert_eq!(count(&["list", "--label=team=blue"]), 2);
    assert_eq!(count(&["list", "--label=team=red"]), 0);
    assert_eq!(
        count(&["list", "--created-from=1h", "--updated-from=2020-01-01"]),
        2
    );
    assert_eq!(count(&["list", "--updated-before=1h"]), 0);
    assert_eq!(count(&["list", "--status=completed", "--status=failed"]), 2);
    let after = format!("--after={}", store.failed);
    assert_eq!(count(&["list", &after]), 1);
    assert_eq!(store.ossa(&["list", "--created-from=yesterday"]).0, 2);
}

#[test]
fn a_run_says_why_it_failed() {
    let store = Store::with_two_runs();
    let id = store.failed.to_string();
    let (code, text) = store.ossa(&["why", &id]);
    assert_eq!(code, 0);
    assert!(
        text.contains("step `profile` failed in attempt 1: no server answers (SMTP_DOWN)"),
        "{text}"
    );
    let (_, text) = store.ossa(&["why", &id, "--format=json"]);
    let why: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&why["status"], &why["reasons"][0]["code"]),
        (&json!("failed"), &json!("ended"))
    );
}

#[test]
fn a_history_begins_where_it_is_asked_to() {
    let store = Store::with_two_runs();
    let id = store.completed.to_string();
    let (_, all) = store.ossa(&["history", &id]);
    let (_, later) = store.ossa(&["history", &id, "--after=1"]);
    assert!(
        all.ends_with(&later) && later.lines().count() < all.lines().count(),
        "{later}"
    );
    let (_, first) = store.ossa(&["history", &id, "--limit=1", "--format=json"]);
    let event: Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&event["version"], &event["type"]),
        (&json!(1), &json!("run_created"))
    );
}

#[test]
fn a_dry_prune_removes_nothing() {
    let store = Store::with_two_runs();
    let (code, text) = store.ossa(&["prune", "--keep=0", "--dry-run"]);
    assert_eq!((code, text.lines().count()), (0, 3));
    assert_eq!(store.ossa(&["list"]).1.lines().count(), 3);
    assert_eq!(
        store.ossa(&["prune", "--keep=0", "--status=failed"]),
        (0, String::new())
    );
    let (_, text) = store.ossa(&["list"]);
    assert!(
        text.contains("completed") && !text.contains("failed"),
        "{text}"
    );
    for wrong in [
        vec!["prune"],
        vec!["prune", "--status=running", "--keep=0"],
        vec!["prune", "--older-than=soon"],
    ] {
        assert_eq!(store.ossa(&wrong).0, 2, "{wrong:?}");
    }
}

#[test]
fn a_run_moves_from_store_to_store() {
    let store = Store::with_two_runs();
    let id = store.failed.to_string();
    let file = store.folder.path().join("run.json").display().to_string();
    assert_eq!(store.ossa(&["export", &id, "--output", &file]).0, 0);
    let (_, text) = store.ossa(&["export", &store.completed.to_string()]);
    let exported: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&exported["format"], &exported["run"]["head"]["status"]),
        (&json!(1), &json!("completed"))
    );

    let elsewhere = format!(
        "--store=sqlite://{}/elsewhere.db",
        store.folder.path().display()
    );
    let import = || store.ossa(&["import", &file, &elsewhere]);
    assert_eq!(import(), (0, format!("run {id} is imported\n")));
    assert_eq!(import(), (0, format!("run {id} was there already\n")));
    let show = |dsn: &str| store.ossa(&["show", &id, "--format=json", dsn]).1;
    let here = format!("--store={}", dsn(store.folder.path()));
    assert_eq!(show(&elsewhere), show(&here));
    assert_eq!(store.ossa(&["retry", &id, "profile"]).0, 0);
    assert_eq!(store.ossa(&["import", &file]).0, 1, "the run has gone on");
    let cut = std::fs::read_to_string(&file)
        .unwrap()
        .replace("SMTP_DOWN", "SMTP_UP");
    std::fs::write(&file, cut).unwrap();
    assert_eq!(import().0, 1);
    assert_eq!(store.ossa(&["import", "/no/such/file"]).0, 2);
}

#[test]
fn a_run_goes_on_with_a_new_version() {
    let store = Store::with_two_runs();
    let id = store.failed.to_string();
    store.ossa(&["retry", &id, "profile"]);
    let folder = store.folder.path().join("manifests");
    std::fs::create_dir(&folder).unwrap();
    let manifests = format!("--manifests={}", folder.display());
    let write = |text: &str| std::fs::write(folder.join("onboarding.yaml"), text).unwrap();
    write(&WORKFLOW.replace("profile", "account"));
    let (code, text) = store.ossa(&["migrate", &id, &manifests, "--dry-run"]);
    assert_eq!(code, 1);
    assert!(
        text.contains("in the way: `profile` is in flight"),
        "{text}"
    );
    assert_eq!(
        store.ossa(&["migrate", &id, &manifests]),
        (1, String::new())
    );
    write(&WORKFLOW.replace("mail", "letter").replace("1.2.0", "2.0.0"));
    let (code, text) = store.ossa(&["migrate", &id, &manifests, "--dry-run"]);
    assert_eq!(code, 0);
    assert!(
        text.contains("can go on") && text.contains("differs: `letter` is new"),
        "{text}"
    );
    let (code, text) = store.ossa(&["migrate", &id, &manifests, "--format=json"]);
    let migration: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &migration["migrated"]), (0, &json!(true)));
    let (_, text) = store.ossa(&["show", &id]);
    assert!(
        text.contains("onboarding 2.0.0") && text.contains("letter"),
        "{text}"
    );
}
