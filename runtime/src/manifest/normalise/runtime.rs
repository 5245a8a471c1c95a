//! `runtime`: how a manifest proposes to bind capabilities.

use serde_json::Value;

use super::super::code;
use super::super::model::{Binding, RUNTIME_TYPES, Runtime};
use super::super::reader::{Fields, Part, Report};

/// Types seen in manifests which hosts of this runtime understand all the same.
const TOLERATED_TYPES: &[&str] = &["symfony", "any"];

/// Sections of `runtime` that are settings of a host rather than bindings.
const SETTINGS: &[&str] = &[
    "type",
    "supports",
    "transport",
    "scheduling",
    "resource_limits",
    "extensions",
    "bindings",
    "kubernetes",
    "messenger",
    "eca",
    "step_dispatch",
    "state_store",
];

/// The `runtime` section. Whatever is unknown stays in `raw` for hosts.
pub(super) fn runtime(part: &Part<'_>, report: &Report) -> Runtime {
    let Some(raw) = part.object(report) else {
        return Runtime::default();
    };
    let fields = Fields::of(part, report);
    let kind = fields.text("type");
    if let (Some(kind), Some(part)) = (&kind, fields.get("type"))
        && !RUNTIME_TYPES.contains(&kind.as_str())
        && !TOLERATED_TYPES.contains(&kind.as_str())
    {
        report.push(
            part.warning(code::UNKNOWN_VALUE, format!("`{kind}` is no known type of runtime"))
                .with_help("bindings of this section are offered to every host; a task fails only when none can handle it"),
        );
    }
    let mut bindings = Vec::new();
    if let Some(part) = fields.get("bindings") {
        part.object(report);
        bindings.extend(
            part.members()
                .filter_map(|(name, part)| binding(name, None, &part, report)),
        );
    }
    for (host, section) in part.members() {
        if SETTINGS.contains(&host) {
            continue;
        }
        let own = section
            .members()
            .filter(|(_, part)| is_binding(part.value))
            .filter_map(|(name, part)| binding(name, Some(host), &part, report));
        bindings.extend(own);
    }
    Runtime {
        kind,
        bindings,
        raw: raw.clone(),
    }
}

/// Whether a member of a host's section binds a capability rather than sets something.
fn is_binding(value: &Value) -> bool {
    [
        "service", "handler", "plugin", "method", "function", "class", "module", "tool",
    ]
    .iter()
    .any(|key| value.get(key).is_some())
}

fn binding(name: &str, host: Option<&str>, part: &Part<'_>, report: &Report) -> Option<Binding> {
    if let Value::String(service) = part.value {
        return Some(Binding {
            capability: name.to_owned(),
            host: host.map(str::to_owned),
            service: Some(service.clone()),
            method: None,
            config: None,
        });
    }
    part.object(report)?;
    let fields = Fields::of(part, report);
    let service = ["handler", "service", "plugin", "class", "module", "tool"]
        .into_iter()
        .find_map(|field| fields.get(field))
        .and_then(|part| part.text(report));
    let method = ["method", "function"]
        .into_iter()
        .find_map(|field| fields.get(field))
        .and_then(|part| part.text(report));
    // `binding: secret` with the capability beside it binds under another name than the capability's.
    let capability = match fields.get("capability") {
        Some(part) => part.text(report)?,
        None => name,
    };
    let config = fields.get("config").map(|part| {
        super::expression::template(&part, report);
        part.value.clone()
    });
    Some(Binding {
        capability: capability.to_owned(),
        host: host.map(str::to_owned),
        service: service.map(str::to_owned),
        method: method.map(str::to_owned),
        config,
    })
}
