//! Values of log rows that snapshots refer to. Rows never change, so what is at hand is right.

use lru::LruCache;
use parking_lot::Mutex;

use crate::port::Store;
use crate::port::{RunId, StoreError, Version};
use crate::run::RowValues;

/// See the [module](self). Bounded by bytes, least recently used first out.
pub(super) struct Rows {
    kept: Mutex<Kept>,
    limit: usize,
}

struct Kept {
    values: LruCache<(RunId, Version), RowValues>,
    bytes: usize,
}

impl Rows {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            kept: Mutex::new(Kept {
                values: LruCache::unbounded(),
                bytes: 0,
            }),
            limit,
        }
    }

    /// The values of a row; `None` when the store has no such row, or it is damaged.
    pub(super) fn of(
        &self,
        run: RunId,
        version: Version,
        store: &dyn Store,
    ) -> Result<Option<RowValues>, StoreError> {
        let key = (run, version);
        if let Some(values) = self.kept.lock().values.get(&key) {
            return Ok(Some(values.clone()));
        }
        let before = Version(version.0.saturating_sub(1));
        let row = store.history(&run, before, 1)?.pop();
        let row = row.filter(|row| row.version == version);
        let values = row.and_then(|row| RowValues::read(&row).ok());
        if let Some(values) = &values {
            self.keep(key, values.clone());
        }
        Ok(values)
    }

    fn keep(&self, key: (RunId, Version), values: RowValues) {
        let mut kept = self.kept.lock();
        kept.bytes += values.bytes();
        if let Some(old) = kept.values.put(key, values) {
            kept.bytes -= old.bytes();
        }
        while kept.bytes > self.limit {
            let Some((_, old)) = kept.values.pop_lru() else {
                break;
            };
            kept.bytes -= old.bytes();
        }
    }

    pub(super) fn clear(&self) {
        let mut kept = self.kept.lock();
        kept.values.clear();
        kept.bytes = 0;
    }
}
