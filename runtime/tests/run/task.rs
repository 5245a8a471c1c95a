//! Which handlers a task calls, and tasks that run on their own.

use ossa_runtime::plan::PlanKind;
use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{HandlerKeyKind, Rejection};
use serde_json::json;

use crate::harness::{Run, compile, documents, start_with, task, workflow};

fn calls(run: &Run, step: &str) -> Vec<String> {
    let calls = run.job(step).calls.iter();
    calls
        .map(|call| {
            let keys = call.keys.iter().map(|key| {
                let kind = match key.kind {
                    HandlerKeyKind::Step => "step",
                    HandlerKeyKind::Task => "task",
                    HandlerKeyKind::Entrypoint => "entrypoint",
                    HandlerKeyKind::Capability => "capability",
                };
                format!("{kind}:{}", key.key)
            });
            keys.collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[test]
fn a_handler_is_looked_up_by_step_task_entrypoint_and_capability() {
    let text = documents(&[
        workflow("steps:\n  - {id: send, kind: Task, ref: mail}"),
        task(
            "mail",
            "execution: {entrypoint: 'App\\Mail::send'}\ncapabilities: [send_email]",
        ),
    ]);
    assert_eq!(
        calls(&Run::text(&text, json!({})), "send"),
        ["step:demo.send task:mail entrypoint:App\\Mail::send capability:send_email"]
    );
}

#[test]
fn a_task_with_an_entrypoint_and_several_capabilities_calls_the_entrypoint() {
    let text = workflow(
        "steps:\n  - {id: a, kind: Task, inline: {execution: {entrypoint: e}, capabilities: [one, two]}}",
    );
    assert_eq!(
        calls(&Run::text(&text, json!({})), "a"),
        ["step:demo.a entrypoint:e"]
    );
}

#[test]
fn capabilities_without_an_entrypoint_are_called_in_order() {
    let text =
        workflow("steps:\n  - {id: a, kind: Task, inline: {capabilities: [one, two, three]}}");
    assert_eq!(
        calls(&Run::text(&text, json!({})), "a"),
        [
            "step:demo.a capability:one",
            "capability:two",
            "capability:three"
        ]
    );
}

#[test]
fn a_step_that_names_nothing_can_still_be_bound_by_its_id() {
    let text = workflow("steps:\n  - {id: decide, kind: Task, inline: {output: {type: object}}}");
    assert_eq!(
        calls(&Run::text(&text, json!({})), "decide"),
        ["step:demo.decide"]
    );
}

#[test]
fn a_job_carries_the_bindings_with_their_configuration_rendered() {
    let text = documents(&[
        workflow("steps:\n  - {id: send, kind: Task, ref: mail, input: {to: a@example.org}}"),
        format!(
            "{}\nruntime:\n  type: symfony\n  bindings:\n    send_email:\n      service: '@mailer'\n      method: send\n      config: {{recipient: '${{{{ input.to }}}}', fixed: 1}}",
            task("mail", "capabilities: [send_email]")
        ),
    ]);
    let run = Run::text(&text, json!({}));
    let binding = &run.job("send").bindings[0];
    assert_eq!(binding.capability, "send_email");
    assert_eq!(
        binding.config,
        Some(json!({"recipient": "a@example.org", "fixed": 1}))
    );
}

#[test]
fn of_a_workflows_bindings_a_task_gets_those_that_it_names_and_of_its_own_manifests_all() {
    let bindings = "runtime:\n  type: symfony\n  bindings:\n    send_email: {service: '@mailer'}\n    log: {service: '@logger'}";
    let names = |text: &str| {
        let run = Run::text(text, json!({}));
        let bindings = run.job("send").bindings.iter();
        bindings.map(|it| it.capability.clone()).collect::<Vec<_>>()
    };
    let inline = workflow("steps: [{id: send, kind: Task, inline: {capabilities: [log]}}]");
    assert_eq!(names(&format!("{inline}\n{bindings}")), ["log"]);
    let own = documents(&[
        workflow("steps: [{id: send, kind: Task, ref: mail}]"),
        format!("{}\n{bindings}", task("mail", "capabilities: [send_email]")),
    ]);
    assert_eq!(names(&own), ["send_email", "log"]);
}

#[test]
fn a_task_on_its_own_is_a_run_of_one_step_and_its_output_is_the_runs() {
    let text = task(
        "greet",
        "execution: {type: idempotent, entrypoint: greet}
input: {type: object, properties: {name: {type: string}, greeting: {default: Hello}}, required: [name]}
output: {type: object}
retry: {max_attempts: 2}",
    );
    assert_eq!(compile(&text).unwrap().kind(), PlanKind::Task);
    let mut run = Run::text(&text, json!({"name": "Ada"}));
    assert_eq!(calls(&run, "greet"), ["task:greet entrypoint:greet"]);
    assert_eq!(
        run.job("greet").input,
        json!({"name": "Ada", "greeting": "Hello"})
    );
    assert_eq!(run.job("greet").workflow, "greet");
    run.fail("greet", "BUSY");
    run.complete("greet", json!({"text": "Hello Ada"}));
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.output(), &json!({"text": "Hello Ada"}));
}

#[test]
fn a_task_on_its_own_refuses_a_wrong_input_before_the_run_exists() {
    let text = task(
        "greet",
        "execution: {entrypoint: greet}\ninput: {required: [name]}",
    );
    let rejected = Run::begin(&text, start_with(json!({}))).err().unwrap();
    assert!(
        matches!(rejected, Rejection::InvalidInput { .. }),
        "{rejected}"
    );
}

#[test]
fn a_task_on_its_own_honours_its_condition_and_on_error() {
    let skipped = Run::text(
        &task("t", "execution: {entrypoint: t}\ncondition: input.wanted"),
        json!({"wanted": false}),
    );
    assert_eq!(skipped.status(), RunStatus::Completed);
    assert_eq!(skipped.output(), &json!(null));

    let mut ignored = Run::text(
        &task(
            "t",
            "execution: {entrypoint: t}\nerror_handling: {on_error: ignore}",
        ),
        json!({}),
    );
    ignored.fail("t", "BOOM");
    assert_eq!(ignored.status(), RunStatus::Completed);
}

#[test]
fn a_field_of_the_input_may_have_the_tasks_name() {
    let text = task(
        "content",
        "execution: {entrypoint: t}\npreconditions: [{expression: \"content == 'x'\"}]",
    );
    assert_eq!(
        Run::text(&text, json!({"content": "x"})).in_flight(),
        ["content"]
    );
}
