//! Arrays of options that say when to retry and when to leave alone, as the runtime's own types.

use std::collections::BTreeMap;
use std::time::Duration;

use ossa_runtime::policy::{Backoff, BreakerPolicy, FailureRate, RetryPolicy};

use super::engine_options::LONGEST_DELAY;
use crate::convert::options::Options;
use crate::error::Answer;

/// The option `default_retry`.
pub(super) fn default_retry(given: &Options<'_>) -> Answer<Option<RetryPolicy>> {
    let given = given.nested("default_retry", &RETRY)?;
    given.as_ref().map(retry).transpose()
}

/// The option `retries`: policies by the name of a handler.
pub(super) fn retries(given: &Options<'_>) -> Answer<BTreeMap<String, RetryPolicy>> {
    given.each("retries", &RETRY, retry)
}

/// The option `breakers`: policies by the name of a handler.
pub(super) fn breakers(given: &Options<'_>) -> Answer<BTreeMap<String, BreakerPolicy>> {
    given.each("breakers", &BREAKER, breaker)
}

const RETRY: [&str; 6] = [
    "max_attempts",
    "backoff",
    "initial_delay_ms",
    "max_delay_ms",
    "multiplier",
    "jitter",
];

fn retry(given: &Options<'_>) -> Answer<RetryPolicy> {
    let mut policy = RetryPolicy::default();
    if let Some(attempts) = count(given, "max_attempts")? {
        policy.max_attempts = attempts;
    }
    if let Some(backoff) = given.one_of("backoff", &["none", "fixed", "linear", "exponential"])? {
        policy.backoff = match backoff {
            "none" => Backoff::None,
            "fixed" => Backoff::Fixed,
            "linear" => Backoff::Linear,
            _ => Backoff::Exponential,
        };
    }
    if let Some(delay) = given.integer("initial_delay_ms", 0..=LONGEST_DELAY)? {
        policy.initial_delay = Duration::from_millis(delay);
    }
    if let Some(delay) = given.integer("max_delay_ms", 0..=LONGEST_DELAY)? {
        policy.max_delay = Duration::from_millis(delay);
    }
    if let Some(multiplier) = given.number("multiplier", 1.0..=1000.0)? {
        policy.multiplier = multiplier;
    }
    if let Some(jitter) = given.number("jitter", 0.0..=1.0)? {
        policy.jitter = jitter;
    }
    Ok(policy)
}

const BREAKER: [&str; 7] = [
    "failures",
    "open_ms",
    "probes",
    "rate",
    "rate_minimum",
    "rate_window_ms",
    "fallback",
];

/// A rate looked at without a word of its terms: at least 10 calls within a minute.
const RATE_MINIMUM: u32 = 10;
const RATE_WINDOW: Duration = Duration::from_secs(60);

fn breaker(given: &Options<'_>) -> Answer<BreakerPolicy> {
    let mut policy = BreakerPolicy::default();
    if let Some(failures) = count(given, "failures")? {
        policy.failures = failures;
    }
    if let Some(open) = given.integer("open_ms", 1..=LONGEST_DELAY)? {
        policy.open_for = Duration::from_millis(open);
    }
    if let Some(probes) = count(given, "probes")? {
        policy.probes = probes;
    }
    policy.fallback = given.text("fallback")?.map(str::to_owned);
    if let Some(share) = given.number("rate", 0.0..=1.0)? {
        let window = given.integer("rate_window_ms", 1..=LONGEST_DELAY)?;
        policy.rate = Some(FailureRate {
            share,
            minimum: count(given, "rate_minimum")?.unwrap_or(RATE_MINIMUM),
            window: window.map_or(RATE_WINDOW, Duration::from_millis),
        });
    }
    Ok(policy)
}

fn count(given: &Options<'_>, key: &str) -> Answer<Option<u32>> {
    let count = given.integer(key, 1..=u64::from(u32::MAX))?;
    Ok(count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
}
