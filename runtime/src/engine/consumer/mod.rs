//! A prefetching consumer of queues, for hosts that take one message after the other.
//!
//! One background thread, started with the first [`receive`](Consumer::receive), fetches ahead while handlers are fast,
//! writes acks as soon as it can, prolongs the lease of everything held, and calls [`tick`](super::Engine::tick). What
//! was fetched but not handed out is given back when a handler takes long, and on close. Nothing of the host's runs on
//! the thread.
//!
//! An engine [on this thread](super::Engine::on_this_thread) has no such thread: its consumer fetches no more than it is
//! asked for, writes acks at once, and prolongs leases and ticks within [`receive`](Consumer::receive); while the host is
//! busy, [`keepalive`](Consumer::keepalive) is what keeps a message.

mod held;
mod state;
mod thread;
mod trouble;
mod window;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use self::held::Holding;
use self::state::State;
use self::thread::{Running, Schedule};
use super::claim::Admitted;
use super::core::Core;
use super::options::{EngineOptions, check_queue};
use super::{Engine, MessageQueue, StepClaim, StepOutcome};
use crate::error::{Category, Error, code};
use crate::port::{ClaimAnswer, MessageId, Priority, Receive, Timestamp, WorkerId};
use crate::run::StepError;

/// Settings of a [`Consumer`].
#[derive(Debug, Clone)]
pub struct ConsumerOptions {
    /// Queues to take from.
    pub queues: Vec<String>,
    /// Where rejected messages go; `None` = they are removed.
    pub dead_letter_queue: Option<String>,
    /// At most so many messages are fetched ahead.
    pub prefetch: usize,
    /// At most so many messages are handled again when the process is killed: the one being handled, and those whose ack
    /// is not written yet. `None` = 1, unless handling takes less time than writing: then acks are written behind, in
    /// groups.
    pub ack_bound: Option<usize>,
    /// How long a claim holds without a heartbeat; `None` = the engine's.
    pub lease: Option<Duration>,
    /// How long a close or drop may wait for pending writes.
    pub close_within: Duration,
}

impl ConsumerOptions {
    /// Default settings for one queue.
    #[must_use]
    pub fn of_queue(queue: impl Into<String>) -> Self {
        Self {
            queues: vec![queue.into()],
            dead_letter_queue: None,
            prefetch: 100,
            ack_bound: None,
            lease: None,
            close_within: Duration::from_secs(2),
        }
    }
}

/// A message handed to the host.
#[derive(Debug, Clone)]
pub struct Received {
    /// Names it towards the consumer.
    pub id: MessageId,
    /// The queue it came from.
    pub queue: String,
    /// How urgent it is.
    pub priority: Priority,
    /// When it was published.
    pub published_at: Timestamp,
    /// The body as published.
    pub body: Vec<u8>,
    /// The headers as published.
    pub headers: Vec<u8>,
    /// Set when it is an attempt of a step; claimed already.
    pub step: Option<Arc<StepClaim>>,
}

/// What became of an ack or reject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acked {
    /// It is being written; until then the message stays claimed.
    Accepted,
    /// It is an attempt whose result is in: there is nothing left to remove.
    Settled,
    /// Nothing was done: the lease had run out, and the message is someone else's.
    LeaseLost,
    /// It is an attempt nobody reported a result of: it was made to fail, since dropping it would lose the run.
    FailedWithoutResult,
}

/// How the host is done with a message.
#[derive(Debug, Clone, Copy)]
enum End {
    Ack,
    Reject,
}

impl End {
    /// What becomes of an attempt that the host is done with without having reported a result.
    fn without_result(self) -> StepError {
        match self {
            Self::Ack => StepError::new(
                "NO_RESULT",
                "the worker acknowledged the step without reporting a result",
            ),
            Self::Reject => StepError::new(
                "REJECTED",
                "the worker rejected the step without reporting a result",
            ),
        }
    }
}

/// Takes messages from queues of an engine's store, or of a broker. See the [module](self) for what it does in the background.
pub struct Consumer {
    shared: Arc<Shared>,
    service: Service,
}

/// Who does what is to be done besides handing out messages.
enum Service {
    /// A thread, once started.
    Thread(Mutex<Option<Running>>),
    /// The host's calls, as only they may reach the store.
    Calls(Mutex<Schedule>),
}

