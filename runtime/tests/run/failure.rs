//! What the failure of a step means for the run.

use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{
    Effect, Event, MAX_DATA_DEPTH, MAX_ERROR_MESSAGE_BYTES, Next, SkipReason, StepError,
};
use serde_json::{Value, json};

use crate::harness::{Run, documents, recorded, task, workflow};

const FAN: &str = "
steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: after_a, kind: Task, depends_on: [a], inline: {capabilities: [x]}}
  - {id: after_after_a, kind: Task, depends_on: [after_a], inline: {capabilities: [x]}}
  - {id: after_b, kind: Task, depends_on: [b], inline: {capabilities: [x]}}";

fn fan(mode: &str) -> Run {
    Run::of(&format!("error_handling: {{on_failure: {mode}}}{FAN}"))
}

#[test]
fn by_default_a_failed_step_cancels_what_runs_and_fails_the_run() {
    let mut run = Run::of(FAN.trim_start());
    let b = run.attempt("b");
    let answer = run.fail("a", "BOOM");
    assert_eq!(answer, recorded(Next::Final, RunStatus::Failed));
    assert_eq!(
        run.statuses(),
        "a=failed b=canceled after_a=skipped after_after_a=skipped after_b=skipped"
    );
    assert_eq!(run.step("after_b").reason, Some(SkipReason::RunEnded));
    assert!(run.effects.contains(&Effect::Settle(b)));
    let error = run.state.error().unwrap();
    assert_eq!(error.code, "BOOM");
    assert_eq!(error.step_id.as_deref(), Some("a"));
    assert_eq!(error.attempt, Some(1));
    let head = run.state.head(&run.plan);
    assert_eq!(head.error.as_deref(), Some("BOOM: BOOM happened"));
}

#[test]
fn continue_treats_every_failure_as_an_empty_result() {
    let mut run = fan("continue");
    assert_eq!(
        run.fail("a", "BOOM"),
        recorded(Next::Handled, RunStatus::Running)
    );
    assert_eq!(run.in_flight(), ["b", "after_a"]);
    assert!(run.step("a").continued);
    for step in ["b", "after_a", "after_b", "after_after_a"] {
        run.complete(step, json!({}));
    }
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.step("a").status, "failed");
}

#[test]
fn notify_tells_people_skips_what_depends_on_it_finishes_the_rest_and_fails() {
    let mut run = Run::of(&format!(
        "error_handling:
  on_failure: notify
  notification: {{channels: [slack], template: oops}}{FAN}"
    ));
    assert_eq!(
        run.fail("a", "BOOM"),
        recorded(Next::Final, RunStatus::Running)
    );
    let told = run.events.iter().any(|event| {
        matches!(event, Event::NotificationRequested { channels, template, error }
            if channels == &["slack"] && template.as_deref() == Some("oops") && error.code == "BOOM")
    });
    assert!(told, "{:?}", run.events);
    assert_eq!(run.step("after_a").reason, Some(SkipReason::UpstreamFailed));
    assert_eq!(
        run.step("after_after_a").reason,
        Some(SkipReason::UpstreamFailed)
    );
    run.complete("b", json!({}));
    run.complete("after_b", json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.state.error().unwrap().step_id.as_deref(), Some("a"));
    assert_eq!(run.event_types(), ["step_completed", "run_failed"]);
}

#[test]
fn a_halted_run_tells_the_people_its_author_named() {
    let mut run = Run::of(&format!(
        "error_handling: {{notification: {{channels: [email]}}}}{FAN}"
    ));
    run.fail("a", "BOOM");
    assert!(
        run.event_types()
            .contains(&"notification_requested".to_owned())
    );
}

