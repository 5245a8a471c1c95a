use rusqlite::{Connection, params};
use serde_json::Value;

use super::SqliteStore;
use super::fault::Fault;
use super::value::{count, maybe_time};
use crate::adapter::row::at_most;
use crate::port::{KeyValue, KvEntry, KvVersion, KvWrite, StoreError, Timestamp};

impl KeyValue for SqliteStore {
    fn kv_get(
        &self,
        namespace: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KvEntry>, StoreError> {
        self.readers
            .read("read a key", |db| get(db, namespace, key, now))
    }

    fn kv_write(&self, write: &KvWrite, now: Timestamp) -> Result<Option<KvVersion>, StoreError> {
        self.writer.durably("write a key", |db| put(db, write, now))
    }

    fn kv_keys(
        &self,
        namespace: &str,
        prefix: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.readers
            .read("list keys", |db| keys(db, namespace, prefix, now, limit))
    }

    fn kv_prune(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.writer.durably("prune keys", |db| {
            let removed = db
                .prepare_cached("DELETE FROM kv WHERE expires_at <= ?1")?
                .execute([now.as_millis()])?;
            Ok(removed as u64)
        })
    }
}

fn get(
    db: &Connection,
    namespace: &str,
    key: &str,
    now: Timestamp,
) -> Result<Option<KvEntry>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT version, value, expires_at FROM kv WHERE namespace = ?1 AND key = ?2
            AND (expires_at IS NULL OR expires_at > ?3)",
    )?;
    let mut rows = select.query(params![namespace, key, now.as_millis()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let value: String = row.get(1)?;
    let value: Value = serde_json::from_str(&value).map_err(|error| {
        Fault::damaged(format!("key `{key}` of `{namespace}`"), error.to_string())
    })?;
    Ok(Some(KvEntry {
        value,
        version: count(row, 0)?,
        expires_at: maybe_time(row, 2)?,
    }))
}

fn put(db: &Connection, write: &KvWrite, now: Timestamp) -> Result<Option<KvVersion>, Fault> {
    if let Some(expected) = write.expected
        && version(db, write, now)? != expected
    {
        return Ok(None);
    }
    let Some(value) = &write.value else {
        db.prepare_cached("DELETE FROM kv WHERE namespace = ?1 AND key = ?2")?
            .execute(params![write.namespace, write.key])?;
        return Ok(Some(0));
    };
    // Replacing gives the row a new number, which is the new version.
    db.prepare_cached(
        "INSERT OR REPLACE INTO kv (namespace, key, value, expires_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        write.namespace,
        write.key,
        value.to_string(),
        write.expires_at.map(Timestamp::as_millis),
    ])?;
    Ok(Some(db.last_insert_rowid().cast_unsigned()))
}

fn version(db: &Connection, write: &KvWrite, now: Timestamp) -> Result<KvVersion, Fault> {
    let mut select = db.prepare_cached(
        "SELECT version FROM kv WHERE namespace = ?1 AND key = ?2
            AND (expires_at IS NULL OR expires_at > ?3)",
    )?;
    let mut rows = select.query(params![write.namespace, write.key, now.as_millis()])?;
    match rows.next()? {
        Some(row) => count(row, 0),
        None => Ok(0),
    }
}

fn keys(
    db: &Connection,
    namespace: &str,
    prefix: &str,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<String>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT key FROM kv WHERE namespace = ?1 AND key >= ?2 AND substr(key, 1, length(?2)) = ?2
            AND (expires_at IS NULL OR expires_at > ?3) ORDER BY key LIMIT ?4",
    )?;
    let keys = select.query_map(
        params![namespace, prefix, now.as_millis(), at_most(limit)],
        |row| row.get(0),
    )?;
    Ok(keys.collect::<Result<_, _>>()?)
}
