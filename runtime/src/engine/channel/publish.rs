//! Publishing: what is published is in the stream, and on its way to everybody who takes it, when the call returns.

use std::time::Duration;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::core::Core;
use super::slip::{Failure, Slip};
use super::subscriber::Target;
use super::table::{Forwarded, Lost, Planned, Routed, Table};
use super::{Channels, Reason};
use crate::error::{Category, Error, code};
use crate::port::{Appended, NewMessage, Position, Priority, Publication, Timestamp};
use crate::routing::{ChannelName, Envelope, Metadata};

/// The channel of dead letters of what is no envelope, when nobody says where it came from.
pub(super) const UNREADABLE: &str = "unreadable.dlq";

/// What the name of a subscriber begins with that is a channel: in dead letters of what could not be made for it.
pub(super) const CHANNEL_TARGET: &str = "channel:";

/// A message to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelMessage {
    /// The channel.
    pub channel: String,
    /// Who publishes it: the name of an agent, workflow or service.
    pub source: String,
    /// The content.
    pub payload: Value,
    /// Its id; publishing the same id on the same channel again does nothing. `None` = a new one.
    pub id: Option<String>,
    /// What kind of message it is, such as `TaskAssigned`.
    pub kind: Option<String>,
    /// Shared by messages that belong together.
    pub correlation_id: Option<String>,
    /// The channel an answer is expected on.
    pub reply_to: Option<String>,
    /// How urgent it is; `None` = not said.
    pub priority: Option<Priority>,
    /// How long it is worth anything; `None` = for good. Whole seconds.
    pub ttl: Option<Duration>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// All other headers.
    pub headers: Map<String, Value>,
}

impl ChannelMessage {
    /// One without options.
    #[must_use]
    pub fn new(channel: impl Into<String>, source: impl Into<String>, payload: Value) -> Self {
        Self {
            channel: channel.into(),
            source: source.into(),
            payload,
            id: None,
            kind: None,
            correlation_id: None,
            reply_to: None,
            priority: None,
            ttl: None,
            traceparent: None,
            headers: Map::new(),
        }
    }

    /// With an id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The message's id.
    pub id: String,
    /// Its place in the stream.
    pub position: Position,
    /// `false` when a message with the id was there already: nothing was done.
    pub is_new: bool,
    /// To how many subscribers it is on its way, apart from those that read the stream by themselves.
    pub deliveries: usize,
}

/// A message that is ready to be appended.
pub(super) struct Ready {
    pub(super) publication: Publication,
    /// What its dead letters say to those who take them.
    pub(super) told: Vec<Publication>,
    deliveries: usize,
    starts: bool,
}

impl Channels {
    /// Publishes a message. Durable when it returns.
    ///
    /// # Errors
    /// Category argument for a bad channel or source; input when the payload breaks the schema that its publisher declares
    /// for the channel, with each violation; engine when it is too large; what the store fails with. After a store error it
    /// may be published: repeat the call with the same id to be sure of one.
    pub fn publish(&self, message: ChannelMessage) -> Result<Published, Error> {
        let published = self.publish_batch(vec![message]).pop();
        published.unwrap_or_else(|| Err(nothing_done()))
    }

    /// Publishes many messages in one transaction; answers are in their order. Each stands for itself.
    pub fn publish_batch(&self, messages: Vec<ChannelMessage>) -> Vec<Result<Published, Error>> {
        let core = &self.0;
        let table = match core.table() {
            Ok(table) => table,
            Err(error) => return messages.iter().map(|_| Err(error.clone())).collect(),
        };
        let now = core.now();
        let ready = messages
            .into_iter()
            .map(|message| core.prepare_message(&table, message, now));
        let ready = core.throttled(&table, ready.collect());
        core.append_each(ready)
    }

