//! Looking after dead letters: listing, editing, replaying and removing them, with a record of who did what.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::core::Core;
use super::super::manage::OrderedBy;
use super::Reason;
use super::dead_letter::{NAMESPACE, queue_of};
use super::publish::channel_name;
use super::slip::{Edit, Slip};
use crate::engine::Engine;
use crate::error::{Category, Error, code};
use crate::port::{
    Appended, ClaimAnswer, Delivery, MessageId, NewMessage, Priority, Publication, Receipt, Record,
    Timestamp,
};
use crate::routing::ChannelPattern;

/// The channel on which it is recorded who did what to dead letters.
pub const AUDIT_CHANNEL: &str = "ossa.dead-letters";
/// Dead letters read at once.
const PAGE: usize = 500;

/// Dead letters of an engine's store. Clones share everything.
#[derive(Debug, Clone)]
pub struct DeadLetters(pub(super) Arc<Core>);

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Names it: the channel of dead letters and a number.
    pub id: String,
    /// The channel of dead letters.
    pub dead_letter_channel: String,
    /// The channel it was published on.
    pub channel: String,
    /// The message's id.
    pub message_id: String,
    /// Who published it.
    pub source: String,
    /// Whose delivery failed; `None` = it got to nobody.
    pub subscriber: Option<String>,
    /// Why it was given up.
    pub reason: Reason,
    /// The code of the error.
    pub error_code: String,
    /// The error in words.
    pub error: String,
    /// Attempts that were made.
    pub attempts: u32,
    /// When it was given up.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// How urgent it is.
    pub priority: Priority,
    /// What it is as published, byte by byte.
    #[serde(skip)]
    pub original: Vec<u8>,
    /// What a replay delivers instead.
    #[serde(skip)]
    pub edited: Option<Vec<u8>>,
    /// Who has edited it, in order.
    pub edits: Vec<Edit>,
}

/// Which dead letters. Empty fields do not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Of these channels: of dead letters, or those they were published on; a pattern.
    pub channel: Option<String>,
    /// Of deliveries to this subscriber.
    pub subscriber: Option<String>,
    /// Given up for this reason.
    pub reason: Option<Reason>,
    /// With this code of error.
    pub error_code: Option<String>,
    /// Given up at or after.
    pub since: Option<Timestamp>,
    /// Given up before.
    pub until: Option<Timestamp>,
    /// Behind the one with this id, in the order in which they are listed; it may be gone.
    pub after: Option<String>,
}

/// How many dead letters a channel has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterStats {
    /// The channel of dead letters.
    pub channel: String,
    /// How many.
    pub count: u64,
    /// When the oldest was given up.
    #[serde(serialize_with = "as_maybe_text")]
    pub oldest: Option<Timestamp>,
    /// When the latest was.
    #[serde(serialize_with = "as_maybe_text")]
    pub newest: Option<Timestamp>,
    /// How many for each reason.
    pub reasons: std::collections::BTreeMap<Reason, u64>,
    /// How many with each code of error.
    pub error_codes: std::collections::BTreeMap<String, u64>,
}

/// What was done to a dead letter.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetterAction {
    /// When.
    pub at: Timestamp,
    /// By whom, to which, what and why.
    pub details: Value,
}

/// Where a replayed message went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// To the subscriber whose delivery had failed.
    Subscriber(String),
    /// To whoever takes it now.
    Routed {
        /// To so many.
        deliveries: usize,
    },
}

impl Engine {
    /// The dead letters of the store.
    #[must_use]
    pub fn dead_letters(&self) -> DeadLetters {
        DeadLetters(Arc::clone(self.core()))
    }
}

impl DeadLetters {
    pub(super) fn of(core: &Arc<Core>) -> Self {
        Self(Arc::clone(core))
    }

    /// Dead letters that match, by channel, oldest first. The next page is that of the filter with the last one's id as
    /// `after`.
    ///
    /// # Errors
    /// Category argument for a bad pattern; what the store fails with.
    pub fn list(&self, filter: &DeadLetterFilter, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        let mut found = Vec::new();
        self.each(filter, |letter| {
            found.push(letter);
            found.len() < limit
        })?;
        Ok(found)
    }

    /// One dead letter.
    ///
    /// # Errors
    /// `OSSA-N024` when there is none; what the store fails with.
    pub fn show(&self, id: &str) -> Result<DeadLetter, Error> {
        let (channel, number) = parts(id)?;
        let found = self
            .0
            .backend()?
            .find_message(&queue_of(channel), &number)?;
        found
            .and_then(|delivery| letter(channel, delivery))
            .ok_or_else(|| not_found(id))
    }

