//! Tasks, retry policies and bindings.

use ossa_runtime::manifest::code::{ALIAS, AMBIGUOUS_NAME, OUT_OF_RANGE};

use super::{same, same_task};
use crate::{codes, lenient, manifest, task, task_of};

#[test]
fn a_task_may_name_its_parts_otherwise() {
    same(
        &task("execution: {handler: e}"),
        &task("execution: {entrypoint: e}"),
        &[ALIAS],
    );
    same_task("inputs: {type: object}", "input: {type: object}", &[ALIAS]);
    same_task(
        "outputs: {type: object}",
        "output: {type: object}",
        &[ALIAS],
    );
    same_task("when: input.ok", "condition: input.ok", &[ALIAS]);
    same_task(
        "preconditions: [{expression: input.ok, message: no}]",
        "preconditions: [{expression: input.ok, error_message: no}]",
        &[ALIAS],
    );
    same_task(
        "postconditions: ['output.ok']",
        "postconditions: [{expression: output.ok}]",
        &[],
    );
    same_task(
        "capabilities: [{name: send, description: sends}]",
        "capabilities: [send]",
        &[],
    );
    same_task(
        "dependencies: [read, {task: write, required: false}]",
        "dependencies: [{ref: read}, {ref: write, optional: true}]",
        &[ALIAS],
    );
    same(
        &task("execution: {entrypoint: e, retry: {max_attempts: 2}, batch: {enabled: true}}"),
        &task("execution: {entrypoint: e}\nretry: {max_attempts: 2}\nbatch: {enabled: true}"),
        &[],
    );
    same(
        &task("execution: {entrypoint: e}\ntimeout_seconds: 9"),
        &task("execution: {entrypoint: e, timeout_seconds: 9}"),
        &[],
    );
    same(
        &task("execution: {entrypoint: e, timeout: 2h}"),
        &task("execution: {entrypoint: e, timeout_seconds: 7200}"),
        &[],
    );
}

#[test]
fn the_answer_of_a_task_to_an_error_has_many_spellings() {
    for (spelling, proper) in [
        ("continue", "ignore"),
        ("log_and_continue", "ignore"),
        ("skip", "ignore"),
        ("rollback", "fail"),
        ("halt", "fail"),
        ("abort", "fail"),
    ] {
        same_task(
            &format!("error_handling: {{on_error: {spelling}}}"),
            &format!("error_handling: {{on_error: {proper}}}"),
            &[ALIAS],
        );
    }
    same_task("on_error: retry", "error_handling: {on_error: retry}", &[]);
    same_task(
        "on_error: {strategy: fallback, fallback_task: other}",
        "error_handling: {on_error: fallback, fallback_task: other}",
        &[ALIAS],
    );
    same_task(
        "error_handling: {on_failure: retry}",
        "error_handling: {on_error: retry}",
        &[ALIAS],
    );
    same_task(
        "error_handling: {retry: {max_attempts: 2}}",
        "retry: {max_attempts: 2}",
        &[],
    );
}

#[test]
fn a_task_of_steps_is_a_small_sequence() {
    let small = task_of(&task(
        "steps:\n  - {name: Check, action: check_order, inputs: {id: '{{ input.id }}'}}\n  - {name: Send, action: send_mail}",
    ));
    let ids: Vec<_> = small.steps.iter().map(|step| &*step.id).collect();
    assert_eq!(ids, ["check", "send"]);
}

#[test]
fn a_retry_policy_is_read_whatever_its_fields_are_called() {
    let proper = "retry: {max_attempts: 4, backoff_strategy: linear, initial_delay_ms: 2000, max_delay_ms: 9000, multiplier: 3}";
    for spelling in [
        "{max_retries: 3, backoff_strategy: linear, initial_delay_ms: 2000, max_delay_ms: 9000, multiplier: 3}",
        "{max_attempts: 4, backoff: {type: linear, initialDelayMs: 2000, maxDelayMs: 9000, multiplier: 3}}",
        "{maxRetries: 3, strategy: linear, delay: 2000, max_delay: 9000, factor: 3}",
        "{max_attempts: 4, backoff: linear, backoff_seconds: 2, max_delay_seconds: 9, backoff_multiplier: 3}",
        "{retries: 3, backoff: linear, initial_delay: 2s, max_delay: 9s, multiplier: 3}",
    ] {
        same_task(&format!("retry: {spelling}"), proper, &[]);
    }
    same_task(
        "retry: {maxAttempts: 4, backoffStrategy: linear, initial_delay_ms: 2000, max_delay_ms: 9000, multiplier: 3}",
        proper,
        &[ALIAS],
    );
    same_task("retry: 4", "retry: {max_attempts: 4}", &[]);
    same_task("retry: true", "retry: {}", &[]);
    same_task("retry: false", "retry: {max_attempts: 1}", &[]);
    same_task(
        "retry: {backoff: constant}",
        "retry: {backoff_strategy: fixed}",
        &[],
    );
    assert_eq!(
        codes(&lenient(&task(
            "capabilities: [a]\nretry: {max_retries: 10}"
        ))),
        [OUT_OF_RANGE]
    );
}

#[test]
fn bindings_are_read_in_every_form_and_keyed_by_host() {
    let text = format!(
        "{}runtime:
  type: symfony
  bindings:
    send: {{handler: 'App\\Send::mail', config: {{to: '${{{{ input.to }}}}'}}}}
    log: app.log
  drupal:
    send: {{plugin: 'eca_mail:send'}}
    event: user.insert
  symfony:
    send: {{service: '@app.mailer', method: deliver}}
",
        task("capabilities: [send, log]")
    );
    let loaded = manifest(&text);
    let bindings: Vec<_> = loaded
        .runtime
        .bindings
        .iter()
        .map(|binding| {
            (
                binding.host.as_deref().unwrap_or("any"),
                &*binding.capability,
                binding.service.as_deref().unwrap_or(""),
                binding.method.as_deref().unwrap_or(""),
            )
        })
        .collect();
    assert_eq!(
        bindings,
        [
            ("any", "send", "App\\Send::mail", ""),
            ("any", "log", "app.log", ""),
            ("drupal", "send", "eca_mail:send", ""),
            ("symfony", "send", "@app.mailer", "deliver"),
        ]
    );
}

#[test]
fn extensions_and_fields_of_ones_own_are_left_alone() {
    let text = task("execution: {entrypoint: e}\nx-owner: me");
    assert_eq!(
        codes(&lenient(&format!("{text}extensions: {{any: [thing]}}\n"))),
        [""; 0]
    );
    let doubled = task("execution: {entrypoint: e}\ncapabilities: [a, a]");
    assert_eq!(codes(&lenient(&doubled)), [AMBIGUOUS_NAME]);
    assert_eq!(task_of(&doubled).capabilities, ["a"]);
}
