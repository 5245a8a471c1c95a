//! Receiving: on a connection of its own, so that acks pass when the broker takes no messages.
//!
//! A claim is a delivery that is not acked, and lives as long as its channel. To a host that takes one message at a time
//! each is fetched; one that takes many has them brought to it; to one that waits a first one is brought, which wakes it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use lapin::Channel;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions,
};
use lapin::types::FieldTable;

use super::hands::{Ack, Arrived, Hands};
use super::link::{Backoff, Link};
use super::options::RabbitMqOptions;
use super::wire::Message;
use super::{names, topology};
use crate::port::{Priority, StoreError};

/// A queue at the broker: one queue of ours for one priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) queue: String,
    pub(super) priority: Priority,
    pub(super) name: String,
}

/// How messages are brought.
#[derive(Debug, Clone)]
struct Flow {
    tag: String,
    /// So many are in our hands at once.
    ahead: u16,
}

pub(super) struct Intake {
    options: Arc<RabbitMqOptions>,
    hands: Arc<Hands>,
    open: Option<Open>,
    backoff: Backoff,
}

pub(super) struct Open {
    pub(super) link: Link,
    hands: Arc<Hands>,
    channel: Channel,
    number: u64,
    known: HashSet<String>,
    /// By the name of the broker's queue.
    flows: HashMap<String, Flow>,
    flows_begun: u64,
}

impl Intake {
    pub(super) fn new(options: Arc<RabbitMqOptions>, hands: Arc<Hands>) -> Self {
        Self {
            options,
            hands,
            open: None,
            backoff: Backoff::default(),
        }
    }

    /// The channel if it is up. One that is not is forgotten, with all that came through it.
    pub(super) fn current(&mut self) -> Option<&mut Open> {
        if self.open.as_ref().is_some_and(|open| !open.is_up()) {
            self.lose();
        }
        self.open.as_mut()
    }

    /// The channel, made anew when it is not up.
    pub(super) async fn opened(&mut self) -> Result<&mut Open, StoreError> {
        self.current();
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                self.backoff.check()?;
                let connected = Open::connect(&self.options, &self.hands).await;
                self.backoff.note(connected)?
            }
        };
        Ok(self.open.insert(open))
    }

    /// Forgets the channel: the broker gives what came through it to somebody else.
    pub(super) fn lose(&mut self) {
        if let Some(open) = self.open.take() {
            self.hands.lose(open.number);
        }
    }

    pub(super) async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.hands.lose(open.number);
            open.link.close().await;
        }
    }
}

impl Open {
    async fn connect(
        options: &Arc<RabbitMqOptions>,
        hands: &Arc<Hands>,
    ) -> Result<Self, StoreError> {
        let link = Link::open(options, "consumer").await?;
        let channel = link.channel("connect").await?;
        let number = hands.lock().begin_anew();
        Ok(Self {
            link,
            hands: Arc::clone(hands),
            channel,
            number,
            known: HashSet::new(),
            flows: HashMap::new(),
            flows_begun: 0,
        })
    }

    fn is_up(&self) -> bool {
        self.link.is_up() && self.channel.status().connected()
    }

    /// Makes the queues that are not known to be there: on a channel of its own, since a refusal ends it.
    pub(super) async fn prepare(&mut self, parts: &[Part]) -> Result<(), StoreError> {
        const OPERATION: &str = "declare a queue";
        let unknown = |part: &&Part| !self.known.contains(&part.name);
        let unknown: Vec<_> = parts.iter().filter(unknown).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let channel = self.link.channel(OPERATION).await?;
        for part in unknown {
            let declared = topology::declare(&channel, &part.name);
            self.link.answer(OPERATION, declared).await?;
            self.known.insert(part.name.clone());
        }
        Ok(())
    }

    pub(super) fn is_brought(&self, part: &Part) -> bool {
        self.flows.contains_key(&part.name)
    }

