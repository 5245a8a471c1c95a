//! The background thread: writes, fetches, heartbeats, ticks; the host's calls only wake it. Where the store must not be
//! called from a thread, the host's calls do the same themselves.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;

use super::state::Writes;
use super::trouble::Duty;
use super::window::smoothed;
use super::{LOOK_EVERY, Receive, Shared, State, transport};
use crate::engine::claim::{Admitted, WORKER_LOST};
use crate::engine::dead_letter::with_reason;
use crate::error::{Category, Error, code};
use crate::port::Lease;

/// Messages fetched one at a time after one that may have killed its worker.
const CAREFUL_FOR: u32 = 100;

/// What is done at set times.
#[derive(Debug)]
pub(super) struct Schedule {
    /// From one heartbeat to the next.
    interval: Duration,
    beat: Instant,
    tick: Instant,
    /// Writes failed: not before this.
    write: Instant,
    /// The last thing done was writing. A fast host has always more to be written: the rest then takes turns with it, or
    /// the host would have to run out of messages before more are fetched.
    wrote: bool,
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
    let mut schedule = Schedule::of(shared);
    let mut state = shared.state.lock();
    while state.is_current(number) {
        if serve(shared, &mut state, &mut schedule) {
            shared.done.notify_all();
        } else {
            let next = schedule.next(&state);
            shared.work.wait_until(&mut state, next);
        }
    }
    finish(shared, &mut state);
}

/// Does what is most urgent of what is due; returns whether there was anything.
pub(super) fn serve(
    shared: &Shared,
    state: &mut MutexGuard<'_, State>,
    schedule: &mut Schedule,
) -> bool {
    let now = Instant::now();
    if state.give_back_due().is_some_and(|due| due <= now) {
        state.give_back(shared.core.now());
    }
    let refill = state.refill();
    let others = refill > 0 || schedule.beat <= now || schedule.tick <= now;
    if state.has_pending_writes() && schedule.write <= now && !(schedule.wrote && others) {
        let pause = write(shared, state);
        schedule.write = now + pause.unwrap_or_default();
        schedule.wrote = true;
        return true;
    }
    schedule.wrote = false;
    if schedule.beat <= now {
        let answer = beat(shared, state);
        let pause = state.note(Duty::Beat, answer);
        schedule.beat = now + pause.unwrap_or(schedule.interval);
    } else if schedule.tick <= now {
        let answer = MutexGuard::unlocked(state, || shared.core.tick());
        let next = answer.as_ref().copied().unwrap_or_default();
        let pause = state.note(Duty::Tick, answer.map(drop));
        schedule.tick = now + pause.unwrap_or(next);
    } else if refill > 0 {
        // After a failure there is no refill until a fetch on demand has worked.
        shared.fetch(state, refill);
    } else {
        return false;
    }
    true
}

/// Gives back what was not handed out, and writes what is pending unless that fails.
pub(super) fn finish(shared: &Shared, state: &mut MutexGuard<'_, State>) {
    state.give_back(shared.core.now());
    while state.has_pending_writes() && write(shared, state).is_none() {
        shared.done.notify_all();
    }
}

