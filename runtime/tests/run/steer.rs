//! Operators pause, resume, set aside and abort runs, and skip or execute steps.

use ossa_runtime::port::{RunStatus, Timestamp};
use ossa_runtime::run::{Answer, Command, Rejection, StepOrder};
use serde_json::json;

use crate::harness::{BEGIN, Run, seconds, succeeded};

const LINE: &str = "timeout_seconds: 60
steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}}
  - {id: c, kind: Task, inline: {capabilities: [x]}}";

const FAN: &str = "concurrency: {max_parallel: 2}
steps:
  - {id: a, kind: Task, depends_on: [], retry: {max_attempts: 2, initial_delay_ms: 5000, backoff_strategy: fixed}, inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: c, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: d, kind: Task, depends_on: [a], inline: {capabilities: [x]}}";

const fn applied(status: RunStatus) -> Answer {
    Answer::Applied { status }
}

fn refusal(answer: Result<Answer, Rejection>) -> (&'static str, String) {
    let rejection = answer.unwrap_err();
    (rejection.code(), rejection.to_string())
}

#[test]
fn a_paused_run_takes_results_and_dispatches_nothing() {
    let mut run = Run::of(LINE);
    assert_eq!(
        run.steer(Command::Pause).unwrap(),
        applied(RunStatus::Paused)
    );
    assert_eq!(run.item("a").not_before, Timestamp::NEVER);
    run.complete("a", json!({}));
    assert_eq!(run.statuses(), "a=completed b=ready c=pending");
    assert_eq!((run.status(), run.items.len()), (RunStatus::Paused, 0));
    run.advance(seconds(5));
    assert_eq!(
        run.steer(Command::Resume).unwrap(),
        applied(RunStatus::Running)
    );
    assert_eq!(run.in_flight(), ["b"]);
    assert_eq!(run.item("b").not_before, run.now);
}

#[test]
fn a_resumed_run_shows_its_items_again_each_when_it_is_due() {
    let mut run = Run::of(FAN);
    run.fail("a", "BUSY");
    run.steer(Command::Pause).unwrap();
    assert!(
        run.items
            .values()
            .all(|item| item.not_before == Timestamp::NEVER)
    );
    run.advance(seconds(1));
    run.steer(Command::Resume).unwrap();
    let due = run.step("a").due.unwrap();
    assert!(due > run.now);
    assert_eq!(
        (run.item("a").not_before, run.item("b").not_before),
        (due, run.now)
    );
}

#[test]
fn a_retry_that_falls_into_a_pause_waits_for_its_end() {
    let mut run = Run::of(FAN);
    run.steer(Command::Pause).unwrap();
    run.fail("a", "BUSY");
    assert_eq!(run.item("a").not_before, Timestamp::NEVER);
    run.advance(seconds(60));
    run.steer(Command::Resume).unwrap();
    assert_eq!(run.item("a").not_before, run.now);
}

#[test]
fn what_is_in_flight_may_bring_a_paused_run_to_its_end() {
    let mut run = Run::of("steps:\n  - {id: a, kind: Task, inline: {capabilities: [x]}}");
    run.steer(Command::Pause).unwrap();
    run.complete("a", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(refusal(run.steer(Command::Resume)).0, "OSSA-R010");
}

#[test]
fn a_paused_run_does_not_end_before_steps_that_its_end_does_not_wait_for() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [a], async: true, inline: {capabilities: [x]}}",
    );
    run.steer(Command::Pause).unwrap();
    run.complete("a", json!({}));
    assert_eq!(
        (run.status(), run.statuses().as_str()),
        (RunStatus::Paused, "a=completed b=ready")
    );
    assert_eq!(
        run.steer(Command::Resume).unwrap(),
        applied(RunStatus::Completed)
    );
    assert_eq!(run.in_flight(), ["b"]);
}

#[test]
fn the_deadline_of_a_paused_run_keeps_running() {
    let mut run = Run::of(LINE);
    run.steer(Command::Pause).unwrap();
    run.advance(seconds(60));
    let fired = run.apply(ossa_runtime::run::Input::TimerFired {
        name: "deadline".to_owned(),
        generation: 1,
    });
    assert_eq!(fired.unwrap(), applied(RunStatus::Failed));
    run.retry("a").unwrap();
    assert_eq!(
        run.status(),
        RunStatus::Running,
        "what has ended is paused no more"
    );
}

