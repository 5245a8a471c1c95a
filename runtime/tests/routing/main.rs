//! Routing: channels, envelopes, rules, filters, transforms.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing
)]

mod channels;
#[cfg(feature = "cli")]
mod command;
mod envelopes;
mod filters;
mod pages;
mod properties;
mod routes;
mod rules;
mod table;
mod transforms;
