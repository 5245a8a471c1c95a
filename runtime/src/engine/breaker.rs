//! Circuit breakers of what steps call: one record each in the key-value space of the store, changed by compare-and-swap,
//! so that all workers share it.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Engine;
use super::claim::place_of;
use super::core::Core;
use super::options::check_breaker_name;
use super::records::Change;
use crate::error::Error;
use crate::policy::{Admission, Breaker, BreakerPolicy, BreakerState, CallResult};
use crate::port::{Delivery, StepRef, Timestamp};
use crate::run::{StepError, StepJob};

/// Where the records are.
const NAMESPACE: &str = "ossa.breakers";
/// What was read is good for so long: a worker learns that much later what another found out.
const FRESH: Duration = Duration::from_millis(100);
/// Answered calls are told to the others no more often than that.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// While a call is tried, the parked ones look again that often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Parked calls come back spread over so much, so that they do not come all at once.
const SPREAD_MS: u64 = 1000;
/// A record that nobody changes is forgotten.
const KEPT_FOR: Duration = Duration::from_secs(7 * 86_400);

/// Code of the failure of a step that does not wait for an open breaker, for it has a fallback.
pub(super) const BREAKER_OPEN: &str = "BREAKER_OPEN";

/// Names a breaker: what is called, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BreakerKey {
    /// What is called: a capability, or another name under which a host binds a handler.
    pub name: String,
    /// For whom; `None` where runs have no tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// A breaker as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreakerView {
    /// Its name.
    #[serde(flatten)]
    pub key: BreakerKey,
    /// Where it stands.
    #[serde(flatten)]
    pub breaker: Breaker,
}

/// What this process knows of the breakers.
#[derive(Debug, Default)]
pub(super) struct Breakers(Mutex<HashMap<BreakerKey, Known>>);

#[derive(Debug, Default)]
struct Known {
    read: Option<(Breaker, Timestamp)>,
    /// Answered calls that the record does not count yet.
    answered: u32,
    told_at: Option<Timestamp>,
}

/// The breakers of one attempt, and how they know it.
#[derive(Debug, Clone)]
pub(super) struct Guarded {
    keys: Vec<BreakerKey>,
    holder: String,
}

impl Engine {
    /// All breakers that have a record, by name: those that saw a failure lately.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn breakers(&self) -> Result<Vec<BreakerView>, Error> {
        let mut views: Vec<BreakerView> = self.core().records(NAMESPACE, "", usize::MAX)?;
        views.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(views)
    }

    /// Closes a breaker and forgets what it counted; `false` when it has no record. What it parked comes when it was to
    /// come.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn reset_breaker(&self, key: &BreakerKey) -> Result<bool, Error> {
        let core = self.core();
        let found = core.forget_record(NAMESPACE, &key.id())?;
        core.breakers.0.lock().remove(key);
        Ok(found)
    }

    /// Asks whether a call that is no step may be made now: for services that guard themselves. `holder` names the call in
    /// [`note_call`](Self::note_call).
    ///
    /// # Errors
    /// Category argument for a bad name; what the store fails with.
    pub fn admit_call(&self, key: &BreakerKey, holder: &str) -> Result<Admission, Error> {
        check_breaker_name(&key.name)?;
        let core = self.core();
        core.admission(key, &core.options.breaker(&key.name), holder, false)
    }

    /// Tells how a call ended that was admitted; `error` when it failed.
    ///
    /// # Errors
    /// Category argument for a bad name; what the store fails with.
    pub fn note_call(
        &self,
        key: &BreakerKey,
        holder: &str,
        error: Option<&StepError>,
    ) -> Result<(), Error> {
        check_breaker_name(&key.name)?;
        let core = self.core();
        let result = error.map_or(CallResult::Answered, CallResult::of_error);
        core.note_by(key, &core.options.breaker(&key.name), holder, result)
    }
}

impl Core {
    /// The breakers that guard an attempt; `None` when none does.
    pub(super) fn guarded(&self, job: &StepJob) -> Option<Guarded> {
        let breakers = &self.options.breakers;
        if breakers.is_empty() {
            return None;
        }
        let mut keys: Vec<BreakerKey> = Vec::new();
        for call in &job.calls {
            let named = call.keys.iter().find(|key| breakers.contains_key(&key.key));
            let key = named.map(|key| BreakerKey {
                name: key.key.clone(),
                tenant: job.tenant.clone(),
            });
            keys.extend(key.filter(|key| !keys.contains(key)));
        }
        (!keys.is_empty()).then(|| Guarded {
            keys,
            holder: format!("{}/{}/{}/{}", job.run, job.scope, job.node, job.attempt),
        })
    }