impl Schedule {
    pub(super) fn of(shared: &Shared) -> Self {
        let now = Instant::now();
        let interval = shared.lease.min(shared.core.options.lease) / 3;
        Self {
            interval,
            beat: now + interval,
            tick: now,
            write: now,
            wrote: false,
        }
    }

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

/// Someone fetches, until this is dropped, be it by a panic of the store.
struct Fetching<'s, 'a>(&'s mut MutexGuard<'a, State>);

impl<'s, 'a> Fetching<'s, 'a> {
    fn begin(state: &'s mut MutexGuard<'a, State>) -> Self {
        state.fetching = true;
        Self(state)
    }
}

impl Drop for Fetching<'_, '_> {
    fn drop(&mut self) {
        self.0.fetching = false;
    }
}

/// Ends of claims on their way to the store. What has not got there when this is dropped, be it by a panic of the store,
/// is pending again.
struct Writing<'s, 'a> {
    state: &'s mut MutexGuard<'a, State>,
    ends: usize,
    writes: Writes,
}

impl<'s, 'a> Writing<'s, 'a> {
    fn begin(state: &'s mut MutexGuard<'a, State>) -> Self {
        let writes = state.take_writes();
        Self {
            ends: writes.ends(),
            writes,
            state,
        }
    }
}

impl Drop for Writing<'_, '_> {
    fn drop(&mut self) {
        let unwritten = std::mem::take(&mut self.writes);
        self.state.written(self.ends, unwritten);
    }
}

/// Writes what is pending; returns how long to wait before the next try when some of it could not be written.
fn write(shared: &Shared, state: &mut MutexGuard<'_, State>) -> Option<Duration> {
    let began = Instant::now();
    let (ends, answer) = {
        let mut writing = Writing::begin(state);
        let Writing {
            state,
            ends,
            writes,
        } = &mut writing;
        let answer = MutexGuard::unlocked(state, || write_out(shared, writes));
        (*ends, answer)
    };
    if ends > 0 && answer.is_ok() {
        state.write_time = Some(smoothed(state.write_time, began.elapsed()));
    }
    state.note(Duty::Write, answer)
}

/// Empties what has been written; the rest is still to be.
fn write_out(shared: &Shared, writes: &mut Writes) -> Result<(), Error> {
    let queue = shared.core.queue()?;
    // Answers of `false` are claims that were lost meanwhile: the message is someone else's, nothing is to be done.
    if !writes.acks.is_empty() {
        queue.ack(&writes.acks)?;
        writes.acks.clear();
    }
    if !writes.rejects.is_empty() {
        match &shared.options.dead_letter_queue {
            Some(dead) => queue.reject(&writes.rejects, dead, None, shared.core.now())?,
            None => queue.ack(&writes.rejects)?,
        };
        writes.rejects.clear();
    }
    if let Some(dead) = &shared.options.dead_letter_queue {
        while let Some((receipt, headers)) = writes.poison.last() {
            let receipts = std::slice::from_ref(receipt);
            queue.reject(receipts, dead, Some(headers), shared.core.now())?;
            writes.poison.pop();
        }
    }
    if !writes.releases.is_empty() {
        queue.release(&writes.releases, shared.core.now())?;
        writes.releases.clear();
    }
    Ok(())
}

impl State {
    /// Notes how a duty went; returns how long to wait before the next try when it failed.
    fn note(&mut self, duty: Duty, answer: Result<(), Error>) -> Option<Duration> {
        match answer {
            Ok(()) => {
                self.troubles.worked(duty);
                None
            }
            Err(error) => Some(self.troubles.failed(duty, transport(error), Instant::now())),
        }
    }
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
        Ok(shared.core.queue()?.extend(&receipts, until)?)
    });
    for (receipt, kept) in receipts.iter().zip(kept?) {
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

    /// Fetches up to the window's target, at least `wanted`, into the buffer. Unlocks meanwhile. Returns how long to wait
    /// before the next try when it failed.
    pub(super) fn fetch(
        &self,
        state: &mut MutexGuard<'_, State>,
        wanted: usize,
    ) -> Option<Duration> {
        let careful = state.careful > 0;
        let max = if careful {
            1
        } else {
            wanted.max(state.window.target().min(self.options.prefetch))
        };
        let alone = state.is_idle();
        let fetching = Fetching::begin(state);
        let fetched = MutexGuard::unlocked(fetching.0, || {
            self.core.receive_admitted(&Receive {
                queues: self.options.queues.clone(),
                worker: self.worker.clone(),
                max,
                eldest: self.core.turns.eldest_of(max),
                lease: self.lease(),
            })
        });
        drop(fetching);
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) => {
                state.more = false;
                return state.note(Duty::Fetch, Err(error));
            }
        };
        state.note(Duty::Fetch, Ok(()));
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
                let losses = suspect.delivery.losses;
                let reason = format!("{losses} workers were lost while they had it");
                let headers = with_reason(&suspect.delivery.headers, WORKER_LOST, &reason);
                state.bury(receipt, headers);
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
        None
    }

    /// Has what the host is done with written: here and now, unless somebody is at it or it failed lately. Unlocks
    /// meanwhile.
    pub(super) fn catch_up(&self, state: &mut MutexGuard<'_, State>) {
        if state.is_writing() || state.troubles.is_in(Duty::Write) {
            self.done.wait_for(state, LOOK_EVERY);
        } else if write(self, state).is_some() {
            // Trying again is up to the thread.
            self.work.notify_one();
        }
    }

    /// Waits until something may have been published since `seen`. Unlocks meanwhile.
    pub(super) fn await_change(
        &self,
        state: &mut MutexGuard<'_, State>,
        seen: u64,
        bound: Duration,
    ) {
        let changed = MutexGuard::unlocked(state, || -> Result<u64, Error> {
            Ok(self.core.queue()?.wait_for_change(seen, bound)?)
        });
        match changed {
            Ok(seen) => state.seen = seen,
            Err(error) => {
                if let Some(pause) = state.note(Duty::Fetch, Err(error)) {
                    self.done.wait_for(state, pause.min(bound));
                }
            }
        }
    }

    /// An ordinary message that has lost too many workers goes where rejected ones go, if there is such a place. Attempts
    /// of steps are ended by the engine before they get here.
    fn is_poison(&self, message: &Admitted) -> bool {
        self.options.dead_letter_queue.is_some()
            && message.delivery.losses >= self.core.options.max_losses
    }
}
