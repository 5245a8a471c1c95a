//! The strict level against the lenient one.

use ossa_runtime::manifest::code::{
    ALIAS, IGNORED_FIELD, NO_SCHEMA, SCHEMA_VIOLATION, UNDEFINED_BY_SCHEMA, UNKNOWN_VERSION,
};

use crate::{codes, document, lenient, steps, strict, task, workflow};

const TASK: &str = "execution: {type: idempotent, entrypoint: e}";

/// Whether the strict level accepts the text, said for that version.
fn accepts(text: &str, version: &str) -> bool {
    strict(&text.replace("v0.3.0", version)).is_valid()
}

#[test]
fn what_the_schema_knows_is_fine_at_both_levels() {
    for text in [
        task(TASK),
        task(&format!(
            "{TASK}\ncapabilities: [a]\ninput: {{type: object}}\nerror_handling: {{on_error: ignore}}"
        )),
        steps("- {id: a, kind: Task, ref: x, input: {k: 1}}"),
        document(
            "MessageRouting",
            "rules: [{source: a, channel: b, targets: [c]}]",
        ),
    ] {
        assert_eq!(codes(&strict(&text)), [""; 0], "{text}");
        assert_eq!(codes(&lenient(&text)), [""; 0], "{text}");
    }
}

#[test]
fn a_task_is_closed_and_a_step_is_open() {
    let closed = task(&format!("{TASK}\ncolour: blue"));
    assert_eq!(codes(&lenient(&closed)), [IGNORED_FIELD]);
    assert_eq!(codes(&strict(&closed)), [SCHEMA_VIOLATION, IGNORED_FIELD]);
    let open = steps("- {id: a, ref: x, colour: blue}");
    assert!(strict(&open).is_valid());
    assert_eq!(codes(&strict(&open)), [IGNORED_FIELD]);
}

#[test]
fn a_dialect_is_refused_only_where_the_schema_forbids_it() {
    // A step takes other fields, a task does not.
    let step = steps("- {id: a, agent: x}");
    assert!(strict(&step).is_valid());
    assert_eq!(codes(&strict(&step)), [ALIAS]);
    for spec in [
        "execution: {handler: e}",
        "execution: {type: idempotent}\nwhen: input.ok",
        "execution: {type: idempotent}\npreconditions: [{expression: input.ok, message: no}]",
        "execution: {type: human}",
        "steps: [{name: a, action: b}]",
        "capabilities: [a]",
        "execution: {type: idempotent}\ncapabilities: [data.extract]",
        "execution: {type: idempotent}\nerror_handling: {on_error: continue}",
        "execution: {type: idempotent, timeout_seconds: 604800}",
    ] {
        let text = task(spec);
        assert!(lenient(&text).is_valid(), "{spec}");
        assert!(codes(&strict(&text)).contains(&SCHEMA_VIOLATION), "{spec}");
    }
    for spec in [
        "steps: [{name: No id, ref: x}]",
        "steps: [{id: A, ref: x}]",
        "steps: [{id: a, ref: x, input: '${{ workflow.input }}'}]",
        "steps: [{id: a, ref: x, output: [files]}]",
        "steps: [{id: a, kind: Loop, loop: {over: '${{ input.l }}', parallelism: '${{ input.n }}'}, steps: [{id: b, ref: x}]}]",
        "steps: [{id: a, type: approval, approvers: [{role: boss}]}]\ntriggers: [{type: schedule, cron: '0 8 * * *'}]",
        "steps: [{id: a, ref: x}]\nconcurrency: {max_parallel: 3}",
        "steps: [{id: a, ref: x}]\nerror_handling: {on_failure: fail_fast}",
    ] {
        let text = workflow(spec);
        assert!(
            lenient(&text).is_valid(),
            "{spec}: {:?}",
            codes(&lenient(&text))
        );
        assert!(codes(&strict(&text)).contains(&SCHEMA_VIOLATION), "{spec}");
    }
}

