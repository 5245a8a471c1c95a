//! Messages as the broker keeps them: the body as it is, the rest in properties and headers.

use lapin::BasicProperties;
use lapin::message::Delivery as Arrival;
use lapin::types::{AMQPValue, FieldTable, LongString};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::port::{MessageId, NewMessage, Priority, Timestamp};

const HEADERS: &str = "ossa-headers";
/// Set when the headers are the beginning of the body: how many bytes of it.
const HEADERS_IN_BODY: &str = "ossa-headers-in-body";
const PUBLISHED: &str = "ossa-published-ms";
/// When it is due, by the clock of whoever published it.
const DUE: &str = "ossa-due-ms";
const CLAIMS: &str = "ossa-claims";
const LOSSES: &str = "ossa-losses";
/// Which queue a dead letter comes from.
const REJECTED_FROM: &str = "ossa-rejected-from";
/// Counted by quorum queues: how often it came back from a channel that ended.
const RETURNS: &str = "x-delivery-count";

/// Headers of a message at the broker are one frame, of 128 KiB by default: longer ones go with the body.
const LONGEST_HEADERS: usize = 16 * 1024;
const PERSISTENT: u8 = 2;

/// A message in our hands.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: MessageId,
    pub(super) queue: String,
    pub(super) priority: Priority,
    pub(super) published_at: Timestamp,
    /// Not before, in milliseconds since 1970 by this machine's clock.
    pub(super) due: Option<i64>,
    /// How often it was claimed before.
    pub(super) claims: u64,
    /// How many of these claims were lost.
    pub(super) losses: u32,
    pub(super) rejected_from: Option<String>,
    pub(super) headers: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Message {
    /// A new one, with an id of its own.
    pub(super) fn new(message: &NewMessage, now: Timestamp, clock: i64) -> Self {
        let wait = message
            .available_at
            .as_millis()
            .saturating_sub(now.as_millis());
        Self {
            id: fresh_id(),
            queue: message.queue.clone(),
            priority: message.priority,
            published_at: now,
            due: (wait > 0).then(|| clock.saturating_add(wait)),
            claims: 0,
            losses: 0,
            rejected_from: None,
            headers: message.headers.clone(),
            body: message.body.clone(),
        }
    }

    /// How many milliseconds it still has to wait at `clock`.
    pub(super) fn remaining(&self, clock: i64) -> i64 {
        self.due.map_or(0, |due| due.saturating_sub(clock)).max(0)
    }

    pub(super) fn encode(&self) -> (BasicProperties, Vec<u8>) {
        let mut table = FieldTable::default();
        let mut insert = |name: &'static str, value| {
            table.insert(name.into(), value);
        };
        let mut body = Vec::new();
        if self.headers.len() > LONGEST_HEADERS {
            let length = i64::try_from(self.headers.len()).unwrap_or(i64::MAX);
            insert(HEADERS_IN_BODY, AMQPValue::LongLongInt(length));
            body.extend_from_slice(&self.headers);
        } else {
            let headers = LongString::from(self.headers.clone());
            insert(HEADERS, AMQPValue::LongString(headers));
        }
        body.extend_from_slice(&self.body);
        insert(
            PUBLISHED,
            AMQPValue::LongLongInt(self.published_at.as_millis()),
        );
        if let Some(due) = self.due {
            insert(DUE, AMQPValue::LongLongInt(due));
        }
        let count = |count: u64| AMQPValue::LongLongInt(i64::try_from(count).unwrap_or(i64::MAX));
        if self.claims > 0 {
            insert(CLAIMS, count(self.claims));
        }
        if self.losses > 0 {
            insert(LOSSES, count(self.losses.into()));
        }
        if let Some(queue) = &self.rejected_from {
            let queue = LongString::from(queue.as_bytes());
            insert(REJECTED_FROM, AMQPValue::LongString(queue));
        }
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_message_id(self.id.0.as_str().into())
            .with_headers(table);
        (properties, body)
    }

    /// What arrived from the part of `queue` for `priority`. One that another application published has its headers as a
    /// JSON object, as far as they are text.
    pub(super) fn decode(arrival: Arrival, queue: &str, priority: Priority) -> Self {
        let Arrival {
            properties, data, ..
        } = arrival;
        let empty = FieldTable::default();
        let table = properties.headers().as_ref().unwrap_or(&empty);
        let number = |name: &str| table.inner().get(name).and_then(integer);
        let count = |name| {
            number(name)
                .and_then(|it| u64::try_from(it).ok())
                .unwrap_or(0)
        };
        let returns = count(RETURNS);
        let losses = count(LOSSES).saturating_add(returns);
        let text = |name: &str| match table.inner().get(name) {
            Some(AMQPValue::LongString(text)) => Some(text.as_bytes().to_vec()),
            _ => None,
        };
        let mut body = data;
        let in_body = number(HEADERS_IN_BODY).and_then(|it| usize::try_from(it).ok());
        let headers = match in_body.filter(|length| *length <= body.len()) {
            Some(length) => {
                let rest = body.split_off(length);
                std::mem::replace(&mut body, rest)
            }
            None => text(HEADERS).unwrap_or_else(|| foreign(table)),
        };
        let id = properties.message_id().as_ref().map(ToString::to_string);
        Self {
            id: id
                .filter(|id| !id.is_empty())
                .map_or_else(fresh_id, MessageId),
            queue: queue.to_owned(),
            priority,
            published_at: Timestamp::from_millis(number(PUBLISHED).unwrap_or(0)),
            due: number(DUE),
            claims: count(CLAIMS).saturating_add(returns),
            losses: u32::try_from(losses).unwrap_or(u32::MAX),
            rejected_from: text(REJECTED_FROM)
                .map(|queue| String::from_utf8_lossy(&queue).into_owned()),
            headers,
            body,
        }
    }
}

fn fresh_id() -> MessageId {
    MessageId(Uuid::now_v7().to_string())
}

fn integer(value: &AMQPValue) -> Option<i64> {
    Some(match value {
        AMQPValue::ShortShortInt(it) => (*it).into(),
        AMQPValue::ShortShortUInt(it) => (*it).into(),
        AMQPValue::ShortInt(it) => (*it).into(),
        AMQPValue::ShortUInt(it) => (*it).into(),
        AMQPValue::LongInt(it) => (*it).into(),
        AMQPValue::LongUInt(it) => (*it).into(),
        AMQPValue::LongLongInt(it) => *it,
        _ => return None,
    })
}

fn foreign(table: &FieldTable) -> Vec<u8> {
    let texts = table.inner().iter().filter_map(|(name, value)| {
        let AMQPValue::LongString(text) = value else {
            return None;
        };
        let text = std::str::from_utf8(text.as_bytes()).ok()?;
        Some((name.to_string(), Value::from(text)))
    });
    let texts: Map<String, Value> = texts.collect();
    if texts.is_empty() {
        return Vec::new();
    }
    Value::Object(texts).to_string().into_bytes()
}
