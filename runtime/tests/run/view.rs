//! What is told of a run: its view, the columns it is listed by, the state that is stored.

use ossa_runtime::port::{RunStatus, Timestamp};
use ossa_runtime::run::{Command, RunView};
use serde_json::{Value, json};

use crate::harness::{BEGIN, Run, seconds, start_with, workflow};

const ORDER: &str = "context: {variables: {v: 1}}
timeout_seconds: 600
steps:
  - {id: a, name: First, kind: Task, inline: {capabilities: [x], error_handling: {on_error: ignore}}}
  - {id: b, kind: Task, condition: 'false', inline: {capabilities: [x]}}
  - {id: each, kind: Loop, depends_on: [a, b], loop: {over: [1, 2]}, steps: [{id: inner, kind: Task, retry: {max_attempts: 2, backoff: fixed, initial_delay_ms: 1000, jitter: false}, inline: {capabilities: [x]}}]}
  - {id: last, kind: Task, inline: {capabilities: [x]}}
  - {id: aside, kind: Task, depends_on: [], async: true, inline: {capabilities: [x]}}";

/// One second after its start `a` failed, which is ignored; one second later the first iteration did, and is to be retried.
fn half_way() -> Run {
    let mut start = start_with(json!({"n": 1}));
    start.idempotency_key = Some("once".to_owned());
    start.correlation_id = Some("case-1".to_owned());
    start.labels.insert("team".to_owned(), "core".to_owned());
    let mut run = Run::begin(&workflow(ORDER), start).unwrap();
    run.advance(seconds(1));
    run.fail("a", "BOOM");
    run.advance(seconds(1));
    run.fail("inner", "BUSY");
    run
}

/// Without what is null, false or empty.
fn told(value: &impl serde::Serialize) -> Value {
    let Value::Object(mut members) = serde_json::to_value(value).unwrap() else {
        panic!("a view is an object");
    };
    members.retain(|_, value| {
        !(value.is_null() || *value == json!(false) || *value == json!([]) || *value == json!({}))
    });
    members.into()
}

#[test]
fn a_view_tells_where_each_step_stands() {
    let run = half_way();
    let RunView { steps, .. } = run.view();
    let steps: Vec<Value> = steps.iter().map(told).collect();
    assert_eq!(
        Value::from(steps),
        json!([
            {
                "id": "a", "name": "First", "kind": "task", "scope": 0, "node": 0, "status": "completed", "attempts": 1,
                "continued": true, "error": {"code": "BOOM", "message": "BOOM happened"},
                "started_at": 1_000_000, "finished_at": 1_001_000,
            },
            {
                "id": "b", "kind": "task", "scope": 0, "node": 1, "status": "skipped", "reason": "condition", "attempts": 0,
                "depends_on": ["a"], "finished_at": 1_001_000,
            },
            {
                "id": "each", "kind": "loop", "scope": 0, "node": 2, "status": "running", "attempts": 0, "depends_on": ["a", "b"],
                "iterations": {"total": 2, "finished": 0, "failed": 0}, "started_at": 1_001_000,
            },
            {
                "id": "inner", "kind": "task", "scope": 1, "node": 5, "iteration": 0, "status": "retrying", "attempts": 2,
                "due": 1_003_000, "error": {"code": "BUSY", "message": "BUSY happened"}, "started_at": 1_001_000,
            },
            {
                "id": "last", "kind": "task", "scope": 0, "node": 3, "status": "pending", "attempts": 0, "depends_on": ["each"],
            },
            {
                "id": "aside", "kind": "task", "scope": 0, "node": 4, "status": "running", "attempts": 1, "async": true,
                "started_at": 1_000_000,
            },
        ])
    );
}

