//! Who takes messages from channels, and what is promised to them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Category, Error, code};
use crate::manifest::model::{Guarantee, Messaging, Ordering, Reliability};
use crate::manifest::{self, Kind, Level, Options, model};
use crate::policy::{Bounds, Rate, RetryPolicy};
use crate::port::{Position, Priority};
use crate::routing::{ChannelName, ChannelPattern};

/// What the names of the queues of subscribers begin with.
const QUEUE_PREFIX: &str = "sub:";
/// Names are parts of those of queues.
const LONGEST_NAME: usize = 100;

/// Takes messages from channels: all deliveries to it stand in one line or queue, and succeed or fail apart from those to
/// others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscriber {
    /// Its name, by which rules may send it messages, too: of an agent, a workflow or a listener.
    pub name: String,
    /// What it takes, besides what rules send to it.
    #[serde(default)]
    pub subscriptions: Vec<ChannelSubscription>,
    /// What becomes of a message.
    #[serde(default)]
    pub target: Target,
    /// How often a message is handled.
    #[serde(with = "guarantee", default)]
    pub guarantee: Guarantee,
    /// Attempts and delays.
    #[serde(with = "super::retry_form", default)]
    pub retry: RetryPolicy,
    /// Whether what keeps failing is kept.
    #[serde(default = "yes")]
    pub dead_letters: bool,
    /// The channel for it; `None` = what is set for the channel, or `{channel}.dlq`.
    #[serde(default)]
    pub dead_letter_channel: Option<String>,
    /// How long it is kept; `None` = as long as all dead letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_retention_seconds: Option<u64>,
    /// The order of deliveries.
    #[serde(with = "ordering", default)]
    pub ordering: Ordering,
    /// Deliveries at once, by all workers; `None` = any number.
    #[serde(default)]
    pub max_concurrency: Option<u32>,
    /// Deliveries in a stretch of time, by all workers.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// How long a worker has for a delivery, unless it asks for more.
    #[serde(
        rename = "timeout_ms",
        with = "super::retry_form::millis",
        default = "half_a_minute"
    )]
    pub timeout: Duration,
    /// Whether a receipt is kept also of what succeeds at once. Of everything else there is one in any case.
    #[serde(default)]
    pub receipts: bool,
    /// Where it begins to read; `None` = it gets what is published from now on.
    #[serde(default)]
    pub from: Option<Position>,
}

/// Channels that a subscriber takes messages from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSubscription {
    /// Name or pattern.
    pub channel: String,
    /// Glob on the source; `None` = any.
    #[serde(default)]
    pub source: Option<String>,
    /// Must hold of a message: any form that a rule's filter may have.
    #[serde(default)]
    pub filter: Option<Value>,
    /// JSON Schema of payloads: what breaks it becomes a dead letter.
    #[serde(default)]
    pub schema: Option<Value>,
    /// Which of the subscriber's handlers is meant; the host knows them.
    #[serde(default)]
    pub handler: Option<String>,
    /// Deliveries are at least this urgent.
    #[serde(default)]
    pub priority: Priority,
}

/// What becomes of a message that is delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A worker of the host takes it.
    #[default]
    Host,
    /// It starts a run.
    Start {
        /// The workflow or task.
        reference: String,
        /// Which of both.
        #[serde(default)]
        kind: Option<StartKind>,
    },
}

/// What can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartKind {
    /// A task.
    Task,
    /// A workflow.
    Workflow,
}

impl From<StartKind> for Kind {
    fn from(kind: StartKind) -> Self {
        match kind {
            StartKind::Task => Self::Task,
            StartKind::Workflow => Self::Workflow,
        }
    }
}

impl ChannelSubscription {
    /// The same, read as if it stood in a manifest.
    pub(super) fn typed(&self) -> Result<model::Subscription, String> {
        let mut fields = json!({
            "channel": self.channel,
            "priority": self.priority.as_str(),
        });
        for (name, value) in [
            ("filter", self.filter.clone()),
            ("schema", self.schema.clone()),
            ("handler", self.handler.clone().map(Value::String)),
        ] {
            if let (Some(value), Some(fields)) = (value, fields.as_object_mut()) {
                fields.insert(name.to_owned(), value);
            }
        }
        let document = json!({
            "apiVersion": "ossa/v0.3.0",
            "kind": "Agent",
            "metadata": { "name": "host" },
            "spec": { "role": "host", "messaging": { "subscribes": [fields] } },
        });
        let options = Options {
            level: Level::Lenient,
            ..Options::default()
        };
        let loaded = manifest::load_str(&document.to_string(), &options);
        let found = loaded
            .manifests()
            .find_map(|it| it.body.messaging()?.subscribes.first().cloned());
        found.ok_or_else(|| {
            let mut found = loaded.diagnostics();
            found
                .next()
                .map_or_else(|| "it cannot be read".to_owned(), |it| it.message.clone())
        })
    }
}

