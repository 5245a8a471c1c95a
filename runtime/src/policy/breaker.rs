//! Circuit breakers: what keeps failing is left alone for a while, then tried with one call before all others follow.
//!
//! A [`Breaker`] is a value that all workers share. It says of a call whether it may be made ([`Breaker::admit`]), and
//! learns how calls ended ([`Breaker::note`]); [`BreakerPolicy`] has the thresholds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::retry::NON_RETRYABLE_CODES;
use crate::port::Timestamp;
use crate::run::StepError;

/// A rate's window is counted in so many parts; the oldest is dropped when a new one begins.
const SLOTS: u64 = 10;
/// How much of an error's message is kept, in characters.
const LONGEST_CAUSE: usize = 300;

/// When a breaker opens, and when it closes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreakerPolicy {
    /// So many failures in a row open it; at least 1.
    pub failures: u32,
    /// Opens it as well, where given.
    pub rate: Option<FailureRate>,
    /// How long it stays open before a call is tried.
    pub open_for: Duration,
    /// So many tried calls in a row must succeed before it closes; at least 1.
    pub probes: u32,
    /// The subscriber that gets the messages of this one while it is open; `None` = they wait. Steps do what their task's
    /// `error_handling` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
}

impl Default for BreakerPolicy {
    /// 5 failures in a row, no rate, open for a minute, one probe.
    fn default() -> Self {
        Self {
            failures: 5,
            rate: None,
            open_for: Duration::from_secs(60),
            probes: 1,
            fallback: None,
        }
    }
}

/// A share of calls that fail within a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FailureRate {
    /// The share from which on it is too many, above 0 and at most 1.
    pub share: f64,
    /// Among fewer calls a share says nothing; at least 1.
    pub minimum: u32,
    /// The time looked back; it is kept in tenths.
    pub window: Duration,
}

/// What is known of the calls to one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breaker {
    /// Whether calls may be made.
    #[serde(flatten)]
    pub state: BreakerState,
    /// Failures in a row.
    #[serde(default)]
    pub failures: u32,
    /// Calls in parts of the window, oldest first; empty without a rate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    slots: Vec<Slot>,
    /// The latest failure that counted: code and message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// When it last opened or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// Whether calls may be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BreakerState {
    /// They may.
    Closed,
    /// They may not.
    Open {
        /// From then on, one is tried.
        until: Timestamp,
    },
    /// One is tried at a time.
    HalfOpen {
        /// How many succeeded in a row.
        succeeded: u32,
        /// The one that is being tried.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        probe: Option<Probe>,
    },
}

/// The call by which a breaker finds out whether it may close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Who makes it.
    pub holder: String,
    /// Without an answer by then, another is tried.
    pub until: Timestamp,
}

/// Calls counted in one part of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Slot {
    number: u64,
    calls: u32,
    failed: u32,
}

/// What a breaker says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may be made.
    Passes,
    /// It may be made, and its result decides for all.
    Probes,
    /// Not before this instant, at which it asks again.
    Parked {
        /// That instant.
        until: Timestamp,
    },
}

/// How a call ended, as a breaker sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CallResult<'a> {
    /// What was called answers: also with an error that is the caller's fault.
    Answered,
    /// It failed.
    Failed(&'a StepError),
}

impl<'a> CallResult<'a> {
    /// What an error says of the thing that was called. One that a repetition would not mend is an answer.
    #[must_use]
    pub fn of_error(error: &'a StepError) -> Self {
        let hopeless = NON_RETRYABLE_CODES.contains(&error.code.as_str());
        match error.retryable {
            Some(false) => Self::Answered,
            None if hopeless => Self::Answered,
            Some(true) | None => Self::Failed(error),
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: BreakerState::Closed,
            failures: 0,
            slots: Vec::new(),
            cause: None,
            since: None,
        }
    }
}

impl Breaker {
    /// Whether `holder` may make a call now. A holder that was admitted as the probe is so again if it asks again. Changes
    /// the breaker when the call becomes its probe.
    pub fn admit(&mut self, policy: &BreakerPolicy, holder: &str, now: Timestamp) -> Admission {
        let succeeded = match &self.state {
            BreakerState::Closed => return Admission::Passes,
            BreakerState::Open { until } if *until > now => {
                return Admission::Parked { until: *until };
            }
            BreakerState::Open { .. } => 0,
            BreakerState::HalfOpen { succeeded, probe } => {
                if let Some(probe) = probe.as_ref().filter(|probe| probe.until > now) {
                    return if probe.holder == holder {
                        Admission::Probes
                    } else {
                        Admission::Parked { until: probe.until }
                    };
                }
                *succeeded
            }
        };
        let probe = Probe {
            holder: holder.to_owned(),
            until: now.after(policy.open_for),
        };
        self.state = BreakerState::HalfOpen {
            succeeded,
            probe: Some(probe),
        };
        Admission::Probes
    }

