//! `Ossa\Runtime\Channels`

#![allow(
    non_snake_case,
    reason = "parameters have PHP's names, for named arguments"
)]

use std::time::Duration;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::convert::FromZval as _;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendClassObject, ZendHashTable, Zval};
use ossa_runtime::engine::Engine;
use ossa_runtime::engine::channel::{Channels as Runtime, Failed, Published, ReceiveDeliveries};
use ossa_runtime::port::Timestamp;

use super::channel_delivery::ChannelDelivery;
use super::channel_options as read;
use super::engine_options::{count, run_id, step_error};
use crate::convert::argument::{Bytes, Table};
use crate::convert::{from_php, to_php};
use crate::error::{Answer, Fault};
use crate::process::Owned;

/// Channels of the engine's store.
#[php_class]
#[php(name = "Ossa\\Runtime\\Channels", flags = ClassFlags::Final)]
pub(crate) struct Channels(Owned<Runtime>);

impl Channels {
    pub(super) fn over(engine: &Engine) -> Self {
        Self(Owned::new(engine.channels()))
    }
}

#[php_impl]
impl Channels {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    #[php(defaults(options = Table::EMPTY))]
    fn publish(
        &self,
        channel: Bytes<'_>,
        payload: &Zval,
        source: Bytes<'_>,
        options: Table<'_>,
    ) -> Answer<ZBox<ZendHashTable>> {
        let payload = from_php::value(payload, "$payload")?;
        let (channel, source) = (channel.text("$channel")?, source.text("$source")?);
        let message = read::message(channel, source, payload, options)?;
        published(&self.0.get()?.publish(message)?)
    }

    fn publish_batch(&self, messages: Table<'_>) -> Answer<Vec<ZBox<ZendHashTable>>> {
        let mut batch = Vec::new();
        let mut entries = messages.get().map(ZendHashTable::iter);
        while let Some((_, entry)) = entries.as_mut().and_then(|entries| entries.next_zval()) {
            let message = Table::from_zval(entry.dereference())
                .ok_or_else(|| Fault::argument("each of $messages must be an array"))?;
            batch.push(read::batched(message)?);
        }
        let answers = self.0.get()?.publish_batch(batch).into_iter();
        let answers = answers.map(|answer| match answer {
            Ok(sent) => published(&sent),
            Err(error) => {
                let mut table = to_php::with_capacity(3);
                table.insert("error_code", error.code())?;
                table.insert("error", error.message())?;
                table.insert("violations", error.violations().to_vec())?;
                Ok(table)
            }
        });
        answers.collect()
    }

    #[php(defaults(channel = Bytes::from("")))]
    fn publish_envelope(
        &self,
        envelope: Bytes<'_>,
        channel: Bytes<'_>,
    ) -> Answer<ZBox<ZendHashTable>> {
        let channel = Some(channel.text("$channel")?).filter(|it| !it.is_empty());
        let sent = self
            .0
            .get()?
            .publish_envelope(envelope.as_slice(), channel)?;
        published(&sent)
    }

    fn subscribe(&self, subscriber: Table<'_>) -> Answer<()> {
        Ok(self.0.get()?.subscribe(&read::subscriber(subscriber)?)?)
    }

    fn unsubscribe(&self, name: Bytes<'_>) -> Answer<bool> {
        Ok(self.0.get()?.unsubscribe(name.text("$name")?)?)
    }

    fn subscribers(&self) -> Answer<ZBox<ZendHashTable>> {
        to_php::table_of(&read::views(&self.0.get()?.subscribers()?))
    }

    fn problems(&self) -> Answer<Vec<String>> {
        Ok(self.0.get()?.problems()?)
    }

    #[php(defaults(max = 1, waitMs = 0))]
    fn receive(
        &self,
        subscribers: Table<'_>,
        max: i64,
        waitMs: i64,
    ) -> Answer<Vec<ChannelDelivery>> {
        let request = ReceiveDeliveries {
            subscribers: read::texts(subscribers, "$subscribers")?,
            max: count(max, "$max")?,
            wait: Duration::from_millis(u64::try_from(waitMs).unwrap_or(0)),
        };
        let found = self.0.get()?.receive(&request)?;
        Ok(found.into_iter().map(ChannelDelivery::from).collect())
    }

    fn ack(&self, delivery: &ZendClassObject<ChannelDelivery>) -> Answer<()> {
        Ok(self.0.get()?.ack(delivery.delivered())?)
    }

    fn fail(
        &self,
        delivery: &ZendClassObject<ChannelDelivery>,
        error: Table<'_>,
    ) -> Answer<ZBox<ZendHashTable>> {
        let error = step_error("$error of Channels::fail()", error)?;
        let failed = self.0.get()?.fail(delivery.delivered(), &error)?;
        let mut table = to_php::with_capacity(4);
        let (outcome, at, channel, subscriber) = match failed {
            Failed::RetryAt(at) => ("retry", Some(at.as_millis()), None, None),
            Failed::DeadLetter(channel) => ("dead_letter", None, Some(channel), None),
            Failed::HandedOver(subscriber) => ("handed_over", None, None, Some(subscriber)),
            Failed::Dropped => ("dropped", None, None, None),
        };
        table.insert("outcome", outcome)?;
        table.insert("retry_at_ms", at)?;
        table.insert("dead_letter_channel", channel)?;
        table.insert("subscriber", subscriber)?;
        Ok(table)
    }

