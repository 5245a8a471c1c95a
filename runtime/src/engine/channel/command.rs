//! Commands: requests that are answered, over channels like any other message.
//!
//! A request is published on `agent.{target}.commands.{name}`, its answer on `agent.{caller}.responses` under the request's
//! id as correlation. What became of a request is one entry in the key-value space; its timeout is a message that becomes
//! visible when the time is up, so it survives a restart.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::core::Core;
use super::super::records::Change;
use super::Channels;
use super::publish::{ChannelMessage, channel_name, nothing_done};
use super::receive::ChannelDelivery;
use crate::error::{Category, Error, code};
use crate::manifest::model::COMMAND_TIMEOUT;
use crate::port::{Lease, NewMessage, Priority, Receive, Timestamp};
use crate::routing::Envelope;
use crate::run::StepError;

const NAMESPACE: &str = "ossa.commands";
/// Where the timeouts of requests wait.
const TIMEOUTS: &str = "ossa:command-timeouts";
/// Timeouts looked at in one call.
const BATCH: usize = 64;
/// An answer is kept for so long.
const KEPT: Duration = Duration::from_secs(86_400);

/// A request to an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The agent.
    pub target: String,
    /// What it is to do.
    pub name: String,
    /// Who asks.
    pub caller: String,
    /// With what.
    pub input: Value,
    /// Asking again under the same id is the same request. `None` = a new one.
    pub id: Option<String>,
    /// How long it may take; `None` = what the manifest says, or 30 s.
    pub timeout: Option<Duration>,
    /// How urgent it is.
    pub priority: Option<Priority>,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum CommandAnswer {
    /// There is no answer yet.
    Pending {
        /// When there is one in any case.
        deadline: Timestamp,
    },
    /// It was done.
    Completed {
        /// What came of it.
        output: Value,
    },
    /// It failed, or nobody has answered in time (`COMMAND_TIMEOUT`).
    Failed {
        /// The code of the error.
        code: String,
        /// The error in words.
        message: String,
    },
}

impl Command {
    /// One without options.
    #[must_use]
    pub fn new(
        caller: impl Into<String>,
        target: impl Into<String>,
        name: impl Into<String>,
        input: Value,
    ) -> Self {
        Self {
            target: target.into(),
            name: name.into(),
            caller: caller.into(),
            input,
            id: None,
            timeout: None,
            priority: None,
            traceparent: None,
        }
    }
}

impl Channels {
    /// Sends a request; returns its id. Durable when it returns.
    ///
    /// # Errors
    /// Category input when it breaks the schema that the agent declares; argument for bad names; what the store fails with.
    pub fn request(&self, command: Command) -> Result<String, Error> {
        let core = &self.0;
        let table = core.table()?;
        let declared = table.command(&command.target, &command.name);
        if let Some(schema) = declared.and_then(|it| it.input.as_ref()) {
            refuse(
                schema.violations(&command.input),
                &command.target,
                &command.name,
            )?;
        }
        let now = core.now();
        let timeout = command
            .timeout
            .or_else(|| declared.map(|it| it.timeout))
            .unwrap_or(COMMAND_TIMEOUT);
        let deadline = now.after(timeout);
        let id = command.id.unwrap_or_else(|| Uuid::now_v7().to_string());
        let responses = responses_of(&command.caller);
        channel_name(&responses)?;
        let pending = CommandAnswer::Pending { deadline };
        // First: an answer may come before this call returns. One that is there is of the same request.
        core.create_record(NAMESPACE, &id, &pending, Some(deadline.after(KEPT)))?;
        let mut message = ChannelMessage {
            id: Some(id.clone()),
            kind: Some("Command".to_owned()),
            correlation_id: Some(id.clone()),
            reply_to: Some(responses.clone()),
            priority: command.priority,
            traceparent: command.traceparent,
            ttl: Some(timeout),
            ..ChannelMessage::new(
                commands_of(&command.target, &command.name),
                command.caller,
                command.input,
            )
        };
        for (name, value) in [
            ("x-command-name", command.name),
            ("x-response-channel", responses),
        ] {
            message.headers.insert(name.to_owned(), value.into());
        }
        let mut ready = core.prepare_message(&table, message, now)?;
        ready.publication.deliver.push(NewMessage {
            queue: TIMEOUTS.to_owned(),
            priority: Priority::default(),
            available_at: deadline,
            body: ready.publication.body.clone(),
            headers: b"{}".to_vec(),
            step: None,
        });
        let ready = core.throttled(&table, vec![Ok(ready)]);
        let published = core.append_each(ready).pop();
        published.unwrap_or_else(|| Err(nothing_done()))?;
        Ok(id)
    }

    /// Answers a request that was delivered. The first answer counts.
    ///
    /// # Errors
    /// Category argument when the delivery is no request; input when the output breaks the schema that is declared for it;
    /// what the store fails with.
    pub fn reply(
        &self,
        request: &ChannelDelivery,
        result: Result<Value, StepError>,
    ) -> Result<(), Error> {
        let core = &self.0;
        let envelope = &request.envelope;
        if envelope.metadata.reply_to.is_none() {
            let message = format!("message `{}` asks for no answer", envelope.id);
            return Err(Error::new(Category::Argument, code::BAD_ARGUMENT, message));
        }
        let table = core.table()?;
        let name = command_name(envelope);
        if let (Ok(output), Some(name)) = (&result, name)
            && let Some(declared) = table.command(&request.subscriber, name)
            && let Some(schema) = &declared.output
        {
            refuse(schema.violations(output), &request.subscriber, name)?;
        }
        let answer = match result {
            Ok(output) => CommandAnswer::Completed { output },
            Err(error) => CommandAnswer::Failed {
                code: error.code,
                message: error.message,
            },
        };
        core.settle_command(envelope, &request.subscriber, answer)
    }

