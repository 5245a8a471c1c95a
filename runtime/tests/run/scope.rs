//! What expressions see.

use ossa_runtime::run::StepError;
use serde_json::{Value, json};

use crate::harness::{Run, documents, start_with, task, workflow};

/// The input of a step `probe` that follows a completed step `first`.
fn probe(expressions: &[(&str, &str)]) -> Value {
    let lines: String = expressions
        .iter()
        .map(|(name, text)| format!("\n      {name}: \"{text}\""))
        .collect();
    let mut start = start_with(json!({"email": "a@example.org", "first": "shadowed", "count": 2}));
    start.env.insert("HOST".to_owned(), json!("h"));
    start.trigger = Some(json!({"kind": "user.registered", "data": {"id": 5}}));
    start.correlation_id = Some("case-1".to_owned());
    let text = workflow(&format!(
        "context:
  variables: {{v: 10}}
  secrets: [{{name: TOKEN, ref: 'vault://t'}}]
steps:
  - {{id: first, kind: Task, inline: {{capabilities: [x]}}}}
  - id: probe
    kind: Task
    inline: {{capabilities: [x]}}
    input:{lines}"
    ));
    let mut run = Run::begin(&text, start).unwrap();
    run.complete("first", json!({"id": 1, "tags": ["a", "b"]}));
    run.job("probe").input.clone()
}

#[test]
fn workflow_and_input_are_what_the_run_was_started_with() {
    assert_eq!(
        probe(&[
            ("a", "${{ workflow.input.email }}"),
            ("b", "${{ input.email }}"),
            ("c", "${{ inputs.count }}"),
            ("d", "${{ workflow.run_id }}"),
            ("e", "${{ workflow.name }}"),
            ("f", "${{ workflow.error }}"),
            ("g", "${{ workflow.correlation_id }}"),
            ("h", "${{ workflow.version }}"),
            ("i", "${{ workflow.no_such_member }}"),
            ("j", "${{ input.* | length }}"),
        ]),
        json!({
            "a": "a@example.org", "b": "a@example.org", "c": 2,
            "d": "00000000-0000-0000-0000-000000000007", "e": "demo", "f": null, "g": "case-1",
            "h": "1.0.0", "i": null, "j": 3,
        })
    );
}

#[test]
fn steps_give_their_output_status_and_error() {
    assert_eq!(
        probe(&[
            ("a", "${{ steps.first.output.tags }}"),
            ("b", "${{ steps.first.output.tags[1] }}"),
            ("c", "${{ steps.first.status }}"),
            ("d", "${{ steps.first.error }}"),
            ("e", "${{ steps.first.id }}"),
            ("f", "${{ steps.first }}"),
            ("g", "${{ steps[0].output.id }}"),
            ("h", "${{ steps.*.output }}"),
            ("j", "${{ steps.*.id }}"),
            ("k", "${{ steps.first.attempt }}"),
            ("l", "${{ steps.first.input }}"),
            ("m", "${{ steps[-2].output.id }}"),
            (
                "i",
                "${{ steps.probe_nothing || 'none' }}"
                    .replace("steps.probe_nothing", "input.nothing")
                    .as_str()
            ),
        ]),
        json!({
            "a": ["a", "b"], "b": "b", "c": "completed", "d": null, "e": 1,
            "f": {"output": {"id": 1, "tags": ["a", "b"]}, "status": "completed", "error": null},
            "g": 1, "h": [{"id": 1, "tags": ["a", "b"]}], "i": "none",
            "j": [1], "k": 1, "l": {}, "m": 1,
        })
    );
}

#[test]
fn a_bare_name_is_a_variable_then_a_step_then_an_input_field() {
    assert_eq!(
        probe(&[
            ("variable", "${{ v }}"),
            ("step", "${{ first.output.id }}"),
            ("field", "${{ email }}"),
            ("nothing", "${{ no_such_name }}"),
        ]),
        json!({"variable": 10, "step": 1, "field": "a@example.org", "nothing": null})
    );
}

#[test]
fn variables_are_members_of_the_context_one_by_one_and_together() {
    assert_eq!(
        probe(&[
            ("a", "${{ context.variables.v }}"),
            ("b", "${{ context.v }}"),
            ("c", "${{ context.variables }}"),
            ("d", "${{ context }}"),
            ("e", "${{ context.variables.nothing }}"),
            ("f", "${{ env }}"),
            ("g", "${{ env.NOTHING }}"),
        ]),
        json!({
            "a": 10, "b": 10, "c": {"v": 10}, "d": {"variables": {"v": 10}}, "e": null, "f": {"HOST": "h"}, "g": null,
        })
    );
}

