//! The `spec` of a task.

use serde_json::{Value, json};

use super::document::{attempts, backoff, inner_schema, logging, metrics, timeout};
use super::shape::{
    at_least, between, closed, flag, list_of, map_of, matching, open, requires, set_of, text, word,
};

pub(super) fn spec() -> Value {
    requires(
        &["execution"],
        closed([
            ("execution", execution()),
            ("capabilities", set_of(matching("^[a-z][a-z0-9_]*$"))),
            ("input", inner_schema()),
            ("output", inner_schema()),
            ("batch", batch()),
            ("dependencies", list_of(dependency())),
            ("preconditions", list_of(assertion())),
            ("postconditions", list_of(assertion())),
            ("error_handling", error_handling()),
            ("observability", observability()),
        ]),
    )
}

fn execution() -> Value {
    requires(
        &["type"],
        closed([
            (
                "type",
                word(&["deterministic", "idempotent", "transactional"]),
            ),
            ("runtime", text()),
            ("entrypoint", text()),
            ("timeout_seconds", timeout()),
        ]),
    )
}

fn batch() -> Value {
    let [max_attempts, initial_delay] = attempts();
    closed([
        ("enabled", flag()),
        ("parallelism", between(1, 1000)),
        ("chunk_size", at_least(1)),
        (
            "retry",
            closed([max_attempts, initial_delay, ("backoff_strategy", backoff())]),
        ),
        ("on_item_error", word(&["skip", "fail", "retry"])),
    ])
}

fn dependency() -> Value {
    requires(
        &["ref"],
        closed([
            ("ref", text()),
            ("kind", word(&["Task", "Agent"])),
            ("optional", flag()),
        ]),
    )
}

fn assertion() -> Value {
    requires(
        &["expression"],
        closed([("expression", text()), ("error_message", text())]),
    )
}

fn error_handling() -> Value {
    let answer = || word(&["fail", "retry", "fallback", "ignore"]);
    closed([
        ("on_error", answer()),
        ("fallback_task", text()),
        ("error_mapping", map_of(answer())),
    ])
}

fn observability() -> Value {
    closed([
        ("logging", logging()),
        ("metrics", metrics()),
        (
            "tracing",
            open([
                ("enabled", flag()),
                (
                    "sample_rate",
                    json!({"type": "number", "minimum": 0, "maximum": 1}),
                ),
            ]),
        ),
    ])
}
