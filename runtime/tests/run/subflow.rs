//! Steps that run a workflow as a run of its own, as the machine of the parent and that of the child see it.

use ossa_runtime::port::{RunStatus, StepRef, Timestamp};
use ossa_runtime::run::{
    Answer, Closing, Command, Effect, Errand, Event, Input, Next, Place, StepError, StepOrder,
};
use serde_json::{Value, json};

use crate::harness::*;

pub(crate) const CHILD: &str = "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: settle}
spec:
  inputs: {type: object, properties: {amount: {type: number, default: 1}}, required: [amount]}
  steps: [{id: pay, inline: {capabilities: [pay]}}]
";

/// A run whose workflow has this `spec`, and may run `settle`.
fn parent(spec: &str) -> Run {
    Run::text(&documents(&[workflow(spec), CHILD.to_owned()]), json!({}))
}

pub(crate) const ONE: &str = "steps:
  - {id: money, kind: Workflow, ref: settle, input: {amount: 7}}
  - {id: mail, inline: {capabilities: [mail]}}";

/// The attempt of a step whose work is a child run.
fn attempt(run: &Run, step: &str) -> StepRef {
    let place: Place = run.place(step);
    let attempt = run.state.step(place).unwrap().attempt;
    place.attempt(run.state.run(), attempt)
}

/// The errands that the latest transition left, with the times at which they are due.
fn errands(run: &Run) -> Vec<(Errand, Timestamp)> {
    let timers = run.effects.iter().filter_map(|effect| match effect {
        Effect::SetTimer {
            name,
            generation,
            due,
        } => Some((Errand::of(run.state.run(), name, *generation)?, *due)),
        _ => None,
    });
    timers.collect()
}

fn cleared(run: &Run) -> Vec<&str> {
    let cleared = run.effects.iter().filter_map(|effect| match effect {
        Effect::ClearTimer { name } => Some(name.as_str()),
        _ => None,
    });
    cleared.collect()
}

fn started(run: &mut Run, step: &str) {
    let step = attempt(run, step);
    run.apply(Input::ChildStarted { step }).unwrap();
}

fn ended(run: &mut Run, step: &str, result: Result<Value, StepError>) -> Answer {
    let step = attempt(run, step);
    let started = true;
    run.apply(Input::ChildEnded {
        step,
        started,
        result,
    })
    .unwrap()
}

fn failure() -> StepError {
    StepError::new("NO_MONEY", "the account is empty")
}

/// The run that the errand of a step's attempt starts.
fn child(run: &Run, step: &str) -> Run {
    let start = run.state.child_to_start(&run.plan, &attempt(run, step));
    let plan = run.plan.subflows().next().unwrap().clone();
    Run::on(plan, start.unwrap()).unwrap()
}

#[test]
fn a_step_that_runs_a_workflow_leaves_the_errand_to_start_it_and_waits() {
    let mut run = parent(ONE);
    let errand = Errand::StartChild(attempt(&run, "money"));
    assert_eq!(errands(&run), [(errand, run.now)]);
    assert_eq!(run.statuses(), "money=running mail=pending");
    assert_eq!(run.status(), RunStatus::Running);
    assert!(run.items.is_empty());
    started(&mut run, "money");
    assert_eq!(run.event_types(), ["child_started"]);
    assert_eq!(cleared(&run), ["child/0/0"]);
    assert_eq!(run.status(), RunStatus::Waiting);
}

