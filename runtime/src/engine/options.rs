//! What an engine is opened with.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::channel::ChannelOptions;
use crate::error::{Category, Error, code};
use crate::manifest::Level;
use crate::policy::{BreakerPolicy, RetryPolicy};
use crate::port::{Clock, Labels, SystemClock};
use crate::routing::{Callbacks, NoCallbacks};
use crate::run::RetryOwner;

/// Settings of an [`Engine`](super::Engine). The defaults suit one machine.
#[derive(Clone)]
pub struct EngineOptions {
    /// Folders below which manifests are found by name or path.
    pub manifest_roots: Vec<PathBuf>,
    /// How strictly manifests are read.
    pub level: Level,
    /// Queue that step items go to, unless a start names another.
    pub queue: String,
    /// Who waits out the delay of a retry that follows a report made to this engine.
    pub retry_owner: RetryOwner,
    /// Policy of steps for which the manifest names none; `None` = one attempt.
    pub default_retry: Option<RetryPolicy>,
    /// Policies of handlers, by the name under which the host binds them: for calls of which no manifest says how often they
    /// are tried. They become part of the plan, and come before `default_retry`.
    pub retries: BTreeMap<String, RetryPolicy>,
    /// Circuit breakers of what steps call, by the name under which the host binds the handler: a capability, an
    /// entrypoint, a task or `<workflow>.<step id>`; and of who takes messages, by the name of the subscriber. Each tenant
    /// (label `tenant` of a run, header `x-ossa-tenant` of a message) has breakers of its own.
    pub breakers: BTreeMap<String, BreakerPolicy>,
    /// The values that `env.X` may see in expressions.
    pub env: Map<String, Value>,
    /// How long a claim holds without a heartbeat; heartbeats come at a third of it.
    pub lease: Duration,
    /// How long a relayed item may stay unclaimed before it is relayed again; after that twice as long each time, up to an
    /// hour.
    pub dispatch_deadline: Duration,
    /// So many lost leases make an attempt fail with `WORKER_LOST`.
    pub max_losses: u32,
    /// Bound on the memory taken by states kept at hand, in bytes of their JSON.
    pub cache_bytes: usize,
    /// What channels keep, and for how long.
    pub channels: ChannelOptions,
    /// What the host does for transforms of message routing that are not the runtime's own.
    pub callbacks: Arc<dyn Callbacks + Send + Sync>,
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            manifest_roots: Vec::new(),
            level: Level::default(),
            queue: "default".to_owned(),
            retry_owner: RetryOwner::Engine,
            default_retry: None,
            retries: BTreeMap::new(),
            breakers: BTreeMap::new(),
            env: Map::new(),
            lease: Duration::from_secs(30),
            dispatch_deadline: Duration::from_secs(300),
            max_losses: 5,
            cache_bytes: 16 * 1024 * 1024,
            channels: ChannelOptions::default(),
            callbacks: Arc::new(NoCallbacks),
            clock: Arc::new(SystemClock),
        }
    }
}

impl EngineOptions {
    /// The shortest lease: below it, heartbeats would be most of the work.
    pub const MIN_LEASE: Duration = Duration::from_secs(1);

    pub(super) fn check(&self) -> Result<(), Error> {
        if self.lease < Self::MIN_LEASE {
            return Err(wrong(format!("the lease is {} ms", self.lease.as_millis()))
                .with_help("use at least 1 second"));
        }
        if self.max_losses == 0 {
            return Err(wrong("`max_losses` is 0".to_owned()).with_help("use at least 1"));
        }
        for (name, policy) in &self.breakers {
            check_breaker(name, policy)?;
        }
        self.channels.check()?;
        check_queue(&self.queue)
    }

    /// The policy of a breaker; the default one for a name that has none.
    pub(super) fn breaker(&self, name: &str) -> BreakerPolicy {
        self.breakers.get(name).cloned().unwrap_or_default()
    }
}

fn check_breaker(name: &str, policy: &BreakerPolicy) -> Result<(), Error> {
    check_breaker_name(name)?;
    let wrong = |what: &str| {
        Err(wrong(format!(
            "the circuit breaker of `{}` {what}",
            shorten(name)
        )))
    };
    if policy.failures == 0 || policy.probes == 0 {
        return wrong("counts to 0: use at least 1 failure and 1 probe");
    }
    if policy.open_for.is_zero() {
        return wrong("is never open: use at least 1 ms");
    }
    match &policy.rate {
        Some(rate) if !(rate.share > 0.0 && rate.share <= 1.0) => {
            wrong("has a share of failures that is not above 0 and at most 1")
        }
        Some(rate) if rate.window.is_zero() || rate.minimum == 0 => {
            wrong("has a rate without a window or a minimum of calls")
        }
        _ => Ok(()),
    }
}

/// Names of breakers are those of handlers.
pub(super) fn check_breaker_name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > 500 {
        return Err(
            wrong(format!("`{}` names no circuit breaker", shorten(name)))
                .with_help("its name has 1 to 500 bytes"),
        );
    }
    Ok(())
}

/// Queue names end up in files, keys and commands of brokers: short, printable, no spaces.
pub(super) fn check_queue(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
    if name.is_empty() || name.len() > 120 || !name.chars().all(allowed) {
        return Err(
            wrong(format!("`{}` is not the name of a queue", shorten(name)))
                .with_help("use 1 to 120 of the characters a-z, A-Z, 0-9, `.`, `_`, `-` and `:`"),
        );
    }
    Ok(())
}

/// Labels are for finding runs: few and short, as manifests have them.
pub(super) fn check_labels(labels: &Labels) -> Result<(), Error> {
    if labels.len() > 64 {
        return Err(wrong(format!("there are {} labels", labels.len()))
            .with_help("a run has at most 64 labels"));
    }
    for (name, value) in labels {
        if name.is_empty() || name.len() > 253 || value.chars().count() > 63 {
            return Err(wrong(format!("`{}` is not a label", shorten(name)))
                .with_help("a label's name has 1 to 253 bytes, its value at most 63 characters"));
        }
    }
    Ok(())
}

fn wrong(message: String) -> Error {
    Error::new(Category::Argument, code::BAD_ARGUMENT, message)
}

fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}

impl fmt::Debug for EngineOptions {
    /// Leaves out the values of `env`: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineOptions")
            .field("manifest_roots", &self.manifest_roots)
            .field("queue", &self.queue)
            .field("retry_owner", &self.retry_owner)
            .field("retries", &self.retries)
            .field("breakers", &self.breakers)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("lease", &self.lease)
            .field("dispatch_deadline", &self.dispatch_deadline)
            .field("max_losses", &self.max_losses)
            .field("cache_bytes", &self.cache_bytes)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}
