//! Queues at the broker, made when they are first used.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind, Queue, Result};

/// So long may a message be held: without it a broker ends the channel of a worker that has been busy for half an hour.
/// Brokers older than 3.12 know only their own setting, `consumer_timeout`.
const LONGEST_HANDLER: Duration = Duration::from_secs(7 * 86_400);
/// Brokers from 4.0 on drop a message that came back twenty times, unless told otherwise. Ours are counted by the consumer.
const RETURNS: i64 = 1_000_000_000;

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn millis(duration: Duration) -> AMQPValue {
    AMQPValue::LongLongInt(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments
}

/// Makes the queue if it is not there yet.
pub(super) async fn declare(channel: &Channel, name: &str) -> Result<Queue> {
    let mut arguments = quorum();
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(RETURNS));
    arguments.insert("x-consumer-timeout".into(), millis(LONGEST_HANDLER));
    channel
        .queue_declare(name.into(), QueueDeclareOptions::durable(), arguments)
        .await
}

/// Makes a queue of this name, and an exchange in front of it, out of which messages go on to the queue that they are
/// addressed to once they have waited. The broker removes them when that queue has them, not before.
pub(super) async fn declare_delay(channel: &Channel, name: &str, wait: u32) -> Result<()> {
    let mut arguments = quorum();
    arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(wait.into()));
    arguments.insert("x-dead-letter-exchange".into(), text(""));
    arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    let exchange = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    channel
        .exchange_declare(
            name.into(),
            ExchangeKind::Fanout,
            exchange,
            FieldTable::default(),
        )
        .await?;
    channel
        .queue_declare(name.into(), QueueDeclareOptions::durable(), arguments)
        .await?;
    channel
        .queue_bind(
            name.into(),
            name.into(),
            "".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
}

/// How many messages a queue has for the taking; `None` when it is not there. The channel is of no use afterwards.
pub(super) async fn peek(channel: &Channel, name: &str) -> Option<u64> {
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let queue = channel
        .queue_declare(name.into(), passive, FieldTable::default())
        .await;
    queue.ok().map(|queue| queue.message_count().into())
}
