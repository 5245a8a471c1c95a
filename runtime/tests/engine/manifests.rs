//! Runs of manifests in files.

use std::fs;
use std::path::Path;

use ossa_runtime::engine::{Engine, EngineOptions, StartRequest, Startable};
use ossa_runtime::error::Category;
use ossa_runtime::manifest::Kind;
use ossa_runtime::policy::RetryPolicy;
use ossa_runtime::port::RunStatus;
use serde_json::json;

use crate::lab::*;

fn engine_of(folder: &Path) -> Engine {
    let lab = Lab::in_memory();
    lab.engine_with(EngineOptions {
        manifest_roots: vec![folder.to_owned()],
        ..lab.options()
    })
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

fn workflow_calling(steps: &[&str]) -> String {
    let steps: String = steps
        .iter()
        .map(|id| format!("    - {{id: {id}, kind: Task, ref: work.yaml}}\n"))
        .collect();
    format!(
        "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: order}}\nspec:\n  steps:\n{steps}"
    )
}

const TASK: &str = "apiVersion: ossa/v0.3.0\nkind: Task\nmetadata: {name: work}\nspec:\n  execution: {entrypoint: work}\n";

fn begin(engine: &Engine, reference: &str) -> ossa_runtime::port::RunId {
    let request = StartRequest::of(reference, json!({}));
    engine.start(request).unwrap().run
}

#[test]
fn a_workflow_is_started_by_name_or_by_path() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "order.ossa.yaml",
        &workflow_calling(&["only"]),
    );
    write(folder.path(), "work.yaml", TASK);
    let engine = engine_of(folder.path());
    for reference in ["order", "order.ossa.yaml", "ossa://shop/order"] {
        let id = begin(&engine, reference);
        assert_eq!(work_off(&engine), ["only"]);
        assert_eq!(status(&engine, id), RunStatus::Completed);
    }
}

#[test]
fn a_changed_manifest_is_used_for_new_runs_and_not_for_those_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "order.ossa.yaml",
        &workflow_calling(&["a", "b"]),
    );
    write(folder.path(), "work.yaml", TASK);
    let engine = engine_of(folder.path());
    begin(&engine, "order");
    complete(&engine, "a");
    write(
        folder.path(),
        "order.ossa.yaml",
        &workflow_calling(&["x", "y", "z"]),
    );
    begin(&engine, "order");
    let mut steps = work_off(&engine);
    steps.sort();
    assert_eq!(steps, ["b", "x", "y", "z"]);
}

#[test]
fn a_changed_task_is_noticed_by_the_workflows_that_call_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "order.ossa.yaml", &workflow_calling(&["a"]));
    write(folder.path(), "work.yaml", TASK);
    let engine = engine_of(folder.path());
    let timeout = || {
        begin(&engine, "order");
        let claim = take(&engine);
        engine.complete(&claim.token, json!({})).unwrap();
        claim.job.timeout_ms
    };
    assert_eq!(timeout(), 300_000);
    write(
        folder.path(),
        "work.yaml",
        &TASK.replace("entrypoint: work", "entrypoint: work, timeout_seconds: 7"),
    );
    assert_eq!(timeout(), 7_000);
}

#[test]
fn a_manifest_that_does_not_exist_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "order.ossa.yaml", &workflow_calling(&["a"]));
    write(folder.path(), "work.yaml", TASK);
    let engine = engine_of(folder.path());
    let error = engine
        .start(StartRequest::of("ordr", json!({})))
        .unwrap_err();
    assert_eq!(error.category(), Category::Manifest);
    assert!(error.message().contains("did you mean `order`?"), "{error}");
}

#[test]
fn a_manifest_that_cannot_be_run_is_an_error_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "order.ossa.yaml", &workflow_calling(&["a"]));
    let engine = engine_of(folder.path());
    let error = engine
        .start(StartRequest::of("order", json!({})))
        .unwrap_err();
    assert_eq!(
        (error.category(), error.step()),
        (Category::Manifest, Some("a"))
    );
    let diagnostic = error.diagnostics().iter().find(|it| it.is_error()).unwrap();
    assert!(
        diagnostic.line > 0 && diagnostic.file.is_some(),
        "{diagnostic:?}"
    );
}

#[test]
fn the_kind_tells_a_task_from_a_workflow_of_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "order.ossa.yaml", &workflow_calling(&["a"]));
    write(
        folder.path(),
        "work.yaml",
        &TASK.replace("name: work", "name: order"),
    );
    let engine = engine_of(folder.path());
    for (kind, step) in [(Kind::Task, "order"), (Kind::Workflow, "a")] {
        let what = Startable::Reference {
            reference: "order".to_owned(),
            kind: Some(kind),
        };
        let request = StartRequest {
            what,
            ..StartRequest::of("order", json!({}))
        };
        engine.start(request).unwrap();
        complete(&engine, step);
    }
}

#[test]
fn every_manifest_is_listed_with_what_there_is_to_say_about_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "order.ossa.yaml", &workflow_calling(&["a"]));
    write(
        folder.path(),
        "broken.ossa.yaml",
        "apiVersion: ossa/v0.3.0\nkind: Task\n",
    );
    let engine = engine_of(folder.path());
    let validity = |engine: &Engine| -> Vec<_> {
        let documents = engine.manifests();
        documents
            .iter()
            .map(|it| (it.name.clone(), it.is_valid()))
            .collect()
    };
    assert_eq!(
        validity(&engine),
        [(None, false), (Some("order".to_owned()), false)]
    );
    write(folder.path(), "work.yaml", TASK);
    assert!(validity(&engine).contains(&(Some("order".to_owned()), true)));
}

#[test]
fn a_handler_says_how_often_it_is_tried_where_no_manifest_does() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "work.yaml", TASK);
    let own = "apiVersion: ossa/v0.3.0\nkind: Task\nmetadata: {name: own}\nspec:\n  execution: {entrypoint: work}\n  error_handling: {retry: {max_attempts: 2}}\n";
    write(folder.path(), "own.yaml", own);
    let lab = Lab::in_memory();
    let tried = |attempts| RetryPolicy {
        max_attempts: attempts,
        ..RetryPolicy::default()
    };
    let engine = lab.engine_with(EngineOptions {
        manifest_roots: vec![folder.path().to_owned()],
        retries: [("work".to_owned(), tried(7))].into(),
        default_retry: Some(tried(3)),
        ..lab.options()
    });
    for (task, attempts) in [("work", 7), ("own", 2)] {
        begin(&engine, task);
        let claim = take(&engine);
        assert_eq!(claim.job.max_attempts, attempts, "{task}");
        engine.complete(&claim.token, json!({})).unwrap();
    }
}
