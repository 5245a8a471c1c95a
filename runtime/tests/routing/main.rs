//! Routing: channels, envelopes, rules, filters, transforms.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod channels;
mod envelopes;
mod filters;
mod pages;
mod table;
mod transforms;
