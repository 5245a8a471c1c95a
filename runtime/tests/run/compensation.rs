//! Undoing what a run did before it failed.

use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{Command, Event, Input};
use serde_json::json;

use crate::harness::{Run, cancel, compile, workflow};

const ORDER: &str = "error_handling:
  on_failure: compensate
  compensation_steps:
    - {id: refund, kind: Task, condition: \"steps.charge.status == 'completed'\", input: {of: '${{ steps.charge.output.id }}', why: '${{ workflow.error.code }}'}, inline: {capabilities: [x]}}
    - {id: release, kind: Task, condition: \"steps.reserve.status == 'completed'\", inline: {capabilities: [x]}}
    - {id: call_back, kind: Task, condition: \"steps.ship.status == 'completed'\", inline: {capabilities: [x]}}
steps:
  - {id: reserve, kind: Task, inline: {capabilities: [x]}}
  - {id: charge, kind: Task, inline: {capabilities: [x]}}
  - {id: ship, kind: Task, inline: {capabilities: [x]}}";

fn failed_to_ship() -> Run {
    let mut run = Run::of(ORDER);
    run.complete("reserve", json!({}));
    run.complete("charge", json!({"id": 7}));
    run.fail("ship", "NO_TRUCK");
    run
}

#[test]
fn the_compensation_steps_run_in_document_order_and_then_the_run_fails() {
    let mut run = failed_to_ship();
    assert_eq!(run.status(), RunStatus::Running);
    assert_eq!(run.in_flight(), ["refund"]);
    assert_eq!(run.job("refund").input, json!({"of": 7, "why": "NO_TRUCK"}));
    run.complete("refund", json!({}));
    assert_eq!(run.in_flight(), ["release"]);
    run.complete("release", json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(
        run.statuses(),
        "reserve=completed charge=completed ship=failed refund=completed release=completed call_back=skipped"
    );
    let end = run.events.last().unwrap();
    assert!(
        matches!(end, Event::RunFailed { compensated: true, error } if error.code == "NO_TRUCK")
    );
}

#[test]
fn a_compensation_step_that_fails_is_recorded_and_the_others_still_run() {
    let mut run = failed_to_ship();
    run.fail("refund", "BANK_CLOSED");
    assert_eq!(run.in_flight(), ["release"]);
    run.complete("release", json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.state.error().unwrap().code, "NO_TRUCK");
    assert_eq!(run.step("refund").error.unwrap().code, "BANK_CLOSED");
}

#[test]
fn compensation_goes_on_after_a_restart_at_the_step_it_was_at() {
    let mut run = failed_to_ship();
    run.complete("refund", json!({}));
    for version in 1..=run.rows.len() {
        assert_eq!(run.restored_from(version), run.state);
    }
    run.state = run.restored_from(run.rows.len() - 1);
    run.complete("release", json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn a_run_that_completes_undoes_nothing() {
    let mut run = Run::of(ORDER);
    for step in ["reserve", "charge", "ship"] {
        run.complete(step, json!({}));
    }
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(
        run.statuses(),
        "reserve=completed charge=completed ship=completed"
    );
}

#[test]
fn a_run_that_takes_too_long_is_compensated_too_and_has_no_deadline_then() {
    let mut run = Run::of(&format!("timeout_seconds: 60\n{ORDER}"));
    run.complete("reserve", json!({}));
    let deadline = || Input::TimerFired {
        name: "deadline".to_owned(),
        generation: 1,
    };
    run.apply(deadline()).unwrap();
    assert_eq!(run.in_flight(), ["release"]);
    assert_eq!(
        run.apply(deadline()).unwrap(),
        ossa_runtime::run::Answer::Ignored
    );
    run.complete("release", json!({}));
    assert_eq!(run.state.error().unwrap().code, "TIMEOUT");
}

#[test]
fn a_cancellation_stops_the_compensation() {
    let mut run = failed_to_ship();
    run.apply(cancel("enough")).unwrap();
    assert_eq!(run.status(), RunStatus::Canceled);
}

#[test]
fn a_run_that_was_compensated_is_not_reopened() {
    let mut run = failed_to_ship();
    assert!(
        run.retry("ship")
            .unwrap_err()
            .to_string()
            .contains("about to fail")
    );
    run.complete("refund", json!({}));
    run.complete("release", json!({}));
    let refused = run.retry("ship").unwrap_err();
    assert!(refused.to_string().contains("has been undone"), "{refused}");
}

#[test]
fn a_step_can_undo_itself_before_its_failure_counts() {
    let mut run = Run::of(
        "steps:
  - id: upload
    kind: Task
    inline: {capabilities: [x]}
    on_error:
      action: compensate
      compensation: {id: clean_up, kind: Task, input: {why: '${{ steps.upload.error.code }}'}, inline: {capabilities: [x]}}
  - {id: after, kind: Task, inline: {capabilities: [x]}}",
    );
    run.fail("upload", "DISK_FULL");
    assert_eq!(run.status(), RunStatus::Running);
    assert_eq!(run.job("clean_up").input, json!({"why": "DISK_FULL"}));
    run.complete("clean_up", json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(
        run.statuses(),
        "upload=failed after=skipped clean_up=completed"
    );
    run.retry("upload").unwrap();
    run.complete("upload", json!({}));
    run.complete("after", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn what_undoes_a_step_is_not_stopped_by_the_failure_of_another() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}, on_error: {action: compensate, compensation: {id: undo_a, kind: Task, inline: {capabilities: [x]}}}}
  - {id: each, kind: Loop, depends_on: [], continue_on_error: true, loop: {over: [1], as: n}, steps: [{id: b, kind: Task, inline: {capabilities: [x]}, on_error: {action: compensate, compensation: {id: undo_b, kind: Task, input: {n: '${{ n }}'}, inline: {capabilities: [x]}}}}]}",
    );
    run.fail("b", "BANG");
    assert_eq!(run.job("undo_b").input, json!({"n": 1}));
    run.fail("a", "BOOM");
    assert_eq!(run.in_flight(), ["undo_b", "undo_a"]);
    run.complete("undo_a", json!({}));
    run.complete("undo_b", json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn compensation_of_nothing_and_steps_that_never_run_are_refused() {
    let steps = "steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]";
    for handling in [
        "{on_failure: compensate}",
        "{compensation_steps: [{id: u, kind: Task, inline: {capabilities: [x]}}]}",
    ] {
        let errors =
            compile(&workflow(&format!("error_handling: {handling}\n{steps}"))).unwrap_err();
        assert_eq!(
            (errors[0].code(), errors[0].path()),
            ("OSSA-P016", "$.spec.error_handling")
        );
    }
}

#[test]
fn a_canceled_run_undoes_what_it_did_and_ends_canceled() {
    let mut run = Run::of(COMPENSATED);
    run.complete("reserve", json!({}));
    run.apply(cancel("the customer left")).unwrap();
    assert_eq!(run.status(), RunStatus::Running);
    assert_eq!(run.event_types()[..2], ["step_canceled", "run_canceling"]);
    assert_eq!(run.in_flight(), ["undo"]);
    assert_eq!(run.job("undo").input, json!({"why": "CANCELED"}));
    run.complete("undo", json!({}));
    assert_eq!(run.status(), RunStatus::Canceled);
    assert_eq!(run.state.reason(), Some("the customer left"));
}

#[test]
fn a_canceled_run_is_held_no_more() {
    let mut run = Run::of(COMPENSATED);
    run.complete("reserve", json!({}));
    run.steer(Command::Pause).unwrap();
    run.apply(cancel("")).unwrap();
    assert_eq!(run.in_flight(), ["undo"]);
    assert_eq!(run.item("undo").not_before, run.now);
}

#[test]
fn what_a_run_ends_with_is_known_while_it_undoes_what_it_did() {
    let mut run = Run::of(COMPENSATED);
    assert_eq!(run.state.failing(), None);
    run.complete("reserve", json!({}));
    run.fail("charge", "NO_MONEY");
    let failing = run.state.failing().unwrap();
    assert_eq!(
        (failing.error.code.as_str(), failing.canceled),
        ("NO_MONEY", false)
    );
}

#[test]
fn an_iteration_takes_what_undid_its_steps_with_it() {
    let mut run = Run::of(
        "steps:
  - id: each
    kind: Loop
    loop: {over: [1, 2]}
    steps:
      - id: p
        kind: Parallel
        continue_on_error: true
        parallel: [{id: a, kind: Task, inline: {capabilities: [x]}, on_error: {action: compensate, compensation: {id: undo, kind: Task, inline: {capabilities: [x]}}}}]",
    );
    for _ in 0..2 {
        run.fail("a", "BOOM");
        assert_eq!(run.in_flight(), ["undo"]);
        run.complete("undo", json!({}));
    }
    assert_eq!(run.status(), RunStatus::Completed);
    let stored: serde_json::Value = serde_json::from_str(&run.state.to_snapshot().state).unwrap();
    assert_eq!(
        (
            stored.get("undo"),
            stored["scopes"].as_object().unwrap().len()
        ),
        (None, 1)
    );
}

#[test]
fn what_undoes_a_step_outside_a_loop_outlives_the_ends_of_its_iterations() {
    let mut run = Run::of(
        "steps:
  - id: beside
    kind: Parallel
    depends_on: []
    continue_on_error: true
    parallel: [{id: b, kind: Task, inline: {capabilities: [x]}, on_error: {action: compensate, compensation: {id: undo_b, kind: Task, inline: {capabilities: [x]}}}}]
  - {id: each, kind: Loop, depends_on: [], loop: {over: [1, 2]}, steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]}",
    );
    run.fail("b", "BOOM");
    run.complete("a", json!({}));
    assert_eq!(run.in_flight(), ["a", "undo_b"]);
    run.complete("undo_b", json!({}));
    run.complete("a", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn an_aborted_run_undoes_nothing_and_neither_does_one_that_is_canceled_twice() {
    let mut run = Run::of(COMPENSATED);
    run.complete("reserve", json!({}));
    let mut other = run.clone();
    run.steer(Command::Abort).unwrap();
    assert_eq!((run.status(), run.items.len()), (RunStatus::Canceled, 0));
    other.apply(cancel("")).unwrap();
    other.apply(cancel("")).unwrap();
    assert_eq!(
        (other.status(), other.items.len()),
        (RunStatus::Canceled, 0)
    );
}

const COMPENSATED: &str = "error_handling:
  on_failure: compensate
  compensation_steps:
    - {id: undo, kind: Task, condition: \"steps.reserve.status == 'completed'\", input: {why: '${{ workflow.error.code }}'}, inline: {capabilities: [x]}}
steps:
  - {id: reserve, kind: Task, inline: {capabilities: [x]}}
  - {id: charge, kind: Task, inline: {capabilities: [x]}}";

#[test]
fn what_undoes_a_step_of_one_iteration_outlives_the_end_of_another() {
    let mut run = Run::of(
        "steps:
  - id: each
    kind: Loop
    loop: {over: [1, 2], as: n, parallelism: 2}
    steps:
      - id: a
        kind: Task
        continue_on_error: false
        inline: {capabilities: [x]}
        on_error: {action: compensate, compensation: {id: undo, kind: Task, input: {n: '${{ n }}'}, inline: {capabilities: [x]}}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}, on_error: {action: compensate, compensation: {id: undo_b, kind: Task, inline: {capabilities: [x]}}}}",
    );
    run.complete("a", json!({}));
    run.fail("b", "BOOM");
    assert!(run.in_flight().contains(&"undo_b".to_owned()));
    run.complete("undo_b", json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
}
