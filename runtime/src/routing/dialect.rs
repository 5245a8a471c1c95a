//! The three dialects of envelopes: read leniently, written as their schemas ask.
//!
//! | | names its source | says how long it lives |
//! |---|---|---|
//! | A2A | `sender: ossa://agents/NAME` | `metadata.ttl` |
//! | plain | `source: NAME` | `metadata.ttlSeconds` |
//! | mesh | `from: agent://NAMESPACE/NAME` | `ttl` |

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::port::{Priority, Timestamp};

use super::channel::{ChannelName, agent_name};
use super::code;
use super::envelope::{Envelope, Metadata, TRACEPARENT_HEADER};

/// Channels whose messages are written as A2A.
const A2A_CHANNELS: &str = "agents.";

/// The header for failed deliveries in A2A, whose metadata has no field for it.
const RETRIES_HEADER: &str = "x-retry-count";

/// Deepest nesting of a payload.
pub const MAX_PAYLOAD_DEPTH: usize = 128;

/// How an envelope is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// The schema of messages between agents of 0.3.0 to 0.3.3.
    A2a,
    /// The prose of the messaging extension.
    Plain,
    /// The mesh of the reference implementation. It is read, never written.
    Mesh,
}

impl Dialect {
    /// The dialect of a value, told by how it names its source; `None` = of no known one.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let members = value.as_object()?;
        if members.contains_key("sender") {
            Some(Self::A2a)
        } else if members.contains_key("source") {
            Some(Self::Plain)
        } else if members.contains_key("from") {
            Some(Self::Mesh)
        } else {
            None
        }
    }

    /// The dialect in which messages of a channel are written.
    #[must_use]
    pub fn for_channel(channel: &ChannelName) -> Self {
        if channel.as_str().starts_with(A2A_CHANNELS) {
            Self::A2a
        } else {
            Self::Plain
        }
    }
}

/// Why a value is no envelope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}: {message}")]
pub struct EnvelopeError {
    code: &'static str,
    path: String,
    message: String,
}

impl EnvelopeError {
    fn new(code: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            path: path.into(),
            message: message.into(),
        }
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// Where in the envelope, as a JSON path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong there, without the value.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl Envelope {
    /// Reads a message from JSON text.
    ///
    /// # Errors
    /// When the text is no JSON, and as [`read`](Self::read).
    pub fn from_json(text: &str, now: Timestamp) -> Result<Self, EnvelopeError> {
        match serde_json::from_str(text) {
            Ok(value) => Self::read(value, now),
            Err(error) => Err(EnvelopeError::new(
                code::UNKNOWN_ENVELOPE,
                "$",
                format!("this is no JSON: {error}"),
            )),
        }
    }

    /// Reads a message of any dialect. What has no place in the internal form, such as `qos`, is left out; headers are
    /// kept whatever they are. A message of the mesh has no timestamp: it gets `now`.
    ///
    /// # Errors
    /// When the value is of no known dialect, or one of its fields is missing or impossible.
    pub fn read(value: Value, now: Timestamp) -> Result<Self, EnvelopeError> {
        let Some(dialect) = Dialect::of(&value) else {
            return Err(EnvelopeError::new(
                code::UNKNOWN_ENVELOPE,
                "$",
                "this is no envelope: none of `sender`, `source` and `from` says who published it",
            ));
        };
        let Value::Object(mut members) = value else {
            return Err(EnvelopeError::new(
                code::UNKNOWN_ENVELOPE,
                "$",
                "this is no envelope",
            ));
        };
        let payload = members
            .swap_remove("payload")
            .ok_or_else(|| missing("$.payload"))?;
        check_depth(&payload, 0)?;
        let fields = Fields {
            members: &members,
            path: "$",
        };
        let source = match dialect {
            Dialect::A2a => fields.text("sender"),
            Dialect::Plain => fields.text("source"),
            Dialect::Mesh => fields.text("from"),
        }?;
        let source = source.map(|text| agent_name(&text).to_owned());
        let metadata = match dialect {
            Dialect::Mesh => mesh_metadata(&fields)?,
            Dialect::A2a | Dialect::Plain => metadata(&fields)?,
        };
        let source = source.filter(|name| !name.is_empty());
        Ok(Self {
            id: fields.required_text("id")?,
            kind: fields.text("type")?.filter(|kind| !kind.is_empty()),
            channel: channel(&fields, dialect)?,
            source: source.ok_or_else(|| missing("$.source"))?,
            timestamp: match fields.timestamp("timestamp")? {
                Some(timestamp) => timestamp,
                None if dialect == Dialect::Mesh => now,
                None => return Err(missing("$.timestamp")),
            },
            payload: payload.into(),
            metadata,
        })
    }

