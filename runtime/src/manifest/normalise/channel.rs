//! `spec.messaging.channels`: what holds for channels, whoever publishes on them.

use std::time::Duration;

use super::super::code;
use super::super::model::{ChannelDeclaration, ChannelSettings};
use super::super::reader::{Fields, Part, Report};
use super::messaging::Schemas;
use super::time;
use crate::policy::PublishRate;

/// One channel, as OSSA's schema of channels describes it.
pub(super) fn declaration(
    part: &Part<'_>,
    schemas: &Schemas<'_, '_>,
) -> Option<ChannelDeclaration> {
    let report = schemas.report;
    part.object(report)?;
    let fields = Fields::of(part, report);
    let declaration = ChannelDeclaration {
        name: fields.required("name")?.text(report)?.to_owned(),
        schema: fields.get("schema").and_then(|part| schemas.read(&part)),
        settings: fields
            .get("config")
            .map(|part| settings(&part, report))
            .unwrap_or_default(),
        path: part.path.to_string(),
    };
    // Subscribers say themselves how often and in which order they get a message.
    fields.known(&["type", "description", "qos", "metadata"]);
    fields.ignore_rest();
    Some(declaration)
}

fn settings(part: &Part<'_>, report: &Report) -> ChannelSettings {
    let fields = Fields::of(part, report);
    let bytes = fields
        .any("maxMessageSize", &["max_message_size"])
        .and_then(|part| time::positive(&part, report, "bytes"));
    let retention = fields
        .any("messageRetention", &["message_retention"])
        .and_then(|part| time::whole(&part, report, "seconds"));
    if let Some(part) = fields.get("encryption")
        && Fields::of(&part, report).boolean("enabled") == Some(true)
    {
        report.push(
            part.key_warning(
                code::IGNORED_FIELD,
                "messages are not encrypted by the runtime",
            )
            .with_help("encrypt the payload before it is published, or the disk of the store"),
        );
    }
    let settings = ChannelSettings {
        max_message_bytes: bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
        retention: retention.map(Duration::from_secs),
        rate: fields
            .any("rateLimiting", &["rate_limiting", "rateLimit"])
            .and_then(|part| rate(&part, report)),
        dead_letters: fields.boolean("deadLetterQueue"),
        dead_letter_channel: fields.text("dlqChannel"),
    };
    fields.known(&["maxSubscribers"]);
    fields.ignore_rest();
    settings
}

/// Off unless it says otherwise; a burst is a second's worth unless it says less or more.
fn rate(part: &Part<'_>, report: &Report) -> Option<PublishRate> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    let number = |name, alias| {
        let part = fields.any(name, &[alias])?;
        let number = time::positive(&part, report, "messages")?;
        Some(u32::try_from(number).unwrap_or(u32::MAX))
    };
    let enabled = fields.boolean("enabled");
    let per_second = number("maxMessagesPerSecond", "max_messages_per_second");
    let burst = number("burstSize", "burst_size");
    fields.ignore_rest();
    if enabled != Some(true) {
        return None;
    }
    if per_second.is_none() && part.value.get("maxMessagesPerSecond").is_none() {
        fields.missing("maxMessagesPerSecond");
    }
    let per_second = per_second?;
    Some(PublishRate {
        per_second,
        burst: burst.unwrap_or(per_second),
    })
}