    /// Has a replay deliver another payload; of what is no envelope, another text. The original stays as it is.
    ///
    /// # Errors
    /// `OSSA-N024` when there is none; engine when somebody else is at it; what the store fails with.
    pub fn edit(&self, id: &str, payload: &Value, by: &OrderedBy) -> Result<DeadLetter, Error> {
        let core = &self.0;
        let now = core.now();
        let (channel, receipt, before, mut slip) = self.claim(id)?;
        let current = before.edited.as_ref().unwrap_or(&before.original);
        let edited = match serde_json::from_slice::<Value>(current) {
            Ok(Value::Object(mut envelope)) if before.reason != Reason::UnknownEnvelope => {
                envelope.insert("payload".to_owned(), payload.clone());
                Value::Object(envelope).to_string()
            }
            _ => payload
                .as_str()
                .map_or_else(|| payload.to_string(), ToOwned::to_owned),
        };
        slip.edits.push(Edit {
            by: by.by.clone(),
            reason: by.reason.clone(),
            at: now,
        });
        slip.edited = Some(edited);
        // What a transform had made of the original is not what it would make of this.
        slip.payload = None;
        let queue = queue_of(&channel);
        let headers = slip.to_headers();
        let backend = core.backend()?;
        let moved = backend.reject(&[receipt], &queue, Some(&headers), now)?;
        if !moved.contains(&true) {
            return Err(held_by_another(id));
        }
        let after = self.show(id)?;
        self.note(
            "edit",
            &before,
            by,
            json!({ "before": text(current), "after": after.edited.as_deref().map(text) }),
        )?;
        Ok(after)
    }

    /// Removes a dead letter for good.
    ///
    /// # Errors
    /// As [`edit`](Self::edit).
    pub fn remove(&self, id: &str, by: &OrderedBy) -> Result<(), Error> {
        let (_, receipt, letter, _) = self.claim(id)?;
        // First: nothing may vanish without a trace.
        let body = json!({ "message": text(&letter.original) });
        self.note("remove", &letter, by, body)?;
        let gone = self.0.backend()?.ack(&[receipt])?;
        match gone.contains(&true) {
            true => Ok(()),
            false => Err(held_by_another(id)),
        }
    }

