//! Outputs of steps, variables, and the output of the run.

use ossa_runtime::port::RunStatus;
use ossa_runtime::run::Event;
use serde_json::json;

use crate::harness::{Run, start_with, workflow};

#[test]
fn variables_are_evaluated_once_at_the_start_each_seeing_those_above_it() {
    let mut start = start_with(json!({"name": "Ada"}));
    start.env.insert("HOST".to_owned(), json!("example.org"));
    let text = workflow(
        "context:
  variables:
    host: '${{ env.HOST }}'
    url: 'https://${{ context.variables.host }}/${{ input.name }}'
    id: '${{ uuid() }}'
    at: '${{ now() }}'
steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}, input: {url: '${{ context.url }}', bare: '${{ host }}'}}",
    );
    let run = Run::begin(&text, start.clone()).unwrap();
    let again = Run::begin(&text, start).unwrap();
    assert_eq!(
        run.job("a").input,
        json!({"url": "https://example.org/Ada", "bare": "example.org"})
    );
    assert_eq!(run.state.variables()["at"], "1970-01-01T00:16:40.000Z");
    assert_eq!(run.state.variables()["id"], again.state.variables()["id"]);
}

#[test]
fn a_variable_that_cannot_be_evaluated_keeps_the_run_from_being_created() {
    let text = workflow(
        "context: {variables: {bad: \"${{ 'x' matches input.pattern }}\"}}
steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}",
    );
    let rejected = Run::begin(&text, start_with(json!({"pattern": "("}))).err();
    assert_eq!(rejected.unwrap().code(), "OSSA-R002");
}

#[test]
fn output_to_writes_the_whole_output_or_only_the_fields_named() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}, output: {to: all}}
  - {id: b, kind: Task, inline: {capabilities: [x]}, output: {to: some, fields: [id, missing]}}
  - {id: c, kind: Task, inline: {capabilities: [x]}, input: {v: '${{ all.n }}', id: '${{ context.variables.some.id }}'}}",
    );
    run.complete("a", json!({"n": 1}));
    run.complete("b", json!({"id": 7, "secret": 1}));
    assert_eq!(run.state.variables()["all"], json!({"n": 1}));
    assert_eq!(
        run.state.variables()["some"],
        json!({"id": 7, "missing": null})
    );
    assert_eq!(run.job("c").input, json!({"v": 1, "id": 7}));
}

#[test]
fn output_mapping_adds_fields_to_the_output() {
    let mut run = Run::of(
        "steps:
  - id: a
    kind: Task
    inline: {capabilities: [x]}
    output_mapping: {total: '${{ output.count }}', label: 'n=${{ output.count }}'}",
    );
    run.complete("a", json!({"count": 4}));
    assert_eq!(
        run.step("a").output,
        Some(json!({"count": 4, "total": 4, "label": "n=4"}))
    );
}

#[test]
fn output_mapping_leaves_an_output_that_is_no_object_as_it_is() {
    let mut run = Run::of(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}, output_mapping: {total: '${{ output }}'}}",
    );
    run.complete("a", json!(4));
    assert_eq!(run.step("a").output, Some(json!(4)));
    assert!(run.event_types().contains(&"warned".to_owned()));
}

#[test]
fn spec_output_makes_the_output_of_the_run() {
    let mut run = Run::of(
        "output: {id: '${{ steps.a.output.id }}', done: true}
steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}",
    );
    run.complete("a", json!({"id": 9}));
    assert_eq!(run.output(), &json!({"id": 9, "done": true}));
}

#[test]
fn properties_of_the_output_schema_are_found_in_variables_then_in_the_last_outputs() {
    let mut run = Run::of(
        "outputs: {type: object, properties: {url: {type: string}, id: {type: integer}, mail_sent: {type: boolean}, nowhere: {type: string}}}
context: {variables: {url: 'https://example.org'}}
steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}}",
    );
    run.complete("a", json!({"id": 1, "mail_sent": true, "url": "other"}));
    run.complete("b", json!({"id": 2}));
    assert_eq!(
        run.output(),
        &json!({"url": "https://example.org", "id": 2, "mail_sent": true, "nowhere": null})
    );
    let warned = run
        .events
        .iter()
        .any(|event| matches!(event, Event::Warned { message } if message.contains("nowhere")));
    assert!(warned);
}

#[test]
fn an_output_that_breaks_the_schema_is_recorded_and_does_not_fail_the_run() {
    let mut run = Run::of(
        "outputs: {type: object, properties: {id: {type: integer}}}
steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}",
    );
    run.complete("a", json!({"id": "text"}));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.output(), &json!({"id": "text"}));
    assert!(run.event_types().contains(&"validation_failed".to_owned()));
}

#[test]
fn a_workflow_without_outputs_has_an_empty_object() {
    let mut run = Run::of("steps:\n  - {id: a, kind: Task, inline: {capabilities: [x]}}");
    run.complete("a", json!({"id": 1}));
    assert_eq!(run.output(), &json!({}));
}

#[test]
fn a_step_whose_failure_is_ignored_writes_no_variables() {
    let variables = |output: &str, fails: bool| {
        let mut run = Run::of(&format!(
            "steps: [{{id: a, kind: Task, output: {output}, inline: {{capabilities: [x], error_handling: {{on_error: ignore}}}}}}]"
        ));
        if fails {
            run.fail("a", "BOOM");
        } else {
            run.complete("a", json!({"id": 1, "n": 2}));
        }
        json!(run.state.variables())
    };
    assert_eq!(variables("{to: v}", false), json!({"v": {"id": 1, "n": 2}}));
    assert_eq!(variables("{fields: [id]}", false), json!({"id": 1}));
    assert_eq!(
        variables("{to: v, fields: [id]}", false),
        json!({"v": {"id": 1}})
    );
    assert_eq!(variables("{to: v}", true), json!({}));
    assert_eq!(variables("{fields: [id]}", true), json!({}));
}
