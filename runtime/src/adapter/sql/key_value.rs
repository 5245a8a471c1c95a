use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::SqlStore;
use super::connection::SqlParam::{Integer, Text};
use super::database::Database;
use super::fault::Fault;
use super::value::{maybe_time, time};
use crate::adapter::row::at_most;
use crate::port::{KeyValue, KvEntry, KvVersion, KvWrite, StoreError, Timestamp};

impl KeyValue for SqlStore {
    fn kv_get(
        &self,
        namespace: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KvEntry>, StoreError> {
        self.database()
            .at_once("read a key", |database| get(database, namespace, key, now))
    }

    fn kv_write(&self, write: &KvWrite, now: Timestamp) -> Result<Option<KvVersion>, StoreError> {
        self.database()
            .write("write a key", |database| put(database, write, now))
    }

    fn kv_keys(
        &self,
        namespace: &str,
        prefix: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.database().at_once("list keys", |database| {
            keys(database, namespace, prefix, now, limit)
        })
    }

    fn kv_prune(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.database().at_once("prune keys", |database| {
            database.execute("DELETE FROM @kv WHERE expires_at <= ?", &[time(now)])
        })
    }
}

fn get(
    database: &Database<'_>,
    namespace: &str,
    key: &str,
    now: Timestamp,
) -> Result<Option<KvEntry>, Fault> {
    let found = database.first(
        "SELECT version, value, expires_at FROM @kv WHERE namespace = ? AND name = ?
            AND (expires_at IS NULL OR expires_at > ?)",
        &[Text(namespace), Text(key), time(now)],
    )?;
    let Some(mut row) = found else {
        return Ok(None);
    };
    let value: Value = serde_json::from_str(&row.text(1)?).map_err(|error| {
        Fault::damaged(format!("key `{key}` of `{namespace}`"), error.to_string())
    })?;
    Ok(Some(KvEntry {
        value,
        version: row.count(0)?,
        expires_at: row.maybe_time(2)?,
    }))
}

fn put(
    database: &Database<'_>,
    write: &KvWrite,
    now: Timestamp,
) -> Result<Option<KvVersion>, Fault> {
    let place = [Text(&write.namespace), Text(&write.key)];
    let sql = format!(
        "SELECT version, expires_at FROM @kv WHERE namespace = ? AND name = ?{}",
        database.dialect.for_update()
    );
    let found = match database.first(&sql, &place)? {
        None => None,
        Some(row) => {
            let expired = row.maybe_time(1)?.is_some_and(|at| at <= now);
            Some((row.count::<KvVersion>(0)?, expired))
        }
    };
    let current = found.map_or(0, |(version, expired)| if expired { 0 } else { version });
    if write.expected.is_some_and(|expected| expected != current) {
        return Ok(None);
    }
    let Some(value) = &write.value else {
        database.execute("DELETE FROM @kv WHERE namespace = ? AND name = ?", &place)?;
        return Ok(Some(0));
    };
    let version = found
        .map_or(0, |(version, _)| version)
        .saturating_add(1)
        .max(clock());
    let value = value.to_string();
    let number = Integer(i64::try_from(version).unwrap_or(i64::MAX));
    let expires_at = maybe_time(write.expires_at);
    let [namespace, key] = place;
    if found.is_some() {
        database.execute(
            "UPDATE @kv SET version = ?, value = ?, expires_at = ? WHERE namespace = ? AND name = ?",
            &[number, Text(&value), expires_at, namespace, key],
        )?;
        return Ok(Some(version));
    }
    let is_new = database.insert_new(
        "INSERT INTO @kv (namespace, name, version, value, expires_at) VALUES (?, ?, ?, ?, ?)",
        &[namespace, key, number, Text(&value), expires_at],
    )?;
    match (is_new, write.expected) {
        (true, _) => Ok(Some(version)),
        // Somebody else has created it since.
        (false, Some(_)) => Ok(None),
        (false, None) => Err(Fault::conflict("the key was created by someone else")),
    }
}

/// Microseconds since 1970. A version is at least this, so that what is created after a delete gets a higher one than what
/// was deleted, without a trace of it being kept.
fn clock() -> KvVersion {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(1, |now| u64::try_from(now.as_micros()).unwrap_or(1))
}

fn keys(
    database: &Database<'_>,
    namespace: &str,
    prefix: &str,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<String>, Fault> {
    let rows = database.query(
        "SELECT name FROM @kv WHERE namespace = ? AND name >= ?
            AND (expires_at IS NULL OR expires_at > ?) ORDER BY name LIMIT ?",
        &[
            Text(namespace),
            Text(prefix),
            time(now),
            Integer(at_most(limit)),
        ],
    )?;
    let mut keys = Vec::new();
    for mut row in rows {
        let key = row.text(0)?;
        // Names are sorted by their bytes, so those that begin so come first.
        if !key.starts_with(prefix) {
            break;
        }
        keys.push(key);
    }
    Ok(keys)
}