    #[php(defaults(delayMs = 0))]
    fn release(&self, delivery: &ZendClassObject<ChannelDelivery>, delayMs: i64) -> Answer<()> {
        let delay = Duration::from_millis(u64::try_from(delayMs).unwrap_or(0));
        Ok(self.0.get()?.release(delivery.delivered(), delay)?)
    }

    #[php(defaults(seconds = 30))]
    fn extend(&self, delivery: &ZendClassObject<ChannelDelivery>, seconds: i64) -> Answer<()> {
        let by = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        Ok(self.0.get()?.extend(delivery.delivered(), by)?)
    }

    fn receipts(&self, channel: Bytes<'_>, messageId: Bytes<'_>) -> Answer<ZBox<ZendHashTable>> {
        let (channel, id) = (channel.text("$channel")?, messageId.text("$messageId")?);
        to_php::table_of(&self.0.get()?.receipts(channel, id)?)
    }

    #[php(defaults(after = 0, limit = 100))]
    fn read(&self, pattern: Bytes<'_>, after: i64, limit: i64) -> Answer<ZBox<ZendHashTable>> {
        let (pattern, after) = (pattern.text("$pattern")?, read::position(after)?);
        let limit = count(limit, "$limit")?;
        read::records(self.0.get()?.read(pattern, after, limit)?)
    }

    #[php(defaults(limit = 10))]
    fn last(&self, pattern: Bytes<'_>, limit: i64) -> Answer<ZBox<ZendHashTable>> {
        let limit = count(limit, "$limit")?;
        read::records(self.0.get()?.last(pattern.text("$pattern")?, limit)?)
    }

    fn position_before(&self, timeMs: i64) -> Answer<u64> {
        let time = Timestamp::from_millis(timeMs);
        Ok(self.0.get()?.position_before(time)?)
    }

    #[php(defaults(after = 0))]
    fn seek(&self, subscriber: Bytes<'_>, after: i64) -> Answer<()> {
        let (name, after) = (subscriber.text("$subscriber")?, read::position(after)?);
        Ok(self.0.get()?.seek(name, after)?)
    }

    #[php(defaults(options = Table::EMPTY))]
    fn request(
        &self,
        caller: Bytes<'_>,
        target: Bytes<'_>,
        command: Bytes<'_>,
        input: &Zval,
        options: Table<'_>,
    ) -> Answer<String> {
        let input = from_php::value_or_empty_object(input, "$input")?;
        let (caller, target) = (caller.text("$caller")?, target.text("$target")?);
        let name = command.text("$command")?;
        let command = read::command((caller, target, name), input, options)?;
        Ok(self.0.get()?.request(command)?)
    }

    fn reply(&self, request: &ZendClassObject<ChannelDelivery>, output: &Zval) -> Answer<()> {
        let output = from_php::value_or_empty_object(output, "$output")?;
        Ok(self.0.get()?.reply(request.delivered(), Ok(output))?)
    }

    fn reply_error(
        &self,
        request: &ZendClassObject<ChannelDelivery>,
        error: Table<'_>,
    ) -> Answer<()> {
        let error = step_error("$error of Channels::replyError()", error)?;
        Ok(self.0.get()?.reply(request.delivered(), Err(error))?)
    }

    #[php(defaults(waitMs = 0))]
    fn answer(&self, requestId: Bytes<'_>, waitMs: i64) -> Answer<Option<ZBox<ZendHashTable>>> {
        let wait = Duration::from_millis(u64::try_from(waitMs).unwrap_or(0));
        let answer = self.0.get()?.answer(requestId.text("$requestId")?, wait)?;
        answer.as_ref().map(to_php::table_of).transpose()
    }

    #[php(defaults(filter = Table::EMPTY, limit = 1000))]
    fn run_events(
        &self,
        runId: Bytes<'_>,
        filter: Table<'_>,
        limit: i64,
    ) -> Answer<ZBox<ZendHashTable>> {
        let (run, filter) = (run_id(runId)?, read::event_filter(filter)?);
        let limit = count(limit, "$limit")?;
        to_php::table_of(&self.0.get()?.run_events(run, &filter, limit)?)
    }

    #[php(defaults(limit = 100_000))]
    fn prune(&self, limit: i64) -> Answer<ZBox<ZendHashTable>> {
        let trimmed = self.0.get()?.prune(count(limit, "$limit")?)?;
        let mut table = to_php::with_capacity(3);
        table.insert("messages", trimmed.messages)?;
        table.insert("expired_values", trimmed.expired_values)?;
        table.insert("dead_letters", trimmed.dead_letters)?;
        Ok(table)
    }
}

fn published(published: &Published) -> Answer<ZBox<ZendHashTable>> {
    let mut table = to_php::with_capacity(4);
    table.insert("id", published.id.as_str())?;
    table.insert("position", published.position)?;
    table.insert("is_new", published.is_new)?;
    let deliveries = u64::try_from(published.deliveries).unwrap_or(u64::MAX);
    table.insert("deliveries", deliveries)?;
    Ok(table)
}
