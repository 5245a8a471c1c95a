//! Messages as the runtime sees them, whatever dialect they were written in.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::port::{Priority, Timestamp};

use super::channel::ChannelName;

/// The header that counts how often a message led to another.
pub const HOPS_HEADER: &str = "x-ossa-hops";

/// The header that says for whom a message is: a tenant of the application.
pub const TENANT_HEADER: &str = "x-ossa-tenant";

/// A message that led here over more hops is not routed any further.
pub const MAX_HOPS: u32 = 16;

/// The header in which the context of a trace travels.
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// A message. The payload is shared: a clone copies none of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Unique among messages; a repeated one is the same message.
    pub id: String,
    /// What kind of message it is, such as `TaskAssigned`.
    pub kind: Option<String>,
    /// Where it is published.
    pub channel: ChannelName,
    /// The name of the agent, workflow or service that published it.
    pub source: String,
    /// When it was published.
    pub timestamp: Timestamp,
    /// The content.
    pub payload: Arc<Value>,
    /// Everything else that is known about it.
    pub metadata: Metadata,
}

/// What is known about a message besides its content.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// Shared by messages that belong together.
    pub correlation_id: Option<String>,
    /// The channel an answer is expected on, as written.
    pub reply_to: Option<String>,
    /// How urgent it is; `None` = not said, which counts as normal.
    pub priority: Option<Priority>,
    /// How long it is worth anything after its timestamp, in seconds.
    pub ttl_seconds: Option<u64>,
    /// Deliveries that have failed so far.
    pub retry_count: u32,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// MIME type of the payload.
    pub content_type: Option<String>,
    /// All other headers, known to the runtime or not, in the order of the message.
    pub headers: Map<String, Value>,
}

impl Envelope {
    /// A message with nothing but what every message has.
    #[must_use]
    pub fn new(
        id: impl Into<String>,
        channel: ChannelName,
        source: impl Into<String>,
        timestamp: Timestamp,
        payload: impl Into<Arc<Value>>,
    ) -> Self {
        Self {
            id: id.into(),
            kind: None,
            channel,
            source: source.into(),
            timestamp,
            payload: payload.into(),
            metadata: Metadata::default(),
        }
    }

    /// How urgent it is.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.metadata.priority.unwrap_or_default()
    }

    /// When it expires; `None` = never.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        let ttl = Duration::from_secs(self.metadata.ttl_seconds?);
        Some(self.timestamp.after(ttl))
    }

    /// Whether its time to live is over at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at().is_some_and(|at| at <= now)
    }

    /// How many messages led to it, one after the other. A header that is no number counts as 0.
    #[must_use]
    pub fn hops(&self) -> u32 {
        let hops = match self.metadata.headers.get(HOPS_HEADER) {
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            _ => None,
        };
        hops.map_or(0, |hops| u32::try_from(hops).unwrap_or(u32::MAX))
    }

    /// For whom it is; `None` where messages have no tenant.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.metadata.headers.get(TENANT_HEADER)?.as_str()
    }

    /// Says that it was published because of `cause`: one hop more, the same correlation unless it has its own.
    pub fn caused_by(&mut self, cause: &Self) {
        let hops = cause.hops().saturating_add(1);
        let headers = &mut self.metadata.headers;
        headers.insert(HOPS_HEADER.to_owned(), Value::from(hops));
        if self.metadata.correlation_id.is_none() {
            let inherited = cause.metadata.correlation_id.as_ref();
            self.metadata.correlation_id = Some(inherited.unwrap_or(&cause.id).clone());
        }
    }

    /// The member of the envelope with that name in its plain form, as filters and transforms see it.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Value> {
        let text = |text: &str| Value::String(text.to_owned());
        match name {
            "id" => Some(text(&self.id)),
            "type" => self.kind.as_deref().map(text),
            "channel" => Some(text(self.channel.as_str())),
            "source" | "sender" => Some(text(&self.source)),
            "timestamp" => Some(Value::String(self.timestamp.to_string())),
            "payload" => Some((*self.payload).clone()),
            "metadata" => Some(Value::Object(self.metadata.to_json())),
            _ => None,
        }
    }
}

impl Metadata {
    /// The member with that name in the plain form; headers as one object.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Value> {
        let text = |text: &Option<String>| text.clone().map(Value::String);
        match name {
            "correlationId" => text(&self.correlation_id),
            "replyTo" => text(&self.reply_to),
            "priority" => self.priority.map(|priority| priority.as_str().into()),
            "ttlSeconds" | "ttl" => self.ttl_seconds.map(Value::from),
            "retryCount" => Some(Value::from(self.retry_count)),
            "traceparent" => text(&self.traceparent),
            "contentType" => text(&self.content_type),
            "headers" => Some(Value::Object(self.headers.clone())),
            _ => None,
        }
    }

    /// What is said, in the plain form.
    pub(super) fn to_json(&self) -> Map<String, Value> {
        const NAMES: [&str; 6] = [
            "correlationId",
            "replyTo",
            "priority",
            "ttlSeconds",
            "traceparent",
            "contentType",
        ];
        let mut json = Map::new();
        for name in NAMES {
            if let Some(value) = self.member(name) {
                json.insert(name.to_owned(), value);
            }
        }
        if self.retry_count > 0 {
            json.insert("retryCount".to_owned(), Value::from(self.retry_count));
        }
        if !self.headers.is_empty() {
            json.insert("headers".to_owned(), Value::Object(self.headers.clone()));
        }
        json
    }
}
