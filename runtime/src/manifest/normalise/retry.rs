//! The one reader of retry policies, whatever they are called.

use std::time::Duration;

use serde_json::Value;

use crate::policy::{Backoff, RetryPolicy};

use super::super::code;
use super::super::reader::{Fields, Part, Report};
use super::time;

/// The most attempts OSSA's schema allows.
const MOST_ATTEMPTS: u32 = 10;

/// `retry`, `retry_policy`, `batch.retry` and their like: a mapping, or the number of attempts alone.
pub(super) fn policy(part: &Part<'_>, report: &Report) -> Option<RetryPolicy> {
    match part.value {
        Value::Number(_) => Some(RetryPolicy {
            max_attempts: attempts(part, report)?,
            ..RetryPolicy::default()
        }),
        Value::Bool(true) => Some(RetryPolicy::default()),
        Value::Bool(false) => Some(once()),
        _ => {
            part.object(report)?;
            let fields = Fields::of(part, report);
            let policy = from_fields(
                &fields,
                &["backoff_strategy", "backoff", "backoffStrategy", "strategy"],
            );
            fields.ignore_rest();
            policy
        }
    }
}

/// `retry` of messaging, where camel case is OSSA's own spelling and no attempts at all mean one: the first is made in any
/// case.
pub(super) fn of_messages(part: &Part<'_>, report: &Report) -> Option<RetryPolicy> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    let mut policy = RetryPolicy::default();
    let said = fields
        .get("maxAttempts")
        .or_else(|| fields.get("max_attempts"));
    if let Some(part) = said {
        policy.max_attempts = match part.value.as_u64() {
            Some(0) => 1,
            _ => attempts(&part, report)?,
        };
    }
    let policy = delays(&fields, &["backoff", "strategy"], policy);
    fields.ignore_rest();
    policy
}

/// The policy whose fields stand among others, as in `error_handling.max_retries`; `None` when there is none of them.
pub(super) fn beside(fields: &Fields<'_, '_>) -> Option<RetryPolicy> {
    const NAMES: &[&str] = &[
        "max_retries",
        "maxRetries",
        "max_attempts",
        "retryable_errors",
        "fatal_errors",
        "backoff_seconds",
        "backoff_strategy",
    ];
    let has_any = NAMES
        .iter()
        .any(|name| fields.part.value.get(name).is_some());
    // `strategy` and `delay` may mean something else there.
    if has_any {
        from_fields(fields, &["backoff_strategy", "backoff"])
    } else {
        None
    }
}

/// One attempt and no more.
pub(super) fn once() -> RetryPolicy {
    RetryPolicy {
        max_attempts: 1,
        ..RetryPolicy::default()
    }
}

