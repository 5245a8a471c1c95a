//! Waiting for something new. A thread with a connection of its own listens from the first wait on: it always reads what
//! it is told, so that a process busy with something else never keeps the server from telling others.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_postgres::AsyncMessage;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::options::PostgresOptions;
use super::session::{channel, runtime};
use super::tls;
use crate::port::StoreError;

/// After a connection was lost, the next is tried after so long, then twice as long, up to the latter.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Changes {
    options: PostgresOptions,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    stop: Notify,
}

#[derive(Default)]
struct State {
    /// How often something may have changed; 0 is for those who have seen nothing.
    marker: u64,
    /// Whether the thread has found out once whether it can listen.
    settled: bool,
}

impl Changes {
    pub(super) fn new(options: PostgresOptions) -> Self {
        Self {
            options,
            shared: Arc::default(),
            thread: Mutex::default(),
        }
    }

    /// Says that something may have become visible. Other processes are told by the server.
    pub(super) fn announce(&self) {
        self.shared.bump();
    }

    /// Without a connection to listen on, waits all the same: whoever waits then looks for what is new.
    pub(super) fn wait(&self, seen: u64, bound: Duration) -> Result<u64, StoreError> {
        self.listen()?;
        let deadline = Instant::now().checked_add(bound);
        let settle_by = Instant::now() + self.options.connect_timeout;
        let mut state = self.shared.state.lock();
        // What is published before the connection listens is not heard of.
        while !state.settled && !self.shared.until(&mut state, Some(settle_by)) {}
        while state.marker == seen && !self.shared.until(&mut state, deadline) {}
        Ok(state.marker)
    }

    fn listen(&self) -> Result<(), StoreError> {
        let mut thread = self.thread.lock();
        if thread.is_some() {
            return Ok(());
        }
        let tls = tls::connector(&self.options)?;
        let (options, shared) = (self.options.clone(), Arc::clone(&self.shared));
        let started = thread::Builder::new()
            .name("ossa-listen".to_owned())
            .spawn(move || {
                if let Ok(runtime) = runtime() {
                    runtime.block_on(unless_stopped(
                        &shared,
                        keep_listening(&options, &tls, &shared),
                    ));
                }
            });
        *thread = Some(started.map_err(|error| StoreError::Unavailable {
            operation: "wait for a change",
            reason: error.to_string(),
        })?);
        Ok(())
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.shared.stop.notify_one();
        if let Some(thread) = self.thread.get_mut().take() {
            // It has nothing to tell but a panic of its own.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn bump(&self) {
        let mut state = self.state.lock();
        state.marker = state.marker.wrapping_add(1).max(1);
        state.settled = true;
        self.changed.notify_all();
    }

    /// Waits for a change of the state; `true` when it is too late.
    fn until(
        &self,
        state: &mut parking_lot::MutexGuard<'_, State>,
        deadline: Option<Instant>,
    ) -> bool {
        match deadline {
            Some(deadline) => self.changed.wait_until(state, deadline).timed_out(),
            None => {
                self.changed.wait(state);
                false
            }
        }
    }
}

async fn unless_stopped(shared: &Shared, work: impl Future<Output = ()>) {
    let mut work = pin!(work);
    let mut stop = pin!(shared.stop.notified());
    poll_fn(|context| match stop.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => work.as_mut().poll(context),
    })
    .await;
}

async fn keep_listening(options: &PostgresOptions, tls: &MakeRustlsConnect, shared: &Shared) {
    let mut pause = PAUSE;
    loop {
        let since = Instant::now();
        listen_once(options, tls, shared).await;
        // Whatever was announced meanwhile was not heard.
        shared.bump();
        pause = match since.elapsed() > LONGEST_PAUSE {
            true => PAUSE,
            false => pause.saturating_mul(2).min(LONGEST_PAUSE),
        };
        sleep(pause).await;
    }
}

/// Listens until the connection is lost.
async fn listen_once(options: &PostgresOptions, tls: &MakeRustlsConnect, shared: &Shared) {
    let connected = timeout(
        options.connect_timeout,
        options.config().connect(tls.clone()),
    )
    .await;
    let Ok(Ok((client, mut connection))) = connected else {
        return;
    };
    let listen = format!("LISTEN {}", channel(&options.schema));
    let mut listening = Some(Box::pin(async {
        client.batch_execute(&listen).await.is_ok()
    }));
    poll_fn(|context| {
        while let Poll::Ready(message) = connection.poll_message(context) {
            match message {
                Some(Ok(AsyncMessage::Notification(_))) => shared.bump(),
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return Poll::Ready(()),
            }
        }
        if let Some(answer) = listening.as_mut().map(Pin::as_mut)
            && let Poll::Ready(listens) = answer.poll(context)
        {
            listening = None;
            if !listens {
                return Poll::Ready(());
            }
            shared.bump();
            // The statement was sent by this; its connection has more to do.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
}
