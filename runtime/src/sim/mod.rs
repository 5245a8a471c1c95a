//! A simulator: runs in virtual time, in one thread, with stubbed handlers and faults drawn from a seed.
//!
//! It drives the machine ([`apply`](crate::run::apply)) as an engine does, on a model of a store and its queue, and lets
//! go wrong what goes wrong in the world: processes die at every point, messages are lost, late, doubled and overtaken,
//! leases run out, clocks jump, the power is cut, handlers fail. After every transition it checks what must hold:
//!
//! - the invariants of the state ([`check_invariants`](crate::run::check_invariants)): no step before its dependencies,
//!   no run that nothing moves, counters that equal what they count;
//! - versions without a gap, and a log that replays to the state, transition by transition (from its JSON for one run of
//!   eight, and whenever a run recovers);
//! - for each attempt in flight exactly one step item, pending or leased, or a child run; a timer for each deadline;
//! - an end is an end, and leaves no timer; a run that is held dispatches nothing by itself;
//! - a process that begins afresh reads that very state, and nothing a client was told of is ever gone;
//! - each attempt has one result, whatever is reported twice or late;
//! - what one run asks of another has a timer until it is done; in the end no child run is left that nobody waits for, and
//!   no step that waits for a child which has ended, or for a slot of a group.
//!
//! The same scenario and seed give the same log, byte by byte; its hash is in the [`Report`].
//!
//! ```
//! use std::sync::Arc;
//! use ossa_runtime::manifest::{self, Options};
//! use ossa_runtime::plan::{Plan, Resolver, Unresolved};
//! use ossa_runtime::sim::{Faults, RunOutcome, Scenario};
//! # use ossa_runtime::manifest::model::{Manifest, Reference};
//! # struct Nothing;
//! # impl Resolver for Nothing {
//! #     fn resolve(&self, _: &Reference, _: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
//! #         Err(Unresolved { reason: String::new() })
//! #     }
//! # }
//!
//! let loaded = manifest::load_str(
//!     "apiVersion: ossa/v0.3.0
//! kind: Task
//! metadata: {name: greet}
//! spec: {execution: {type: idempotent, entrypoint: greet}}
//! ",
//!     &Options::default(),
//! );
//! let manifest = loaded.manifests().next().unwrap();
//! let scenario = Scenario {
//!     faults: Faults::infrastructure(),
//!     ..Scenario::of(Arc::new(Plan::compile(manifest, &Nothing).unwrap()))
//! };
//! let report = scenario.simulate(7, 20);
//! assert_eq!(report.of(RunOutcome::Completed), 20);
//! assert_eq!(report.hash, scenario.simulate(7, 20).hash);
//! ```

mod chance;
mod delivery;
mod engine;
mod errand;
mod fault;
mod ledger;
mod operator;
mod path;
mod report;
mod response;
mod sample;
mod simulation;
mod store;
mod stub;
mod trace;
mod worker;
mod world;

pub use chance::FaultCounts;
pub use fault::{Fault, FaultKind, Faults, FaultsError};
pub use path::PathStep;
pub use report::{FailureReport, LongestReport, Report, RunOutcome, StepReport, StuckReport};
pub use simulation::Scenario;
pub use store::{Commit, Committed, ModelStore, NewItem, Sound, StoreAccess, Stored};
pub use stub::{StubError, StubbedReferences, Stubs};
pub use world::Breach;
