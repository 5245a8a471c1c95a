//! Operators retry failed steps.

use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{Answer, Effect, Input, Next, StepError};
use serde_json::json;

use crate::harness::{BEGIN, Run, cancel, recorded, seconds, succeeded};

const FAN: &str = "timeout_seconds: 60
steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: c, kind: Task, depends_on: [a, b], inline: {capabilities: [x]}}";

const RUNNING: Answer = Answer::Applied {
    status: RunStatus::Running,
};

#[test]
fn a_failed_run_is_reopened_and_runs_to_its_end() {
    let mut run = Run::of(FAN);
    run.fail("a", "BOOM");
    assert_eq!(run.statuses(), "a=failed b=canceled c=skipped");
    run.advance(seconds(1000));
    assert_eq!(run.retry("a").unwrap(), RUNNING);
    assert_eq!(run.statuses(), "a=running b=running c=pending");
    assert_eq!(run.state.error(), None);
    assert_eq!((run.attempt("a").attempt, run.attempt("b").attempt), (2, 2));
    let deadline = run.effects.iter().find_map(|effect| match effect {
        Effect::SetTimer {
            generation, due, ..
        } => Some((*generation, *due)),
        _ => None,
    });
    assert_eq!(deadline, Some((2, BEGIN.after(seconds(1060)))));
    for step in ["a", "b", "c"] {
        run.complete(step, json!({}));
    }
    assert_eq!(run.status(), RunStatus::Completed);
    let head = run.state.head(&run.plan);
    assert_eq!(head.error, None);
}

#[test]
fn a_retried_step_gets_one_attempt_beyond_its_policy() {
    let mut run = Run::of(
        "steps:\n  - {id: a, kind: Task, retry: {max_attempts: 2}, inline: {capabilities: [x]}}",
    );
    run.fail("a", "BUSY");
    run.fail("a", "BUSY");
    assert_eq!(run.retry("a").unwrap(), RUNNING);
    assert_eq!(run.attempt("a").attempt, 3);
    assert_eq!(
        run.fail("a", "BUSY"),
        recorded(Next::Final, RunStatus::Failed)
    );
}

#[test]
fn a_retried_step_keeps_its_input() {
    let mut run = Run::of(
        "steps:\n  - {id: a, kind: Task, input: {id: '${{ uuid() }}', at: '${{ now() }}'}, inline: {capabilities: [x]}}",
    );
    let input = run.job("a").input.clone();
    run.fail("a", "BUSY");
    run.advance(seconds(5));
    run.retry("a").unwrap();
    assert_eq!(run.job("a").input, input);
}

#[test]
fn steps_that_another_failure_kept_from_running_stay_skipped() {
    let mut run = Run::of(
        "error_handling: {on_failure: notify}
steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: after_a, kind: Task, depends_on: [a], inline: {capabilities: [x]}}
  - {id: after_b, kind: Task, depends_on: [b], inline: {capabilities: [x]}}",
    );
    run.fail("a", "BOOM");
    run.fail("b", "BANG");
    assert_eq!(run.status(), RunStatus::Failed);
    run.retry("a").unwrap();
    assert_eq!(
        run.statuses(),
        "a=running b=failed after_a=pending after_b=skipped"
    );
    assert_eq!(run.state.error().unwrap().code, "BANG");
    run.complete("a", json!({}));
    run.complete("after_a", json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn a_step_that_failed_while_the_run_goes_on_can_be_retried_at_once() {
    let mut run = Run::of(
        "error_handling: {on_failure: notify}
steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: after_a, kind: Task, depends_on: [a], inline: {capabilities: [x]}}",
    );
    run.fail("a", "BOOM");
    assert_eq!(run.statuses(), "a=failed b=running after_a=skipped");
    assert_eq!(run.retry("a").unwrap(), RUNNING);
    run.complete("a", json!({}));
    assert_eq!(run.in_flight(), ["b", "after_a"]);
    run.complete("b", json!({}));
    run.complete("after_a", json!({}));
    assert_eq!(run.status(), RunStatus::Completed, "no failure is left");
}

#[test]
fn what_could_not_begin_is_tried_from_the_start() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [x], preconditions: [{expression: 'false'}]}}",
    );
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(
        run.retry("a").unwrap(),
        Answer::Applied {
            status: RunStatus::Failed
        }
    );
    assert_eq!(run.step("a").attempts, 0);
}

#[test]
fn a_canceled_step_of_a_run_that_ran_out_of_time_can_be_retried() {
    let mut run = Run::of(FAN);
    run.apply(Input::TimerFired {
        name: "deadline".to_owned(),
        generation: 1,
    })
    .unwrap();
    assert_eq!(run.retry("a").unwrap(), RUNNING);
    assert_eq!(run.in_flight(), ["a", "b"]);
}

#[test]
fn a_step_that_was_canceled_because_of_a_failure_points_at_the_one_that_failed() {
    let mut run = Run::of(FAN);
    run.fail("a", "BOOM");
    let refused = run.retry("b").unwrap_err();
    assert_eq!(refused.code(), "OSSA-R006");
    assert!(refused.to_string().contains("`a` failed"), "{refused}");
}

