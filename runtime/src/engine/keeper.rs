//! Heartbeats for attempts that were claimed outside a consumer: one thread, started at the first such claim.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::core::Core;
use crate::error::{Category, Error, code};

/// Starts the thread once and ends it with the engine.
#[derive(Default)]
pub(super) struct Keeper {
    signal: Arc<Signal>,
}

#[derive(Default)]
struct Signal {
    threads: Mutex<Threads>,
    changed: Condvar,
}

#[derive(Default)]
struct Threads {
    /// Number of the thread that is to run; others end.
    current: Option<u64>,
    /// How many were started.
    started: u64,
}

impl Keeper {
    /// Makes sure that the leases of `core` are prolonged from now on, every `interval`. A thread that was told to stop
    /// and has not yet done so does not count.
    pub(super) fn start(&self, core: &Arc<Core>, interval: Duration) -> Result<(), Error> {
        let mut threads = self.signal.threads.lock();
        if threads.current.is_some() {
            return Ok(());
        }
        let number = threads.started + 1;
        let signal = Arc::clone(&self.signal);
        let core = Arc::downgrade(core);
        thread::Builder::new()
            .name("ossa-leases".to_owned())
            .spawn(move || keep(&signal, number, &core, interval))
            .map_err(|error| {
                Error::new(
                    Category::Engine,
                    code::NO_THREAD,
                    format!("the thread that prolongs leases cannot be started: {error}"),
                )
                .retryable()
            })?;
        threads.started = number;
        threads.current = Some(number);
        Ok(())
    }

    /// Ends the thread; it does not touch the store again after what it is doing now.
    pub(super) fn stop(&self) {
        self.signal.threads.lock().current = None;
        self.signal.changed.notify_all();
    }
}

fn keep(signal: &Signal, number: u64, core: &Weak<Core>, interval: Duration) {
    let goes_on = |threads: &Threads| threads.current == Some(number);
    loop {
        let mut threads = signal.threads.lock();
        if goes_on(&threads) {
            signal.changed.wait_for(&mut threads, interval);
        }
        if !goes_on(&threads) {
            return;
        }
        drop(threads);
        let Some(core) = core.upgrade() else { return };
        // A store that is away now may be back at the next beat; a lease that runs out meanwhile is found lost then.
        let _ = core.keep_claims();
    }
}
