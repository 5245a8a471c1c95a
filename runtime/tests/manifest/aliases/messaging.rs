//! What is published, taken and promised: `spec.messaging`.

use ossa_runtime::manifest::code::{
    ALIAS, IGNORED_FIELD, IMPOSSIBLE_VALUE, MISSING_FIELD, WRONG_TYPE,
};
use ossa_runtime::manifest::model::{Guarantee, Messaging, Ordering};

use super::same;
use crate::{codes, lenient, only, task, task_of};

/// A task whose `messaging` has these lines: of an agent the whole document is kept, and differs.
fn with_messaging(messaging: &str) -> String {
    let lines = messaging.lines().map(|line| format!("  {line}\n"));
    let lines = lines.collect::<String>();
    task(&format!(
        "execution: {{entrypoint: e}}\nmessaging:\n{lines}"
    ))
}

fn messaging(text: &str) -> Messaging {
    let task = task_of(&with_messaging(text));
    (**task.messaging.as_ref().unwrap()).clone()
}

#[track_caller]
fn same_messaging(dialect: &str, proper: &str, warnings: &[&str]) {
    same(&with_messaging(dialect), &with_messaging(proper), warnings);
}

#[test]
fn a_promise_has_many_spellings() {
    for (spelling, proper) in [
        ("delivery: at-most-once", "deliveryGuarantee: at-most-once"),
        ("delivery: at_most_once", "deliveryGuarantee: at-most-once"),
        (
            "deliveryGuarantee: exactly_once",
            "deliveryGuarantee: exactly-once",
        ),
        (
            "delivery: at_least_once",
            "deliveryGuarantee: at-least-once",
        ),
        ("ordering: strict", "ordering: {guarantee: per-channel}"),
        (
            "ordering: per_channel",
            "ordering: {guarantee: per-channel}",
        ),
        (
            "ordering: {mode: per-source}",
            "ordering: {guarantee: per-source}",
        ),
        (
            "ordering: {enabled: true, key: source}",
            "ordering: {guarantee: per-source}",
        ),
        (
            "ordering: {enabled: false, mode: global}",
            "ordering: {guarantee: none}",
        ),
        ("acknowledgment: auto", "acknowledgment: {mode: automatic}"),
        ("acknowledgment: manual", "acknowledgment: {mode: manual}"),
        ("dlq: true", "dlq: {enabled: true}"),
        ("dlq: false", "dlq: {enabled: false}"),
        ("dlq: {}", "dlq: {enabled: true}"),
        (
            "deadLetterQueue: {channel: a.failed}",
            "dlq: {channel: a.failed}",
        ),
        (
            "dead_letter_queue: {enabled: false}",
            "dlq: {enabled: false}",
        ),
        (
            "deadLetterQueue: {enabled: true, maxRetries: 4}",
            "dlq: {enabled: true}\n  retry: {maxAttempts: 5}",
        ),
        ("retry: {max_attempts: 2}", "retry: {maxAttempts: 2}"),
        ("retry: {maxAttempts: 0}", "retry: {maxAttempts: 1}"),
        (
            "retry: {maxAttempts: 2, backoff: {strategy: fixed}}",
            "retry: {maxAttempts: 2, backoff: {strategy: constant}}",
        ),
    ] {
        same_messaging(
            &format!("reliability:\n  {spelling}"),
            &format!("reliability:\n  {proper}"),
            &[],
        );
    }
    same_messaging(
        "reliability:\n  acknowledgement: {mode: manual}",
        "reliability:\n  acknowledgment: {mode: manual}",
        &[ALIAS],
    );
    same_messaging(
        "reliability:\n  dlq: {retention_days: 3}",
        "reliability:\n  dlq: {retentionDays: 3}",
        &[ALIAS],
    );
}

#[test]
fn what_is_not_said_is_at_least_once_without_an_order_and_dead_letters_are_kept() {
    let reliability = messaging("subscribes: [{channel: a.b}]").reliability;
    assert_eq!(reliability.guarantee, Guarantee::AtLeastOnce);
    assert_eq!(reliability.ordering, Ordering::None);
    assert!(reliability.dead_letters.enabled);
    assert_eq!(reliability.dead_letters.retention, None);
    assert_eq!(reliability.retry.max_attempts, 3);
}

