//! The manifests of the documentation load, and run to their ends.

use std::path::Path;

use ossa_runtime::plan::{Action, NodeId, WaitKind};
use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{Decision, Errand, Input, StepView};
use serde_json::{Value, json};

use crate::harness::{Run, start_with};

/// The manifests of a page: each fenced block of YAML that begins with `apiVersion`.
fn manifests(page: &str) -> Vec<String> {
    let blocks = page.split("\n```yaml\n").skip(1);
    let texts = blocks.map(|block| block.split("\n```").next().unwrap().to_owned());
    texts
        .filter(|text| text.starts_with("apiVersion"))
        .collect()
}

#[test]
fn the_manifests_of_the_pages_on_control_flow_run_to_their_ends() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/control-flow");
    let mut pages = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let page = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "README" {
            continue;
        }
        let found = manifests(&page);
        assert!(!found.is_empty(), "{name} has no manifest");
        for text in found {
            let mut run = Run::begin(&text, start_with(example_input(&text))).unwrap();
            live(&mut run);
            assert_eq!(
                run.status(),
                RunStatus::Completed,
                "{name}: {}",
                run.statuses()
            );
            pages += 1;
        }
    }
    assert!(pages > 0);
}

fn live(run: &mut Run) {
    run.apply(Input::Admit).unwrap();
    loop {
        if let Some(step) = run.in_flight().first().cloned() {
            run.complete(&step, json!({"ok": true, "approved": true}));
        } else if !run_child(run) && !answer(run) {
            return;
        }
    }
}

/// Runs the first child that is to be started.
fn run_child(run: &mut Run) -> bool {
    let errands = run.state.errands(&run.plan);
    let step = errands.into_iter().find_map(|errand| match errand {
        Errand::StartChild(step) => Some(step),
        _ => None,
    });
    let Some(step) = step else {
        return false;
    };
    let Action::Subflow(subflow) = &run.plan.node(NodeId(step.node)).unwrap().action else {
        panic!("{step:?} runs no workflow");
    };
    let plan = run.plan.subflow(&subflow.plan).unwrap().clone();
    let start = run.state.child_to_start(&run.plan, &step).unwrap();
    let mut child = Run::on(plan, start).unwrap();
    live(&mut child);
    let (step, result) = child.state.result_for_parent().unwrap();
    let started = true;
    run.apply(Input::ChildEnded {
        step,
        started,
        result,
    })
    .unwrap();
    true
}

/// Answers the first step that waits.
fn answer(run: &mut Run) -> bool {
    let steps = run.view().steps.into_iter();
    let Some(step) = steps.into_iter().find(|step| step.status == "waiting") else {
        return false;
    };
    let expects = step
        .wait
        .clone()
        .unwrap_or_else(|| panic!("`{}` has no wait", step.id))
        .expects;
    let node = run.plan.node(NodeId(step.node)).unwrap();
    let input = match &node.action {
        Action::Wait(wait) => match &wait.kind {
            WaitKind::Event { name, .. } => Input::Signal {
                name: name.clone(),
                payload: expects.into(),
            },
            WaitKind::Human => decision(&step, json!({"approved": true})),
            WaitKind::Approval { .. } => decision(&step, json!("approve")),
        },
        other => panic!("{other:?} does not wait"),
    };
    run.apply(input).unwrap();
    true
}

fn decision(step: &StepView, decision: Value) -> Input {
    let votes = step.wait.as_ref().map_or(0, |wait| wait.votes.len());
    Input::Decide(Box::new(Decision {
        scope: step.scope,
        node: step.node,
        decision,
        by: format!("person {votes}"),
        comment: None,
    }))
}

/// The input that a manifest names in a comment (`# input: {…}`); else none.
fn example_input(text: &str) -> serde_json::Value {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("# input: "));
    line.map_or(json!({}), |line| serde_json::from_str(line).unwrap())
}
