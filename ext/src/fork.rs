//! SQLite in the child of a fork.
//!
//! SQLite keeps one list of open files for a process, found again by device and inode, and in it the locks that this
//! process has. A child inherits the list, but the system does not give it the locks: a connection that the child opens to
//! a file its parent has open would take the parent's locks for its own. When the parent then closes the file it believes
//! to be the last one, and removes the log that the child is writing to. So every generation of a process sees devices
//! under numbers of its own, and finds nothing of its parent's.
//!
//! A thread of the parent that is inside SQLite's allocator or its list at the moment of the fork does not exist in the
//! child, and what it had locked would stay locked. Forks therefore wait for SQLite's global mutexes.

#![allow(unsafe_code, reason = "each block says why it holds")]

use std::ffi::{CStr, c_int};
use std::sync::OnceLock;

use rusqlite::ffi;

use crate::process;

/// The system call that SQLite would use, once it is replaced.
static FSTAT: OnceLock<Fstat> = OnceLock::new();

type Fstat = unsafe extern "C" fn(c_int, *mut libc::stat) -> c_int;

const NAME: &CStr = c"fstat";

/// The mutexes that a new connection needs, in the order in which SQLite itself nests them: whoever has one of the first
/// may allocate.
const MUTEXES: [c_int; 6] = [
    ffi::SQLITE_MUTEX_STATIC_VFS1,
    ffi::SQLITE_MUTEX_STATIC_MAIN,
    ffi::SQLITE_MUTEX_STATIC_PRNG,
    ffi::SQLITE_MUTEX_STATIC_LRU,
    ffi::SQLITE_MUTEX_STATIC_PMEM,
    ffi::SQLITE_MUTEX_STATIC_MEM,
];

/// Makes forks of this process safe for SQLite. Called before the first file is opened; repeating it does nothing.
pub(crate) fn prepare() {
    FSTAT.get_or_init(|| {
        // SAFETY: the VFS is found or null, and lives as long as the library; its methods are called on itself with a
        // name that ends in NUL. What it answers for "fstat" has the signature of `fstat(2)`, and what it is given has,
        // too. The handlers only call what is allowed to be called around a fork.
        unsafe {
            let vfs = ffi::sqlite3_vfs_find(std::ptr::null());
            let methods = vfs.as_ref();
            let current = methods
                .and_then(|vfs| vfs.xGetSystemCall)
                .and_then(|get| get(vfs, NAME.as_ptr()));
            let (Some(current), Some(set)) = (current, methods.and_then(|vfs| vfs.xSetSystemCall))
            else {
                return libc::fstat;
            };
            let replacement = std::mem::transmute::<Fstat, unsafe extern "C" fn()>(fstat);
            set(vfs, NAME.as_ptr(), Some(replacement));
            libc::pthread_atfork(Some(before), Some(after), Some(after));
            std::mem::transmute::<unsafe extern "C" fn(), Fstat>(current)
        }
    });
}

/// `fstat` with the device of this generation.
unsafe extern "C" fn fstat(file: c_int, answer: *mut libc::stat) -> c_int {
    let call = FSTAT.get().copied().unwrap_or(libc::fstat);
    // SAFETY: SQLite gives a file it has opened and room for the answer, as for the call that this replaces.
    unsafe {
        let result = call(file, answer);
        if result == 0 {
            // The upper half, which the system leaves alone, so that no other device gets this number.
            let generation = libc::dev_t::from(process::generation());
            (*answer).st_dev ^= generation.wrapping_shl(libc::dev_t::BITS - u16::BITS);
        }
        result
    }
}

extern "C" fn before() {
    for mutex in MUTEXES {
        // SAFETY: these numbers name mutexes that always exist; null, in a library built without them, is allowed.
        unsafe { ffi::sqlite3_mutex_enter(ffi::sqlite3_mutex_alloc(mutex)) };
    }
}

extern "C" fn after() {
    for mutex in MUTEXES.into_iter().rev() {
        // SAFETY: as in `before`, by the thread that took them.
        unsafe { ffi::sqlite3_mutex_leave(ffi::sqlite3_mutex_alloc(mutex)) };
    }
}