#[test]
fn the_order_to_retry_a_step_that_waits_for_its_child_starts_the_same_child_again() {
    let mut run =
        parent("steps: [{id: money, ref: settle, input: {amount: 7}, timeout_seconds: 60}]");
    let (first, step) = (child(&run, "money"), attempt(&run, "money"));
    started(&mut run, "money");
    run.steer_step("money", StepOrder::Retry).unwrap();
    assert_eq!(run.event_types(), ["step_steered"]);
    assert_eq!(errands(&run), [(Errand::StartChild(step), run.now)]);
    assert_eq!(cleared(&run), ["limit/0/0"]);
    assert_eq!(child(&run, "money").state.run(), first.state.run());
    assert_eq!(run.status(), RunStatus::Running);
    started(&mut run, "money");
    assert_eq!(run.status(), RunStatus::Waiting);
    ended(&mut run, "money", Ok(json!({})));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_child_of_a_run_that_is_held_is_started_again_when_it_goes_on() {
    let mut run = parent(ONE);
    started(&mut run, "money");
    run.steer(Command::Pause).unwrap();
    run.steer_step("money", StepOrder::Retry).unwrap();
    assert_eq!(errands(&run), []);
    run.steer(Command::Resume).unwrap();
    let errand = Errand::StartChild(attempt(&run, "money"));
    assert_eq!(errands(&run), [(errand, run.now)]);
}

#[test]
fn the_output_of_the_child_is_the_output_of_the_step() {
    let mut run = parent(ONE);
    started(&mut run, "money");
    let answer = ended(&mut run, "money", Ok(json!({"paid": 7})));
    assert_eq!(answer, recorded(Next::Handled, RunStatus::Running));
    assert_eq!(run.statuses(), "money=completed mail=running");
    assert_eq!(run.step("money").output, Some(json!({"paid": 7})));
}

#[test]
fn a_child_is_started_as_its_parent_was_and_names_it() {
    let mut start = start_with(json!({}));
    start.correlation_id = Some("case-7".to_owned());
    start.labels.insert("tenant".to_owned(), "acme".to_owned());
    let text = documents(&[workflow(ONE), CHILD.to_owned()]);
    let run = Run::begin(&text, start).unwrap();
    let first = run.state.child_to_start(&run.plan, &attempt(&run, "money"));
    let again = run.state.child_to_start(&run.plan, &attempt(&run, "money"));
    let start = first.unwrap();
    assert_eq!(start.run, again.unwrap().run);
    assert_ne!(start.run, run.state.run());
    assert_eq!(start.correlation_id.as_deref(), Some("case-7"));
    assert_eq!(start.labels["tenant"], "acme");
    assert_eq!(start.labels["ossa.parent"], run.state.run().to_string());
    assert_eq!(start.input, json!({"amount": 7}).into());
    let parent = start.parent.unwrap();
    assert_eq!(
        (parent.workflow.as_str(), parent.step.as_str()),
        ("demo", "money")
    );
    assert_eq!(parent.attempt(), attempt(&run, "money"));
}

#[test]
fn the_end_of_a_child_is_told_to_its_parent_until_that_is_done() {
    let run = parent(ONE);
    let mut child = child(&run, "money");
    assert_eq!(child.state.result_for_parent(), None);
    child.complete("pay", json!({"ok": true}));
    assert_eq!(errands(&child), [(Errand::TellParent, child.now)]);
    let (step, result) = child.state.result_for_parent().unwrap();
    assert_eq!(step, attempt(&run, "money"));
    assert_eq!(result, Ok(json!({})));
    child.apply(Input::ParentTold).unwrap();
    assert_eq!(cleared(&child), ["parent"]);
    assert_eq!(child.state.result_for_parent(), None);
    assert_eq!(child.apply(Input::ParentTold).unwrap(), Answer::Ignored);
}

#[test]
fn a_child_that_failed_is_told_with_its_code_and_one_that_was_canceled_is_not_to_be_retried() {
    let run = parent(ONE);
    let mut failed = child(&run, "money");
    failed.fail("pay", "NO_MONEY");
    let (_, result) = failed.state.result_for_parent().unwrap();
    let error = result.unwrap_err();
    assert_eq!(error.code, "NO_MONEY");
    assert_eq!(error.details.unwrap()["step_id"], "pay");
    let mut canceled = child(&run, "money");
    canceled.apply(cancel("no need")).unwrap();
    let (_, result) = canceled.state.result_for_parent().unwrap();
    let error = result.unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.retryable),
        ("CANCELED", Some(false))
    );
}

#[test]
fn the_failure_of_a_child_fails_the_step_and_a_retry_is_a_child_of_its_own() {
    let mut run = parent(
        "steps:
  - {id: money, ref: settle, input: {amount: 7}, retry: {max_attempts: 2, backoff_strategy: fixed, initial_delay_ms: 1000}}",
    );
    let first = run
        .state
        .child_to_start(&run.plan, &attempt(&run, "money"))
        .unwrap();
    started(&mut run, "money");
    let answer = ended(&mut run, "money", Err(failure()));
    let Answer::Recorded {
        next: Next::Retry { at, attempt: 2 },
        ..
    } = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(
        errands(&run),
        [(Errand::StartChild(attempt(&run, "money")), at)]
    );
    assert_eq!(run.statuses(), "money=retrying");
    let second = run
        .state
        .child_to_start(&run.plan, &attempt(&run, "money"))
        .unwrap();
    assert_ne!(first.run, second.run);
    started(&mut run, "money");
    assert_eq!(run.statuses(), "money=running");
    ended(&mut run, "money", Err(failure()));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.state.error().unwrap().code, "NO_MONEY");
}