fn from_fields(fields: &Fields<'_, '_>, strategies: &[&'static str]) -> Option<RetryPolicy> {
    let report = fields.report;
    let mut policy = RetryPolicy::default();
    if let Some(part) = fields.any("max_attempts", &["maxAttempts", "attempts"]) {
        policy.max_attempts = attempts(&part, report)?;
    } else if let Some(part) = ["max_retries", "maxRetries", "retries", "retry_count"]
        .into_iter()
        .find_map(|name| fields.get(name))
    {
        // Retries come after the first attempt, attempts include it.
        let retries = time::whole(&part, report, "retries")?;
        policy.max_attempts = u32::try_from(retries).unwrap_or(u32::MAX).saturating_add(1);
        warn_beyond(&part, report, policy.max_attempts);
    }
    delays(fields, strategies, policy)
}

/// `policy` with the delays and the lists of errors that the fields say.
fn delays(
    fields: &Fields<'_, '_>,
    strategies: &[&'static str],
    mut policy: RetryPolicy,
) -> Option<RetryPolicy> {
    let report = fields.report;
    backoff(fields, strategies, &mut policy)?;
    if let Some(delay) = delay(fields, INITIAL_DELAY) {
        policy.initial_delay = delay?;
    }
    if let Some(delay) = delay(fields, MAX_DELAY) {
        policy.max_delay = delay?;
    }
    multiplier_and_jitter(fields, &mut policy)?;
    if let Some(part) = fields.any("retryable_errors", &["retryableErrors", "retry_on"]) {
        policy.retryable_errors = part.texts(report);
    }
    if let Some(part) = fields.any("fatal_errors", &["fatalErrors", "non_retryable_errors"]) {
        policy.fatal_errors = part.texts(report);
    }
    // A first delay beyond the default cap means that the author wants it, not that it is cut.
    policy.max_delay = policy.max_delay.max(policy.initial_delay);
    Some(policy)
}

fn attempts(part: &Part<'_>, report: &Report) -> Option<u32> {
    let attempts = time::positive(part, report, "attempts")?;
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    warn_beyond(part, report, attempts);
    Some(attempts)
}

fn warn_beyond(part: &Part<'_>, report: &Report, attempts: u32) {
    if attempts > MOST_ATTEMPTS {
        report.push(part.warning(
            code::OUT_OF_RANGE,
            format!("{attempts} attempts are more than the {MOST_ATTEMPTS} that OSSA allows; the value is used"),
        ));
    }
}

/// `backoff` is a name, or a mapping with the name and the delays in it.
fn backoff(
    fields: &Fields<'_, '_>,
    strategies: &[&'static str],
    policy: &mut RetryPolicy,
) -> Option<()> {
    let report = fields.report;
    let Some(part) = strategies.iter().find_map(|name| fields.get(name)) else {
        return Some(());
    };
    if part.value.is_object() {
        let inner = Fields::of(&part, report);
        if let Some(name) = ["strategy", "type"]
            .into_iter()
            .find_map(|name| inner.get(name))
        {
            policy.backoff = strategy(&name, report)?;
        }
        if let Some(delay) = delay(&inner, INITIAL_DELAY) {
            policy.initial_delay = delay?;
        }
        if let Some(delay) = delay(&inner, MAX_DELAY) {
            policy.max_delay = delay?;
        }
        multiplier_and_jitter(&inner, policy)?;
        inner.ignore_rest();
    } else {
        policy.backoff = strategy(&part, report)?;
    }
    Some(())
}

fn strategy(part: &Part<'_>, report: &Report) -> Option<Backoff> {
    let name = part.text(report)?;
    match name {
        "exponential" => Some(Backoff::Exponential),
        "linear" => Some(Backoff::Linear),
        "fixed" | "constant" => Some(Backoff::Fixed),
        "none" => Some(Backoff::None),
        _ => {
            report.push(
                part.error(
                    code::UNKNOWN_VALUE,
                    format!("`{name}` is not a backoff strategy"),
                )
                .with_help("use `fixed`, `linear`, `exponential` or `none`"),
            );
            None
        }
    }
}

fn multiplier_and_jitter(fields: &Fields<'_, '_>, policy: &mut RetryPolicy) -> Option<()> {
    let report = fields.report;
    if let Some(part) = [
        "multiplier",
        "backoff_multiplier",
        "backoffMultiplier",
        "factor",
    ]
    .into_iter()
    .find_map(|name| fields.get(name))
    {
        policy.multiplier = number_in(&part, report, 1.0, 100.0)?;
    }
    if let Some(part) = fields.get("jitter") {
        policy.jitter = match part.value {
            Value::Bool(true) => policy.jitter,
            Value::Bool(false) => 0.0,
            _ => number_in(&part, report, 0.0, 1.0)?,
        };
    }
    Some(())
}

fn number_in(part: &Part<'_>, report: &Report, least: f64, most: f64) -> Option<f64> {
    let number = part
        .value
        .as_f64()
        .filter(|number| (least..=most).contains(number));
    if number.is_none() {
        report.push(part.error(
            code::IMPOSSIBLE_VALUE,
            format!(
                "expected a number from {least} to {most}, found {}",
                super::super::reader::describe(part.value)
            ),
        ));
    }
    number
}

/// Spellings of a delay and their unit in milliseconds.
type Spellings = &'static [(&'static str, u64)];

const INITIAL_DELAY: Spellings = &[
    ("initial_delay_ms", 1),
    ("initialDelayMs", 1),
    ("initial_delay_seconds", 1000),
    ("initial_delay", 1),
    ("initialDelay", 1),
    ("delay_ms", 1),
    ("delay", 1),
    ("delay_seconds", 1000),
    ("backoff_ms", 1),
    ("backoffMs", 1),
    ("backoff_seconds", 1000),
    ("base_delay_ms", 1),
    ("base_delay_seconds", 1000),
    ("retry_delay_ms", 1),
];

const MAX_DELAY: Spellings = &[
    ("max_delay_ms", 1),
    ("maxDelayMs", 1),
    ("max_delay_seconds", 1000),
    ("max_delay", 1),
    ("maxDelay", 1),
    ("max_backoff_ms", 1),
    ("maxBackoffMs", 1),
    ("max_backoff_seconds", 1000),
];

/// The first delay that is given, `None` inside when it is impossible.
fn delay(fields: &Fields<'_, '_>, spellings: Spellings) -> Option<Option<Duration>> {
    let (part, unit) = spellings
        .iter()
        .filter_map(|(name, unit)| fields.get(name).map(|part| (part, *unit)))
        .next()?;
    if part.value.is_string() {
        return Some(time::with_unit(&part, fields.report));
    }
    let unit_name = if unit == 1 { "milliseconds" } else { "seconds" };
    Some(
        time::whole(&part, fields.report, unit_name)
            .map(|number| Duration::from_millis(number.saturating_mul(unit))),
    )
}
