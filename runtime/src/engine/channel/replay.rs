//! Delivering dead letters again.

use std::sync::Arc;

use serde_json::json;

use super::super::core::Core;
use super::super::manage::OrderedBy;
use super::dead_letters::{DeadLetter, DeadLetters, Replayed, held_by_another, record};
use super::publish::{CHANNEL_TARGET, channel_name};
use super::receive::Hold;
use super::slip::Slip;
use super::subscriber;
use crate::error::{Category, Error, code};
use crate::port::{NewMessage, Publication, Receipt};
use crate::routing::Envelope;

/// The channel that keeps a replay from being carried out twice.
const REPLAY_CHANNEL: &str = "ossa.replays";

impl DeadLetters {
    /// Delivers a message again, without its marks of failure: to the subscriber whose delivery had failed or, where it had
    /// got to nobody, to whoever takes it now.
    ///
    /// # Errors
    /// As [`edit`](Self::edit).
    pub fn replay(&self, id: &str, by: &OrderedBy) -> Result<Replayed, Error> {
        let core = &self.0;
        let now = core.now();
        let (_, receipt, letter, slip) = self.claim(id)?;
        let failed_at = slip.failure.as_ref().map_or(now, |it| it.at);
        // Repeated after a crash, it is the same replay.
        let once = format!("replay:{}:{}", receipt.id, failed_at.as_millis());
        let name = letter.subscriber.as_deref();
        let channel = name.and_then(|name| name.strip_prefix(CHANNEL_TARGET));
        let replayed = match (channel, letter.subscriber.clone()) {
            (Some(channel), _) => {
                self.forward_again(receipt, &letter, (channel, slip.transform), once)?
            }
            (None, Some(name)) => {
                core.forget_receipt(&slip.channel, &slip.message, &name)?;
                self.deliver_again(&name, receipt, &letter, slip, once)?;
                Replayed::Subscriber(name)
            }
            (None, None) => self.route_again(receipt, &letter, once)?,
        };
        self.note("replay", &letter, by, json!({}))?;
        if matches!(&replayed, Replayed::Subscriber(_)) {
            // What fails now is left to the next tick.
            let _ = core.start_delivered();
        }
        Ok(replayed)
    }

    /// Puts a message into the queue of its subscriber.
    fn deliver_again(
        &self,
        name: &str,
        receipt: Receipt,
        letter: &DeadLetter,
        slip: Slip,
        once: String,
    ) -> Result<(), Error> {
        let core = &self.0;
        let now = core.now();
        let fresh = Slip {
            failure: None,
            edits: Vec::new(),
            edited: None,
            position: None,
            // It was over then, and is wanted now.
            expires_at: None,
            ..slip
        };
        let queue = subscriber::queue_of(name);
        let headers = fresh.to_headers();
        let backend = core.backend()?;
        let Some(edited) = &letter.edited else {
            let moved = backend.reject(&[receipt], &queue, Some(&headers), now)?;
            return match moved.contains(&true) {
                true => Ok(()),
                false => Err(held_by_another(&letter.id)),
            };
        };
        let message = NewMessage {
            queue,
            priority: letter.priority,
            available_at: now,
            body: edited.clone(),
            headers,
            step: None,
        };
        let moved = Publication {
            channel: REPLAY_CHANNEL.to_owned(),
            ..record(once, json!({ "id": letter.id }), vec![message])
        };
        backend.append(&[moved], now)?;
        backend.ack(&[receipt])?;
        Ok(())
    }

    /// Routes a message that had got to nobody.
    fn route_again(
        &self,
        receipt: Receipt,
        letter: &DeadLetter,
        once: String,
    ) -> Result<Replayed, Error> {
        let core = &self.0;
        let body = letter.edited.as_ref().unwrap_or(&letter.original);
        let envelope = self.envelope(&receipt, letter)?;
        let table = core.table()?;
        let mut ready = core.ready(&table, envelope, core.now())?;
        ready.publication.id = once;
        ready.publication.body.clone_from(body);
        let published = core.append_each(vec![Ok(ready)]).pop();
        let deliveries = published.transpose()?.map_or(0, |it| it.deliveries);
        core.backend()?.ack(&[receipt])?;
        Ok(Replayed::Routed { deliveries })
    }

    /// Publishes on another channel what could not be made for it.
    fn forward_again(
        &self,
        receipt: Receipt,
        letter: &DeadLetter,
        (channel, transform): (&str, Option<String>),
        once: String,
    ) -> Result<Replayed, Error> {
        let core = &self.0;
        let (now, table) = (core.now(), core.table()?);
        let cause = self.envelope(&receipt, letter)?;
        let payload = match transform {
            None => Ok(Arc::clone(&cause.payload)),
            Some(transform) => core.transformed(&table, &transform, &cause, now),
        };
        let payload = payload.map_err(|(reason, message)| {
            core.give_back_quietly(&Hold::Queue(receipt.clone()));
            let message = format!(
                "dead letter `{}` fails again: {reason}: {message}",
                letter.id
            );
            Error::new(Category::Argument, code::BAD_ARGUMENT, message)
                .with_help("edit it or correct the rule, then replay it")
        })?;
        let mut envelope = Envelope {
            channel: channel_name(channel)?,
            payload,
            ..cause.clone()
        };
        envelope.caused_by(&cause);
        let mut ready = core.ready(&table, envelope, now)?;
        ready.publication.id = once;
        let published = core.append_each(vec![Ok(ready)]).pop();
        let deliveries = published.transpose()?.map_or(0, |it| it.deliveries);
        core.backend()?.ack(&[receipt])?;
        Ok(Replayed::Routed { deliveries })
    }

    /// What a replay publishes: without an end of its time to live, which was over then and is wanted now.
    fn envelope(&self, receipt: &Receipt, letter: &DeadLetter) -> Result<Envelope, Error> {
        let (core, now) = (&self.0, self.0.now());
        let body = letter.edited.as_ref().unwrap_or(&letter.original);
        let envelope = std::str::from_utf8(body)
            .map_err(|error| error.to_string())
            .and_then(|text| Envelope::from_json(text, now).map_err(|error| error.to_string()));
        let mut envelope = envelope.map_err(|error| {
            core.give_back_quietly(&Hold::Queue(receipt.clone()));
            let message = format!("dead letter `{}` is no envelope: {error}", letter.id);
            Error::new(Category::Argument, code::BAD_ARGUMENT, message)
                .with_help("edit it, then replay it")
        })?;
        envelope.metadata.ttl_seconds = None;
        Ok(envelope)
    }
}

impl Core {
    /// Makes a dead letter free again for others; if that fails, its lease does.
    fn give_back_quietly(&self, hold: &Hold) {
        if let (Hold::Queue(receipt), Ok(backend)) = (hold, self.backend()) {
            let now = self.now();
            let _ = backend.release(&[(receipt.clone(), now)], now);
        }
    }
}
