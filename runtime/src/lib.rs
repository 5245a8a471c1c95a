//! Durable execution of OSSA manifests: tasks and workflows that survive crashes, on an embedded store by default.
//!
//! The layers, top to bottom; each may use only those below it (a test reads the `use crate::` lines):
//! `engine` drives the pure core (`manifest`, `expression`, `plan`, `run`, `policy`, `routing`) over the ports (`port`),
//! which `adapter` implements. See `ARCHITECTURE.md`.

pub mod adapter;
pub mod engine;
pub mod error;
pub mod explain;
pub mod expression;
pub mod graph;
pub mod manifest;
pub mod plan;
pub mod policy;
pub mod port;
pub mod routing;
pub mod run;
pub mod sim;
pub mod testing;
