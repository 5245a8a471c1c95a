//! What every kind of document has: version, name, runtime.

use serde_json::{Map, Value, json};

use super::super::model::RUNTIME_TYPES;
use super::Family;
use super::shape::{
    at_least, between, closed, flag, list_of, map_of, mapping, matching, open, requires, set_of,
    short_text, text, with, word,
};

const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const SEMANTIC_VERSION: &str = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$";

/// The document as a whole, around the `spec` that the kind asks for.
pub(super) fn document(family: Family, spec: Value) -> Value {
    let mut members = open([
        ("apiVersion", text()),
        ("kind", text()),
        ("metadata", metadata(family)),
        ("spec", spec),
        ("extensions", mapping()),
    ]);
    if family.defines_tasks()
        && let Some(properties) = members.get_mut("properties").and_then(Value::as_object_mut)
    {
        properties.insert("runtime".to_owned(), runtime(family));
    }
    let required: &[&str] = if family.defines_tasks() {
        &["apiVersion", "kind", "metadata", "spec"]
    } else {
        &["apiVersion", "kind", "metadata"]
    };
    requires(required, members)
}

fn metadata(family: Family) -> Value {
    let mut members = Map::new();
    let mut add = |name: &str, schema: Value| members.insert(name.to_owned(), schema);
    add("name", with(matching(LABEL), "maxLength", json!(253)));
    add("version", matching(SEMANTIC_VERSION));
    add("description", short_text(2000));
    add("labels", map_of(short_text(63)));
    add("annotations", map_of(text()));
    if family >= Family::V033 {
        add("namespace", with(matching(LABEL), "maxLength", json!(63)));
    }
    if family >= Family::V036 {
        add("catalog", mapping());
    }
    if family == Family::V036 || family == Family::V045 {
        add(
            "efficiency_tier",
            word(&["premium", "standard", "economy", "custom"]),
        );
        for section in [
            "decentralized_identity",
            "genetics",
            "lifecycle_stages",
            "economics",
            "team_membership",
        ] {
            add(section, mapping());
        }
    }
    if family >= Family::V045 {
        add("agentType", text());
        add("agentKind", text());
    }
    if family == Family::V045 {
        add("agentArchitecture", mapping());
        add("idCard", mapping());
    }
    if family == Family::V046 {
        add(
            "machine_name",
            with(matching("^[a-z0-9_]+$"), "maxLength", json!(128)),
        );
        add("status", word(&["active", "deprecated", "revoked"]));
        add("deprecated_message", short_text(500));
        for name in ["uuid", "signature", "sbom_pointer", "revoked_at"] {
            add(name, text());
        }
    }
    // The schema of 0.4.6 gave up closing it.
    let is_closed = family != Family::V046;
    json!({
        "type": "object",
        "required": ["name"],
        "properties": members,
        "additionalProperties": !is_closed,
    })
}

fn runtime(family: Family) -> Value {
    let mut schema = closed([
        ("type", word(RUNTIME_TYPES)),
        (
            "supports",
            set_of(word(&[
                "google-a2a",
                "gitlab-duo",
                "ossa-mesh",
                "mcp",
                "local-execution",
                "kubernetes",
                "serverless",
                "lambda",
                "cloudflare-workers",
                "drupal",
                "symfony",
            ])),
        ),
        ("transport", text()),
        (
            "scheduling",
            closed([
                (
                    "strategy",
                    word(&["fair", "priority", "deadline", "cost-optimized"]),
                ),
                (
                    "priority",
                    word(&["critical", "high", "normal", "low", "background"]),
                ),
                ("max_concurrent", at_least(1)),
                ("timeout_seconds", at_least(1)),
            ]),
        ),
        (
            "resource_limits",
            closed([
                ("memory_mb", at_least(64)),
                ("cpu_millicores", at_least(100)),
                ("gpu_required", flag()),
                ("gpu_type", text()),
            ]),
        ),
        (
            "extensions",
            list_of(requires(
                &["type", "name"],
                closed([
                    (
                        "type",
                        word(&["http", "grpc", "mcp", "websocket", "kafka", "pubsub"]),
                    ),
                    ("name", text()),
                    ("endpoint", text()),
                    ("credentials_ref", text()),
                ]),
            )),
        ),
        (
            "bindings",
            map_of(closed([
                ("handler", text()),
                ("mcp_server", text()),
                ("tool", text()),
                ("config", mapping()),
            ])),
        ),
    ]);
    if family >= Family::V032
        && let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut)
    {
        properties.insert("kubernetes".to_owned(), mapping());
    }
    schema
}

/// A JSON Schema within a manifest, as far as the official schema looks at it.
pub(super) fn inner_schema() -> Value {
    open([
        (
            "type",
            word(&[
                "object", "array", "string", "number", "integer", "boolean", "null",
            ]),
        ),
        ("properties", mapping()),
        ("required", list_of(text())),
        ("items", mapping()),
        (
            "additionalProperties",
            json!({"type": ["boolean", "object"]}),
        ),
    ])
}

/// Attempts of a task, a step or a batch, without the field that names the strategy.
pub(super) fn attempts() -> [(&'static str, Value); 2] {
    [
        ("max_attempts", between(1, 10)),
        ("initial_delay_ms", at_least(100)),
    ]
}

pub(super) fn backoff() -> Value {
    word(&["fixed", "exponential", "linear"])
}

/// `timeout_seconds`
pub(super) fn timeout() -> Value {
    between(1, 86_400)
}

/// `observability.logging`
pub(super) fn logging() -> Value {
    open([
        ("level", word(&["debug", "info", "warn", "error"])),
        ("include_input", flag()),
        ("include_output", flag()),
    ])
}

/// `observability.metrics`
pub(super) fn metrics() -> Value {
    open([("enabled", flag()), ("custom_labels", map_of(text()))])
}
