//! Opening connections.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::checkpoint::Checkpoints;
use super::fault::Fault;
use super::options::SqliteOptions;
use super::schema;
use crate::adapter::dsn::wrong;
use crate::port::StoreError;

/// Statements kept prepared per connection; the adapter has fewer.
const STATEMENTS: usize = 128;

/// The connection that creates the file when needed, and that writes.
pub(super) fn open_for_writing(
    options: &SqliteOptions,
    checkpoints: &Arc<Checkpoints>,
) -> Result<Connection, Fault> {
    prepare_file(&options.path)?;
    let mut db = open(options)?;
    schema::check(&db)?;
    use_write_ahead_log(&db, options.busy_timeout)?;
    // 16 MiB of pages at most; the writer's cache is the only one that stays valid from one commit to the next.
    db.pragma_update(None, "cache_size", -16_384)?;
    schema::migrate(&db)?;
    let checkpoints = Arc::clone(checkpoints);
    db.wal_hook(Some(move |log: &mut Wal, pages| {
        checkpoints.after_commit(log, pages);
        // An error would be taken for one of the commit.
        Ok(())
    }))?;
    Ok(db)
}

/// A connection that only reads a file that is there already.
pub(super) fn open_for_reading(options: &SqliteOptions) -> Result<Connection, Fault> {
    let db = open(options)?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

/// A connection that only looks whether others have committed. When it cannot even do that at once, that is an answer.
pub(super) fn open_for_watching(options: &SqliteOptions) -> Result<Connection, Fault> {
    let db = open_for_reading(options)?;
    db.busy_timeout(Duration::ZERO)?;
    Ok(db)
}

/// A connection that copies the log into the database file.
pub(super) fn open_for_copying(options: &SqliteOptions) -> Result<Connection, Fault> {
    let db = open(options)?;
    // Reads the schema, without which SQLite does not know that there is a log.
    schema::check(&db)?;
    Ok(db)
}

fn open(options: &SqliteOptions) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(&options.path, flags)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.busy_handler(Some(patience(options.busy_timeout)))?;
    db.pragma_update(None, "temp_store", "memory")?;
    db.pragma_update(None, "trusted_schema", false)?;
    Ok(db)
}

/// Waits for another process's transaction. Those take well under a millisecond, so the first sleeps are short: SQLite's
/// own handler would sleep for several.
fn patience(timeout: Duration) -> impl FnMut(i32) -> bool + Send + 'static {
    const STEPS: [u64; 6] = [50, 50, 100, 200, 500, 1000];
    let mut since = Instant::now();
    move |tries| {
        if tries == 0 {
            since = Instant::now();
        }
        if since.elapsed() >= timeout {
            return false;
        }
        let step = usize::try_from(tries).ok().and_then(|it| STEPS.get(it));
        sleep(Duration::from_micros(step.copied().unwrap_or(2000)));
        true
    }
}

/// Creates the file and its folder when missing. Neither is readable by other users of the machine: the file holds the
/// key with which step tokens are signed, and what messages carry.
fn prepare_file(path: &Path) -> Result<(), Fault> {
    let refuse =
        |error: io::Error| Fault::Store(wrong("path", format!("`{}`: {error}", path.display())));
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(refuse)?;
    }
    let mut file = OpenOptions::new();
    // Not truncated: another process may have created and filled it by now.
    file.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o660);
    file.open(path).map(drop).map_err(refuse)
}

/// Readers and the writer do not block each other in this mode, which the file keeps. Switching to it needs the file for
/// oneself for a moment, and SQLite does not call the busy handler for that.
fn use_write_ahead_log(db: &Connection, timeout: Duration) -> Result<(), Fault> {
    let since = Instant::now();
    loop {
        let mode =
            db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => {
                return Err(Fault::Store(wrong(
                    "path",
                    "its file system has no shared memory between processes (a network share?)",
                )));
            }
            Err(error) if schema::is_busy(&error) && since.elapsed() < timeout => {
                sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The same failures, told as what they mean when the store is opened.
pub(super) fn while_opening(fault: Fault, path: &Path) -> StoreError {
    match fault {
        Fault::Sqlite(error)
            if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
            ) =>
        {
            wrong("path", format!("`{}`: {error}", path.display()))
        }
        other => other.into_store_error("open the store"),
    }
}
