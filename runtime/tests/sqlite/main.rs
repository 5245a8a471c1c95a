//! The SQLite backend: what every backend must do, and what only a file on a disk can get wrong.
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod child;
mod damage;
mod fixture;
mod killed;
mod model;
mod opening;
mod power_cut;
#[path = "../support/sample.rs"]
mod sample;
mod suites;
mod sync_failure;
mod views;
