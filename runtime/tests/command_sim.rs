//! `ossa sim` as users call it.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

const WORKFLOW: &str = "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: order, version: 1.0.0}
spec:
  inputs: {type: object, properties: {gift: {type: boolean}}}
  steps:
    - {id: charge, kind: Task, inline: {execution: {type: transactional, entrypoint: charge}}}
    - {id: wrap, kind: Task, ref: ./wrap.yaml, condition: workflow.input.gift}
    - {id: ship, kind: Task, ref: ./nowhere.yaml}
";

const WRAP: &str = "apiVersion: ossa/v0.3.0
kind: Task
metadata: {name: wrap}
spec: {execution: {type: idempotent, entrypoint: wrap}}
";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn order() -> TempDir {
    folder(&[("order.yaml", WORKFLOW), ("wrap.yaml", WRAP)])
}

fn sim(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::cargo_bin("ossa").unwrap();
    let output = command
        .current_dir(folder)
        .arg("sim")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_workflow_is_simulated_and_told_in_a_table() {
    let folder = order();
    let (code, told, noted) = sim(
        folder.path(),
        &["order.yaml", "--runs", "100", "--faults", "crash=0.05"],
    );
    assert_eq!(code, Some(0), "{told}{noted}");
    assert!(
        told.starts_with("order: 100 runs from seed 1: 100 completed\n"),
        "{told}"
    );
    assert!(
        told.contains("done twice: charge is transactional"),
        "{told}"
    );
    assert!(told.contains("longest: "), "{told}");
    assert_eq!(
        noted,
        "warning: `./nowhere.yaml` leads nowhere, a task stands in\n"
    );
}

#[test]
fn the_same_call_says_the_same_as_json() {
    let folder = order();
    let arguments = [
        "order.yaml",
        "--runs",
        "20",
        "--faults",
        "all",
        "--format",
        "json",
    ];
    let (code, first, _) = sim(folder.path(), &arguments);
    let (_, second, _) = sim(folder.path(), &arguments);
    assert_eq!(code, Some(0));
    assert_eq!(first, second);
    let report: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(report["runs"], 20);
    assert_eq!(report["hash"].as_str().unwrap().len(), 64);
    assert_eq!(report["steps"][0]["step"], "charge");
    assert!(report["stubbed_references"]["./nowhere.yaml"].is_string());
}

#[test]
fn stubs_and_input_decide_what_happens() {
    let folder = order();
    let stubs = folder.path().join("stubs.yaml");
    std::fs::write(&stubs, "ship: {error: {code: NO_TRUCK, retryable: false}}").unwrap();
    let (code, told, _) = sim(
        folder.path(),
        &[
            "order.yaml",
            "--runs",
            "3",
            "--faults",
            "none",
            "--steps",
            "stubs.yaml",
            "--input",
            r#"{"gift": false}"#,
        ],
    );
    assert_eq!(code, Some(0), "runs that fail are no finding");
    assert!(told.contains("3 failed"), "{told}");
    assert!(told.contains("3 × ship: "), "{told}");
    assert!(told.contains("never reached: wrap"), "{told}");
}

#[test]
fn the_log_of_one_run_is_printed_on_request() {
    let folder = order();
    let (_, told, _) = sim(
        folder.path(),
        &["order.yaml", "--runs", "1", "--faults", "none", "--log"],
    );
    assert!(told.contains(r#""type":"run_completed""#), "{told}");
}

#[test]
fn a_folder_of_tasks_is_simulated_task_by_task() {
    let folder = folder(&[("wrap.yaml", WRAP)]);
    let (code, told, _) = sim(folder.path(), &[".", "--runs", "2"]);
    assert_eq!(code, Some(0));
    assert!(told.starts_with("wrap: 2 runs"), "{told}");
}

#[test]
fn a_manifest_that_is_not_valid_or_not_runnable_is_a_finding() {
    let cycle = WORKFLOW.replace("ref: ./wrap.yaml", "ref: ./wrap.yaml, depends_on: [ship]");
    let folder = folder(&[("cycle.yaml", &cycle), ("broken.yaml", "kind: Workflow\n")]);
    for file in ["cycle.yaml", "broken.yaml"] {
        let (code, _, noted) = sim(folder.path(), &[file]);
        assert_eq!(code, Some(1), "{file}: {noted}");
        assert!(noted.contains("error"), "{noted}");
    }
}

#[test]
fn wrong_usage_and_missing_files_are_exit_code_2() {
    let folder = order();
    let agent = "apiVersion: ossa/v0.3.0\nkind: Agent\nmetadata: {name: a}\nspec: {role: helper}\n";
    std::fs::write(folder.path().join("agent.yaml"), agent).unwrap();
    for arguments in [
        &["agent.yaml"][..],
        &["order.yaml", "--runs", "0"],
        &["order.yaml", "--faults", "crush"],
        &["order.yaml", "--faults", "fail=2"],
        &["order.yaml", "--input", "{"],
        &["order.yaml", "--steps", "nowhere.yaml"],
        &["nowhere.yaml"],
        &[],
    ] {
        let (code, _, noted) = sim(folder.path(), arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {noted}");
    }
}

/// The YAML blocks of the manual's page, by the file name in their first line.
#[test]
fn the_examples_of_the_manual_run() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/simulator.md");
    let page = std::fs::read_to_string(page).unwrap();
    let folder = folder(&[]);
    for block in page.split("```yaml\n# ").skip(1) {
        let (name, rest) = block.split_once('\n').unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let (code, told, noted) = sim(folder.path(), &["order.yaml", "--runs", "200"]);
    assert_eq!((code, noted.as_str()), (Some(0), ""));
    assert!(
        told.contains("200 completed") && told.contains("done twice: charge"),
        "{told}"
    );
    let (code, told, noted) = sim(
        folder.path(),
        &[
            "order.yaml",
            "--steps",
            "stubs.yaml",
            "--faults",
            "none",
            "--runs",
            "50",
            "--input",
            r#"{"gift": true}"#,
        ],
    );
    assert_eq!((code, noted.as_str()), (Some(0), ""));
    assert!(told.contains("charge: no funds (CARD_DECLINED)"), "{told}");
    let (code, told, _) = sim(
        folder.path(),
        &["order.yaml", "--runs", "1", "--seed", "17", "--log"],
    );
    assert_eq!(code, Some(0));
    assert!(told.contains("run_completed"), "{told}");
}
