//! Steps and blocks of steps.

use ossa_runtime::manifest::code::{ALIAS, DERIVED_ID, IGNORED_FIELD};

use super::{same, same_step};
use crate::{steps, workflow_of};

#[test]
fn a_step_may_name_its_input_condition_and_dependencies_otherwise() {
    same_step("ref: x, inputs: {k: 1}", "ref: x, input: {k: 1}", &[ALIAS]);
    for name in ["when", "if"] {
        same_step(
            &format!("ref: x, {name}: input.ok"),
            "ref: x, condition: input.ok",
            &[ALIAS],
        );
    }
    for name in ["dependsOn", "needs"] {
        same_step(
            &format!("ref: x, {name}: [first]"),
            "ref: x, depends_on: [first]",
            &[ALIAS],
        );
    }
    same_step(
        "ref: x, depends_on: first",
        "ref: x, depends_on: [first]",
        &[],
    );
    same_step(
        "ref: x, timeout: 30",
        "ref: x, timeout_seconds: 30",
        &[ALIAS],
    );
    same_step(
        "ref: x, timeout: 2m",
        "ref: x, timeout_seconds: 120",
        &[ALIAS],
    );
    same_step(
        "ref: x, retry_policy: {max_attempts: 2}",
        "ref: x, retry: {max_attempts: 2}",
        &[ALIAS],
    );
}

#[test]
fn a_step_may_name_its_task_or_agent_otherwise() {
    for name in ["task", "task_ref", "taskRef"] {
        same_step(&format!("{name}: x"), "ref: x", &[ALIAS]);
    }
    same_step("task: {ref: x}", "ref: x", &[ALIAS]);
    for name in ["agent", "agentRef", "agent_ref"] {
        same_step(&format!("{name}: x"), "kind: Agent, ref: x", &[ALIAS]);
    }
    same_step("agent: {ref: x}", "kind: Agent, ref: x", &[ALIAS]);
    same_step("type: agent, ref: x", "kind: Agent, ref: x", &[ALIAS]);
    same_step("type: task, ref: x", "kind: Task, ref: x", &[ALIAS]);
    same_step("kind: Workflow, ref: x", "ref: x", &[]);
    same_step(
        "task: {execution: {entrypoint: e}}",
        "inline: {execution: {entrypoint: e}}",
        &[],
    );
    same_step("action: send", "inline: {capabilities: [send]}", &[]);
}

#[test]
fn a_step_without_an_id_is_called_after_its_name_or_its_position() {
    same(
        &steps("- {name: '  Read the File! ', ref: x}\n- {ref: y}"),
        &steps("- {id: read-the-file, name: '  Read the File! ', ref: x}\n- {id: step-2, ref: y}"),
        &[DERIVED_ID, DERIVED_ID],
    );
}

#[test]
fn the_answer_of_a_step_to_an_error_has_many_spellings() {
    for (answer, action) in [
        ("halt", "fail"),
        ("continue", "continue"),
        ("rollback", "fail"),
    ] {
        same_step(
            &format!("ref: x, on_failure: {answer}"),
            &format!("ref: x, on_error: {{action: {action}}}"),
            &[ALIAS],
        );
    }
    same_step(
        "ref: x, on_error: continue",
        "ref: x, on_error: {action: continue}",
        &[],
    );
    for answer in ["continue", "ignore", "log_and_continue"] {
        same_step(
            &format!("ref: x, error_handling: {{on_error: {answer}}}"),
            "ref: x, continue_on_error: true",
            &[ALIAS],
        );
    }
    same_step(
        "ref: x, on_error: {goto: first}",
        "ref: x, on_error: {action: goto, goto: first}",
        &[],
    );
    same_step(
        "ref: x, on_error: {compensation: {id: undo, ref: y}}",
        "ref: x, on_error: {action: compensate, compensation: {id: undo, ref: y}}",
        &[],
    );
}

#[test]
fn a_step_beside_another_waits_for_what_the_other_waits_for() {
    let list = |second: &str, third: &str| {
        steps(&format!(
            "- {{id: first, ref: x}}\n- {{id: b, ref: x}}\n- {{id: c, ref: x, {second}}}\n- {{id: d, ref: x, {third}}}"
        ))
    };
    same(
        &list("parallel_with: b", "parallel_with: c"),
        &list("depends_on: [first]", "depends_on: [first]"),
        &[],
    );
    same(
        &steps("- {id: a, ref: x, depends_on: []}\n- {id: b, ref: x, parallel_with: a}"),
        &steps("- {id: a, ref: x, depends_on: []}\n- {id: b, ref: x, depends_on: []}"),
        &[],
    );
    // Steps that only name each other are the first of their list.
    let ring = workflow_of(&steps(
        "- {id: a, ref: x, parallel_with: b}\n- {id: b, ref: x, parallel_with: a}",
    ));
    assert!(ring.steps.iter().all(|step| {
        step.depends_on.as_deref() == Some(&[])
            || step.depends_on.as_deref() == Some(&["a".to_owned()])
    }));
}

