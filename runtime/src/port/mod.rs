//! What the engine asks of a backend, as plain blocking traits over batches, with their value types.
//!
//! SQLite is synchronous, PHP is synchronous, and a store written in PHP is then one more adapter called on the
//! calling thread; group commit falls out of batches. Nothing here does I/O: adapters do.
//!
//! A [`Backend`] is a [`Store`], a [`Queue`], a [`Stream`] and a [`KeyValue`] that share transactions: a run's transition,
//! the step items it dispatches and what it publishes become durable together, or not at all. A message broker is a
//! [`Queue`] alone.

mod clock;
mod error;
mod finding;
mod id;
mod key_value;
mod queue;
mod store;
mod stream;
mod time;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::StoreError;
pub use finding::Finding;
pub use id::{MessageId, PlanHash, RunId, StepRef, Version, WorkerId};
pub use key_value::{KeyValue, KvEntry, KvVersion, KvWrite};
pub(crate) use queue::turns;
pub use queue::{
    BrowsableQueue, ClaimAnswer, Delivery, Lease, NewMessage, Priority, Queue, QueueCounts,
    Receipt, Receive, StepItem, StepQueue,
};
pub use store::{
    Commit, CommitOutcome, Labels, LogRow, Page, Retention, RunFilter, RunHead, RunPage, RunStatus,
    Snapshot, Store, StoredRun, TimerKey, TimerRow,
};
pub use stream::{
    Appended, ChannelRange, ChannelSize, Position, Publication, ReadStream, Record, Stream,
    StreamSlice, TrimStream,
};
pub use time::Timestamp;

/// A store, its queue, its stream and its key-value space on one set of transactions.
pub trait Backend: Store + BrowsableQueue + StepQueue + Stream + KeyValue {}

impl<T: Store + BrowsableQueue + StepQueue + Stream + KeyValue + ?Sized> Backend for T {}
