//! `ossa graph` as a user meets it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use assert_cmd::Command;
use ossa_runtime::engine::{Engine, EngineOptions, StartRequest};
use serde_json::json;

use crate::{plan, workflow};

/// Exit code, standard output, standard error.
fn ossa(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("ossa").unwrap();
    let output = command
        .current_dir(folder)
        .env_remove("OSSA_STORE")
        .arg("graph")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

const TASK: &str = "apiVersion: ossa/v0.3.0\nkind: Task\nmetadata: {name: work}\nspec: {execution: {entrypoint: app.work}}\n";

fn calling(name: &str, reference: &str) -> String {
    format!(
        "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: {name}}}\nspec: {{steps: [{{id: a, ref: {reference}}}]}}\n"
    )
}

#[test]
fn a_manifest_is_drawn_with_what_its_references_lead_to() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("work.yaml"), TASK).unwrap();
    fs::write(
        folder.path().join("flow.yaml"),
        calling("flow", "work.yaml"),
    )
    .unwrap();
    let (code, out, err) = ossa(folder.path(), &["flow.yaml"]);
    assert_eq!((code, &*out, &*err), (0, "flow\n1  a  work\n", ""));
    let (code, out, _) = ossa(folder.path(), &["flow.yaml", "--format", "mermaid"]);
    assert_eq!((code, &*out), (0, "flowchart TD\n  n0[\"a<br/>work\"]\n"));
    for format in ["dot", "svg"] {
        let (code, out, _) = ossa(folder.path(), &["flow.yaml", "--format", format]);
        assert_eq!(code, 0);
        assert!(out.contains("work"), "{out}");
    }
}

#[test]
fn a_reference_that_leads_nowhere_is_drawn_by_its_name_with_a_word_about_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("flow.yaml"),
        calling("flow", "tasks/gone"),
    )
    .unwrap();
    let (code, out, err) = ossa(folder.path(), &["flow.yaml"]);
    assert_eq!((code, &*out), (0, "flow\n1  a  tasks/gone\n"));
    assert_eq!(
        err,
        "ossa: the reference `tasks/gone` leads to no manifest; it is drawn by its name\n"
    );
}

#[test]
fn one_of_several_documents_is_drawn_by_its_name_and_else_the_first_workflow() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "{TASK}---\n{}---\n{}",
        calling("one", "work"),
        calling("two", "work")
    );
    fs::write(folder.path().join("all.yaml"), text).unwrap();
    let title = |subject: &str| {
        ossa(folder.path(), &[subject])
            .1
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(title("all.yaml"), "one");
    assert_eq!(title("all.yaml#two"), "two");
    assert_eq!(title("all.yaml#work"), "work");
    assert_eq!(ossa(folder.path(), &["all.yaml#three"]).0, 2);
}

#[test]
fn a_manifest_with_errors_is_exit_code_1_and_one_that_is_not_there_2() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("flow.yaml"),
        workflow(&json!([{"id": "a", "depends_on": ["b"]}])),
    )
    .unwrap();
    let (code, out, err) = ossa(folder.path(), &["flow.yaml"]);
    assert_eq!((code, &*out), (1, ""));
    assert!(err.contains("error[OSSA-M041]"), "{err}");
    assert_eq!(ossa(folder.path(), &["missing.yaml"]).0, 2);
    assert_eq!(ossa(folder.path(), &[]).0, 2);
    assert_eq!(ossa(folder.path(), &["--format", "png", "flow.yaml"]).0, 2);
}

#[test]
fn a_run_is_drawn_with_the_states_of_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let dsn = format!("sqlite://{}", folder.path().join("ossa.db").display());
    let run = {
        let engine = Engine::open(&dsn, EngineOptions::default()).unwrap();
        let call = |id: &str| json!({"id": id, "inline": {"execution": {"entrypoint": id}}});
        let plan = Arc::new(plan(&workflow(&json!([
            call("first"),
            call("second"),
            call("third")
        ]))));
        let run = engine
            .start(StartRequest::of_plan(plan, json!({})))
            .unwrap()
            .run;
        let claim = engine.receive(&["default"], 1).unwrap().remove(0);
        engine.complete(&claim.token, json!({})).unwrap();
        run.to_string()
    };
    let (code, out, err) = ossa(folder.path(), &[&run, "--store", &dsn]);
    assert_eq!((code, &*err), (0, ""));
    assert_eq!(
        out,
        "order 1.2.0\n1  first   completed\n2  second  active     after first\n3  third   pending    after second\n"
    );
    let (code, _, err) = ossa(
        folder.path(),
        &["01890000-0000-7000-8000-000000000000", "--store", &dsn],
    );
    assert_eq!(code, 2);
    assert!(err.contains("there is no run"), "{err}");
    assert_eq!(ossa(folder.path(), &[&run]).0, 2);
}

#[test]
fn a_run_is_drawn_with_its_child_runs() {
    let folder = tempfile::tempdir().unwrap();
    let dsn = format!("sqlite://{}", folder.path().join("ossa.db").display());
    let engine = Engine::open(&dsn, EngineOptions::default()).unwrap();
    let order = Arc::new(plan(crate::subflow::ORDER));
    let run = engine
        .start(StartRequest::of_plan(order, json!({})))
        .unwrap()
        .run;
    let claim = engine.receive(&["default"], 1).unwrap().remove(0);
    engine.complete(&claim.token, json!({})).unwrap();
    let steps = engine.run(run).unwrap().unwrap().run.steps;
    let child = steps.iter().find_map(|step| step.child).unwrap();
    drop(engine);
    let (code, out, _) = ossa(folder.path(), &[&run.to_string(), "--store", &dsn]);
    assert_eq!(code, 0);
    let line = out.lines().find(|line| line.contains("money")).unwrap();
    assert!(line.contains(&format!("run {child}: running")), "{line}");
    let (code, out, _) = ossa(folder.path(), &[&child.to_string(), "--store", &dsn]);
    assert_eq!((code, &*out), (0, "settle\n1  charge  active\n"));
}

#[test]
fn the_manual_shows_what_is_drawn() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(project.join("docs/graph.md")).unwrap();
    let manifest = "examples/symfony-app/config/ossa/user-onboarding.yaml";
    for format in ["text", "mermaid"] {
        let shown = page.split(&format!("```{format}\n")).nth(1).unwrap();
        let shown = shown.split("```").next().unwrap();
        let (code, drawn, _) = ossa(&project, &[manifest, "--format", format]);
        assert_eq!((code, &*drawn), (0, shown), "docs/graph.md, {format}");
    }
}
