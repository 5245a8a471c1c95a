//! `Ossa\Runtime\Transport`

#![allow(
    non_snake_case,
    reason = "parameters have PHP's names, for named arguments"
)]

use std::time::Duration;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::convert::FromZval as _;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendClassObject, ZendHashTable};
use ossa_runtime::engine::{
    Consumer, ConsumerOptions, Engine, Fallback, MessageQueue, MessageQueueOptions, OutgoingMessage,
};
use ossa_runtime::error::{Category, Error, code};
use ossa_runtime::port::MessageId;

use super::delivery::Delivery;
use super::engine_options::{count, lease, priority};
use crate::convert::argument::{Bytes, Table};
use crate::convert::options::Options;
use crate::convert::to_php;
use crate::error::{Answer, Fault};
use crate::fork;
use crate::process::Owned;

const OPTIONS: [&str; 5] = [
    "queue",
    "dead_letter_queue",
    "prefetch",
    "ack_bound",
    "lease_seconds",
];
const DEFAULT_QUEUE: &str = "default";

/// How long `flush()` may take.
const FLUSH_WITHIN: Duration = Duration::from_secs(5);

/// A queue as Messenger sees one: of the engine's store, or of a store or broker with a DSN of its own.
#[php_class]
#[php(name = "Ossa\\Runtime\\Transport", flags = ClassFlags::Final)]
pub(crate) struct Transport {
    handles: Owned<Handles>,
    queue: String,
}

struct Handles {
    consumer: Consumer,
    messages: MessageQueue,
}

impl Transport {
    pub(super) fn over(engine: &Engine, queue: &str, options: Table<'_>) -> Answer<Self> {
        let given = Options::read("options of Engine::transport()", options, &OPTIONS)?;
        Self::of(engine.message_queue(), queue, &given)
    }

    fn of(messages: MessageQueue, queue: &str, given: &Options<'_>) -> Answer<Self> {
        let queue = given.text("queue")?.unwrap_or(queue).to_owned();
        let mut options = ConsumerOptions::of_queue(queue.as_str());
        options.dead_letter_queue = given.text("dead_letter_queue")?.map(str::to_owned);
        options.lease = lease(given)?;
        if let Some(prefetch) = given.integer("prefetch", 1..=10_000)? {
            options.prefetch = usize::try_from(prefetch).unwrap_or(options.prefetch);
        }
        if let Some(bound) = given.integer("ack_bound", 1..=10_000)? {
            options.ack_bound = usize::try_from(bound).ok();
        }
        Ok(Self {
            handles: Owned::new(Handles {
                consumer: Consumer::of(&messages, options)?,
                messages,
            }),
            queue,
        })
    }

    fn outgoing(&self, message: Table<'_>) -> Answer<OutgoingMessage> {
        let given = Options::read(
            "a message of Transport::sendMany()",
            message,
            &["body", "headers", "delay_ms", "priority"],
        )?;
        let bytes = |text: Option<Bytes<'_>>| text.map(|it| it.as_slice().to_vec());
        Ok(OutgoingMessage {
            queue: self.queue.clone(),
            priority: priority(given.text("priority")?.unwrap_or("normal"))?,
            delay: Duration::from_millis(given.integer("delay_ms", 0..=u64::MAX)?.unwrap_or(0)),
            body: bytes(given.bytes("body")?).ok_or_else(|| given.refuse("body", "is missing"))?,
            headers: bytes(given.bytes("headers")?).unwrap_or_default(),
        })
    }
}

#[php_impl]
impl Transport {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    #[php(defaults(options = Table::EMPTY))]
    fn open(
        dsn: Bytes<'_>,
        options: Table<'_>,
        fallback: Option<&ZendClassObject<super::engine::Engine>>,
    ) -> Answer<Self> {
        fork::prepare();
        let known = [&OPTIONS[..], &["fallback_suffix"]].concat();
        let given = Options::read("options of Transport::open()", options, &known)?;
        let fallback = fallback.map(|engine| engine.runtime()).transpose()?;
        let fallback = fallback.map(|engine| {
            let fallback = Fallback::to(engine);
            Ok::<_, Fault>(match given.text("fallback_suffix")? {
                Some(suffix) => Fallback {
                    suffix: suffix.to_owned(),
                    ..fallback
                },
                None => fallback,
            })
        });
        let options = MessageQueueOptions {
            fallback: fallback.transpose()?,
            ..MessageQueueOptions::default()
        };
        let messages = MessageQueue::open(dsn.text("$dsn")?, options)?;
        Self::of(messages, DEFAULT_QUEUE, &given)
    }

    fn check(dsn: Bytes<'_>) -> Answer<()> {
        Ok(MessageQueue::check(dsn.text("$dsn")?)?)
    }

    #[php(defaults(headers = Bytes::from(""), delayMs = 0, priority = Bytes::from("normal")))]
    fn send(
        &self,
        body: Bytes<'_>,
        headers: Bytes<'_>,
        delayMs: i64,
        priority: Bytes<'_>,
    ) -> Answer<String> {
        let message = OutgoingMessage {
            queue: self.queue.clone(),
            priority: self::priority(priority.text("$priority")?)?,
            delay: Duration::from_millis(u64::try_from(delayMs).unwrap_or(0)),
            body: body.as_slice().to_vec(),
            headers: headers.as_slice().to_vec(),
        };
        let sent = self.handles.get()?.messages.send(vec![message])?;
        Ok(sent.into_iter().next().map(|id| id.0).unwrap_or_default())
    }

