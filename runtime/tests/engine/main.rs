//! Stories about the engine, told over every store.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod faulty;
mod lab;

mod background;
mod breaker;
mod channel_breaker;
mod channel_faults;
mod channel_killed;
mod channel_limits;
mod channel_manifests;
mod channel_rules;
mod channel_transforms;
mod channels;
mod claims;
mod clock;
mod concurrency;
mod consumer;
mod dead_letters;
mod export;
mod faults;
mod group;
mod hosts;
mod inspect;
mod killed;
mod laws;
mod lifecycle;
mod manifests;
mod message_queue;
mod migrate;
#[cfg(feature = "postgres")]
mod postgres;
mod quarantine;
mod recovery;
mod rehearse;
mod scale;
#[path = "../support/server.rs"]
mod server;
mod steer;
mod subflow;
mod waiting;
