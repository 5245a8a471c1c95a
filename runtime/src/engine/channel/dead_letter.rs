//! Making dead letters: each is a message of a queue of its own, and told on its channel.
//!
//! The body is what was published, byte by byte; why it was given up is in the headers.

use serde_json::json;

use super::super::core::Core;
use super::publish::notice;
use super::receive::{Hold, Taken};
use super::slip::{Failure, Slip};
use super::table::Table;
use crate::error::Error;
use crate::port::{NewMessage, Priority, Publication, Timestamp};
use crate::routing::{ChannelName, Envelope};

/// The channels that have had dead letters.
pub(super) const NAMESPACE: &str = "ossa.dead-letters";
/// Who tells of dead letters.
const SOURCE: &str = "ossa";
/// Names of queues are shorter than those of channels.
const LONGEST_QUEUE: usize = 120;

/// The queue of the dead letters of a channel.
pub(super) fn queue_of(channel: &str) -> String {
    let name = format!("dlq:{channel}");
    if name.len() <= LONGEST_QUEUE {
        return name;
    }
    let checksum = format!("-{:08x}", crc32c::crc32c(channel.as_bytes()));
    let kept = name.get(..LONGEST_QUEUE - checksum.len()).unwrap_or(&name);
    format!("{kept}{checksum}")
}

impl Core {
    /// The dead letter that a slip with a failure says, and what is told about it.
    pub(super) fn dead_letter(
        &self,
        table: &Table,
        slip: &Slip,
        body: &[u8],
        priority: Priority,
        now: Timestamp,
    ) -> Result<(NewMessage, Option<Publication>), Error> {
        let failure = slip.failure.as_ref();
        let channel = failure.map_or(slip.channel.as_str(), |it| it.channel.as_str());
        self.note_dead_letters(channel)?;
        let message = NewMessage {
            queue: queue_of(channel),
            priority,
            available_at: now,
            body: body.to_vec(),
            headers: slip.to_headers(),
            step: None,
        };
        let id = format!("{}:{}", slip.message, slip.subscriber);
        Ok((message, self.told(table, slip, body, id, now)))
    }

    /// Moves a delivery that was given up to the dead letters.
    pub(super) fn move_to_dead_letters(
        &self,
        table: &Table,
        slip: &Slip,
        taken: &Taken,
        now: Timestamp,
    ) -> Result<(), Error> {
        let backend = self.backend()?;
        let (message, _) = self.dead_letter(table, slip, &taken.body, taken.priority, now)?;
        match &taken.hold {
            Hold::Queue(receipt) => {
                let id = format!("{}:{}:{}", slip.message, receipt.id, receipt.fence);
                let told = self.told(table, slip, &taken.body, id, now);
                backend.append(told.as_slice(), now)?;
                let receipts = std::slice::from_ref(receipt);
                backend.reject(receipts, &message.queue, Some(&message.headers), now)?;
            }
            Hold::Stream { position, fence } => {
                // In one transaction, and once however often it is repeated.
                let id = format!("{}:{}:{fence}", slip.message, slip.subscriber);
                let mut told = self
                    .told(table, slip, &taken.body, id.clone(), now)
                    .unwrap_or_else(|| unrouted(slip, id));
                told.deliver.push(message);
                backend.append(&[told], now)?;
                self.change_follower(&slip.subscriber, |it| it.done(*position, *fence))?;
            }
            Hold::Done => {}
        }
        Ok(())
    }

    /// What is published on the channel of dead letters about one, with its deliveries.
    fn told(
        &self,
        table: &Table,
        slip: &Slip,
        body: &[u8],
        id: String,
        now: Timestamp,
    ) -> Option<Publication> {
        let failure = slip.failure.as_ref()?;
        let channel = ChannelName::parse(&failure.channel).ok()?;
        let payload = notice(slip, failure, body);
        let mut envelope = Envelope::new(id, channel, SOURCE, now, payload);
        envelope.kind = Some("DeadLetter".to_owned());
        let text = std::str::from_utf8(body).ok();
        if let Some(cause) = text.and_then(|text| Envelope::from_json(text, now).ok()) {
            envelope.caused_by(&cause);
        }
        let ready = self.ready(table, envelope, now).ok()?;
        Some(ready.publication)
    }

    /// Remembers that a channel has had dead letters.
    fn note_dead_letters(&self, channel: &str) -> Result<(), Error> {
        if self.channels.has_dead_letters(channel) {
            return Ok(());
        }
        self.put_record(NAMESPACE, channel, &json!({}), None)?;
        if !self.backend()?.is_provisional() {
            self.channels.note_dead_letters(channel);
        }
        Ok(())
    }
}

/// A record without a content of its own: that of the dead letter is too large to be told.
fn unrouted(slip: &Slip, id: String) -> Publication {
    let channel = slip.failure.as_ref().map(|it: &Failure| it.channel.clone());
    Publication {
        channel: channel.unwrap_or_else(|| slip.channel.clone()),
        source: SOURCE.to_owned(),
        id,
        expires_at: None,
        body: b"{}".to_vec(),
        deliver: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_of_dead_letters_have_names_of_queues_and_are_apart() {
        assert_eq!(queue_of("security.dlq"), "dlq:security.dlq");
        let (one, two) = ("a".repeat(250), format!("{}b", "a".repeat(249)));
        assert!(queue_of(&one).len() <= LONGEST_QUEUE);
        assert_ne!(queue_of(&one), queue_of(&two));
    }
}