#[test]
fn a_view_and_the_columns_of_a_list_tell_the_same_of_the_run() {
    let run = half_way();
    let mut view = told(&run.view());
    view.as_object_mut().unwrap().remove("steps");
    assert_eq!(
        view,
        json!({
            "run": "00000000-0000-0000-0000-000000000007", "version": 3, "workflow": "demo", "workflow_version": "1.0.0",
            "plan": run.plan.hash(), "status": "running", "priority": "normal", "progress": 60, "current_step": "aside",
            "idempotency_key": "once", "correlation_id": "case-1", "labels": {"team": "core"}, "input": {"n": 1},
            "variables": {"v": 1}, "deadline": 1_600_000,
            "created_at": 1_000_000, "started_at": 1_000_000, "updated_at": 1_002_000,
        })
    );
    let head = run.state.head(&run.plan);
    assert_eq!(
        (head.progress, head.current_step.as_deref()),
        (60, Some("aside"))
    );
    assert_eq!(head.error, None, "a failure that is ignored ends no run");
    assert_eq!(
        run.state.deadline(),
        Some(Timestamp::from_millis(1_600_000))
    );
    assert!(!run.state.is_parked());
}

#[test]
fn the_columns_of_a_run_that_failed_name_the_error_and_no_current_step() {
    let mut run = Run::of("steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]");
    assert_eq!(run.state.head(&run.plan).current_step.as_deref(), Some("a"));
    run.fail("a", "BOOM");
    let head = run.state.head(&run.plan);
    assert_eq!(head.error.as_deref(), Some("BOOM: BOOM happened"));
    assert_eq!((head.current_step, head.progress), (None, 100));
    assert!(run.state.is_parked());
}

#[test]
fn a_run_that_completed_is_wholly_done_whatever_runs_beside_it() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}}
  - {id: c, kind: Task, inline: {capabilities: [x]}}",
    );
    assert_eq!(run.state.progress(), 0);
    run.complete("a", json!({}));
    assert_eq!(run.state.progress(), 33);
    run.complete("b", json!({}));
    assert_eq!(run.state.progress(), 66);
    run.complete("c", json!({}));
    assert_eq!(
        (run.status(), run.state.progress()),
        (RunStatus::Completed, 100)
    );
}

#[test]
fn a_step_that_waits_for_a_slot_is_the_current_one_while_the_run_is_held() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}}",
    );
    run.steer(Command::Pause).unwrap();
    run.complete("a", json!({}));
    assert_eq!(run.step("b").status, "ready");
    assert_eq!(run.view().current_step.as_deref(), Some("b"));
}

#[test]
fn the_stored_form_of_a_state_stays_as_it_is_and_leaves_out_what_says_nothing() {
    let run = half_way();
    let stored: Value = serde_json::from_str(&run.state.to_snapshot().state).unwrap();
    assert_eq!(
        stored,
        json!({
            "version": 3, "workflow": "demo", "plan": run.plan.hash(), "status": "running",
            "start": {
                "run": "00000000-0000-0000-0000-000000000007", "input": {"n": 1}, "idempotency_key": "once",
                "correlation_id": "case-1", "labels": {"team": "core"}, "priority": "normal", "queue": "work",
            },
            "variables": {"v": 1},
            "scopes": {
                "0": {"block": 0, "join": "all", "first": 0, "pending": 2, "steps": [
                    {
                        "phase": "completed", "attempt": 1, "input": {}, "output": null,
                        "error": {"code": "BOOM", "message": "BOOM happened"},
                        "started_at": 1_000_000, "finished_at": 1_001_000,
                    },
                    {"phase": {"skipped": {"reason": "condition"}}, "finished_at": 1_001_000},
                    {
                        "phase": "open", "input": {}, "started_at": 1_001_000,
                        "block": {"scopes": [1], "cursor": {"items": [1, 2], "next": 1, "parallelism": 1, "finished": 0}},
                    },
                    {"unmet": 1},
                    {"phase": "running", "attempt": 1, "input": {}, "started_at": 1_000_000},
                ]},
                "1": {"parent": 0, "node": 2, "block": 1, "iteration": 0, "join": "all", "first": 5, "pending": 1, "steps": [
                    {
                        "phase": {"retrying": {"due": 1_003_000}}, "attempt": 2, "input": {},
                        "error": {"code": "BUSY", "message": "BUSY happened"}, "started_at": 1_001_000,
                    },
                ]},
            },
            "next_scope": 2, "in_flight": 2, "waits": 0, "deadline": 1_600_000, "deadline_generation": 1,
            "created_at": BEGIN, "updated_at": 1_002_000, "started_at": BEGIN,
        })
    );
}
