use super::MemoryStore;
use crate::port::{KeyValue, KvEntry, KvVersion, KvWrite, StoreError, Timestamp};

impl KeyValue for MemoryStore {
    fn kv_get(
        &self,
        namespace: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KvEntry>, StoreError> {
        let state = self.state();
        let place = (namespace.to_owned(), key.to_owned());
        Ok(state
            .entries
            .get(&place)
            .filter(|entry| is_there(entry, now))
            .cloned())
    }

    fn kv_write(&self, write: &KvWrite, now: Timestamp) -> Result<Option<KvVersion>, StoreError> {
        let mut state = self.state();
        let place = (write.namespace.clone(), write.key.clone());
        let current = state
            .entries
            .get(&place)
            .filter(|entry| is_there(entry, now))
            .map_or(0, |entry| entry.version);
        if write.expected.is_some_and(|expected| expected != current) {
            return Ok(None);
        }
        let Some(value) = write.value.clone() else {
            state.entries.remove(&place);
            return Ok(Some(0));
        };
        state.writes = state.writes.saturating_add(1);
        let version = state.writes;
        let entry = KvEntry {
            value,
            version,
            expires_at: write.expires_at,
        };
        state.entries.insert(place, entry);
        Ok(Some(version))
    }

    fn kv_keys(
        &self,
        namespace: &str,
        prefix: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        Ok(self
            .state()
            .entries
            .iter()
            .filter(|((ns, key), entry)| {
                ns == namespace && key.starts_with(prefix) && is_there(entry, now)
            })
            .map(|((_, key), _)| key.clone())
            .take(limit)
            .collect())
    }

    fn kv_prune(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.state();
        let before = state.entries.len();
        state.entries.retain(|_, entry| is_there(entry, now));
        Ok((before - state.entries.len()) as u64)
    }
}

fn is_there(entry: &KvEntry, now: Timestamp) -> bool {
    entry.expires_at.is_none_or(|at| at > now)
}
