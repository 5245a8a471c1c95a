//! The Redis backend, on servers of its own: what every backend must do, and what only a server elsewhere can get wrong.
#![cfg(feature = "redis")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod cluster;
mod fixture;
mod killed;
mod outage;
#[path = "../support/sample.rs"]
mod sample;
mod sentinel;
#[path = "../support/server.rs"]
mod server;
mod suites;
mod work;
