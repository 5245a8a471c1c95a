//! The strict level, dialects, and what a document means as a whole.

use ossa_runtime::manifest::{Level, Severity, code};

use super::{assert_said, error, warning};
use crate::{codes, document, lenient, only, steps, strict, task, workflow};

#[test]
fn the_strict_level_names_what_breaks_the_schema() {
    let text = task("execution: {type: idempotent}\ntimeout: 30");
    assert!(!strict(&text).is_valid());
    assert_said(
        &text,
        Level::Strict,
        code::SCHEMA_VIOLATION,
        Severity::Error,
        ["$.spec.timeout", "6:3", "timeout", ""],
    );
}

#[test]
fn the_strict_level_refuses_a_version_without_a_schema() {
    let text = task("execution: {type: idempotent}").replace("v0.3.0", "v{{VERSION}}");
    assert!(!strict(&text).is_valid());
    assert_said(
        &text,
        Level::Strict,
        code::NO_SCHEMA,
        Severity::Error,
        [
            "$.apiVersion",
            "1:13",
            "ossa/v{{VERSION}}",
            "use `ossa/v0.3.0` to `ossa/v0.5.0`, or load without the strict level",
        ],
    );
}

#[test]
fn the_strict_level_warns_of_what_only_an_empty_schema_accepts() {
    let text = task("execution: {type: idempotent}\ntimeout: 30").replace("v0.3.0", "v0.4.6");
    assert!(strict(&text).is_valid());
    assert_said(
        &text,
        Level::Strict,
        code::UNDEFINED_BY_SCHEMA,
        Severity::Warning,
        ["$.spec.timeout", "6:3", "timeout", ""],
    );
}

#[test]
fn another_spelling_is_understood_with_a_warning() {
    warning(
        &steps("- {id: a, ref: b, inputs: {x: 1}}"),
        code::ALIAS,
        ["$.spec.steps[0].inputs", "6:23", "inputs", "write `input`"],
    );
}

#[test]
fn a_field_nobody_reads_is_told_with_the_name_that_was_meant() {
    warning(
        &steps("- {id: a, ref: b, depend_on: [c]}"),
        code::IGNORED_FIELD,
        [
            "$.spec.steps[0].depend_on",
            "6:23",
            "depend_on",
            "did you mean `depends_on`?",
        ],
    );
    warning(
        &task("capabilities: [a]\ncolour: blue"),
        code::IGNORED_FIELD,
        [
            "$.spec.colour",
            "6:3",
            "colour",
            "remove it, or put it below `extensions`",
        ],
    );
}

#[test]
fn a_value_beyond_ossas_range_is_used_with_a_warning() {
    warning(
        &task("execution: {timeout_seconds: 604800}"),
        code::OUT_OF_RANGE,
        ["$.spec.execution.timeout_seconds", "5:32", "604800", ""],
    );
    warning(
        &task("capabilities: [a]\nretry: {max_attempts: 25}"),
        code::OUT_OF_RANGE,
        ["$.spec.retry.max_attempts", "6:25", "25", ""],
    );
}

#[test]
fn a_workflow_with_rules_is_message_routing_with_a_warning() {
    warning(
        &workflow("rules: [{source: a, channel: b.c, targets: [d]}]"),
        code::ROUTING_AS_WORKFLOW,
        ["$.spec", "4:1", "spec", "write `kind: MessageRouting`"],
    );
}

#[test]
fn a_step_without_an_id_gets_one_with_a_warning() {
    warning(
        &steps("- name: Read the file\n  ref: read"),
        code::DERIVED_ID,
        ["$.spec.steps[0]", "6:7", "n", "add `id: read-the-file`"],
    );
}

#[test]
fn an_id_used_twice_is_refused_wherever_the_steps_stand() {
    let help = "give each step of the document an id of its own";
    error(
        &steps("- {id: a, ref: x}\n- {id: a, ref: y}"),
        code::DUPLICATE_STEP,
        ["$.spec.steps[1].id", "7:8", "id", help],
    );
    error(
        &steps("- {id: a, ref: x}\n- {id: b, parallel: [{id: a, ref: y}]}"),
        code::DUPLICATE_STEP,
        ["$.spec.steps[1].parallel[0].id", "7:27", "id", help],
    );
}

