//! Connections that only read. In write-ahead mode they neither wait for the writer nor delay it.

use parking_lot::Mutex;
use rusqlite::Connection;

use super::connection::open_for_reading;
use super::fault::Fault;
use super::options::SqliteOptions;
use crate::port::StoreError;

/// Connections kept open between calls; more callers at once open more.
const KEPT: usize = 4;

#[derive(Debug)]
pub(super) struct Readers {
    options: SqliteOptions,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(options: SqliteOptions) -> Self {
        Self {
            options,
            idle: Mutex::default(),
        }
    }

    /// Runs `body` on one state of the database, whatever is committed meanwhile.
    pub(super) fn read<T>(
        &self,
        operation: &'static str,
        body: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().pop();
        let opened = match idle {
            Some(db) => Ok(db),
            None => open_for_reading(&self.options),
        };
        let done = opened.and_then(|db| {
            let done = snapshot(&db, body);
            let spoiled = done.as_ref().is_err_and(Fault::spoils_connection);
            if !spoiled && db.is_autocommit() {
                let mut idle = self.idle.lock();
                if idle.len() < KEPT {
                    idle.push(db);
                }
            }
            done
        });
        done.map_err(|fault| fault.into_store_error(operation))
    }
}

fn snapshot<T>(
    db: &Connection,
    body: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    db.prepare_cached("BEGIN")?.execute([])?;
    let done = body(db);
    db.prepare_cached("COMMIT")?.execute([])?;
    done
}
