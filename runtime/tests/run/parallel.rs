//! Parallel blocks.

use ossa_runtime::port::RunStatus;
use ossa_runtime::run::Next;
use serde_json::json;

use crate::harness::{Run, recorded};

const CHECKS: &str = "steps:
  - {id: first, kind: Task, inline: {capabilities: [x]}}
  - id: checks
    kind: Parallel
    parallel:
      - {id: spelling, kind: Task, inline: {capabilities: [x]}}
      - {id: images, kind: Task, inline: {capabilities: [x]}}
      - {id: summary, kind: Task, depends_on: [spelling], inline: {capabilities: [x]}}
  - {id: publish, kind: Task, input: {found: '${{ steps.checks.output }}', words: '${{ steps.spelling.output.words }}'}, inline: {capabilities: [x]}}";

#[test]
fn steps_of_a_parallel_block_run_side_by_side_and_join() {
    let mut run = Run::of(CHECKS);
    run.complete("first", json!({}));
    assert_eq!(run.in_flight(), ["spelling", "images"]);
    assert_eq!(run.step("checks").status, "running");
    run.complete("images", json!({"count": 2}));
    run.complete("spelling", json!({"words": 7}));
    assert_eq!(run.in_flight(), ["summary"]);
    run.complete("summary", json!("short"));
    assert_eq!(
        run.job("publish").input,
        json!({
            "found": {"spelling": {"words": 7}, "images": {"count": 2}, "summary": "short"},
            "words": 7,
        })
    );
    run.complete("publish", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn when_a_branch_fails_the_others_are_stopped_and_the_block_fails_with_its_error() {
    let mut run = Run::of(CHECKS);
    run.complete("first", json!({}));
    assert_eq!(
        run.fail("images", "BROKEN"),
        recorded(Next::Final, RunStatus::Failed)
    );
    assert_eq!(
        run.statuses(),
        "first=completed checks=failed spelling=canceled images=failed summary=skipped publish=skipped"
    );
    assert_eq!(run.step("checks").error.unwrap().code, "BROKEN");
    assert_eq!(
        run.state.error().unwrap().step_id.as_deref(),
        Some("images")
    );
}

#[test]
fn a_block_that_continues_on_error_keeps_the_failure_to_itself() {
    let mut run = Run::of(
        "steps:
  - id: checks
    kind: Parallel
    continue_on_error: true
    parallel:
      - {id: a, kind: Task, inline: {capabilities: [x]}}
      - {id: b, kind: Task, inline: {capabilities: [x]}}
  - {id: after, kind: Task, input: {e: '${{ steps.checks.error.code }}', w: '${{ workflow.error }}'}, inline: {capabilities: [x]}}",
    );
    run.fail("a", "BROKEN");
    assert_eq!(
        run.statuses(),
        "checks=failed a=failed b=canceled after=running"
    );
    assert_eq!(run.job("after").input, json!({"e": "BROKEN", "w": null}));
    run.complete("after", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_step_that_continues_on_error_leaves_the_branches_beside_it_alone() {
    let mut run = Run::of(
        "steps:
  - id: checks
    kind: Parallel
    parallel:
      - {id: a, kind: Task, continue_on_error: true, inline: {capabilities: [x]}}
      - {id: b, kind: Task, inline: {capabilities: [x]}}",
    );
    run.fail("a", "BROKEN");
    assert_eq!(run.in_flight(), ["b"]);
    run.complete("b", json!(1));
    assert_eq!(run.step("checks").output, Some(json!({"a": null, "b": 1})));
}

#[test]
fn under_notify_the_other_branches_finish_before_the_block_fails() {
    let mut run = Run::of(
        "error_handling: {on_failure: notify}
steps:
  - id: checks
    kind: Parallel
    parallel:
      - {id: a, kind: Task, inline: {capabilities: [x]}}
      - {id: b, kind: Task, inline: {capabilities: [x]}}
  - {id: after, kind: Task, inline: {capabilities: [x]}}",
    );
    run.fail("a", "BROKEN");
    assert_eq!(
        run.event_types(),
        ["attempt_failed", "step_failed", "notification_requested"]
    );
    assert_eq!(run.in_flight(), ["b"]);
    run.complete("b", json!({}));
    assert_eq!(
        run.statuses(),
        "checks=failed a=failed b=completed after=skipped"
    );
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn only_attempts_take_slots_and_blocks_do_not() {
    let mut run = Run::of(
        "concurrency: {max_parallel: 1}
steps:
  - id: outer
    kind: Parallel
    parallel:
      - {id: inner, kind: Parallel, parallel: [{id: a, kind: Task, inline: {capabilities: [x]}}, {id: b, kind: Task, inline: {capabilities: [x]}}]}
      - {id: c, kind: Task, inline: {capabilities: [x]}}",
    );
    assert_eq!(run.in_flight(), ["c"]);
    run.complete("c", json!({}));
    assert_eq!(run.in_flight(), ["a"]);
    run.complete("a", json!({}));
    run.complete("b", json!(2));
    assert_eq!(
        run.step("outer").output,
        Some(json!({"inner": {"a": {}, "b": 2}, "c": {}}))
    );
}

#[test]
fn a_block_waits_for_the_steps_that_its_own_steps_read() {
    let run = Run::of(
        "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - id: block
    kind: Parallel
    depends_on: []
    parallel: [{id: b, kind: Task, input: '${{ steps.a.output }}', inline: {capabilities: [x]}}]",
    );
    assert_eq!(run.statuses(), "a=running block=pending");
}

#[test]
fn a_retried_step_of_a_block_reopens_the_block_and_what_was_stopped_with_it() {
    let mut run = Run::of(CHECKS);
    run.complete("first", json!({}));
    run.fail("images", "BROKEN");
    run.retry("images").unwrap();
    assert_eq!(
        run.statuses(),
        "first=completed checks=running spelling=running images=running summary=pending publish=pending"
    );
    for step in ["images", "spelling", "summary", "publish"] {
        run.complete(step, json!({}));
    }
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_retried_block_goes_on_with_the_steps_that_failed_in_it() {
    let mut run = Run::of(CHECKS);
    run.complete("first", json!({}));
    run.complete("spelling", json!({}));
    run.fail("images", "BROKEN");
    run.retry("checks").unwrap();
    assert_eq!(run.in_flight(), ["images", "summary"]);
    assert_eq!(run.attempt("images").attempt, 2);
}

#[test]
fn an_async_step_of_a_block_goes_on_after_the_block_has_ended() {
    let mut run = Run::of(
        "steps:
  - id: block
    kind: Parallel
    parallel:
      - {id: a, kind: Task, async: true, inline: {capabilities: [x]}}
      - {id: b, kind: Task, inline: {capabilities: [x]}}",
    );
    run.complete("b", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.in_flight(), ["a"]);
    run.complete("a", json!({}));
    assert_eq!(run.step("a").status, "completed");
}

#[test]
fn blocks_in_blocks_run_as_deep_as_a_manifest_can_nest_them() {
    let mut inner = "{id: leaf, kind: Task, inline: {capabilities: [x]}}".to_owned();
    for depth in 0..16 {
        inner = format!("{{id: p{depth}, kind: Parallel, parallel: [{inner}]}}");
    }
    let mut run = Run::of(&format!("steps: [{inner}]"));
    run.complete("leaf", json!(1));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_block_that_fails_at_once_does_not_keep_the_one_beside_it_from_its_end() {
    let run = Run::of(
        "steps:
  - {id: done, kind: Parallel, depends_on: [], parallel: [{id: a, kind: Task, condition: 'false', inline: {capabilities: [x]}}]}
  - {id: broken, kind: Parallel, depends_on: [], continue_on_error: true, parallel: [{id: b, kind: Task, input: {n: x}, inline: {capabilities: [x], input: {properties: {n: {type: integer}}}}}]}
  - {id: after, kind: Task, depends_on: [done], inline: {capabilities: [x]}}",
    );
    assert_eq!(
        run.statuses(),
        "done=completed a=skipped broken=failed b=failed after=running"
    );
}
