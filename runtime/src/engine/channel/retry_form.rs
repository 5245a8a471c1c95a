//! Attempts and delays as hosts write them: in milliseconds, every field with its default.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::policy::{Backoff, RetryPolicy};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Form {
    max_attempts: u32,
    backoff: Backoff,
    initial_delay_ms: u64,
    max_delay_ms: u64,
    multiplier: f64,
    jitter: f64,
    retryable_errors: Vec<String>,
    fatal_errors: Vec<String>,
}

impl Default for Form {
    fn default() -> Self {
        Self::from(&RetryPolicy::default())
    }
}

impl From<&RetryPolicy> for Form {
    fn from(policy: &RetryPolicy) -> Self {
        Self {
            max_attempts: policy.max_attempts,
            backoff: policy.backoff,
            initial_delay_ms: whole(policy.initial_delay),
            max_delay_ms: whole(policy.max_delay),
            multiplier: policy.multiplier,
            jitter: policy.jitter,
            retryable_errors: policy.retryable_errors.clone(),
            fatal_errors: policy.fatal_errors.clone(),
        }
    }
}

fn whole(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn serialize<S: Serializer>(policy: &RetryPolicy, to: S) -> Result<S::Ok, S::Error> {
    Form::from(policy).serialize(to)
}

pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<RetryPolicy, D::Error> {
    let form = Form::deserialize(from)?;
    Ok(RetryPolicy {
        max_attempts: form.max_attempts.max(1),
        backoff: form.backoff,
        initial_delay: Duration::from_millis(form.initial_delay_ms),
        max_delay: Duration::from_millis(form.max_delay_ms),
        multiplier: form.multiplier,
        jitter: form.jitter,
        retryable_errors: form.retryable_errors,
        fatal_errors: form.fatal_errors,
    })
}

/// A duration in milliseconds.
pub(super) mod millis {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        duration: &Duration,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_u64(super::whole(*duration))
    }

    pub(in super::super) fn deserialize<'d, D: Deserializer<'d>>(
        from: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