#[test]
fn other_steps_and_runs_refuse_a_retry() {
    let mut run = Run::of(FAN);
    assert_eq!(run.retry("a").unwrap_err().code(), "OSSA-R006");
    run.complete("a", json!({}));
    assert_eq!(run.retry("a").unwrap_err().code(), "OSSA-R006");
    run.apply(cancel("")).unwrap();
    assert_eq!(run.retry("b").unwrap_err().code(), "OSSA-R006");

    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, continue_on_error: true, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}}",
    );
    run.fail("a", "BOOM");
    let refused = run.retry("a").unwrap_err();
    assert!(
        refused.to_string().contains("gone on without it"),
        "{refused}"
    );
}

#[test]
fn a_result_of_before_the_reopening_is_late() {
    let mut run = Run::of(FAN);
    let old = run.attempt("b");
    run.fail("a", "BOOM");
    run.retry("a").unwrap();
    let answer = run.apply(succeeded(old, json!({})));
    assert_eq!(answer.unwrap(), Answer::Late);
}

#[test]
fn an_attempt_that_was_canceled_does_not_count_once_it_is_made_again() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], retry: {max_attempts: 2}, inline: {capabilities: [x]}}",
    );
    run.fail("a", "BOOM");
    run.retry("a").unwrap();
    assert!(matches!(
        run.fail("b", "BUSY"),
        Answer::Recorded {
            next: Next::Retry { attempt: 3, .. },
            ..
        }
    ));
    assert_eq!(
        run.fail("b", "BUSY"),
        recorded(Next::Final, RunStatus::Failed)
    );
}

const TWO_FAILURES: &str = "error_handling: {on_failure: notify}
steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - id: around
    kind: Parallel
    depends_on: []
    parallel: [{id: b, kind: Task, inline: {capabilities: [x]}}, {id: c, kind: Task, inline: {capabilities: [x]}}]
  - {id: d, kind: Task, depends_on: [], inline: {capabilities: [x]}}";

#[test]
fn retrying_one_of_two_failed_steps_leaves_the_other_as_the_error_of_the_run() {
    let mut run = Run::of(TWO_FAILURES);
    run.fail("a", "FIRST");
    run.fail("d", "SECOND");
    assert_eq!(run.state.error().unwrap().code, "FIRST");
    run.retry("a").unwrap();
    assert_eq!(
        run.statuses(),
        "a=running around=running b=running c=running d=failed"
    );
    assert_eq!(run.state.error().unwrap().code, "SECOND");
}

#[test]
fn a_failure_in_a_block_that_is_still_open_is_found_and_can_be_retried() {
    let mut run = Run::of(TWO_FAILURES);
    run.fail("a", "FIRST");
    run.fail("b", "SECOND");
    run.retry("a").unwrap();
    assert_eq!(run.state.error().unwrap().step_id.as_deref(), Some("b"));
    assert_eq!(run.retry("b").unwrap(), RUNNING);
    assert_eq!(
        run.statuses(),
        "a=running around=running b=running c=running d=running"
    );
    assert_eq!(run.state.error(), None);
}

#[test]
fn a_failure_that_a_block_keeps_to_itself_is_not_the_error_of_the_run() {
    let mut run = Run::of(&TWO_FAILURES.replace(
        "kind: Parallel",
        "kind: Parallel\n    continue_on_error: true",
    ));
    run.fail("a", "FIRST");
    run.fail("b", "SECOND");
    run.retry("a").unwrap();
    assert_eq!(run.state.error(), None);
}

#[test]
fn a_block_that_failed_by_its_own_output_is_tried_again_with_the_steps_it_has() {
    let mut run = Run::of(
        "steps:
  - id: around
    kind: Parallel
    parallel: [{id: a, kind: Task, inline: {capabilities: [x]}}]
    output_mapping: {broken: \"${{ 'a' matches output.a }}\"}",
    );
    run.complete("a", json!("("));
    assert_eq!(run.statuses(), "around=failed a=completed");
    assert_eq!(run.state.error().unwrap().code, "EXPRESSION_ERROR");
    run.retry("around").unwrap();
    assert_eq!(run.statuses(), "around=failed a=completed");
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn the_attempts_before_a_failure_count_when_the_step_is_tried_again() {
    let mut run = Run::of(
        "steps: [{id: a, kind: Task, retry: {max_attempts: 3}, inline: {capabilities: [x]}}]",
    );
    let hopeless = StepError {
        retryable: Some(false),
        ..StepError::new("FATAL", "no use")
    };
    run.fail_with("a", hopeless);
    run.retry("a").unwrap();
    run.fail("a", "BUSY");
    assert_eq!(run.attempt("a").attempt, 3);
    assert_eq!(
        run.fail("a", "BUSY"),
        recorded(Next::Final, RunStatus::Failed)
    );
}

#[test]
fn what_a_block_that_is_done_kept_back_stays_as_it_is() {
    let mut run = Run::of(
        "steps:
  - {id: done, kind: Parallel, continue_on_error: true, parallel: [{id: a, kind: Task, inline: {capabilities: [x]}}, {id: b, kind: Task, inline: {capabilities: [x]}}]}
  - {id: last, kind: Task, inline: {capabilities: [x]}}",
    );
    run.fail("a", "FIRST");
    run.fail("last", "SECOND");
    run.retry("last").unwrap();
    assert_eq!(
        run.statuses(),
        "done=failed a=failed b=canceled last=running"
    );
}
