#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use proptest::prelude::*;

use super::{Backoff, MAX_RETRY_AFTER, RetryDecision, RetryPolicy, StopReason};
use crate::run::StepError;

fn policy(backoff: Backoff) -> RetryPolicy {
    RetryPolicy {
        max_attempts: 5,
        backoff,
        jitter: 0.0,
        ..RetryPolicy::default()
    }
}

fn error(code: &str) -> StepError {
    StepError::new(code, "it went wrong")
}

fn delays(policy: &RetryPolicy) -> Vec<u64> {
    (1..=8)
        .map(|retry| u64::try_from(policy.delay(retry, 0.5).as_millis()).unwrap())
        .collect()
}

#[test]
fn exponential_delays_double_until_the_cap() {
    assert_eq!(
        delays(&policy(Backoff::Exponential)),
        [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
    );
}

#[test]
fn linear_delays_grow_by_the_initial_delay() {
    assert_eq!(
        delays(&policy(Backoff::Linear)),
        [1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000]
    );
}

#[test]
fn fixed_delays_stay_and_no_backoff_means_no_delay() {
    assert_eq!(delays(&policy(Backoff::Fixed)), [1000; 8]);
    assert_eq!(delays(&policy(Backoff::None)), [0; 8]);
}

#[test]
fn jitter_spreads_a_delay_to_both_sides_by_its_share() {
    let policy = RetryPolicy {
        jitter: 0.1,
        ..policy(Backoff::Fixed)
    };
    assert_eq!(policy.delay(1, 0.0), Duration::from_millis(900));
    assert_eq!(policy.delay(1, 0.5), Duration::from_millis(1000));
    assert_eq!(policy.delay(1, 1.0), Duration::from_millis(1100));
}

#[test]
fn jitter_at_the_cap_spreads_below_it() {
    let policy = RetryPolicy {
        jitter: 0.1,
        ..policy(Backoff::Exponential)
    };
    assert_eq!(policy.delay(30, 1.0), Duration::from_secs(54));
}

#[test]
fn max_attempts_counts_the_first_attempt() {
    let policy = RetryPolicy {
        max_attempts: 2,
        ..policy(Backoff::Fixed)
    };
    assert_eq!(
        policy.decide(1, &error("NETWORK_ERROR"), 0.5),
        RetryDecision::Retry {
            delay: Duration::from_secs(1)
        }
    );
    assert_eq!(
        policy.decide(2, &error("NETWORK_ERROR"), 0.5),
        RetryDecision::Stop(StopReason::Exhausted)
    );
}

#[test]
fn a_listed_error_is_retried_by_code_class_or_part_of_its_message() {
    let policy = RetryPolicy {
        retryable_errors: vec![
            "RATE_LIMITED".into(),
            r"App\Exception\Busy".into(),
            "deadlock found".into(),
        ],
        ..policy(Backoff::Fixed)
    };
    let by_class = StepError {
        class: Some(r"\App\Exception\Busy".into()),
        ..error("HANDLER_ERROR")
    };
    let by_message = StepError {
        message: "SQLSTATE[40001]: deadlock found when trying to get lock".into(),
        ..error("HANDLER_ERROR")
    };
    for listed in [error("RATE_LIMITED"), by_class, by_message] {
        assert!(matches!(
            policy.decide(1, &listed, 0.5),
            RetryDecision::Retry { .. }
        ));
    }
    assert_eq!(
        policy.decide(1, &error("HANDLER_ERROR"), 0.5),
        RetryDecision::Stop(StopReason::NotListed)
    );
}

#[test]
fn a_class_is_also_listed_by_its_short_name() {
    let policy = RetryPolicy {
        retryable_errors: vec!["Busy".into()],
        ..policy(Backoff::Fixed)
    };
    let error = StepError {
        class: Some(r"App\Exception\Busy".into()),
        ..error("HANDLER_ERROR")
    };
    assert!(matches!(
        policy.decide(1, &error, 0.5),
        RetryDecision::Retry { .. }
    ));
}

#[test]
fn a_fatal_error_is_not_retried_even_when_listed_as_retryable() {
    let policy = RetryPolicy {
        retryable_errors: vec!["HANDLER_ERROR".into()],
        fatal_errors: vec!["it went wrong".into()],
        ..policy(Backoff::Fixed)
    };
    assert_eq!(
        policy.decide(1, &error("HANDLER_ERROR"), 0.5),
        RetryDecision::Stop(StopReason::Fatal)
    );
}

#[test]
fn a_validation_failure_is_retried_only_when_listed() {
    let silent = policy(Backoff::Fixed);
    let listing = RetryPolicy {
        retryable_errors: vec!["VALIDATION_FAILED".into()],
        ..policy(Backoff::Fixed)
    };
    assert_eq!(
        silent.decide(1, &error("VALIDATION_FAILED"), 0.5),
        RetryDecision::Stop(StopReason::Fatal)
    );
    assert!(matches!(
        listing.decide(1, &error("VALIDATION_FAILED"), 0.5),
        RetryDecision::Retry { .. }
    ));
}

#[test]
fn the_reporter_can_refuse_a_retry_and_ask_for_one_within_the_policy() {
    let refused = StepError {
        retryable: Some(false),
        ..error("NETWORK_ERROR")
    };
    let asked = StepError {
        retryable: Some(true),
        ..error("NO_HANDLER")
    };
    let policy = policy(Backoff::Fixed);
    assert_eq!(
        policy.decide(1, &refused, 0.5),
        RetryDecision::Stop(StopReason::Refused)
    );
    assert!(matches!(
        policy.decide(1, &asked, 0.5),
        RetryDecision::Retry { .. }
    ));
    assert_eq!(
        policy.decide(5, &asked, 0.5),
        RetryDecision::Stop(StopReason::Exhausted)
    );
}

#[test]
fn retry_after_lengthens_a_delay_but_never_shortens_it() {
    let after = |seconds| StepError {
        retry_after: Some(Duration::from_secs(seconds)),
        ..error("RATE_LIMITED")
    };
    let decide = |seconds| policy(Backoff::Fixed).decide(1, &after(seconds), 0.5);
    let retry = |delay| RetryDecision::Retry { delay };
    assert_eq!(decide(120), retry(Duration::from_secs(120)));
    assert_eq!(decide(0), retry(Duration::from_secs(1)));
    assert_eq!(decide(u64::MAX), retry(MAX_RETRY_AFTER));
}

fn any_policy() -> impl Strategy<Value = RetryPolicy> {
    (
        prop_oneof![
            Just(Backoff::None),
            Just(Backoff::Fixed),
            Just(Backoff::Linear),
            Just(Backoff::Exponential)
        ],
        any::<u64>(),
        any::<u64>(),
        any::<f64>(),
        any::<f64>(),
        any::<u32>(),
    )
        .prop_map(
            |(backoff, initial, cap, multiplier, jitter, max_attempts)| RetryPolicy {
                max_attempts,
                backoff,
                initial_delay: Duration::from_millis(initial),
                max_delay: Duration::from_millis(cap),
                multiplier,
                jitter,
                ..RetryPolicy::default()
            },
        )
}

fn any_retry() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(1), Just(u32::MAX), any::<u32>(), 1..100_u32]
}

