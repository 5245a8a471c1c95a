//! Bounds in time.

use std::time::Duration;

use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{Answer, DEADLINE_TIMER, Effect, Input, Next};
use serde_json::json;

use crate::harness::{BEGIN, Run, documents, recorded, seconds, task, workflow};

fn fire(run: &mut Run, name: &str, generation: u64) -> Answer {
    run.apply(Input::TimerFired {
        name: name.to_owned(),
        generation,
    })
    .unwrap()
}

const TIMED: &str = "timeout_seconds: 60
steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}}";

#[test]
fn an_attempt_is_bound_by_the_smaller_of_what_step_and_task_say() {
    let timeout = |step: &str, execution: &str, spec: &str| {
        let text = documents(&[
            workflow(&format!(
                "{spec}\nsteps:\n  - {{id: a, kind: Task, ref: t{step}}}"
            )),
            task("t", &format!("execution: {{entrypoint: t{execution}}}")),
        ]);
        Run::text(&text, json!({})).item("a").timeout
    };
    let step = ", timeout_seconds: 20";
    let task = ", timeout_seconds: 30";
    let default = "timeouts: {step_default: 40s}";
    assert_eq!(timeout(step, task, default), seconds(20));
    assert_eq!(timeout("", task, default), seconds(30));
    assert_eq!(timeout("", "", default), seconds(40));
    assert_eq!(timeout("", "", ""), seconds(300));
}

#[test]
fn the_job_carries_the_timeout_of_the_attempt() {
    let run =
        Run::of("steps:\n  - {id: a, kind: Task, timeout_seconds: 5, inline: {capabilities: [x]}}");
    assert_eq!(run.job("a").timeout_ms, 5000);
}

#[test]
fn an_attempt_that_ran_out_of_time_fails_with_timeout_and_may_be_retried() {
    let mut run = Run::of(
        "steps:\n  - {id: a, kind: Task, retry: {max_attempts: 2}, inline: {capabilities: [x]}}",
    );
    run.fail("a", "TIMEOUT");
    assert_eq!(run.step("a").status, "retrying");
    assert_eq!(
        run.fail("a", "TIMEOUT"),
        recorded(Next::Final, RunStatus::Failed)
    );
}

#[test]
fn a_run_with_a_timeout_sets_its_deadline_timer_and_clears_it_at_the_end() {
    let mut run = Run::of(TIMED);
    let set = Effect::SetTimer {
        name: DEADLINE_TIMER.to_owned(),
        generation: 1,
        due: BEGIN.after(seconds(60)),
    };
    assert!(run.effects.contains(&set), "{:?}", run.effects);
    run.complete("a", json!({}));
    run.complete("b", json!({}));
    let clear = Effect::ClearTimer {
        name: DEADLINE_TIMER.to_owned(),
    };
    assert!(run.effects.contains(&clear), "{:?}", run.effects);
}

#[test]
fn a_run_that_ran_out_of_time_fails_with_timeout_and_cancels_what_is_in_flight() {
    let mut run = Run::of(TIMED);
    run.advance(seconds(60));
    let answer = fire(&mut run, DEADLINE_TIMER, 1);
    assert_eq!(
        answer,
        Answer::Applied {
            status: RunStatus::Failed
        }
    );
    assert_eq!(run.state.error().unwrap().code, "TIMEOUT");
    assert_eq!(run.statuses(), "a=canceled b=skipped");
    assert!(run.items.is_empty());
}

#[test]
fn a_timer_that_was_replaced_or_comes_after_the_end_is_ignored() {
    let mut run = Run::of(TIMED);
    assert_eq!(fire(&mut run, DEADLINE_TIMER, 0), Answer::Ignored);
    assert_eq!(fire(&mut run, "other", 1), Answer::Ignored);
    run.complete("a", json!({}));
    run.complete("b", json!({}));
    run.advance(Duration::from_secs(60));
    assert_eq!(fire(&mut run, DEADLINE_TIMER, 1), Answer::Ignored);
    assert_eq!(run.status(), RunStatus::Completed);
}
