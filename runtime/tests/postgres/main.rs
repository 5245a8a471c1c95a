//! The PostgreSQL backend: what every backend must do, and what only a server can get wrong. Each test starts a server of
//! its own, and is skipped by name where PostgreSQL is not installed.
#![cfg(feature = "postgres")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "../support/certificate.rs"]
mod certificate;
#[path = "../support/sample.rs"]
mod sample;
#[path = "../support/server.rs"]
mod server;

mod backlog;
#[cfg(feature = "cli")]
mod command;
mod encryption;
mod fixture;
mod lost;
mod opening;
mod pooler;
mod suites;
mod wake_up;