impl Subscriber {
    /// One without subscriptions, with the defaults.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            subscriptions: Vec::new(),
            target: Target::Host,
            guarantee: Guarantee::default(),
            retry: Reliability::default().retry,
            dead_letters: true,
            dead_letter_channel: None,
            dead_letter_retention_seconds: None,
            ordering: Ordering::default(),
            max_concurrency: None,
            rate: None,
            timeout: half_a_minute(),
            receipts: false,
            from: None,
        }
    }

    /// The same, taking messages of these channels, too.
    #[must_use]
    pub fn on(mut self, channel: impl Into<String>) -> Self {
        self.subscriptions.push(ChannelSubscription::of(channel));
        self
    }

    /// The subscriber that a manifest describes. What is said of one subscription holds for all of them: they share a
    /// queue.
    pub(super) fn of_manifest(name: &str, messaging: &Messaging) -> Self {
        let Reliability {
            guarantee,
            retry,
            dead_letters,
            ordering,
            acknowledgment,
        } = &messaging.reliability;
        let all = &messaging.subscribes;
        let ordering = all.iter().find_map(|it| it.ordering).unwrap_or(*ordering);
        Self {
            subscriptions: all.iter().map(ChannelSubscription::of_manifest).collect(),
            guarantee: *guarantee,
            retry: all
                .iter()
                .find_map(|it| it.retry.clone())
                .unwrap_or_else(|| retry.clone()),
            dead_letters: all
                .iter()
                .find_map(|it| it.dead_letters)
                .unwrap_or(dead_letters.enabled),
            dead_letter_channel: dead_letters.channel.clone(),
            dead_letter_retention_seconds: dead_letters.retention.map(|it| it.as_secs()),
            ordering,
            max_concurrency: all.iter().filter_map(|it| it.max_concurrency).min(),
            timeout: all
                .iter()
                .filter_map(|it| it.timeout)
                .max()
                .unwrap_or(acknowledgment.timeout),
            ..Self::new(name)
        }
    }

    /// Whether it reads the stream by itself: messages that have an order or a limit cannot be put into a queue at once.
    pub(super) fn follows(&self) -> bool {
        self.ordering != Ordering::None
            || self.max_concurrency.is_some()
            || self.rate.is_some()
            || self.from.is_some()
    }

    /// How many it may have.
    pub(super) const fn bounds(&self) -> Bounds {
        Bounds {
            at_once: self.max_concurrency,
            rate: self.rate,
        }
    }

    /// The queue of its deliveries.
    pub(super) fn queue(&self) -> String {
        queue_of(&self.name)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
        let name = &self.name;
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(allowed) {
            return Err(wrong(format!("`{name}` is not the name of a subscriber"))
                .with_help("use 1 to 100 of the characters a-z, A-Z, 0-9, `.`, `_`, `-` and `:`"));
        }
        for subscription in &self.subscriptions {
            ChannelPattern::parse(&subscription.channel).map_err(|error| {
                wrong(format!("subscriber `{name}`: {error}")).with_help(error.help())
            })?;
        }
        if let Some(channel) = &self.dead_letter_channel {
            ChannelName::parse(channel).map_err(|error| {
                wrong(format!("subscriber `{name}`: {error}")).with_help(error.help())
            })?;
        }
        if self.max_concurrency == Some(0) {
            return Err(wrong(format!(
                "subscriber `{name}` may have nothing at once"
            )));
        }
        if self.rate.is_some_and(|it| it.count == 0 || it.per_ms == 0) {
            return Err(wrong(format!("subscriber `{name}` has a rate of nothing")));
        }
        if self.timeout < Duration::from_millis(1) {
            return Err(wrong(format!("subscriber `{name}` has no time")));
        }
        Ok(())
    }
}

impl ChannelSubscription {
    /// All messages of a channel, or of those that a pattern matches.
    #[must_use]
    pub fn of(channel: impl Into<String>) -> Self {
        Self {
            channel: channel.into(),
            source: None,
            filter: None,
            schema: None,
            handler: None,
            priority: Priority::default(),
        }
    }

    fn of_manifest(subscription: &model::Subscription) -> Self {
        Self {
            schema: subscription.schema.clone(),
            handler: subscription.handler.clone(),
            priority: subscription.priority,
            ..Self::of(subscription.channel.as_str())
        }
    }
}

/// The queue of the deliveries to a subscriber.
pub(super) fn queue_of(subscriber: &str) -> String {
    format!("{QUEUE_PREFIX}{subscriber}")
}

fn wrong(message: String) -> Error {
    Error::new(Category::Argument, code::BAD_ARGUMENT, message)
}

const fn yes() -> bool {
    true
}

const fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

/// Names as in manifests.
macro_rules! by_name {
    ($module:ident, $type:ident, $($variant:ident = $name:literal),+) => {
        mod $module {
            use serde::de::Error as _;
            use serde::{Deserialize as _, Deserializer, Serializer};

            use crate::manifest::model::$type;

            #[allow(clippy::trivially_copy_pass_by_ref)]
            pub(super) fn serialize<S: Serializer>(it: &$type, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(match it { $($type::$variant => $name),+ })
            }

            pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<$type, D::Error> {
                match String::deserialize(from)?.as_str() {
                    $($name => Ok($type::$variant),)+
                    other => Err(D::Error::unknown_variant(other, &[$($name),+])),
                }
            }
        }
    };
}

by_name!(
    guarantee,
    Guarantee,
    AtLeastOnce = "at-least-once",
    AtMostOnce = "at-most-once",
    ExactlyOnce = "exactly-once"
);
by_name!(
    ordering,
    Ordering,
    None = "none",
    PerSource = "per-source",
    PerChannel = "per-channel",
    Global = "global"
);
