//! Backends: what implements the ports. The only place for the client crates of databases and brokers.
//!
//! | DSN | Backend |
//! |---|---|
//! | `memory:` | this process's memory, gone with it |
//! | `sqlite:///srv/app/var/ossa.db` | one file, several processes of one machine |
//! | `sqlite://var/ossa.db` | the same, relative to the current folder |
//! | `redis://host:6379/0`, `rediss://…` | Redis, for many hosts; `rediss` is encrypted |
//! | `postgresql://user:password@host/database` | a PostgreSQL server, for many machines; also `postgres://` |
//! | `amqp://host:5672/vhost`, `amqps://…` | RabbitMQ: a queue without a store; `amqps` is encrypted |

#[cfg(any(feature = "postgres", feature = "rabbitmq", feature = "redis"))]
mod authority;
mod check;
mod checksum;
mod dsn;
mod listing;
mod memory;
#[cfg(any(
    feature = "sqlite",
    feature = "redis",
    feature = "postgres",
    feature = "rabbitmq"
))]
mod option;
#[cfg(any(feature = "sqlite", feature = "redis", feature = "postgres"))]
mod part;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
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
#[cfg(feature = "rabbitmq")]
pub use rabbitmq::{RabbitMqOptions, RabbitMqQueue};
#[cfg(feature = "redis")]
pub use redis::{RedisDurability, RedisOptions, RedisStore};
pub use sql::{
    SqlConnection, SqlError, SqlErrorKind, SqlField, SqlOptions, SqlParam, SqlPlatform, SqlRow,
    SqlStore,
};
#[cfg(feature = "sqlite")]
pub use sqlite::{Durability, SqliteOptions, SqliteStore};

use crate::port::{Backend, BrowsableQueue, Queue, StoreError};

/// Opens the backend the DSN names, creating it when it is not there yet.
///
/// # Errors
/// [`StoreError::Dsn`] naming the part that is wrong; [`StoreError::TooNew`], [`StoreError::Corrupt`] or
/// [`StoreError::Unavailable`] when there is a store that cannot be used. None of them repeats a credential.
pub fn open(dsn: &str) -> Result<Arc<dyn Backend>, StoreError> {
    Ok(match Named::read(dsn)? {
        Named::Memory => Arc::new(MemoryStore::new()),
        #[cfg(feature = "sqlite")]
        Named::Sqlite(options) => Arc::new(SqliteStore::open(options)?),
        #[cfg(feature = "redis")]
        Named::Redis(options) => Arc::new(RedisStore::open(*options)?),
        #[cfg(feature = "postgres")]
        Named::Postgres(options) => Arc::new(PostgresStore::open(*options)?),
    })
}

/// A queue without an engine.
#[derive(Clone)]
pub enum OpenQueue {
    /// A store's.
    Store(Arc<dyn Backend>),
    /// A message broker's.
    Broker(Arc<dyn Queue>),
}

impl OpenQueue {
    /// What any queue can do.
    #[must_use]
    pub fn queue(&self) -> Arc<dyn Queue> {
        match self {
            Self::Store(store) => Arc::clone(store) as Arc<dyn Queue>,
            Self::Broker(broker) => Arc::clone(broker),
        }
    }

    /// For looking at messages and picking one out, where that is possible.
    #[must_use]
    pub fn browsable(&self) -> Option<Arc<dyn BrowsableQueue>> {
        match self {
            Self::Store(store) => Some(Arc::clone(store) as Arc<dyn BrowsableQueue>),
            Self::Broker(_) => None,
        }
    }
}

/// Opens the queue the DSN names: of a broker, or of a store. `ossa+` before the scheme, by which hosts tell our DSNs from
/// those of others, says nothing here.
///
/// # Errors
/// As [`open`].
pub fn open_queue(dsn: &str) -> Result<OpenQueue, StoreError> {
    let dsn = without_host_prefix(dsn);
    match NamedQueue::read(dsn)? {
        NamedQueue::OfStore => open(dsn).map(OpenQueue::Store),
        #[cfg(feature = "rabbitmq")]
        NamedQueue::RabbitMq(options) => {
            let queue = RabbitMqQueue::open(*options)?;
            Ok(OpenQueue::Broker(Arc::new(queue)))
        }
    }
}

