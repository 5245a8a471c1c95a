//! Arrays that describe messages, subscribers and filters, and those that tell of them.

use std::time::Duration;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::types::ZendHashTable;
use ossa_runtime::engine::channel::{
    ChannelMessage, ChannelOptions, ChannelRecords, Command, DeadLetter, DeadLetterFilter, Reason,
    RunEventFilter, Subscriber, SubscriberView,
};
use ossa_runtime::manifest::model::ChannelSettings;
use ossa_runtime::policy::PublishRate;
use ossa_runtime::port::{Position, Timestamp, Version};
use serde_json::{Value, json};

use super::engine_options::priority;
use crate::convert::argument::Table;
use crate::convert::options::Options;
use crate::convert::{from_php, to_php};
use crate::error::{Answer, Fault};

const MESSAGE: [&str; 8] = [
    "id",
    "type",
    "correlation_id",
    "reply_to",
    "priority",
    "ttl_seconds",
    "traceparent",
    "headers",
];

pub(super) fn message(
    channel: &str,
    source: &str,
    payload: Value,
    options: Table<'_>,
) -> Answer<ChannelMessage> {
    let given = Options::read("options of Channels::publish()", options, &MESSAGE)?;
    filled(ChannelMessage::new(channel, source, payload), &given)
}

/// What channels keep, and for how long.
pub(super) fn kept(given: &Options<'_>) -> Answer<ChannelOptions> {
    let seconds = |name: &str| {
        let seconds = given.integer(name, 1..=u64::from(u32::MAX))?;
        Ok::<_, Fault>(seconds.map(Duration::from_secs))
    };
    let mut options = ChannelOptions::default();
    if let Some(bytes) = given.integer("max_message_bytes", 1024..=10 * 1024 * 1024)? {
        options.max_message_bytes = usize::try_from(bytes).unwrap_or(options.max_message_bytes);
    }
    if let Some(kept) = seconds("retention_seconds")? {
        options.retention = kept;
    }
    if let Some(kept) = seconds("receipt_retention_seconds")? {
        options.receipt_retention = kept;
    }
    if let Some(kept) = seconds("dead_letter_retention_seconds")? {
        options.dead_letter_retention = Some(kept);
    }
    let settings = given.each("settings", &SETTINGS, settings)?;
    options.settings = settings.into_iter().collect();
    Ok(options)
}

const SETTINGS: [&str; 6] = [
    "max_message_bytes",
    "retention_seconds",
    "max_per_second",
    "burst",
    "dead_letters",
    "dead_letter_channel",
];

/// What holds for a channel.
fn settings(given: &Options<'_>) -> Answer<ChannelSettings> {
    let number = |name: &str| {
        let number = given.integer(name, 1..=u64::from(u32::MAX))?;
        Ok::<_, Fault>(number.map(|it| u32::try_from(it).unwrap_or(u32::MAX)))
    };
    let (per_second, burst) = (number("max_per_second")?, number("burst")?);
    if burst.is_some() && per_second.is_none() {
        return Err(given.refuse("burst", "needs \"max_per_second\""));
    }
    let bytes = given.integer("max_message_bytes", 1024..=10 * 1024 * 1024)?;
    let retention = given.integer("retention_seconds", 0..=u64::from(u32::MAX))?;
    Ok(ChannelSettings {
        max_message_bytes: bytes.and_then(|it| usize::try_from(it).ok()),
        retention: retention.map(Duration::from_secs),
        rate: per_second.map(|per_second| PublishRate {
            per_second,
            burst: burst.unwrap_or(per_second),
        }),
        dead_letters: given.boolean("dead_letters")?,
        dead_letter_channel: given.text("dead_letter_channel")?.map(str::to_owned),
    })
}

