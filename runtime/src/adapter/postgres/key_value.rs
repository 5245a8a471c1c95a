use serde_json::Value;

use super::PostgresStore;
use super::fault::Fault;
use super::session::{Call, Session};
use super::value::{count, get, maybe_time, text};
use crate::adapter::row::at_most;
use crate::port::{KeyValue, KvEntry, KvVersion, KvWrite, StoreError, Timestamp};

const GET: &str = "SELECT version, value, expires_at FROM ossa.kv
    WHERE namespace = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > $3)";

/// The number is drawn once the row is locked, so each write of a key has a higher one than the write before.
const PUT: &str = "INSERT INTO ossa.kv (namespace, key, version, value, expires_at)
    VALUES ($1, $2, nextval('ossa.kv_version'), $3, $4)
    ON CONFLICT (namespace, key) DO UPDATE SET version = nextval('ossa.kv_version'), value = excluded.value,
        expires_at = excluded.expires_at";
const IF_ABSENT: &str = " WHERE kv.expires_at <= $5";

const REPLACE: &str =
    "UPDATE ossa.kv SET version = nextval('ossa.kv_version'), value = $3, expires_at = $4
    WHERE namespace = $1 AND key = $2 AND version = $6 AND (expires_at IS NULL OR expires_at > $5)
    RETURNING version";

const DELETE: &str = "DELETE FROM ossa.kv WHERE namespace = $1 AND key = $2";
const IF_CURRENT: &str =
    " AND version = $3 AND (expires_at IS NULL OR expires_at > $4) RETURNING version";

const KEYS: &str =
    "SELECT key FROM ossa.kv WHERE namespace = $1 AND key >= $2 AND starts_with(key, $2)
        AND (expires_at IS NULL OR expires_at > $3)
    ORDER BY key LIMIT $4";

const PRUNE: &str = "WITH gone AS (DELETE FROM ossa.kv WHERE expires_at <= $1 RETURNING 1) SELECT count(*) FROM gone";

impl KeyValue for PostgresStore {
    fn kv_get(
        &self,
        namespace: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KvEntry>, StoreError> {
        self.pool
            .with("read a key", |db| read(db, namespace, key, now))
    }

    fn kv_write(&self, write: &KvWrite, now: Timestamp) -> Result<Option<KvVersion>, StoreError> {
        self.pool.with("write a key", |db| match &write.value {
            Some(value) => put(db, write, value, now),
            None => delete(db, write, now),
        })
    }

    fn kv_keys(
        &self,
        namespace: &str,
        prefix: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.pool.with("list keys", |db| {
            let call = Call::new(KEYS)
                .with(text(namespace))
                .with(text(prefix))
                .with(now.as_millis())
                .with(at_most(limit));
            db.read(call)?.iter().map(|row| get(row, 0)).collect()
        })
    }

    fn kv_prune(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.pool.with("prune keys", |db| {
            let rows = db.durably(Call::new(PRUNE).with(now.as_millis()), false)?;
            rows.first().map_or(Ok(0), |row| count(row, 0))
        })
    }
}

fn read(
    session: &mut Session,
    namespace: &str,
    key: &str,
    now: Timestamp,
) -> Result<Option<KvEntry>, Fault> {
    let call = Call::new(GET)
        .with(text(namespace))
        .with(text(key))
        .with(now.as_millis());
    let rows = session.read(call)?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let value: &str = get(row, 1)?;
    let value: Value = serde_json::from_str(value).map_err(|error| {
        Fault::damaged(format!("key `{key}` of `{namespace}`"), error.to_string())
    })?;
    Ok(Some(KvEntry {
        value,
        version: count(row, 0)?,
        expires_at: maybe_time(row, 2)?,
    }))
}

fn put(
    session: &mut Session,
    write: &KvWrite,
    value: &Value,
    now: Timestamp,
) -> Result<Option<KvVersion>, Fault> {
    let sql = match write.expected {
        None => format!("{PUT} RETURNING version"),
        Some(0) => format!("{PUT}{IF_ABSENT} RETURNING version"),
        Some(_) => REPLACE.to_owned(),
    };
    let mut call = Call::new(sql)
        .with(text(&write.namespace))
        .with(text(&write.key))
        .with(value.to_string())
        .with(write.expires_at.map(Timestamp::as_millis));
    if let Some(expected) = write.expected {
        call = call.with(now.as_millis());
        if expected > 0 {
            call = call.with(expected.cast_signed());
        }
    }
    let rows = session.durably(call, false)?;
    rows.first().map(|row| count(row, 0)).transpose()
}

fn delete(
    session: &mut Session,
    write: &KvWrite,
    now: Timestamp,
) -> Result<Option<KvVersion>, Fault> {
    let (namespace, key) = (text(&write.namespace), text(&write.key));
    match write.expected {
        None => {
            session.durably(Call::new(DELETE).with(namespace).with(key), false)?;
            Ok(Some(0))
        }
        Some(0) => {
            let there = read(session, &write.namespace, &write.key, now)?;
            Ok(there.is_none().then_some(0))
        }
        Some(expected) => {
            let call = Call::new(format!("{DELETE}{IF_CURRENT}"))
                .with(namespace)
                .with(key)
                .with(expected.cast_signed())
                .with(now.as_millis());
            let rows = session.durably(call, false)?;
            Ok((!rows.is_empty()).then_some(0))
        }
    }
}