#[test]
fn the_types_of_an_output_map_nothing_and_are_told() {
    for output in ["{files: array}", "[files]", "{type: object}"] {
        same_step(
            &format!("ref: x, output: {output}"),
            "ref: x",
            &[IGNORED_FIELD],
        );
        same_step(
            &format!("ref: x, outputs: {output}"),
            "ref: x",
            &[IGNORED_FIELD],
        );
    }
    let step = &workflow_of(&steps(
        "- {id: a, ref: x, async: true, output: {to: kept, fields: [f]}, output_mapping: {g: '${{ output.f }}'}}",
    ))
    .steps[0];
    assert!(step.is_async);
    assert_eq!(step.output.to.as_deref(), Some("kept"));
    assert_eq!(step.output.fields, ["f"]);
    assert_eq!(step.output.mapping[0].0, "g");
}

#[test]
fn blocks_of_the_drafts_are_those_of_ossa() {
    same_step(
        "type: parallel, wait_all: true, tasks: [{id: b, ref: x}]",
        "kind: Parallel, parallel: [{id: b, ref: x}]",
        &[ALIAS, ALIAS],
    );
    same_step(
        "condition: input.a, steps: [{id: b, ref: x}]",
        "branches: [{condition: input.a, steps: [{id: b, ref: x}]}]",
        &[],
    );
    same_step(
        "kind: Task, branches: [{when: input.a, then: [{id: b, ref: x}]}], default: [{id: c, ref: x}]",
        "kind: Conditional, branches: [{condition: input.a, steps: [{id: b, ref: x}]}], else: [{id: c, ref: x}]",
        &[ALIAS, ALIAS],
    );
    same_step(
        "type: decision, condition: input.a, on_true: [{id: b, ref: x}], on_false: [{id: c, ref: x}]",
        "kind: Conditional, branches: [{condition: input.a, steps: [{id: b, ref: x}]}], else: [{id: c, ref: x}]",
        &[ALIAS],
    );
    same_step(
        "type: switch, cases: [{when: input.a, then: [{id: b, ref: x}]}, {default: [{id: c, ref: x}]}]",
        "kind: Conditional, branches: [{condition: input.a, steps: [{id: b, ref: x}]}], else: [{id: c, ref: x}]",
        &[ALIAS],
    );
    same_step(
        "type: switch, cases: [{when: input.a, then: big}, {default: small}]",
        "kind: Conditional, branches: [{name: big, condition: input.a, steps: []}, {name: small, condition: 'true', steps: []}]",
        &[ALIAS],
    );
}

#[test]
fn a_loop_over_a_single_task_is_a_loop_with_one_step() {
    for kind in ["for-each", "for_each", "foreach", "loop"] {
        same_step(
            &format!("type: {kind}, items: '${{{{ input.list }}}}', steps: [{{id: b, ref: x}}]"),
            "kind: Loop, loop: {over: '${{ input.list }}'}, steps: [{id: b, ref: x}]",
            &[ALIAS, ALIAS],
        );
    }
    same_step(
        "kind: Loop, loop: {items: '${{ input.list }}', max_parallel: 2, steps: [{id: b, ref: x}]}",
        "kind: Loop, loop: {over: '${{ input.list }}', parallelism: 2}, steps: [{id: b, ref: x}]",
        &[ALIAS, ALIAS],
    );
    let each = workflow_of(&steps(
        "- {id: a, type: for-each, items: '${{ input.list }}', task: mail, input: {to: '${{ item }}'}}",
    ));
    let rendered = format!("{:?}", each.steps[0].action);
    assert!(
        rendered.contains("\"a-each\"") && rendered.contains("mail"),
        "{rendered}"
    );
    assert!(
        each.steps[0].input.is_none(),
        "the input belongs to the inner step"
    );
}

#[test]
fn the_proper_name_wins_over_an_alias_beside_it() {
    same_step(
        "ref: x, input: {k: 1}, inputs: {k: 2}",
        "ref: x, input: {k: 1}",
        &[IGNORED_FIELD],
    );
}

#[test]
fn every_dialect_of_expressions_means_the_same_in_a_field() {
    for input in [
        "${{ steps.first.output.n }}",
        "{{ steps.first.output.n }}",
        "${steps.first.output.n}",
    ] {
        let found = workflow_of(&steps(&format!(
            "- {{id: first, ref: x}}\n- {{id: a, ref: x, input: '{input}'}}"
        )));
        let references = found.steps[1].input.as_ref().unwrap().references();
        assert!(references.steps.contains("first"), "{input}");
    }
    for condition in [
        "input.ok == true",
        "'${{ input.ok == true }}'",
        "'{{ input.ok == true }}'",
        "'${input.ok} == true'",
    ] {
        let found = workflow_of(&steps(&format!(
            "- {{id: a, ref: x, condition: {condition}}}"
        )));
        assert!(found.steps[0].condition.is_some(), "{condition}");
    }
    same_step("ref: x, condition: true", "ref: x, condition: 'true'", &[]);
}
