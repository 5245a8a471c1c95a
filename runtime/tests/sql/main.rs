//! The store on somebody else's connection: here on SQLite, with a connection for each thread as processes would have. The
//! other databases are tested through PHP.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

mod connections;
#[allow(dead_code, unused_macros)]
#[path = "../engine/lab.rs"]
mod lab;

#[path = "../support/server.rs"]
mod server;

mod engine;
mod joining;
mod suites;