#[test]
fn of_two_rival_orders_the_first_wins_and_the_second_is_told() {
    let mut run = Run::of(LINE);
    run.steer(Command::Pause).unwrap();
    let id = run.state.run();
    assert_eq!(
        refusal(run.steer(Command::Pause)),
        (
            "OSSA-R010",
            format!("run {id} cannot be paused: it is paused (by ada since {BEGIN})")
        )
    );
    assert_eq!(refusal(run.steer(Command::Release)).0, "OSSA-R010");
    run.steer(Command::Abort).unwrap();
    for command in [
        Command::Pause,
        Command::Resume,
        Command::Quarantine,
        Command::Abort,
    ] {
        let (code, message) = refusal(run.steer(command));
        assert_eq!(code, "OSSA-R010");
        assert!(
            message.contains(&id.to_string()) && message.contains("it is canceled"),
            "{message}"
        );
    }
}

#[test]
fn a_quarantine_outlasts_a_resume() {
    let mut run = Run::of(LINE);
    run.steer(Command::Quarantine).unwrap();
    assert_eq!(run.status(), RunStatus::Quarantined);
    assert_eq!(refusal(run.steer(Command::Resume)).0, "OSSA-R010");
    run.complete("a", json!({}));
    run.steer(Command::Pause).unwrap();
    assert_eq!(run.status(), RunStatus::Quarantined);
    assert_eq!(
        run.steer(Command::Release).unwrap(),
        applied(RunStatus::Paused)
    );
    assert_eq!(run.items.len(), 0, "it is paused still");
    run.steer(Command::Resume).unwrap();
    assert_eq!(run.in_flight(), ["b"]);
}

#[test]
fn an_aborted_run_ends_at_once() {
    let mut run = Run::of(LINE);
    let a = run.attempt("a");
    assert_eq!(
        run.steer(Command::Abort).unwrap(),
        applied(RunStatus::Canceled)
    );
    assert_eq!(run.statuses(), "a=canceled b=skipped c=skipped");
    assert_eq!(run.event_types().last().unwrap(), "run_aborted");
    assert_eq!(run.apply(succeeded(a, json!({}))).unwrap(), Answer::Late);
}

#[test]
fn a_step_that_was_skipped_unblocks_its_dependants() {
    let mut run = Run::of(LINE);
    let a = run.attempt("a");
    run.steer_step("a", StepOrder::Skip).unwrap();
    assert_eq!(run.in_flight(), ["b"]);
    assert_eq!(run.apply(succeeded(a, json!({}))).unwrap(), Answer::Late);
}

