//! `spec.messaging`: what is published on channels and taken from them.

use std::time::Duration;

use serde_json::Value;

use super::super::code;
use super::super::model::{
    Acknowledgment, AcknowledgmentMode, COMMAND_TIMEOUT, DeadLetters, Guarantee, MessageCommand,
    Messaging, Ordering, Publication, Reliability, Subscription,
};
use super::super::reader::{Fields, Part, Report, describe};
use super::{channel, filter, retry, routing, schema, time};

/// The most days OSSA's schema lets dead letters be kept.
const MOST_DAYS: u64 = 90;
/// The longest timeout of a command in OSSA's schema, in seconds.
const LONGEST_COMMAND: u64 = 3600;

/// `messaging` of a `spec`, where it stands.
pub(super) fn messaging(
    spec: &Part<'_>,
    document: &Part<'_>,
    report: &Report,
) -> Option<Box<Messaging>> {
    let part = spec
        .member("messaging")
        .filter(|part| !part.value.is_null())?;
    part.object(report)?;
    let fields = Fields::of(&part, report);
    let schemas = Schemas {
        named: fields.get("schemas"),
        document: document.value,
        report,
    };
    let list = |name: &'static str| {
        let part = fields.get(name);
        part.map(|part| part.list(report)).unwrap_or_default()
    };
    let publishes = list("publishes")
        .iter()
        .filter_map(|part| publication(part, &schemas))
        .collect();
    let subscribes = list("subscribes")
        .iter()
        .filter_map(|part| subscription(part, &schemas))
        .collect();
    let channels = list("channels")
        .iter()
        .filter_map(|part| channel::declaration(part, &schemas))
        .collect();
    let commands = commands(&list("commands"), &schemas);
    let reliability = fields
        .get("reliability")
        .and_then(|part| reliability(&part, report))
        .unwrap_or_default();
    // Which broker carries the messages, and who may use it, is the host's business.
    fields.known(&[
        "broker",
        "transport",
        "queues",
        "mesh_endpoint",
        "protocol",
        "capabilities",
        "discovery",
        "team",
        "authentication",
        "authorization",
        "description",
    ]);
    fields.ignore_rest();
    Some(Box::new(Messaging {
        publishes,
        subscribes,
        channels,
        commands,
        reliability,
    }))
}

fn publication(part: &Part<'_>, schemas: &Schemas<'_, '_>) -> Option<Publication> {
    let report = schemas.report;
    part.object(report)?;
    let fields = Fields::of(part, report);
    let channel = fields.required("channel")?.text(report)?.to_owned();
    let publication = Publication {
        channel,
        description: fields.text("description"),
        schema: fields.get("schema").and_then(|part| schemas.read(&part)),
        content_type: fields
            .any("contentType", &["content_type"])
            .and_then(|part| part.text(report))
            .unwrap_or("application/json")
            .to_owned(),
        tags: fields
            .get("tags")
            .map(|part| part.texts(report))
            .unwrap_or_default(),
        path: part.path.to_string(),
    };
    fields.known(&["examples", "qos", "reliability", "payload", "name"]);
    fields.ignore_rest();
    Some(publication)
}

fn subscription(part: &Part<'_>, schemas: &Schemas<'_, '_>) -> Option<Subscription> {
    let report = schemas.report;
    part.object(report)?;
    let fields = Fields::of(part, report);
    let mut subscription = Subscription {
        channel: fields.required("channel")?.text(report)?.to_owned(),
        handler: fields.text("handler"),
        schema: fields.get("schema").and_then(|part| schemas.read(&part)),
        filter: match fields.get("filter") {
            Some(part) => Some(filter::filter(&part, report)?),
            None => None,
        },
        priority: routing::priority(&fields),
        max_concurrency: fields
            .any("maxConcurrency", &["max_concurrency"])
            .and_then(|part| concurrency(&part, report)),
        timeout: None,
        retry: fields
            .get("retry")
            .and_then(|part| retry::of_messages(&part, report)),
        dead_letters: None,
        ordering: None,
        acknowledgment: None,
        path: part.path.to_string(),
    };
    if let Some(part) = fields.get("config") {
        configure(&part, &mut subscription, report);
    }
    fields.known(&["description", "name", "reliability"]);
    fields.ignore_rest();
    Some(subscription)
}

