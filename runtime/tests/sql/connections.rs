//! A database in a file, and connections to it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ossa_runtime::adapter::{
    SqlConnection, SqlError, SqlErrorKind, SqlField, SqlOptions, SqlParam, SqlPlatform, SqlRow,
    SqlStore,
};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, params_from_iter};
use tempfile::TempDir;

/// An application's database.
pub struct Database {
    folder: TempDir,
    deadlock: Arc<AtomicBool>,
    strayed: Arc<AtomicBool>,
}

impl Database {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            deadlock: Arc::default(),
            strayed: Arc::default(),
        }
    }

    /// Connections of their own for each thread that calls.
    pub fn connections(&self) -> Connections {
        Connections {
            path: self.folder.path().join("application.db"),
            deadlock: Arc::clone(&self.deadlock),
            strayed: Arc::clone(&self.strayed),
            only: None,
        }
    }

    /// One connection, which notes it when another thread calls.
    pub fn connection_of_this_thread(&self) -> Connections {
        Connections {
            only: Some(thread::current().id()),
            ..self.connections()
        }
    }

    /// Whether a connection of one thread was called from another.
    pub fn strayed(&self) -> bool {
        self.strayed.load(Ordering::SeqCst)
    }

    pub fn store(&self) -> Arc<SqlStore> {
        Arc::new(self.open(SqlOptions::default()).unwrap())
    }

    pub fn open(&self, options: SqlOptions) -> Result<SqlStore, ossa_runtime::port::StoreError> {
        SqlStore::open(Box::new(self.connections()), options)
    }

    /// Has the next commit of any connection lose against another transaction.
    pub fn lose_the_next_commit(&self) {
        self.deadlock.store(true, Ordering::SeqCst);
    }
}

pub struct Connections {
    path: PathBuf,
    deadlock: Arc<AtomicBool>,
    strayed: Arc<AtomicBool>,
    only: Option<ThreadId>,
}

thread_local! {
    static OPEN: RefCell<HashMap<PathBuf, Connection>> = RefCell::default();
}

impl Connections {
    /// This thread's connection.
    pub fn with<T>(
        &self,
        body: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, SqlError> {
        if self.only.is_some_and(|only| only != thread::current().id()) {
            self.strayed.store(true, Ordering::SeqCst);
        }
        OPEN.with_borrow_mut(|open| {
            let db = open.entry(self.path.clone()).or_insert_with(|| {
                let db = Connection::open(&self.path).unwrap();
                db.busy_timeout(Duration::from_secs(30)).unwrap();
                let fast = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF";
                db.execute_batch(fast).unwrap();
                db
            });
            body(db).map_err(|error| SqlError {
                kind: kind(&error),
                message: error.to_string(),
            })
        })
    }

    pub fn say(&self, sql: &str) {
        self.with(|db| db.execute_batch(sql)).unwrap();
    }
}

fn kind(error: &rusqlite::Error) -> SqlErrorKind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SqlErrorKind::Conflict,
        Some(ErrorCode::ConstraintViolation) => SqlErrorKind::Duplicate,
        Some(ErrorCode::DiskFull) => SqlErrorKind::Full,
        Some(ErrorCode::CannotOpen) => SqlErrorKind::Unavailable,
        _ => SqlErrorKind::Other,
    }
}

struct Bound<'a>(&'a SqlParam<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            SqlParam::Null => ToSqlOutput::Owned(Value::Null),
            SqlParam::Integer(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            SqlParam::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            SqlParam::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn field(value: ValueRef<'_>) -> SqlField {
    match value {
        ValueRef::Null => SqlField::Null,
        ValueRef::Integer(number) => SqlField::Integer(number),
        ValueRef::Real(number) => SqlField::Bytes(number.to_string().into_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => SqlField::Bytes(bytes.to_vec()),
    }
}

impl SqlConnection for Connections {
    fn platform(&self) -> Result<SqlPlatform, SqlError> {
        Ok(SqlPlatform::Sqlite)
    }

    fn query(&self, sql: &str, params: &[SqlParam<'_>]) -> Result<Vec<SqlRow>, SqlError> {
        self.with(|db| {
            let mut select = db.prepare_cached(sql)?;
            let columns = select.column_count();
            let mut rows = select.query(params_from_iter(params.iter().map(Bound)))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let fields = (0..columns).map(|column| row.get_ref(column).map(field));
                found.push(fields.collect::<Result<_, _>>()?);
            }
            Ok(found)
        })
    }

    fn execute(&self, sql: &str, params: &[SqlParam<'_>]) -> Result<u64, SqlError> {
        self.with(|db| {
            let changed = db
                .prepare_cached(sql)?
                .execute(params_from_iter(params.iter().map(Bound)))?;
            Ok(changed as u64)
        })
    }

    fn begin(&self) -> Result<(), SqlError> {
        self.with(|db| db.execute_batch("BEGIN"))
    }

    fn commit(&self) -> Result<(), SqlError> {
        if self.deadlock.swap(false, Ordering::SeqCst) {
            return Err(SqlError {
                kind: SqlErrorKind::Conflict,
                message: "deadlock found".to_owned(),
            });
        }
        self.with(|db| db.execute_batch("COMMIT"))
    }

    fn roll_back(&self) -> Result<(), SqlError> {
        self.with(|db| db.execute_batch("ROLLBACK"))
    }

    fn is_transaction_active(&self) -> Result<bool, SqlError> {
        self.with(|db| Ok(!db.is_autocommit()))
    }
}
