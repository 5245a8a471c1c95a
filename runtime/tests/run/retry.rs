//! Attempts, delays, and who waits them out.

use ossa_runtime::policy::{Backoff, RetryPolicy};
use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{Answer, HOST_RETRY_GRACE, Input, Next, RetryOwner, StepError};
use serde_json::json;

use crate::harness::{BEGIN, Run, documents, recorded, seconds, start_with, task, workflow};

const THREE: &str = "steps:
  - {id: a, kind: Task, retry: {max_attempts: 3, backoff_strategy: fixed, initial_delay_ms: 2000, jitter: 0}, inline: {capabilities: [x]}}";

fn retry_of(answer: Answer) -> (u64, u32) {
    let Answer::Recorded {
        next: Next::Retry { at, attempt },
        ..
    } = answer
    else {
        panic!("no retry follows: {answer:?}");
    };
    let delay = at.since(BEGIN).as_millis();
    (u64::try_from(delay).unwrap(), attempt)
}

#[test]
fn a_failed_step_with_attempts_left_is_retried_after_the_delay() {
    let mut run = Run::of(THREE);
    let answer = run.fail("a", "NETWORK_ERROR");
    let (delay, attempt) = retry_of(answer);
    assert!((1800..=2200).contains(&delay), "{delay}");
    assert_eq!(attempt, 2);
    let Answer::Recorded {
        next: Next::Retry { at, .. },
        ..
    } = answer
    else {
        unreachable!()
    };
    assert_eq!(run.item("a").not_before, at);
    assert_eq!(run.step("a").due, Some(at));
    assert_eq!(run.step("a").status, "retrying");
    assert_eq!(
        run.event_types(),
        ["attempt_failed", "step_retry_scheduled"]
    );
}

#[test]
fn max_attempts_counts_the_first_attempt_and_the_last_failure_is_final() {
    let mut run = Run::of(THREE);
    run.fail("a", "NETWORK_ERROR");
    run.fail("a", "NETWORK_ERROR");
    let answer = run.fail("a", "NETWORK_ERROR");
    assert_eq!(answer, recorded(Next::Final, RunStatus::Failed));
    assert_eq!(run.step("a").attempts, 3);
}

#[test]
fn a_later_attempt_may_succeed_and_the_error_is_forgotten() {
    let mut run = Run::of(THREE);
    run.fail("a", "NETWORK_ERROR");
    assert_eq!(run.step("a").error.unwrap().code, "NETWORK_ERROR");
    let answer = run.complete("a", json!({"ok": true}));
    assert_eq!(answer, recorded(Next::Handled, RunStatus::Completed));
    assert_eq!(run.step("a").error, None);
    assert_eq!(run.step("a").attempts, 2);
}

#[test]
fn all_attempts_get_the_same_input_and_effect_key() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, retry: {max_attempts: 3}, input: {id: '${{ uuid() }}', at: '${{ now() }}'}, inline: {capabilities: [x]}}",
    );
    let first = run.job("a").clone();
    run.advance(seconds(60));
    run.fail("a", "BUSY");
    let second = run.job("a");
    assert_eq!(second.input, first.input);
    assert_eq!(second.effect_key, first.effect_key);
    assert_eq!((first.attempt, second.attempt), (1, 2));
    assert_eq!(first.max_attempts, 3);
}

#[test]
fn without_a_policy_there_is_one_attempt() {
    let mut run = Run::of("steps:\n  - {id: a, kind: Task, inline: {capabilities: [x]}}");
    assert_eq!(
        run.fail("a", "BUSY"),
        recorded(Next::Final, RunStatus::Failed)
    );
}

#[test]
fn the_policy_of_the_step_comes_before_the_tasks_and_the_workflows() {
    let spec = |step: &str, workflow: &str| {
        format!(
            "{workflow}
steps:
  - {{id: a, kind: Task, ref: t{step}}}"
        )
    };
    let with = |spec: &str, task_retry: &str| {
        let text = documents(&[
            workflow(spec),
            task("t", &format!("execution: {{entrypoint: t}}\n{task_retry}")),
        ]);
        Run::text(&text, json!({})).job("a").max_attempts
    };
    let of_workflow = "error_handling: {retry_policy: {max_attempts: 2}}";
    let of_task = "retry: {max_attempts: 4}";
    let of_step = ", retry: {max_attempts: 6}";
    assert_eq!(with(&spec(of_step, of_workflow), of_task), 6);
    assert_eq!(with(&spec("", of_workflow), of_task), 4);
    assert_eq!(with(&spec("", of_workflow), ""), 2);
    assert_eq!(with(&spec("", ""), ""), 1);
}

#[test]
fn the_hosts_default_policy_applies_where_the_manifest_names_none() {
    let default = RetryPolicy {
        max_attempts: 5,
        backoff: Backoff::Fixed,
        ..RetryPolicy::default()
    };
    let mut start = start_with(json!({}));
    start.default_retry = Some(default);
    let text = workflow(
        "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], retry: {max_attempts: 2}, inline: {capabilities: [x]}}",
    );
    let run = Run::begin(&text, start).unwrap();
    assert_eq!(run.job("a").max_attempts, 5);
    assert_eq!(run.job("b").max_attempts, 2);
}

