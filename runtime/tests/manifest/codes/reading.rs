//! Reading a document, and its fields one by one.

use ossa_runtime::manifest::{MAX_ALIAS_NODES, code};

use super::{error, warning};
use crate::{document, lenient, only, steps, task, workflow};

const QUOTE: &str = "quote the expression: \"${{ … }}\" or put it in a block scalar (`>-`)";
const BEGIN: &str =
    "a manifest begins with `apiVersion: ossa/v0.3.0` and `kind: Task` or `kind: Workflow`";

#[test]
fn text_that_is_no_yaml_is_refused_with_advice_for_the_usual_reason() {
    for (indent, line, marked, help) in [
        ("  ", "limit: ${{ a ? 10 : null }}", ": null", QUOTE),
        (
            "  ",
            "limit: \"${{ a ? 10 : \"\" }}\"",
            "\" }}",
            "use single quotes within the expression: a double quote ends the text",
        ),
        (
            "  ",
            "package: @scope/name",
            "@scope",
            "quote the value: a plain value cannot begin with this character",
        ),
        (
            "",
            "<<<<<<< HEAD",
            "",
            "finish the merge: a conflict marker stands here",
        ),
    ] {
        let text = task("execution: {type: idempotent}") + indent + line + "\n";
        let found = only(&lenient(&text), code::SYNTAX);
        assert_eq!(found.help.as_deref(), Some(help), "{line}");
        let rest: String = text
            .lines()
            .nth(found.line as usize - 1)
            .unwrap()
            .chars()
            .skip(found.column as usize - 1)
            .collect();
        assert!(rest.starts_with(marked), "{line}: {rest}");
    }
    let tab = only(
        &lenient("apiVersion: ossa/v0.3.0\nmetadata:\n\tname: x\n"),
        code::SYNTAX,
    );
    assert_eq!(
        tab.help.as_deref(),
        Some("indent with spaces: YAML does not allow tabs there")
    );
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    error(
        &task("execution: {type: idempotent}\nexecution: {}"),
        code::DUPLICATE_KEY,
        [
            "$",
            "6:3",
            "execution",
            "keep one of the two: parsers disagree on which one counts",
        ],
    );
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let text = "#".repeat(1024 * 1024 + 1);
    error(
        &text,
        code::TOO_LARGE,
        [
            "$",
            "0:0",
            "#",
            "split it into several files; data belongs in the input of a run",
        ],
    );
}

#[test]
fn a_document_that_nests_too_deeply_is_refused() {
    let text = format!("a: {}{}\n", "[".repeat(40), "]".repeat(40));
    error(
        &text,
        code::TOO_DEEP,
        [
            "$",
            "1:43",
            "[",
            "move inner steps into a workflow of their own and refer to it with `ref`",
        ],
    );
}

#[test]
fn aliases_that_expand_to_too_much_are_refused() {
    let many = vec!["*a"; MAX_ALIAS_NODES / 10].join(", ");
    let text = format!("a: &a [x, x, x, x, x, x, x, x, x, x]\nb: [{many}]\n");
    let found = only(&lenient(&text), code::TOO_MANY_ALIASES);
    // What is repeated too often stands there.
    assert_eq!(found.line, 1);
    assert_eq!(
        found.help.as_deref(),
        Some("write shared parts as a manifest of their own and refer to it with `ref`")
    );
}

#[test]
fn a_document_with_too_many_steps_is_refused_at_the_first_too_many() {
    let list: String = (0..=10_000)
        .map(|step| format!("- {{id: s{step}, depends_on: []}}\n"))
        .collect();
    let text = steps(&list);
    error(
        &text,
        code::TOO_MANY_STEPS,
        [
            "$.spec.steps[10000]",
            "10006:7",
            "{",
            "split it into several workflows, or loop over data",
        ],
    );
}

