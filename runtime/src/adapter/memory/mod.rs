//! A backend in this process's memory: for tests, and for `memory:`. It is also the model the other adapters are
//! compared with, so it is kept simple and obviously right; nothing survives the process.

mod key_value;
mod messages;
mod queue;
mod store;
mod stream;

use std::collections::{BTreeMap, HashMap};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::port::{KvEntry, LogRow, PlanHash, RunHead, RunId, Snapshot, TimerKey, TimerRow};

use messages::Messages;
use stream::Log;

/// A backend in memory. Everything happens under one lock, so every call is one transaction.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    runs: HashMap<RunId, Run>,
    runs_by_key: HashMap<(String, String), RunId>,
    timers: BTreeMap<TimerKey, TimerRow>,
    plans: HashMap<PlanHash, String>,
    signing_key: Option<[u8; 32]>,
    messages: Messages,
    log: Log,
    /// By namespace and key.
    entries: BTreeMap<(String, String), KvEntry>,
    writes: u64,
    /// How often something was published or given back.
    changes: u64,
}

#[derive(Debug)]
struct Run {
    head: RunHead,
    log: Vec<LogRow>,
    snapshot: Option<Snapshot>,
}

impl MemoryStore {
    /// An empty backend.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Tells those who wait that something may have become visible.
    fn announce(&self, mut state: MutexGuard<'_, State>) {
        state.changes = state.changes.saturating_add(1);
        drop(state);
        self.changed.notify_all();
    }
}
