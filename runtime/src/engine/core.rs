//! What all parts of an engine share: the backend, opened at first use, the clock, and what is held at hand.

use std::fmt;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use rand::Rng as _;

use super::breaker::Breakers;
use super::cache::StateCache;
use super::channel;
use super::claims::Claims;
use super::keeper::Keeper;
use super::library::Library;
use super::lone_queue::LoneQueue;
use super::options::EngineOptions;
use super::plans::Plans;
use super::rows::Rows;
use super::set_back::SetBacks;
use super::stored::Hot;
use super::timer::{Setting, Stuck};
use super::token::{TokenError, TokenSigner};
use super::turns::Turns;
use crate::adapter;
use crate::error::{Category, Error, code};
use crate::port::{
    Backend, BrowsableQueue, Lease, MessageId, NewMessage, Queue, StepRef, StoreError, Timestamp,
    WorkerId,
};

/// Shared by an engine's handles, consumers and threads.
pub(super) struct Core {
    source: Source,
    opened: RwLock<Option<Arc<Opened>>>,
    opening: Mutex<()>,
    pub(super) options: EngineOptions,
    pub(super) worker: WorkerId,
    pub(super) library: Library,
    pub(super) plans: Plans,
    pub(super) states: StateCache,
    pub(super) rows: Rows,
    pub(super) breakers: Breakers,
    pub(super) claims: Claims,
    pub(super) keeper: Keeper,
    pub(super) turns: Turns,
    pub(super) set_backs: SetBacks,
    pub(super) stuck_steps: Stuck<StepRef>,
    pub(super) stuck_timers: Stuck<Setting>,
    pub(super) channels: channel::Known,
}

/// Opens a backend of the host's.
pub(super) type OpenBackend = dyn Fn() -> Result<Arc<dyn Backend>, StoreError> + Send + Sync;

/// Where the backend comes from.
enum Source {
    /// Opened at first use, and again after a close.
    Dsn(String),
    /// The same, by the host; only the host's thread may call what it opens.
    Host(Box<OpenBackend>),
    /// Handed in; stays open.
    Given,
    /// There is none: a queue is all there is.
    Queue(LoneQueue),
}

/// The backend and what was read from it when it was opened.
pub(super) struct Opened {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) signer: TokenSigner,
}

impl Core {
    pub(super) fn with_dsn(dsn: String, options: EngineOptions) -> Self {
        Self::new(Source::Dsn(dsn), None, options)
    }

    pub(super) fn on_this_thread(open: Box<OpenBackend>, options: EngineOptions) -> Self {
        Self::new(Source::Host(open), None, options)
    }

    pub(super) fn with_queue(queue: LoneQueue, options: EngineOptions) -> Self {
        Self::new(Source::Queue(queue), None, options)
    }

    pub(super) fn over(backend: Arc<dyn Backend>, options: EngineOptions) -> Result<Self, Error> {
        let opened = Opened::new(backend)?;
        Ok(Self::new(Source::Given, Some(Arc::new(opened)), options))
    }

    fn new(source: Source, opened: Option<Arc<Opened>>, options: EngineOptions) -> Self {
        Self {
            source,
            opened: RwLock::new(opened),
            opening: Mutex::new(()),
            worker: fresh_worker(),
            library: Library::new(&options),
            plans: Plans::new(),
            states: StateCache::new(options.cache_bytes),
            rows: Rows::new(options.cache_bytes),
            breakers: Breakers::default(),
            claims: Claims::default(),
            keeper: Keeper::default(),
            turns: Turns::default(),
            set_backs: SetBacks::default(),
            stuck_steps: Stuck::default(),
            stuck_timers: Stuck::default(),
            channels: channel::Known::default(),
            options,
        }
    }