#[test]
fn a_file_without_a_document_is_refused() {
    for text in ["", "# nothing yet\n", "---\n---\n"] {
        let found = only(&lenient(text), code::EMPTY);
        assert_eq!((&*found.path, found.line), ("$", 0), "{text:?}");
        assert_eq!(found.help.as_deref(), Some(BEGIN));
    }
}

#[test]
fn a_document_that_is_no_mapping_is_refused() {
    error(
        "- apiVersion: ossa/v0.3.0\n",
        code::NOT_A_MAPPING,
        ["$", "1:1", "-", BEGIN],
    );
}

#[test]
fn a_missing_field_is_told_at_the_mapping_that_lacks_it() {
    error(
        "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {version: 1.0.0}\nspec: {steps: [{id: a}]}\n",
        code::MISSING_FIELD,
        ["$.metadata", "3:1", "metadata", ""],
    );
    error(
        &task("description: sends nothing"),
        code::MISSING_FIELD,
        [
            "$.spec",
            "4:1",
            "spec",
            "add `execution: {type: deterministic, entrypoint: …}`, or `capabilities`",
        ],
    );
    error(
        &workflow("triggers: [{type: manual}]"),
        code::MISSING_FIELD,
        ["$.spec", "4:1", "spec", ""],
    );
    error(
        &task("capabilities: [a]\nerror_handling: {on_error: fallback}"),
        code::MISSING_FIELD,
        [
            "$.spec.error_handling",
            "6:3",
            "error_handling",
            "name the task, or use `fail`, `retry` or `ignore`",
        ],
    );
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    error(
        &task("execution: {type: idempotent, timeout_seconds: soon}"),
        code::WRONG_TYPE,
        ["$.spec.execution.timeout_seconds", "5:50", "soon", ""],
    );
    error(
        &task("execution: {entrypoint: [a]}"),
        code::WRONG_TYPE,
        [
            "$.spec.execution.entrypoint",
            "5:15",
            "entrypoint",
            "quote the value",
        ],
    );
    error(
        &steps("- {id: a, timeout_seconds: \"${{ input.t }}\"}"),
        code::IMPOSSIBLE_VALUE,
        [
            "$.spec.steps[0].timeout_seconds",
            "6:32",
            "\"${{ input.t }}\"",
            "write a number and a unit: `45s`, `30m`, `2h`, `1d`",
        ],
    );
}

#[test]
fn an_unknown_kind_is_refused() {
    error(
        &document("Flow", "steps: []"),
        code::UNKNOWN_KIND,
        [
            "$.kind",
            "2:7",
            "Flow",
            "it knows `Task`, `Workflow`, `MessageRouting` and `Agent`",
        ],
    );
}

#[test]
fn an_unknown_version_is_read_with_a_warning() {
    let text = task("capabilities: [a]").replace("v0.3.0", "v9.9");
    warning(
        &text,
        code::UNKNOWN_VERSION,
        [
            "$.apiVersion",
            "1:13",
            "ossa/v9.9",
            "use `ossa/v0.3.0` to `ossa/v0.5.0`",
        ],
    );
}

#[test]
fn names_that_ossa_writes_otherwise_are_used_with_a_warning() {
    let named = task("capabilities: [a]").replace("example", "Send Mail");
    warning(
        &named,
        code::BAD_NAME,
        [
            "$.metadata.name",
            "3:18",
            "Send Mail",
            "use lower-case letters, digits and dashes, at most 253 characters",
        ],
    );
    warning(
        &task("capabilities: [data.extract]"),
        code::BAD_NAME,
        [
            "$.spec.capabilities[0]",
            "5:18",
            "data.extract",
            "use lower-case letters, digits and `_`, beginning with a letter",
        ],
    );
    warning(
        &steps("- {id: Read, ref: read}"),
        code::BAD_NAME,
        [
            "$.spec.steps[0].id",
            "6:12",
            "Read",
            "use lower-case letters, digits, `_` and `-`, beginning with a letter",
        ],
    );
}

