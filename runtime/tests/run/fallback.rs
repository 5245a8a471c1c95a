//! The task that takes a failed one's place.

use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{HandlerKeyKind, Next};
use serde_json::json;

use crate::harness::{Run, documents, recorded, task, workflow};

fn run(primary: &str, fallback: &str) -> Run {
    let text = documents(&[
        workflow("steps:\n  - {id: a, kind: Task, ref: primary, input: {v: 1}}"),
        task(
            "primary",
            &format!(
                "execution: {{entrypoint: primary}}\nerror_handling: {{on_error: fallback, fallback_task: spare}}\n{primary}"
            ),
        ),
        task(
            "spare",
            &format!("execution: {{entrypoint: spare}}\n{fallback}"),
        ),
    ]);
    Run::text(&text, json!({}))
}

#[test]
fn the_fallback_runs_as_the_next_attempt_and_its_result_is_the_steps() {
    let mut run = run("", "");
    let answer = run.fail("a", "BOOM");
    assert_eq!(answer, recorded(Next::Handled, RunStatus::Running));
    assert_eq!(
        run.event_types(),
        ["attempt_failed", "step_fell_back", "step_dispatched"]
    );
    let job = run.job("a");
    assert_eq!(job.attempt, 2);
    let keys: Vec<_> = job.calls[0]
        .keys
        .iter()
        .map(|key| (key.kind, key.key.as_str()))
        .collect();
    assert_eq!(
        keys,
        [
            (HandlerKeyKind::Task, "spare"),
            (HandlerKeyKind::Entrypoint, "spare")
        ]
    );
    assert_eq!(job.input, json!({"v": 1}));
    run.complete("a", json!({"from": "spare"}));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.step("a").output, Some(json!({"from": "spare"})));
    assert!(run.step("a").fallback);
}

#[test]
fn the_fallback_gets_the_input_that_the_task_was_refused() {
    let refusing = "preconditions: [{expression: \"${{ input.v == 2 }}\"}]";
    let run = run(refusing, "");
    let job = run.job("a");
    assert_eq!((job.attempt, &job.input), (1, &json!({"v": 1})));
    assert_eq!(job.calls[0].keys[0].key, "spare");
}

#[test]
fn the_attempts_of_the_task_come_before_the_fallback() {
    let mut run = run("retry: {max_attempts: 2}", "");
    assert!(matches!(
        run.fail("a", "BOOM"),
        ossa_runtime::run::Answer::Recorded {
            next: Next::Retry { attempt: 2, .. },
            ..
        }
    ));
    run.fail("a", "BOOM");
    assert!(run.step("a").fallback);
    assert_eq!(run.job("a").attempt, 3);
}

#[test]
fn the_fallback_is_retried_by_its_own_policy() {
    let mut run = run("", "retry: {max_attempts: 2}");
    run.fail("a", "BOOM");
    assert_eq!(
        run.job("a").max_attempts,
        3,
        "one of the task, two of the fallback"
    );
    assert!(matches!(
        run.fail("a", "AGAIN"),
        ossa_runtime::run::Answer::Recorded {
            next: Next::Retry { attempt: 3, .. },
            ..
        }
    ));
    assert_eq!(
        run.fail("a", "AGAIN"),
        recorded(Next::Final, RunStatus::Failed)
    );
    assert_eq!(run.state.error().unwrap().code, "AGAIN");
}

#[test]
fn the_fallback_gets_its_own_defaults_and_its_input_is_checked() {
    let schema = "input: {properties: {v: {type: integer}, mode: {default: slow}}}";
    let mut good = run("", schema);
    good.fail("a", "BOOM");
    assert_eq!(good.job("a").input, json!({"v": 1, "mode": "slow"}));

    let mut bad = run("", "input: {properties: {v: {type: string}}}");
    assert_eq!(
        bad.fail("a", "BOOM"),
        recorded(Next::Handled, RunStatus::Failed)
    );
    assert_eq!(bad.state.error().unwrap().code, "VALIDATION_FAILED");
}

#[test]
fn only_the_codes_mapped_to_fallback_fall_back() {
    let text = documents(&[
        workflow("steps:\n  - {id: a, kind: Task, ref: primary}"),
        task(
            "primary",
            "execution: {entrypoint: primary}
error_handling: {error_mapping: {DOWN: fallback}, fallback_task: spare}",
        ),
        task("spare", "execution: {entrypoint: spare}"),
    ]);
    let mut run = Run::text(&text, json!({}));
    let mut other = run.clone();
    run.fail("a", "DOWN");
    assert!(run.step("a").fallback);
    assert_eq!(
        other.fail("a", "OTHER"),
        recorded(Next::Final, RunStatus::Failed)
    );
}

#[test]
fn a_step_that_fails_before_it_has_an_input_does_not_fall_back() {
    let text = documents(&[
        workflow(
            "steps: [{id: a, kind: Task, ref: t, input: {n: \"${{ 'a' matches input.pattern }}\"}}]",
        ),
        task(
            "t",
            "execution: {entrypoint: t}\nerror_handling: {on_error: fallback, fallback_task: u}",
        ),
        task("u", "execution: {entrypoint: u}"),
    ]);
    let run = Run::text(&text, json!({"pattern": "("}));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.state.error().unwrap().code, "EXPRESSION_ERROR");
    assert!(!run.step("a").fallback);
}
