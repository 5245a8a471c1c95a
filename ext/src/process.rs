//! Which process an object belongs to.
//!
//! `fork` copies memory but neither threads nor the state of connections: a lock held by a thread of the parent is never
//! released in the child, and a connection used by both is garbage to both. Whatever holds either therefore remembers the
//! process that made it and refuses to work in another one. A child opens its own.

#![allow(unsafe_code, reason = "each block says why it holds")]

use std::mem;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::error::Fault;

/// How many forks lie between the process that loaded the extension and this one.
static GENERATION: AtomicU16 = AtomicU16::new(0);

/// Has forks counted from now on. Called once, when the extension is loaded.
pub(crate) fn count_forks() {
    extern "C" fn in_child() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the handler only does what is allowed in the child of a fork, and the C library forgets it when this one is
    // unloaded.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
}

/// Differs between a process and those it was forked from. Unlike the process's id it takes no system call, which counts
/// where messages are handled in microseconds.
pub(crate) fn generation() -> u16 {
    GENERATION.load(Ordering::Relaxed)
}

/// The process that something was made in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maker {
    generation: u16,
    pid: u32,
}

impl Maker {
    /// This process.
    pub(crate) fn here() -> Self {
        Self {
            generation: generation(),
            pid: process::id(),
        }
    }

    /// Whether it is this process.
    pub(crate) fn is_here(self) -> bool {
        self.generation == generation()
    }
}

/// A value that only the process that made it may use or drop.
pub(crate) struct Owned<T> {
    maker: Maker,
    value: Option<T>,
}

impl<T> Owned<T> {
    /// Binds `value` to the current process.
    pub(crate) fn new(value: T) -> Self {
        Self {
            maker: Maker::here(),
            value: Some(value),
        }
    }

    /// The value, or the fault that names both processes.
    pub(crate) fn get(&self) -> Result<&T, Fault> {
        match &self.value {
            Some(value) if self.maker.is_here() => Ok(value),
            _ => Err(Fault::ForeignProcess {
                made_in: self.maker.pid,
                used_in: process::id(),
            }),
        }
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if !self.maker.is_here() {
            // Dropping would join threads that do not exist here and close what the parent still uses.
            mem::forget(self.value.take());
        }
    }
}
