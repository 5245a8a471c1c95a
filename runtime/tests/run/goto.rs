//! `on_error: goto`.

use ossa_runtime::port::RunStatus;
use ossa_runtime::run::StepOrder;
use serde_json::json;

use crate::harness::{Run, compile, workflow};

fn etl(report: &str) -> String {
    format!(
        "steps:
  - {{id: extract, kind: Task, inline: {{capabilities: [x]}}, on_error: {{action: goto, goto: report}}}}
  - {{id: transform, kind: Task, inline: {{capabilities: [x]}}}}
  - {{id: load, kind: Task, inline: {{capabilities: [x]}}}}
  - {{id: report, kind: Task, condition: workflow.error != null, input: {{why: '${{{{ workflow.error.message }}}}', step: '${{{{ workflow.error.step_id }}}}'}}, inline: {{capabilities: [x]}}{report}}}
  - {{id: clean_up, kind: Task, inline: {{capabilities: [x]}}}}"
    )
}

#[test]
fn a_failure_skips_the_steps_between_and_runs_the_target_and_what_follows_it() {
    let mut run = Run::of(&etl(""));
    run.fail("extract", "NO_FILE");
    assert_eq!(
        run.statuses(),
        "extract=failed transform=skipped load=skipped report=running clean_up=pending"
    );
    assert_eq!(
        run.job("report").input,
        json!({"why": "NO_FILE happened", "step": "extract"})
    );
    run.complete("report", json!({}));
    run.complete("clean_up", json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.state.error().unwrap().code, "NO_FILE");
}

#[test]
fn a_target_that_continues_on_error_has_dealt_with_the_failure() {
    let mut run = Run::of(&etl(", continue_on_error: true"));
    run.fail("extract", "NO_FILE");
    run.complete("report", json!({}));
    run.complete("clean_up", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.state.error(), None);
}

#[test]
fn without_a_failure_the_target_runs_at_its_turn_or_is_skipped_by_its_condition() {
    let mut run = Run::of(&etl(""));
    for step in ["extract", "transform", "load", "clean_up"] {
        run.complete(step, json!({}));
    }
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.step("report").status, "skipped");
}

#[test]
fn what_runs_beside_the_failed_step_is_stopped() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}, on_error: {action: goto, goto: c}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: c, kind: Task, depends_on: [a, b], inline: {capabilities: [x]}}",
    );
    run.fail("a", "BOOM");
    assert_eq!(run.statuses(), "a=failed b=canceled c=running");
}

#[test]
fn a_block_can_jump_too_and_each_iteration_jumps_for_itself() {
    let mut run = Run::of(
        "steps:
  - id: each
    kind: Loop
    loop: {over: [1, 2]}
    steps:
      - {id: p, kind: Parallel, parallel: [{id: a, kind: Task, inline: {capabilities: [x]}}], on_error: {action: goto, goto: c}}
      - {id: b, kind: Task, inline: {capabilities: [x]}}
      - {id: c, kind: Task, continue_on_error: true, inline: {capabilities: [x]}}",
    );
    run.fail("a", "BOOM");
    assert_eq!(run.in_flight(), ["c"]);
    run.complete("c", json!({}));
    assert_eq!(run.in_flight(), ["a"]);
    for step in ["a", "b", "c"] {
        run.complete(step, json!({}));
    }
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_retried_step_gives_what_was_skipped_another_chance() {
    let mut run = Run::of(&etl(""));
    run.fail("extract", "NO_FILE");
    run.complete("report", json!({}));
    run.complete("clean_up", json!({}));
    run.retry("extract").unwrap();
    for step in ["extract", "transform", "load"] {
        run.complete(step, json!({}));
    }
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_step_is_neither_retried_nor_skipped_while_the_run_goes_on_with_what_it_jumped_to() {
    let mut run = Run::of(&etl(""));
    run.fail("extract", "NO_FILE");
    for order in [StepOrder::Retry, StepOrder::Skip] {
        let refused = run.steer_step("extract", order).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("the run goes on with `report`"),
            "{refused}"
        );
    }
    run.complete("report", json!({}));
    run.retry("extract").unwrap();
    assert_eq!(
        run.statuses(),
        "extract=running transform=pending load=pending report=completed clean_up=running"
    );
}

#[test]
fn jumps_out_of_their_block_or_back_are_refused() {
    let errors = |spec: &str| compile(&workflow(spec)).unwrap_err();
    let back = "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}, on_error: {action: goto, goto: a}}";
    let found = errors(back);
    assert_eq!(
        (found[0].code(), found[0].step(), found[0].path()),
        ("OSSA-P015", Some("b"), "$.spec.steps[1]")
    );
    let out = "steps:
  - {id: p, kind: Parallel, parallel: [{id: a, kind: Task, inline: {capabilities: [x]}, on_error: {action: goto, goto: b}}]}
  - {id: b, kind: Task, inline: {capabilities: [x]}}";
    assert!(errors(out)[0].to_string().contains("another block"));
}

#[test]
fn a_target_that_has_begun_already_is_not_jumped_to() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}, on_error: {action: goto, goto: c}}
  - {id: c, kind: Task, depends_on: [], inline: {capabilities: [x]}}",
    );
    run.fail("a", "BOOM");
    assert_eq!(run.statuses(), "a=failed c=canceled");
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn what_undoes_something_does_not_jump() {
    let mut run = Run::of(
        "error_handling:
  on_failure: compensate
  compensation_steps:
    - {id: first, kind: Task, inline: {capabilities: [x]}, on_error: {action: goto, goto: third}}
    - {id: second, kind: Task, inline: {capabilities: [x]}}
    - {id: third, kind: Task, inline: {capabilities: [x]}}
steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]",
    );
    run.fail("a", "BOOM");
    run.fail("first", "TOO");
    assert_eq!(run.in_flight(), ["second"]);
}

#[test]
fn a_jump_in_a_block_leaves_what_becomes_free_outside_of_it() {
    let run = Run::of(
        "steps:
  - id: around
    kind: Parallel
    depends_on: []
    parallel:
      - {id: a, kind: Task, input: {n: x}, inline: {capabilities: [x], input: {properties: {n: {type: integer}}}}, on_error: {action: goto, goto: c}}
      - {id: c, kind: Task, depends_on: [a], inline: {capabilities: [x]}}
  - {id: skipped, kind: Task, depends_on: [], condition: 'false', inline: {capabilities: [x]}}
  - {id: after, kind: Task, depends_on: [skipped], inline: {capabilities: [x]}}",
    );
    assert_eq!(
        run.statuses(),
        "around=running a=failed c=running skipped=skipped after=running"
    );
}

#[test]
fn a_failure_in_a_block_whose_jump_deals_with_it_is_none_of_the_run() {
    let failed = |target: &str| {
        let mut run = Run::of(&format!(
            "steps:
  - {{id: p, kind: Parallel, parallel: [{{id: a, kind: Task, inline: {{capabilities: [x]}}}}], on_error: {{action: goto, goto: c}}}}
  - {{id: c, kind: Task, {target}inline: {{capabilities: [x]}}}}"
        ));
        run.fail("a", "BOOM");
        (
            run.state.error().unwrap().step_id.clone().unwrap(),
            run.step("p").continued,
        )
    };
    assert_eq!(failed("continue_on_error: true, "), ("p".to_owned(), true));
    assert_eq!(failed(""), ("a".to_owned(), false));
}
