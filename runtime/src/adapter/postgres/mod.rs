//! A backend in a PostgreSQL database, for many machines. `docs/stores.md` says what it promises.
//!
//! Each thread that calls uses a connection of a small pool. What must happen together is one transaction and, whatever
//! its size, one or two journeys to the server ([`commit`] has the only one that takes two). Waiting is listening, on a
//! connection of its own; a notification is a wake-up and nothing more.

mod changes;
mod commit;
mod delivery;
mod fault;
mod front;
mod health;
mod key_value;
mod listing;
mod messages;
mod options;
mod pool;
mod queue;
mod runs;
mod schema;
mod session;
mod store;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod value;

use std::fmt;

use crate::port::StoreError;

use changes::Changes;
use front::Fronts;
pub use options::{Encryption, PostgresOptions};
use pool::Pool;

/// A backend in a PostgreSQL database. Not to be called from within an asynchronous runtime: its calls block.
pub struct PostgresStore {
    pool: Pool,
    changes: Changes,
    fronts: Fronts,
    place: String,
}

impl PostgresStore {
    /// Connects, creates the schema when missing, and brings it up to date.
    ///
    /// # Errors
    /// [`StoreError::Dsn`] when the server refuses the login or the schema holds something else,
    /// [`StoreError::Unavailable`] naming host and port when it cannot be reached, [`StoreError::TooNew`].
    pub fn open(options: PostgresOptions) -> Result<Self, StoreError> {
        let pool = Pool::new(options.clone())?;
        pool.with("open the store", |db| schema::migrate(db, &options.schema))?;
        Ok(Self {
            pool,
            place: options.place(),
            changes: Changes::new(options),
            fronts: Fronts::new(),
        })
    }

    /// Whether there is a store in the schema; nothing is created.
    pub(crate) fn exists(options: PostgresOptions) -> Result<bool, StoreError> {
        let schema = options.schema.clone();
        Pool::new(options)?.with("look for the store", |db| schema::exists(db, &schema))
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
