//! Records of the engine's own in the key-value space of the store, as JSON.
//!
//! One that cannot be read counts as one that is not there: a newer build wrote it, or nobody did.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::core::Core;
use crate::error::Error;
use crate::port::{KvEntry, KvVersion, KvWrite, Timestamp};

/// Others may change a record meanwhile.
const TRIES: u32 = 200;

/// What becomes of a record.
pub(super) enum Change<T, A> {
    /// It stays as it is.
    Keep(A),
    /// Another takes its place.
    Put {
        record: T,
        expires_at: Option<Timestamp>,
        answer: A,
    },
}

impl Core {
    /// A record.
    pub(super) fn record<T: DeserializeOwned>(
        &self,
        namespace: &str,
        key: &str,
    ) -> Result<Option<T>, Error> {
        let entry = self.backend()?.kv_get(namespace, key, self.now())?;
        Ok(entry.and_then(read))
    }

    /// At most `limit` records whose keys begin with `prefix`, by their keys.
    pub(super) fn records<T: DeserializeOwned>(
        &self,
        namespace: &str,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<T>, Error> {
        let (backend, now) = (self.backend()?, self.now());
        let mut records = Vec::new();
        for key in backend.kv_keys(namespace, prefix, now, limit)? {
            records.extend(backend.kv_get(namespace, &key, now)?.and_then(read));
        }
        Ok(records)
    }

    /// Writes a record, whatever was there.
    pub(super) fn put_record<T: Serialize>(
        &self,
        namespace: &str,
        key: &str,
        record: &T,
        expires_at: Option<Timestamp>,
    ) -> Result<(), Error> {
        let write = write(namespace, key, Some(json!(record)), expires_at, None);
        self.backend()?.kv_write(&write, self.now())?;
        Ok(())
    }

    /// Writes a record unless there is one; `false` when there is.
    pub(super) fn create_record<T: Serialize>(
        &self,
        namespace: &str,
        key: &str,
        record: &T,
        expires_at: Option<Timestamp>,
    ) -> Result<bool, Error> {
        let write = write(namespace, key, Some(json!(record)), expires_at, Some(0));
        Ok(self.backend()?.kv_write(&write, self.now())?.is_some())
    }

    /// Removes a record; `false` when there was none.
    pub(super) fn forget_record(&self, namespace: &str, key: &str) -> Result<bool, Error> {
        let (backend, now) = (self.backend()?, self.now());
        let there = backend.kv_get(namespace, key, now)?.is_some();
        backend.kv_write(&write(namespace, key, None, None, None), now)?;
        Ok(there)
    }

    /// Changes a record by compare-and-swap. `change` is called again when somebody else was faster; `None` is answered when
    /// somebody was so each time.
    pub(super) fn change_record<T: Serialize + DeserializeOwned, A>(
        &self,
        namespace: &str,
        key: &str,
        mut change: impl FnMut(Option<T>, Timestamp) -> Result<Change<T, A>, Error>,
    ) -> Result<Option<A>, Error> {
        let backend = self.backend()?;
        for _ in 0..TRIES {
            let now = self.now();
            let entry = backend.kv_get(namespace, key, now)?;
            let version = entry.as_ref().map_or(0, |entry| entry.version);
            match change(entry.and_then(read), now)? {
                Change::Keep(answer) => return Ok(Some(answer)),
                Change::Put {
                    record,
                    expires_at,
                    answer,
                } => {
                    let record = Some(json!(record));
                    let write = write(namespace, key, record, expires_at, Some(version));
                    if backend.kv_write(&write, now)?.is_some() {
                        return Ok(Some(answer));
                    }
                }
            }
        }
        Ok(None)
    }
}

fn write(
    namespace: &str,
    key: &str,
    value: Option<Value>,
    expires_at: Option<Timestamp>,
    expected: Option<KvVersion>,
) -> KvWrite {
    KvWrite {
        namespace: namespace.to_owned(),
        key: key.to_owned(),
        value,
        expires_at,
        expected,
    }
}

fn read<T: DeserializeOwned>(entry: KvEntry) -> Option<T> {
    serde_json::from_value(entry.value).ok()
}
