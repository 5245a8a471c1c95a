//! A queue without a store, opened when it is first used.

use parking_lot::Mutex;

use super::fallback::{Detour, Fallback};
use crate::adapter::{self, OpenQueue};
use crate::port::StoreError;

/// The queue that a DSN names.
pub(super) struct LoneQueue {
    dsn: String,
    opened: Mutex<Option<OpenQueue>>,
    /// Where messages go when it is away.
    pub(super) detour: Option<Detour>,
}

impl LoneQueue {
    pub(super) fn of_dsn(dsn: &str, fallback: Option<Fallback>) -> Self {
        Self {
            dsn: dsn.to_owned(),
            opened: Mutex::new(None),
            detour: fallback.map(Detour::new),
        }
    }

    /// The queue, opened now if it is not yet. Others wait meanwhile, rather than open it as well.
    pub(super) fn opened(&self) -> Result<OpenQueue, StoreError> {
        let mut opened = self.opened.lock();
        if let Some(opened) = &*opened {
            return Ok(opened.clone());
        }
        Ok(opened.insert(adapter::open_queue(&self.dsn)?).clone())
    }

    /// Forgets the queue; the next call opens it again. One in memory would be gone with its messages, and stays.
    pub(super) fn close(&self) {
        if !adapter::is_volatile(&self.dsn) {
            *self.opened.lock() = None;
        }
    }
}