#[test]
fn an_empty_name_or_id_is_refused() {
    let nameless = task("capabilities: [a]").replace("example", "''");
    error(
        &nameless,
        code::BAD_NAME,
        ["$.metadata.name", "3:18", "''", ""],
    );
    error(
        &steps("- {id: ' ', ref: read}"),
        code::BAD_NAME,
        ["$.spec.steps[0].id", "6:12", "' '", ""],
    );
}

#[test]
fn an_impossible_value_is_refused() {
    error(
        &task("capabilities: [a]\nretry: {max_attempts: 0}"),
        code::IMPOSSIBLE_VALUE,
        ["$.spec.retry.max_attempts", "6:25", "0", ""],
    );
    error(
        &task("execution: {timeout_seconds: -1}"),
        code::IMPOSSIBLE_VALUE,
        ["$.spec.execution.timeout_seconds", "5:32", "-1", ""],
    );
    error(
        &steps("- {id: a, ref: b, timeout: soon}"),
        code::IMPOSSIBLE_VALUE,
        [
            "$.spec.steps[0].timeout",
            "6:32",
            "soon",
            "write a number and a unit: `45s`, `30m`, `2h`, `1d`",
        ],
    );
}

#[test]
fn a_word_that_is_not_known_is_refused() {
    error(
        &task("capabilities: [a]\nerror_handling:\n  on_error: explode"),
        code::UNKNOWN_VALUE,
        [
            "$.spec.error_handling.on_error",
            "7:15",
            "explode",
            "use `fail`, `retry`, `fallback` or `ignore`",
        ],
    );
    error(
        &steps("- {id: a, kind: Job}"),
        code::UNKNOWN_VALUE,
        [
            "$.spec.steps[0].kind",
            "6:21",
            "Job",
            "use `Task`, `Agent`, `Parallel`, `Conditional` or `Loop`",
        ],
    );
    error(
        &workflow("steps: [{id: a}]\nerror_handling: {on_failure: panic}"),
        code::UNKNOWN_VALUE,
        [
            "$.spec.error_handling.on_failure",
            "6:32",
            "panic",
            "use `halt`, `continue`, `notify`, `compensate` or `rollback`",
        ],
    );
}

#[test]
fn a_word_that_a_host_may_know_is_only_a_warning() {
    warning(
        &workflow("triggers: [{type: pigeon}]\nsteps: [{id: a}]"),
        code::UNKNOWN_VALUE,
        [
            "$.spec.triggers[0].type",
            "5:21",
            "pigeon",
            "OSSA has `webhook`, `cron`, `event`, `message` and `manual`",
        ],
    );
    warning(
        &steps("- id: a\n  input: {k: '${{ secrets.OTHER }}'}").replace(
            "spec:\n",
            "spec:\n  context: {secrets: [{name: KEY, ref: 'vault://k'}]}\n",
        ),
        code::UNKNOWN_VALUE,
        [
            "$.spec.steps[0].input",
            "8:7",
            "input",
            "declare it there, so that the host knows where to find it",
        ],
    );
}

#[test]
fn a_workflow_for_another_orchestrator_is_loaded_with_a_warning() {
    warning(
        &workflow("adk_pattern: sequential\nagents:\n  - name: writer"),
        code::FOREIGN_ORCHESTRATION,
        [
            "$.spec.agents",
            "6:3",
            "agents",
            "write the order as `steps`, each with `kind: Agent` and `ref`",
        ],
    );
}

#[test]
fn a_schema_that_is_none_is_refused() {
    error(
        &task("capabilities: [a]\ninput: {type: strnig}"),
        code::BAD_SCHEMA,
        [
            "$.spec.input",
            "6:3",
            "input",
            "see the schema keywords `type`, `properties`, `required`, `items`, `enum`",
        ],
    );
    for schema in [
        "{pattern: '('}",
        "{$ref: 'https://example.com/schema.json'}",
        "{$ref: other.yaml}",
    ] {
        let text = task(&format!("capabilities: [a]\ninput: {schema}"));
        only(&lenient(&text), code::BAD_SCHEMA);
    }
}