    /// The message as its channel asks: as A2A when the channel begins with `agents.`, else in the plain form.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match Dialect::for_channel(&self.channel) {
            Dialect::A2a => self.to_a2a(),
            Dialect::Plain | Dialect::Mesh => self.to_plain(),
        }
    }

    /// The message in the plain form.
    pub(super) fn to_plain(&self) -> Value {
        let mut metadata = self.metadata.to_json();
        if let Some((trace, span)) = self.metadata.trace() {
            metadata.shift_remove("traceparent");
            metadata.insert("traceId".to_owned(), trace.into());
            metadata.insert("spanId".to_owned(), span.into());
        }
        self.metadata.add_headers(&mut metadata, false);
        let mut json = json!({
            "id": self.id,
            "timestamp": self.timestamp.to_string(),
            "source": self.source,
            "channel": self.channel.as_str(),
            "payload": *self.payload,
        });
        if let Some(members) = json.as_object_mut() {
            if let Some(kind) = &self.kind {
                members.insert("type".to_owned(), kind.as_str().into());
            }
            if !metadata.is_empty() {
                members.insert("metadata".to_owned(), Value::Object(metadata));
            }
        }
        json
    }

    fn to_a2a(&self) -> Value {
        let mut metadata = self.metadata.to_json();
        metadata.shift_remove("traceparent");
        metadata.shift_remove("retryCount");
        if let Some(ttl) = metadata.shift_remove("ttlSeconds") {
            metadata.insert("ttl".to_owned(), ttl);
        }
        self.metadata.add_headers(&mut metadata, true);
        let kind = match &self.kind {
            Some(kind) => kind.clone(),
            None => kind_of(&self.channel),
        };
        let mut json = json!({
            "id": self.id,
            "channel": self.channel.as_str(),
            "sender": format!("ossa://agents/{}", self.source),
            "timestamp": self.timestamp.to_string(),
            "type": kind,
            "payload": *self.payload,
        });
        if let Some(members) = json.as_object_mut()
            && !metadata.is_empty()
        {
            members.insert("metadata".to_owned(), Value::Object(metadata));
        }
        json
    }
}

impl Metadata {
    /// Trace and span of the trace context.
    fn trace(&self) -> Option<(&str, &str)> {
        let mut parts = self.traceparent.as_deref()?.split('-').skip(1);
        Some((parts.next()?, parts.next()?))
    }

    /// Headers as they are written: with the trace context, and in A2A with the count of retries.
    fn add_headers(&self, metadata: &mut Map<String, Value>, with_retries: bool) {
        let mut headers = self.headers.clone();
        if let Some(traceparent) = &self.traceparent {
            headers.insert(TRACEPARENT_HEADER.to_owned(), traceparent.as_str().into());
        }
        if with_retries && self.retry_count > 0 {
            headers.insert(RETRIES_HEADER.to_owned(), self.retry_count.into());
        }
        metadata.shift_remove("headers");
        if !headers.is_empty() {
            metadata.insert("headers".to_owned(), Value::Object(headers));
        }
    }
}

/// A name for messages of a channel: `agents.tasks.assigned` gives `TasksAssigned`.
fn kind_of(channel: &ChannelName) -> String {
    let words = channel.as_str().split(['.', '-', '_']).skip(1);
    let mut kind = String::new();
    for word in words {
        let mut characters = word.chars();
        kind.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        kind.push_str(characters.as_str());
    }
    if kind.starts_with(|c: char| c.is_ascii_uppercase()) {
        kind
    } else {
        format!("Message{kind}")
    }
}

fn channel(fields: &Fields<'_>, dialect: Dialect) -> Result<ChannelName, EnvelopeError> {
    // The mesh addresses one agent, or names a topic.
    let name = match fields.text("channel")? {
        Some(name) => name,
        None if dialect == Dialect::Mesh => match (fields.text("topic")?, fields.text("to")?) {
            (Some(topic), _) => topic,
            (None, Some(to)) => format!("agent.{}.messages", agent_name(&to)),
            (None, None) => return Err(missing("$.to")),
        },
        None => return Err(missing("$.channel")),
    };
    ChannelName::parse(&name)
        .map_err(|error| EnvelopeError::new(code::BAD_IN_ENVELOPE, "$.channel", error.to_string()))
}

fn metadata(fields: &Fields<'_>) -> Result<Metadata, EnvelopeError> {
    let Some(metadata) = fields.object("metadata")? else {
        return Ok(Metadata::default());
    };
    let fields = Fields {
        members: metadata,
        path: "$.metadata",
    };
    let mut headers = fields.object("headers")?.cloned().unwrap_or_default();
    if let Some(baggage) = fields.text("baggage").ok().flatten() {
        headers.entry("baggage").or_insert(Value::String(baggage));
    }
    let ttl = match fields.whole("ttlSeconds")? {
        Some(seconds) => Some(seconds),
        None => fields.whole("ttl")?,
    };
    let retries = match fields.whole("retryCount")? {
        Some(count) => Some(count),
        None => take_retries(&mut headers),
    };
    Ok(Metadata {
        correlation_id: fields.text("correlationId")?,
        reply_to: fields.text("replyTo")?,
        priority: fields.priority("priority")?,
        ttl_seconds: ttl,
        retry_count: retries.map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX)),
        traceparent: traceparent(&fields, &mut headers)?,
        content_type: fields.text("contentType")?,
        headers,
    })
}

