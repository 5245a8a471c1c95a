use super::number::{Reader, at_most, damaged, millis, timestamp};
use super::reply::Reply;
use super::{RedisStore, script};
use crate::port::{KeyValue, KvEntry, KvVersion, KvWrite, StoreError, Timestamp};

impl KeyValue for RedisStore {
    fn kv_get(
        &self,
        namespace: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KvEntry>, StoreError> {
        let mut call = self.server.call(&script::KV_GET);
        call.arg(namespace).arg(key).arg(millis(now));
        let Some(packed) = self.server.run("read a key", &call)?.maybe_bytes()? else {
            return Ok(None);
        };
        let mut read = Reader::new(&packed, "a value");
        let version = read.u64()?;
        let expires_at = timestamp(read.i64()?);
        let value = serde_json::from_slice(read.rest())
            .map_err(|error| damaged(format!("key `{key}` of `{namespace}`"), error.to_string()))?;
        Ok(Some(KvEntry {
            value,
            version,
            expires_at: (expires_at != Timestamp::NEVER).then_some(expires_at),
        }))
    }

    fn kv_write(&self, write: &KvWrite, now: Timestamp) -> Result<Option<KvVersion>, StoreError> {
        let mut call = self.server.call(match write.value {
            Some(_) => &script::KV_PUT,
            None => &script::KV_DELETE,
        });
        let expected = write.expected.map(|it| it.to_string()).unwrap_or_default();
        call.arg(&write.namespace)
            .arg(&write.key)
            .arg(millis(now))
            .arg(expected);
        if let Some(value) = &write.value {
            call.arg(millis(write.expires_at.unwrap_or(Timestamp::NEVER)))
                .arg(value.to_string());
        }
        let version = self.write("write a key", &call)?.maybe_text()?;
        let version = version.map(|it| it.parse()).transpose();
        version.map_err(|_| damaged("an answer", "it is no version"))
    }

    fn kv_keys(
        &self,
        namespace: &str,
        prefix: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut call = self.server.call(&script::KV_KEYS);
        call.arg(namespace)
            .arg(prefix)
            .arg(millis(now))
            .arg(at_most(limit));
        let keys = self.server.run("list keys", &call)?.list()?;
        keys.into_iter().map(Reply::text).collect()
    }

    fn kv_prune(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut call = self.server.call(&script::KV_PRUNE);
        call.arg(millis(now));
        self.server.run("prune keys", &call)?.count()
    }
}
