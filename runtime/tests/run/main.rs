//! Plans and the run machine, tested through their public face: manifests as text, results as JSON.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod answer;
mod batch;
mod collect;
mod compensation;
mod condition;
mod conditional;
mod contract;
mod documentation;
mod failure;
mod fallback;
#[path = "../support/flow.rs"]
mod flow;
mod goto;
mod group;
mod harness;
mod invariant;
mod large;
mod migrate;
mod order;
mod outcome;
mod pages;
mod parallel;
mod plan;
mod property;
mod reopen;
mod repeat;
mod retry;
mod scope;
mod steer;
mod stored;
mod subflow;
mod subflow_plan;
mod task;
mod task_steps;
mod timeout;
mod view;
mod waiting;
