//! The tables, and how an older store gets them.

use super::fault::Fault;
use super::session::{Call, Session};
use crate::adapter::dsn::wrong;
use crate::port::StoreError;

/// Each brings the schema from the version before it to its own (its place, counted from 1). Forward only; an entry that
/// was released never changes.
const MIGRATIONS: &[&str] = &[include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// Of several processes that open a store at once, one creates it and the others wait. `OSSA` in ASCII.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1330860865, hashtext($1))";

/// What is there of a store.
struct There {
    schema: bool,
    /// `None` without a store; 0 when the table is somebody else's.
    version: Option<u32>,
}

/// Whether there is a store in the schema.
pub(super) fn exists(session: &mut Session, schema: &str) -> Result<bool, Fault> {
    Ok(look(session, schema)?.version.is_some())
}

/// Brings the schema up to date. A store of a newer version is refused before anything is changed.
pub(super) fn migrate(session: &mut Session, schema: &str) -> Result<(), Fault> {
    if refuse_foreign(&look(session, schema)?, schema)? == newest() {
        return Ok(());
    }
    session.begin(&[Call::new(LOCK).with(schema)])?;
    let there = look(session, schema)?;
    let found = refuse_foreign(&there, schema)?;
    // Asked for only where it is missing: it takes a right that the owner of the schema need not have.
    if !there.schema {
        session.script(&format!("CREATE SCHEMA {schema}"))?;
    }
    if there.version.is_none() {
        session.script(
            "CREATE TABLE ossa.meta (name text COLLATE \"C\" PRIMARY KEY, value bytea NOT NULL)",
        )?;
    }
    for (migration, reached) in MIGRATIONS.iter().zip(1_u32..) {
        if reached > found {
            session.script(migration)?;
        }
    }
    let version = newest().to_string().into_bytes();
    let note = "INSERT INTO ossa.meta (name, value) VALUES ('schema_version', $1)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    session.commit(&[Call::new(note).with(version)], false)?;
    Ok(())
}

fn look(session: &mut Session, schema: &str) -> Result<There, Fault> {
    // Not by the functions that look names up: these may answer from before the lock was granted.
    let found = session.read(
        Call::new(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1), EXISTS (
                SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE n.nspname = $1 AND c.relname = 'meta'
            )",
        )
        .with(schema),
    )?;
    let is = |column| {
        let first = found.first();
        first.is_some_and(|row| row.try_get(column).unwrap_or(false))
    };
    let (schema, meta) = (is(0), is(1));
    if !meta {
        return Ok(There {
            schema,
            version: None,
        });
    }
    let rows = session.read(Call::new(
        "SELECT convert_from(value, 'UTF8') FROM ossa.meta WHERE name = 'schema_version'",
    ))?;
    let version: Option<String> = rows.first().and_then(|row| row.try_get(0).ok());
    Ok(There {
        schema,
        version: Some(version.and_then(|it| it.parse().ok()).unwrap_or(0)),
    })
}

/// The version there is, 0 without a store.
fn refuse_foreign(there: &There, schema: &str) -> Result<u32, Fault> {
    let known = newest();
    match there.version {
        None => Ok(0),
        Some(0) => Err(Fault::Store(wrong(
            "option schema",
            format!("the schema `{schema}` holds another application's tables: choose another"),
        ))),
        Some(found) if found > known => Err(Fault::Store(StoreError::TooNew { found, known })),
        Some(found) => Ok(found),
    }
}

fn newest() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}