    /// Learns how a call of `holder` ended. While the breaker is not closed, only its probe counts: the others began before.
    pub fn note(
        &mut self,
        policy: &BreakerPolicy,
        holder: &str,
        result: CallResult<'_>,
        now: Timestamp,
    ) {
        match &self.state {
            BreakerState::Closed => self.count(policy, result, now),
            BreakerState::HalfOpen {
                succeeded,
                probe: Some(probe),
            } if probe.holder == holder => {
                let succeeded = succeeded.saturating_add(1);
                match result {
                    CallResult::Failed(error) => self.open(policy, error, now),
                    CallResult::Answered if succeeded < policy.probes => {
                        self.state = BreakerState::HalfOpen {
                            succeeded,
                            probe: None,
                        };
                    }
                    CallResult::Answered => {
                        *self = Self {
                            since: Some(now),
                            ..Self::default()
                        }
                    }
                }
            }
            BreakerState::HalfOpen { .. } | BreakerState::Open { .. } => {}
        }
    }

    /// Whether a call that is answered changes nothing but the counts of a rate.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.state == BreakerState::Closed && self.failures == 0
    }

    /// Counts calls that were answered a moment ago. Other than one that is [noted](Self::note), they do not end a row of
    /// failures: they may lie before it.
    pub fn tally(&mut self, policy: &BreakerPolicy, answered: u32, now: Timestamp) {
        if let Some(rate) = &policy.rate
            && self.state == BreakerState::Closed
        {
            self.count_in_slot(rate, answered, 0, now);
        }
    }

    fn count(&mut self, policy: &BreakerPolicy, result: CallResult<'_>, now: Timestamp) {
        let failed = u32::from(matches!(result, CallResult::Failed(_)));
        if let Some(rate) = &policy.rate {
            self.count_in_slot(rate, 1, failed, now);
        }
        let CallResult::Failed(error) = result else {
            self.failures = 0;
            return;
        };
        self.failures = self.failures.saturating_add(1);
        self.cause = Some(cause(error));
        let too_often = policy.rate.is_some_and(|rate| self.exceeds(&rate));
        if self.failures >= policy.failures || too_often {
            self.open(policy, error, now);
        }
    }

    fn count_in_slot(&mut self, rate: &FailureRate, calls: u32, failed: u32, now: Timestamp) {
        let length = (rate.window.as_millis() / u128::from(SLOTS)).max(1);
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let number = u64::try_from(now.as_millis()).unwrap_or_default() / length;
        // A clock that was set back leaves slots of the future, which would never grow old.
        self.slots
            .retain(|slot| slot.number <= number && slot.number + SLOTS > number);
        if self.slots.last().is_none_or(|last| last.number != number) {
            self.slots.push(Slot {
                number,
                calls: 0,
                failed: 0,
            });
        }
        if let Some(slot) = self.slots.last_mut() {
            slot.calls = slot.calls.saturating_add(calls);
            slot.failed = slot.failed.saturating_add(failed);
        }
    }

    fn exceeds(&self, rate: &FailureRate) -> bool {
        let (calls, failed) = self
            .slots
            .iter()
            .fold((0_u32, 0_u32), |(calls, failed), slot| {
                (
                    calls.saturating_add(slot.calls),
                    failed.saturating_add(slot.failed),
                )
            });
        calls >= rate.minimum && f64::from(failed) >= f64::from(calls) * rate.share
    }

    fn open(&mut self, policy: &BreakerPolicy, error: &StepError, now: Timestamp) {
        *self = Self {
            state: BreakerState::Open {
                until: now.after(policy.open_for),
            },
            failures: self.failures,
            slots: Vec::new(),
            cause: Some(cause(error)),
            since: Some(now),
        };
    }
}

fn cause(error: &StepError) -> String {
    let text = format!("{}: {}", error.code, error.message);
    text.chars().take(LONGEST_CAUSE).collect()
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
