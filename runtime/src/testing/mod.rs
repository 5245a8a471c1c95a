//! Conformance suites: what every backend must do, for those who write one.
//!
//! Each suite is a list of named cases. A message broker passes `queue_suite` alone. A test of a backend is one line each:
//!
//! ```
//! use std::sync::Arc;
//! use ossa_runtime::{adapter::MemoryStore, testing};
//!
//! testing::store_suite(|| Arc::new(MemoryStore::new()));
//! testing::queue_suite(|| Arc::new(MemoryStore::new()));
//! testing::store_queue_suite(|| Arc::new(MemoryStore::new()));
//! testing::stream_suite(|| Arc::new(MemoryStore::new()));
//! testing::kv_suite(|| Arc::new(MemoryStore::new()));
//! ```
//!
//! The function given makes an empty backend for each case. Suites run all cases, then panic with the names of those that
//! failed and why.
// A suite reports the way tests do.
#![allow(clippy::panic)]

mod browse;
mod concurrency;
mod fixture;
mod key_value;
mod lease;
mod listing;
mod one_thread;
mod queue;
mod receipt;
mod reschedule;
mod step_item;
mod store;
mod stream;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use one_thread::{cases_of_one_thread, run_case};

use crate::port::{Backend, Queue, StoreError};

/// Runs, their log and snapshots, timers, plans, listings, pruning, and what a commit does to the queue.
///
/// # Panics
/// When a case failed, with the names of all that did.
pub fn store_suite(open: impl Fn() -> Arc<dyn Backend>) {
    let cases = [store::CASES, listing::CASES, concurrency::STORE];
    run("store_suite", &cases.concat(), &open);
}

/// Messages, delays, claims, receipts, dead letters: what any queue does, a broker's included.
///
/// # Panics
/// When a case failed, with the names of all that did.
pub fn queue_suite(open: impl Fn() -> Arc<dyn Queue>) {
    let cases = [queue::CASES, receipt::CASES, concurrency::QUEUE];
    run("queue_suite", &cases.concat(), &open);
}

/// What a store's own queue does besides: leases by the clock that is given, listings, claims of one message, step items.
///
/// # Panics
/// When a case failed, with the names of all that did.
pub fn store_queue_suite(open: impl Fn() -> Arc<dyn Backend>) {
    let cases = [
        lease::CASES,
        browse::CASES,
        step_item::CASES,
        reschedule::CASES,
        concurrency::STORE_QUEUE,
    ];
    run("store_queue_suite", &cases.concat(), &open);
}

/// What is published on channels, and reading it by position.
///
/// # Panics
/// When a case failed, with the names of all that did.
pub fn stream_suite(open: impl Fn() -> Arc<dyn Backend>) {
    let cases = [stream::CASES, stream::CONCURRENCY];
    run("stream_suite", &cases.concat(), &open);
}

/// Keys, versions, compare-and-swap, expiry.
///
/// # Panics
/// When a case failed, with the names of all that did.
pub fn kv_suite(open: impl Fn() -> Arc<dyn Backend>) {
    let cases = [key_value::CASES, concurrency::KEY_VALUE];
    run("kv_suite", &cases.concat(), &open);
}

type Test<T> = fn(&Arc<T>) -> Result<(), StoreError>;
type Case<T> = (&'static str, Test<T>);

/// The functions as cases that go by their names.
macro_rules! cases {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name)),*] };
}
use cases;

fn run<T: ?Sized>(suite: &str, cases: &[Case<T>], open: &dyn Fn() -> Arc<T>) {
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|(name, case)| {
            let reason = attempt(*case, open).err()?;
            Some(format!("\n- {name}: {reason}"))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{suite}: {} of {} cases failed:{}",
        failures.len(),
        cases.len(),
        failures.concat()
    );
}

fn attempt<T: ?Sized>(case: Test<T>, open: &dyn Fn() -> Arc<T>) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(|| case(&open()))) {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(panic) => Err(words_of(panic.as_ref())),
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "it panicked".to_owned())
}
