//! In which order steps run.

use ossa_runtime::port::RunStatus;
use serde_json::json;

use crate::harness::{Run, workflow};

#[test]
fn steps_without_depends_on_run_one_after_the_other() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [a]}}
  - {id: b, kind: Task, inline: {capabilities: [b]}}
  - {id: c, kind: Task, inline: {capabilities: [c]}}",
    );
    for step in ["a", "b", "c"] {
        assert_eq!(run.in_flight(), [step]);
        run.complete(step, json!({}));
    }
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn steps_that_depend_on_the_same_step_run_side_by_side() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [a], inline: {capabilities: [x]}}
  - {id: c, kind: Task, depends_on: [a], inline: {capabilities: [x]}}
  - {id: d, kind: Task, depends_on: [b, c], inline: {capabilities: [x]}}",
    );
    run.complete("a", json!({}));
    assert_eq!(run.in_flight(), ["b", "c"]);
    run.complete("c", json!({}));
    assert_eq!(run.in_flight(), ["b"]);
    run.complete("b", json!({}));
    assert_eq!(run.in_flight(), ["d"]);
}

#[test]
fn an_empty_depends_on_makes_a_step_a_root() {
    let run = Run::of(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: c, kind: Task, inline: {capabilities: [x]}}",
    );
    assert_eq!(run.in_flight(), ["a", "b"]);
    assert_eq!(run.step("c").depends_on, ["b"]);
}

#[test]
fn a_step_waits_for_the_steps_its_expressions_read() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: by_input, kind: Task, depends_on: [], inline: {capabilities: [x]}, input: {v: '${{ steps.a.output.v }}'}}
  - {id: by_condition, kind: Task, depends_on: [], inline: {capabilities: [x]}, condition: \"steps.b.status == 'completed'\"}
  - {id: by_position, kind: Task, depends_on: [], inline: {capabilities: [x]}, input: {v: '${{ steps[1].output }}'}}",
    );
    assert_eq!(run.in_flight(), ["a", "b"]);
    run.complete("a", json!({"v": 3}));
    assert_eq!(run.in_flight(), ["b", "by_input"]);
    assert_eq!(run.job("by_input").input, json!({"v": 3}));
    run.complete("b", json!(["x"]));
    assert_eq!(run.in_flight(), ["by_input", "by_condition", "by_position"]);
    assert_eq!(run.job("by_position").input, json!({"v": ["x"]}));
}

#[test]
fn a_bare_step_id_in_an_expression_is_a_dependency_too() {
    let run = Run::of(
        "steps:
  - {id: fetch, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: use, kind: Task, depends_on: [], inline: {capabilities: [x]}, input: {v: '{{ fetch.outputs.v }}'}}",
    );
    assert_eq!(run.step("use").depends_on, ["fetch"]);
}

#[test]
fn parallel_with_gives_a_step_the_dependencies_of_the_other() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}}
  - {id: c, kind: Task, parallel_with: b, inline: {capabilities: [x]}}",
    );
    run.complete("a", json!({}));
    assert_eq!(run.in_flight(), ["b", "c"]);
}

#[test]
fn no_more_steps_run_at_once_than_the_workflow_allows() {
    let mut run = Run::of(
        "concurrency: {max_parallel: 2}
steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: c, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: d, kind: Task, depends_on: [], inline: {capabilities: [x]}}",
    );
    assert_eq!(run.statuses(), "a=running b=running c=ready d=ready");
    run.complete("b", json!({}));
    assert_eq!(run.statuses(), "a=running b=completed c=running d=ready");
}

#[test]
fn a_step_that_waits_for_its_retry_keeps_its_slot() {
    let mut run = Run::of(
        "concurrency: {max_parallel: 1}
steps:
  - {id: a, kind: Task, depends_on: [], retry: {max_attempts: 2}, inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}",
    );
    run.fail("a", "BUSY");
    assert_eq!(run.statuses(), "a=retrying b=ready");
}

#[test]
fn ten_thousand_steps_run_in_order_without_deep_recursion() {
    let steps: String = (0..10_000)
        .map(|n| {
            format!(
                "  - {{id: s{n}, kind: Task, condition: 'false', inline: {{capabilities: [x]}}}}\n"
            )
        })
        .collect();
    let run = Run::of(&format!("steps:\n{steps}"));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.view().steps.len(), 10_000);
}

#[test]
fn the_run_does_not_wait_for_an_async_step_but_the_step_goes_on() {
    let mut run = Run::of(
        "steps:
  - {id: main, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: track, kind: Task, depends_on: [], async: true, retry: {max_attempts: 2}, inline: {capabilities: [x]}}
  - {id: after_track, kind: Task, depends_on: [track], async: true, inline: {capabilities: [x]}}",
    );
    run.complete("main", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.in_flight(), ["track"]);
    run.fail("track", "BUSY");
    run.complete("track", json!({"ok": true}));
    run.complete("after_track", json!({}));
    assert_eq!(
        run.statuses(),
        "main=completed track=completed after_track=completed"
    );
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn the_failure_of_an_async_step_never_fails_the_run() {
    let mut run = Run::of(
        "steps:
  - {id: main, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: track, kind: Task, depends_on: [], async: true, inline: {capabilities: [x]}}",
    );
    run.fail("track", "BUSY");
    assert_eq!(run.status(), RunStatus::Running);
    assert!(run.step("track").continued);
    run.complete("main", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_run_waits_for_an_async_step_that_another_step_needs() {
    let mut run = Run::of(
        "steps:
  - {id: slow, kind: Task, async: true, inline: {capabilities: [x]}}
  - {id: next, kind: Task, depends_on: [slow], inline: {capabilities: [x]}}",
    );
    assert_eq!(run.status(), RunStatus::Running);
    run.complete("slow", json!({}));
    run.complete("next", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn what_a_step_that_waits_asks_for_by_expression_comes_first() {
    for asks in [
        "type: human, assignee: '${{ steps.a.output.who }}'",
        "type: event_wait, event: {source: shop, type: paid, filter: {order: '${{ steps.a.output.order }}'}}",
    ] {
        let mut run = Run::of(&format!(
            "steps:
  - {{id: a, kind: Task, depends_on: [], inline: {{capabilities: [x]}}}}
  - {{id: ask, kind: Task, depends_on: [], inline: {{execution: {{{asks}}}}}}}"
        ));
        assert_eq!(run.statuses(), "a=running ask=pending", "{asks}");
        run.complete("a", json!({}));
        assert_eq!(run.statuses(), "a=completed ask=waiting", "{asks}");
    }
}

#[test]
fn a_bare_name_that_something_else_has_is_no_dependency() {
    let run = Run::text(
        &workflow(
            "context: {variables: {v: 1}}
steps:
  - {id: v, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: own, kind: Task, depends_on: [], input: {n: '${{ own }}'}, inline: {capabilities: [x]}}
  - {id: reads, kind: Task, depends_on: [], input: {n: '${{ v }}'}, inline: {capabilities: [x]}}",
        ),
        json!({"own": 5}),
    );
    assert_eq!(run.in_flight(), ["v", "own", "reads"]);
    assert_eq!(run.job("reads").input, json!({"n": 1}));
}