/// Whether [`open_queue`] understands the DSN, without opening anything.
///
/// # Errors
/// [`StoreError::Dsn`] naming the part that is wrong.
pub fn check_queue(dsn: &str) -> Result<(), StoreError> {
    NamedQueue::read(without_host_prefix(dsn)).map(drop)
}

fn without_host_prefix(dsn: &str) -> &str {
    dsn.strip_prefix("ossa+").unwrap_or(dsn)
}

/// Whether the store that the DSN names is there already, without creating it. One in memory never is.
///
/// # Errors
/// [`StoreError::Dsn`] naming the part that is wrong; [`StoreError::Unavailable`] when its server does not answer.
pub fn exists(dsn: &str) -> Result<bool, StoreError> {
    match Named::read(dsn)? {
        Named::Memory => Ok(false),
        #[cfg(feature = "sqlite")]
        Named::Sqlite(options) => Ok(options.path.exists()),
        #[cfg(feature = "redis")]
        Named::Redis(options) => RedisStore::exists(*options),
        #[cfg(feature = "postgres")]
        Named::Postgres(options) => PostgresStore::exists(*options),
    }
}

/// Whether closing the store that the DSN names would lose it.
#[must_use]
pub fn is_volatile(dsn: &str) -> bool {
    dsn::split(dsn).is_ok_and(|parts| parts.scheme == "memory" || parts.path_names_memory())
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

/// The store that a DSN names.
enum Named {
    Memory,
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteOptions),
    #[cfg(feature = "redis")]
    Redis(Box<RedisOptions>),
    #[cfg(feature = "postgres")]
    Postgres(Box<PostgresOptions>),
}

impl Named {
    fn read(dsn: &str) -> Result<Self, StoreError> {
        let parts = dsn::split(dsn)?;
        match parts.scheme {
            "memory" => parts.refuse_options().map(|()| Self::Memory),
            #[cfg(feature = "sqlite")]
            "sqlite" if parts.path_names_memory() => parts.refuse_options().map(|()| Self::Memory),
            #[cfg(feature = "sqlite")]
            "sqlite" => SqliteOptions::from_dsn(&parts).map(Self::Sqlite),
            #[cfg(feature = "redis")]
            "redis" | "rediss" => {
                RedisOptions::from_dsn(&parts).map(|options| Self::Redis(Box::new(options)))
            }
            #[cfg(feature = "postgres")]
            "postgresql" | "postgres" => {
                PostgresOptions::from_dsn(&parts).map(|options| Self::Postgres(Box::new(options)))
            }
            #[cfg(not(feature = "postgres"))]
            "postgresql" | "postgres" => Err(left_out("postgresql")),
            #[cfg(not(feature = "sqlite"))]
            "sqlite" => Err(left_out("sqlite")),
            #[cfg(not(feature = "redis"))]
            "redis" | "rediss" => Err(left_out("redis")),
            "amqp" | "amqps" => Err(dsn::wrong(
                "scheme",
                "a message broker keeps no runs: name a store here, and the broker as a transport",
            )),
            other => Err(dsn::wrong(
                "scheme",
                format!("`{other}` is none of memory, sqlite, postgresql, redis, rediss"),
            )),
        }
    }
}

/// The queue that a DSN names.
enum NamedQueue {
    OfStore,
    #[cfg(feature = "rabbitmq")]
    RabbitMq(Box<RabbitMqOptions>),
}

impl NamedQueue {
    fn read(dsn: &str) -> Result<Self, StoreError> {
        let parts = dsn::split(dsn)?;
        match parts.scheme {
            #[cfg(feature = "rabbitmq")]
            "amqp" | "amqps" => {
                RabbitMqOptions::from_dsn(&parts).map(|options| Self::RabbitMq(Box::new(options)))
            }
            #[cfg(not(feature = "rabbitmq"))]
            "amqp" | "amqps" => Err(left_out("rabbitmq")),
            _ => Named::read(dsn).map(|_| Self::OfStore),
        }
    }
}

#[cfg(not(all(
    feature = "sqlite",
    feature = "redis",
    feature = "postgres",
    feature = "rabbitmq"
)))]
fn left_out(scheme: &str) -> StoreError {
    dsn::wrong(
        "scheme",
        format!("this build has no `{scheme}` (it was built without that feature)"),
    )
}