#[test]
fn what_a_workflow_or_host_says_of_attempts_does_not_run_a_workflow_again() {
    let mut start = start_with(json!({}));
    start.default_retry = Some(ossa_runtime::policy::RetryPolicy::default());
    let spec = format!("{ONE}\nerror_handling: {{retry_policy: {{max_attempts: 5}}}}");
    let text = documents(&[workflow(&spec), CHILD.to_owned()]);
    let mut run = Run::begin(&text, start).unwrap();
    started(&mut run, "money");
    ended(&mut run, "money", Err(failure()));
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn a_second_end_is_a_duplicate_and_that_of_an_older_attempt_is_late() {
    let mut run = parent(
        "steps: [{id: money, ref: settle, input: {amount: 7}, retry: {max_attempts: 2}}, {id: mail, inline: {capabilities: [m]}}]",
    );
    let first = attempt(&run, "money");
    started(&mut run, "money");
    ended(&mut run, "money", Err(failure()));
    let late = Input::ChildEnded {
        step: first,
        started: true,
        result: Ok(json!({})),
    };
    assert_eq!(run.apply(late).unwrap(), Answer::Late);
    let late = Input::ChildStarted { step: first };
    assert_eq!(run.apply(late).unwrap(), Answer::Late);
    // The end may come before the start is noted.
    ended(&mut run, "money", Ok(json!({})));
    assert!(run.step("money").child.is_some());
    assert_eq!(ended(&mut run, "money", Err(failure())), Answer::Duplicate);
}

#[test]
fn nobody_but_the_child_reports_for_it() {
    let mut run = parent(ONE);
    let step = attempt(&run, "money");
    let output = json!({});
    assert_eq!(run.apply(succeeded(step, output)).unwrap(), Answer::Late);
    assert_eq!(run.apply(failed(step, failure())).unwrap(), Answer::Late);
}

#[test]
fn a_workflow_that_does_not_take_the_input_is_not_started() {
    let run = parent("steps: [{id: money, ref: settle, input: {amount: much}}]");
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.state.error().unwrap().code, "VALIDATION_FAILED");
    assert_eq!(errands(&run), []);
}

#[test]
fn a_run_that_ends_closes_its_children_as_they_wish() {
    for (policy, canceled, aborted) in [
        ("cancel", Some(false), Some(true)),
        ("request_cancel", Some(false), Some(true)),
        ("abort", Some(true), Some(true)),
        ("abandon", None, None),
    ] {
        let spec = format!(
            "steps: [{{id: money, ref: settle, input: {{amount: 7}}, close_policy: {policy}}}]"
        );
        let closed = |run: &Run, abort: Option<bool>| {
            let step = attempt(run, "money");
            let expected: Vec<_> = abort
                .map(|_| (Errand::CloseChild(step), run.now))
                .into_iter()
                .collect();
            assert_eq!(errands(run), expected, "{policy}");
            let closing = run.state.child_to_close(&run.plan, &step);
            assert_eq!(closing.map(|(closing, _)| closing.abort), abort, "{policy}");
        };
        let mut run = parent(&spec);
        started(&mut run, "money");
        let mut other = run.clone();
        run.apply(cancel("stop")).unwrap();
        closed(&run, canceled);
        other.steer(Command::Abort).unwrap();
        closed(&other, aborted);
    }
}

#[test]
fn a_child_that_is_to_be_closed_is_until_that_is_done() {
    let mut run = parent(ONE);
    let step = attempt(&run, "money");
    run.apply(cancel("stop")).unwrap();
    let (closing, start) = run.state.child_to_close(&run.plan, &step).unwrap();
    let expected = Closing {
        scope: 0,
        node: 0,
        attempt: 1,
        abort: false,
        started: false,
    };
    assert_eq!(closing, expected);
    assert_eq!(start.parent.unwrap().attempt(), step);
    run.apply(Input::ChildClosed { step }).unwrap();
    assert_eq!(cleared(&run), ["close/0/0/1"]);
    assert!(run.state.child_to_close(&run.plan, &step).is_none());
    assert_eq!(
        run.apply(Input::ChildClosed { step }).unwrap(),
        Answer::Ignored
    );
}

