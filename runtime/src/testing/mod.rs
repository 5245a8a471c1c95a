//! Conformance suites: what every backend must do, for those who write one.
//!
//! Each suite is a list of named cases. A test of a backend is one line:
//!
//! ```
//! use std::sync::Arc;
//! use ossa_runtime::{adapter::MemoryStore, testing};
//!
//! testing::store_suite(|| Arc::new(MemoryStore::new()));
//! testing::queue_suite(|| Arc::new(MemoryStore::new()));
//! testing::kv_suite(|| Arc::new(MemoryStore::new()));
//! ```
//!
//! The function given makes an empty backend for each case. Suites run all cases, then panic with the names of those that
//! failed and why.
// A suite reports the way tests do.
#![allow(clippy::panic)]

mod concurrency;
mod fixture;
mod key_value;
mod listing;
mod queue;
mod receipt;
mod reschedule;
mod step_item;
mod store;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::port::{Backend, StoreError};

/// Runs, their log and snapshots, timers, plans, listings, pruning, and what a commit does to the queue.
///
/// # Panics
/// When a case failed, with the names of all that did.
pub fn store_suite(open: impl Fn() -> Arc<dyn Backend>) {
    let cases = [store::CASES, listing::CASES, concurrency::STORE];
    run("store_suite", &cases.concat(), &open);
}

/// Messages, claims under leases, receipts, dead letters, step items.
///
/// # Panics
/// When a case failed, with the names of all that did.
pub fn queue_suite(open: impl Fn() -> Arc<dyn Backend>) {
    let cases = [
        queue::CASES,
        receipt::CASES,
        step_item::CASES,
        reschedule::CASES,
        concurrency::QUEUE,
    ];
    run("queue_suite", &cases.concat(), &open);
}

/// Keys, versions, compare-and-swap, expiry.
///
/// # Panics
/// When a case failed, with the names of all that did.
pub fn kv_suite(open: impl Fn() -> Arc<dyn Backend>) {
    let cases = [key_value::CASES, concurrency::KEY_VALUE];
    run("kv_suite", &cases.concat(), &open);
}

type Case = (
    &'static str,
    fn(&Arc<dyn Backend>) -> Result<(), StoreError>,
);

/// The functions as cases that go by their names.
macro_rules! cases {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name)),*] };
}
use cases;

fn run(suite: &str, cases: &[Case], open: &dyn Fn() -> Arc<dyn Backend>) {
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|(name, case)| {
            let done = catch_unwind(AssertUnwindSafe(|| case(&open())));
            let reason = match done {
                Ok(Ok(())) => return None,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => words_of(panic.as_ref()),
            };
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

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "it panicked".to_owned())
}
