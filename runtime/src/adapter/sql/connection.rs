//! What the store asks of a connection, which somebody else has opened.

use std::fmt;

/// A connection to a database. It is used by one thread at a time, and may be in the middle of a transaction of its
/// owner's, which the store then joins.
///
/// Placeholders of statements are `?`. Whatever fails leaves it to the database what becomes of the transaction.
pub trait SqlConnection: Send + Sync {
    /// Which dialect the database speaks.
    fn platform(&self) -> Result<SqlPlatform, SqlError>;

    /// The rows of a query, in its order.
    fn query(&self, sql: &str, params: &[SqlParam<'_>]) -> Result<Vec<SqlRow>, SqlError>;

    /// Runs a statement; returns how many rows it inserted, changed or deleted. Databases that count only rows that became
    /// different may do so.
    fn execute(&self, sql: &str, params: &[SqlParam<'_>]) -> Result<u64, SqlError>;

    /// Begins a transaction.
    fn begin(&self) -> Result<(), SqlError>;

    /// Commits the transaction that [`begin`](Self::begin) began.
    fn commit(&self) -> Result<(), SqlError>;

    /// Undoes the transaction that [`begin`](Self::begin) began.
    fn roll_back(&self) -> Result<(), SqlError>;

    /// Whether a transaction is open, whoever began it.
    fn is_transaction_active(&self) -> Result<bool, SqlError>;
}

/// The dialects the store speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlPlatform {
    /// SQLite from 3.35 on.
    Sqlite,
    /// PostgreSQL from 12 on.
    PostgreSql,
    /// MySQL from 8.0 on, MariaDB from 10.5 on.
    MySql,
}

impl SqlPlatform {
    /// The platform with this name: `sqlite`, `postgresql` or `mysql`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "sqlite" => Self::Sqlite,
            "postgresql" => Self::PostgreSql,
            "mysql" => Self::MySql,
            _ => return None,
        })
    }
}

/// A value for a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlParam<'a> {
    /// NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// Text.
    Text(&'a str),
    /// Bytes, for a column of bytes.
    Bytes(&'a [u8]),
}

/// One row of an answer, column by column.
pub type SqlRow = Vec<SqlField>;

/// A value of a row. Numbers may come as text, as some drivers have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlField {
    /// NULL.
    Null,
    /// An integer, or a truth value.
    Integer(i64),
    /// Text or bytes.
    Bytes(Vec<u8>),
}

/// Why the database did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// What it means.
    pub kind: SqlErrorKind,
    /// In the words of the database or its driver, without credentials.
    pub message: String,
}

/// What an error means for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlErrorKind {
    /// The database cannot be reached, or the connection is lost.
    Unavailable,
    /// The transaction lost against another one (deadlock, serialization, a lock it waited for too long): the same again
    /// may succeed.
    Conflict,
    /// A row with the same key exists.
    Duplicate,
    /// There is no space left.
    Full,
    /// Anything else: the same again fails as well.
    Other,
}

impl SqlErrorKind {
    /// The kind with this name: `unavailable`, `conflict`, `duplicate` or `full`; [`Other`](Self::Other) for others.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "unavailable" => Self::Unavailable,
            "conflict" => Self::Conflict,
            "duplicate" => Self::Duplicate,
            "full" => Self::Full,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
