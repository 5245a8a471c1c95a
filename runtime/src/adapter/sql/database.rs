//! Statements on the connection: with the names of the tables filled in, in transactions of their own or in the caller's.

use std::thread;
use std::time::Duration;

use rand::RngExt as _;

use super::connection::{SqlConnection, SqlError, SqlErrorKind, SqlParam, SqlPlatform};
use super::dialect::Dialect;
use super::fault::Fault;
use super::value::Row;
use crate::port::StoreError;

/// So often a transaction that lost against others is tried again.
const TRIES: u32 = 12;
/// Rows of one INSERT, and conditions of one WHERE, at most; far below what databases take.
pub(super) const ROWS: usize = 200;

/// The connection, and how to talk to it.
#[derive(Clone, Copy)]
pub(super) struct Database<'a> {
    pub(super) connection: &'a dyn SqlConnection,
    pub(super) dialect: Dialect,
    pub(super) prefix: &'a str,
}

impl Database<'_> {
    /// The rows of a query. `@runs` stands for the table `runs` of this store.
    pub(super) fn query(&self, sql: &str, params: &[SqlParam<'_>]) -> Result<Vec<Row>, Fault> {
        let rows = self.send(sql, params, |sql, params| {
            self.connection.query(sql, params)
        })?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// The first row of a query.
    pub(super) fn first(&self, sql: &str, params: &[SqlParam<'_>]) -> Result<Option<Row>, Fault> {
        Ok(self.query(sql, params)?.into_iter().next())
    }

    /// Runs a statement; returns how many rows it concerned.
    pub(super) fn execute(&self, sql: &str, params: &[SqlParam<'_>]) -> Result<u64, Fault> {
        self.send(sql, params, |sql, params| {
            self.connection.execute(sql, params)
        })
    }

    /// Runs an INSERT of one row; `false` when one with the same key is there already, and stays.
    pub(super) fn insert_new(&self, sql: &str, params: &[SqlParam<'_>]) -> Result<bool, Fault> {
        if let Some(or_nothing) = self.dialect.or_nothing() {
            return Ok(self.execute(&format!("{sql}{or_nothing}"), params)? > 0);
        }
        match self.execute(sql, params) {
            Ok(_) => Ok(true),
            Err(Fault::Sql(error)) if error.kind == SqlErrorKind::Duplicate => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    fn send<T>(
        &self,
        sql: &str,
        params: &[SqlParam<'_>],
        call: impl Fn(&str, &[SqlParam<'_>]) -> Result<T, SqlError>,
    ) -> Result<T, Fault> {
        let sql = sql.replace('@', self.prefix);
        // PostgreSQL has no text with NUL characters.
        if self.dialect.platform != SqlPlatform::PostgreSql || !params.iter().any(has_nul) {
            return Ok(call(&sql, params)?);
        }
        let texts: Vec<_> = params.iter().map(without_nul).collect();
        let params = params.iter().zip(&texts);
        let params: Vec<_> = params
            .map(|(param, text)| text.as_deref().map_or(*param, SqlParam::Text))
            .collect();
        Ok(call(&sql, &params)?)
    }

    /// Carries out all of `body` or nothing: in a transaction of its own, or as a part of the one that is open, which then
    /// decides.
    pub(super) fn write<T>(
        &self,
        operation: &'static str,
        body: impl Fn(&Self) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let done = match self.connection.is_transaction_active() {
            Ok(true) => self.within_open(&body),
            Ok(false) => self.again_and_again(&|database: &Self| {
                if let Some(first) = self.dialect.first_in_transaction() {
                    database.execute(first, &[])?;
                }
                body(database)
            }),
            Err(error) => Err(error.into()),
        };
        done.map_err(|fault| fault.into_store_error(operation))
    }

    /// Ends a SELECT that must not miss what others have committed, even in a transaction of the caller's: MySQL's, by
    /// default, go on reading what was there when they first read.
    pub(super) fn latest(&self) -> Result<&'static str, Fault> {
        let may_be_old = self.dialect.platform == SqlPlatform::MySql
            && self.connection.is_transaction_active()?;
        Ok(if may_be_old {
            self.dialect.for_update()
        } else {
            ""
        })
    }

    /// Runs a query or a single statement, which needs no transaction.
    pub(super) fn at_once<T>(
        &self,
        operation: &'static str,
        body: impl Fn(&Self) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        body(self).map_err(|fault| fault.into_store_error(operation))
    }

    /// Carries out `body` in a transaction that locks nothing by itself: for before there are tables.
    pub(super) fn unlocked<T>(
        &self,
        operation: &'static str,
        body: impl Fn(&Self) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.again_and_again(&body)
            .map_err(|fault| fault.into_store_error(operation))
    }

    fn again_and_again<T>(&self, body: &impl Fn(&Self) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut tries = 1;
        loop {
            match self.in_transaction(body) {
                Err(fault) if fault.is_conflict() && tries < TRIES => {
                    let pause = rand::rng().random_range(0..=u64::from(tries * tries));
                    thread::sleep(Duration::from_millis(pause));
                    tries += 1;
                }
                done => return done,
            }
        }
    }

    fn in_transaction<T>(&self, body: &impl Fn(&Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if let Some(before) = self.dialect.before_transaction() {
            self.execute(before, &[])?;
        }
        self.connection.begin()?;
        let done = body(self);
        match done.and_then(|done| Ok((done, self.connection.commit()?))) {
            Ok((done, ())) => Ok(done),
            Err(fault) => {
                // The database may have ended it already; what matters is why.
                drop(self.connection.roll_back());
                Err(fault)
            }
        }
    }

    /// What fails is undone, and only that; the owner of the transaction is told and decides what becomes of the rest.
    fn within_open<T>(&self, body: &impl Fn(&Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.execute("SAVEPOINT ossa", &[])?;
        let done = body(self);
        let end = match &done {
            Ok(_) => "RELEASE SAVEPOINT ossa",
            Err(_) => "ROLLBACK TO SAVEPOINT ossa",
        };
        let ended = self.execute(end, &[]);
        let done = done?;
        ended?;
        Ok(done)
    }
}

fn has_nul(param: &SqlParam<'_>) -> bool {
    matches!(param, SqlParam::Text(text) if text.contains('\0'))
}

fn without_nul(param: &SqlParam<'_>) -> Option<String> {
    match param {
        SqlParam::Text(text) => Some(text.replace('\0', "\u{fffd}")),
        _ => None,
    }
}

/// `?, ?, ?`
pub(super) fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// `(?, ?), (?, ?)`
pub(super) fn rows_of_marks(rows: usize, columns: usize) -> String {
    vec![format!("({})", marks(columns)); rows].join(", ")
}
