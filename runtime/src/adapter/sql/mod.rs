//! A backend on somebody else's connection to a SQL database: the application's own, so that a run commits with the
//! application's data. `docs/stores.md` says what it promises.
//!
//! A [`SqlConnection`] runs statements; what they say is written here, once for SQLite, PostgreSQL, MySQL and MariaDB
//! ([`dialect`] has the differences). Whatever must happen together is one transaction of the store's or, while the
//! application has one open, a part of that. Nothing wakes those who wait: they look again.

mod commit;
mod connection;
mod database;
mod dialect;
mod fault;
mod key_value;
mod listing;
mod messages;
mod queue;
mod receipts;
mod runs;
mod schema;
mod store;
mod stream;
mod value;

use std::fmt;
use std::time::Duration;

pub use connection::{
    SqlConnection, SqlError, SqlErrorKind, SqlField, SqlParam, SqlPlatform, SqlRow,
};
use database::Database;
use dialect::Dialect;
use fault::Fault;

use super::dsn::wrong;
use crate::port::StoreError;

/// Settings of a [`SqlStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlOptions {
    /// What the names of all tables and indexes begin with.
    pub prefix: String,
    /// Whether missing tables are created when the store is opened.
    pub auto_setup: bool,
    /// How often whoever waits for a message looks for one.
    pub poll: Duration,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self {
            prefix: "ossa_".to_owned(),
            auto_setup: true,
            poll: Duration::from_millis(50),
        }
    }
}

impl SqlOptions {
    /// The longest prefix: names of indexes have to fit into 63 bytes.
    const LONGEST_PREFIX: usize = 30;

    fn check(&self) -> Result<(), StoreError> {
        let mut characters = self.prefix.bytes();
        let begins = characters.next().is_some_and(|it| it.is_ascii_lowercase());
        let goes_on = characters.all(|it| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if !begins || !goes_on || self.prefix.len() > Self::LONGEST_PREFIX {
            let longest = Self::LONGEST_PREFIX;
            return Err(wrong(
                "option prefix",
                format!("use 1 to {longest} of the characters a-z, 0-9 and `_`, a letter first"),
            ));
        }
        Ok(())
    }
}

/// A backend in tables of a SQL database. See the [module](self).
pub struct SqlStore {
    connection: Box<dyn SqlConnection>,
    dialect: Dialect,
    options: SqlOptions,
}

impl SqlStore {
    /// Finds the tables, or creates them when they are missing and that is allowed.
    ///
    /// # Errors
    /// [`StoreError::Dsn`] when an option is wrong, [`StoreError::TooNew`], [`StoreError::Failed`] when tables are missing
    /// and may not be created, [`StoreError::Unavailable`].
    pub fn open(
        connection: Box<dyn SqlConnection>,
        options: SqlOptions,
    ) -> Result<Self, StoreError> {
        let store = Self::unopened(connection, options)?;
        schema::prepare(&store.database(), store.options.auto_setup)?;
        Ok(store)
    }

    /// Creates the tables that are missing, whatever [`SqlOptions::auto_setup`] says.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn set_up(
        connection: Box<dyn SqlConnection>,
        options: SqlOptions,
    ) -> Result<Self, StoreError> {
        let store = Self::unopened(connection, options)?;
        schema::prepare(&store.database(), true)?;
        Ok(store)
    }

    /// The statements that create the tables, for migrations.
    ///
    /// # Errors
    /// [`StoreError::Dsn`] when an option is wrong, [`StoreError::Unavailable`].
    pub fn schema(
        connection: Box<dyn SqlConnection>,
        options: SqlOptions,
    ) -> Result<Vec<String>, StoreError> {
        let Self {
            dialect, options, ..
        } = Self::unopened(connection, options)?;
        let statements = schema::statements(dialect).into_iter();
        Ok(statements
            .map(|statement| statement.replace('@', &options.prefix))
            .collect())
    }

    fn unopened(
        connection: Box<dyn SqlConnection>,
        options: SqlOptions,
    ) -> Result<Self, StoreError> {
        options.check()?;
        let dialect = Dialect::of(connection.as_ref())
            .map_err(|error| Fault::from(error).into_store_error("connect"))?;
        Ok(Self {
            connection,
            dialect,
            options,
        })
    }

    fn database(&self) -> Database<'_> {
        Database {
            connection: self.connection.as_ref(),
            dialect: self.dialect,
            prefix: &self.options.prefix,
        }
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore")
            .field("platform", &self.dialect.platform)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