    /// What became of a request, waiting for it; `None` when there is none of this id.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn answer(&self, id: &str, wait: Duration) -> Result<Option<CommandAnswer>, Error> {
        let core = &self.0;
        let until = Instant::now().checked_add(wait);
        let mut seen = 0;
        loop {
            let answer = core.answer_of(id)?;
            let Some(CommandAnswer::Pending { deadline }) = answer else {
                return Ok(answer);
            };
            if deadline <= core.now() {
                core.time_out_commands()?;
                if let Some(CommandAnswer::Pending { .. }) = core.answer_of(id)? {
                    return Ok(Some(timed_out()));
                }
                continue;
            }
            let left = until.map_or(Duration::MAX, |it| {
                it.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return Ok(answer);
            }
            let due = deadline.since(core.now());
            seen = core.backend()?.wait_for_change(seen, left.min(due))?;
        }
    }
}

impl Core {
    /// Ends requests whose time is up; returns whether there may be more.
    pub(in crate::engine) fn time_out_commands(&self) -> Result<bool, Error> {
        let backend = self.backend()?;
        let lease = Lease {
            now: self.now(),
            duration: self.options.lease,
        };
        let due = backend.receive(&Receive {
            queues: vec![TIMEOUTS.to_owned()],
            worker: self.worker.clone(),
            max: BATCH,
            eldest: 0,
            lease,
        })?;
        let more = due.len() >= BATCH;
        for delivery in due {
            let envelope = std::str::from_utf8(&delivery.body)
                .ok()
                .and_then(|text| Envelope::from_json(text, lease.now).ok());
            if let Some(envelope) = envelope {
                self.settle_command(&envelope, "ossa", timed_out())?;
            }
            backend.ack(&[delivery.receipt])?;
        }
        Ok(more)
    }

    /// Writes down the first answer to a request, and publishes it.
    fn settle_command(
        &self,
        request: &Envelope,
        by: &str,
        answer: CommandAnswer,
    ) -> Result<(), Error> {
        let id = &request.id;
        let settled = self.change_record(NAMESPACE, id, |known, now| {
            Ok(match known {
                Some(CommandAnswer::Pending { .. }) => Change::Put {
                    record: answer.clone(),
                    expires_at: Some(now.after(KEPT)),
                    answer: answer.clone(),
                },
                // It was answered; that may not have been published yet.
                Some(earlier) => Change::Keep(earlier),
                // Sent by somebody who only listens for the answer.
                None => Change::Keep(answer.clone()),
            })
        })?;
        let answer = settled.ok_or_else(nothing_done)?;
        let Some(channel) = request.metadata.reply_to.clone() else {
            return Ok(());
        };
        let payload = match &answer {
            CommandAnswer::Completed { output } => output.clone(),
            CommandAnswer::Failed { code, message } => {
                json!({ "error": { "code": code, "message": message } })
            }
            CommandAnswer::Pending { .. } => return Ok(()),
        };
        let mut message = ChannelMessage {
            // Published once, however often it is answered.
            id: Some(format!("{id}:response")),
            kind: Some("CommandResponse".to_owned()),
            correlation_id: Some(id.clone()),
            priority: request.metadata.priority,
            traceparent: request.metadata.traceparent.clone(),
            ..ChannelMessage::new(channel, by, payload)
        };
        if let Some(name) = command_name(request) {
            message
                .headers
                .insert("x-command-name".to_owned(), name.into());
        }
        let table = self.table()?;
        let ready = self.prepare_message(&table, message, self.now())?;
        let published = self.append_each(vec![Ok(ready)]).pop();
        published.map_or(Ok(()), |it| it.map(drop))
    }

    fn answer_of(&self, id: &str) -> Result<Option<CommandAnswer>, Error> {
        self.record(NAMESPACE, id)
    }
}

/// The channel of a command.
pub(super) fn commands_of(agent: &str, command: &str) -> String {
    format!("agent.{}.commands.{}", segment(agent), segment(command))
}

fn responses_of(agent: &str) -> String {
    format!("agent.{}.responses", segment(agent))
}

/// A name as a segment of a channel.
fn segment(name: &str) -> String {
    name.to_ascii_lowercase().replace(['.', ':', ' '], "-")
}

fn command_name(request: &Envelope) -> Option<&str> {
    request.metadata.headers.get("x-command-name")?.as_str()
}

fn timed_out() -> CommandAnswer {
    CommandAnswer::Failed {
        code: "COMMAND_TIMEOUT".to_owned(),
        message: "there was no answer in time".to_owned(),
    }
}

fn refuse(violations: Vec<String>, agent: &str, command: &str) -> Result<(), Error> {
    if violations.is_empty() {
        return Ok(());
    }
    let message = format!("the schema that `{agent}` declares for `{command}` is not met");
    Err(Error::new(Category::Input, code::PAYLOAD_INVALID, message).with_violations(violations))
}