fn mesh_metadata(fields: &Fields<'_>) -> Result<Metadata, EnvelopeError> {
    let nested = metadata(fields)?;
    let mut headers = nested.headers;
    let traceparent = match fields.object("traceContext")? {
        Some(context) => traceparent(
            &Fields {
                members: context,
                path: "$.traceContext",
            },
            &mut headers,
        )?,
        None => None,
    };
    Ok(Metadata {
        correlation_id: fields.text("correlationId")?.or(nested.correlation_id),
        reply_to: fields.text("replyTo")?.or(nested.reply_to),
        priority: fields.priority("priority")?.or(nested.priority),
        ttl_seconds: fields.whole("ttl")?.or(nested.ttl_seconds),
        traceparent: traceparent.or(nested.traceparent),
        headers,
        ..nested
    })
}

fn take_retries(headers: &mut Map<String, Value>) -> Option<u64> {
    let count = match headers.get(RETRIES_HEADER)? {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    headers.shift_remove(RETRIES_HEADER);
    Some(count)
}

/// The trace context: as a whole, among the headers, or as trace and span.
fn traceparent(
    fields: &Fields<'_>,
    headers: &mut Map<String, Value>,
) -> Result<Option<String>, EnvelopeError> {
    let in_header = match headers.get(TRACEPARENT_HEADER) {
        Some(Value::String(_)) => headers.shift_remove(TRACEPARENT_HEADER),
        _ => None,
    };
    if let Some(whole) = fields.text("traceparent")? {
        return Ok(Some(whole));
    }
    if let Some(Value::String(whole)) = in_header {
        return Ok(Some(whole));
    }
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    match (fields.text("traceId")?, fields.text("spanId")?) {
        (Some(trace), Some(span)) if is_hex(&trace, 32) && is_hex(&span, 16) => {
            Ok(Some(format!("00-{trace}-{span}-01")))
        }
        _ => Ok(None),
    }
}

/// The members of an object of an envelope; null counts as missing.
struct Fields<'e> {
    members: &'e Map<String, Value>,
    path: &'static str,
}

impl<'e> Fields<'e> {
    fn get(&self, name: &str) -> Option<&'e Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, expected: &str) -> EnvelopeError {
        EnvelopeError::new(
            code::BAD_IN_ENVELOPE,
            format!("{}.{name}", self.path),
            format!("expected {expected}"),
        )
    }

    fn text(&self, name: &str) -> Result<Option<String>, EnvelopeError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(name, "text")),
        }
    }

    fn required_text(&self, name: &str) -> Result<String, EnvelopeError> {
        match self.text(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(missing(&format!("{}.{name}", self.path))),
        }
    }

    fn object(&self, name: &str) -> Result<Option<&'e Map<String, Value>>, EnvelopeError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(members)),
            Some(_) => Err(self.wrong(name, "an object")),
        }
    }

    fn whole(&self, name: &str) -> Result<Option<u64>, EnvelopeError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(number) => Ok(Some(number)),
                None => Err(self.wrong(name, "a whole number that is not negative")),
            },
        }
    }

    fn priority(&self, name: &str) -> Result<Option<Priority>, EnvelopeError> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => match Priority::parse(&text) {
                Some(priority) => Ok(Some(priority)),
                None => Err(self.wrong(name, "`low`, `normal`, `high` or `critical`")),
            },
        }
    }

    /// RFC 3339, or milliseconds since 1970.
    fn timestamp(&self, name: &str) -> Result<Option<Timestamp>, EnvelopeError> {
        let millis = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text
                .parse::<jiff::Timestamp>()
                .ok()
                .map(jiff::Timestamp::as_millisecond),
            Some(Value::Number(number)) => number.as_i64(),
            Some(_) => None,
        };
        match millis {
            Some(millis) => Ok(Some(Timestamp::from_millis(millis))),
            None => Err(self.wrong(
                name,
                "a date with time and zone, such as `2026-01-31T09:30:00Z`",
            )),
        }
    }
}

fn missing(path: &str) -> EnvelopeError {
    EnvelopeError::new(code::MISSING_IN_ENVELOPE, path, "is missing")
}

fn check_depth(value: &Value, depth: usize) -> Result<(), EnvelopeError> {
    if depth > MAX_PAYLOAD_DEPTH {
        return Err(EnvelopeError::new(
            code::BAD_IN_ENVELOPE,
            "$.payload",
            format!("nests deeper than {MAX_PAYLOAD_DEPTH} levels"),
        ));
    }
    match value {
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| check_depth(item, depth + 1)),
        Value::Object(members) => members
            .values()
            .try_for_each(|member| check_depth(member, depth + 1)),
        _ => Ok(()),
    }
}
