//! When a failed attempt is tried again, and how much later.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::StepError;

/// Codes that a repetition does not mend. They are retried only when `retryable_errors` lists them, or when whoever
/// reports the error says that it is retryable.
pub const NON_RETRYABLE_CODES: [&str; 8] = [
    "PRECONDITION_FAILED",
    "POSTCONDITION_FAILED",
    "NO_HANDLER",
    "VALIDATION_FAILED",
    "VALIDATION_ERROR",
    "SCHEMA_VALIDATION_ERROR",
    "EXPRESSION_ERROR",
    "UNRESOLVED_REF",
];

/// The longest wait that an error may ask for with `retry_after`: a day.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// How delays grow from one retry to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// No delay.
    None,
    /// The same delay each time (also spelled `constant`).
    Fixed,
    /// The initial delay times the number of the retry.
    Linear,
    /// The initial delay, multiplied each time.
    #[default]
    Exponential,
}

/// Attempts and delays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; at least 1.
    pub max_attempts: u32,
    /// How delays grow.
    pub backoff: Backoff,
    /// Delay before the first retry.
    pub initial_delay: Duration,
    /// No delay is longer.
    pub max_delay: Duration,
    /// Factor of exponential growth; at least 1.
    pub multiplier: f64,
    /// Share by which a delay is spread to either side, 0–1; the spread is a function of run, node and attempt.
    pub jitter: f64,
    /// When not empty: only errors with one of these codes, classes or message parts are retried.
    pub retryable_errors: Vec<String>,
    /// Errors with one of these codes, classes or message parts are never retried.
    pub fatal_errors: Vec<String>,
}

impl Default for RetryPolicy {
    /// What `retry` means where the author gave no numbers: 3 attempts, exponential from 1 s, at most 60 s, ±10 %.
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff: Backoff::Exponential,
            initial_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            multiplier: 2.0,
            jitter: 0.1,
            retryable_errors: Vec::new(),
            fatal_errors: Vec::new(),
        }
    }
}

/// What a policy says about a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// Try again, this much later.
    Retry {
        /// The delay.
        delay: Duration,
    },
    /// Do not try again.
    Stop(StopReason),
}

/// Why an attempt is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// All attempts are used.
    Exhausted,
    /// The error's code, class or message is on the policy's fatal list, or its code is one that a repetition does
    /// not mend.
    Fatal,
    /// The policy lists what it retries, and this error is not on the list.
    NotListed,
    /// Whoever reported the error said that it is not retryable.
    Refused,
}

impl RetryPolicy {
    /// The delay before retry `retry_number` (from 1; 0 is read as 1), never longer than `max_delay`.
    ///
    /// `sample` (0–1) places the delay within the jitter: 0.5 leaves it as it is. What jitter would push over
    /// `max_delay` is mirrored below it, so that delays at the bound spread as well.
    #[must_use]
    pub fn delay(&self, retry_number: u32, sample: f64) -> Duration {
        let cap = self.max_delay.as_secs_f64();
        let plain = self.plain_delay(retry_number.max(1)).min(cap);
        let spread = plain * unit(self.jitter) * (2.0 * unit(sample) - 1.0);
        let jittered = plain + spread;
        let mirrored = if jittered > cap {
            2.0 * cap - jittered
        } else {
            jittered
        };
        Duration::try_from_secs_f64(mirrored.max(0.0))
            .unwrap_or(self.max_delay)
            .min(self.max_delay)
    }

    /// Whether attempt `attempt` (from 1) that failed with `error` is followed by another, and when.
    ///
    /// The attempts come first, then what the error says of itself, then the lists. A `retry_after` of the error
    /// lengthens the delay, also beyond `max_delay`, up to [`MAX_RETRY_AFTER`].
    #[must_use]
    pub fn decide(&self, attempt: u32, error: &StepError, sample: f64) -> RetryDecision {
        if attempt >= self.max_attempts {
            return RetryDecision::Stop(StopReason::Exhausted);
        }
        if let Some(reason) = self.forbids(error) {
            return RetryDecision::Stop(reason);
        }
        let asked = error
            .retry_after
            .unwrap_or(Duration::ZERO)
            .min(MAX_RETRY_AFTER);
        RetryDecision::Retry {
            delay: self.delay(attempt, sample).max(asked),
        }
    }

    fn forbids(&self, error: &StepError) -> Option<StopReason> {
        if error.retryable == Some(false) {
            return Some(StopReason::Refused);
        }
        if self.fatal_errors.iter().any(|entry| matches(entry, error)) {
            return Some(StopReason::Fatal);
        }
        if !self.retryable_errors.is_empty() {
            let listed = self
                .retryable_errors
                .iter()
                .any(|entry| matches(entry, error));
            return (!listed).then_some(StopReason::NotListed);
        }
        let hopeless = NON_RETRYABLE_CODES.contains(&error.code.as_str());
        (hopeless && error.retryable != Some(true)).then_some(StopReason::Fatal)
    }

    fn plain_delay(&self, retry: u32) -> f64 {
        let initial = self.initial_delay.as_secs_f64();
        match self.backoff {
            Backoff::None => 0.0,
            Backoff::Fixed => initial,
            Backoff::Linear => initial * f64::from(retry),
            Backoff::Exponential => {
                let factor = if self.multiplier.is_finite() {
                    self.multiplier.max(1.0)
                } else {
                    1.0
                };
                // Infinity for large retries, which the cap brings back; zero stays zero.
                let grown = initial * factor.powf(f64::from(retry - 1));
                if grown.is_nan() { 0.0 } else { grown }
            }
        }
    }
}

/// An entry names an error by its code, by its class (whole or without its namespace), or by part of its message.
fn matches(entry: &str, error: &StepError) -> bool {
    if entry.is_empty() {
        return false;
    }
    let class = error.class.as_deref().unwrap_or_default();
    let entry_class = entry.trim_start_matches('\\');
    entry == error.code
        || (!class.is_empty()
            && (entry_class == class.trim_start_matches('\\')
                || class.rsplit(['\\', '.']).next() == Some(entry)))
        || error.message.contains(entry)
}

/// `value` if it is a share, the nearest share if it is out of range, no share if it is no number.
fn unit(value: f64) -> f64 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