    /// The breaker that guards the deliveries to a subscriber; `None` when none does.
    pub(super) fn guarded_subscriber(
        &self,
        name: &str,
        tenant: Option<&str>,
        holder: String,
    ) -> Option<Guarded> {
        let is_guarded = self.options.breakers.contains_key(name);
        is_guarded.then(|| Guarded {
            keys: vec![BreakerKey {
                name: name.to_owned(),
                tenant: tenant.map(ToOwned::to_owned),
            }],
            holder,
        })
    }

    /// The same for the item of an attempt, when it can be read.
    pub(super) fn guarded_item(&self, delivery: &Delivery) -> Option<Guarded> {
        if self.options.breakers.is_empty() {
            return None;
        }
        let job = serde_json::from_slice(&delivery.body).ok()?;
        self.guarded(&job)
    }

    /// Until when an attempt is to wait for a breaker; `None` when it may run. Its probe is taken only where no other
    /// breaker keeps it waiting.
    pub(super) fn parked_until(&self, guarded: &Guarded) -> Result<Option<Timestamp>, Error> {
        let holder = &guarded.holder;
        for dry in [true, false] {
            for key in &guarded.keys {
                let policy = self.options.breaker(&key.name);
                let admission = self.admission(key, &policy, holder, dry)?;
                if let Admission::Parked { until } = admission {
                    let spread = Duration::from_millis(spread(holder));
                    return Ok(Some(until.after(spread)));
                }
            }
        }
        Ok(None)
    }

    /// Tells the breakers of an attempt how it ended. That they do not learn it is no reason to fail: the result is
    /// recorded already.
    pub(super) fn note_attempt(&self, guarded: &Guarded, error: Option<&StepError>) {
        let result = error.map_or(CallResult::Answered, CallResult::of_error);
        for key in &guarded.keys {
            let policy = self.options.breaker(&key.name);
            let _ = self.note_by(key, &policy, &guarded.holder, result);
        }
    }

    /// In words, which breaker an attempt waits for; `None` when it waits for none.
    pub(super) fn waits_for_breaker(&self, guarded: &Guarded) -> Result<Option<String>, Error> {
        for key in &guarded.keys {
            let breaker = self.breaker(key)?;
            let state = match breaker.state {
                BreakerState::Closed => continue,
                BreakerState::Open { until } => format!("is open until {until}"),
                BreakerState::HalfOpen { .. } => "lets one call through at a time".to_owned(),
            };
            let cause = breaker
                .cause
                .map_or_else(String::new, |cause| format!(", after {cause}"));
            return Ok(Some(format!("the circuit breaker of {key} {state}{cause}")));
        }
        Ok(None)
    }

    /// The failure of an attempt that does not wait for its breaker, for its task has a fallback.
    pub(super) fn breaker_error(
        &self,
        step: &StepRef,
        guarded: &Guarded,
    ) -> Result<Option<StepError>, Error> {
        let hot = self.current(step.run)?;
        if !hot
            .state
            .falls_back(&hot.plan, place_of(step), BREAKER_OPEN)
        {
            return Ok(None);
        }
        let text = self.waits_for_breaker(guarded)?.unwrap_or_default();
        let mut error = StepError::new(BREAKER_OPEN, text);
        error.retryable = Some(false);
        Ok(Some(error))
    }

    /// The breaker as it was a moment ago.
    fn breaker(&self, key: &BreakerKey) -> Result<Breaker, Error> {
        let now = self.now();
        if let Some(known) = self.breakers.0.lock().get(key)
            && let Some((breaker, read_at)) = &known.read
            && *read_at <= now
            && now.since(*read_at) < FRESH
        {
            return Ok(breaker.clone());
        }
        let breaker = known(self.record(NAMESPACE, &key.id())?);
        self.remember_breaker(key, &breaker, now);
        Ok(breaker)
    }

