//! A backend in one SQLite file, for one machine: the embedded default. `docs/stores.md` says what it promises.
//!
//! One connection writes and a few read; a file may be open in several processes. Commits and publications of several
//! threads share transactions ([`group`]), claims and acks have short ones of their own that do not wait for the disk
//! ([`writer`] says why that is safe).

mod batch;
mod changes;
mod checkpoint;
mod connection;
mod delivery;
mod fault;
mod group;
mod inspect;
mod key_value;
mod listing;
mod messages;
mod options;
mod place;
mod queue;
mod reader;
mod runs;
mod schema;
mod store;
mod stream;
#[cfg(test)]
mod tests;
mod value;
mod writer;

use std::path::PathBuf;

use crate::port::StoreError;

use batch::{Batch, Written};
use changes::Changes;
use group::{Entry, Group};
pub use options::{Durability, SqliteOptions};
use reader::Readers;
use writer::Writer;

/// A backend in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    writer: Writer,
    group: Group,
    readers: Readers,
    changes: Changes,
}

impl SqliteStore {
    /// Opens the file, creating it and its folder when missing, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Dsn`] when the path cannot be used or holds another application's database,
    /// [`StoreError::TooNew`], [`StoreError::Corrupt`], [`StoreError::Unavailable`].
    pub fn open(options: SqliteOptions) -> Result<Self, StoreError> {
        let writer = Writer::open(options.clone())
            .map_err(|fault| connection::while_opening(fault, &options.path))?;
        Ok(Self {
            path: options.path.clone(),
            writer,
            group: Group::default(),
            readers: Readers::new(options.clone()),
            changes: Changes::new(options),
        })
    }

    /// Writes the batch, in a transaction of its own or in one shared with other callers' batches.
    fn write(&self, operation: &'static str, batch: &Batch<'_>) -> Result<Written, StoreError> {
        let mut turn = match self.group.enter(batch) {
            Entry::Written(answer) => return answer,
            Entry::Turn(turn) => turn,
        };
        let mut publishes = batch.publishes();
        let written = self.writer.durably(operation, |db| {
            let own = batch.write(db)?;
            let mut others = Vec::new();
            while let Some(other) = turn.take_in() {
                publishes |= other.publishes();
                others.push(other.write(db)?);
            }
            Ok((own, others))
        });
        if publishes && written.is_ok() {
            self.changes.announce();
        }
        match written {
            Ok((own, others)) => {
                turn.answer(others.into_iter().map(Ok));
                Ok(own)
            }
            Err(error) => {
                turn.answer(std::iter::repeat_with(|| Err(error.clone())));
                Err(error)
            }
        }
    }
}