#[test]
fn a_step_to_come_is_skipped_when_its_turn_comes() {
    let mut run = Run::of(LINE);
    run.steer_step("b", StepOrder::Skip).unwrap();
    assert_eq!(run.statuses(), "a=running b=pending c=pending");
    assert_eq!(refusal(run.steer_step("b", StepOrder::Skip)).0, "OSSA-R011");
    run.complete("a", json!({}));
    assert_eq!(run.statuses(), "a=completed b=skipped c=running");
    run.complete("c", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn an_order_to_skip_outlasts_a_failure_before_it() {
    let mut run = Run::of(LINE);
    run.steer_step("b", StepOrder::Skip).unwrap();
    run.fail("a", "BOOM");
    run.retry("a").unwrap();
    run.complete("a", json!({}));
    assert_eq!(run.in_flight(), ["c"]);
}

#[test]
fn a_new_pause_holds_what_was_executed_under_the_last_one() {
    let mut run = Run::of(LINE);
    run.steer(Command::Pause).unwrap();
    run.steer_step("a", StepOrder::Execute).unwrap();
    assert_eq!(
        refusal(run.steer_step("a", StepOrder::Execute)).0,
        "OSSA-R011"
    );
    run.steer(Command::Resume).unwrap();
    run.steer(Command::Pause).unwrap();
    assert_eq!(run.item("a").not_before, Timestamp::NEVER);
    run.steer_step("a", StepOrder::Execute).unwrap();
    assert_eq!(run.item("a").not_before, run.now);
}

#[test]
fn skipping_the_step_that_failed_a_run_lets_it_go_on() {
    let mut run = Run::of(LINE);
    run.fail("a", "BOOM");
    assert_eq!(run.status(), RunStatus::Failed);
    run.steer_step("a", StepOrder::Skip).unwrap();
    assert_eq!(run.statuses(), "a=skipped b=running c=pending");
    assert_eq!(
        (run.status(), run.state.error()),
        (RunStatus::Running, None)
    );
}

#[test]
fn a_step_that_is_done_is_not_skipped() {
    let mut run = Run::of(LINE);
    run.complete("a", json!({}));
    let (code, message) = refusal(run.steer_step("a", StepOrder::Skip));
    assert_eq!(code, "OSSA-R011");
    assert!(message.contains("it is completed"), "{message}");
    run.steer(Command::Abort).unwrap();
    assert_eq!(refusal(run.steer_step("b", StepOrder::Skip)).0, "OSSA-R011");
}

#[test]
fn a_retry_is_executed_before_it_is_due() {
    let mut run = Run::of(FAN);
    run.fail("a", "BUSY");
    assert!(run.item("a").not_before > run.now);
    run.steer_step("a", StepOrder::Execute).unwrap();
    assert_eq!(
        (run.item("a").not_before, run.step("a").due),
        (run.now, Some(run.now))
    );
}

#[test]
fn steps_of_a_paused_run_are_executed_one_by_one() {
    let mut run = Run::of(LINE);
    run.steer(Command::Pause).unwrap();
    run.steer_step("a", StepOrder::Execute).unwrap();
    assert_eq!(run.item("a").not_before, run.now);
    run.complete("a", json!({}));
    assert_eq!(run.items.len(), 0);
    run.steer_step("b", StepOrder::Execute).unwrap();
    assert_eq!(run.item("b").not_before, run.now);
    assert_eq!(run.status(), RunStatus::Paused);
}

#[test]
fn a_step_is_not_executed_before_those_it_depends_on_nor_beyond_the_slots() {
    let mut run = Run::of(FAN);
    assert_eq!(run.in_flight(), ["a", "b"]);
    let (code, message) = refusal(run.steer_step("d", StepOrder::Execute));
    assert_eq!(code, "OSSA-R011");
    assert!(message.ends_with("it waits for a"), "{message}");
    for refused in ["a", "c"] {
        assert_eq!(
            refusal(run.steer_step(refused, StepOrder::Execute)).0,
            "OSSA-R011"
        );
    }
}

const BLOCKS: &str = "steps:
  - id: both
    kind: Parallel
    parallel:
      - {id: left, kind: Task, inline: {capabilities: [x]}}
      - {id: right, kind: Task, inline: {capabilities: [x]}}
  - {id: last, kind: Task, inline: {capabilities: [x]}}";

#[test]
fn skipping_an_open_block_stops_what_is_in_it() {
    let mut run = Run::of(BLOCKS);
    let left = run.attempt("left");
    run.steer_step("both", StepOrder::Skip).unwrap();
    assert_eq!(run.step("both").status, "skipped");
    assert_eq!(run.in_flight(), ["last"]);
    assert_eq!(run.apply(succeeded(left, json!({}))).unwrap(), Answer::Late);
}

#[test]
fn skipping_the_step_that_failed_a_block_lets_the_block_go_on() {
    let mut run = Run::of(BLOCKS);
    run.fail("left", "BOOM");
    assert_eq!(run.status(), RunStatus::Failed);
    run.steer_step("left", StepOrder::Skip).unwrap();
    assert_eq!(run.in_flight(), ["right"]);
    run.complete("right", json!({}));
    assert_eq!(run.in_flight(), ["last"]);
}

#[test]
fn a_block_that_failed_is_skipped_with_all_that_is_in_it() {
    let mut run = Run::of(BLOCKS);
    run.fail("left", "BOOM");
    run.steer_step("both", StepOrder::Skip).unwrap();
    assert_eq!(run.in_flight(), ["last"]);
    run.complete("last", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn steps_of_a_block_in_a_paused_run_are_executed_one_by_one() {
    let mut run = Run::of(BLOCKS);
    run.steer(Command::Pause).unwrap();
    run.steer_step("left", StepOrder::Execute).unwrap();
    run.complete("left", json!({}));
    run.complete("right", json!({}));
    assert_eq!(run.step("both").status, "completed");
    assert_eq!(run.in_flight(), Vec::<String>::new());
    run.steer_step("last", StepOrder::Execute).unwrap();
    assert_eq!(run.in_flight(), ["last"]);
}

#[test]
fn what_the_end_of_a_failed_run_kept_back_is_not_skipped() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}}",
    );
    run.fail("a", "BOOM");
    let (_, reason) = refusal(run.steer_step("b", StepOrder::Skip));
    assert!(reason.ends_with("the run has ended"), "{reason}");
}

#[test]
fn a_step_of_a_run_that_was_canceled_is_not_skipped() {
    let mut run = Run::of("steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]");
    run.steer(Command::Abort).unwrap();
    let (code, reason) = refusal(run.steer_step("a", StepOrder::Skip));
    assert_eq!(code, "OSSA-R011");
    assert!(reason.ends_with("the run has ended"), "{reason}");
}

#[test]
fn a_step_whose_failure_was_continued_is_not_skipped() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, continue_on_error: true, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}}",
    );
    run.fail("a", "BOOM");
    let (code, reason) = refusal(run.steer_step("a", StepOrder::Skip));
    assert_eq!(code, "OSSA-R011");
    assert!(
        reason.ends_with("cannot be skipped: the run has gone on without it"),
        "{reason}"
    );
}
