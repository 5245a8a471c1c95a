//! A backend in Redis 7 or newer, for workers on many hosts. `docs/stores.md` says what it promises.
//!
//! Every call is one Lua script ([`script`]) and therefore one transaction: Redis runs it without anything in between, and
//! writes what it did to its file as one. Publishing messages, which looks at nothing first, is a transaction of plain commands. What a script is not allowed to do when memory is full is refused before
//! it begins. Scripts get the time as an argument, from the engine's clock, as every backend does.
//!
//! # Why sorted sets, not Streams
//! The contract of the ports wants more than a stream has: messages that become visible later, priorities, release and
//! rejection, dead letters listed and claimed by id, fences, leases of any length. With a stream all that is a second
//! structure beside it, and a message in a consumer group can be neither delayed nor given another place. So a
//! message is a string, and its place a member of a sorted set by when it is visible: one of those that wait, or one of
//! those under a lease. Nothing needs to be moved when a delay or a lease ends, so there is no claim that blocks the
//! ones behind it and no consumer with a name. Claiming from a million messages costs as much as from ten.
//! The one stream, `wake`, has an entry for each change, of which the latest are kept: who waits reads it blocking, from what was
//! seen last.
//!
//! # Keys
//! All begin with `{prefix}:` and thus lie in one slot of a cluster, because a commit changes a run, queues that all runs share,
//! timers and lists at once, and Redis changes nothing atomically in two slots. A store is as large as a node can hold;
//! several stores, each with a prefix of its own, spread over a cluster.
//!
//! | Key | What |
//! |---|---|
//! | `schema` | version of this layout |
//! | `wake` | the latest changes |
//! | `m:ID`, `c` | a message; what claims left behind, by id |
//! | `w:P:QUEUE`, `l:P:QUEUE`, `q:QUEUE` | messages that wait; that are leased; all |
//! | `s:RUN`, `d` | step items of a run; those claimed, by deadline |
//! | `r:RUN`, `g:RUN`, `n:RUN` | a run; its log; its snapshot |
//! | `t`, `t:RUN` | timers by when they are due; those of a run |
//! | `k:WORKFLOW` | runs by idempotency key |
//! | `x`, `x:…`, `e:STATUS`, `u` | lists of runs |
//! | `o`, `o:…` | what was published on channels, by position, channel, id and time |
//! | `p`, `key` | plans; the signing key |
//! | `v:NS`, `i:NS`, `y`, `seq` | values; their keys in order; those that expire; the last version |
//!
//! # When an answer is lost
//! Reads and commits are repeated over a new connection: a commit has a stamp, so the second one is known to be
//! the first. Everything else fails as unavailable, and says that it may have been done; fences and step identities
//! make its repetition harmless, except for ordinary messages, which may then be there twice. Pauses between tries are the
//! caller's matter: consumers have growing ones.

mod fault;
mod findings;
mod key_value;
mod listing;
mod message;
mod number;
mod options;
mod queue;
mod reply;
mod run;
mod script;
mod seen;
mod sentinel;
mod server;
mod store;
mod stream;
mod tls;

use crate::port::StoreError;

pub use options::{Durability as RedisDurability, RedisOptions};
use reply::Reply;
use seen::Seen;
use server::{Call, Server};

/// The layout this build writes.
const SCHEMA: u32 = 1;

/// A backend in Redis.
#[derive(Debug)]
pub struct RedisStore {
    server: Server,
    seen: Seen,
}

impl RedisStore {
    /// Connects, creating the store when it is not there yet.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with host and port when no server answers; [`StoreError::TooNew`];
    /// [`StoreError::Failed`] when the server refuses the login or is too old.
    pub fn open(options: RedisOptions) -> Result<Self, StoreError> {
        let store = Self {
            server: Server::new(options),
            seen: Seen::default(),
        };
        let found = match store.schema()? {
            Some(found) => found,
            None => {
                let mut call = store.server.call(&script::CREATE);
                call.arg(SCHEMA);
                store.write("create the store", &call)?.text()?
            }
        };
        match found.parse() {
            Ok(found) if found > SCHEMA => Err(StoreError::TooNew {
                found,
                known: SCHEMA,
            }),
            Ok(_) => Ok(store),
            Err(_) => Err(StoreError::Dsn {
                part: "option prefix".to_owned(),
                reason: "its keys are another application's: choose another one".to_owned(),
            }),
        }
    }

    /// Whether the store is there already.
    pub(super) fn exists(options: RedisOptions) -> Result<bool, StoreError> {
        let store = Self {
            server: Server::new(options),
            seen: Seen::default(),
        };
        Ok(store.schema()?.is_some())
    }

    fn schema(&self) -> Result<Option<String>, StoreError> {
        let call = self.server.call(&script::SCHEMA);
        self.server.run("open the store", &call)?.maybe_text()
    }

    /// Runs a script whose writes are to be as durable as the store is configured to be.
    fn write(&self, operation: &'static str, call: &Call) -> Result<Reply, StoreError> {
        self.server.run_durably(operation, call)
    }
}