/// `config` of a subscription to agents' channels.
fn configure(part: &Part<'_>, subscription: &mut Subscription, report: &Report) {
    if part.object(report).is_none() {
        return;
    }
    let fields = Fields::of(part, report);
    if let Some(part) = fields.get("maxConcurrentMessages") {
        subscription.max_concurrency = concurrency(&part, report);
    }
    if let Some(part) = fields.get("timeout") {
        let timeout = time::positive(&part, report, "milliseconds");
        subscription.timeout = timeout.map(Duration::from_millis);
    }
    subscription.retry = retry_of_config(&fields).or(subscription.retry.take());
    subscription.dead_letters = fields.boolean("deadLetterQueue");
    let orders = [
        ("strict", Ordering::PerChannel),
        ("relaxed", Ordering::None),
        ("none", Ordering::None),
    ];
    subscription.ordering = routing::one_of(&fields, "messageOrdering", &orders);
    subscription.acknowledgment = fields.boolean("autoAcknowledge").map(|automatic| {
        if automatic {
            AcknowledgmentMode::Automatic
        } else {
            AcknowledgmentMode::Manual
        }
    });
    fields.known(&["prefetchCount"]);
    fields.ignore_rest();
}

fn retry_of_config(fields: &Fields<'_, '_>) -> Option<crate::policy::RetryPolicy> {
    if fields.boolean("retryOnError") == Some(false) {
        fields.known(&["maxRetries", "retryBackoff"]);
        return Some(retry::once());
    }
    let retries = fields.get("maxRetries");
    let backoff = fields.get("retryBackoff");
    if retries.is_none() && backoff.is_none() {
        return None;
    }
    // Three retries follow the first attempt unless the author says otherwise.
    let retries = match retries {
        Some(part) => time::whole(&part, fields.report, "retries")?,
        None => 3,
    };
    let mut policy = match backoff {
        Some(part) => retry::policy(&part, fields.report)?,
        None => crate::policy::RetryPolicy::default(),
    };
    policy.max_attempts = u32::try_from(retries).unwrap_or(u32::MAX).saturating_add(1);
    Some(policy)
}

fn concurrency(part: &Part<'_>, report: &Report) -> Option<u32> {
    let number = time::positive(part, report, "deliveries at once")?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}

