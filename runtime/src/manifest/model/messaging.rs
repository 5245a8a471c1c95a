//! The model of `spec.messaging`: what an agent, a task or a workflow publishes and takes from channels.

use std::time::Duration;

use serde_json::Value;

use crate::policy::{PublishRate, RetryPolicy};
use crate::port::Priority;

use super::routing::Filter;

/// `spec.messaging`, every alias and default resolved.
#[derive(Debug, Clone, Default)]
pub struct Messaging {
    /// Channels it may publish on, in document order.
    pub publishes: Vec<Publication>,
    /// Channels it takes messages from, in document order.
    pub subscribes: Vec<Subscription>,
    /// What it says about channels themselves, in document order.
    pub channels: Vec<ChannelDeclaration>,
    /// What it can be asked, in document order.
    pub commands: Vec<MessageCommand>,
    /// What is promised about deliveries to it.
    pub reliability: Reliability,
}

/// A channel that is published on.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// The name as written.
    pub channel: String,
    /// For people.
    pub description: Option<String>,
    /// JSON Schema of the payload; a name is resolved. `None` = anything, or a schema that stands elsewhere.
    pub schema: Option<Value>,
    /// MIME type of the payload.
    pub content_type: String,
    /// For people and tools.
    pub tags: Vec<String>,
    /// Where it stands in its document, as a JSON path.
    pub path: String,
}

/// What holds for a channel, whoever publishes on it and takes from it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelDeclaration {
    /// The name as written.
    pub name: String,
    /// JSON Schema of payloads, whoever publishes; a name is resolved.
    pub schema: Option<Value>,
    /// What else is said.
    pub settings: ChannelSettings,
    /// Where it stands in its document, as a JSON path.
    pub path: String,
}

/// Settings of one channel. `None` leaves it to what holds for all channels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelSettings {
    /// Larger messages are refused.
    pub max_message_bytes: Option<usize>,
    /// How long messages stay in the stream.
    pub retention: Option<Duration>,
    /// How much may be published, by all publishers together.
    pub rate: Option<PublishRate>,
    /// Whether messages that nobody could handle are kept.
    pub dead_letters: Option<bool>,
    /// The channel of its dead letters, unless a subscriber names another.
    pub dead_letter_channel: Option<String>,
}

impl ChannelSettings {
    /// The same, with what `other` says where nothing is said.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            max_message_bytes: self.max_message_bytes.or(other.max_message_bytes),
            retention: self.retention.or(other.retention),
            rate: self.rate.or(other.rate),
            dead_letters: self.dead_letters.or(other.dead_letters),
            dead_letter_channel: self
                .dead_letter_channel
                .or_else(|| other.dead_letter_channel.clone()),
        }
    }
}

/// A channel, or a pattern of channels, that messages are taken from.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// The pattern as written.
    pub channel: String,
    /// Opaque key of a handler; looked up in the host's allow-list.
    pub handler: Option<String>,
    /// JSON Schema of payloads; a name is resolved.
    pub schema: Option<Value>,
    /// Must hold of a message.
    pub filter: Option<Filter>,
    /// How urgent its deliveries are.
    pub priority: Priority,
    /// Deliveries at once; `None` = 10, or 1 where messages are ordered.
    pub max_concurrency: Option<u32>,
    /// Bound on one delivery; `None` = that of the acknowledgment.
    pub timeout: Option<Duration>,
    /// Attempts and delays, when the subscription has its own.
    pub retry: Option<RetryPolicy>,
    /// Whether failed messages are kept, when the subscription says so.
    pub dead_letters: Option<bool>,
    /// The order of deliveries, when the subscription has its own.
    pub ordering: Option<Ordering>,
    /// How deliveries are acknowledged, when the subscription says so.
    pub acknowledgment: Option<AcknowledgmentMode>,
    /// Where it stands in its document, as a JSON path.
    pub path: String,
}

/// A request that is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageCommand {
    /// Unique among the commands.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// JSON Schema of the request.
    pub input_schema: Option<Value>,
    /// JSON Schema of the answer.
    pub output_schema: Option<Value>,
    /// How long the caller waits.
    pub timeout: Duration,
    /// Repeating a request has the effect of one.
    pub idempotent: bool,
    /// The caller does not wait.
    pub is_async: bool,
    /// Where it stands in its document, as a JSON path.
    pub path: String,
}

/// `timeoutSeconds` of a command that names none.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// What is promised about deliveries.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reliability {
    /// How often a message is handled.
    pub guarantee: Guarantee,
    /// Attempts and delays of a delivery.
    pub retry: RetryPolicy,
    /// What becomes of messages that keep failing.
    pub dead_letters: DeadLetters,
    /// The order of deliveries.
    pub ordering: Ordering,
    /// How deliveries are acknowledged.
    pub acknowledgment: Acknowledgment,
}

/// How often a message is handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Guarantee {
    /// Until it succeeds; perhaps more than once.
    #[default]
    AtLeastOnce,
    /// Not again after a failure.
    AtMostOnce,
    /// As at least once, and never again after a success.
    ExactlyOnce,
}

impl Guarantee {
    /// With hyphens, as in manifests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtLeastOnce => "at-least-once",
            Self::AtMostOnce => "at-most-once",
            Self::ExactlyOnce => "exactly-once",
        }
    }
}

/// What becomes of messages that keep failing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    /// Whether they are kept.
    pub enabled: bool,
    /// The channel; `None` = `{channel}.dlq`.
    pub channel: Option<String>,
    /// How long they are kept; `None` = not said.
    pub retention: Option<Duration>,
}

impl Default for DeadLetters {
    /// Kept, in the channel's own dead letters.
    fn default() -> Self {
        Self {
            enabled: true,
            channel: None,
            retention: None,
        }
    }
}

/// The order of deliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Ordering {
    /// None: what is ready is delivered.
    #[default]
    None,
    /// Messages of one source on one channel one after the other.
    PerSource,
    /// Messages of one channel one after the other.
    PerChannel,
    /// All messages one after the other.
    Global,
}

/// How deliveries are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgment {
    /// By whom.
    pub mode: AcknowledgmentMode,
    /// How long a delivery waits for it.
    pub timeout: Duration,
}

impl Default for Acknowledgment {
    /// Automatic, within 30 s.
    fn default() -> Self {
        Self {
            mode: AcknowledgmentMode::Automatic,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Who acknowledges a delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum AcknowledgmentMode {
    /// The runtime, when the handler returns.
    #[default]
    Automatic,
    /// The handler.
    Manual,
}
