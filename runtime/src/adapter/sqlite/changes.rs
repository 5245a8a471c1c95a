//! Waiting for something new: from this process, where whoever writes says so, and from others, where the file does.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use super::connection::open_for_watching;
use super::fault::Fault;
use super::options::SqliteOptions;
use super::schema::is_busy;
use crate::port::StoreError;

/// How often the file is looked at while somebody waits. Half of it is what a message from another process waits on
/// average; looking costs a few microseconds.
const TICK: Duration = Duration::from_millis(4);

#[derive(Debug)]
pub(super) struct Changes {
    options: SqliteOptions,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// What callers have seen; 0 is for those who have seen nothing.
    marker: u64,
    /// Whether one of those who wait looks at the file, on behalf of all.
    watched: bool,
    watch: Option<Watch>,
}

#[derive(Debug)]
struct Watch {
    db: Connection,
    version: i64,
}

impl Changes {
    pub(super) fn new(options: SqliteOptions) -> Self {
        Self {
            options,
            state: Mutex::new(State {
                marker: 1,
                watched: false,
                watch: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// Says that something may have become visible.
    pub(super) fn announce(&self) {
        let mut state = self.state.lock();
        state.marker = state.marker.wrapping_add(1).max(1);
        self.changed.notify_all();
    }

    pub(super) fn wait(&self, seen: u64, timeout: Duration) -> Result<u64, StoreError> {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.state.lock();
        let mut watching = false;
        let waited = loop {
            if !state.watched {
                state.watched = true;
                watching = true;
            }
            if watching {
                match state.look(&self.options) {
                    Ok(false) => {}
                    Ok(true) => {
                        state.marker = state.marker.wrapping_add(1).max(1);
                        self.changed.notify_all();
                    }
                    Err(fault) => break Err(fault),
                }
            }
            let now = Instant::now();
            if state.marker != seen || deadline.is_some_and(|it| it <= now) {
                break Ok(state.marker);
            }
            let tick = watching.then(|| now + TICK);
            match tick.into_iter().chain(deadline).min() {
                Some(until) => drop(self.changed.wait_until(&mut state, until)),
                None => self.changed.wait(&mut state),
            }
        };
        if watching {
            // Somebody else who waits takes over.
            state.watched = false;
            self.changed.notify_one();
        }
        waited.map_err(|fault| fault.into_store_error("wait for a change"))
    }
}

impl State {
    /// Whether any connection but this one has committed since the last look.
    fn look(&mut self, options: &SqliteOptions) -> Result<bool, Fault> {
        let Some(watch) = &mut self.watch else {
            let db = open_for_watching(options)?;
            let version = version(&db)?;
            self.watch = Some(Watch { db, version });
            return Ok(false);
        };
        match version(&watch.db) {
            Ok(version) => Ok(std::mem::replace(&mut watch.version, version) != version),
            // Somebody is at the file just now.
            Err(Fault::Sqlite(error)) if is_busy(&error) => Ok(true),
            Err(fault) => {
                self.watch = None;
                Err(fault)
            }
        }
    }
}

fn version(db: &Connection) -> Result<i64, Fault> {
    Ok(db
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))?)
}
