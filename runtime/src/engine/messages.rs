//! Ordinary messages and the key-value space of the engine's store.

use std::time::Duration;

use serde_json::Value;

use super::{Engine, MessageQueue, OutgoingMessage};
use crate::error::{Category, Error, code};
use crate::port::{Delivery, Finding, KvEntry, KvVersion, KvWrite, MessageId, QueueCounts};

impl Engine {
    /// The ordinary messages in the store's own queues.
    #[must_use]
    pub fn message_queue(&self) -> MessageQueue {
        MessageQueue::of(self)
    }

    /// As [`MessageQueue::send`].
    ///
    /// # Errors
    /// The same.
    pub fn send(&self, messages: Vec<OutgoingMessage>) -> Result<Vec<MessageId>, Error> {
        self.message_queue().send(messages)
    }

    /// As [`MessageQueue::count`].
    ///
    /// # Errors
    /// The same.
    pub fn count(&self, queue: &str) -> Result<QueueCounts, Error> {
        self.message_queue().count(queue)
    }

    /// As [`MessageQueue::list`].
    ///
    /// # Errors
    /// The same.
    pub fn messages(&self, queue: &str, limit: usize) -> Result<Vec<Delivery>, Error> {
        self.message_queue().list(queue, None, limit)
    }

    /// As [`MessageQueue::find`].
    ///
    /// # Errors
    /// The same.
    pub fn message(&self, queue: &str, id: &MessageId) -> Result<Option<Delivery>, Error> {
        self.message_queue().find(queue, id)
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