/// A message of a batch: an array with everything about it.
pub(super) fn batched(message: Table<'_>) -> Answer<ChannelMessage> {
    let mut known = vec!["channel", "source", "payload"];
    known.extend(MESSAGE);
    let given = Options::read("a message of Channels::publishBatch()", message, &known)?;
    let text = |name: &str| {
        let text = given.text(name)?;
        text.ok_or_else(|| given.refuse(name, "is missing"))
    };
    let payload = given.value("payload")?;
    let payload = payload.ok_or_else(|| given.refuse("payload", "is missing"))?;
    filled(
        ChannelMessage::new(text("channel")?, text("source")?, payload),
        &given,
    )
}

fn filled(message: ChannelMessage, given: &Options<'_>) -> Answer<ChannelMessage> {
    let text = |name: &str| Ok::<_, Fault>(given.text(name)?.map(str::to_owned));
    let ttl = given.integer("ttl_seconds", 1..=u64::from(u32::MAX))?;
    let headers = match given.value("headers")? {
        None => serde_json::Map::new(),
        Some(Value::Object(headers)) => headers,
        Some(Value::Array(list)) if list.is_empty() => serde_json::Map::new(),
        Some(_) => return Err(given.refuse("headers", "must be an array with names as keys")),
    };
    Ok(ChannelMessage {
        id: text("id")?,
        kind: text("type")?,
        correlation_id: text("correlation_id")?,
        reply_to: text("reply_to")?,
        priority: given.text("priority")?.map(priority).transpose()?,
        ttl: ttl.map(Duration::from_secs),
        traceparent: text("traceparent")?,
        headers,
        ..message
    })
}

pub(super) fn command(
    (caller, target, name): (&str, &str, &str),
    input: Value,
    options: Table<'_>,
) -> Answer<Command> {
    let known = ["id", "timeout_ms", "priority", "traceparent"];
    let given = Options::read("options of Channels::request()", options, &known)?;
    let timeout = given.integer("timeout_ms", 1..=u64::from(u32::MAX))?;
    Ok(Command {
        id: given.text("id")?.map(str::to_owned),
        timeout: timeout.map(Duration::from_millis),
        priority: given.text("priority")?.map(priority).transpose()?,
        traceparent: given.text("traceparent")?.map(str::to_owned),
        ..Command::new(caller, target, name, input)
    })
}

/// A subscriber, by the names under which the runtime keeps it.
pub(super) fn subscriber(table: Table<'_>) -> Answer<Subscriber> {
    let mut members = from_php::object(table.get(), "$subscriber")?;
    // PHP has one kind of empty array.
    for name in ["retry", "rate"] {
        if members.get(name).is_some_and(|it| *it == json!([])) {
            members.remove(name);
        }
    }
    serde_json::from_value(Value::Object(members))
        .map_err(|error| Fault::argument(format!("$subscriber: {error}")))
}

pub(super) fn views(views: &[SubscriberView]) -> Vec<Value> {
    let views = views.iter().map(|view| {
        let mut value = json!(*view.subscriber);
        let more = json!({
            "ready": view.queue.ready,
            "delayed": view.queue.delayed,
            "leased": view.queue.leased,
            "stream": view.stream.map(|it| json!({
                "read_to": it.read_to, "held": it.held, "waiting": it.waiting,
            })),
        });
        if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
            value.extend(more);
        }
        value
    });
    views.collect()
}

pub(super) fn texts(table: Table<'_>, name: &str) -> Answer<Vec<String>> {
    let mut texts = Vec::new();
    let mut entries = table.get().map(ZendHashTable::iter);
    while let Some((_, entry)) = entries.as_mut().and_then(|entries| entries.next_zval()) {
        let text = entry.dereference().str();
        let text =
            text.ok_or_else(|| Fault::argument(format!("{name} must be a list of UTF-8 strings")))?;
        texts.push(text.to_owned());
    }
    Ok(texts)
}

pub(super) fn position(number: i64) -> Answer<Position> {
    Position::try_from(number).map_err(|_| Fault::argument("a position is 0 or more"))
}