#[test]
fn continue_on_error_lets_the_run_go_on_and_the_dependants_see_null() {
    let mut run = Run::of(
        "steps:
  - {id: sync, kind: Task, continue_on_error: true, inline: {capabilities: [x]}}
  - id: report
    kind: Task
    inline: {capabilities: [x]}
    input: {output: '${{ steps.sync.output }}', status: '${{ steps.sync.status }}', code: '${{ steps.sync.error.code }}'}",
    );
    assert_eq!(
        run.fail("sync", "BOOM"),
        recorded(Next::Handled, RunStatus::Running)
    );
    assert_eq!(
        run.job("report").input,
        json!({"output": null, "status": "failed", "code": "BOOM"})
    );
    run.complete("report", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_step_that_says_fail_is_not_continued_by_its_task() {
    let text = documents(&[
        workflow("steps:\n  - {id: a, kind: Task, ref: t, on_error: {action: fail}}"),
        task(
            "t",
            "execution: {entrypoint: t}\nerror_handling: {on_error: ignore}",
        ),
    ]);
    let mut run = Run::text(&text, json!({}));
    assert_eq!(
        run.fail("a", "BOOM"),
        recorded(Next::Final, RunStatus::Failed)
    );
}

#[test]
fn a_step_that_says_continue_comes_before_its_tasks_fallback() {
    let text = documents(&[
        workflow("steps:\n  - {id: a, kind: Task, ref: t, on_error: {action: continue}}"),
        task(
            "t",
            "execution: {entrypoint: t}\nerror_handling: {on_error: fallback, fallback_task: u}",
        ),
        task("u", "execution: {entrypoint: u}"),
    ]);
    let mut run = Run::text(&text, json!({}));
    assert_eq!(
        run.fail("a", "BOOM"),
        recorded(Next::Handled, RunStatus::Completed)
    );
    assert!(run.step("a").continued);
}

#[test]
fn an_ignored_failure_completes_the_step_with_null_and_keeps_the_error() {
    let text = documents(&[
        workflow(
            "steps:
  - {id: a, kind: Task, ref: t, output: {to: result}}
  - {id: b, kind: Task, inline: {capabilities: [x]}, input: {s: '${{ steps.a.status }}', e: '${{ steps.a.error.message }}'}}",
        ),
        task(
            "t",
            "execution: {entrypoint: t}\nerror_handling: {on_error: ignore}",
        ),
    ]);
    let mut run = Run::text(&text, json!({}));
    assert_eq!(
        run.fail("a", "BOOM"),
        recorded(Next::Handled, RunStatus::Running)
    );
    assert_eq!(run.step("a").output, Some(json!(null)));
    assert_eq!(
        run.job("b").input,
        json!({"s": "completed", "e": "BOOM happened"})
    );
    assert!(
        run.state.variables().is_empty(),
        "an ignored failure writes no variable"
    );
}

#[test]
fn error_mapping_decides_by_code_before_on_error_does() {
    let text = documents(&[
        workflow("steps:\n  - {id: a, kind: Task, ref: t}"),
        task(
            "t",
            "execution: {entrypoint: t}\nerror_handling: {on_error: fail, error_mapping: {NO_CHANGES: ignore}}",
        ),
    ]);
    let mut run = Run::text(&text, json!({}));
    let mut other = run.clone();
    assert_eq!(
        run.fail("a", "NO_CHANGES"),
        recorded(Next::Handled, RunStatus::Completed)
    );
    assert_eq!(
        other.fail("a", "BOOM"),
        recorded(Next::Final, RunStatus::Failed)
    );
}

#[test]
fn of_the_details_of_an_error_only_what_can_be_kept_is_kept() {
    let details = |details: Value| {
        let mut run = Run::of("steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]");
        let error = StepError {
            details: Some(details),
            ..StepError::new("BOOM", "boom")
        };
        run.fail_with("a", error);
        run.step("a").error.unwrap().details
    };
    let nested = |levels: usize| {
        (0..levels).fold(json!(1), |inner, level| match level % 2 {
            0 => json!([inner]),
            _ => json!({ "k": inner }),
        })
    };
    assert_eq!(details(json!({"row": 7})), Some(json!({"row": 7})));
    assert_eq!(details(Value::Null), None);
    assert!(details(nested(MAX_DATA_DEPTH)).is_some());
    assert_eq!(details(nested(MAX_DATA_DEPTH + 1)), None);
}

#[test]
fn a_message_of_the_longest_length_is_kept_whole() {
    let mut run = Run::of("steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]");
    let message = "m".repeat(MAX_ERROR_MESSAGE_BYTES);
    run.fail_with("a", StepError::new("BOOM", message.clone()));
    assert_eq!(run.step("a").error.unwrap().message, message);
}

#[test]
fn in_notify_mode_a_failure_in_a_block_is_told_once_and_not_where_the_block_continues() {
    let told = |block: &str| {
        let mut run = Run::of(&format!(
            "error_handling: {{on_failure: notify, notification: {{channels: [slack]}}}}
steps:
  - {{id: around, kind: Parallel, {block}parallel: [{{id: a, kind: Task, inline: {{capabilities: [x]}}}}]}}"
        ));
        run.fail("a", "BOOM");
        let told = run.events.iter().filter_map(|event| match event {
            Event::NotificationRequested { error, .. } => error.step_id.clone(),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(""), ["a"]);
    assert!(told("continue_on_error: true, ").is_empty());
}

#[test]
fn a_long_error_message_is_cut() {
    let mut run = Run::of("steps:\n  - {id: a, kind: Task, inline: {capabilities: [x]}}");
    run.fail_with(
        "a",
        ossa_runtime::run::StepError::new("BOOM", "é".repeat(1_000_000)),
    );
    assert!(run.step("a").error.unwrap().message.len() < 9000);
}