#[test]
fn asking_a_run_to_close_does_not_keep_it_from_undoing() {
    let mut run = Run::of(
        "steps: [{id: a, inline: {capabilities: [a]}}, {id: b, inline: {capabilities: [b]}}]
error_handling: {on_failure: compensate, compensation_steps: [{id: undo, inline: {capabilities: [undo]}}]}",
    );
    run.complete("a", json!({}));
    let close = |abort| Input::Close {
        abort,
        reason: "enough".to_owned(),
    };
    run.apply(close(false)).unwrap();
    assert_eq!(run.in_flight(), ["undo"]);
    assert_eq!(run.apply(close(false)).unwrap(), Answer::Ignored);
    let mut aborted = run.clone();
    run.complete("undo", json!({}));
    assert_eq!(run.status(), RunStatus::Canceled);
    assert_eq!(run.apply(close(true)).unwrap(), Answer::Ignored);
    aborted.apply(close(true)).unwrap();
    assert_eq!(aborted.status(), RunStatus::Canceled);
}

#[test]
fn a_child_whose_time_is_up_is_closed_and_the_attempt_fails() {
    let mut run =
        parent("steps: [{id: money, ref: settle, input: {amount: 7}, timeout_seconds: 60}]");
    started(&mut run, "money");
    let limit = run.effects.iter().find_map(|effect| match effect {
        Effect::SetTimer {
            name,
            generation,
            due,
        } => Some((name.clone(), *generation, *due)),
        _ => None,
    });
    let (name, generation, due) = limit.unwrap();
    assert_eq!(due, run.now.after(seconds(60)));
    let fired = |generation| Input::TimerFired {
        name: name.clone(),
        generation,
    };
    assert_eq!(run.apply(fired(generation + 1)).unwrap(), Answer::Ignored);
    run.apply(fired(generation)).unwrap();
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.state.error().unwrap().code, "TIMEOUT");
    assert_eq!(
        errands(&run),
        [(Errand::CloseChild(attempt(&run, "money")), run.now)]
    );
    assert_eq!(run.apply(fired(generation)).unwrap(), Answer::Ignored);
}

#[test]
fn the_time_of_a_child_that_ended_is_kept_no_more() {
    let mut run =
        parent("steps: [{id: money, ref: settle, input: {amount: 7}, timeout_seconds: 60}]");
    started(&mut run, "money");
    ended(&mut run, "money", Ok(json!({})));
    assert_eq!(cleared(&run), ["limit/0/0"]);
}

#[test]
fn a_run_that_is_held_starts_no_child_and_takes_the_results_of_those_that_run() {
    let mut run = parent(
        "steps: [{id: one, ref: settle, input: {amount: 1}}, {id: two, depends_on: [], ref: settle, input: {amount: 2}}]",
    );
    started(&mut run, "one");
    run.steer(Command::Pause).unwrap();
    assert_eq!(cleared(&run), ["child/0/1"]);
    assert!(
        run.state
            .child_to_start(&run.plan, &attempt(&run, "two"))
            .is_none()
    );
    ended(&mut run, "one", Ok(json!({})));
    assert_eq!(run.status(), RunStatus::Paused);
    let mut executed = run.clone();
    run.steer(Command::Resume).unwrap();
    assert_eq!(
        errands(&run),
        [(Errand::StartChild(attempt(&run, "two")), run.now)]
    );
    executed.steer_step("two", StepOrder::Execute).unwrap();
    assert_eq!(
        errands(&executed),
        [(Errand::StartChild(attempt(&executed, "two")), executed.now)]
    );
    assert!(
        executed
            .state
            .child_to_start(&executed.plan, &attempt(&executed, "two"))
            .is_some()
    );
}

#[test]
fn a_child_is_skipped_by_order_and_closed_and_a_failed_one_is_retried_as_another() {
    let mut run = parent(ONE);
    started(&mut run, "money");
    let mut failing = run.clone();
    run.steer_step("money", StepOrder::Skip).unwrap();
    assert_eq!(run.statuses(), "money=skipped mail=running");
    assert_eq!(
        errands(&run),
        [(Errand::CloseChild(attempt(&run, "money")), run.now)]
    );
    ended(&mut failing, "money", Err(failure()));
    let first = failing.step("money").child;
    failing.retry("money").unwrap();
    assert_eq!(failing.status(), RunStatus::Running);
    started(&mut failing, "money");
    assert_ne!(failing.step("money").child, first);
}