    /// Whether a call may be made. `dry` only asks: the call does not become the probe.
    fn admission(
        &self,
        key: &BreakerKey,
        policy: &BreakerPolicy,
        holder: &str,
        dry: bool,
    ) -> Result<Admission, Error> {
        let mut breaker = self.breaker(key)?;
        let before = breaker.clone();
        let mut admission = breaker.admit(policy, holder, self.now());
        if breaker != before && !dry {
            let admitted =
                self.change_breaker(key, |breaker, now| breaker.admit(policy, holder, now))?;
            admission = admitted.unwrap_or(Admission::Parked {
                until: self.now().after(LOOK_AGAIN),
            });
        }
        Ok(match admission {
            Admission::Parked { until } if self.is_trying(key) => Admission::Parked {
                until: until.min(self.now().after(LOOK_AGAIN)),
            },
            admission => admission,
        })
    }

    /// Whether a call is being tried: its result may come any moment.
    fn is_trying(&self, key: &BreakerKey) -> bool {
        let known = self.breakers.0.lock();
        let breaker = known.get(key).and_then(|known| known.read.as_ref());
        breaker.is_some_and(|(breaker, _)| matches!(breaker.state, BreakerState::HalfOpen { .. }))
    }

    fn note_by(
        &self,
        key: &BreakerKey,
        policy: &BreakerPolicy,
        holder: &str,
        result: CallResult<'_>,
    ) -> Result<(), Error> {
        let quiet = result == CallResult::Answered && self.breaker(key)?.is_quiet();
        let Some(before) = self.breakers.untold(key, policy, quiet, self.now()) else {
            return Ok(());
        };
        self.change_breaker(key, |breaker, now| {
            breaker.tally(policy, before, now);
            breaker.note(policy, holder, result, now);
        })
        .map(drop)
    }

    /// `None` when others changed it under every try.
    fn change_breaker<T>(
        &self,
        key: &BreakerKey,
        change: impl Fn(&mut Breaker, Timestamp) -> T,
    ) -> Result<Option<T>, Error> {
        let changed = self.change_record(NAMESPACE, &key.id(), |record, now| {
            let mut breaker = known(record);
            let before = breaker.clone();
            let answer = (change(&mut breaker, now), breaker.clone(), now);
            if breaker == before {
                return Ok(Change::Keep(answer));
            }
            let key = key.clone();
            Ok(Change::Put {
                record: BreakerView { key, breaker },
                expires_at: Some(now.after(KEPT_FOR)),
                answer,
            })
        })?;
        Ok(changed.map(|(answer, breaker, now)| {
            self.remember_breaker(key, &breaker, now);
            answer
        }))
    }

    fn remember_breaker(&self, key: &BreakerKey, breaker: &Breaker, now: Timestamp) {
        let mut known = self.breakers.0.lock();
        known.entry(key.clone()).or_default().read = Some((breaker.clone(), now));
    }
}

impl Breakers {
    /// How many answered calls are to be told with the one that has just ended; `None` when that one changes nothing and can
    /// be told later, or not at all.
    fn untold(
        &self,
        key: &BreakerKey,
        policy: &BreakerPolicy,
        quiet: bool,
        now: Timestamp,
    ) -> Option<u32> {
        if quiet && policy.rate.is_none() {
            return None;
        }
        let mut known = self.0.lock();
        let known = known.entry(key.clone()).or_default();
        let told_lately = |told_at: Timestamp| now.since(told_at) < TOLD_EVERY;
        if quiet && known.told_at.is_some_and(told_lately) {
            known.answered = known.answered.saturating_add(1);
            return None;
        }
        known.told_at = Some(now);
        Some(std::mem::take(&mut known.answered))
    }
}

impl BreakerKey {
    /// The key of its record.
    fn id(&self) -> String {
        json!([self.name, self.tenant]).to_string()
    }
}

impl std::fmt::Display for BreakerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.tenant {
            Some(tenant) => write!(f, "`{}` for tenant `{tenant}`", self.name),
            None => write!(f, "`{}`", self.name),
        }
    }
}

/// Without a record that can be read, nothing was seen yet.
fn known(record: Option<BreakerView>) -> Breaker {
    record.map_or_else(Breaker::default, |view| view.breaker)
}

/// Milliseconds that differ from call to call, and are the same for the same call.
fn spread(holder: &str) -> u64 {
    u64::from(crc32c::crc32c(holder.as_bytes())) % SPREAD_MS
}