fn commands(parts: &[Part<'_>], schemas: &Schemas<'_, '_>) -> Vec<MessageCommand> {
    let mut commands: Vec<MessageCommand> = Vec::new();
    for part in parts {
        let Some(command) = command(part, schemas) else {
            continue;
        };
        if commands.iter().any(|other| other.name == command.name) {
            schemas.report.push(part.error(
                code::AMBIGUOUS_NAME,
                format!("there are two commands `{}`", command.name),
            ));
            continue;
        }
        commands.push(command);
    }
    commands
}

fn command(part: &Part<'_>, schemas: &Schemas<'_, '_>) -> Option<MessageCommand> {
    let report = schemas.report;
    part.object(report)?;
    let fields = Fields::of(part, report);
    let name = fields.required("name")?.scalar_text(report)?;
    // Both spellings are OSSA's.
    let either = |name, other| fields.get(name).or_else(|| fields.get(other));
    let timeout = either("timeoutSeconds", "timeout_seconds").and_then(|part| {
        let seconds = time::positive(&part, report, "seconds")?;
        if seconds > LONGEST_COMMAND {
            report.push(part.warning(
                code::OUT_OF_RANGE,
                format!("{seconds} seconds are more than the {LONGEST_COMMAND} that OSSA allows; the value is used"),
            ));
        }
        Some(Duration::from_secs(seconds))
    });
    let command = MessageCommand {
        name,
        description: fields.text("description"),
        input_schema: either("inputSchema", "input_schema").and_then(|part| schemas.read(&part)),
        output_schema: either("outputSchema", "output_schema").and_then(|part| schemas.read(&part)),
        timeout: timeout.unwrap_or(COMMAND_TIMEOUT),
        idempotent: fields.boolean("idempotent").unwrap_or(false),
        is_async: fields.boolean("async").unwrap_or(false),
        path: part.path.to_string(),
    };
    fields.known(&["examples", "handler"]);
    fields.ignore_rest();
    Some(command)
}

/// Where the schemas of messages stand.
pub(super) struct Schemas<'a, 'r> {
    /// `messaging.schemas`.
    named: Option<Part<'a>>,
    /// What `#/…` begins at: the document, not the schema.
    document: &'a Value,
    pub(super) report: &'r Report,
}

/// Deepest nesting of a schema, and of references in what references lead to.
const MAX_SCHEMA_DEPTH: usize = 64;

/// Most parts of a schema, with everything its references lead to.
const MAX_SCHEMA_PARTS: usize = 10_000;

impl Schemas<'_, '_> {
    /// The schema: itself, or the name of one below `messaging.schemas`. `None` = none that can be used here.
    pub(super) fn read(&self, part: &Part<'_>) -> Option<Value> {
        let named = |name: &str| self.named.as_ref()?.member(name);
        let place = match part.value {
            Value::String(name) => match named(name) {
                Some(place) => place,
                None => {
                    self.unresolved(
                        part,
                        &format!("there is no schema `{name}` here"),
                        "define it below `messaging.schemas`",
                    );
                    return None;
                }
            },
            _ => part.clone(),
        };
        let mut parts = MAX_SCHEMA_PARTS;
        match self.resolved(place.value, 0, &mut parts) {
            Ok(value) => schema::schema(
                &Part {
                    value: &value,
                    ..place
                },
                self.report,
            ),
            Err(reference) => {
                self.unresolved(
                    &place,
                    &format!("`{reference}` leads out of the document, or too far"),
                    "write the schema here: nothing is fetched",
                );
                None
            }
        }
    }

    fn unresolved(&self, part: &Part<'_>, reason: &str, help: &str) {
        let message = format!("{reason}; messages are not checked against it");
        self.report.push(
            part.warning(code::UNRESOLVED_REFERENCE, message)
                .with_help(help),
        );
    }

    /// The schema with what its references lead to in their place; the reference that cannot be followed else.
    fn resolved(&self, value: &Value, depth: usize, parts: &mut usize) -> Result<Value, String> {
        let Some(left) = parts.checked_sub(1).filter(|_| depth <= MAX_SCHEMA_DEPTH) else {
            return Err("$ref".to_owned());
        };
        *parts = left;
        match value {
            Value::Object(members) => match members.get("$ref") {
                Some(Value::String(reference)) => {
                    let pointer = reference.strip_prefix('#');
                    let target = pointer.and_then(|pointer| self.document.pointer(pointer));
                    let target = target.ok_or_else(|| reference.clone())?;
                    self.resolved(target, depth + 1, parts)
                }
                _ => members
                    .iter()
                    .map(|(name, value)| {
                        Ok((name.clone(), self.resolved(value, depth + 1, parts)?))
                    })
                    .collect::<Result<_, _>>()
                    .map(Value::Object),
            },
            Value::Array(items) => items
                .iter()
                .map(|item| self.resolved(item, depth + 1, parts))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            scalar => Ok(scalar.clone()),
        }
    }
}

fn reliability(part: &Part<'_>, report: &Report) -> Option<Reliability> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    let guarantee = ["deliveryGuarantee", "delivery"]
        .into_iter()
        .filter_map(|name| fields.get(name))
        .next()
        .and_then(|part| guarantee(&part, report));
    let dead_letters = ["dlq", "deadLetterQueue", "dead_letter_queue"]
        .into_iter()
        .find_map(|name| fields.get(name));
    let (dead_letters, retry_beside) = match dead_letters {
        Some(part) => dead_letter_settings(&part, report),
        None => (None, None),
    };
    let retry = fields
        .get("retry")
        .and_then(|part| retry::of_messages(&part, report))
        .or(retry_beside);
    let reliability = Reliability {
        guarantee: guarantee.unwrap_or_default(),
        retry: retry.unwrap_or_default(),
        dead_letters: dead_letters.unwrap_or_default(),
        ordering: fields
            .get("ordering")
            .and_then(|part| ordering(&part, report))
            .unwrap_or_default(),
        acknowledgment: fields
            .any("acknowledgment", &["acknowledgement"])
            .and_then(|part| acknowledgment(&part, report))
            .unwrap_or_default(),
    };
    fields.ignore_rest();
    Some(reliability)
}

fn guarantee(part: &Part<'_>, report: &Report) -> Option<Guarantee> {
    let name = part.text(report)?;
    let found = [
        Guarantee::AtLeastOnce,
        Guarantee::AtMostOnce,
        Guarantee::ExactlyOnce,
    ]
    .into_iter()
    .find(|it| it.as_str() == name.replace('_', "-"));
    if found.is_none() {
        report.push(
            part.error(
                code::UNKNOWN_VALUE,
                format!("`{name}` is no known guarantee of delivery"),
            )
            .with_help("use `at-least-once`, `at-most-once` or `exactly-once`"),
        );
    }
    found
}

/// Where failed messages go, and the retries that some authors write there.
fn dead_letter_settings(
    part: &Part<'_>,
    report: &Report,
) -> (Option<DeadLetters>, Option<crate::policy::RetryPolicy>) {
    if let Value::Bool(enabled) = part.value {
        let settings = DeadLetters {
            enabled: *enabled,
            ..DeadLetters::default()
        };
        return (Some(settings), None);
    }
    if part.object(report).is_none() {
        return (None, None);
    }
    let fields = Fields::of(part, report);
    let mut settings = DeadLetters {
        enabled: fields.boolean("enabled").unwrap_or(true),
        channel: fields.text("channel"),
        ..DeadLetters::default()
    };
    if let Some(part) = fields.any("retentionDays", &["retention_days"])
        && let Some(days) = time::positive(&part, report, "days")
    {
        if days > MOST_DAYS {
            report.push(part.warning(
                code::OUT_OF_RANGE,
                format!(
                    "{days} days are more than the {MOST_DAYS} that OSSA allows; the value is used"
                ),
            ));
        }
        settings.retention = Some(Duration::from_secs(days.saturating_mul(86_400)));
    }
    let retry = retry::beside(&fields);
    fields.ignore_rest();
    (Some(settings), retry)
}

/// A word, or a mapping with `guarantee`, `mode`, or `enabled` and `key`.
fn ordering(part: &Part<'_>, report: &Report) -> Option<Ordering> {
    if part.value.is_string() {
        return order(part, report);
    }
    part.object(report)?;
    let fields = Fields::of(part, report);
    let enabled = fields.boolean("enabled");
    let said = fields.get("guarantee").or_else(|| fields.get("mode"));
    fields.known(&["mode", "key", "timeoutSeconds", "timeout_seconds"]);
    fields.ignore_rest();
    match (said, enabled) {
        (_, Some(false)) | (None, None) => Some(Ordering::None),
        (Some(part), _) => order(&part, report),
        (None, Some(true)) => Some(Ordering::PerSource),
    }
}

fn order(part: &Part<'_>, report: &Report) -> Option<Ordering> {
    let name = part.text(report)?;
    match name.replace('_', "-").as_str() {
        "none" => Some(Ordering::None),
        "per-source" => Some(Ordering::PerSource),
        "per-channel" | "strict" => Some(Ordering::PerChannel),
        "global" => Some(Ordering::Global),
        _ => {
            report.push(
                part.error(code::UNKNOWN_VALUE, format!("`{name}` is no known order"))
                    .with_help("use `none`, `per-source`, `per-channel` or `global`"),
            );
            None
        }
    }
}

/// A word, or a mapping with `mode` and a timeout.
fn acknowledgment(part: &Part<'_>, report: &Report) -> Option<Acknowledgment> {
    let mut acknowledgment = Acknowledgment::default();
    if part.value.is_string() {
        acknowledgment.mode = mode(part, report)?;
        return Some(acknowledgment);
    }
    if !part.value.is_object() {
        let message = format!("expected a mapping, found {}", describe(part.value));
        report.push(part.error(code::WRONG_TYPE, message));
        return None;
    }
    let fields = Fields::of(part, report);
    if let Some(part) = fields.get("mode") {
        acknowledgment.mode = mode(&part, report)?;
    }
    if let Some(part) = fields.any("timeoutSeconds", &["timeout_seconds"]) {
        let seconds = time::positive(&part, report, "seconds")?;
        acknowledgment.timeout = Duration::from_secs(seconds);
    }
    fields.ignore_rest();
    Some(acknowledgment)
}

fn mode(part: &Part<'_>, report: &Report) -> Option<AcknowledgmentMode> {
    let name = part.text(report)?;
    match name {
        "automatic" | "auto" => Some(AcknowledgmentMode::Automatic),
        "manual" => Some(AcknowledgmentMode::Manual),
        _ => {
            report.push(
                part.error(
                    code::UNKNOWN_VALUE,
                    format!("`{name}` is no known way to acknowledge"),
                )
                .with_help("use `automatic` or `manual`"),
            );
            None
        }
    }
}
