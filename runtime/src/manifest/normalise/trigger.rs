//! What starts a workflow or a task.

use serde_json::Value;

use super::super::code;
use super::super::model::{Trigger, TriggerKind};
use super::super::reader::{Fields, Part, Report};
use super::{expression, filter};

/// `triggers`, and `trigger` for a single one.
pub(super) fn triggers(fields: &Fields<'_, '_>) -> Vec<Trigger> {
    let report = fields.report;
    fields
        .any("triggers", &["trigger"])
        .map(|part| part.one_or_many())
        .unwrap_or_default()
        .iter()
        .filter_map(|part| trigger(part, report))
        .collect()
}

fn trigger(part: &Part<'_>, report: &Report) -> Option<Trigger> {
    let mut raw = part.object(report)?.clone();
    let fields = Fields::of(part, report);
    let said = fields.get("type");
    let name = match &said {
        Some(part) => part.text(report)?,
        None => implied(&fields)?,
    };
    let kind = match name {
        "webhook" => TriggerKind::Webhook,
        "cron" => TriggerKind::Cron,
        "event" => TriggerKind::Event,
        "message" => TriggerKind::Message,
        "manual" => TriggerKind::Manual,
        "schedule" => {
            alias(&fields, "schedule", "cron");
            TriggerKind::Cron
        }
        "api" => {
            alias(&fields, "api", "webhook");
            TriggerKind::Webhook
        }
        other => {
            report.push(
                said.as_ref()
                    .unwrap_or(part)
                    .warning(
                        code::UNKNOWN_VALUE,
                        format!("`{other}` is no known type of trigger; a host may know it"),
                    )
                    .with_help("OSSA has `webhook`, `cron`, `event`, `message` and `manual`"),
            );
            TriggerKind::Other(other.to_owned())
        }
    };
    match kind {
        TriggerKind::Webhook => rename(&mut raw, &["endpoint", "url"], "path"),
        TriggerKind::Cron => rename(&mut raw, &["cron", "expression"], "schedule"),
        TriggerKind::Event => rename(&mut raw, &["event_type", "events"], "event"),
        _ => {}
    }
    let filter = fields
        .get("filter")
        .and_then(|part| filter::filter(&part, report));
    if let Some(part) = fields.get("conditions") {
        for part in part.one_or_many() {
            expression::condition(&part, report);
        }
    }
    if kind == TriggerKind::Cron && !raw.get("schedule").is_some_and(Value::is_string) {
        fields.missing("schedule");
    }
    Some(Trigger { kind, filter, raw })
}

/// The type that the other fields tell when `type` is missing.
fn implied(fields: &Fields<'_, '_>) -> Option<&'static str> {
    for (field, kind) in [
        ("channel", "message"),
        ("cron", "cron"),
        ("schedule", "cron"),
        ("path", "webhook"),
        ("event", "event"),
    ] {
        if fields.get(field).is_some() {
            return Some(kind);
        }
    }
    fields.missing("type");
    None
}

fn alias(fields: &Fields<'_, '_>, alias: &str, name: &str) {
    if let Some(part) = fields.get("type") {
        fields.report.push(
            part.warning(
                code::ALIAS,
                format!("the trigger `{alias}` is called `{name}` in OSSA"),
            )
            .with_help(format!("write `type: {name}`")),
        );
    }
}

/// Gives the first of `aliases` its proper name, so that hosts need to know only that one.
fn rename(raw: &mut serde_json::Map<String, Value>, aliases: &[&str], name: &str) {
    if raw.contains_key(name) {
        return;
    }
    for alias in aliases {
        if let Some(value) = raw.get(*alias).cloned() {
            raw.insert(name.to_owned(), value);
            return;
        }
    }
}
