//! Copying the write-ahead log into the database file, so that it does not grow without end.
//!
//! SQLite would do it within the commit that makes the log reach 1000 pages, which then takes ten times as long as
//! others. Here a thread does it, started when the log first gets that long: it copies while commits go on, as it neither
//! takes nor waits for the write lock. Under steady load it never quite catches up with the end of the log, and only then
//! can the log be started over; so a commit that finds it four times as long copies what little is left.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, InterruptHandle};

use super::connection::open_for_copying;
use super::options::SqliteOptions;

/// Pages of 4 KiB after which the thread is asked to copy, and again after as many more.
const SOME: i32 = 1000;
/// Pages at which a commit does it. Also bounds what closing the store has to copy.
const MANY: i32 = 4000;

#[derive(Debug)]
pub(super) struct Checkpoints {
    options: SqliteOptions,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    asked: bool,
    stopped: bool,
    /// Length of the log when the thread was last asked.
    pages: i32,
    /// Cuts the copying short when the store is closed.
    interrupt: Option<InterruptHandle>,
}

impl Checkpoints {
    pub(super) fn new(options: SqliteOptions) -> Self {
        Self {
            options,
            shared: Arc::default(),
            thread: Mutex::default(),
        }
    }

    /// Called after each commit with the length of the log in pages.
    pub(super) fn after_commit(&self, log: &mut Wal, pages: i32) {
        if pages >= MANY {
            // The commit is done, whatever becomes of this; a later one tries again.
            drop(log.checkpoint_v2(CheckpointMode::PASSIVE));
        } else if pages >= SOME {
            self.ask(pages);
        }
    }

    fn ask(&self, pages: i32) {
        let mut state = self.shared.state.lock();
        let started_over = pages < state.pages;
        if state.stopped || (!started_over && pages < state.pages.saturating_add(SOME)) {
            return;
        }
        state.pages = pages;
        state.asked = true;
        drop(state);
        self.shared.changed.notify_one();
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let options = self.options.clone();
            // Without a thread the commits do it, at the latest when the log is long.
            *thread = thread::Builder::new()
                .name("ossa-checkpoint".to_owned())
                .spawn(move || shared.serve(&options))
                .ok();
        }
    }

    /// Ends the thread; waits only for a sync it may be in.
    pub(super) fn stop(&self) {
        let mut state = self.shared.state.lock();
        state.stopped = true;
        if let Some(interrupt) = &state.interrupt {
            interrupt.interrupt();
        }
        drop(state);
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn serve(&self, options: &SqliteOptions) {
        let Ok(db) = open_for_copying(options) else {
            return;
        };
        let mut state = self.state.lock();
        state.interrupt = Some(db.get_interrupt_handle());
        loop {
            self.changed
                .wait_while(&mut state, |it| !it.asked && !it.stopped);
            if state.stopped {
                return;
            }
            state.asked = false;
            drop(state);
            copy(&db);
            state = self.state.lock();
        }
    }
}

/// When it fails, the next try or the next commit meets the same failure, and commits report theirs.
fn copy(db: &Connection) {
    drop(db.wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE));
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
