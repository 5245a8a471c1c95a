//! Publishing: on a connection of its own, which the broker may hold up while it lacks space; each message confirmed.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation};

use super::fault::away;
use super::link::{Backoff, Link};
use super::options::RabbitMqOptions;
use super::wire::Message;
use super::{names, topology};
use crate::port::StoreError;

const MANDATORY: BasicPublishOptions = BasicPublishOptions {
    mandatory: true,
    immediate: false,
};

/// So many are handed to the connection at once: its thread then writes them with few calls instead of one each.
const TOGETHER: usize = 100;

/// Publishes messages; connects when that is needed.
pub(super) struct Publisher {
    options: Arc<RabbitMqOptions>,
    open: Option<Open>,
    backoff: Backoff,
}

struct Open {
    link: Link,
    channel: Channel,
    /// Queues that are there.
    known: HashSet<String>,
    /// Whether the broker has taken a message.
    proven: bool,
}

/// Where a message goes at the broker.
struct Route {
    exchange: String,
    key: String,
    wait: Option<u32>,
}

impl Publisher {
    pub(super) fn new(options: Arc<RabbitMqOptions>) -> Self {
        Self {
            options,
            open: None,
            backoff: Backoff::default(),
        }
    }

    /// Returns when the broker has confirmed each message. After an error any of them may have been stored, or may yet be.
    pub(super) async fn publish(
        &mut self,
        operation: &'static str,
        messages: &[Message],
        clock: i64,
    ) -> Result<(), StoreError> {
        let done = self.try_publish(operation, messages, clock).await;
        let done = match done {
            // Somebody has deleted the queue since it was seen.
            Ok(Published::Unroutable) => {
                self.open = None;
                self.try_publish(operation, messages, clock).await
            }
            done => done,
        };
        match done {
            Ok(Published::Confirmed) => Ok(()),
            Ok(Published::Unroutable) => {
                self.open = None;
                Err(away(&self.options, operation, "no queue took the message"))
            }
            Err(error) => {
                // Confirms that are still to come are nobody's. While an alarm lasts the connection is kept all the same:
                // what another one is sent meanwhile would be one more copy when the alarm is over.
                self.open = self.open.take().filter(|open| open.link.alarm().is_some());
                Err(error)
            }
        }
    }

    async fn try_publish(
        &mut self,
        operation: &'static str,
        messages: &[Message],
        clock: i64,
    ) -> Result<Published, StoreError> {
        let routes: Vec<_> = messages
            .iter()
            .map(|message| route(&self.options.prefix, message, clock))
            .collect();
        let options = Arc::clone(&self.options);
        let open = self.opened().await?;
        if let Some(alarm) = open.link.alarm() {
            return Err(away(&options, operation, alarm));
        }
        for (message, route) in messages.iter().zip(&routes) {
            open.prepare(operation, &options, message, route).await?;
        }
        // A broker tells of an alarm only when it is sent a message, and takes that when the alarm is over: the first one
        // goes alone.
        let tried = usize::from(!open.proven);
        let mut published = Published::Confirmed;
        for part in [0..tried, tried..messages.len()] {
            let (Some(messages), Some(routes)) = (messages.get(part.clone()), routes.get(part))
            else {
                continue;
            };
            match open.publish(operation, &options, messages, routes).await? {
                Published::Confirmed => open.proven = true,
                Published::Unroutable => published = Published::Unroutable,
            }
        }
        Ok(published)
    }

    async fn opened(&mut self) -> Result<&mut Open, StoreError> {
        let up = |open: &Open| open.link.is_up() && open.channel.status().connected();
        let kept = self.open.take().filter(up);
        let open = match kept {
            Some(open) => open,
            None => {
                self.backoff.check()?;
                let connected = Open::connect(&self.options).await;
                self.backoff.note(connected)?
            }
        };
        Ok(self.open.insert(open))
    }

    pub(super) async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.link.close().await;
        }
    }
}

enum Published {
    Confirmed,
    /// One came back: its queue is not there.
    Unroutable,
}

impl Open {
    async fn connect(options: &Arc<RabbitMqOptions>) -> Result<Self, StoreError> {
        const OPERATION: &str = "connect";
        let link = Link::open(options, "publisher").await?;
        let channel = link.channel(OPERATION).await?;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        link.answer(OPERATION, confirms).await?;
        Ok(Self {
            link,
            channel,
            known: HashSet::new(),
            proven: false,
        })
    }

    /// Returns when the broker has answered for each message.
    async fn publish(
        &self,
        operation: &'static str,
        options: &RabbitMqOptions,
        messages: &[Message],
        routes: &[Route],
    ) -> Result<Published, StoreError> {
        let publishing = async {
            let mut confirms = Vec::with_capacity(messages.len());
            for (messages, routes) in messages.chunks(TOGETHER).zip(routes.chunks(TOGETHER)) {
                // Each is put behind the one before when it is first polled, which happens in their order.
                let sent = messages.iter().zip(routes).map(async |(message, route)| {
                    let (properties, body) = message.encode();
                    let (exchange, key) =
                        (route.exchange.as_str().into(), route.key.as_str().into());
                    let channel = &self.channel;
                    channel
                        .basic_publish(exchange, key, MANDATORY, &body, properties)
                        .await
                });
                for confirm in join_all(sent).await {
                    confirms.push(confirm?);
                }
            }
            join_all(confirms)
                .await
                .into_iter()
                .collect::<lapin::Result<Vec<_>>>()
        };
        let mut published = Published::Confirmed;
        for confirmation in self.link.answer(operation, publishing).await? {
            match confirmation {
                Confirmation::Ack(None) => {}
                Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => {
                    published = Published::Unroutable;
                }
                Confirmation::Nack(None) | Confirmation::NotRequested => {
                    return Err(away(options, operation, "it did not take the message"));
                }
            }
        }
        Ok(published)
    }

    /// Makes the queues that a message goes through, if they are not known to be there.
    async fn prepare(
        &mut self,
        operation: &'static str,
        options: &RabbitMqOptions,
        message: &Message,
        route: &Route,
    ) -> Result<(), StoreError> {
        let part = names::part(&options.prefix, &message.queue, message.priority);
        if !self.known.contains(&part) {
            self.link
                .answer(operation, topology::declare(&self.channel, &part))
                .await?;
            self.known.insert(part);
        }
        if let Some(wait) = route.wait
            && !self.known.contains(&route.exchange)
        {
            let declaring = topology::declare_delay(&self.channel, &route.exchange, wait);
            self.link.answer(operation, declaring).await?;
            self.known.insert(route.exchange.clone());
        }
        Ok(())
    }
}

fn route(prefix: &str, message: &Message, clock: i64) -> Route {
    let wait = names::next_delay(message.remaining(clock));
    Route {
        exchange: wait.map_or_else(String::new, |wait| {
            names::delay(prefix, &message.queue, wait)
        }),
        key: names::part(prefix, &message.queue, message.priority),
        wait,
    }
}
