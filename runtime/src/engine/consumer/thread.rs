//! The background thread: writes, fetches, heartbeats, ticks; the host's calls only wake it.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;

use super::state::Writes;
use super::{Receive, Shared, State, transport};
use crate::engine::claim::Admitted;
use crate::error::{Category, Error, code};
use crate::port::Lease;

/// After a failed write, try again this much later.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// Messages fetched one at a time after one that may have killed its worker.
const CAREFUL_FOR: u32 = 100;

/// What the thread does at set times.
struct Schedule {
    beat: Instant,
    tick: Instant,
    /// Writes failed: not before this.
    write: Instant,
}

/// A started thread and its number: it runs as long as that is the consumer's current one.
pub(super) struct Running {
    pub(super) number: u64,
    pub(super) handle: JoinHandle<()>,
}

pub(super) fn start(shared: &Arc<Shared>) -> Result<Running, Error> {
    let number = shared.state.lock().next_thread();
    let shared = Arc::clone(shared);
    Builder::new()
        .name("ossa-consumer".to_owned())
        .spawn(move || run(&shared, number))
        .map(|handle| Running { number, handle })
        .map_err(|error| {
            let message = format!("the consumer's thread cannot be started: {error}");
            Error::new(Category::Transport, code::NO_THREAD, message).retryable()
        })
}

/// Says that the thread has ended, also when it panicked.
struct Ending<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.shared.state.lock().thread_ended(self.number);
        self.shared.done.notify_all();
    }
}

fn run(shared: &Shared, number: u64) {
    let _ending = Ending { shared, number };
    let now = Instant::now();
    let interval = shared.lease.min(shared.core.options.lease) / 3;
    let mut schedule = Schedule {
        beat: now + interval,
        tick: now,
        write: now,
    };
    let mut state = shared.state.lock();
    loop {
        let now = Instant::now();
        let closing = !state.is_current(number);
        if closing || state.give_back_due().is_some_and(|due| due <= now) {
            state.give_back(shared.core.now());
        }
        if state.has_pending_writes() && (schedule.write <= now || closing) {
            let failed = write(shared, &mut state);
            if failed && closing {
                break;
            }
            schedule.write = if failed { now + RETRY_AFTER } else { now };
        } else if closing {
            break;
        } else if state.refill() > 0 {
            let count = state.refill();
            if let Err(error) = shared.fetch(&mut state, count) {
                state.failure = Some(error);
                state.more = false;
            }
        } else if schedule.beat <= now {
            schedule.beat = now + interval;
            if let Err(error) = beat(shared, &mut state) {
                state.failure = Some(error);
                schedule.beat = now + RETRY_AFTER;
            }
        } else if schedule.tick <= now {
            let answer = MutexGuard::unlocked(&mut state, || shared.core.tick());
            schedule.tick = now + *answer.as_ref().unwrap_or(&RETRY_AFTER);
            if let Err(error) = answer {
                state.failure = Some(transport(error));
            }
        } else {
            let next = schedule.next(&state);
            shared.work.wait_until(&mut state, next);
            continue;
        }
        shared.done.notify_all();
    }
}

impl Schedule {
    fn next(&self, state: &State) -> Instant {
        let mut next = self.beat.min(self.tick);
        if let Some(due) = state.give_back_due() {
            next = next.min(due);
        }
        if state.has_pending_writes() {
            next = next.min(self.write);
        }
        next
    }
}

/// Writes what is pending; returns whether some of it could not be written and is pending again.
fn write(shared: &Shared, state: &mut MutexGuard<'_, State>) -> bool {
    let writes = state.take_writes();
    let (unwritten, error) = MutexGuard::unlocked(state, || write_out(shared, writes));
    state.written(unwritten);
    let failed = error.is_some();
    // Written at the second try: what the first one met is of no interest any more.
    state.failure = error.map(transport);
    failed
}

