//! Values of PHP that code on other threads holds, and that only PHP's own thread may touch.

#![allow(unsafe_code, reason = "each block says why it holds")]

use std::mem::ManuallyDrop;
use std::thread::{self, ThreadId};

use crate::process::Maker;

/// A value, and the thread and process it belongs to.
pub(crate) struct Bound<T> {
    value: ManuallyDrop<T>,
    thread: ThreadId,
    maker: Maker,
}

// SAFETY: `value` is private to this module and reached through `get()`, which compares threads and processes first, and
// through `drop`, which does the same and else leaves it alone. The other fields are plain values that never change.
unsafe impl<T> Send for Bound<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Bound<T> {}

impl<T> Bound<T> {
    /// Binds `value` to the current thread.
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: ManuallyDrop::new(value),
            thread: thread::current().id(),
            maker: Maker::here(),
        }
    }

    /// Whether it belongs to the current thread.
    pub(crate) fn is_here(&self) -> bool {
        self.thread == thread::current().id() && self.maker.is_here()
    }

    /// The value; `None` on other threads, and in other processes.
    pub(crate) fn get(&self) -> Option<&T> {
        self.is_here().then_some(&*self.value)
    }
}

impl<T> Drop for Bound<T> {
    fn drop(&mut self) {
        if self.is_here() {
            // SAFETY: dropped here only, once, by the thread it belongs to.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}