    /// Publishes an envelope of any known dialect, as it is. What is none becomes a dead letter of `channel`, and the answer
    /// says so.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_envelope(&self, text: &[u8], channel: Option<&str>) -> Result<Published, Error> {
        let core = &self.0;
        let now = core.now();
        let read = std::str::from_utf8(text)
            .map_err(|error| ("OSSA-C001", error.to_string()))
            .and_then(|text| {
                Envelope::from_json(text, now).map_err(|error| (error.code(), error.to_string()))
            });
        let table = core.table()?;
        let ready = match read {
            Ok(envelope) => {
                refuse_reserved(&envelope.channel)?;
                core.check_payload(&table, &envelope)?;
                let mut ready = core.ready(&table, envelope, now)?;
                // Byte by byte what was given.
                text.clone_into(&mut ready.publication.body);
                for message in &mut ready.publication.deliver {
                    text.clone_into(&mut message.body);
                }
                ready
            }
            Err((code, message)) => core.unreadable(&table, text, channel, (code, message), now)?,
        };
        let ready = core.throttled(&table, vec![Ok(ready)]);
        let mut published = core.append_each(ready);
        published.pop().unwrap_or_else(|| Err(nothing_done()))
    }
}

impl Core {
    /// What to append for a message, if it may be published.
    pub(super) fn prepare_message(
        &self,
        table: &Table,
        message: ChannelMessage,
        now: Timestamp,
    ) -> Result<Ready, Error> {
        let envelope = envelope(message, now)?;
        self.check_payload(table, &envelope)?;
        self.ready(table, envelope, now)
    }

    /// Appends what is ready in one transaction; answers are in order.
    pub(super) fn append_each(
        &self,
        each: Vec<Result<Ready, Error>>,
    ) -> Vec<Result<Published, Error>> {
        let mut publications = Vec::with_capacity(each.len());
        let mut told = Vec::new();
        let mut starts = false;
        let each: Vec<_> = each
            .into_iter()
            .map(|ready| {
                let ready = ready?;
                let id = ready.publication.id.clone();
                publications.push(ready.publication);
                told.extend(ready.told);
                starts |= ready.starts;
                Ok((id, ready.deliveries))
            })
            .collect();
        publications.append(&mut told);
        let appended = match self
            .backend()
            .map(|it| it.append(&publications, self.now()))
        {
            Ok(Ok(appended)) => appended,
            Ok(Err(error)) => return fail_each(each, &error.into()),
            Err(error) => return fail_each(each, &error),
        };
        if starts {
            // What fails now is left to the next tick.
            let _ = self.start_delivered();
        }
        let mut appended = appended.into_iter();
        let answers = each.into_iter().map(|ready| {
            let (id, deliveries) = ready?;
            let (position, is_new) = match appended.next() {
                Some(Appended::New(position)) => (position, true),
                Some(Appended::Duplicate(position)) => (position, false),
                None => return Err(nothing_done()),
            };
            Ok(Published {
                id,
                position,
                is_new,
                deliveries: if is_new { deliveries } else { 0 },
            })
        });
        answers.collect()
    }