    /// The backend, opened now if it is not yet.
    pub(super) fn opened(&self) -> Result<Arc<Opened>, Error> {
        if let Some(opened) = self.opened.read().as_ref() {
            return Ok(Arc::clone(opened));
        }
        // One thread opens, the others wait for it rather than open the same file as well.
        let _turn = self.opening.lock();
        if let Some(opened) = self.opened.read().as_ref() {
            return Ok(Arc::clone(opened));
        }
        let backend = match &self.source {
            Source::Dsn(dsn) => adapter::open(dsn)?,
            Source::Host(open) => open()?,
            Source::Given | Source::Queue(_) => {
                return Err(Error::new(
                    Category::Engine,
                    code::BAD_ARGUMENT,
                    "the engine is closed",
                ));
            }
        };
        let opened = Arc::new(Opened::new(backend)?);
        *self.opened.write() = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// The backend alone.
    pub(super) fn backend(&self) -> Result<Arc<dyn Backend>, Error> {
        Ok(Arc::clone(&self.opened()?.backend))
    }

    /// Whether there is a store, and with it runs, timers and steps.
    pub(super) const fn has_store(&self) -> bool {
        !matches!(self.source, Source::Queue(_))
    }

    /// The queue that messages are in: the store's own, or the one there is without a store.
    pub(super) fn queue(&self) -> Result<Arc<dyn Queue>, Error> {
        match &self.source {
            Source::Queue(queue) => Ok(queue.opened()?.queue()),
            _ => Ok(self.backend()?),
        }
    }

    /// Publishes messages; where there is a fallback, those a broker cannot take go there.
    pub(super) fn publish(
        &self,
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<Vec<MessageId>, Error> {
        if let Source::Queue(queue) = &self.source
            && let Some(detour) = &queue.detour
        {
            return detour.publish(queue, messages, now);
        }
        Ok(self.queue()?.publish(messages, now)?)
    }

    /// Passes on what waits in the fallback, if there is one; returns whether nothing is left.
    pub(super) fn pass_on(&self) -> Result<bool, Error> {
        match &self.source {
            Source::Queue(queue) => match &queue.detour {
                Some(detour) => detour.pass_on_all(queue, self.now()),
                None => Ok(true),
            },
            _ => Ok(true),
        }
    }

    /// The same from a thread of ours, which may not call every store.
    pub(super) fn pass_on_in_background(&self) -> Result<(), Error> {
        match &self.source {
            Source::Queue(LoneQueue {
                detour: Some(detour),
                ..
            }) if detour.is_thread_bound() => Ok(()),
            _ => self.pass_on().map(drop),
        }
    }

    /// Has what waits for a queue passed on from time to time.
    pub(super) fn watch(&self, queue: &str) {
        if let Source::Queue(LoneQueue {
            detour: Some(detour),
            ..
        }) = &self.source
        {
            detour.watch(queue);
        }
    }

    /// The same for looking at its messages.
    pub(super) fn browsable_queue(&self) -> Result<Arc<dyn BrowsableQueue>, Error> {
        match &self.source {
            Source::Queue(queue) => queue.opened()?.browsable().ok_or_else(not_browsable),
            _ => Ok(self.backend()?),
        }
    }

    /// Forgets the backend; the next call opens it again.
    pub(super) fn close(&self) {
        if let Source::Queue(queue) = &self.source {
            queue.close();
        }
        self.keeper.stop();
        self.states.clear();
        self.rows.clear();
        self.plans.clear();
        self.channels.forget();
        let opens_again = match &self.source {
            Source::Dsn(dsn) => !adapter::is_volatile(dsn),
            Source::Host(_) => true,
            Source::Given | Source::Queue(_) => false,
        };
        if opens_again {
            *self.opened.write() = None;
        }
    }

    /// Whether the backend may be called by the host's thread only: then nothing happens between the host's calls.
    pub(super) const fn is_thread_bound(&self) -> bool {
        matches!(self.source, Source::Host(_))
    }

    /// Has the leases of held attempts prolonged: from now on by a thread or, where none may call the backend, just now.
    pub(super) fn keep_leases(self: &Arc<Self>) -> Result<(), Error> {
        if self.is_thread_bound() {
            // As for the thread: a lease that cannot be prolonged now is at the next call, or is found lost then.
            let _ = self.keep_claims();
            return Ok(());
        }
        self.keeper.start(self, self.options.lease / 3)
    }

    /// Keeps a state at hand, unless it may yet be undone.
    pub(super) fn remember(&self, hot: Arc<Hot>) {
        if self.backend().is_ok_and(|store| !store.is_provisional()) {
            self.states.put(hot);
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    /// A lease from now on.
    pub(super) fn lease(&self) -> Lease {
        Lease {
            now: self.now(),
            duration: self.options.lease,
        }
    }

    /// The attempt a token names.
    pub(super) fn read_token(&self, token: &str) -> Result<StepRef, Error> {
        self.opened()?.signer.read(token).map_err(|error| {
            let code = match error {
                TokenError::Malformed => code::TOKEN_MALFORMED,
                TokenError::Foreign => code::TOKEN_FOREIGN,
            };
            Error::new(Category::Token, code, error.to_string())
                .with_help("pass the token on exactly as the engine of the same store gave it")
        })
    }

    /// Prolongs the leases of all held attempts that need it.
    pub(super) fn keep_claims(&self) -> Result<(), Error> {
        let lease = self.lease();
        let beats = self.claims.due(lease.now, lease.duration);
        if beats.is_empty() {
            return Ok(());
        }
        let receipts: Vec<_> = beats.iter().map(|beat| beat.receipt.clone()).collect();
        let kept = self.backend()?.extend(&receipts, lease.until())?;
        for (beat, kept) in beats.iter().zip(kept) {
            self.claims
                .note(&beat.step, &beat.receipt, kept, lease.until());
        }
        Ok(())
    }
}

impl Opened {
    fn new(backend: Arc<dyn Backend>) -> Result<Self, Error> {
        let mut fresh = [0_u8; 32];
        rand::rng().fill_bytes(&mut fresh);
        let key = backend.signing_key(fresh)?;
        Ok(Self {
            signer: TokenSigner::new(&key),
            backend,
        })
    }
}

impl fmt::Debug for Core {
    /// Leaves out the DSN: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("worker", &self.worker)
            .field("open", &self.opened.read().is_some())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn not_browsable() -> Error {
    Error::new(
        Category::Transport,
        code::NOT_BROWSABLE,
        "messages of a broker cannot be listed, looked up or taken by their id",
    )
    .with_help("receive them, or look at them with the tools of the broker")
}

fn fresh_worker() -> WorkerId {
    WorkerId(format!(
        "{}-{:08x}",
        std::process::id(),
        rand::rng().next_u32()
    ))
}
