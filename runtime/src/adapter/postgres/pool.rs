//! The connections of one store.

use std::thread::sleep;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::Fault;
use super::options::PostgresOptions;
use super::session::Session;
use super::tls;
use crate::port::StoreError;

/// Connections kept open between calls.
const KEPT: usize = 4;

/// A connection that was not used for longer is asked whether the server is still there before something is sent whose
/// outcome would otherwise be unknown.
const FRESH: Duration = Duration::from_millis(500);

/// So often a call is tried that others kept from succeeding.
const TRIES: u32 = 8;

/// After a connection could not be opened, the next try waits for so long, then twice as long, up to the latter.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Pool {
    options: PostgresOptions,
    tls: MakeRustlsConnect,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    /// How many there are, idle or in use.
    open: usize,
    /// Set while the server cannot be reached.
    away: Option<Away>,
}

struct Away {
    error: StoreError,
    until: Instant,
    pause: Duration,
}

impl Pool {
    pub(super) fn new(options: PostgresOptions) -> Result<Self, StoreError> {
        Ok(Self {
            tls: tls::connector(&options)?,
            options,
            state: Mutex::default(),
            freed: Condvar::new(),
        })
    }

    /// Runs `body` with a connection; again when others kept it from succeeding, or when the connection was lost before
    /// anything can have been done.
    pub(super) fn with<T>(
        &self,
        operation: &'static str,
        mut body: impl FnMut(&mut Session) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let mut tries = 0;
        loop {
            let (place, mut session) = self.lend(operation)?;
            let fault = match body(&mut session) {
                Ok(value) => {
                    self.give_back(place, session);
                    return Ok(value);
                }
                Err(fault) => fault,
            };
            tries += 1;
            let lost = fault.is_lost();
            if lost {
                // The others are hardly better off.
                self.forget_idle();
            } else if !fault.spoils_connection() {
                self.give_back(place, session);
            }
            let most = if lost { 2 } else { TRIES };
            if !fault.is_repeatable() || tries >= most {
                return Err(fault.into_store_error(operation, &self.options.place()));
            }
            // Those who got in each other's way should not meet again.
            sleep(Duration::from_micros(
                u64::from(tries) * u64::from(rand::random::<u8>()) * 20,
            ));
        }
    }

    fn lend(&self, operation: &'static str) -> Result<(Place<'_>, Session), StoreError> {
        let (place, idle) = self.place(operation)?;
        if let Some(mut session) = idle {
            if session.idle_for() < FRESH || session.answers() {
                return Ok((place, session));
            }
            self.forget_idle();
        }
        Ok((place, self.connect(operation)?))
    }

    fn give_back(&self, mut place: Place<'_>, mut session: Session) {
        if session.settle().is_err() {
            return;
        }
        let mut state = self.state.lock();
        if state.idle.len() < KEPT {
            state.idle.push(session);
            place.kept = true;
        }
    }

    /// An idle connection, or leave to open one.
    fn place(&self, operation: &'static str) -> Result<(Place<'_>, Option<Session>), StoreError> {
        let mut state = self.state.lock();
        let deadline = Instant::now() + self.options.timeout;
        loop {
            let idle = state.idle.pop();
            if idle.is_some() || state.open < self.options.connections {
                state.open += usize::from(idle.is_none());
                let place = Place {
                    pool: self,
                    kept: false,
                };
                return Ok((place, idle));
            }
            if self.freed.wait_until(&mut state, deadline).timed_out() {
                let connections = self.options.connections;
                return Err(StoreError::Unavailable {
                    operation,
                    reason: format!("all {connections} connections of this process are in use"),
                });
            }
        }
    }

    fn connect(&self, operation: &'static str) -> Result<Session, StoreError> {
        if let Some(away) = &self.state.lock().away
            && Instant::now() < away.until
        {
            return Err(away.error.clone());
        }
        let opened = Session::open(&self.options, &self.tls)
            .map_err(|fault| fault.into_store_error(operation, &self.options.place()));
        let mut state = self.state.lock();
        match &opened {
            Ok(_) => state.away = None,
            Err(error) => {
                let before = state.away.as_ref().map(|away| away.pause * 2);
                let pause = before.unwrap_or(PAUSE).min(LONGEST_PAUSE);
                state.away = Some(Away {
                    error: error.clone(),
                    until: Instant::now() + pause,
                    pause,
                });
            }
        }
        opened
    }

    fn forget_idle(&self) {
        let mut state = self.state.lock();
        let idle = std::mem::take(&mut state.idle);
        state.open -= idle.len();
        drop(state);
        self.freed.notify_all();
    }
}

/// Leave to have a connection, given up at the end unless the connection was kept.
struct Place<'a> {
    pool: &'a Pool,
    kept: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.pool.state.lock().open -= 1;
        }
        self.pool.freed.notify_one();
    }
}
