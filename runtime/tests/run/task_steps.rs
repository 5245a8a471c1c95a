//! Tasks made of steps.

use ossa_runtime::port::RunStatus;
use serde_json::json;

use crate::harness::{Run, compile, documents, task, workflow};

const REVIEW: &str = "input: {type: object, properties: {text: {type: string}, level: {type: integer, default: 3}}, required: [text]}
output: {type: object, required: [ok]}
postconditions: [{expression: 'output.ok == true', error_message: 'not approved'}]
steps:
  - {id: first, action: check_spelling, input: {words: '${{ input.text }}', level: '${{ level }}'}}
  - {id: check, action: judge, input: {found: '${{ steps.first.output }}', all: '${{ workflow.input }}'}}";

fn calling(steps: &str) -> String {
    documents(&[workflow(steps), task("review", REVIEW)])
}

#[test]
fn the_steps_of_a_task_run_in_order_within_its_contract() {
    let mut run = Run::text(
        &calling(
            "steps:
  - {id: first, kind: Task, inline: {capabilities: [x]}}
  - {id: review, kind: Task, ref: review, input: {text: '${{ steps.first.output.text }}'}}
  - {id: after, kind: Task, input: '${{ steps.review.output }}', inline: {capabilities: [x]}}",
        ),
        json!({"level": 99}),
    );
    run.complete("first", json!({"text": "Hi"}));
    // The task sees its own input and its own step `first`, not the workflow's.
    assert_eq!(run.job("first").input, json!({"words": "Hi", "level": 3}));
    assert_eq!(run.job("first").calls[0].keys[0].key, "review.first");
    run.complete("first", json!(["typo"]));
    assert_eq!(
        run.job("check").input,
        json!({"found": ["typo"], "all": {"text": "Hi", "level": 3}})
    );
    run.complete("check", json!({"ok": true}));
    assert_eq!(run.job("after").input, json!({"ok": true}));
}

#[test]
fn an_output_that_breaks_the_contract_of_the_task_fails_it() {
    let mut run = Run::text(
        &calling("steps: [{id: review, kind: Task, ref: review, input: {text: a}}]"),
        json!({}),
    );
    run.complete("first", json!({}));
    run.complete("check", json!({"ok": false}));
    assert_eq!(run.state.error().unwrap().code, "POSTCONDITION_FAILED");
    assert_eq!(
        run.state.error().unwrap().step_id.as_deref(),
        Some("review")
    );
}

#[test]
fn an_input_that_breaks_the_contract_keeps_the_steps_from_running() {
    let run = Run::text(
        &calling("steps: [{id: review, kind: Task, ref: review}]"),
        json!({}),
    );
    assert_eq!(run.statuses(), "review=failed");
    assert_eq!(run.state.error().unwrap().code, "VALIDATION_FAILED");
}

#[test]
fn a_task_made_of_steps_is_a_run_of_its_own() {
    let mut run = Run::text(&task("review", REVIEW), json!({"text": "Hi"}));
    assert_eq!(run.job("first").input, json!({"words": "Hi", "level": 3}));
    run.complete("first", json!({}));
    run.complete("check", json!({"ok": true}));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.output(), &json!({"ok": true}));
}

#[test]
fn one_task_may_be_run_by_several_steps_and_in_a_loop() {
    let mut run = Run::text(
        &calling(
            "steps:
  - {id: one, kind: Task, depends_on: [], ref: review, input: {text: a}}
  - {id: each, kind: Loop, depends_on: [], loop: {over: [b, c]}, steps: [{id: two, kind: Task, ref: review, input: {text: '${{ item }}'}}]}",
        ),
        json!({}),
    );
    while let Some(step) = run.in_flight().first().cloned() {
        run.complete(&step, json!({"ok": true}));
    }
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn the_fallback_of_a_task_takes_over_when_its_steps_fail() {
    let text = documents(&[
        workflow("steps: [{id: a, kind: Task, ref: t, input: {n: 1}}]"),
        task(
            "t",
            "steps: [{id: s, action: x}]\nerror_handling: {on_error: fallback, fallback_task: u}",
        ),
        task("u", "execution: {entrypoint: u}"),
    ]);
    let mut run = Run::text(&text, json!({}));
    run.fail("s", "BOOM");
    assert_eq!(run.job("a").input, json!({"n": 1}));
    run.complete("a", json!("saved"));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.step("a").output, Some(json!("saved")));
}

#[test]
fn the_retry_of_a_task_made_of_steps_is_that_of_its_steps() {
    let text = task("t", "retry: {max_attempts: 2}\nsteps: [{id: s, action: x}]");
    let mut run = Run::text(&text, json!({}));
    run.fail("s", "BUSY");
    assert_eq!(run.attempt("s").attempt, 2);
}

#[test]
fn a_task_that_runs_itself_again_is_refused() {
    let text = documents(&[
        workflow("steps: [{id: a, kind: Task, ref: t}]"),
        task("t", "steps: [{id: s, kind: Task, ref: u}]"),
        task("u", "steps: [{id: s, kind: Task, ref: t}]"),
    ]);
    let errors = compile(&text).unwrap_err();
    assert_eq!(errors[0].code(), "OSSA-P013");
    assert!(errors[0].to_string().contains("t → u → t"), "{errors:?}");
}

#[test]
fn tasks_that_grow_without_measure_are_refused() {
    let mut documents_ = vec![workflow("steps: [{id: a, kind: Task, ref: t0}]")];
    for level in 0..20 {
        let next = level + 1;
        let steps: Vec<_> = (0..4)
            .map(|n| format!("{{id: s{n}, kind: Task, ref: t{next}}}"))
            .collect();
        documents_.push(task(
            &format!("t{level}"),
            &format!("steps: [{}]", steps.join(", ")),
        ));
    }
    documents_.push(task("t20", "execution: {entrypoint: x}"));
    let errors = compile(&documents(&documents_)).unwrap_err();
    assert_eq!(errors[0].code(), "OSSA-P014");
}

#[test]
fn steps_and_an_entrypoint_at_once_are_refused() {
    let errors = compile(&task(
        "t",
        "execution: {entrypoint: e}\nsteps: [{id: s, action: x}]",
    ))
    .unwrap_err();
    assert_eq!(errors[0].code(), "OSSA-P010");
}
