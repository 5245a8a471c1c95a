//! Messages of the host's own, in the queues of an engine's store, or of a broker or store without an engine.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::core::Core;
use super::fallback::Fallback;
use super::lone_queue::LoneQueue;
use super::options::{EngineOptions, check_queue};
use crate::adapter;
use crate::error::{Category, Error};
use crate::port::{
    Clock, Delivery, Finding, MessageId, NewMessage, Priority, QueueCounts, StepRef, SystemClock,
};

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// The queue.
    pub queue: String,
    /// How urgent it is.
    pub priority: Priority,
    /// Not delivered before this long from now.
    pub delay: Duration,
    /// Opaque.
    pub body: Vec<u8>,
    /// Opaque.
    pub headers: Vec<u8>,
}

/// Settings of a [`MessageQueue`] without an engine; the defaults are an engine's.
#[derive(Clone)]
pub struct MessageQueueOptions {
    /// How long a claim holds without a heartbeat, where claims are leases.
    pub lease: Duration,
    /// So many lost claims make a message a dead letter, where its consumer has a place for them.
    pub max_losses: u32,
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
    /// Where messages go while the queue is away; `None` = nowhere: sending them fails.
    pub fallback: Option<Fallback>,
}

impl Default for MessageQueueOptions {
    fn default() -> Self {
        let EngineOptions {
            lease, max_losses, ..
        } = EngineOptions::default();
        Self {
            lease,
            max_losses,
            clock: Arc::new(SystemClock),
            fallback: None,
        }
    }
}

/// Where messages are sent to and counted, and a [`Consumer`](super::Consumer) takes them from. Clones share everything.
#[derive(Clone)]
pub struct MessageQueue(Arc<Core>);

impl MessageQueue {
    /// The queues of the broker or store that the DSN names, without an engine. Nothing is opened before it is needed.
    ///
    /// # Errors
    /// Category argument when an option is wrong. A wrong DSN shows at the first use; [`check`](Self::check) tells before.
    pub fn open(dsn: &str, options: MessageQueueOptions) -> Result<Self, Error> {
        let queue = LoneQueue::of_dsn(dsn, options.fallback);
        let options = EngineOptions {
            lease: options.lease,
            max_losses: options.max_losses,
            clock: options.clock,
            ..EngineOptions::default()
        };
        options.check()?;
        Ok(Self(Arc::new(Core::with_queue(queue, options))))
    }

    /// Looks whether the DSN of a broker or store can be used, as far as that can be told without connecting.
    ///
    /// # Errors
    /// Category transport, naming the part that is wrong.
    pub fn check(dsn: &str) -> Result<(), Error> {
        adapter::check_queue(dsn).map_err(transport)
    }

    /// The queues of an engine's store.
    #[must_use]
    pub fn of(engine: &Engine) -> Self {
        Self(Arc::clone(engine.core()))
    }

    /// Stores messages. Durable when it returns; all of them, or none. What a broker cannot take for now is stored in the
    /// fallback, where there is one.
    ///
    /// # Errors
    /// Category argument for a bad queue name; transport for what the queue fails with.
    pub fn send(&self, messages: Vec<OutgoingMessage>) -> Result<Vec<MessageId>, Error> {
        let now = self.0.now();
        let mut published = Vec::with_capacity(messages.len());
        for message in messages {
            check_queue(&message.queue)?;
            published.push(NewMessage {
                queue: message.queue,
                priority: message.priority,
                available_at: now.after(message.delay),
                body: message.body,
                headers: message.headers,
                step: None,
            });
        }
        self.0.publish(&published, now).map_err(transport)
    }

    /// Passes on what was sent while the broker was away and is kept in the fallback, as sending and consuming do by
    /// themselves; returns whether nothing is left. Nothing is where there is no fallback.
    ///
    /// # Errors
    /// Transport for what the fallback fails with, and for what the broker does not only for now.
    pub fn pass_on(&self) -> Result<bool, Error> {
        self.0.pass_on().map_err(transport)
    }

    /// How many messages a queue holds.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn count(&self, queue: &str) -> Result<QueueCounts, Error> {
        check_queue(queue)?;
        let queues = self.0.queue().map_err(transport)?;
        queues.count(queue, self.0.now()).map_err(transport)
    }

    /// Messages of a queue in the order they were sent, claimed or not, without claiming them: those after this one, which
    /// may be gone, or from the first.
    ///
    /// # Errors
    /// As [`send`](Self::send); `OSSA-N022` for the queue of a broker.
    pub fn list(
        &self,
        queue: &str,
        after: Option<&MessageId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Error> {
        check_queue(queue)?;
        let queues = self.0.browsable_queue().map_err(transport)?;
        let listed = queues.list_messages_after(queue, after, limit);
        listed.map_err(transport)
    }

    /// One message of a queue, without claiming it.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn find(&self, queue: &str, id: &MessageId) -> Result<Option<Delivery>, Error> {
        check_queue(queue)?;
        let queues = self.0.browsable_queue().map_err(transport)?;
        queues.find_message(queue, id).map_err(transport)
    }

    /// The token of an attempt, for a listed message that is a step item; `None` when no engine is behind the queue.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn token(&self, step: &StepRef) -> Result<Option<String>, Error> {
        if !self.0.has_store() {
            return Ok(None);
        }
        Ok(Some(self.0.opened()?.signer.sign(step)))
    }

    /// What keeps the queue from its promise although it works.
    ///
    /// # Errors
    /// Transport for what the queue fails with.
    pub fn findings(&self) -> Result<Vec<Finding>, Error> {
        let queue = self.0.queue().map_err(transport)?;
        queue.findings().map_err(transport)
    }

    /// Forgets the connection; the next call opens it again. One of an engine stays: the engine closes it.
    pub fn close(&self) {
        if !self.0.has_store() {
            self.0.close();
        }
    }

    /// Forgets the queue without touching anything, and leaks its memory: for the child of a fork, in which its threads
    /// do not exist and its connection is the parent's.
    pub fn abandon(self) {
        std::mem::forget(self);
    }

    pub(super) const fn core(&self) -> &Arc<Core> {
        &self.0
    }
}

impl fmt::Debug for MessageQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn transport(error: impl Into<Error>) -> Error {
    error.into().in_category(Category::Transport)
}