#[test]
fn the_whole_workflow_is_an_object_of_what_is_known_of_it() {
    let whole = probe(&[("w", "${{ workflow }}")]);
    assert_eq!(
        whole["w"],
        json!({
            "input": {"email": "a@example.org", "first": "shadowed", "count": 2},
            "run_id": "00000000-0000-0000-0000-000000000007", "name": "demo", "version": "1.0.0",
            "correlation_id": "case-1", "error": null,
        })
    );
}

#[test]
fn words_of_blocks_and_tasks_are_plain_names_elsewhere() {
    let mut run = Run::text(
        &workflow(
            "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, input: {branch: '${{ steps.a.branch }}', case: '${{ steps.a.case }}', output: '${{ output }}'}, inline: {capabilities: [x]}}",
        ),
        json!({"output": "of the input"}),
    );
    run.complete("a", json!({"branch": "main", "case": 7}));
    assert_eq!(
        run.job("b").input,
        json!({"branch": "main", "case": 7, "output": "of the input"})
    );
}

#[test]
fn no_iteration_of_a_loop_stands_for_all_of_them() {
    let mut run = Run::of(
        "steps:
  - {id: each, kind: Loop, continue_on_error: true, loop: {over: [1]}, steps: [{id: inner, kind: Task, inline: {capabilities: [x]}}]}
  - {id: after, kind: Task, input: {status: '${{ steps.inner.status }}', of: '${{ steps.each.error.code }}'}, inline: {capabilities: [x]}}",
    );
    run.fail("inner", "BOOM");
    assert_eq!(
        run.job("after").input,
        json!({"status": null, "of": "BOOM"})
    );
}

#[test]
fn a_secret_is_a_placeholder_and_only_when_it_is_declared() {
    assert_eq!(
        probe(&[("a", "${{ secrets.TOKEN }}"), ("b", "${{ secrets.OTHER }}")]),
        json!({"a": {"$secret": "TOKEN"}, "b": null})
    );
}

#[test]
fn the_event_that_started_the_run_is_trigger_event_and_event() {
    assert_eq!(
        probe(&[
            ("a", "${{ trigger.event.data.id }}"),
            ("b", "${{ event.kind }}"),
            ("c", "${{ env.HOST }}"),
        ]),
        json!({"a": 5, "b": "user.registered", "c": "h"})
    );
}

#[test]
fn uuid_differs_at_every_place_and_is_the_same_when_computed_again() {
    let both = || probe(&[("a", "${{ uuid() }}"), ("b", "${{ uuid() }}")]);
    let value = both();
    assert_ne!(value["a"], value["b"]);
    assert_eq!(value, both());
}

#[test]
fn the_error_of_the_workflow_is_seen_after_a_failure() {
    let mut run = Run::of(
        "error_handling: {on_failure: notify}
steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: report, kind: Task, depends_on: [b], inline: {capabilities: [x]}, input: {e: '${{ workflow.error.message }}', s: '${{ workflow.error.step_id }}'}}",
    );
    run.fail_with("a", StepError::new("BOOM", "it broke"));
    run.complete("b", json!({}));
    assert_eq!(run.job("report").input, json!({"e": "it broke", "s": "a"}));
}

#[test]
fn a_task_of_another_manifest_sees_its_input_and_not_the_workflows_steps() {
    let text = documents(&[
        workflow(
            "steps:
  - {id: total, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, ref: t, input: {total: 3}}",
        ),
        task(
            "t",
            "execution: {entrypoint: t}
preconditions:
  - {expression: 'total == 3 && input.total == 3', error_message: 'sees something else'}",
        ),
    ]);
    let mut run = Run::text(&text, json!({"total": 99}));
    run.complete("total", json!({"n": 1}));
    assert_eq!(run.in_flight(), ["b"]);
}

#[test]
fn a_step_without_input_gets_an_empty_object() {
    let run = Run::text(
        &workflow("steps:\n  - {id: a, kind: Task, inline: {capabilities: [x]}}"),
        json!({"n": 1}),
    );
    assert_eq!(run.job("a").input, json!({}));
}
