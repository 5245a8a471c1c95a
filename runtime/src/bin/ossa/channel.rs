//! `ossa channel`: what is published, by whom, and who takes it.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use clap::{Args, Subcommand};
use ossa_runtime::engine::channel::{ChannelMessage, Published, ReceiptStatus};
use ossa_runtime::engine::{Channels, Engine, EngineOptions};
use ossa_runtime::port::{Position, Priority, Record, Timestamp};
use ossa_runtime::routing::Elsewhere;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{FAILURE, FINDINGS, Format, Output, to_json};
use crate::store::{ManifestRoots, StoreOptions};
use crate::time::{length, moment};

/// How often a tail looks for something new.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Messages read at once.
const PAGE: usize = 500;

/// Publish on channels, and look at what is published
#[derive(Debug, Args)]
pub(crate) struct Channel {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    on: StoreOptions,
    #[command(flatten)]
    manifests: ManifestRoots,
    /// A callback that the host has, for transforms that need one; may be given several times
    #[arg(long, value_name = "NAME", global = true)]
    callback: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List channels and subscribers, with what is on its way
    List,
    Publish(Publish),
    Tail(Tail),
    Replay(Replay),
    /// Say what became of a message
    Receipts {
        /// The channel
        channel: String,
        /// The message's id
        message: String,
    },
    /// Remove messages, receipts and dead letters that are no longer kept
    Prune {
        /// At most so many of each
        #[arg(long, default_value_t = 100_000)]
        limit: usize,
    },
}

/// Publish a message
#[derive(Debug, Args)]
struct Publish {
    /// The channel
    channel: String,
    /// The payload as JSON; - for standard input, with --envelope the whole envelope
    payload: String,
    /// Who publishes it: the name of an agent, workflow or service
    #[arg(long, default_value = "ossa")]
    source: String,
    /// Its id; the same id is published once
    #[arg(long)]
    id: Option<String>,
    /// What kind of message it is
    #[arg(long = "type")]
    kind: Option<String>,
    /// How urgent it is: critical, high, normal or low
    #[arg(long, value_parser = priority)]
    priority: Option<Priority>,
    /// How long it is worth anything: 90s, 12h
    #[arg(long, value_parser = length)]
    ttl: Option<Duration>,
    /// Shared by messages that belong together
    #[arg(long)]
    correlation_id: Option<String>,
    /// What is given is an envelope of a known dialect, published byte by byte
    #[arg(long)]
    envelope: bool,
}

/// Print what is published, as it comes
#[derive(Debug, Args)]
struct Tail {
    /// Name or pattern: security.vulnerabilities, security.*, ossa.run.#
    pattern: String,
    /// Begin with the last so many
    #[arg(long, short = 'n', default_value_t = 10)]
    last: usize,
    /// Begin with what was published then: a time, a day, or 12h ago
    #[arg(long, value_parser = moment, conflicts_with_all = ["last", "after"])]
    since: Option<Timestamp>,
    /// Begin after this position
    #[arg(long, conflicts_with = "last")]
    after: Option<Position>,
    /// End with what is there
    #[arg(long)]
    once: bool,
}

/// Have a subscriber read again from an earlier place on
#[derive(Debug, Args)]
struct Replay {
    /// A subscriber that reads the stream by itself
    subscriber: String,
    /// From what was published then: a time, a day, or 12h ago
    #[arg(long, value_parser = moment, required_unless_present = "after")]
    since: Option<Timestamp>,
    /// From what was published after this position
    #[arg(long, conflicts_with = "since")]
    after: Option<Position>,
}

impl Channel {
    pub(crate) fn run(self, output: &mut Output) -> io::Result<u8> {
        self.carry_out(output)
            .or_else(|failure| failure.tell(output).map(|_| FAILURE))
    }

    fn carry_out(self, output: &mut Output) -> Result<u8, Failure> {
        let options = EngineOptions {
            callbacks: Arc::new(Elsewhere::named(self.callback)),
            ..self.manifests.into()
        };
        let engine = self.on.open(options)?;
        let channels = engine.channels();
        let format = self.on.format;
        match self.verb {
            Verb::List => list(&channels, format, output),
            Verb::Publish(it) => it.carry_out(&engine, format, output),
            Verb::Tail(it) => it.carry_out(&channels, format, output),
            Verb::Replay(it) => it.carry_out(&channels, output),
            Verb::Receipts { channel, message } => {
                receipts(&channels, (&channel, &message), format, output)
            }
            Verb::Prune { limit } => prune(&channels, limit, format, output),
        }
    }
}

impl Publish {
    fn carry_out(
        self,
        engine: &Engine,
        format: Format,
        output: &mut Output,
    ) -> Result<u8, Failure> {
        let text = match self.payload.as_str() {
            "-" => {
                let mut text = String::new();
                io::stdin().read_to_string(&mut text)?;
                text
            }
            text => text.to_owned(),
        };
        let channels = engine.channels();
        let published = if self.envelope {
            channels.publish_envelope(text.as_bytes(), Some(&self.channel))?
        } else {
            let payload: Value = serde_json::from_str(&text)
                .map_err(|error| Failure::Usage(format!("the payload is no JSON: {error}")))?;
            channels.publish(ChannelMessage {
                id: self.id,
                kind: self.kind,
                priority: self.priority,
                ttl: self.ttl,
                correlation_id: self.correlation_id,
                ..ChannelMessage::new(self.channel, self.source, payload)
            })?
        };
        output.line(told(&published, format))?;
        Ok(0)
    }
}