#[test]
fn on_error_retry_without_a_policy_means_three_attempts() {
    let text = documents(&[
        workflow("steps:\n  - {id: a, kind: Task, ref: t}"),
        task(
            "t",
            "execution: {entrypoint: t}\nerror_handling: {on_error: retry}",
        ),
    ]);
    let mut run = Run::text(&text, json!({}));
    assert_eq!(retry_of(run.fail("a", "BUSY")).1, 2);
    assert_eq!(retry_of(run.fail("a", "BUSY")).1, 3);
    assert_eq!(
        run.fail("a", "BUSY"),
        recorded(Next::Final, RunStatus::Failed)
    );
}

#[test]
fn a_code_mapped_to_anything_but_retry_is_not_retried() {
    let text = documents(&[
        workflow("steps:\n  - {id: a, kind: Task, ref: t}"),
        task(
            "t",
            "execution: {entrypoint: t}
error_handling:
  on_error: retry
  error_mapping: {CONTENT_NOT_FOUND: fail, NETWORK_ERROR: retry}",
        ),
    ]);
    let mut run = Run::text(&text, json!({}));
    assert_eq!(retry_of(run.fail("a", "NETWORK_ERROR")).1, 2);
    assert_eq!(
        run.fail("a", "CONTENT_NOT_FOUND"),
        recorded(Next::Final, RunStatus::Failed)
    );
}

#[test]
fn a_code_mapped_to_retry_is_retried_even_when_a_repetition_seldom_helps() {
    let text = documents(&[
        workflow("steps:\n  - {id: a, kind: Task, ref: t}"),
        task(
            "t",
            "execution: {entrypoint: t}\nerror_handling: {error_mapping: {VALIDATION_FAILED: retry}}",
        ),
    ]);
    let mut run = Run::text(&text, json!({}));
    assert_eq!(retry_of(run.fail("a", "VALIDATION_FAILED")).1, 2);
}

#[test]
fn only_listed_errors_are_retried_when_there_is_a_list() {
    let text = workflow(
        "steps:
  - {id: a, kind: Task, retry: {max_attempts: 3, retryable_errors: [RATE_LIMITED]}, inline: {capabilities: [x]}}",
    );
    let mut run = Run::text(&text, json!({}));
    assert_eq!(retry_of(run.fail("a", "RATE_LIMITED")).1, 2);
    assert_eq!(
        run.fail("a", "OTHER"),
        recorded(Next::Final, RunStatus::Failed)
    );
}

#[test]
fn an_error_that_refuses_a_retry_gets_none() {
    let mut run = Run::of(THREE);
    let error = StepError {
        retryable: Some(false),
        ..StepError::new("BROKEN", "never again")
    };
    assert_eq!(
        run.fail_with("a", error),
        recorded(Next::Final, RunStatus::Failed)
    );
}

#[test]
fn retry_after_postpones_the_next_attempt() {
    let mut run = Run::of(THREE);
    let error = StepError {
        retry_after: Some(seconds(90)),
        ..StepError::new("RATE_LIMITED", "slow down")
    };
    assert_eq!(retry_of(run.fail_with("a", error)), (90_000, 2));
}

#[test]
fn the_jitter_is_the_same_whenever_it_is_computed_and_differs_between_runs() {
    let delay = |id: u128| {
        let mut start = start_with(json!({}));
        start.run = ossa_runtime::port::RunId::from_uuid(uuid::Uuid::from_u128(id));
        let text = workflow(
            "steps:\n  - {id: a, kind: Task, retry: {max_attempts: 3, initial_delay_ms: 10000}, inline: {capabilities: [x]}}",
        );
        let mut run = Run::begin(&text, start).unwrap();
        retry_of(run.fail("a", "BUSY")).0
    };
    assert_eq!(delay(1), delay(1));
    let delays: std::collections::BTreeSet<_> = (0..20).map(delay).collect();
    assert!(delays.len() > 10, "{delays:?}");
    assert!(delays.iter().all(|delay| (9000..=11_000).contains(delay)));
}

#[test]
fn a_retry_the_host_waits_out_has_an_item_that_appears_only_after_a_grace() {
    let mut run = Run::of(THREE);
    assert_eq!(run.item("a").not_before, BEGIN);
    let reported = Input::Failed {
        step: run.attempt("a"),
        error: StepError::new("BUSY", "try later"),
        retry_owner: RetryOwner::Host,
    };
    let Answer::Recorded {
        next: Next::Retry { at, .. },
        ..
    } = run.apply(reported).unwrap()
    else {
        panic!("a retry follows");
    };
    assert_eq!(run.item("a").not_before, at.after(HOST_RETRY_GRACE));
    assert_eq!(run.step("a").due, Some(at));
}

#[test]
fn an_error_that_says_it_is_hopeless_is_not_retried_even_where_its_code_is_mapped_to_retry() {
    let refused = StepError {
        retryable: Some(false),
        ..StepError::new("MAPPED", "no use")
    };
    let mut run = Run::of(
        "steps: [{id: a, kind: Task, inline: {capabilities: [x], error_handling: {error_mapping: {MAPPED: retry}}}}]",
    );
    assert_eq!(
        run.fail_with("a", refused),
        recorded(Next::Final, RunStatus::Failed)
    );
}
