//! The simulator: faults of every kind, the same log for the same seed, and defects found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

mod corpus;
mod defect;
mod determinism;
mod family;
mod fixture;
#[path = "../support/flow.rs"]
mod flow;
mod promise;
mod report;
mod workflows;
