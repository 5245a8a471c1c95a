//! Which process an object belongs to.
//!
//! `fork` copies memory but neither threads nor the state of connections: a lock held by a thread of the parent is never
//! released in the child, and a connection used by both is garbage to both. Whatever holds either therefore remembers the
//! process that made it and refuses to work in another one. A child opens its own.

use std::mem;
use std::process;

use crate::error::Fault;

/// A value that only the process that made it may use or drop.
pub(crate) struct Owned<T> {
    pid: u32,
    value: Option<T>,
}

impl<T> Owned<T> {
    /// Binds `value` to the current process.
    pub(crate) fn new(value: T) -> Self {
        Self {
            pid: process::id(),
            value: Some(value),
        }
    }

    /// The value, or the fault that names both processes.
    pub(crate) fn get(&self) -> Result<&T, Fault> {
        let current = process::id();
        match &self.value {
            Some(value) if self.pid == current => Ok(value),
            _ => Err(Fault::ForeignProcess {
                made_in: self.pid,
                used_in: current,
            }),
        }
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if self.pid != process::id() {
            // Dropping would join threads that do not exist here and close what the parent still uses.
            mem::forget(self.value.take());
        }
    }
}