#[test]
fn a_step_that_does_not_exist_is_told_with_the_nearest_one() {
    for (line, path, place, marked) in [
        (
            "depends_on: [raed]",
            "$.spec.steps[1].depends_on[0]",
            "8:20",
            "raed",
        ),
        (
            "input: '${{ steps.raed.output }}'",
            "$.spec.steps[1].input",
            "8:7",
            "input",
        ),
        (
            "condition: steps.raed.output",
            "$.spec.steps[1].condition",
            "8:7",
            "condition",
        ),
        (
            "on_error: {action: goto, goto: raed}",
            "$.spec.steps[1].on_error.goto",
            "8:32",
            "goto",
        ),
    ] {
        let text = steps(&format!("- {{id: read, ref: x}}\n- id: write\n  {line}"));
        error(
            &text,
            code::UNKNOWN_STEP,
            [path, place, marked, "did you mean `read`?"],
        );
    }
    error(
        &steps("- {id: read, ref: x}\n- {id: write, parallel_with: other}"),
        code::UNKNOWN_STEP,
        [
            "$.spec.steps[1].parallel_with",
            "7:34",
            "other",
            "name the id of a step of the same list",
        ],
    );
}

#[test]
fn steps_that_wait_for_each_other_are_refused_with_the_way_round() {
    let text = steps("- {id: read, depends_on: [write]}\n- {id: write, depends_on: [read]}");
    error(
        &text,
        code::CYCLE,
        [
            "$.spec.steps[0]",
            "6:7",
            "{",
            "remove one of the dependencies",
        ],
    );
    let found = only(&lenient(&text), code::CYCLE);
    assert_eq!(
        found.message,
        "these steps wait for each other: `read` → `write` → `read`"
    );
}

#[test]
fn an_expression_that_cannot_be_read_is_marked_where_it_goes_wrong() {
    let text = steps("- {id: a, ref: b, condition: \"input.size >\"}");
    assert!(!lenient(&text).is_valid());
    let found = only(&lenient(&text), code::BAD_EXPRESSION);
    assert_eq!(
        (&*found.path, found.line, found.column),
        ("$.spec.steps[0].condition", 6, 47)
    );
    assert!(found.message.contains("OSSA-E"), "{}", found.message);
    assert!(found.help.is_some());
}

#[test]
fn a_reference_that_cannot_be_followed_is_refused() {
    let help = "name a file below a manifest root, or the `metadata.name` of a manifest";
    for target in ["/etc/tasks/read.yaml", "C:/tasks/read.yaml", "''"] {
        let marked = target;
        error(
            &steps(&format!("- {{id: a, ref: {target}}}")),
            code::BAD_REFERENCE,
            ["$.spec.steps[0].ref", "6:20", marked, help],
        );
    }
    error(
        &document(
            "MessageRouting",
            "rules: [{source: a, channel: b, targets: [c], transform: t}]",
        ),
        code::BAD_REFERENCE,
        [
            "$.spec.rules[0].transform",
            "5:60",
            "t",
            "define it below `spec.transforms`",
        ],
    );
}

#[test]
fn a_secret_in_plain_text_is_told_and_never_shown_in_the_message() {
    let help = "keep it outside: `context.secrets: [{name, ref: vault://…}]` and `${{ secrets.NAME }}`, or `${NAME}`";
    let text = steps("- {id: a, ref: b, input: {api_key: hunter2}}");
    warning(
        &text,
        code::PLAIN_SECRET,
        ["$.spec.steps[0].input.api_key", "6:40", "hunter2", help],
    );
    assert!(
        !only(&lenient(&text), code::PLAIN_SECRET)
            .message
            .contains("hunter2")
    );
    error(
        &workflow("context: {secrets: [{name: KEY, value: hunter2}]}\nsteps: [{id: a}]"),
        code::PLAIN_SECRET,
        ["$.spec.context.secrets[0].value", "5:42", "hunter2", help],
    );
    for fine in [
        "'${{ secrets.KEY }}'",
        "'${API_KEY}'",
        "'vault://keys/api'",
        "''",
    ] {
        let text = steps(&format!("- {{id: a, ref: b, input: {{api_key: {fine}}}}}"));
        assert_eq!(codes(&lenient(&text)), [""; 0], "{fine}");
    }
}

#[test]
fn a_name_that_means_two_things_is_told() {
    warning(
        &workflow("context: {variables: {steps: 3}}\nsteps: [{id: a}]"),
        code::AMBIGUOUS_NAME,
        [
            "$.spec.context.variables.steps",
            "5:25",
            "steps",
            "give it another name",
        ],
    );
    warning(
        &task("capabilities: [a, a]"),
        code::AMBIGUOUS_NAME,
        ["$.spec.capabilities[1]", "5:21", "a", ""],
    );
    error(
        &workflow(
            "context: {secrets: [{name: K, ref: 'vault://a'}, {name: K, ref: 'vault://b'}]}\nsteps: [{id: a}]",
        ),
        code::AMBIGUOUS_NAME,
        ["$.spec.context.secrets[1]", "5:52", "{", ""],
    );
}
