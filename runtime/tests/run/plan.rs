//! What the compiler refuses.

use ossa_runtime::plan::PlanError;

use crate::harness::{compile, documents, task, workflow};

fn errors(text: &str) -> Vec<PlanError> {
    compile(text).expect_err("it should be refused")
}

/// Code, step and path of the only error.
fn refusal(spec: &str) -> (String, String, String) {
    let errors = errors(&workflow(spec));
    let [error] = errors.as_slice() else {
        panic!("one error expected: {errors:#?}");
    };
    let step = error.step().unwrap_or_default().to_owned();
    (
        format!("{} {error}", error.code()),
        step,
        error.path().to_owned(),
    )
}

fn refused(spec: &str, code: &str, words: &str, step: &str, path: &str) {
    let (text, found_step, found_path) = refusal(spec);
    assert!(text.starts_with(code) && text.contains(words), "{text}");
    assert_eq!(
        (found_step.as_str(), found_path.as_str()),
        (step, path),
        "{text}"
    );
}

#[test]
fn constructs_that_are_not_built_are_refused_by_name_with_their_step() {
    let at = "$.spec.steps[0]";
    let inner = "[{id: b, kind: Task, inline: {capabilities: [x]}}]";
    let cases = [
        (
            format!(
                "steps: [{{id: a, kind: Parallel, retry: {{max_attempts: 2}}, parallel: {inner}}}]"
            ),
            "retry of a block",
        ),
        (
            format!(
                "steps: [{{id: a, kind: Conditional, timeout_seconds: 5, condition: 'true', steps: {inner}}}]"
            ),
            "timeout_seconds of a block",
        ),
        (
            "steps: [{id: a, kind: Agent, ref: b}]".to_owned(),
            "an agent step",
        ),
        (
            "steps: [{id: a, kind: Task, ref: './${{ input.x }}.yaml'}]".to_owned(),
            "a reference that holds an expression",
        ),
        (
            "steps: [{id: a, kind: Task, ref: './{{ input.x }}.yaml'}]".to_owned(),
            "a reference that holds an expression",
        ),
        (
            "steps: [{id: a, kind: Task, ref: './${input.x}.yaml'}]".to_owned(),
            "a reference that holds an expression",
        ),
    ];
    for (spec, words) in cases {
        refused(&spec, "OSSA-P010", words, "a", at);
    }
}

#[test]
fn a_workflow_that_runs_itself_is_refused() {
    refused(
        "steps: [{id: a, kind: Task, ref: demo}]",
        "OSSA-P013",
        "demo → demo",
        "a",
        "$.spec.steps[0]",
    );
}

#[test]
fn a_reference_that_leads_to_nothing_says_where_it_was_looked_for() {
    refused(
        "steps: [{id: a, kind: Task, ref: nowhere}]",
        "OSSA-P001",
        "`nowhere` is not resolved: not on the shelf",
        "a",
        "$.spec.steps[0]",
    );
}

#[test]
fn a_step_that_only_its_task_mentions_must_exist() {
    refused(
        "steps: [{id: a, kind: Task, inline: {capabilities: [x], preconditions: [{expression: 'steps.ghost.output'}]}}]",
        "OSSA-P003",
        "reads the result of unknown step `ghost`",
        "a",
        "$.spec.steps[0]",
    );
    refused(
        "steps: [{id: a, kind: Task, inline: {capabilities: [x], condition: 'steps[1].output'}}]",
        "OSSA-P003",
        "`steps[1]`",
        "a",
        "$.spec.steps[0]",
    );
    refused(
        "steps: [{id: a, kind: Task, inline: {capabilities: [x], condition: 'steps[7].output'}}]",
        "OSSA-P003",
        "`steps[7]`",
        "a",
        "$.spec.steps[0]",
    );
}

