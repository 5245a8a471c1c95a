//! What reporters hear, and what happens to results nobody waits for.

use ossa_runtime::port::{RunId, RunStatus, StepRef};
use ossa_runtime::run::{Answer, Input, Next, StepError, apply};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{BEGIN, Run, cancel, failed, recorded, start_with, succeeded};

const ONE: &str = "steps:\n  - {id: a, kind: Task, retry: {max_attempts: 2}, inline: {capabilities: [x]}}\n  - {id: b, kind: Task, inline: {capabilities: [x]}}";

fn succeed(run: &mut Run, step: StepRef) -> Answer {
    run.apply(succeeded(step, json!({"late": true}))).unwrap()
}

#[test]
fn the_first_result_of_an_attempt_wins_and_repeats_are_duplicates() {
    let mut run = Run::of(ONE);
    let step = run.attempt("a");
    assert_eq!(
        run.complete("a", json!({"first": true})),
        recorded(Next::Handled, RunStatus::Running)
    );
    assert_eq!(succeed(&mut run, step), Answer::Duplicate);
    let error = StepError::new("BOOM", "too late");
    assert_eq!(run.apply(failed(step, error)).unwrap(), Answer::Duplicate);
    assert_eq!(run.step("a").output, Some(json!({"first": true})));
}

#[test]
fn a_result_of_an_older_attempt_is_late() {
    let mut run = Run::of(ONE);
    let first = run.attempt("a");
    run.fail("a", "BUSY");
    assert_eq!(succeed(&mut run, first), Answer::Late);
    assert_eq!(run.step("a").status, "retrying");
}

#[test]
fn a_result_for_a_step_that_was_canceled_is_late() {
    let mut run = Run::of(ONE);
    let step = run.attempt("a");
    run.apply(cancel("changed my mind")).unwrap();
    assert_eq!(succeed(&mut run, step), Answer::Late);
    assert_eq!(run.status(), RunStatus::Canceled);
}

#[test]
fn cancel_stops_everything_and_keeps_the_reason() {
    let mut run = Run::of(ONE);
    let answer = run.apply(cancel("changed my mind")).unwrap();
    assert_eq!(
        answer,
        Answer::Applied {
            status: RunStatus::Canceled
        }
    );
    assert_eq!(run.statuses(), "a=canceled b=skipped");
    assert_eq!(run.view().reason.as_deref(), Some("changed my mind"));
    let again = run.apply(cancel("again"));
    assert_eq!(again.unwrap(), Answer::Ignored);
}

#[test]
fn an_attempt_that_was_never_made_is_rejected() {
    let mut run = Run::of(ONE);
    let step = run.attempt("a");
    let strangers = [
        StepRef { attempt: 2, ..step },
        StepRef { attempt: 0, ..step },
        StepRef { node: 1, ..step },
        StepRef { node: 99, ..step },
        StepRef { scope: 3, ..step },
        StepRef {
            run: RunId::from_uuid(Uuid::from_u128(8)),
            ..step
        },
    ];
    for step in strangers {
        let rejected = run.apply(succeeded(step, json!(null)));
        assert_eq!(rejected.unwrap_err().code(), "OSSA-R005", "{step:?}");
    }
}

#[test]
fn a_run_starts_once_and_nothing_happens_to_one_that_was_not_started() {
    let mut run = Run::of(ONE);
    let start = || Input::Start(Box::new(start_with(json!({}))));
    assert_eq!(run.apply(start()).unwrap_err().code(), "OSSA-R003");
    let cancel = cancel("");
    let rejected = apply(&run.plan, None, cancel, BEGIN);
    assert_eq!(rejected.unwrap_err().code(), "OSSA-R004");
}

#[test]
fn a_run_does_not_go_on_with_another_plan() {
    let run = Run::of(ONE);
    let other = Run::of("steps:\n  - {id: z, kind: Task, inline: {capabilities: [x]}}");
    let step = run.attempt("a");
    let output = json!({});
    let rejected = apply(
        &other.plan,
        Some(run.state.clone()),
        succeeded(step, output),
        BEGIN,
    );
    assert_eq!(rejected.unwrap_err().code(), "OSSA-R007");
}

#[test]
fn the_head_shows_progress_and_the_current_step() {
    let mut run = Run::of(ONE);
    let head = run.state.head(&run.plan);
    assert_eq!(
        (head.progress, head.current_step.as_deref()),
        (0, Some("a"))
    );
    run.complete("a", json!({}));
    let head = run.state.head(&run.plan);
    assert_eq!(
        (head.progress, head.current_step.as_deref()),
        (50, Some("b"))
    );
    run.complete("b", json!({}));
    let head = run.state.head(&run.plan);
    assert_eq!((head.progress, head.current_step), (100, None));
    assert_eq!(head.ended_at, Some(BEGIN));
    assert_eq!(head.version, run.state.version());
}