fn told(published: &Published, format: Format) -> String {
    let Published {
        id,
        position,
        is_new,
        deliveries,
    } = published;
    match (format, is_new) {
        (Format::Json, _) => json!({
            "id": id, "position": position, "new": is_new, "deliveries": deliveries,
        })
        .to_string(),
        (Format::Text, true) => {
            format!("message {id} is at position {position}, with {deliveries} deliveries")
        }
        (Format::Text, false) => format!("message {id} was there already, at position {position}"),
    }
}

impl Tail {
    fn carry_out(
        self,
        channels: &Channels,
        format: Format,
        output: &mut Output,
    ) -> Result<u8, Failure> {
        let mut after = match (self.since, self.after) {
            (Some(since), _) => channels.position_before(since)?,
            (None, Some(after)) => after,
            (None, None) => {
                let found = channels.last(&self.pattern, self.last)?;
                print(&found.records, format, output)?;
                found.read_to
            }
        };
        loop {
            let found = channels.read(&self.pattern, after, PAGE)?;
            print(&found.records, format, output)?;
            if found.read_to == after {
                if self.once {
                    return Ok(0);
                }
                output.flush()?;
                sleep(LOOK_EVERY);
            }
            after = found.read_to;
        }
    }
}

fn print(records: &[Record], format: Format, output: &mut Output) -> io::Result<()> {
    for record in records {
        let body = serde_json::from_slice::<Value>(&record.body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&record.body).into_owned().into());
        match format {
            Format::Json => output.line(
                json!({
                    "position": record.position,
                    "channel": record.channel,
                    "source": record.source,
                    "id": record.id,
                    "at": record.at.to_string(),
                    "message": body,
                })
                .to_string(),
            )?,
            Format::Text => {
                let payload = body.get("payload").unwrap_or(&body);
                let Record {
                    position,
                    channel,
                    source,
                    at,
                    ..
                } = record;
                output.line(format!("{at} {position:>8} {channel} {source} {payload}"))?;
            }
        }
    }
    Ok(())
}

impl Replay {
    fn carry_out(self, channels: &Channels, output: &mut Output) -> Result<u8, Failure> {
        let after = match self.since {
            Some(since) => channels.position_before(since)?,
            None => self.after.unwrap_or_default(),
        };
        channels.seek(&self.subscriber, after)?;
        output.line(format!(
            "`{}` reads what was published after position {after}",
            self.subscriber
        ))?;
        Ok(0)
    }
}

fn list(channels: &Channels, format: Format, output: &mut Output) -> Result<u8, Failure> {
    for size in channels.sizes()? {
        output.line(match format {
            Format::Json => json!({
                "channel": size.channel, "messages": size.records,
                "first": size.first, "last": size.last,
            })
            .to_string(),
            Format::Text => format!("{:<40} {:>8} messages", size.channel, size.records),
        })?;
    }
    for view in channels.subscribers()? {
        let name = &view.subscriber.name;
        let takes: Vec<_> = view
            .subscriber
            .subscriptions
            .iter()
            .map(|it| it.channel.as_str())
            .collect();
        output.line(match format {
            Format::Json => json!({
                "subscriber": name, "channels": takes, "ready": view.queue.ready,
                "delayed": view.queue.delayed, "leased": view.queue.leased,
                "read_to": view.stream.map(|it| it.read_to),
            })
            .to_string(),
            Format::Text => {
                let at = view
                    .stream
                    .map_or_else(String::new, |it| format!(", has read to {}", it.read_to));
                let (ready, leased) = (view.queue.ready, view.queue.leased);
                let takes = takes.join(", ");
                format!("→ {name:<38} {ready:>8} ready, {leased} held{at}  {takes}")
            }
        })?;
    }
    let problems = channels.problems()?;
    for problem in &problems {
        output.note(format!("ossa: {problem}"));
    }
    Ok(if problems.is_empty() { 0 } else { FINDINGS })
}

fn receipts(
    channels: &Channels,
    (channel, message): (&str, &str),
    format: Format,
    output: &mut Output,
) -> Result<u8, Failure> {
    let receipts = channels.receipts(channel, message)?;
    for receipt in &receipts {
        let line = match format {
            Format::Json => to_json(receipt)?,
            Format::Text => {
                let subscriber = receipt.subscriber.as_deref().unwrap_or("the stream");
                let error = receipt
                    .error
                    .as_ref()
                    .map_or_else(String::new, |it| format!("  {}: {}", it.code, it.message));
                let (at, attempt) = (receipt.timestamp, receipt.delivery_attempt);
                let status = receipt.status.as_str();
                format!("{at} {status:<12} {subscriber}, attempt {attempt}{error}")
            }
        };
        output.line(line)?;
    }
    let accepted =
        |it: &&ossa_runtime::engine::channel::DeliveryReceipt| it.status == ReceiptStatus::Accepted;
    Ok(match receipts.iter().find(accepted) {
        Some(_) => 0,
        None => FINDINGS,
    })
}

fn prune(
    channels: &Channels,
    limit: usize,
    format: Format,
    output: &mut Output,
) -> Result<u8, Failure> {
    let trimmed = channels.prune(limit)?;
    let (messages, values) = (trimmed.messages, trimmed.expired_values);
    let letters = trimmed.dead_letters;
    output.line(match format {
        Format::Json => json!({
            "messages": messages, "expired_values": values, "dead_letters": letters,
        })
        .to_string(),
        Format::Text => format!(
            "{messages} messages, {values} expired values and {letters} dead letters removed"
        ),
    })?;
    Ok(0)
}

fn priority(text: &str) -> Result<Priority, String> {
    Priority::parse(text).ok_or_else(|| "one of critical, high, normal, low".to_owned())
}
