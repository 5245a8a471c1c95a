//! The `spec` of message routing, after the draft that was never released.

use serde_json::Value;

use super::document::inner_schema;
use super::shape::{closed, flag, list_of, map_of, mapping, requires, some_of, text, word};

pub(super) fn spec() -> Value {
    requires(
        &["rules"],
        closed([
            ("rules", list_of(rule())),
            (
                "defaultRoute",
                closed([
                    ("action", word(&["drop", "dlq", "broadcast"])),
                    ("targets", list_of(text())),
                ]),
            ),
            ("transforms", map_of(transform())),
        ]),
    )
}

fn rule() -> Value {
    requires(
        &["source", "channel", "targets"],
        closed([
            ("id", text()),
            ("source", text()),
            ("channel", text()),
            ("targets", some_of(text())),
            (
                "filter",
                closed([("expression", text()), ("fields", mapping())]),
            ),
            ("transform", text()),
            ("priority", word(&["low", "normal", "high", "critical"])),
            ("enabled", flag()),
        ]),
    )
}

fn transform() -> Value {
    closed([
        ("type", word(&["jmespath", "jsonata", "template", "custom"])),
        ("expression", text()),
        ("outputSchema", inner_schema()),
    ])
}
