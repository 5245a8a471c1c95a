//! Workflows, triggers and message routing.

use ossa_runtime::manifest::code::{ALIAS, ROUTING_AS_WORKFLOW};
use ossa_runtime::manifest::model::Body;

use super::{same, same_workflow};
use crate::{codes, document, lenient, steps, workflow, workflow_of};

#[test]
fn a_workflow_may_name_its_parts_otherwise() {
    same(
        &workflow("tasks: [{id: a, ref: x}]"),
        &workflow("steps: [{id: a, ref: x}]"),
        &[ALIAS],
    );
    same_workflow("input: {type: object}", "inputs: {type: object}", &[ALIAS]);
    same_workflow("output: {type: object}", "outputs: {type: object}", &[]);
    same_workflow("timeout: 30m", "timeout_seconds: 1800", &[ALIAS]);
    same_workflow("timeouts: {workflow: 30m}", "timeout_seconds: 1800", &[]);
    same_workflow(
        "concurrency: {parallelism: 3}",
        "concurrency: {max_parallel: 3}",
        &[ALIAS],
    );
    same_workflow(
        "state: {variables: {n: {type: integer, default: 3}}}",
        "context: {variables: {n: 3}}",
        &[ALIAS],
    );
    same_workflow(
        "trigger: {type: manual}",
        "triggers: [{type: manual}]",
        &[ALIAS],
    );
    same_workflow(
        "output: [{name: total, from: steps.a.output.sum}]",
        "output: {total: '${{ steps.a.output.sum }}'}",
        &[ALIAS],
    );
    same_workflow(
        "inputs: [{name: n, type: integer, required: true}]",
        "inputs: {type: object, properties: {n: {type: integer}}, required: [n]}",
        &[ALIAS],
    );
    let limits = workflow_of(&workflow("steps: [{id: a}]\ntimeouts: {step_default: 5m}"));
    assert_eq!(limits.step_timeout.unwrap().as_secs(), 300);
}

#[test]
fn the_answer_of_a_workflow_to_a_failure_has_many_spellings() {
    for (spelling, proper) in [
        ("fail_fast", "halt"),
        ("fail", "halt"),
        ("stop", "halt"),
        ("abort", "halt"),
        ("ignore", "continue"),
    ] {
        same_workflow(
            &format!("error_handling: {{on_failure: {spelling}}}"),
            &format!("error_handling: {{on_failure: {proper}}}"),
            &[ALIAS],
        );
    }
    same_workflow(
        "error_handling: {strategy: fail_fast}",
        "error_handling: {on_failure: halt}",
        &[ALIAS, ALIAS],
    );
    same_workflow(
        "error_handling: {on_failure: compensation}",
        "error_handling: {on_failure: compensate}",
        &[],
    );
    same_workflow(
        "error_handling: {retry: {max_attempts: 2}}",
        "error_handling: {retry_policy: {max_attempts: 2}}",
        &[ALIAS],
    );
    same_workflow(
        "error_handling: {max_retries: 1}",
        "error_handling: {retry_policy: {max_attempts: 2}}",
        &[],
    );
    same_workflow(
        "error_handling: {on_failure: compensate, rollback_steps: [{id: undo, ref: x}]}",
        "error_handling: {on_failure: compensate, compensation_steps: [{id: undo, ref: x}]}",
        &[ALIAS],
    )
}

#[test]
fn a_list_of_answers_notifies_and_decides() {
    same_workflow(
        "error_handling: {on_failure: [{notify: 'slack://ops'}]}",
        "error_handling: {on_failure: notify, notification: {channels: ['slack://ops']}}",
        &[],
    );
    same_workflow(
        "error_handling: {on_failure: [{notify: 'slack://ops'}, rollback]}",
        "error_handling: {on_failure: rollback, notification: {channels: ['slack://ops']}}",
        &[],
    );
}

#[test]
fn triggers_go_by_several_names() {
    let kinds = |triggers: &str| {
        let workflow = workflow_of(&workflow(&format!(
            "steps: [{{id: a}}]\ntriggers: {triggers}"
        )));
        let found = workflow.triggers.iter();
        found
            .map(|trigger| {
                format!(
                    "{:?} {}",
                    trigger.kind,
                    serde_json::to_string(&trigger.raw).unwrap()
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        kinds("[{type: schedule, cron: '0 8 * * *'}, {cron: '0 9 * * *'}]"),
        [
            r#"Cron {"type":"schedule","cron":"0 8 * * *","schedule":"0 8 * * *"}"#,
            r#"Cron {"cron":"0 9 * * *","schedule":"0 9 * * *"}"#,
        ]
    );
    assert_eq!(
        kinds("[{type: api, endpoint: /orders}]"),
        [r#"Webhook {"type":"api","endpoint":"/orders","path":"/orders"}"#]
    );
    assert_eq!(
        kinds("[{type: event, event_type: user.registered}, {channel: orders.created}]"),
        [
            r#"Event {"type":"event","event_type":"user.registered","event":"user.registered"}"#,
            r#"Message {"channel":"orders.created"}"#,
        ]
    );
    let aliased = lenient(&workflow(
        "steps: [{id: a}]\ntriggers: [{type: schedule, cron: '0 8 * * *'}, {type: api, path: /x}]",
    ));
    assert_eq!(codes(&aliased), [ALIAS, ALIAS]);
}

#[test]
fn message_routing_that_is_called_a_workflow_is_message_routing() {
    let rules = "rules: [{source: '*', channel: security.*, targets: [triage], priority: urgent}]";
    let called = lenient(&workflow(rules));
    assert_eq!(codes(&called), [ROUTING_AS_WORKFLOW]);
    assert!(matches!(
        called.manifests().next().unwrap().body,
        Body::MessageRouting(_)
    ));
    assert_eq!(codes(&lenient(&document("MessageRouting", rules))), [""; 0]);
}

#[test]
fn steps_are_dispatched_one_by_one_when_the_runtime_section_says_so() {
    for section in [
        "{step_dispatch: {parallel_execution: false}}",
        "{messenger: {step_dispatch: {parallel_execution: false}}}",
    ] {
        let text = format!("{}runtime: {section}\n", steps("- {id: a, ref: x}"));
        assert_eq!(workflow_of(&text).max_parallel, Some(1), "{section}");
    }
}