    /// Routes a message: what to append for it.
    pub(super) fn ready(
        &self,
        table: &Table,
        envelope: Envelope,
        now: Timestamp,
    ) -> Result<Ready, Error> {
        let body = envelope.to_json().to_string().into_bytes();
        let most = table
            .settings(&envelope.channel)
            .max_message_bytes
            .unwrap_or(self.options.channels.max_message_bytes);
        if body.len() > most {
            return Err(too_large(&envelope, body.len(), most));
        }
        let Routed {
            planned,
            forwarded,
            mut lost,
        } = table.route(&envelope, now);
        let mut deliver = Vec::with_capacity(planned.len());
        let mut starts = false;
        for plan in &planned {
            starts |= matches!(plan.subscriber.target, Target::Start { .. });
            if !plan.subscriber.follows() {
                deliver.push(delivery(&envelope, plan, &body, now));
            }
        }
        let deliveries = deliver.len();
        let mut told = Vec::new();
        for mut forward in forwarded {
            if let Some(transform) = &forward.transform {
                match self.transformed(table, transform, &envelope, now) {
                    Ok(payload) => forward.payload = payload,
                    Err((reason, message)) => {
                        lost.push(lost_forward(&forward, reason, message));
                        continue;
                    }
                }
            }
            let mut next = Envelope {
                channel: forward.channel,
                payload: forward.payload,
                ..envelope.clone()
            };
            next.caused_by(&envelope);
            let ready = self.ready(table, next, now)?;
            starts |= ready.starts;
            told.push(ready.publication);
            told.extend(ready.told);
        }
        for loss in lost {
            let subscriber = table.subscriber(&loss.subscriber).map(|it| &**it);
            let Some(channel) = table.dead_letters_of(subscriber, &envelope.channel) else {
                continue;
            };
            let slip = Slip {
                failure: Some(Failure {
                    reason: loss.reason,
                    code: loss.code,
                    message: loss.message,
                    attempts: 0,
                    at: now,
                    channel: channel.to_string(),
                }),
                rule: loss.rule,
                transform: loss.transform,
                ..slip(&envelope, &loss.subscriber)
            };
            let (message, notice) =
                self.dead_letter(table, &slip, &body, envelope.priority(), now)?;
            deliver.push(message);
            told.extend(notice);
        }
        Ok(Ready {
            publication: Publication {
                channel: envelope.channel.to_string(),
                source: envelope.source.clone(),
                id: envelope.id.clone(),
                expires_at: envelope.expires_at(),
                body,
                deliver,
            },
            told,
            deliveries,
            starts,
        })
    }

    /// What to append for bytes that are no envelope: a dead letter.
    fn unreadable(
        &self,
        table: &Table,
        bytes: &[u8],
        channel: Option<&str>,
        (code, message): (&str, String),
        now: Timestamp,
    ) -> Result<Ready, Error> {
        let channel = match channel {
            Some(name) => channel_name(name)?.dead_letters(),
            None => channel_name(UNREADABLE)?,
        };
        let id = Uuid::now_v7().to_string();
        let slip = Slip {
            failure: Some(Failure {
                reason: Reason::UnknownEnvelope,
                code: code.to_owned(),
                message,
                attempts: 0,
                at: now,
                channel: channel.to_string(),
            }),
            ..Slip::new(channel.to_string(), String::new(), id.clone())
        };
        let (message, notice) = self.dead_letter(table, &slip, bytes, Priority::default(), now)?;
        Ok(Ready {
            publication: Publication {
                channel: channel.to_string(),
                source: String::new(),
                id,
                expires_at: None,
                body: bytes.to_vec(),
                deliver: vec![message],
            },
            told: notice.into_iter().collect(),
            deliveries: 0,
            starts: false,
        })
    }

    /// Refuses a payload that breaks what its publisher declares for the channel.
    fn check_payload(&self, table: &Table, envelope: &Envelope) -> Result<(), Error> {
        let Some(schema) = table.declared(envelope.channel.as_str(), &envelope.source) else {
            return Ok(());
        };
        let violations = schema.violations(&envelope.payload);
        if violations.is_empty() {
            return Ok(());
        }
        let (channel, source) = (&envelope.channel, &envelope.source);
        let message =
            format!("the payload breaks the schema that `{source}` declares for `{channel}`");
        Err(Error::new(Category::Input, code::PAYLOAD_INVALID, message)
            .with_violations(violations)
            .with_help("correct the message, or `publishes` in the manifest"))
    }
}

/// What could not be made for another channel.
fn lost_forward(forward: &Forwarded, reason: Reason, message: String) -> Lost {
    Lost {
        subscriber: format!("{CHANNEL_TARGET}{}", forward.channel),
        rule: forward.rule.clone(),
        transform: forward.transform.clone(),
        reason,
        code: reason.as_str().to_uppercase(),
        message,
    }
}

