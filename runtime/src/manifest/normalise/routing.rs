//! `kind: MessageRouting`: checked, and kept as JSON until routing is built.

use serde_json::Value;

use super::super::code;
use super::super::reader::{Fields, Part, Report};
use super::expression;

/// Whether the `spec` of a workflow is one of message routing.
pub(super) fn stands_in_workflow(spec: &Part<'_>) -> bool {
    spec.value.get("rules").is_some_and(Value::is_array)
        && spec.value.get("steps").is_none()
        && spec.value.get("tasks").is_none()
}

/// Checks the `spec`.
pub(super) fn check(spec: &Part<'_>, report: &Report) {
    if spec.object(report).is_none() {
        return;
    }
    let fields = Fields::of(spec, report);
    let transforms = fields.get("transforms");
    if let Some(part) = &transforms {
        part.object(report);
        for (_, part) in part.members() {
            transform(&part, report);
        }
    }
    let known: Vec<&str> = transforms
        .iter()
        .flat_map(Part::members)
        .map(|(name, _)| name)
        .collect();
    if let Some(part) = fields.required("rules") {
        for part in part.list(report) {
            rule(&part, &known, report);
        }
    }
    if let Some(part) = fields.any("defaultRoute", &["default_route"]) {
        default_route(&part, report);
    }
    fields.known(&["description"]);
    fields.ignore_rest();
}

fn rule(part: &Part<'_>, transforms: &[&str], report: &Report) {
    if part.object(report).is_none() {
        return;
    }
    let fields = Fields::of(part, report);
    fields.known(&["id", "name", "description"]);
    for name in ["source", "channel"] {
        if let Some(part) = fields.required(name) {
            part.text(report);
        }
    }
    if let Some(part) = fields.required("targets") {
        let targets = part.list(report);
        for target in &targets {
            target.text(report);
        }
        if targets.is_empty() && part.value.is_array() {
            report.push(part.error(code::MISSING_FIELD, "a rule needs at least one target"));
        }
    }
    if let Some(part) = fields.get("filter") {
        filter(&part, report);
    }
    if let Some(part) = fields.get("transform")
        && let Some(name) = part.text(report)
        && !transforms.contains(&name)
    {
        report.push(
            part.error(
                code::BAD_REFERENCE,
                format!("there is no transform `{name}`"),
            )
            .with_help("define it below `spec.transforms`"),
        );
    }
    one_of(
        &fields,
        "priority",
        &["low", "normal", "high", "critical", "urgent", "background"],
    );
    fields.boolean("enabled");
    fields.ignore_rest();
}

/// `{fields}`, `{expression}`, both, a bare map of fields, or an expression alone.
fn filter(part: &Part<'_>, report: &Report) {
    if part.value.is_string() {
        expression::condition(part, report);
        return;
    }
    if part.object(report).is_none() {
        return;
    }
    for (name, part) in part.members() {
        match name {
            "expression" => {
                expression::condition(&part, report);
            }
            "fields" => {
                part.object(report);
            }
            _ => {}
        }
    }
}

fn transform(part: &Part<'_>, report: &Report) {
    if part.object(report).is_none() {
        return;
    }
    let fields = Fields::of(part, report);
    one_of(
        &fields,
        "type",
        &["jmespath", "jsonata", "template", "custom"],
    );
    if let Some(part) = fields.get("expression") {
        part.text(report);
    }
    fields.known(&["outputSchema", "output_schema", "description", "handler"]);
    fields.ignore_rest();
}

fn default_route(part: &Part<'_>, report: &Report) {
    if part.object(report).is_none() {
        return;
    }
    let fields = Fields::of(part, report);
    one_of(&fields, "action", &["drop", "dlq", "broadcast"]);
    if let Some(part) = fields.get("targets") {
        part.texts(report);
    }
    fields.ignore_rest();
}

fn one_of(fields: &Fields<'_, '_>, name: &'static str, values: &[&str]) {
    if let Some(part) = fields.get(name)
        && let Some(value) = part.text(fields.report)
        && !values.contains(&value)
    {
        let known = values
            .iter()
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(", ");
        fields.report.push(
            part.error(code::UNKNOWN_VALUE, format!("`{value}` is no known {name}"))
                .with_help(format!("use one of {known}")),
        );
    }
}