fn write_out(shared: &Shared, mut writes: Writes) -> (Writes, Option<Error>) {
    let backend = match shared.core.backend() {
        Ok(backend) => backend,
        Err(error) => return (writes, Some(error)),
    };
    // Answers of `false` are claims that were lost meanwhile: the message is someone else's, nothing is to be done.
    let mut write_each = || -> Result<(), Error> {
        if !writes.acks.is_empty() {
            backend.ack(&writes.acks)?;
            writes.acks.clear();
        }
        if !writes.rejects.is_empty() {
            match &shared.options.dead_letter_queue {
                Some(queue) => backend.reject(&writes.rejects, queue, shared.core.now())?,
                None => backend.ack(&writes.rejects)?,
            };
            writes.rejects.clear();
        }
        if !writes.releases.is_empty() {
            backend.release(&writes.releases)?;
            writes.releases.clear();
        }
        Ok(())
    };
    let error = write_each().err();
    (writes, error)
}

/// Prolongs every lease: the consumer's own and those of the engine's held attempts.
fn beat(shared: &Shared, state: &mut MutexGuard<'_, State>) -> Result<(), Error> {
    let receipts = state.receipts();
    let kept = MutexGuard::unlocked(state, || -> Result<Vec<bool>, Error> {
        shared.core.keep_claims()?;
        if receipts.is_empty() {
            return Ok(Vec::new());
        }
        let until = shared.core.now().after(shared.lease);
        Ok(shared.core.backend()?.extend(&receipts, until)?)
    });
    for (receipt, kept) in receipts.iter().zip(kept.map_err(transport)?) {
        if !kept {
            state.lost(&receipt.id);
        }
    }
    Ok(())
}

impl Shared {
    /// A lease taken now.
    pub(super) fn lease(&self) -> Lease {
        Lease {
            now: self.core.now(),
            duration: self.lease,
        }
    }

    /// Fetches up to the window's target, at least `wanted`, into the buffer. Unlocks meanwhile.
    pub(super) fn fetch(
        &self,
        state: &mut MutexGuard<'_, State>,
        wanted: usize,
    ) -> Result<(), Error> {
        let careful = state.careful > 0;
        let max = if careful {
            1
        } else {
            wanted.max(state.window.target().min(self.options.prefetch))
        };
        let alone = state.is_idle();
        state.fetching = true;
        let fetched = MutexGuard::unlocked(state, || {
            self.core.receive_admitted(&Receive {
                queues: self.options.queues.clone(),
                worker: self.worker.clone(),
                max,
                lease: self.lease(),
            })
        });
        state.fetching = false;
        let fetched = fetched.map_err(transport)?;
        state.more = fetched.claimed >= max;
        state.careful = state.careful.saturating_sub(1);
        if fetched.claimed == 0 {
            state.careful = 0;
        }
        let mut admitted = fetched.admitted;
        let suspects: Vec<_> = admitted
            .extract_if(.., |message| message.is_suspect())
            .collect();
        if !suspects.is_empty() {
            state.careful = CAREFUL_FOR;
        }
        let now = self.core.now();
        for suspect in suspects {
            let receipt = suspect.delivery.receipt.clone();
            if self.is_poison(&suspect) {
                state.reject(receipt);
            } else if alone && admitted.is_empty() {
                admitted.push(suspect);
            } else {
                // Visible again at once: this consumer, for one, takes one at a time from now on.
                state.release(receipt, now);
            }
        }
        if state.has_pending_writes() {
            self.work.notify_one();
        }
        state.store(admitted);
        Ok(())
    }

    /// An ordinary message that has lost too many workers goes where rejected ones go, if there is such a place. Attempts
    /// of steps are ended by the engine before they get here.
    fn is_poison(&self, message: &Admitted) -> bool {
        self.options.dead_letter_queue.is_some()
            && message.delivery.losses >= self.core.options.max_losses
    }
}
