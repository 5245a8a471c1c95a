//! `ossa dlq`: messages that were given up.

use std::io;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use clap::{Args, Subcommand};
use ossa_runtime::engine::channel::{DeadLetter, DeadLetterFilter, Reason, Replayed};
use ossa_runtime::engine::{DeadLetters, EngineOptions};
use ossa_runtime::port::Timestamp;
use ossa_runtime::routing::Elsewhere;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{FAILURE, FINDINGS, Format, Output, to_json};
use crate::run_steer::By;
use crate::store::{ManifestRoots, StoreOptions};
use crate::time::moment;

/// Look at dead letters, edit and replay them
#[derive(Debug, Args)]
pub(crate) struct Dlq {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    on: StoreOptions,
    #[command(flatten)]
    manifests: ManifestRoots,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List dead letters, by channel, oldest first
    List {
        #[command(flatten)]
        which: Which,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Behind the one with this id, which may be gone
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Show one: why it was given up, and the message
    Show {
        /// Its id, as listed
        id: String,
    },
    /// Have a replay deliver another payload; the original is kept
    Edit {
        /// Its id, as listed
        id: String,
        /// The payload as JSON
        payload: String,
        #[command(flatten)]
        by: By,
    },
    /// Deliver messages again, without their marks of failure
    Replay {
        /// Their ids, as listed; without any, all that match
        ids: Vec<String>,
        #[command(flatten)]
        which: Which,
        /// At most so many
        #[arg(long, default_value_t = 1000)]
        limit: usize,
        /// At most so many in a second
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        rate: Option<u32>,
        #[command(flatten)]
        by: By,
    },
    /// Remove dead letters for good
    Remove {
        /// Their ids, as listed
        #[arg(required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        by: By,
    },
    /// Count them by channel, reason and code
    Stats {
        #[command(flatten)]
        which: Which,
    },
    /// Print who edited, replayed and removed which, latest last
    Log {
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
}

/// Which dead letters.
#[derive(Debug, Args)]
struct Which {
    /// Of this channel, or those that a pattern matches
    #[arg(long)]
    channel: Option<String>,
    /// Of deliveries to this subscriber
    #[arg(long)]
    subscriber: Option<String>,
    /// Given up for this reason: handler_failed, expired, schema_invalid, no_route…
    #[arg(long, value_parser = reason)]
    why: Option<Reason>,
    /// With this code of error
    #[arg(long)]
    code: Option<String>,
    /// Given up since: a time, a day, or 12h ago
    #[arg(long, value_parser = moment)]
    since: Option<Timestamp>,
    /// Given up before: a time, a day, or 12h ago
    #[arg(long, value_parser = moment)]
    until: Option<Timestamp>,
}

impl Which {
    fn filter(self) -> DeadLetterFilter {
        DeadLetterFilter {
            channel: self.channel,
            subscriber: self.subscriber,
            reason: self.why,
            error_code: self.code,
            since: self.since,
            until: self.until,
            after: None,
        }
    }
}

impl Dlq {
    pub(crate) fn run(self, output: &mut Output) -> io::Result<u8> {
        self.carry_out(output)
            .or_else(|failure| failure.tell(output).map(|_| FAILURE))
    }

    fn carry_out(self, output: &mut Output) -> Result<u8, Failure> {
        let options = EngineOptions {
            // What needs one is left to the workers that have it.
            callbacks: Arc::new(Elsewhere::any()),
            ..self.manifests.into()
        };
        let letters = self.on.open(options)?.dead_letters();
        let format = self.on.format;
        match self.verb {
            Verb::List {
                which,
                limit,
                after,
            } => {
                let filter = DeadLetterFilter {
                    after,
                    ..which.filter()
                };
                list(&letters, &filter, limit, format, output)
            }
            Verb::Show { id } => show(&letters.show(&id)?, format, output),
            Verb::Edit { id, payload, by } => {
                let payload: Value = serde_json::from_str(&payload)
                    .map_err(|error| Failure::Usage(format!("the payload is no JSON: {error}")))?;
                show(&letters.edit(&id, &payload, &by.ordered())?, format, output)
            }
            Verb::Replay {
                ids,
                which,
                limit,
                rate,
                by,
            } => {
                let ids = match ids.is_empty() {
                    false => ids,
                    true => {
                        let (found, more) = page(&letters, &which.filter(), limit)?;
                        if more {
                            output.note(format!(
                                "ossa: there are more; these are the first {limit}, see --limit"
                            ));
                        }
                        found.into_iter().map(|it| it.id).collect()
                    }
                };
                replay(&letters, &ids, rate, by, output)
            }
            Verb::Remove { ids, by } => {
                let by = by.ordered();
                for id in ids {
                    letters.remove(&id, &by)?;
                    output.line(format!("{id} is removed"))?;
                }
                Ok(0)
            }
            Verb::Stats { which } => {
                for stats in letters.stats(&which.filter())? {
                    output.line(match format {
                        Format::Json => to_json(&stats)?,
                        Format::Text => {
                            let reasons: Vec<_> = stats
                                .reasons
                                .iter()
                                .map(|(reason, count)| format!("{} {count}", reason.as_str()))
                                .collect();
                            let (channel, count) = (&stats.channel, stats.count);
                            format!("{channel:<40} {count:>8}  {}", reasons.join(", "))
                        }
                    })?;
                }
                Ok(0)
            }
            Verb::Log { limit } => {
                for action in letters.actions(limit)? {
                    let text = |name: &str| action.details.get(name).and_then(Value::as_str);
                    output.line(match format {
                        Format::Json => {
                            json!({ "at": action.at.to_string(), "details": action.details })
                                .to_string()
                        }
                        Format::Text => format!(
                            "{} {:<7} {} by {} {}",
                            action.at,
                            text("action").unwrap_or_default(),
                            text("id").unwrap_or_default(),
                            text("by").unwrap_or_default(),
                            text("reason").unwrap_or_default(),
                        ),
                    })?;
                }
                Ok(0)
            }
        }
    }
}

/// The first so many, and whether there are more.
fn page(
    letters: &DeadLetters,
    filter: &DeadLetterFilter,
    limit: usize,
) -> Result<(Vec<DeadLetter>, bool), Failure> {
    let mut found = letters.list(filter, limit.saturating_add(1))?;
    let more = found.len() > limit;
    found.truncate(limit);
    Ok((found, more))
}

fn list(
    letters: &DeadLetters,
    filter: &DeadLetterFilter,
    limit: usize,
    format: Format,
    output: &mut Output,
) -> Result<u8, Failure> {
    let (found, more) = page(letters, filter, limit)?;
    for letter in &found {
        output.line(match format {
            Format::Json => full(letter).to_string(),
            Format::Text => short(letter),
        })?;
    }
    if let Some(last) = found.last().filter(|_| more) {
        output.note(format!("ossa: there are more: --after {}", last.id));
    }
    Ok(0)
}

/// Replays one after the other; one that cannot be does not stop the others.
fn replay(
    letters: &DeadLetters,
    ids: &[String],
    rate: Option<u32>,
    by: By,
    output: &mut Output,
) -> Result<u8, Failure> {
    let by = by.ordered();
    let mut failed = 0;
    for (place, id) in ids.iter().enumerate() {
        if let Some(rate) = rate
            && place > 0
        {
            sleep(Duration::from_secs(1) / rate);
        }
        match letters.replay(id, &by) {
            Ok(Replayed::Subscriber(name)) => {
                output.line(format!("{id} is on its way to {name}"))?
            }
            Ok(Replayed::Routed { deliveries }) => {
                output.line(format!("{id} is routed anew: {deliveries} deliveries"))?;
            }
            Err(error) => {
                failed += 1;
                output.note(format!("ossa: {id}: {error} ({})", error.code()));
            }
        }
        output.flush()?;
    }
    Ok(if failed == 0 { 0 } else { FINDINGS })
}

fn short(letter: &DeadLetter) -> String {
    let subscriber = letter.subscriber.as_deref().unwrap_or("nobody");
    let edited = if letter.edited.is_some() {
        "  (edited)"
    } else {
        ""
    };
    format!(
        "{} {:<28} {:<16} {subscriber}: {}: {}{edited}",
        letter.at,
        letter.id,
        letter.reason.as_str(),
        letter.error_code,
        letter.error,
    )
}

fn full(letter: &DeadLetter) -> Value {
    let mut value = json!(letter);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if let Some(members) = value.as_object_mut() {
        members.insert("original".to_owned(), text(&letter.original).into());
        let edited = letter.edited.as_deref().map(text);
        members.insert("edited".to_owned(), edited.into());
    }
    value
}

fn show(letter: &DeadLetter, format: Format, output: &mut Output) -> Result<u8, Failure> {
    if format == Format::Json {
        output.line(full(letter).to_string())?;
        return Ok(0);
    }
    let subscriber = letter.subscriber.as_deref().unwrap_or("nobody");
    for (name, value) in [
        ("id", letter.id.as_str()),
        ("channel", letter.channel.as_str()),
        ("message", letter.message_id.as_str()),
        ("source", letter.source.as_str()),
        ("subscriber", subscriber),
        ("reason", letter.reason.as_str()),
        ("error", letter.error_code.as_str()),
        ("", letter.error.as_str()),
        ("attempts", &letter.attempts.to_string()),
        ("given up", &letter.at.to_string()),
    ] {
        output.line(format!("{name:<11} {value}"))?;
    }
    for edit in &letter.edits {
        output.line(format!(
            "{:<11} {} by {} {}",
            "edited", edit.at, edit.by, edit.reason
        ))?;
    }
    output.line(String::from_utf8_lossy(&letter.original))?;
    if let Some(edited) = &letter.edited {
        output.line("a replay delivers:")?;
        output.line(String::from_utf8_lossy(edited))?;
    }
    Ok(0)
}

fn reason(text: &str) -> Result<Reason, String> {
    let names: Vec<_> = Reason::ALL.iter().map(|it| it.as_str()).collect();
    Reason::parse(text).ok_or_else(|| format!("one of {}", names.join(", ")))
}
