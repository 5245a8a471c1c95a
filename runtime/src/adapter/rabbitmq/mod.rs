//! RabbitMQ as a queue, without a store.
//!
//! Quorum queues, persistent messages, each publish confirmed. A release is a new copy, confirmed, and then an ack of the
//! old one, so a crash may double a message and cannot lose it. Two connections, made when they are needed: the broker
//! may hold up the one that publishes. Async code and its runtime end here.

mod fault;
mod hands;
mod intake;
mod link;
mod names;
mod options;
mod publisher;
mod queue;
mod topology;
mod wire;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex as Lock;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;
use tokio::time::{interval, timeout};

use hands::Hands;
use intake::Intake;
pub use options::RabbitMqOptions;
use publisher::Publisher;
use wire::Message;

use crate::port::{Clock as _, StoreError, SystemClock};

/// Messages that were brought and are not asked for within this time are given back: others may be idle.
const GIVE_BACK_AFTER: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Closing does not wait longer for a broker that does not answer.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Queues of a RabbitMQ broker.
pub struct RabbitMqQueue {
    inner: Arc<Inner>,
    /// `None` while it is dropped.
    runtime: Option<Runtime>,
}

/// What the calls and the background share.
struct Inner {
    options: Arc<RabbitMqOptions>,
    publisher: Mutex<Publisher>,
    intake: Mutex<Intake>,
    hands: Arc<Hands>,
    /// Queues of ours that were used: what the findings are about.
    used: Lock<BTreeSet<String>>,
    /// Queues at the broker that were found not to be there, and when.
    absent: Lock<HashMap<String, Instant>>,
}

impl RabbitMqQueue {
    /// Nothing is connected before it is needed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no thread can be started.
    pub fn open(options: RabbitMqOptions) -> Result<Self, StoreError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("ossa-rabbitmq")
            .enable_all()
            .build()
            .map_err(|error| StoreError::Unavailable {
                operation: "open",
                reason: format!("no thread can be started: {error}"),
            })?;
        let options = Arc::new(options);
        let hands = Arc::new(Hands::default());
        let inner = Arc::new(Inner {
            publisher: Mutex::new(Publisher::new(Arc::clone(&options))),
            intake: Mutex::new(Intake::new(Arc::clone(&options), Arc::clone(&hands))),
            options,
            hands,
            used: Lock::default(),
            absent: Lock::default(),
        });
        let weak = Arc::downgrade(&inner);
        runtime.spawn(async move {
            let mut looks = interval(LOOK_EVERY);
            loop {
                looks.tick().await;
                let Some(inner) = weak.upgrade() else { return };
                // What fails is tried again: until then the messages stay in our hands.
                let _ = inner.give_back_unasked().await;
            }
        });
        Ok(Self {
            inner,
            runtime: Some(runtime),
        })
    }

    fn run<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(call),
            None => Err(StoreError::Unavailable {
                operation: "connect",
                reason: "the queue is closed".to_owned(),
            }),
        }
    }
}

impl Inner {
    /// Gives back what was brought when nobody has asked for it for a while.
    async fn give_back_unasked(&self) -> Result<(), StoreError> {
        let due = |held: &hands::Held| held.idle_for().is_some_and(|idle| idle > GIVE_BACK_AFTER);
        if !due(&self.hands.lock()) {
            return Ok(());
        }
        let mut intake = self.intake.lock().await;
        // Somebody may have asked meanwhile.
        if !due(&self.hands.lock()) {
            return Ok(());
        }
        self.give_back(&mut intake).await
    }

    async fn give_back(&self, intake: &mut Intake) -> Result<(), StoreError> {
        let Some(open) = intake.current() else {
            return Ok(());
        };
        open.stop().await?;
        let unasked = self.hands.lock().take_buffered();
        if unasked.is_empty() {
            return Ok(());
        }
        let copies: Vec<_> = unasked.iter().map(|it| it.message.clone()).collect();
        if let Err(error) = self.publish("give back", &copies).await {
            let mut held = self.hands.lock();
            for arrived in unasked {
                let Message {
                    queue, priority, ..
                } = &arrived.message;
                let part = names::part(&self.options.prefix, queue, *priority);
                held.put_back(&part, arrived);
            }
            return Err(error);
        }
        let tags: Vec<_> = unasked.iter().map(|it| it.tag).collect();
        let acks = self.hands.lock().acks(&tags);
        open.ack(acks).await
    }

    async fn publish(
        &self,
        operation: &'static str,
        messages: &[Message],
    ) -> Result<(), StoreError> {
        let mut publisher = self.publisher.lock().await;
        publisher.publish(operation, messages, clock()).await?;
        // Queues for delays may have come into being.
        self.absent.lock().clear();
        Ok(())
    }

    async fn close(&self) {
        let mut intake = self.intake.lock().await;
        let _ = self.give_back(&mut intake).await;
        intake.close().await;
        self.publisher.lock().await.close().await;
    }
}

/// Milliseconds since 1970 by this machine's clock, which the broker's delays go by.
fn clock() -> i64 {
    SystemClock.now().as_millis()
}

impl Drop for RabbitMqQueue {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        let inner = Arc::clone(&self.inner);
        // What could not be given back in time comes again when the broker sees that we are gone.
        let _ = runtime.block_on(async move { timeout(CLOSE_WITHIN, inner.close()).await });
        runtime.shutdown_background();
    }
}

impl fmt::Debug for RabbitMqQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMqQueue")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}