proptest! {
    #[test]
    fn a_delay_never_exceeds_the_cap(policy in any_policy(), retry in any_retry(), sample in any::<f64>()) {
        prop_assert!(policy.delay(retry, sample) <= policy.max_delay);
    }

    #[test]
    fn without_jitter_delays_never_shrink(policy in any_policy(), retry in 0..u32::MAX) {
        let policy = RetryPolicy { jitter: 0.0, ..policy };
        prop_assert!(policy.delay(retry, 0.3) <= policy.delay(retry + 1, 0.9));
    }

    #[test]
    fn a_decision_never_panics_and_never_exceeds_the_attempts(
        policy in any_policy(), attempt in any_retry(), sample in any::<f64>(), after in any::<u64>(),
    ) {
        let error = StepError { retry_after: Some(Duration::from_secs(after)), ..error("X") };
        let decision = policy.decide(attempt, &error, sample);
        let longest = policy.max_delay.max(MAX_RETRY_AFTER);
        match decision {
            RetryDecision::Retry { delay } => {
                prop_assert!(attempt < policy.max_attempts);
                prop_assert!(delay <= longest);
            }
            RetryDecision::Stop(reason) => prop_assert_eq!(reason, StopReason::Exhausted),
        }
    }
}

#[test]
fn an_entry_names_a_class_whole_or_by_its_last_part_and_no_other() {
    let policy = |entry: &str| RetryPolicy {
        fatal_errors: vec![entry.to_owned()],
        ..policy(Backoff::Fixed)
    };
    let of_class = StepError {
        class: Some("\\App\\MailError".to_owned()),
        ..error("ANY")
    };
    let fatal = |entry: &str| {
        policy(entry).decide(1, &of_class, 0.5) == RetryDecision::Stop(StopReason::Fatal)
    };
    for entry in ["MailError", "App\\MailError", "\\App\\MailError"] {
        assert!(fatal(entry), "{entry}");
    }
    for entry in ["Error", "App", "Mail", "Other\\MailError"] {
        assert!(!fatal(entry), "{entry}");
    }
}