#[test]
fn a_child_that_is_reopened_has_nothing_to_tell_until_it_ends_again() {
    let run = parent(ONE);
    let mut child = child(&run, "money");
    child.fail("pay", "NO_MONEY");
    child.retry("pay").unwrap();
    assert_eq!(cleared(&child), ["parent"]);
    assert_eq!(child.state.result_for_parent(), None);
    child.complete("pay", json!({}));
    assert_eq!(errands(&child), [(Errand::TellParent, child.now)]);
}

#[test]
fn children_take_slots_as_other_attempts_do() {
    let mut run = parent(
        "concurrency: {max_parallel: 1}
steps: [{id: one, ref: settle, input: {amount: 1}}, {id: two, depends_on: [], ref: settle, input: {amount: 2}}]",
    );
    assert_eq!(run.statuses(), "one=running two=ready");
    started(&mut run, "one");
    ended(&mut run, "one", Ok(json!({})));
    assert_eq!(run.statuses(), "one=completed two=running");
}

#[test]
fn children_run_in_parallel_in_branches_and_in_loops() {
    let mut run = parent(
        "steps:
  - id: both
    kind: Parallel
    parallel: [{id: left, ref: settle, input: {amount: 1}}, {id: right, ref: settle, input: {amount: 2}}]
  - id: choice
    branches: [{condition: 'true', steps: [{id: taken, ref: settle, input: {amount: 3}}]}]
  - id: each
    kind: Loop
    loop: {over: '${{ [1, 2] }}'}
    steps: [{id: pay-one, ref: settle, input: {amount: '${{ item }}'}}]",
    );
    for step in ["left", "right"] {
        ended(&mut run, step, Ok(json!(step)));
    }
    assert_eq!(
        run.step("both").output,
        Some(json!({"left": "left", "right": "right"}))
    );
    ended(&mut run, "taken", Ok(json!({})));
    for _ in 0..2 {
        ended(&mut run, "pay-one", Ok(json!({})));
    }
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_child_in_a_block_that_fails_is_closed() {
    let mut run = parent(
        "steps:
  - id: each
    kind: Loop
    loop: {over: '${{ [1, 2] }}'}
    steps:
      - id: both
        kind: Parallel
        continue_on_error: true
        parallel: [{id: left, ref: settle, input: {amount: 1}}, {id: right, inline: {capabilities: [r]}}]",
    );
    let left = attempt(&run, "left");
    started(&mut run, "left");
    run.fail("right", "HANDLER_ERROR");
    // The iteration is gone, and what is to be closed is not forgotten with it.
    assert!(run.state.child_to_close(&run.plan, &left).is_some());
    run.apply(Input::ChildClosed { step: left }).unwrap();
    let late = Input::ChildEnded {
        step: left,
        started: true,
        result: Ok(json!({})),
    };
    assert_eq!(run.apply(late).unwrap(), Answer::Late);
}

#[test]
fn a_failed_child_is_answered_as_the_step_says() {
    let mut run = parent(
        "steps:
  - {id: money, ref: settle, input: {amount: 7}, on_error: {action: compensate, compensation: {id: refund, ref: settle, input: {amount: 0}}}}",
    );
    started(&mut run, "money");
    ended(&mut run, "money", Err(failure()));
    started(&mut run, "refund");
    ended(&mut run, "refund", Ok(json!({})));
    assert_eq!(run.status(), RunStatus::Failed);
    let mut run = parent(
        "steps:
  - {id: money, ref: settle, input: {amount: 7}, on_error: {action: goto, goto: later}}
  - {id: between, inline: {capabilities: [b]}}
  - {id: later, ref: settle, continue_on_error: true, input: {amount: 1}, condition: '${{ workflow.error.code == \"NO_MONEY\" }}'}",
    );
    started(&mut run, "money");
    ended(&mut run, "money", Err(failure()));
    assert_eq!(run.statuses(), "money=failed between=skipped later=running");
}

#[test]
fn the_events_of_children_are_facts_of_the_parents_log() {
    let mut run = parent(ONE);
    started(&mut run, "money");
    run.apply(cancel("")).unwrap();
    assert_eq!(
        run.event_types(),
        [
            "step_canceled",
            "child_closing",
            "step_skipped",
            "run_canceled"
        ]
    );
    let place = run.events.iter().find_map(|event| match event {
        Event::ChildClosing { run, .. } => Some(*run),
        _ => None,
    });
    assert_eq!(place, run.step("money").child);
}
