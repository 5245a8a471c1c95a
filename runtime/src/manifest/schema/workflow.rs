//! The `spec` of a workflow, and its steps.

use serde_json::{Value, json};

use super::document::{attempts, backoff, inner_schema, logging, metrics, timeout};
use super::shape::{
    at_least, closed, flag, list_of, map_of, mapping, matching, named, open, requires, some_of,
    text, word,
};

/// The name steps call each other by.
pub(super) const STEP: &str = "step";

pub(super) fn spec() -> Value {
    requires(
        &["steps"],
        open([
            ("triggers", list_of(trigger())),
            ("inputs", inner_schema()),
            ("outputs", inner_schema()),
            ("steps", some_of(named(STEP))),
            ("context", context()),
            (
                "concurrency",
                closed([("group", text()), ("cancel_in_progress", flag())]),
            ),
            ("error_handling", error_handling()),
            ("timeout_seconds", timeout()),
            ("observability", observability()),
        ]),
    )
}

pub(super) fn step() -> Value {
    let [max_attempts, initial_delay] = attempts();
    let steps = || list_of(named(STEP));
    requires(
        &["id"],
        open([
            ("id", matching("^[a-z][a-z0-9_-]*$")),
            ("name", text()),
            (
                "kind",
                word(&["Task", "Agent", "Parallel", "Conditional", "Loop"]),
            ),
            ("ref", text()),
            ("inline", mapping()),
            ("input", mapping()),
            (
                "output",
                open([("to", text()), ("fields", list_of(text()))]),
            ),
            ("condition", text()),
            ("depends_on", list_of(text())),
            ("parallel", steps()),
            (
                "branches",
                list_of(requires(
                    &["condition", "steps"],
                    open([("condition", text()), ("steps", steps())]),
                )),
            ),
            ("else", steps()),
            (
                "loop",
                requires(
                    &["over"],
                    open([
                        ("over", text()),
                        ("as", text()),
                        ("index", text()),
                        ("parallelism", at_least(1)),
                    ]),
                ),
            ),
            ("steps", steps()),
            (
                "retry",
                open([
                    max_attempts,
                    initial_delay,
                    ("backoff_strategy", backoff()),
                    ("retryable_errors", list_of(text())),
                ]),
            ),
            ("timeout_seconds", timeout()),
            ("continue_on_error", flag()),
            (
                "on_error",
                open([
                    ("action", word(&["fail", "continue", "goto", "compensate"])),
                    ("goto", text()),
                    ("compensation", named(STEP)),
                ]),
            ),
            ("labels", map_of(text())),
        ]),
    )
}

fn trigger() -> Value {
    requires(
        &["type"],
        open([
            ("type", word(&["webhook", "cron", "event", "manual"])),
            ("path", text()),
            ("schedule", text()),
            ("source", text()),
            ("event", text()),
            ("filter", mapping()),
        ]),
    )
}

fn context() -> Value {
    let secret = requires(&["name", "ref"], open([("name", text()), ("ref", text())]));
    closed([("variables", mapping()), ("secrets", list_of(secret))])
}

fn error_handling() -> Value {
    let [max_attempts, initial_delay] = attempts();
    open([
        (
            "on_failure",
            word(&[
                "halt",
                "continue",
                "rollback",
                "notify",
                "compensate",
                "compensation",
            ]),
        ),
        ("compensation_steps", list_of(named(STEP))),
        (
            "notification",
            open([
                (
                    "channels",
                    list_of(word(&["email", "slack", "webhook", "pagerduty"])),
                ),
                ("template", text()),
            ]),
        ),
        (
            "retry_policy",
            open([
                max_attempts,
                initial_delay,
                ("backoff", backoff()),
                ("max_delay_ms", json!({"type": "integer"})),
            ]),
        ),
    ])
}

fn observability() -> Value {
    let tracing = open([("enabled", flag()), ("propagate_context", flag())]);
    open([
        ("tracing", tracing),
        ("metrics", metrics()),
        ("logging", logging()),
    ])
}
