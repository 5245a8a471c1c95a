//! Steps that wait: for a person, for approvals, for an event.

use super::super::model::{AwaitedEvent, Escalation, Waiting};
use super::super::reader::{Fields, Part, Report};
use super::{expression, time};

/// What a person is asked; `fields` are those of the execution, or of a step of `type: human`.
pub(super) fn human(fields: &Fields<'_, '_>) -> Waiting {
    let report = fields.report;
    Waiting {
        assignee: fields
            .get("assignee")
            .and_then(|part| expression::template(&part, report)),
        escalation: escalation(fields),
        ..Waiting::default()
    }
}

/// The approvals that a step waits for.
pub(super) fn approval(fields: &Fields<'_, '_>) -> Waiting {
    let report = fields.report;
    let approvers = fields.get("approvers");
    let approvers = approvers.map(|part| part.list(report));
    let require = fields
        .get("require")
        .and_then(|part| time::positive(&part, report, "approvals"));
    Waiting {
        escalation: escalation(fields),
        approvers: approvers
            .into_iter()
            .flatten()
            .map(|part| part.value.clone())
            .collect(),
        require: u32::try_from(require.unwrap_or(1)).unwrap_or(u32::MAX),
        ..Waiting::default()
    }
}

/// The event that an execution waits for.
pub(super) fn event(fields: &Fields<'_, '_>) -> Option<Waiting> {
    let report = fields.report;
    let part = fields.required("event")?;
    part.object(report)?;
    let inner = Fields::of(&part, report);
    let name = inner.any("type", &["name", "event"]);
    let Some(name) = name else {
        inner.missing("type");
        return None;
    };
    let filter = inner.get("filter");
    let event = AwaitedEvent {
        name: name.text(report)?.to_owned(),
        source: inner.text("source"),
        filter: filter
            .iter()
            .flat_map(Part::members)
            .filter_map(|(field, part)| {
                Some((field.to_owned(), expression::template(&part, report)?))
            })
            .collect(),
    };
    inner.ignore_rest();
    Some(Waiting {
        event: Some(event),
        escalation: escalation(fields),
        ..Waiting::default()
    })
}

fn escalation(fields: &Fields<'_, '_>) -> Option<Escalation> {
    let report = fields.report;
    let part = fields.get("escalation")?;
    part.object(report)?;
    let inner = Fields::of(&part, report);
    let after = match inner.get("after_hours") {
        Some(part) => time::hours(&part, report),
        None => inner
            .required("after")
            .and_then(|part| time::with_unit(&part, report)),
    };
    let to = inner
        .any("to", &["to_role"])
        .map(|part| names(&part, report));
    inner.ignore_rest();
    Some(Escalation {
        after: after?,
        to: to.unwrap_or_default(),
    })
}

/// A name, or a list of names or of `{role}`.
fn names(part: &Part<'_>, report: &Report) -> Vec<String> {
    if let Some(name) = part.value.as_str() {
        return vec![name.to_owned()];
    }
    let list = part.list(report);
    let named = list.iter().filter_map(|part| {
        let name = part.value.get("role").unwrap_or(part.value).as_str();
        name.map(str::to_owned)
    });
    named.collect()
}