/// What the consumer and its thread share.
struct Shared {
    core: Arc<Core>,
    options: ConsumerOptions,
    worker: WorkerId,
    lease: Duration,
    state: Mutex<State>,
    /// Something for the thread to do.
    work: Condvar,
    /// The thread has done something the host may wait for.
    done: Condvar,
}

/// Longest wait of one [`Consumer::receive`]: hosts look at their limits and signals in between.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Delayed messages and expired leases announce themselves to nobody: look for them this often while waiting.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Kinds of things to be done besides: each at most once in a row, so that none keeps the host waiting.
const DUTIES: usize = 3;

impl Consumer {
    /// A consumer; nothing is read or started yet.
    ///
    /// # Errors
    /// Category argument when a queue's name, the lease or the prefetch is out of range.
    pub fn new(engine: &Engine, options: ConsumerOptions) -> Result<Self, Error> {
        Self::over(engine.core(), options)
    }

    /// A consumer of messages: of an engine's queue, or of one without an engine.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of(messages: &MessageQueue, options: ConsumerOptions) -> Result<Self, Error> {
        Self::over(messages.core(), options)
    }

    fn over(core: &Arc<Core>, options: ConsumerOptions) -> Result<Self, Error> {
        if options.queues.is_empty() {
            return Err(argument("a consumer needs a queue"));
        }
        let dead_letters = options.dead_letter_queue.iter();
        for queue in options.queues.iter().chain(dead_letters) {
            check_queue(queue)?;
        }
        if !(1..=10_000).contains(&options.prefetch) {
            return Err(argument("`prefetch` must be 1 to 10000"));
        }
        if options.ack_bound == Some(0) {
            return Err(argument("`ack_bound` must be at least 1"));
        }
        for queue in &options.queues {
            core.watch(queue);
        }
        let lease = options.lease.unwrap_or(core.options.lease);
        if lease < EngineOptions::MIN_LEASE {
            return Err(argument("the lease must be at least 1 second"));
        }
        let bound = core.is_thread_bound();
        // What is fetched ahead would have nobody to keep its lease while the host is busy.
        let prefetch = if bound { 1 } else { options.prefetch };
        let shared = Arc::new(Shared {
            core: Arc::clone(core),
            worker: core.worker.clone(),
            lease,
            state: Mutex::new(State::new(prefetch, lease)),
            work: Condvar::new(),
            done: Condvar::new(),
            options,
        });
        let service = if bound {
            Service::Calls(Mutex::new(Schedule::of(&shared)))
        } else {
            Service::Thread(Mutex::new(None))
        };
        Ok(Self { shared, service })
    }

    /// Up to `max` messages. Waits up to `wait` (at most 1 s) while there is none, and wakes when one arrives.
    ///
    /// # Errors
    /// What the store failed with, in this call or in the background since the last one: at once when a repetition will
    /// not mend it, else when it has gone on for as long as a lease; until then there are just no messages. Messages
    /// are not lost by it.
    pub fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        self.ensure_service()?;
        let shared = &*self.shared;
        let max = max.max(1);
        let now = Instant::now();
        let until = now + wait.min(LONGEST_WAIT);
        // Those who do not want to wait for messages to arrive do wait for those being fetched, within bounds.
        let fetched_by = if wait.is_zero() {
            now + LONGEST_WAIT
        } else {
            until
        };
        let mut state = shared.state.lock();
        state.window.returned(now);
        loop {
            self.serve(&mut state);
            if let Some(error) = state.troubles.take() {
                return Err(error);
            }
            if state.lags(shared.options.ack_bound) {
                if Instant::now() >= fetched_by {
                    return Ok(Vec::new());
                }
                shared.catch_up(&mut state);
                continue;
            }
            let taken = state.take(max);
            if !taken.is_empty() {
                let received = shared.hand_out(&mut state, taken);
                if state.wants_refill() {
                    shared.work.notify_one();
                }
                if !received.is_empty() {
                    return Ok(received);
                }
                continue;
            }
            if state.fetching {
                if Instant::now() >= fetched_by {
                    return Ok(Vec::new());
                }
                // The thread is at it: its answer is nearer than one of our own.
                shared.done.wait_for(&mut state, LOOK_EVERY);
                continue;
            }
            let seen = state.seen;
            let pause = shared.fetch(&mut state, max);
            if state.has_messages() || state.troubles.has_untold() {
                continue;
            }
            let remaining = until.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                return Ok(Vec::new());
            }
            match pause {
                Some(pause) => {
                    shared.done.wait_for(&mut state, remaining.min(pause));
                }
                None => shared.await_change(&mut state, seen, remaining.min(LOOK_EVERY)),
            }
        }
    }

    /// Whether [`receive`](Self::receive) would have a message at once. Takes no longer however many there are.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn is_ready(&self) -> Result<bool, Error> {
        let shared = &*self.shared;
        if shared.state.lock().has_messages() {
            return Ok(true);
        }
        let queues = &shared.options.queues;
        let visible = shared.core.queue()?.has_visible(queues, shared.core.now());
        visible.map_err(transport)
    }

    /// Removes a message for good. Returns at once: it is written before another message is handed out, or together with
    /// others; see [`ConsumerOptions::ack_bound`].
    ///
    /// For an attempt of a step, its result is what removes it; see [`Acked`].
    ///
    /// # Errors
    /// `OSSA-N011` when this consumer does not hold the message.
    pub fn ack(&self, id: &MessageId) -> Result<Acked, Error> {
        self.end(id, End::Ack)
    }

    /// Moves a message into the dead-letter queue, or removes it when there is none. As [`ack`](Self::ack) otherwise.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    pub fn reject(&self, id: &MessageId) -> Result<Acked, Error> {
        self.end(id, End::Reject)
    }

    fn end(&self, id: &MessageId, end: End) -> Result<Acked, Error> {
        let shared = &*self.shared;
        let taken = shared.state.lock().take_back(id);
        let (receipt, held) = taken.ok_or_else(|| not_held(id))?;
        match shared.holding(&receipt, held) {
            Holding::Message => {
                self.ensure_service()?;
                let mut state = shared.state.lock();
                match end {
                    End::Ack => state.ack(receipt),
                    End::Reject => state.reject(receipt),
                }
                self.serve(&mut state);
                shared.work.notify_one();
                Ok(Acked::Accepted)
            }
            Holding::Lost => Ok(Acked::LeaseLost),
            Holding::Settled => Ok(Acked::Settled),
            Holding::Attempt(step) => {
                let error = end.without_result();
                shared.core.report(step, StepOutcome::Failure(error))?;
                Ok(Acked::FailedWithoutResult)
            }
        }
    }

    /// Claims one particular message, found by its id, as if it had been received: it can then be acked, rejected,
    /// released or kept alive. `false` when it is gone, held by someone else, or an attempt of a step.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn take(&self, id: &MessageId) -> Result<bool, Error> {
        let shared = &*self.shared;
        if shared.state.lock().held.contains_key(id) {
            return Ok(true);
        }
        // For the lease to be kept.
        self.ensure_service()?;
        let messages = shared.core.browsable_queue()?;
        for queue in &shared.options.queues {
            let answer = messages.claim_message(queue, id, &shared.worker, shared.lease());
            if let ClaimAnswer::Claimed(delivery) = answer.map_err(transport)? {
                let taken = Admitted {
                    delivery,
                    claim: None,
                };
                shared.hand_out(&mut shared.state.lock(), vec![taken]);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives a message back unhandled: another worker may take it after `delay`.
    ///
    /// # Errors
    /// `OSSA-N011` when this consumer does not hold the message.
    pub fn release(&self, id: &MessageId, delay: Duration) -> Result<(), Error> {
        let shared = &*self.shared;
        let mut state = shared.state.lock();
        let (receipt, held) = state.take_back(id).ok_or_else(|| not_held(id))?;
        match shared.holding(&receipt, held) {
            Holding::Lost | Holding::Settled => return Ok(()),
            Holding::Attempt(step) => {
                shared.core.claims.remove(&step);
            }
            Holding::Message => {}
        }
        let at = shared.core.now().after(delay);
        state.release(receipt, at);
        self.serve(&mut state);
        shared.work.notify_one();
        Ok(())
    }

    /// Prolongs the lease of a message by at least `duration`. Where there is a thread it keeps the leases, and this only
    /// tells whether the message is still this consumer's.
    ///
    /// # Errors
    /// `OSSA-N011` when this consumer does not hold the message, `OSSA-N012` when its lease is lost.
    pub fn keepalive(&self, id: &MessageId, duration: Duration) -> Result<(), Error> {
        let shared = &*self.shared;
        let held = shared.state.lock().held.get(id).copied();
        let held = held.ok_or_else(|| not_held(id))?;
        let receipt = held.receipt(id.clone());
        match shared.holding(&receipt, held) {
            Holding::Settled => return Ok(()),
            Holding::Lost => return Err(lease_lost(id)),
            Holding::Attempt(_) | Holding::Message => {}
        }
        let until = shared.core.now().after(duration.max(shared.lease));
        let kept = shared
            .core
            .queue()?
            .extend(std::slice::from_ref(&receipt), until);
        if kept.map_err(transport)?.first() == Some(&true) {
            return Ok(());
        }
        shared.state.lock().lost(id);
        Err(lease_lost(id))
    }

    /// Waits until everything acked, rejected or released is written, at most `bound`. Returns whether it is.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn flush(&self, bound: Duration) -> Result<bool, Error> {
        let until = Instant::now() + bound;
        if self.shared.state.lock().has_writes() {
            self.ensure_service()?;
        }
        let mut state = self.shared.state.lock();
        while state.has_writes() {
            if let Some(error) = state.troubles.take() {
                return Err(error);
            }
            let pause = match self.service {
                Service::Thread(_) => until,
                Service::Calls(_) => until.min(Instant::now() + LOOK_EVERY),
            };
            self.shared.done.wait_until(&mut state, pause);
            self.serve(&mut state);
            if until <= Instant::now() {
                return Ok(!state.has_writes());
            }
        }
        state.troubles.take().map_or(Ok(true), Err)
    }

    /// Writes what is pending, gives back what was not handed out, and ends the thread, all within
    /// [`ConsumerOptions::close_within`]. Messages handed out and not acked stay claimed until their lease runs out. A
    /// later [`receive`](Self::receive) starts anew.
    pub fn close(&self) {
        let shared = &*self.shared;
        let thread = match &self.service {
            Service::Thread(thread) => thread.lock().take(),
            Service::Calls(_) => return thread::finish(shared, &mut shared.state.lock()),
        };
        let Some(Running { number, handle }) = thread else {
            return;
        };
        let until = Instant::now() + shared.options.close_within;
        let mut state = shared.state.lock();
        // A number that no thread has: the one that runs sees that it is to end.
        state.next_thread();
        shared.work.notify_one();
        while !state.has_ended(number) {
            if shared.done.wait_until(&mut state, until).timed_out() {
                return;
            }
        }
        drop(state);
        // It has left its loop; a panic in it has nothing more to tell.
        let _ = handle.join();
    }

    /// Forgets thread, connection and messages without touching any of them, and leaks their memory: for the child of a
    /// fork, in which the thread does not exist and the connection is the parent's.
    pub fn abandon(self) {
        std::mem::forget(self);
    }

    /// Makes sure that what is to be done besides is done: by the thread, or here and now.
    fn ensure_service(&self) -> Result<(), Error> {
        match &self.service {
            Service::Thread(thread) => {
                let mut thread = thread.lock();
                let running = thread.as_ref();
                if running.is_none_or(|running| running.handle.is_finished()) {
                    *thread = Some(thread::start(&self.shared)?);
                }
            }
            Service::Calls(_) => self.serve(&mut self.shared.state.lock()),
        }
        Ok(())
    }

    /// Does what is due, where there is no thread that does. Unlocks meanwhile.
    fn serve(&self, state: &mut MutexGuard<'_, State>) {
        let Service::Calls(schedule) = &self.service else {
            return;
        };
        // A signal handler of the host may call while a call is under way, which then does it.
        let Some(mut schedule) = schedule.try_lock() else {
            return;
        };
        for _ in 0..DUTIES {
            if !thread::serve(&self.shared, state, &mut schedule) {
                break;
            }
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // Where the host's calls do everything nothing is left to do; and the host may be past being called.
        if let Service::Thread(_) = self.service {
            self.close();
        }
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("queues", &self.shared.options.queues)
            .field("worker", &self.shared.worker)
            .finish_non_exhaustive()
    }
}

fn argument(message: &str) -> Error {
    Error::new(Category::Argument, code::BAD_ARGUMENT, message)
}

fn not_held(id: &MessageId) -> Error {
    Error::new(
        Category::Transport,
        code::NOT_HELD,
        format!("message {id} is not held by this consumer"),
    )
    .with_help("a message is acked, rejected, released or kept alive once, by the consumer that received it")
}

fn lease_lost(id: &MessageId) -> Error {
    Error::new(
        Category::Transport,
        code::LEASE_LOST,
        format!("the lease of message {id} ran out: it is, or will be, handed to another worker"),
    )
}

fn transport(error: impl Into<Error>) -> Error {
    error.into().in_category(Category::Transport)
}