    fn sendMany(&self, messages: Table<'_>) -> Answer<Vec<String>> {
        let mut outgoing = Vec::new();
        let mut entries = messages.get().map(ZendHashTable::iter);
        while let Some((_, entry)) = entries.as_mut().and_then(|entries| entries.next_zval()) {
            let message = Table::from_zval(entry.dereference())
                .ok_or_else(|| Fault::argument("each of $messages must be an array".to_owned()))?;
            outgoing.push(self.outgoing(message)?);
        }
        let sent = self.handles.get()?.messages.send(outgoing)?;
        Ok(sent.into_iter().map(|id| id.0).collect())
    }

    #[php(defaults(max = 1, waitMs = 0))]
    fn receive(&self, max: i64, waitMs: i64) -> Answer<Vec<Delivery>> {
        let max = count(max, "$max")?;
        let wait = Duration::from_millis(u64::try_from(waitMs).unwrap_or(0));
        let received = self.handles.get()?.consumer.receive(max, wait)?;
        Ok(received.into_iter().map(Delivery::from).collect())
    }

    fn take(&self, id: Bytes<'_>) -> Answer<bool> {
        Ok(self.handles.get()?.consumer.take(&message_id(id)?)?)
    }

    fn ack(&self, id: Bytes<'_>) -> Answer<()> {
        self.handles.get()?.consumer.ack(&message_id(id)?)?;
        Ok(())
    }

    fn reject(&self, id: Bytes<'_>) -> Answer<()> {
        self.handles.get()?.consumer.reject(&message_id(id)?)?;
        Ok(())
    }

    #[php(defaults(delayMs = 0))]
    fn release(&self, id: Bytes<'_>, delayMs: i64) -> Answer<()> {
        let delay = Duration::from_millis(u64::try_from(delayMs).unwrap_or(0));
        self.handles
            .get()?
            .consumer
            .release(&message_id(id)?, delay)?;
        Ok(())
    }

    fn keepalive(&self, id: Bytes<'_>, seconds: Option<i64>) -> Answer<()> {
        let seconds = u64::try_from(seconds.unwrap_or(0)).unwrap_or(0);
        let consumer = &self.handles.get()?.consumer;
        Ok(consumer.keepalive(&message_id(id)?, Duration::from_secs(seconds))?)
    }

    fn count(&self) -> Answer<u64> {
        let counts = self.handles.get()?.messages.count(&self.queue)?;
        Ok(counts.ready.saturating_add(counts.delayed))
    }

    fn findings(&self) -> Answer<ZBox<ZendHashTable>> {
        to_php::table_of(&self.handles.get()?.messages.findings()?)
    }

    fn counts(&self) -> Answer<ZBox<ZendHashTable>> {
        let counts = self.handles.get()?.messages.count(&self.queue)?;
        let mut table = to_php::with_capacity(3);
        table.insert("ready", counts.ready)?;
        table.insert("delayed", counts.delayed)?;
        table.insert("leased", counts.leased)?;
        Ok(table)
    }

    fn isReady(&self) -> Answer<bool> {
        Ok(self.handles.get()?.consumer.is_ready()?)
    }

    fn all(&self, limit: Option<i64>, after: Option<Bytes<'_>>) -> Answer<Vec<Delivery>> {
        let limit = limit.map_or(Ok(usize::MAX), |limit| self::count(limit, "$limit"))?;
        let after = after
            .map(|after| Ok::<_, Fault>(MessageId(after.text("$after")?.to_owned())))
            .transpose()?;
        let messages = &self.handles.get()?.messages;
        let listed = messages.list(&self.queue, after.as_ref(), limit)?;
        listed
            .into_iter()
            .map(|message| Delivery::listed(messages, message))
            .collect()
    }

    fn find(&self, id: Bytes<'_>) -> Answer<Option<Delivery>> {
        let messages = &self.handles.get()?.messages;
        let found = messages.find(&self.queue, &message_id(id)?)?;
        found
            .map(|message| Delivery::listed(messages, message))
            .transpose()
    }

    fn setup(&self) -> Answer<()> {
        // Whatever reads the store creates it.
        self.handles.get()?.messages.count(&self.queue)?;
        Ok(())
    }

    fn flush(&self) -> Answer<()> {
        if self.handles.get()?.consumer.flush(FLUSH_WITHIN)? {
            return Ok(());
        }
        let message = format!(
            "pending acks were not written within {} s",
            FLUSH_WITHIN.as_secs()
        );
        Err(Error::new(Category::Transport, code::NOT_FLUSHED, message)
            .retryable()
            .into())
    }

    fn close(&self) -> Answer<()> {
        let Handles { consumer, messages } = self.handles.get()?;
        consumer.close();
        messages.close();
        Ok(())
    }
}

fn message_id(id: Bytes<'_>) -> Answer<MessageId> {
    Ok(MessageId(id.text("$id")?.to_owned()))
}
