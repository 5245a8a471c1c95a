//! Conditions, skips and what they mean for the steps after them.

use std::sync::Arc;

use ossa_runtime::manifest::model::Body;
use ossa_runtime::plan::Plan;
use ossa_runtime::port::RunStatus;
use ossa_runtime::run::SkipReason;
use serde_json::json;

use crate::harness::{Run, Shelf, manifests, start_with, workflow};

#[test]
fn a_step_whose_condition_does_not_hold_is_skipped_and_its_dependants_run() {
    let mut run = Run::of(
        "steps:
  - {id: check, kind: Task, inline: {capabilities: [x]}}
  - {id: fix, kind: Task, condition: '${{ steps.check.output.broken }}', inline: {capabilities: [x]}}
  - {id: sync, kind: Task, depends_on: [fix], inline: {capabilities: [x]}}",
    );
    run.complete("check", json!({"broken": false}));
    assert_eq!(run.step("fix").reason, Some(SkipReason::Condition));
    assert_eq!(run.in_flight(), ["sync"]);
}

#[test]
fn a_condition_is_evaluated_once_when_the_dependencies_are_settled() {
    let mut run = Run::of(
        "steps:
  - {id: check, kind: Task, inline: {capabilities: [x]}}
  - {id: fix, kind: Task, condition: 'steps.check.output.broken', inline: {capabilities: [x]}}",
    );
    run.complete("check", json!({"broken": true}));
    assert_eq!(run.in_flight(), ["fix"]);
}

#[test]
fn skips_spread_to_dependants_when_the_workflow_says_so() {
    let text = workflow(
        "steps:
  - {id: a, kind: Task, condition: 'false', inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [a], inline: {capabilities: [x]}}
  - {id: c, kind: Task, depends_on: [b], inline: {capabilities: [x]}}
  - {id: d, kind: Task, depends_on: [], inline: {capabilities: [x]}}",
    );
    let mut manifest = (*manifests(&text)[0]).clone();
    let Body::Workflow(workflow) = &mut manifest.body else {
        unreachable!()
    };
    workflow.propagate_skips = true;
    let plan = Plan::compile(&manifest, &Shelf::default()).unwrap();
    let mut run = Run::on(Arc::new(plan), start_with(json!({}))).unwrap();
    assert_eq!(run.step("a").reason, Some(SkipReason::Condition));
    assert_eq!(run.step("b").reason, Some(SkipReason::UpstreamSkipped));
    assert_eq!(run.step("c").reason, Some(SkipReason::UpstreamSkipped));
    run.complete("d", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_run_whose_steps_are_all_skipped_completes_at_once() {
    let run =
        Run::of("steps:\n  - {id: a, kind: Task, condition: 'false', inline: {capabilities: [x]}}");
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(
        run.event_types(),
        [
            "run_created",
            "run_started",
            "step_skipped",
            "run_completed"
        ]
    );
}

#[test]
fn a_condition_that_cannot_be_evaluated_fails_the_step() {
    let text = workflow(
        "steps:
  - id: a
    kind: Task
    condition: \"input.text matches input.pattern\"
    inline: {capabilities: [x]}",
    );
    let run = Run::text(&text, json!({"text": "x", "pattern": "("}));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.state.error().unwrap().code, "EXPRESSION_ERROR");
    assert_eq!(run.step("a").attempts, 0);
}
