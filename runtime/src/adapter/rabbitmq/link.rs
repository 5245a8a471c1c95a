//! A connection to the broker: made when it is needed, with pauses between tries that fail.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use lapin::{Channel, Connection, ConnectionProperties, Event};
use tokio::sync::watch;
use tokio::time::timeout;

use super::fault::{away, fault};
use super::options::RabbitMqOptions;
use crate::port::StoreError;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A connection and what the broker says about it.
pub(super) struct Link {
    options: Arc<RabbitMqOptions>,
    connection: Connection,
    /// Why the broker takes no messages, while it does not.
    blocked: watch::Receiver<Option<String>>,
}

impl Link {
    /// Connects. `use_of` is shown in the broker's list of connections.
    pub(super) async fn open(
        options: &Arc<RabbitMqOptions>,
        use_of: &str,
    ) -> Result<Self, StoreError> {
        const OPERATION: &str = "connect";
        let name = format!("ossa {use_of} {}", std::process::id());
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connecting = async {
            let runtime = lapin::runtime::default_runtime()?;
            let certificates = options.certificates();
            let certificates = match certificates {
                Ok(certificates) => certificates,
                Err(error) => return Ok(Err(error)),
            };
            Connection::connect_uri_with_config(options.uri(), properties, certificates, runtime)
                .await
                .map(Ok)
        };
        let connection = timeout(options.timeout, connecting)
            .await
            .map_err(|_| away(options, OPERATION, no_answer(options)))?
            .map_err(|error| fault(options, OPERATION, &error))??;
        let (told, blocked) = watch::channel(None);
        let mut events = connection.events_listener();
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                let reason = match event {
                    Event::ConnectionBlocked(reason) => Some(reason),
                    Event::ConnectionUnblocked => None,
                    _ => continue,
                };
                if told.send(reason).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            options: Arc::clone(options),
            connection,
            blocked,
        })
    }

    pub(super) async fn channel(&self, operation: &'static str) -> Result<Channel, StoreError> {
        self.answer(operation, self.connection.create_channel())
            .await
    }

    pub(super) fn is_up(&self) -> bool {
        self.connection.status().connected()
    }

    /// Why the broker takes no messages, while it does not. It tells only those that have sent one.
    pub(super) fn alarm(&self) -> Option<String> {
        self.blocked.borrow().as_deref().map(alarm)
    }

    /// Waits for the broker's answer: not for ever, and not while it takes nothing.
    pub(super) async fn answer<T>(
        &self,
        operation: &'static str,
        asked: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, StoreError> {
        let mut blocked = self.blocked.clone();
        let alarmed = async {
            let told = blocked.wait_for(Option::is_some).await;
            let told = told.map(|reason| reason.clone().unwrap_or_default());
            match told {
                Ok(reason) => reason,
                // Nobody is left to tell; the answer, or its absence, will.
                Err(_) => std::future::pending().await,
            }
        };
        let bounded = timeout(self.options.timeout, asked);
        tokio::select! {
            answer = bounded => match answer {
                Ok(answer) => answer.map_err(|error| fault(&self.options, operation, &error)),
                Err(_) => Err(away(&self.options, operation, no_answer(&self.options))),
            },
            reason = alarmed => {
                Err(away(&self.options, operation, alarm(&reason)))
            }
        }
    }

    pub(super) async fn close(&self) {
        let closing = self.connection.close(200, "done".into());
        // Whoever cannot be told will notice.
        let _ = timeout(self.options.timeout.min(Duration::from_secs(2)), closing).await;
    }
}

fn alarm(reason: &str) -> String {
    format!("it takes no messages until an alarm is over ({reason})")
}

fn no_answer(options: &RabbitMqOptions) -> String {
    format!("no answer within {} ms", options.timeout.as_millis())
}

/// Pauses between tries that fail.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failed: Option<(Instant, Duration, StoreError)>,
}

impl Backoff {
    /// Why the last try failed, when it is too early for the next.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match &self.failed {
            Some((at, pause, error)) if at.elapsed() < *pause => Err(error.clone()),
            _ => Ok(()),
        }
    }

    pub(super) fn note<T>(&mut self, tried: Result<T, StoreError>) -> Result<T, StoreError> {
        match &tried {
            Ok(_) => self.failed = None,
            Err(error) => {
                let pause = self
                    .failed
                    .as_ref()
                    .map_or(FIRST_PAUSE, |(_, pause, _)| *pause * 2);
                self.failed = Some((Instant::now(), pause.min(LONGEST_PAUSE), error.clone()));
            }
        }
        tried
    }
}
