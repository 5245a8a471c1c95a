//! What is sent while a broker is away: kept in an engine's store, and passed on in its order once the broker is back.
//!
//! As long as something waits there, what is sent later waits behind it. One process passes on at a time.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;

use super::Engine;
use super::core::Core;
use super::lone_queue::LoneQueue;
use super::options::check_queue;
use crate::error::Error;
use crate::port::{
    Backend, Delivery, KvWrite, Lease, MessageId, NewMessage, Receive, StoreError, Timestamp,
};

/// Where messages go that a broker cannot take.
#[derive(Debug, Clone)]
pub struct Fallback {
    /// The engine in whose store they are kept.
    pub engine: Engine,
    /// Those for `mails` are kept in the queue `mails.fallback`, if this is `fallback`. Give two brokers two suffixes if a
    /// queue has the same name at both.
    pub suffix: String,
}

impl Fallback {
    /// With the usual suffix.
    #[must_use]
    pub fn to(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            suffix: "fallback".to_owned(),
        }
    }
}

/// Passed on in one go.
const BATCH: usize = 100;
/// For so long one process has the right to pass on; if it dies, others wait for it that long.
const TURN: Duration = Duration::from_secs(30);
/// That nothing waits is taken for granted for so long: another process may have begun to keep messages meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const TURNS: &str = "ossa.fallback";

/// The fallback of one queue without a store.
pub(super) struct Detour {
    fallback: Fallback,
    /// Queues that messages are sent to or taken from, and when nothing was found to wait for them.
    queues: Mutex<HashMap<String, Option<Instant>>>,
}

impl Detour {
    pub(super) fn new(fallback: Fallback) -> Self {
        Self {
            fallback,
            queues: Mutex::default(),
        }
    }

    /// Has messages passed on that wait for this queue, also if nobody sends any.
    pub(super) fn watch(&self, queue: &str) {
        let mut queues = self.queues.lock();
        queues.entry(queue.to_owned()).or_insert(None);
    }

    /// Whether only the host's thread may call the store.
    pub(super) fn is_thread_bound(&self) -> bool {
        self.core().is_thread_bound()
    }

    pub(super) fn publish(
        &self,
        broker: &LoneQueue,
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<Vec<MessageId>, Error> {
        let queues: BTreeSet<_> = messages.iter().map(|message| &message.queue).collect();
        for queue in queues {
            self.watch(queue);
            // What came before goes first.
            if !self.pass_on(broker, queue, now)? {
                return self.keep(messages, now);
            }
        }
        let published = broker
            .opened()
            .and_then(|broker| broker.queue().publish(messages, now));
        match published {
            Err(error) if error.is_retryable() => self.keep(messages, now),
            published => Ok(published?),
        }
    }

    /// Passes on what waits for any queue; returns whether nothing is left.
    pub(super) fn pass_on_all(&self, broker: &LoneQueue, now: Timestamp) -> Result<bool, Error> {
        let queues: Vec<_> = self.queues.lock().keys().cloned().collect();
        let mut empty = true;
        for queue in queues {
            empty &= self.pass_on(broker, &queue, now)?;
        }
        Ok(empty)
    }

    fn keep(&self, messages: &[NewMessage], now: Timestamp) -> Result<Vec<MessageId>, Error> {
        let kept: Vec<_> = messages
            .iter()
            .map(|message| NewMessage {
                queue: self.place_of(&message.queue),
                ..message.clone()
            })
            .collect();
        for message in &kept {
            check_queue(&message.queue)?;
        }
        let ids = self.store()?.publish(&kept, now)?;
        for message in messages {
            self.queues.lock().insert(message.queue.clone(), None);
        }
        Ok(ids)
    }

    /// Passes on what waits for a queue; returns whether nothing is left. That the broker is still away is no error.
    fn pass_on(&self, broker: &LoneQueue, queue: &str, now: Timestamp) -> Result<bool, Error> {
        let looked = self.queues.lock().get(queue).copied().flatten();
        if looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return Ok(true);
        }
        let store = self.store()?;
        let place = self.place_of(queue);
        let counts = store.count(&place, now)?;
        if counts.ready + counts.leased > 0 {
            let Some(turn) = Turn::take(&*store, self.core(), &place, now)? else {
                return Ok(false);
            };
            let passed = self.pass_on_in_turn(&*store, broker, queue, now);
            turn.give_up(now)?;
            if !passed? {
                return Ok(false);
            }
        }
        self.queues
            .lock()
            .insert(queue.to_owned(), Some(Instant::now()));
        Ok(true)
    }

    fn pass_on_in_turn(
        &self,
        store: &dyn Backend,
        broker: &LoneQueue,
        queue: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let place = self.place_of(queue);
        let began = Instant::now();
        let request = Receive {
            queues: vec![place.clone()],
            worker: self.core().worker.clone(),
            max: BATCH,
            eldest: 0,
            lease: Lease {
                now,
                duration: TURN,
            },
        };
        // What does not fit into the turn waits for the next one.
        while began.elapsed() < TURN / 3 {
            let waiting = store.receive(&request)?;
            if waiting.is_empty() {
                // Somebody may have died over the rest.
                return Ok(store.count(&place, now)?.leased == 0);
            }
            let messages: Vec<_> = waiting
                .iter()
                .map(|delivery| message(delivery, queue, now))
                .collect();
            let published = broker
                .opened()
                .and_then(|broker| broker.queue().publish(&messages, now));
            if let Err(error) = published {
                put_back(store, waiting, now)?;
                return if error.is_retryable() {
                    Ok(false)
                } else {
                    Err(error.into())
                };
            }
            let receipts: Vec<_> = waiting.into_iter().map(|it| it.receipt).collect();
            store.ack(&receipts)?;
        }
        Ok(false)
    }

    fn place_of(&self, queue: &str) -> String {
        format!("{queue}.{}", self.fallback.suffix)
    }

    fn core(&self) -> &Core {
        self.fallback.engine.core()
    }

    fn store(&self) -> Result<std::sync::Arc<dyn Backend>, Error> {
        self.core().backend()
    }
}

fn message(delivery: &Delivery, queue: &str, now: Timestamp) -> NewMessage {
    NewMessage {
        queue: queue.to_owned(),
        priority: delivery.priority,
        available_at: now,
        body: delivery.body.clone(),
        headers: delivery.headers.clone(),
        step: None,
    }
}

/// In front of all that was sent since: a message is visible since it was sent.
fn put_back(store: &dyn Backend, waiting: Vec<Delivery>, now: Timestamp) -> Result<(), StoreError> {
    let releases = waiting.into_iter().map(|it| (it.receipt, it.published_at));
    store.release(&releases.collect::<Vec<_>>(), now)?;
    Ok(())
}

/// The right to pass on what waits in one place, so that the order is kept.
struct Turn<'a> {
    store: &'a dyn Backend,
    write: KvWrite,
}

impl<'a> Turn<'a> {
    /// `None` when another process has it.
    fn take(
        store: &'a dyn Backend,
        core: &Core,
        place: &str,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let mut write = KvWrite {
            namespace: TURNS.to_owned(),
            key: place.to_owned(),
            value: Some(Value::from(core.worker.0.as_str())),
            expires_at: Some(now.after(TURN)),
            expected: Some(0),
        };
        let Some(version) = store.kv_write(&write, now)? else {
            return Ok(None);
        };
        write.value = None;
        write.expected = Some(version);
        Ok(Some(Self { store, write }))
    }

    fn give_up(self, now: Timestamp) -> Result<(), StoreError> {
        self.store.kv_write(&self.write, now)?;
        Ok(())
    }
}
