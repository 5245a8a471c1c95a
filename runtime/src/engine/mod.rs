//! The engine: drives the pure machine of `run` over the ports.
//!
//! An [`Engine`] is cheap to clone and used from several threads at once. Opening it does nothing; the store is opened
//! by the first call that needs it. What it owns and what its host owns is in `ARCHITECTURE.md`.

mod address;
mod asked;
mod breaker;
mod cache;
mod change;
pub mod channel;
mod claim;
mod claims;
pub mod consumer;
mod core;
mod dead_letter;
mod doctor;
mod errand;
mod export;
mod fallback;
mod group;
mod import;
mod keeper;
mod library;
mod lone_queue;
mod manage;
mod message_queue;
mod messages;
mod migrate;
mod options;
mod plans;
mod prune;
mod records;
mod rehearse;
mod relay;
mod report;
mod rows;
mod set_back;
mod start;
mod stored;
mod timer;
mod token;
mod turns;
mod unreadable;
mod view;
mod waiting;
mod why;

use std::fmt;
use std::sync::Arc;

use self::core::Core;
use crate::error::Error;
use crate::port::{Backend, StoreError};

pub use breaker::{BreakerKey, BreakerView};
pub use channel::{ChannelOptions, Channels, DeadLetters};
pub use claim::{ClaimOutcome, StepClaim};
pub use consumer::{Acked, Consumer, ConsumerOptions, Received};
pub use doctor::{Condition, Examined, NeededHandler, ProposedHandler};
pub use fallback::Fallback;
pub use import::{ImportedRun, MissingRun};
pub use manage::OrderedBy;
pub use message_queue::{MessageQueue, MessageQueueOptions, OutgoingMessage};
pub use migrate::Migration;
pub use options::EngineOptions;
pub use prune::{PruneRule, Pruned};
pub use rehearse::Rehearsal;
pub use relay::StepDispatch;
pub use report::{Reported, StepOutcome, StepReport};
pub use start::{StartRequest, Startable, StartedRun};
pub use view::{AttemptView, EventView, RunDetails};
pub use why::{Explanation, Reason};

/// Durable runs of OSSA tasks and workflows on one store. Clones share everything.
#[derive(Clone)]
pub struct Engine(Arc<Core>);

impl Engine {
    /// An engine on the store that the DSN names. Nothing is opened before it is needed.
    ///
    /// # Errors
    /// Category argument when an option is wrong. A wrong DSN is told by the first call that needs the store.
    pub fn open(dsn: &str, options: EngineOptions) -> Result<Self, Error> {
        options.check()?;
        Ok(Self(Arc::new(Core::with_dsn(dsn.to_owned(), options))))
    }

    /// An engine on a backend of the caller's.
    ///
    /// # Errors
    /// Category argument when an option is wrong; what the backend fails with.
    pub fn over(backend: Arc<dyn Backend>, options: EngineOptions) -> Result<Self, Error> {
        options.check()?;
        Ok(Self(Arc::new(Core::over(backend, options)?)))
    }

    /// An engine on a backend that only the calling thread may use, such as one that the host's language implements. It
    /// is opened by the first call that needs it. The engine starts no thread: what one would do (prolong leases, fire
    /// timers) happens within the host's calls.
    ///
    /// # Errors
    /// Category argument when an option is wrong.
    pub fn on_this_thread(
        open: impl Fn() -> Result<Arc<dyn Backend>, StoreError> + Send + Sync + 'static,
        options: EngineOptions,
    ) -> Result<Self, Error> {
        options.check()?;
        Ok(Self(Arc::new(Core::on_this_thread(
            Box::new(open),
            options,
        ))))
    }

    /// Ends the engine's thread and forgets the connection; the next call opens it again. Consumers are closed by their
    /// owners, before.
    pub fn close(&self) {
        self.0.close();
    }

    /// Forgets the engine without touching anything, and leaks its memory: for the child of a fork, in which its
    /// threads do not exist and its connection is the parent's.
    pub fn abandon(self) {
        std::mem::forget(self);
    }

    fn core(&self) -> &Arc<Core> {
        &self.0
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
