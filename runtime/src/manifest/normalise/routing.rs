//! `kind: MessageRouting`.

use crate::port::Priority;

use super::super::code;
use super::super::model::{
    DefaultAction, DefaultRoute, DeliveryMode, MessageRouting, Rule, Transform, TransformLanguage,
    Wildcards,
};
use super::super::reader::{Fields, Part, Report};
use super::{filter, schema};

/// Whether the `spec` of a workflow is one of message routing.
pub(super) fn stands_in_workflow(spec: &Part<'_>) -> bool {
    spec.value
        .get("rules")
        .is_some_and(serde_json::Value::is_array)
        && spec.value.get("steps").is_none()
        && spec.value.get("tasks").is_none()
}

/// The `spec`.
pub(super) fn routing(spec: &Part<'_>, report: &Report) -> Option<MessageRouting> {
    spec.object(report)?;
    let fields = Fields::of(spec, report);
    let transforms_part = fields.get("transforms");
    if let Some(part) = &transforms_part {
        part.object(report);
    }
    let known: Vec<&str> = transforms_part
        .iter()
        .flat_map(Part::members)
        .map(|(name, _)| name)
        .collect();
    let transforms = transforms_part
        .iter()
        .flat_map(Part::members)
        .filter_map(|(name, part)| transform(name, &part, report))
        .collect();
    let rules = fields
        .required("rules")
        .map(|part| part.list(report))
        .unwrap_or_default()
        .iter()
        .filter_map(|part| rule(part, &known, report))
        .collect();
    let routing = MessageRouting {
        rules,
        transforms,
        default_route: fields
            .any("defaultRoute", &["default_route"])
            .and_then(|part| default_route(&part, report)),
        wildcards: wildcards(&fields),
    };
    fields.known(&["description"]);
    fields.ignore_rest();
    Some(routing)
}

fn rule(part: &Part<'_>, transforms: &[&str], report: &Report) -> Option<Rule> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    fields.known(&["name", "description"]);
    let id = fields
        .get("id")
        .and_then(|part| part.scalar_text(report))
        .filter(|id| !id.is_empty());
    let text = |name| fields.required(name)?.text(report).map(str::to_owned);
    let (source, channel) = (text("source"), text("channel"));
    let targets = fields.required("targets").map(|part| {
        let targets = part.list(report);
        if targets.is_empty() && part.value.is_array() {
            report.push(part.error(code::MISSING_FIELD, "a rule needs at least one target"));
        }
        let texts = targets.iter().filter_map(|target| target.text(report));
        texts.map(str::to_owned).collect()
    });
    let filter = match fields.get("filter") {
        Some(part) => Some(filter::filter(&part, report)?),
        None => None,
    };
    let transform = match fields.get("transform") {
        Some(part) => {
            let name = part.text(report)?;
            if !transforms.contains(&name) {
                report.push(
                    part.error(
                        code::BAD_REFERENCE,
                        format!("there is no transform `{name}`"),
                    )
                    .with_help("define it below `spec.transforms`"),
                );
            }
            Some(name.to_owned())
        }
        None => None,
    };
    let priority = priority(&fields);
    let modes = [
        ("fanout", DeliveryMode::FanOut),
        ("fan-out", DeliveryMode::FanOut),
        ("failover", DeliveryMode::Failover),
    ];
    let delivery = one_of(&fields, "delivery", &modes);
    let enabled = fields.boolean("enabled").unwrap_or(true);
    fields.refuse_rest();
    Some(Rule {
        id,
        source: source?,
        channel: channel?,
        targets: targets?,
        delivery,
        filter,
        transform,
        priority,
        enabled,
        path: part.path.to_string(),
    })
}

/// `priority`, normal unless it is said.
pub(super) fn priority(fields: &Fields<'_, '_>) -> Priority {
    let names = [
        ("low", Priority::Low),
        ("normal", Priority::Normal),
        ("high", Priority::High),
        ("critical", Priority::Critical),
        ("urgent", Priority::Critical),
        ("background", Priority::Low),
    ];
    one_of(fields, "priority", &names).unwrap_or_default()
}

fn transform(name: &str, part: &Part<'_>, report: &Report) -> Option<Transform> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    let languages = [
        TransformLanguage::JmesPath,
        TransformLanguage::Jsonata,
        TransformLanguage::Template,
        TransformLanguage::Custom,
    ]
    .map(|language| (language.as_str(), language));
    let language = if fields.get("type").is_some() {
        one_of(&fields, "type", &languages)
    } else {
        Some(TransformLanguage::JmesPath)
    };
    // A callback of the host may be named by itself, and is called like the transform when it is not named at all.
    let handler = fields.text("handler");
    let expression = match (fields.text("expression"), handler, language) {
        (Some(text), _, _) | (None, Some(text), _) => Some(text),
        (None, None, Some(TransformLanguage::Custom)) => Some(name.to_owned()),
        (None, None, _) => {
            if fields.get("expression").is_none() {
                fields.missing("expression");
            }
            None
        }
    };
    let output_schema = fields
        .any("outputSchema", &["output_schema"])
        .and_then(|part| schema::schema(&part, report));
    fields.known(&["description"]);
    fields.ignore_rest();
    Some(Transform {
        name: name.to_owned(),
        language: language?,
        expression: expression?,
        output_schema,
        path: part.path.to_string(),
    })
}

fn default_route(part: &Part<'_>, report: &Report) -> Option<DefaultRoute> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    let actions = [
        ("drop", DefaultAction::Drop),
        ("dlq", DefaultAction::DeadLetter),
        ("broadcast", DefaultAction::Broadcast),
    ];
    let action = one_of(&fields, "action", &actions).unwrap_or_default();
    let targets = fields
        .get("targets")
        .map(|part| {
            let targets = part.texts(report);
            if action != DefaultAction::Broadcast && !targets.is_empty() {
                report.push(
                    part.key_warning(
                        code::IGNORED_FIELD,
                        "targets count for `action: broadcast` only; they are ignored",
                    )
                    .with_help("remove them, or write `action: broadcast`"),
                );
            }
            targets
        })
        .unwrap_or_default();
    fields.ignore_rest();
    Some(DefaultRoute { action, targets })
}

fn wildcards(fields: &Fields<'_, '_>) -> Option<Wildcards> {
    let names = [("segment", Wildcards::Segment), ("multi", Wildcards::Multi)];
    one_of(fields, "wildcards", &names)
}

/// What the text of a field stands for; an error when it is none of `names`.
pub(super) fn one_of<T: Copy>(
    fields: &Fields<'_, '_>,
    name: &'static str,
    names: &[(&str, T)],
) -> Option<T> {
    let part = fields.get(name)?;
    let value = part.text(fields.report)?;
    let found = names.iter().find(|(name, _)| *name == value);
    if found.is_none() {
        let known: Vec<String> = names.iter().map(|(name, _)| format!("`{name}`")).collect();
        fields.report.push(
            part.error(code::UNKNOWN_VALUE, format!("`{value}` is no known {name}"))
                .with_help(format!("use one of {}", known.join(", "))),
        );
    }
    found.map(|(_, value)| *value)
}
