//! States at hand, least recently used first out, bounded by bytes. A hint, never the truth: the version decides.

use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;

use super::stored::Hot;
use crate::port::RunId;

/// Fixed cost counted for each entry besides its JSON.
const ENTRY: usize = 1024;

/// See the [module](self).
pub(super) struct StateCache(Mutex<Bounded>);

struct Bounded {
    entries: LruCache<RunId, Arc<Hot>>,
    bytes: usize,
    limit: usize,
}

impl StateCache {
    pub(super) fn new(limit: usize) -> Self {
        Self(Mutex::new(Bounded {
            entries: LruCache::unbounded(),
            bytes: 0,
            limit,
        }))
    }

    pub(super) fn get(&self, run: &RunId) -> Option<Arc<Hot>> {
        self.0.lock().entries.get(run).cloned()
    }

    /// Takes a state out, so that it can be changed in place.
    pub(super) fn take(&self, run: &RunId) -> Option<Arc<Hot>> {
        let mut bounded = self.0.lock();
        let hot = bounded.entries.pop(run)?;
        bounded.bytes -= ENTRY + hot.bytes;
        Some(hot)
    }

    /// Keeps a state, unless a newer one of the same run is there already.
    pub(super) fn put(&self, hot: Arc<Hot>) {
        let mut bounded = self.0.lock();
        let run = hot.head.run;
        if let Some(known) = bounded.entries.peek(&run)
            && known.head.version > hot.head.version
        {
            return;
        }
        bounded.bytes += ENTRY + hot.bytes;
        if let Some(old) = bounded.entries.put(run, hot) {
            bounded.bytes -= ENTRY + old.bytes;
        }
        while bounded.bytes > bounded.limit {
            let Some((_, old)) = bounded.entries.pop_lru() else {
                break;
            };
            bounded.bytes -= ENTRY + old.bytes;
        }
    }

    pub(super) fn remove(&self, run: &RunId) {
        drop(self.take(run));
    }

    pub(super) fn clear(&self) {
        let mut bounded = self.0.lock();
        bounded.entries.clear();
        bounded.bytes = 0;
    }
}
