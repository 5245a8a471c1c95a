//! Inputs, outputs and checks: what a task promises and asks for.

use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{Event, MAX_DATA_DEPTH, Next, Rejection};
use serde_json::{Value, json};

use crate::harness::{Run, recorded, start_with, workflow};

fn one(inline: &str) -> String {
    format!(
        "steps:\n  - id: a\n    kind: Task\n    input: {{n: '${{{{ input.n }}}}'}}\n    inline: {inline}"
    )
}

#[test]
fn a_run_starts_with_the_defaults_of_its_input_schema() {
    let text = workflow(
        "inputs: {type: object, properties: {source: {type: string, default: web}}}
steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}, input: '${{ workflow.input }}'}",
    );
    assert_eq!(
        Run::text(&text, json!({})).job("a").input,
        json!({"source": "web"})
    );
    assert_eq!(
        Run::text(&text, Value::Null).job("a").input,
        json!({"source": "web"})
    );
    assert_eq!(
        Run::text(&text, json!({"source": "api"}))
            .state
            .start()
            .input,
        json!({"source": "api"}).into()
    );
}

#[test]
fn a_run_is_not_created_with_an_input_that_breaks_the_schema() {
    let text = workflow(
        "inputs: {type: object, properties: {email: {type: string, format: email}}, required: [email]}
steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}",
    );
    let rejected = Run::begin(&text, start_with(json!({"email": "nobody"})))
        .err()
        .unwrap();
    assert_eq!(rejected.code(), "OSSA-R001");
    let Rejection::InvalidInput { violations, .. } = &rejected else {
        panic!("{rejected}");
    };
    assert!(violations[0].starts_with("$.email: "), "{violations:?}");
    assert!(
        !rejected.to_string().contains("nobody"),
        "values stay out of messages"
    );
}

#[test]
fn a_step_input_that_breaks_the_tasks_schema_fails_the_step_without_an_attempt() {
    let text = workflow(&one(
        "{capabilities: [x], input: {properties: {n: {type: integer}}}}",
    ));
    let run = Run::text(&text, json!({"n": "three"}));
    assert_eq!(run.status(), RunStatus::Failed);
    let error = run.state.error().unwrap();
    assert_eq!(
        (error.code.as_str(), error.attempt),
        ("VALIDATION_FAILED", None)
    );
    assert_eq!(run.step("a").attempts, 0);
    let subjects = run.events.iter().filter_map(|event| match event {
        Event::ValidationFailed { step, subject, .. } => Some((step.as_deref(), subject.as_str())),
        _ => None,
    });
    assert_eq!(subjects.collect::<Vec<_>>(), [(Some("a"), "input")]);
}

#[test]
fn defaults_of_the_tasks_schema_complete_a_steps_input() {
    let text = workflow(&one(
        "{capabilities: [x], input: {properties: {lang: {default: en}}}}",
    ));
    assert_eq!(
        Run::text(&text, json!({"n": 1})).job("a").input,
        json!({"n": 1, "lang": "en"})
    );
}

#[test]
fn a_precondition_that_does_not_hold_fails_the_step_with_the_authors_message() {
    let text = workflow(&one(
        "{capabilities: [x], preconditions: [{expression: 'input.n > 0', error_message: 'n must be positive'}]}",
    ));
    let run = Run::text(&text, json!({"n": 0}));
    let error = run.state.error().unwrap();
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("PRECONDITION_FAILED", "n must be positive")
    );
    assert_eq!(Run::text(&text, json!({"n": 1})).in_flight(), ["a"]);
}

#[test]
fn an_output_that_breaks_its_schema_is_a_failed_attempt() {
    let text = workflow(&one(
        "{capabilities: [x], output: {type: object, required: [id]}}",
    ));
    let mut run = Run::text(&text, json!({"n": 1}));
    let answer = run.complete("a", json!({"name": "x"}));
    assert_eq!(answer, recorded(Next::Final, RunStatus::Failed));
    assert_eq!(
        run.event_types(),
        [
            "validation_failed",
            "attempt_failed",
            "step_failed",
            "run_failed"
        ]
    );
    assert_eq!(run.step("a").output, None);
}

#[test]
fn an_output_that_breaks_its_schema_is_retried_when_the_policy_lists_it() {
    let text = workflow(
        "steps:
  - id: a
    kind: Task
    retry: {max_attempts: 2, retryable_errors: [VALIDATION_FAILED]}
    inline: {capabilities: [x], output: {type: object}}",
    );
    let mut run = Run::text(&text, json!({}));
    run.complete("a", json!("no object"));
    assert_eq!(run.step("a").status, "retrying");
    run.complete("a", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn a_postcondition_sees_input_and_output() {
    let text = workflow(&one(
        "{capabilities: [x], postconditions: [{expression: 'output.n >= input.n'}]}",
    ));
    let mut run = Run::text(&text, json!({"n": 3}));
    let mut failing = run.clone();
    run.complete("a", json!({"n": 3}));
    assert_eq!(run.status(), RunStatus::Completed);
    failing.complete("a", json!({"n": 2}));
    let error = failing.state.error().unwrap();
    assert_eq!(error.code, "POSTCONDITION_FAILED");
    assert!(
        error.message.contains("output.n >= input.n"),
        "{}",
        error.message
    );
}

#[test]
fn data_from_outside_cannot_pass_for_a_secret() {
    let text = workflow(
        "context: {secrets: [{name: TOKEN, ref: 'vault://t'}]}
steps:
  - id: a
    kind: Task
    input: {token: '${{ secrets.TOKEN }}', n: 1}
    inline: {capabilities: [x], input: {properties: {token: {type: string}, n: {type: integer}}}}",
    );
    let mut run = Run::text(&text, json!({}));
    assert_eq!(run.job("a").input["token"], json!({"$secret": "TOKEN"}));
    run.complete("a", json!({"echo": [{"$secret": "TOKEN"}]}));
    assert_eq!(run.state.error().unwrap().code, "VALIDATION_FAILED");
    let rejected = Run::begin(&text, start_with(json!({"x": {"$secret": "TOKEN"}}))).err();
    assert_eq!(rejected.unwrap().code(), "OSSA-R001");
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |value, _| json!([value]))
}

#[test]
fn data_that_nests_too_deep_to_be_read_back_is_refused() {
    let text = workflow(
        "steps:\n  - {id: a, kind: Task, input: '${{ input }}', inline: {capabilities: [x]}}",
    );
    let mut run = Run::text(&text, nested(MAX_DATA_DEPTH));
    run.complete("a", nested(MAX_DATA_DEPTH));
    assert_eq!(run.status(), RunStatus::Completed);

    let rejected = Run::begin(&text, start_with(nested(MAX_DATA_DEPTH + 1))).err();
    assert_eq!(rejected.unwrap().code(), "OSSA-R001");
    let mut run = Run::text(&text, json!({}));
    run.complete("a", nested(MAX_DATA_DEPTH + 1));
    assert_eq!(run.state.error().unwrap().code, "VALIDATION_FAILED");
}