    /// How many there are of each channel, and why.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn stats(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterStats>, Error> {
        let mut all: Vec<DeadLetterStats> = Vec::new();
        self.each(filter, |letter| {
            if all
                .last()
                .is_none_or(|it| it.channel != letter.dead_letter_channel)
            {
                all.push(DeadLetterStats {
                    channel: letter.dead_letter_channel.clone(),
                    ..DeadLetterStats::default()
                });
            }
            if let Some(stats) = all.last_mut() {
                stats.count += 1;
                stats.oldest = Some(stats.oldest.map_or(letter.at, |at| at.min(letter.at)));
                stats.newest = Some(stats.newest.map_or(letter.at, |at| at.max(letter.at)));
                *stats.reasons.entry(letter.reason).or_default() += 1;
                *stats.error_codes.entry(letter.error_code).or_default() += 1;
            }
            true
        })?;
        Ok(all)
    }

    /// What was done to dead letters, latest last.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn actions(&self, limit: usize) -> Result<Vec<DeadLetterAction>, Error> {
        let records = super::tail::last(&self.0, AUDIT_CHANNEL, limit)?;
        Ok(records
            .into_iter()
            .map(|Record { at, body, .. }| DeadLetterAction {
                at,
                details: serde_json::from_slice(&body).unwrap_or_default(),
            })
            .collect())
    }

    /// Removes dead letters that are no longer kept, as pruning does; returns how many.
    pub(super) fn expire(&self, now: Timestamp, limit: usize) -> Result<u64, Error> {
        let table = self.0.table()?;
        let of_all = self.0.options.channels.dead_letter_retention;
        let mut expired = Vec::new();
        self.each(&DeadLetterFilter::default(), |letter| {
            let name = letter.subscriber.as_deref();
            let subscriber = name.and_then(|name| table.subscriber(name));
            let own = subscriber.and_then(|it| it.dead_letter_retention_seconds);
            let kept = own.map(Duration::from_secs).or(of_all);
            if kept.is_some_and(|kept| letter.at.after(kept) <= now) {
                expired.push(letter.id);
            }
            expired.len() < limit
        })?;
        let mut removed = 0;
        for id in expired {
            if let Ok((_, receipt, ..)) = self.claim(&id) {
                self.0.backend()?.ack(&[receipt])?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Calls with each that matches, until told to stop.
    fn each(
        &self,
        filter: &DeadLetterFilter,
        mut with: impl FnMut(DeadLetter) -> bool,
    ) -> Result<(), Error> {
        let backend = self.0.backend()?;
        let pattern = filter.channel.as_deref().map(ChannelPattern::parse);
        let pattern = pattern.transpose().map_err(|error| {
            Error::new(Category::Argument, error.code(), error.to_string()).with_help(error.help())
        })?;
        let after = filter.after.as_deref().map(parts).transpose()?;
        let mut channels = backend.kv_keys(NAMESPACE, "", self.0.now(), usize::MAX)?;
        channels.sort();
        for channel in channels {
            let mut last = None;
            match &after {
                Some((first, _)) if channel.as_str() < *first => continue,
                Some((first, number)) if channel == *first => last = Some(number.clone()),
                _ => {}
            }
            loop {
                let queue = queue_of(&channel);
                let page = backend.list_messages_after(&queue, last.as_ref(), PAGE)?;
                let Some(end) = page.last() else { break };
                last = Some(end.receipt.id.clone());
                let letters = page.into_iter().filter_map(|it| letter(&channel, it));
                for letter in letters.filter(|it| filter.matches(it, pattern.as_ref())) {
                    if !with(letter) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn claim(&self, id: &str) -> Result<(String, Receipt, DeadLetter, Slip), Error> {
        let core = &self.0;
        let (channel, number) = parts(id)?;
        let backend = core.backend()?;
        let queue = queue_of(channel);
        let claim = backend.claim_message(&queue, &number, &core.worker, core.lease())?;
        let delivery = match claim {
            ClaimAnswer::Claimed(delivery) => delivery,
            ClaimAnswer::Held { .. } => return Err(held_by_another(id)),
            ClaimAnswer::Gone => return Err(not_found(id)),
        };
        let receipt = delivery.receipt.clone();
        let slip = Slip::read(&delivery.headers).ok_or_else(|| not_found(id))?;
        let letter = letter(channel, delivery).ok_or_else(|| not_found(id))?;
        Ok((channel.to_owned(), receipt, letter, slip))
    }

    /// Records who did what.
    pub(super) fn note(
        &self,
        action: &str,
        letter: &DeadLetter,
        by: &OrderedBy,
        more: Value,
    ) -> Result<(), Error> {
        let mut details = Map::new();
        for (name, value) in [
            ("action", json!(action)),
            ("id", json!(letter.id)),
            ("messageId", json!(letter.message_id)),
            ("channel", json!(letter.channel)),
            ("subscriber", json!(letter.subscriber)),
            ("failure", json!(letter.reason)),
            ("by", json!(by.by)),
            ("reason", json!(by.reason)),
        ] {
            details.insert(name.to_owned(), value);
        }
        details.extend(more.as_object().cloned().unwrap_or_default());
        let core = &self.0;
        let id = Uuid::now_v7().to_string();
        let record = record(id, Value::Object(details), Vec::new());
        let appended = core.backend()?.append(&[record], core.now())?;
        debug_assert!(matches!(appended.as_slice(), [Appended::New(_)]));
        Ok(())
    }
}

impl DeadLetterFilter {
    fn matches(&self, letter: &DeadLetter, pattern: Option<&ChannelPattern>) -> bool {
        let named = |name: &str| {
            pattern.is_none_or(|it| channel_name(name).is_ok_and(|name| it.matches(&name)))
        };
        (named(&letter.channel) || named(&letter.dead_letter_channel))
            && self
                .subscriber
                .as_ref()
                .is_none_or(|it| letter.subscriber.as_ref() == Some(it))
            && self.reason.is_none_or(|it| letter.reason == it)
            && self
                .error_code
                .as_ref()
                .is_none_or(|it| letter.error_code == *it)
            && self.since.is_none_or(|it| letter.at >= it)
            && self.until.is_none_or(|it| letter.at < it)
    }
}

fn letter(channel: &str, delivery: Delivery) -> Option<DeadLetter> {
    let slip = Slip::read(&delivery.headers)?;
    let failure = slip.failure?;
    Some(DeadLetter {
        id: format!("{channel}:{}", delivery.receipt.id),
        dead_letter_channel: channel.to_owned(),
        channel: slip.channel,
        message_id: slip.message,
        source: slip.source,
        subscriber: Some(slip.subscriber).filter(|it| !it.is_empty()),
        reason: failure.reason,
        error_code: failure.code,
        error: failure.message,
        attempts: failure.attempts,
        at: failure.at,
        priority: delivery.priority,
        original: delivery.body,
        edited: slip.edited.map(String::into_bytes),
        edits: slip.edits,
    })
}

pub(super) fn record(id: String, details: Value, deliver: Vec<NewMessage>) -> Publication {
    Publication {
        channel: AUDIT_CHANNEL.to_owned(),
        source: "ossa".to_owned(),
        id,
        expires_at: None,
        body: details.to_string().into_bytes(),
        deliver,
    }
}

fn parts(id: &str) -> Result<(&str, MessageId), Error> {
    let (channel, number) = id.split_once(':').ok_or_else(|| not_found(id))?;
    Ok((channel, MessageId(number.to_owned())))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn not_found(id: &str) -> Error {
    let message = format!("there is no dead letter `{id}`");
    Error::new(Category::Engine, code::DEAD_LETTER_NOT_FOUND, message)
        .with_help("list the dead letters; this one may have been replayed or removed")
}

pub(super) fn held_by_another(id: &str) -> Error {
    let message = format!("somebody else is changing dead letter `{id}`");
    Error::new(Category::Engine, code::RUN_BUSY, message).retryable()
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn as_text<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

#[allow(clippy::trivially_copy_pass_by_ref, clippy::ref_option)]
fn as_maybe_text<S: serde::Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => to.collect_str(at),
        None => to.serialize_none(),
    }
}
