//! The one connection of this process that writes.

use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;

use super::checkpoint::Checkpoints;
use super::connection::open_for_writing;
use super::fault::Fault;
use super::options::{Durability, SqliteOptions};
use crate::port::StoreError;

#[derive(Debug)]
pub(super) struct Writer {
    options: SqliteOptions,
    checkpoints: Arc<Checkpoints>,
    /// `None` after a failure that leaves the connection in doubt; the next caller opens a new one.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    db: Connection,
    /// Whether commits wait for the disk; `None` = not said yet.
    synced: Option<bool>,
}

impl Writer {
    pub(super) fn open(options: SqliteOptions) -> Result<Self, Fault> {
        let checkpoints = Arc::new(Checkpoints::new(options.clone()));
        let open = Open::new(&options, &checkpoints)?;
        Ok(Self {
            options,
            checkpoints,
            open: Mutex::new(Some(open)),
        })
    }

    /// Runs `body` in a transaction that is durable as configured.
    pub(super) fn durably<T>(
        &self,
        operation: &'static str,
        body: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.transaction(operation, self.options.durability, body)
    }

    /// Runs `body` in a transaction that survives the process, but maybe not a power cut.
    ///
    /// For claims, their end and acks: losing one means seeing a message again. That a transaction which did not wait for
    /// the disk stands before one which does is safe. Both are appended to the same log file, the later one's sync covers
    /// the whole file, and recovery keeps the longest run of transactions whose checksums follow one another. So after a
    /// power cut either the later one is there with everything before it, or a tail of transactions that did not wait is
    /// missing: never one from the middle, and never one that waited. Restarting the log and copying it into the database
    /// file sync at both levels.
    pub(super) fn quickly<T>(
        &self,
        operation: &'static str,
        body: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.transaction(operation, Durability::Process, body)
    }

    fn transaction<T>(
        &self,
        operation: &'static str,
        durability: Durability,
        body: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let mut slot = self.open.lock();
        let opened = match slot.take() {
            Some(open) => Ok(open),
            None => Open::new(&self.options, &self.checkpoints),
        };
        // Outside the slot meanwhile: should `body` panic, the connection is closed, which undoes its transaction.
        let done = opened.and_then(|mut open| {
            let done = open.transaction(durability, body);
            let spoiled = done.as_ref().is_err_and(Fault::spoils_connection);
            if !spoiled && open.db.is_autocommit() {
                *slot = Some(open);
            }
            done
        });
        done.map_err(|fault| fault.into_store_error(operation))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Before the connection: the last one closed copies the log and removes it.
        self.checkpoints.stop();
    }
}

impl Open {
    fn new(options: &SqliteOptions, checkpoints: &Arc<Checkpoints>) -> Result<Self, Fault> {
        Ok(Self {
            db: open_for_writing(options, checkpoints)?,
            synced: None,
        })
    }

    fn transaction<T>(
        &mut self,
        durability: Durability,
        body: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.sync_commits(durability == Durability::Power)?;
        // Taking the write lock first rules out finding, half way, that another process has written meanwhile.
        self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let done = body(&self.db).and_then(|value| {
            self.db.prepare_cached("COMMIT")?.execute([])?;
            Ok(value)
        });
        if done.is_err() && !self.db.is_autocommit() {
            // Its own failure changes nothing: the caller looks whether the transaction is over.
            drop(self.db.execute_batch("ROLLBACK"));
        }
        done
    }

    fn sync_commits(&mut self, synced: bool) -> Result<(), Fault> {
        if self.synced != Some(synced) {
            self.db.execute_batch(if synced {
                "PRAGMA synchronous = FULL"
            } else {
                "PRAGMA synchronous = NORMAL"
            })?;
            self.synced = Some(synced);
        }
        Ok(())
    }
}