    /// The next message of a queue.
    pub(super) async fn fetch(&mut self, part: &Part) -> Result<Option<Arrived>, StoreError> {
        let options = BasicGetOptions { no_ack: false };
        let getting = self.channel.basic_get(part.name.as_str().into(), options);
        let got = self.link.answer("receive", getting).await?;
        Ok(got.map(|got| {
            let tag = got.delivery.delivery_tag;
            self.hands.lock().fetched(tag);
            Arrived {
                tag,
                message: Message::decode(got.delivery, &part.queue, part.priority),
            }
        }))
    }

    /// Has messages brought, at least `ahead` at once from each queue.
    pub(super) async fn bring(&mut self, parts: &[Part], ahead: u16) -> Result<(), StoreError> {
        for part in parts {
            match self.flows.get(&part.name) {
                Some(flow) if flow.ahead >= ahead => continue,
                Some(_) => self.cancel(&part.name.clone()).await?,
                None => {}
            }
            self.begin(part, ahead).await?;
        }
        Ok(())
    }

    async fn begin(&mut self, part: &Part, ahead: u16) -> Result<(), StoreError> {
        const OPERATION: &str = "receive";
        self.flows_begun += 1;
        let tag = format!("ossa-{}-{}", std::process::id(), self.flows_begun);
        let limit = self.channel.basic_qos(ahead, BasicQosOptions::default());
        self.link.answer(OPERATION, limit).await?;
        let consuming = self.channel.basic_consume(
            part.name.as_str().into(),
            tag.as_str().into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let mut consumer = self.link.answer(OPERATION, consuming).await?;
        let (hands, part, number) = (Arc::clone(&self.hands), part.clone(), self.number);
        self.flows.insert(part.name.clone(), Flow { tag, ahead });
        tokio::spawn(async move {
            while let Some(Ok(delivery)) = consumer.next().await {
                let arrived = Arrived {
                    tag: delivery.delivery_tag,
                    message: Message::decode(delivery, &part.queue, part.priority),
                };
                hands.take_in(number, &part.name, arrived);
            }
            // Cancelled, or the channel has ended: the next call finds out which.
            let held = hands.lock();
            hands.announce(held);
        });
        Ok(())
    }

    /// Has no more brought than one from each queue.
    pub(super) async fn slow_down(&mut self) -> Result<(), StoreError> {
        let fast = self.flows.iter().filter(|(_, flow)| flow.ahead > 1);
        let fast: Vec<_> = fast.map(|(name, _)| name.clone()).collect();
        for name in fast {
            self.cancel(&name).await?;
        }
        Ok(())
    }

    /// Has nothing brought any more. What is on its way arrives all the same.
    pub(super) async fn stop(&mut self) -> Result<(), StoreError> {
        let names: Vec<_> = self.flows.keys().cloned().collect();
        for name in names {
            self.cancel(&name).await?;
        }
        Ok(())
    }

    async fn cancel(&mut self, name: &str) -> Result<(), StoreError> {
        let Some(flow) = self.flows.remove(name) else {
            return Ok(());
        };
        let tag = flow.tag.as_str().into();
        let cancelling = self
            .channel
            .basic_cancel(tag, BasicCancelOptions::default());
        self.link.answer("receive", cancelling).await
    }

    pub(super) async fn ack(&self, acks: Vec<Ack>) -> Result<(), StoreError> {
        let acking = async {
            let sent = acks.iter().map(|ack| {
                let multiple = ack.multiple;
                self.channel
                    .basic_ack(ack.tag, BasicAckOptions { multiple })
            });
            let sent = join_all(sent).await;
            sent.into_iter().collect::<lapin::Result<()>>()
        };
        self.link.answer("ack", acking).await
    }
}

/// The queues at the broker that these turns are at.
pub(super) fn parts<'a>(
    prefix: &str,
    turns: impl Iterator<Item = (Priority, &'a str)>,
) -> Vec<Part> {
    let parts = turns.map(|(priority, queue)| Part {
        queue: queue.to_owned(),
        priority,
        name: names::part(prefix, queue, priority),
    });
    parts.collect()
}