#[test]
fn steps_that_wait_for_each_other_by_their_bare_names_are_refused_with_the_circle() {
    let spec = "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [a], input: '${{ d.output }}', inline: {capabilities: [x]}}
  - {id: c, kind: Task, depends_on: [b], inline: {capabilities: [x]}}
  - {id: d, kind: Task, depends_on: [], input: '${{ c.output }}', inline: {capabilities: [x]}}
  - {id: e, kind: Task, depends_on: [d], inline: {capabilities: [x]}}";
    refused(spec, "OSSA-P004", "b → d → c → b", "b", "$.spec.steps[1]");
}

#[test]
fn a_step_whose_task_needs_its_own_result_first_waits_for_itself() {
    refused(
        "steps: [{id: a, kind: Task, inline: {capabilities: [x], preconditions: [{expression: 'steps.a.output'}]}}]",
        "OSSA-P004",
        "a → a",
        "a",
        "$.spec.steps[0]",
    );
}

#[test]
fn every_error_is_reported_not_only_the_first() {
    let found = errors(&workflow(
        "concurrency: {group: '${{ steps.a.output }}'}
steps:
  - {id: a, kind: Task, ref: nowhere}
  - {id: b, kind: Agent, ref: agent}",
    ));
    let codes: Vec<_> = found.iter().map(PlanError::code).collect();
    assert_eq!(codes, ["OSSA-P001", "OSSA-P010", "OSSA-P022"]);
    assert!(found.iter().all(|error| !error.help().is_empty()));
}

#[test]
fn a_fallback_must_exist_and_not_fall_back_itself() {
    let with = |handling: &str, spare: &str| {
        errors(&documents(&[
            workflow("steps: [{id: a, kind: Task, ref: t}]"),
            task(
                "t",
                &format!("execution: {{entrypoint: t}}\nerror_handling: {handling}"),
            ),
            task("spare", spare),
        ]))
    };
    let falls = "{on_error: fallback, fallback_task: spare}";
    let nested = with(
        falls,
        "execution: {entrypoint: s}\nerror_handling: {on_error: fallback, fallback_task: t}",
    );
    assert!(
        nested[0].to_string().contains("falls back itself"),
        "{nested:?}"
    );
    let missing = with(
        "{on_error: fallback, fallback_task: ghost}",
        "execution: {entrypoint: s}",
    );
    assert_eq!(missing[0].code(), "OSSA-P001");
}

#[test]
fn a_task_on_its_own_that_needs_anothers_result_is_refused() {
    let text = task(
        "t",
        "execution: {entrypoint: t}\ndependencies: [{ref: other, kind: Task}]",
    );
    assert_eq!(errors(&text)[0].code(), "OSSA-P009");
    let text = task(
        "t",
        "execution: {entrypoint: t}\ndependencies: [{ref: other, kind: Task, optional: true}]",
    );
    assert!(compile(&text).is_ok());
}

#[test]
fn an_agent_manifest_is_not_run() {
    let text = "apiVersion: ossa/v0.3.0\nkind: Agent\nmetadata: {name: a}\nspec: {role: helper}\n";
    assert_eq!(errors(text)[0].code(), "OSSA-P011");
}

#[test]
fn an_error_becomes_a_diagnostic_with_code_path_and_help() {
    let found = errors(&workflow("steps: [{id: a, kind: Agent, ref: agent}]"));
    let diagnostic = found[0].to_diagnostic();
    assert!(diagnostic.is_error());
    assert_eq!(
        (diagnostic.code, diagnostic.path.as_str()),
        ("OSSA-P010", "$.spec.steps[0]")
    );
    let help = diagnostic.help.unwrap();
    assert!(help.contains("rewrite the manifest"), "{help}");
    assert!(
        diagnostic.message.starts_with("step `a`: "),
        "{}",
        diagnostic.message
    );
}

#[test]
fn a_plan_tells_its_labels_and_blocks() {
    let text = workflow(
        "steps:
  - {id: around, kind: Parallel, parallel: [{id: b, kind: Task, inline: {capabilities: [x]}}]}",
    )
    .replace("version: 1.0.0", "version: 1.0.0, labels: {team: core}");
    let plan = compile(&text).unwrap();
    assert_eq!(plan.labels(), [("team".to_owned(), "core".to_owned())]);
    assert_eq!(plan.blocks().len(), 2);
}
