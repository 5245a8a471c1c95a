//! Ordinary messages and the key-value space: the store's own, with names checked and errors of the right category.

use std::time::Duration;

use serde_json::Value;

use super::Engine;
use super::options::check_queue;
use crate::error::{Category, Error, code};
use crate::port::{
    Delivery, Finding, KvEntry, KvVersion, KvWrite, MessageId, NewMessage, Priority, QueueCounts,
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

impl Engine {
    /// Stores messages. Durable when it returns; all of them, or none.
    ///
    /// # Errors
    /// Category argument for a bad queue name; transport for what the store fails with.
    pub fn send(&self, messages: Vec<OutgoingMessage>) -> Result<Vec<MessageId>, Error> {
        let now = self.core().now();
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
        let backend = self.core().backend().map_err(transport)?;
        backend.publish(&published, now).map_err(transport)
    }

    /// How many messages a queue holds.
    ///
    /// # Errors
    /// Category argument for a bad queue name; transport for what the store fails with.
    pub fn count(&self, queue: &str) -> Result<QueueCounts, Error> {
        check_queue(queue)?;
        let core = self.core();
        let backend = core.backend().map_err(transport)?;
        backend.count(queue, core.now()).map_err(transport)
    }

    /// Messages of a queue in the order they were sent, claimed or not, without claiming them.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    pub fn messages(&self, queue: &str, limit: usize) -> Result<Vec<Delivery>, Error> {
        check_queue(queue)?;
        let backend = self.core().backend().map_err(transport)?;
        backend.list_messages(queue, limit).map_err(transport)
    }

    /// One message of a queue, without claiming it.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    pub fn message(&self, queue: &str, id: &MessageId) -> Result<Option<Delivery>, Error> {
        check_queue(queue)?;
        let backend = self.core().backend().map_err(transport)?;
        backend.find_message(queue, id).map_err(transport)
    }

    /// What keeps the store from its promise although it works: settings that lose data in a power cut, and the like.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn findings(&self) -> Result<Vec<Finding>, Error> {
        Ok(self.core().backend()?.findings()?)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn kv_get(&self, namespace: &str, key: &str) -> Result<Option<KvEntry>, Error> {
        check_key(namespace, key)?;
        let core = self.core();
        Ok(core.backend()?.kv_get(namespace, key, core.now())?)
    }

    /// Writes a value, or deletes the key when there is none. `expected` is the version it must have (0 = absent);
    /// `None` is answered when it has another, and nothing is changed. The answer to a delete is version 0.
    ///
    /// # Errors
    /// Category argument for an empty or overlong name; what the store fails with.
    pub fn kv_write(
        &self,
        namespace: &str,
        key: &str,
        value: Option<Value>,
        ttl: Option<Duration>,
        expected: Option<KvVersion>,
    ) -> Result<Option<KvVersion>, Error> {
        check_key(namespace, key)?;
        let core = self.core();
        let now = core.now();
        let write = KvWrite {
            namespace: namespace.to_owned(),
            key: key.to_owned(),
            value,
            expires_at: ttl.map(|ttl| now.after(ttl)),
            expected,
        };
        Ok(core.backend()?.kv_write(&write, now)?)
    }

    /// Removes a key; `false` when it was not there.
    ///
    /// # Errors
    /// As [`kv_write`](Self::kv_write).
    pub fn kv_delete(&self, namespace: &str, key: &str) -> Result<bool, Error> {
        while let Some(entry) = self.kv_get(namespace, key)? {
            let removed = self.kv_write(namespace, key, None, None, Some(entry.version))?;
            if removed.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Keys that start with `prefix`, sorted, at most `limit`.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn kv_keys(
        &self,
        namespace: &str,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        let core = self.core();
        Ok(core
            .backend()?
            .kv_keys(namespace, prefix, core.now(), limit)?)
    }
}

fn check_key(namespace: &str, key: &str) -> Result<(), Error> {
    const LONGEST: usize = 512;
    for (what, name) in [("namespace", namespace), ("key", key)] {
        if name.is_empty() || name.len() > LONGEST {
            let message = format!("the {what} has {} bytes", name.len());
            return Err(Error::new(Category::Argument, code::BAD_ARGUMENT, message)
                .with_help(format!("use 1 to {LONGEST} bytes")));
        }
    }
    Ok(())
}

fn transport(error: impl Into<Error>) -> Error {
    error.into().in_category(Category::Transport)
}
