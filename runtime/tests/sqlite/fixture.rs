use std::path::{Path, PathBuf};

use ossa_runtime::adapter::{SqliteOptions, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

/// A folder for one store, removed at the end of the test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("ossa.db")
    }

    pub(crate) fn open(&self) -> SqliteStore {
        open(&self.path())
    }

    /// The file as any SQLite client sees it.
    pub(crate) fn sql(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

pub(crate) fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(SqliteOptions::new(path)).unwrap()
}

/// `ok`, or what is broken in the file.
pub(crate) fn integrity(path: &Path) -> String {
    let db = Connection::open(path).unwrap();
    db.query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap()
}
