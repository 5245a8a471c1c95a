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
    phase: Mutex<Phase>,
    changed: Condvar,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    Running,
    Stopping,
}

impl Keeper {
    /// Makes sure that the leases of `core` are prolonged from now on, every `interval`.
    pub(super) fn start(&self, core: &Arc<Core>, interval: Duration) -> Result<(), Error> {
        let mut phase = self.signal.phase.lock();
        if *phase != Phase::Idle {
            return Ok(());
        }
        let signal = Arc::clone(&self.signal);
        let core = Arc::downgrade(core);
        thread::Builder::new()
            .name("ossa-leases".to_owned())
            .spawn(move || keep(&signal, &core, interval))
            .map_err(|error| {
                Error::new(
                    Category::Engine,
                    code::NO_THREAD,
                    format!("the thread that prolongs leases cannot be started: {error}"),
                )
                .retryable()
            })?;
        *phase = Phase::Running;
        Ok(())
    }

    /// Ends the thread; it does not touch the store again after what it is doing now.
    pub(super) fn stop(&self) {
        let mut phase = self.signal.phase.lock();
        if *phase == Phase::Running {
            *phase = Phase::Stopping;
            self.signal.changed.notify_all();
        }
    }
}

fn keep(signal: &Signal, core: &Weak<Core>, interval: Duration) {
    loop {
        let mut phase = signal.phase.lock();
        if *phase != Phase::Stopping {
            signal.changed.wait_for(&mut phase, interval);
        }
        if *phase == Phase::Stopping {
            *phase = Phase::Idle;
            return;
        }
        drop(phase);
        let Some(core) = core.upgrade() else { return };
        // A store that is away now may be back at the next beat; a lease that runs out meanwhile is found lost then.
        let _ = core.keep_claims();
    }
}