pub(super) fn records(found: ChannelRecords) -> Answer<ZBox<ZendHashTable>> {
    let mut list = to_php::with_capacity(found.records.len());
    for record in found.records {
        let mut table = to_php::with_capacity(7);
        table.insert("position", record.position)?;
        table.insert("channel", record.channel)?;
        table.insert("source", record.source)?;
        table.insert("id", record.id)?;
        table.insert("at_ms", record.at.as_millis())?;
        table.insert("expires_at_ms", record.expires_at.map(Timestamp::as_millis))?;
        table.insert("envelope", to_php::Binary(&record.body))?;
        list.push(table)?;
    }
    let mut table = to_php::with_capacity(2);
    table.insert("records", list)?;
    table.insert("read_to", found.read_to)?;
    Ok(table)
}

pub(super) fn event_filter(filter: Table<'_>) -> Answer<RunEventFilter> {
    let known = ["types", "step", "after_version", "since_ms", "until_ms"];
    let given = Options::read("filter of Channels::runEvents()", filter, &known)?;
    Ok(RunEventFilter {
        types: given.text_or_texts("types")?,
        step: given.text("step")?.map(str::to_owned),
        after: Version(given.integer("after_version", 0..=u64::MAX)?.unwrap_or(0)),
        since: time(&given, "since_ms")?,
        until: time(&given, "until_ms")?,
    })
}

pub(super) fn dead_letter_filter(filter: Table<'_>) -> Answer<DeadLetterFilter> {
    let known = [
        "channel",
        "subscriber",
        "reason",
        "error_code",
        "since_ms",
        "until_ms",
        "after",
    ];
    let given = Options::read("filter of dead letters", filter, &known)?;
    let names: Vec<_> = Reason::ALL.iter().map(|it| it.as_str()).collect();
    let text = |name: &str| Ok::<_, Fault>(given.text(name)?.map(str::to_owned));
    Ok(DeadLetterFilter {
        channel: text("channel")?,
        subscriber: text("subscriber")?,
        reason: given.one_of("reason", &names)?.and_then(Reason::parse),
        error_code: text("error_code")?,
        since: time(&given, "since_ms")?,
        until: time(&given, "until_ms")?,
        after: text("after")?,
    })
}

fn time(given: &Options<'_>, name: &str) -> Answer<Option<Timestamp>> {
    let millis = given.integer(name, 0..=u64::from(u32::MAX) * 1000)?;
    Ok(millis.map(|it| Timestamp::from_millis(it.cast_signed())))
}

pub(super) fn dead_letter(letter: &DeadLetter) -> Answer<ZBox<ZendHashTable>> {
    let mut table = to_php::with_capacity(16);
    table.insert("id", letter.id.as_str())?;
    table.insert("dead_letter_channel", letter.dead_letter_channel.as_str())?;
    table.insert("channel", letter.channel.as_str())?;
    table.insert("message_id", letter.message_id.as_str())?;
    table.insert("source", letter.source.as_str())?;
    table.insert("subscriber", letter.subscriber.as_deref())?;
    table.insert("reason", letter.reason.as_str())?;
    table.insert("error_code", letter.error_code.as_str())?;
    table.insert("error", letter.error.as_str())?;
    table.insert("attempts", letter.attempts)?;
    table.insert("at_ms", letter.at.as_millis())?;
    table.insert("priority", letter.priority.as_str())?;
    table.insert("original", to_php::Binary(&letter.original))?;
    table.insert("edited", letter.edited.as_deref().map(to_php::Binary))?;
    let mut edits = to_php::with_capacity(letter.edits.len());
    for edit in &letter.edits {
        let mut entry = to_php::with_capacity(3);
        entry.insert("by", edit.by.as_str())?;
        entry.insert("reason", edit.reason.as_str())?;
        entry.insert("at_ms", edit.at.as_millis())?;
        edits.push(entry)?;
    }
    table.insert("edits", edits)?;
    Ok(table)
}
