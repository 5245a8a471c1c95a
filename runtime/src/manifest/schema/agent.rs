//! The `spec` of an agent, as far as this runtime looks at it: tools, state, messaging.

use serde_json::{Value, json};

use super::Family;
use super::shape::{
    at_least, between, closed, flag, list_of, mapping, matching, open, requires, text, with, word,
};

const CHANNEL: &str = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$";

pub(super) fn spec(family: Family) -> Value {
    open([
        ("role", text()),
        ("prompts", mapping()),
        ("llm", mapping()),
        (
            "tools",
            list_of(requires(
                &["type"],
                open([("type", text()), ("name", text())]),
            )),
        ),
        (
            "state",
            open([("mode", word(&["stateless", "session", "long_running"]))]),
        ),
        ("messaging", messaging(family)),
    ])
}

fn messaging(family: Family) -> Value {
    let known = open([
        ("publishes", list_of(published())),
        ("subscribes", list_of(subscription())),
        ("commands", list_of(command())),
        ("reliability", reliability()),
    ]);
    // From 0.3.3 on brokers and queues may be described beside.
    if family >= Family::V033 {
        known
    } else {
        with(known, "additionalProperties", json!(false))
    }
}

fn published() -> Value {
    requires(
        &["channel", "schema"],
        closed([
            ("channel", matching(CHANNEL)),
            ("description", text()),
            ("schema", mapping()),
            ("examples", list_of(mapping())),
            ("contentType", text()),
            ("tags", list_of(text())),
        ]),
    )
}

fn subscription() -> Value {
    requires(
        &["channel"],
        closed([
            ("channel", matching(CHANNEL)),
            ("description", text()),
            ("schema", mapping()),
            ("handler", text()),
            (
                "filter",
                open([("expression", text()), ("fields", mapping())]),
            ),
            ("priority", word(&["low", "normal", "high", "critical"])),
            ("maxConcurrency", at_least(1)),
        ]),
    )
}

fn command() -> Value {
    requires(
        &["name"],
        open([
            ("name", matching("^[a-z][a-z0-9_]*$")),
            ("description", text()),
            ("inputSchema", mapping()),
            ("input_schema", mapping()),
            ("outputSchema", mapping()),
            ("output_schema", mapping()),
            ("timeoutSeconds", between(1, 3600)),
            ("timeout_seconds", between(1, 3600)),
            ("idempotent", flag()),
            ("async", flag()),
        ]),
    )
}

fn reliability() -> Value {
    let guarantee = || {
        word(&[
            "at-least-once",
            "at-most-once",
            "exactly-once",
            "at_least_once",
            "at_most_once",
            "exactly_once",
        ])
    };
    open([
        ("deliveryGuarantee", guarantee()),
        ("delivery", guarantee()),
        (
            "retry",
            closed([
                ("maxAttempts", between(0, 10)),
                (
                    "backoff",
                    closed([
                        ("strategy", word(&["exponential", "linear", "constant"])),
                        ("initialDelayMs", at_least(0)),
                        ("maxDelayMs", at_least(0)),
                        ("multiplier", json!({"type": "number", "minimum": 1})),
                    ]),
                ),
            ]),
        ),
        (
            "dlq",
            closed([
                ("enabled", flag()),
                ("channel", text()),
                ("retentionDays", between(1, 90)),
            ]),
        ),
        (
            "ordering",
            open([
                ("guarantee", word(&["per-source", "global"])),
                (
                    "mode",
                    word(&["global", "per_channel", "per-channel", "none"]),
                ),
                ("timeoutSeconds", at_least(1)),
            ]),
        ),
        (
            "acknowledgment",
            closed([
                ("mode", word(&["manual", "automatic"])),
                ("timeoutSeconds", at_least(1)),
            ]),
        ),
    ])
}