/// The message that brings it to a subscriber.
fn delivery(envelope: &Envelope, plan: &Planned, body: &[u8], now: Timestamp) -> NewMessage {
    let slip = Slip {
        handler: plan.handler.clone(),
        rule: plan.rule.clone(),
        payload: plan.payload.clone(),
        transform: plan.transform.clone(),
        next: plan.next.clone(),
        ..slip(envelope, &plan.subscriber.name)
    };
    NewMessage {
        queue: plan.subscriber.queue(),
        priority: plan.priority,
        available_at: now,
        body: body.to_vec(),
        headers: slip.to_headers(),
        step: None,
    }
}

/// What is written on everything that is made of a message.
pub(super) fn slip(envelope: &Envelope, subscriber: &str) -> Slip {
    let (channel, source) = (envelope.channel.to_string(), envelope.source.clone());
    Slip {
        subscriber: subscriber.to_owned(),
        expires_at: envelope.expires_at(),
        ..Slip::new(channel, source, envelope.id.clone())
    }
}

fn envelope(message: ChannelMessage, now: Timestamp) -> Result<Envelope, Error> {
    let channel = channel_name(&message.channel)?;
    refuse_reserved(&channel)?;
    if message.source.is_empty() {
        return Err(Error::new(
            Category::Argument,
            code::BAD_ARGUMENT,
            "a message needs a source",
        )
        .with_help("name the agent, workflow or service that publishes it"));
    }
    let id = match message.id {
        Some(id) if id.is_empty() || id.len() > 255 => {
            let help = "use 1 to 255 bytes, or none for a new one";
            return Err(Error::new(
                Category::Argument,
                code::BAD_ARGUMENT,
                "the id is too long or empty",
            )
            .with_help(help));
        }
        Some(id) => id,
        None => Uuid::now_v7().to_string(),
    };
    let mut envelope = Envelope::new(id, channel, message.source, now, message.payload);
    envelope.kind = message.kind;
    envelope.metadata = Metadata {
        correlation_id: message.correlation_id,
        reply_to: message.reply_to,
        priority: message.priority,
        ttl_seconds: message.ttl.map(|ttl| ttl.as_secs().max(1)),
        traceparent: message.traceparent,
        headers: message.headers,
        ..Metadata::default()
    };
    Ok(envelope)
}

/// The channel of that name.
pub(super) fn channel_name(name: &str) -> Result<ChannelName, Error> {
    ChannelName::parse(name).map_err(|error| {
        Error::new(Category::Argument, error.code(), error.to_string()).with_help(error.help())
    })
}

fn refuse_reserved(channel: &ChannelName) -> Result<(), Error> {
    if !channel.is_reserved() {
        return Ok(());
    }
    let message = format!("`{channel}` is one of the runtime's own channels");
    Err(Error::new(Category::Argument, code::BAD_ARGUMENT, message)
        .with_help("names that begin with `ossa.`, `system.` and `internal.` are reserved"))
}

fn too_large(envelope: &Envelope, bytes: usize, most: usize) -> Error {
    let message = format!(
        "message `{}` for `{}` has {bytes} bytes, {most} are allowed",
        envelope.id, envelope.channel
    );
    Error::new(Category::Input, code::TOO_LARGE, message)
        .with_help("publish a reference to what is large")
}

pub(super) fn nothing_done() -> Error {
    Error::new(
        Category::Engine,
        code::RUN_BUSY,
        "the call was not carried out",
    )
    .retryable()
}

fn fail_each<T>(each: Vec<Result<T, Error>>, error: &Error) -> Vec<Result<Published, Error>> {
    let failed = each.into_iter().map(|ready| match ready {
        Ok(_) => Err(error.clone()),
        Err(own) => Err(own),
    });
    failed.collect()
}

/// What is told on a channel of dead letters about one.
pub(super) fn notice(slip: &Slip, failure: &Failure, body: &[u8]) -> Value {
    let message = serde_json::from_slice::<Value>(body)
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into());
    json!({
        "message": message,
        "messageId": slip.message,
        "channel": slip.channel,
        "subscriber": slip.subscriber,
        "reason": failure.reason.as_str(),
        "retryCount": failure.attempts,
        "lastError": { "code": failure.code, "message": failure.message },
        "deadLetteredAt": failure.at.to_string(),
    })
}
