//! Backends: what implements the ports. The only place for the client crates of databases and brokers.
//!
//! | DSN | Backend |
//! |---|---|
//! | `memory:` | this process's memory, gone with it |
//! | `sqlite:///srv/app/var/ossa.db` | one file, several processes of one machine |
//! | `sqlite://var/ossa.db` | the same, relative to the current folder |
//! | `redis://host:6379/0`, `rediss://…` | Redis, for many hosts; `rediss` is encrypted |
//! | `postgresql://user:password@host/database` | a PostgreSQL server, for many machines; also `postgres://` |

mod check;
mod checksum;
mod dsn;
mod listing;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod row;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::sync::Arc;

pub use dsn::RedactedDsn;
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{Encryption, PostgresOptions, PostgresStore};
#[cfg(feature = "redis")]
pub use redis::{RedisDurability, RedisOptions, RedisStore};
pub use sql::{
    SqlConnection, SqlError, SqlErrorKind, SqlField, SqlOptions, SqlParam, SqlPlatform, SqlRow,
    SqlStore,
};
#[cfg(feature = "sqlite")]
pub use sqlite::{Durability, SqliteOptions, SqliteStore};

use crate::port::{Backend, StoreError};

/// Opens the backend the DSN names, creating it when it is not there yet.
///
/// # Errors
/// [`StoreError::Dsn`] naming the part that is wrong; [`StoreError::TooNew`], [`StoreError::Corrupt`] or
/// [`StoreError::Unavailable`] when there is a store that cannot be used. None of them repeats a credential.
pub fn open(dsn: &str) -> Result<Arc<dyn Backend>, StoreError> {
    let parts = dsn::split(dsn)?;
    match parts.scheme {
        "memory" => {
            parts.refuse_options()?;
            Ok(Arc::new(MemoryStore::new()))
        }
        "sqlite" => open_sqlite(&parts),
        "redis" | "rediss" => open_redis(&parts),
        "postgresql" | "postgres" => open_postgres(&parts),
        other => Err(unknown(other)),
    }
}

/// Whether the store that the DSN names is there already, without creating it. One in memory never is.
///
/// # Errors
/// [`StoreError::Dsn`] naming the part that is wrong; [`StoreError::Unavailable`] when its server does not answer.
pub fn exists(dsn: &str) -> Result<bool, StoreError> {
    let parts = dsn::split(dsn)?;
    match parts.scheme {
        #[cfg(feature = "sqlite")]
        "sqlite" if !parts.path_names_memory() => {
            Ok(SqliteOptions::from_dsn(&parts)?.path.exists())
        }
        #[cfg(feature = "redis")]
        "redis" | "rediss" => RedisStore::exists(RedisOptions::from_dsn(&parts)?),
        #[cfg(feature = "postgres")]
        "postgresql" | "postgres" => PostgresStore::exists(PostgresOptions::from_dsn(&parts)?),
        "sqlite" | "memory" => Ok(false),
        other => Err(unknown(other)),
    }
}

/// Whether closing the store that the DSN names would lose it.
#[must_use]
pub fn is_volatile(dsn: &str) -> bool {
    dsn::split(dsn).is_ok_and(|parts| parts.scheme == "memory" || parts.path_names_memory())
}

fn unknown(scheme: &str) -> StoreError {
    dsn::wrong(
        "scheme",
        format!("`{scheme}` is none of memory, sqlite, postgresql, redis, rediss"),
    )
}

/// The stores of this build: the scheme of their DSN, and the version of the library behind it.
#[must_use]
pub fn backends() -> Vec<(&'static str, String)> {
    vec![
        ("memory", "built in".to_owned()),
        #[cfg(feature = "postgres")]
        (
            "postgresql",
            "a PostgreSQL server, from version 12 on".to_owned(),
        ),
        #[cfg(feature = "sqlite")]
        ("sqlite", format!("SQLite {}", rusqlite::version())),
        #[cfg(feature = "redis")]
        ("redis", "client for Redis 7 and newer".to_owned()),
    ]
}

#[cfg(feature = "sqlite")]
fn open_sqlite(parts: &dsn::Parts<'_>) -> Result<Arc<dyn Backend>, StoreError> {
    if parts.path_names_memory() {
        parts.refuse_options()?;
        return Ok(Arc::new(MemoryStore::new()));
    }
    let options = SqliteOptions::from_dsn(parts)?;
    Ok(Arc::new(SqliteStore::open(options)?))
}

#[cfg(not(feature = "sqlite"))]
fn open_sqlite(_parts: &dsn::Parts<'_>) -> Result<Arc<dyn Backend>, StoreError> {
    Err(dsn::wrong(
        "scheme",
        "this build has no `sqlite` (it was built without that feature)",
    ))
}

#[cfg(feature = "redis")]
fn open_redis(parts: &dsn::Parts<'_>) -> Result<Arc<dyn Backend>, StoreError> {
    let options = RedisOptions::from_dsn(parts)?;
    Ok(Arc::new(RedisStore::open(options)?))
}

#[cfg(not(feature = "redis"))]
fn open_redis(_parts: &dsn::Parts<'_>) -> Result<Arc<dyn Backend>, StoreError> {
    Err(dsn::wrong(
        "scheme",
        "this build has no `redis` (it was built without that feature)",
    ))
}

#[cfg(feature = "postgres")]
fn open_postgres(parts: &dsn::Parts<'_>) -> Result<Arc<dyn Backend>, StoreError> {
    let options = PostgresOptions::from_dsn(parts)?;
    Ok(Arc::new(PostgresStore::open(options)?))
}

#[cfg(not(feature = "postgres"))]
fn open_postgres(_parts: &dsn::Parts<'_>) -> Result<Arc<dyn Backend>, StoreError> {
    Err(dsn::wrong(
        "scheme",
        "this build has no `postgresql` (it was built without the feature `postgres`)",
    ))
}