#[test]
fn the_runtime_section_is_closed_at_the_strict_level() {
    for section in [
        "messenger: {transport: async}",
        "eca: {model_id: m}",
        "symfony: {send: {service: a}}",
        "type: symfony",
        "bindings: {send: {service: a, method: b}}",
    ] {
        let text = format!("{}runtime: {{{section}}}\n", task(TASK));
        assert!(lenient(&text).is_valid(), "{section}");
        assert!(!strict(&text).is_valid(), "{section}");
    }
    let known = format!(
        "{}runtime: {{type: symfony_messenger, transport: async, bindings: {{send: {{handler: a}}}}}}\n",
        task(TASK)
    );
    assert_eq!(codes(&strict(&known)), [""; 0]);
}

#[test]
fn each_version_has_the_fields_it_brought() {
    let with =
        |field: &str| task(TASK).replace("{name: example}", &format!("{{name: example, {field}}}"));
    let namespace = with("namespace: shop");
    assert!(!accepts(&namespace, "v0.3.2"));
    assert!(accepts(&namespace, "v0.3.3"));
    let tier = with("efficiency_tier: economy");
    assert!(!accepts(&tier, "v0.3.5"));
    assert!(accepts(&tier, "v0.3.6"));
    let agent = with("agentType: worker");
    assert!(!accepts(&agent, "v0.3.6"));
    assert!(accepts(&agent, "v0.4.5"));
    let kubernetes = format!("{}runtime: {{kubernetes: {{}}}}\n", task(TASK));
    assert!(!accepts(&kubernetes, "v0.3.1"));
    assert!(accepts(&kubernetes, "v0.3.2"));
}

#[test]
fn versions_without_a_definition_accept_any_spec_with_warnings() {
    let text = task("execution: {type: idempotent}\ncolour: blue");
    for version in ["v0.4.6", "v0.5.0", "v0.5"] {
        let said = strict(&text.replace("v0.3.0", version));
        assert!(said.is_valid(), "{version}");
        assert_eq!(
            codes(&said),
            [UNDEFINED_BY_SCHEMA, IGNORED_FIELD],
            "{version}"
        );
    }
    for version in ["v0.4.5", "v0.4", "v0.3", "v0.3.1", "v1"] {
        assert!(!accepts(&text, version), "{version}");
    }
}

#[test]
fn a_version_nobody_knows_is_read_leniently_and_refused_strictly() {
    for version in ["v{{VERSION}}", "v9", "v0.6.0"] {
        let text = task(TASK).replace("v0.3.0", version);
        assert_eq!(codes(&lenient(&text)), [UNKNOWN_VERSION], "{version}");
        assert!(lenient(&text).is_valid());
        assert!(codes(&strict(&text)).contains(&NO_SCHEMA), "{version}");
    }
    let pre = task(TASK).replace("v0.3.0", "v0.3.0-alpha.1");
    assert_eq!(codes(&lenient(&pre)), [""; 0]);
}

#[test]
fn version_0_2_knows_agents_only() {
    assert!(!accepts(&task(TASK), "v0.2.8"));
}

#[test]
fn message_routing_is_held_against_its_draft() {
    let bare = document(
        "MessageRouting",
        "rules: [{source: a, channel: b, targets: [c], filter: {severity: [high]}}]",
    );
    assert_eq!(codes(&lenient(&bare)), [""; 0]);
    assert_eq!(codes(&strict(&bare)), [SCHEMA_VIOLATION]);
}

#[test]
fn each_violation_is_told_once_and_where_it_is() {
    let text = steps(
        "- {id: a, ref: 1, timeout_seconds: 0}\n- {id: b, ref: x, retry: {max_attempts: 99}}",
    );
    let loaded = strict(&text);
    let paths: Vec<_> = loaded
        .diagnostics()
        .filter(|found| found.code == SCHEMA_VIOLATION)
        .map(|found| &*found.path)
        .collect();
    assert_eq!(
        paths,
        [
            "$.spec.steps[0].ref",
            "$.spec.steps[0].timeout_seconds",
            "$.spec.steps[1].retry.max_attempts",
        ]
    );
}
