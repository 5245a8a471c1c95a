//! Which commit made the version of a run that this process knows.
//!
//! A server that lost its last writes comes back with an older version, and another process may then make the lost version
//! anew, in another way. Whoever still holds the lost state in memory must not build on that: so each commit has a stamp,
//! and the next one names the stamp it was decided on.

use std::num::NonZeroUsize;

use lru::LruCache;
use parking_lot::Mutex;

use crate::port::{RunId, Version};

/// Runs remembered: more than an engine holds states at hand.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(32_768).unwrap();

/// Drawn anew for each commit.
pub(super) type Stamp = [u8; 8];

#[derive(Debug)]
pub(super) struct Seen(Mutex<LruCache<RunId, (Version, Stamp)>>);

impl Default for Seen {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl Seen {
    /// The run was seen with this version. What is known of it stays unless this is newer: a state of that version may
    /// be in somebody's memory.
    pub(super) fn note(&self, run: RunId, version: Version, stamp: Stamp) {
        let mut seen = self.0.lock();
        if seen.get(&run).is_none_or(|(known, _)| *known < version) {
            seen.put(run, (version, stamp));
        }
    }

    /// The stamp of this version.
    pub(super) fn stamp(&self, run: RunId, version: Version) -> Option<Stamp> {
        let mut seen = self.0.lock();
        let (known, stamp) = seen.get(&run)?;
        (*known == version).then_some(*stamp)
    }

    /// What was known of the run proved wrong.
    pub(super) fn forget(&self, run: &RunId) {
        self.0.lock().pop(run);
    }
}
