//! Plans of workflows whose steps run workflows.

use ossa_runtime::plan::{Plan, PlanError};
use serde_json::json;

use crate::harness::*;
use crate::subflow::{CHILD, ONE};

fn refused(spec: &str) -> Vec<PlanError> {
    compile(&documents(&[workflow(spec), CHILD.to_owned()])).unwrap_err()
}

#[test]
fn the_plan_of_the_child_is_part_of_the_plan_and_survives_storing() {
    let text = documents(&[workflow(ONE), CHILD.to_owned()]);
    let run = Run::text(&text, json!({}));
    let read = Plan::from_json(&run.plan.to_json()).unwrap();
    assert_eq!(read.hash(), run.plan.hash());
    let names: Vec<_> = read.subflows().map(|plan| plan.name()).collect();
    assert_eq!(names, ["settle"]);
    let other = CHILD.replace("[pay]", "[charge]");
    let changed = compile(&documents(&[workflow(ONE), other])).unwrap();
    assert_ne!(
        changed.hash(),
        run.plan.hash(),
        "another child makes another parent"
    );
}

#[test]
fn workflows_that_run_each_other_in_a_circle_or_too_deep_are_refused() {
    let named = |name: &str, runs: &str| {
        format!(
            "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: {name}}}\nspec: {{steps: [{{id: next, ref: {runs}}}]}}\n"
        )
    };
    let circle = documents(&[named("a", "b"), named("b", "c"), named("c", "b")]);
    let errors = compile(&circle).unwrap_err();
    assert_eq!(errors[0].code(), "OSSA-P018");
    let text = errors[0].to_string();
    assert!(text.contains("a → b → c → b"), "{text}");
    let chain = |length: usize| {
        let mut all: Vec<_> = (0..length)
            .map(|n| named(&format!("w{n}"), &format!("w{}", n + 1)))
            .collect();
        all.push(
            CHILD
                .replace("settle", &format!("w{length}"))
                .replace(", required: [amount]", ""),
        );
        compile(&documents(&all))
    };
    assert!(chain(16).is_ok());
    let error = chain(17).unwrap_err().remove(0).to_string();
    assert!(error.contains("more than 16"), "{error}");
}

#[test]
fn a_workflow_that_many_steps_run_is_compiled_once() {
    // Each level runs the next one twice: 2^16 plans, were each compiled where it is mentioned.
    let mut all: Vec<_> = (0..16)
        .map(|n| format!("apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: w{n}}}\nspec: {{steps: [{{id: a, ref: w{m}}}, {{id: b, ref: w{m}}}]}}\n", m = n + 1))
        .collect();
    all.push(
        CHILD
            .replace("settle", "w16")
            .replace(", required: [amount]", ""),
    );
    let plan = compile(&documents(&all)).unwrap();
    assert_eq!(plan.subflows().count(), 16);
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let fallback = documents(&[
        workflow("steps: [{id: a, ref: risky}]"),
        task(
            "risky",
            "execution: {entrypoint: x}\nerror_handling: {on_error: fallback, fallback_task: settle}",
        ),
        CHILD.to_owned(),
    ]);
    let text = compile(&fallback).unwrap_err()[0].to_string();
    assert!(text.contains("a fallback that is a workflow"), "{text}");
    let errors = refused("steps: [{id: a, close_policy: abandon, inline: {capabilities: [x]}}]");
    assert_eq!(errors[0].code(), "OSSA-P010");
    let broken = CHILD.replace("inline: {capabilities: [pay]}", "ref: nowhere");
    let errors = compile(&documents(&[workflow(ONE), broken])).unwrap_err();
    let text = errors[0].to_string();
    assert!(
        text.contains("`money` runs workflow `settle`, which cannot be run: step `pay`"),
        "{text}"
    );
}
