//! RabbitMQ as a queue, on a broker of its own.

#![cfg(feature = "rabbitmq")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

#[path = "../support/certificate.rs"]
mod certificate;
#[path = "../support/sample.rs"]
mod sample;
#[path = "../support/server.rs"]
mod server;

mod away;
mod broker;
mod claims;
mod encryption;
mod fallback;
mod killed;
mod suite;
mod topology;
