//! Conditional blocks: if, branches, switch, decision.

use ossa_runtime::port::RunStatus;
use ossa_runtime::run::StepError;
use serde_json::{Value, json};

use crate::harness::{Run, workflow};

fn triage(severity: &str) -> Run {
    let text = workflow(
        "inputs: {type: object, properties: {severity: {type: string}}}
steps:
  - id: triage
    kind: Conditional
    branches:
      - name: urgent
        condition: input.severity == 'high'
        steps:
          - {id: page, kind: Task, inline: {capabilities: [x]}}
          - {id: ticket, kind: Task, inline: {capabilities: [x]}}
      - condition: input.severity == 'medium'
        steps: [{id: queue, kind: Task, inline: {capabilities: [x]}}]
    else: [{id: file, kind: Task, inline: {capabilities: [x]}}]
  - id: report
    kind: Task
    input: {branch: '${{ steps.triage.branch }}', result: '${{ steps.triage.output }}', page: '${{ steps.page.output }}'}
    inline: {capabilities: [x]}",
    );
    Run::text(&text, json!({"severity": severity}))
}

#[test]
fn the_first_branch_whose_condition_holds_runs_in_its_order() {
    let mut run = triage("high");
    assert_eq!(run.in_flight(), ["page"]);
    run.complete("page", json!({"at": 1}));
    run.complete("ticket", json!({"id": 5}));
    assert_eq!(
        run.job("report").input,
        json!({"branch": "urgent", "result": {"id": 5}, "page": {"at": 1}})
    );
}

#[test]
fn a_branch_without_a_name_goes_by_its_position() {
    let mut run = triage("medium");
    run.complete("queue", json!({}));
    assert_eq!(run.job("report").input["branch"], "1");
    assert_eq!(run.step("triage").branch.as_deref(), Some("1"));
}

#[test]
fn without_a_branch_that_holds_the_else_steps_run() {
    let mut run = triage("low");
    run.complete("file", json!("filed"));
    assert_eq!(
        run.job("report").input,
        json!({"branch": "else", "result": "filed", "page": null})
    );
}

#[test]
fn without_else_the_block_completes_with_nothing() {
    let run = Run::of(
        "steps:
  - id: maybe
    kind: Conditional
    branches: [{condition: 'false', steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]}]",
    );
    assert_eq!(run.statuses(), "maybe=completed");
    assert_eq!(run.step("maybe").output, Some(Value::Null));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn condition_and_steps_alone_are_an_if() {
    let spec = "steps:
  - id: only_if
    kind: Conditional
    condition: input.go
    steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]";
    let run = Run::text(&workflow(spec), json!({"go": true}));
    assert_eq!(run.in_flight(), ["a"]);
    let run = Run::text(&workflow(spec), json!({"go": false}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn the_condition_of_a_block_with_branches_skips_all_of_it() {
    let run = Run::of(
        "steps:
  - id: block
    kind: Conditional
    condition: 'false'
    branches: [{condition: 'true', steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]}]",
    );
    assert_eq!(run.statuses(), "block=skipped");
}

#[test]
fn a_switch_names_its_case_for_other_steps_to_look_at() {
    let text = workflow(
        "steps:
  - id: route
    type: switch
    cases: [{when: \"input.kind == 'a'\", then: first}, {default: other}]
  - {id: a, kind: Task, condition: \"steps.route.branch == 'first'\", inline: {capabilities: [x]}}
  - {id: b, kind: Task, condition: \"steps.route.case == 'other'\", inline: {capabilities: [x]}}",
    );
    let run = Run::text(&text, json!({"kind": "a"}));
    assert_eq!(run.in_flight(), ["a"]);
    let run = Run::text(&text, json!({"kind": "z"}));
    assert_eq!(run.statuses(), "route=completed a=skipped b=running");
}

#[test]
fn a_decision_has_steps_for_true_and_for_false() {
    let text = workflow(
        "steps:
  - id: decide
    type: decision
    condition: input.ok
    on_true: [{id: yes, kind: Task, inline: {capabilities: [x]}}]
    on_false: [{id: no, kind: Task, inline: {capabilities: [x]}}]",
    );
    assert_eq!(Run::text(&text, json!({"ok": 1})).in_flight(), ["yes"]);
    assert_eq!(Run::text(&text, json!({})).in_flight(), ["no"]);
}

#[test]
fn the_output_is_that_of_the_last_step_that_ran() {
    let mut run = Run::of(
        "steps:
  - id: block
    kind: Conditional
    output: {to: chosen}
    output_mapping: {seen: '${{ output.n }}'}
    branches:
      - condition: 'true'
        steps:
          - {id: a, kind: Task, inline: {capabilities: [x]}}
          - {id: b, kind: Task, condition: 'false', inline: {capabilities: [x]}}",
    );
    run.complete("a", json!({"n": 1}));
    assert_eq!(run.step("block").output, Some(json!({"n": 1, "seen": 1})));
    assert_eq!(run.state.variables()["chosen"], json!({"n": 1, "seen": 1}));
}

#[test]
fn a_branch_whose_condition_cannot_be_evaluated_fails_the_block() {
    let text = workflow(
        "steps:
  - id: block
    kind: Conditional
    branches: [{condition: 'input.text matches input.pattern', steps: []}]",
    );
    let run = Run::text(&text, json!({"text": "x", "pattern": "("}));
    assert_eq!(run.state.error().unwrap().code, "EXPRESSION_ERROR");
}

#[test]
fn a_failed_step_fails_its_branch_and_the_block_around_it() {
    let mut run = triage("high");
    run.fail_with("page", StepError::new("NO_PAGER", "nobody is on call"));
    assert_eq!(
        run.statuses(),
        "triage=failed page=failed ticket=skipped report=skipped"
    );
    assert_eq!(run.state.error().unwrap().code, "NO_PAGER");
}
