//! The tables, and how an older file gets them.

use rusqlite::{Connection, ErrorCode};

use super::fault::Fault;
use crate::port::StoreError;

/// `OSSA` in ASCII: tells our files from other applications'.
const APPLICATION_ID: i64 = 0x4f53_5341;

/// Each brings the schema from the version before it to its own (its place, counted from 1). Forward only; an entry that
/// was released never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
];

/// Refuses files that are not ours or are from a newer build, before anything is changed in them.
pub(super) fn check(db: &Connection) -> Result<(), Fault> {
    let (application, version, tables) = db.query_row(
        "SELECT (SELECT application_id FROM pragma_application_id),
            (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)",
        [],
        |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, u32>(1)?,
                row.get::<_, i64>(2)?,
            ))
        },
    )?;
    let is_ours = application == APPLICATION_ID;
    let is_new = application == 0 && version == 0 && tables == 0;
    if !is_ours && !is_new {
        return Err(Fault::Store(StoreError::Dsn {
            part: "path".to_owned(),
            reason: "the file is another application's database: give the store one of its own"
                .to_owned(),
        }));
    }
    refuse_newer(version)
}

/// Brings the schema up to date. Of several processes that open a file at once, one does it and the others wait.
pub(super) fn migrate(db: &Connection) -> Result<(), Fault> {
    if version(db)? == newest() {
        return Ok(());
    }
    db.execute_batch("BEGIN EXCLUSIVE")?;
    let done = migrate_alone(db);
    match done {
        Ok(()) => db.execute_batch("COMMIT")?,
        // The transaction may already be gone; what matters is why.
        Err(_) => drop(db.execute_batch("ROLLBACK")),
    }
    done
}

fn migrate_alone(db: &Connection) -> Result<(), Fault> {
    let found = version(db)?;
    refuse_newer(found)?;
    for (migration, reached) in MIGRATIONS.iter().zip(1_u32..) {
        if reached > found {
            db.execute_batch(migration)?;
        }
    }
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    db.pragma_update(None, "user_version", newest())?;
    Ok(())
}

fn refuse_newer(found: u32) -> Result<(), Fault> {
    let known = newest();
    if found > known {
        return Err(Fault::Store(StoreError::TooNew { found, known }));
    }
    Ok(())
}

fn version(db: &Connection) -> Result<u32, Fault> {
    Ok(db.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn newest() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// Whether the failure only says that another connection is at work.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