#[test]
fn a_subscription_has_many_spellings() {
    let with = |fields: &str| format!("subscribes:\n  - {{channel: a.b, {fields}}}");
    for (spelling, proper, warnings) in [
        ("max_concurrency: 2", "maxConcurrency: 2", &[ALIAS][..]),
        (
            "config: {maxConcurrentMessages: 2}",
            "maxConcurrency: 2",
            &[],
        ),
        ("priority: urgent", "priority: critical", &[]),
        ("priority: background", "priority: low", &[]),
        ("config: {maxRetries: 2}", "retry: {maxAttempts: 3}", &[]),
        (
            "config: {retryOnError: false, maxRetries: 2}",
            "retry: {maxAttempts: 1}",
            &[],
        ),
        (
            "config: {messageOrdering: relaxed}",
            "config: {messageOrdering: none}",
            &[],
        ),
        (
            "filter: {severity: [high]}",
            "filter: {fields: {severity: [high]}}",
            &[],
        ),
    ] {
        same_messaging(&with(spelling), &with(proper), warnings);
    }
}

#[test]
fn a_command_is_spelled_in_two_ways() {
    same_messaging(
        "commands:\n  - {name: scan, input_schema: {type: object}, output_schema: {type: object}, timeout_seconds: 5}",
        "commands:\n  - {name: scan, inputSchema: {type: object}, outputSchema: {type: object}, timeoutSeconds: 5}",
        &[],
    );
}

#[test]
fn what_is_published_is_spelled_in_many_ways() {
    same_messaging(
        "publishes:\n  - {channel: a.b, content_type: text/plain}",
        "publishes:\n  - {channel: a.b, contentType: text/plain}",
        &[ALIAS],
    );
    same_messaging(
        "publishes:\n  - {channel: a.b, schema: Found}\nschemas: {Found: {type: object}}",
        "publishes:\n  - {channel: a.b, schema: {type: object}}\nschemas: {Found: {type: object}}",
        &[],
    );
    same_messaging(
        "publishes:\n  - {channel: a.b, schema: {$ref: '#/spec/messaging/schemas/Found'}}\nschemas: {Found: {type: object}}",
        "publishes:\n  - {channel: a.b, schema: {type: object}}\nschemas: {Found: {type: object}}",
        &[],
    );
}

#[test]
fn a_channel_is_spelled_in_many_ways() {
    let with = |config: &str| format!("channels:\n  - {{name: a.b, config: {{{config}}}}}");
    for (spelling, proper) in [
        ("max_message_size: 2048", "maxMessageSize: 2048"),
        ("message_retention: 60", "messageRetention: 60"),
        (
            "rate_limiting: {enabled: true, maxMessagesPerSecond: 5}",
            "rateLimiting: {enabled: true, maxMessagesPerSecond: 5}",
        ),
        (
            "rateLimiting: {enabled: true, max_messages_per_second: 5}",
            "rateLimiting: {enabled: true, maxMessagesPerSecond: 5}",
        ),
    ] {
        same_messaging(&with(spelling), &with(proper), &[ALIAS]);
    }
    // As much at once as in a second, and nothing unless it is switched on.
    same_messaging(
        &with("rateLimiting: {enabled: true, maxMessagesPerSecond: 5, burstSize: 5}"),
        &with("rateLimiting: {enabled: true, maxMessagesPerSecond: 5}"),
        &[],
    );
    same_messaging(
        &with("rateLimiting: {maxMessagesPerSecond: 5}"),
        &with("deadLetterQueue: null"),
        &[],
    );
}

#[test]
fn what_a_channel_cannot_be_is_told() {
    let config = |config: &str| {
        with_messaging(&format!(
            "channels:\n  - {{name: a.b, config: {{{config}}}}}"
        ))
    };
    let encrypted = lenient(&config("encryption: {enabled: true, keyRef: k}"));
    assert!(
        only(&encrypted, IGNORED_FIELD)
            .message
            .contains("not encrypted")
    );
    for (wrong, code) in [
        ("maxMessageSize: 0", IMPOSSIBLE_VALUE),
        ("messageRetention: long", WRONG_TYPE),
        ("rateLimiting: {enabled: true}", MISSING_FIELD),
        (
            "rateLimiting: {enabled: true, maxMessagesPerSecond: 0}",
            IMPOSSIBLE_VALUE,
        ),
    ] {
        assert_eq!(codes(&lenient(&config(wrong))), [code], "{wrong}");
    }
}
