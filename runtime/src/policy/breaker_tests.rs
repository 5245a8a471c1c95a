use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + seconds * 1000)
}

fn down() -> StepError {
    StepError::new("SMTP_DOWN", "no server answers")
}

fn failed(breaker: &mut Breaker, policy: &BreakerPolicy, now: Timestamp) {
    breaker.note(policy, "a", CallResult::Failed(&down()), now);
}

fn answered(breaker: &mut Breaker, policy: &BreakerPolicy, now: Timestamp) {
    breaker.note(policy, "a", CallResult::Answered, now);
}

fn policy() -> BreakerPolicy {
    BreakerPolicy {
        failures: 3,
        ..BreakerPolicy::default()
    }
}

/// Opened at second 0.
fn opened() -> Breaker {
    let mut breaker = Breaker::default();
    for _ in 0..3 {
        failed(&mut breaker, &policy(), at(0));
    }
    breaker
}

#[test]
fn failures_in_a_row_open_it_and_calls_are_parked_until_its_time_is_over() {
    let (policy, mut breaker) = (policy(), Breaker::default());
    for _ in 0..2 {
        failed(&mut breaker, &policy, at(0));
        assert_eq!(breaker.admit(&policy, "b", at(0)), Admission::Passes);
    }
    failed(&mut breaker, &policy, at(0));
    let parked = Admission::Parked { until: at(60) };
    assert_eq!(breaker.admit(&policy, "b", at(59)), parked);
    assert_eq!(
        breaker.cause.as_deref(),
        Some("SMTP_DOWN: no server answers")
    );
    assert_eq!(breaker.since, Some(at(0)));
}

#[test]
fn an_answer_in_between_begins_the_row_anew() {
    let (policy, mut breaker) = (policy(), Breaker::default());
    for _ in 0..10 {
        failed(&mut breaker, &policy, at(0));
        failed(&mut breaker, &policy, at(0));
        answered(&mut breaker, &policy, at(0));
    }
    assert_eq!(breaker.state, BreakerState::Closed);
}

#[test]
fn only_one_call_is_tried_and_the_others_wait_for_its_result() {
    let (policy, mut breaker) = (policy(), opened());
    assert_eq!(breaker.admit(&policy, "b", at(60)), Admission::Probes);
    let parked = Admission::Parked { until: at(120) };
    assert_eq!(breaker.admit(&policy, "c", at(61)), parked);
    assert_eq!(breaker.admit(&policy, "b", at(61)), Admission::Probes);
    breaker.note(&policy, "c", CallResult::Answered, at(62));
    assert_eq!(breaker.admit(&policy, "c", at(62)), parked);
    breaker.note(&policy, "b", CallResult::Answered, at(62));
    assert_eq!(breaker.admit(&policy, "c", at(62)), Admission::Passes);
    assert!(breaker.is_quiet());
}

#[test]
fn a_probe_that_fails_opens_it_for_as_long_again() {
    let (policy, mut breaker) = (policy(), opened());
    breaker.admit(&policy, "b", at(60));
    breaker.note(&policy, "b", CallResult::Failed(&down()), at(63));
    let parked = Admission::Parked { until: at(123) };
    assert_eq!(breaker.admit(&policy, "b", at(64)), parked);
}

#[test]
fn a_probe_that_never_answers_makes_room_for_another() {
    let (policy, mut breaker) = (policy(), opened());
    breaker.admit(&policy, "dead", at(60));
    assert_eq!(breaker.admit(&policy, "b", at(120)), Admission::Probes);
    breaker.note(&policy, "dead", CallResult::Failed(&down()), at(121));
    breaker.note(&policy, "b", CallResult::Answered, at(121));
    assert_eq!(breaker.state, BreakerState::Closed);
}

#[test]
fn it_closes_after_as_many_probes_as_the_policy_asks_for() {
    let policy = BreakerPolicy {
        probes: 2,
        ..policy()
    };
    let mut breaker = opened();
    breaker.admit(&policy, "b", at(60));
    breaker.note(&policy, "b", CallResult::Answered, at(61));
    assert_eq!(breaker.admit(&policy, "c", at(61)), Admission::Probes);
    assert!(matches!(
        breaker.admit(&policy, "d", at(61)),
        Admission::Parked { .. }
    ));
    breaker.note(&policy, "c", CallResult::Answered, at(62));
    assert_eq!(breaker.state, BreakerState::Closed);
}

#[test]
fn results_of_calls_that_began_before_it_opened_change_nothing() {
    let (policy, mut breaker) = (policy(), opened());
    answered(&mut breaker, &policy, at(30));
    failed(&mut breaker, &policy, at(40));
    let parked = Admission::Parked { until: at(60) };
    assert_eq!(breaker.admit(&policy, "b", at(45)), parked);
}

fn rated() -> BreakerPolicy {
    BreakerPolicy {
        failures: u32::MAX,
        rate: Some(FailureRate {
            share: 0.5,
            minimum: 10,
            window: Duration::from_secs(60),
        }),
        ..BreakerPolicy::default()
    }
}

#[test]
fn half_of_the_calls_failing_opens_it_but_not_before_there_are_enough_calls() {
    let (policy, mut breaker) = (rated(), Breaker::default());
    for second in 0..4 {
        answered(&mut breaker, &policy, at(second));
        failed(&mut breaker, &policy, at(second));
    }
    assert_eq!(breaker.state, BreakerState::Closed);
    breaker.note(&policy, "a", CallResult::Answered, at(5));
    failed(&mut breaker, &policy, at(5));
    assert!(matches!(breaker.state, BreakerState::Open { .. }));
}

#[test]
fn calls_told_together_count_each_and_end_no_row_of_failures() {
    let (policy, mut breaker) = (rated(), Breaker::default());
    breaker.tally(&policy, 99, at(0));
    failed(&mut breaker, &policy, at(0));
    breaker.tally(&policy, 1, at(0));
    assert_eq!(breaker.failures, 1);
    for _ in 0..98 {
        failed(&mut breaker, &policy, at(1));
        assert_eq!(breaker.state, BreakerState::Closed);
    }
    failed(&mut breaker, &policy, at(1));
    assert!(matches!(breaker.state, BreakerState::Open { .. }));
}

#[test]
fn calls_older_than_the_window_do_not_count() {
    let (policy, mut breaker) = (rated(), Breaker::default());
    for _ in 0..9 {
        failed(&mut breaker, &policy, at(0));
    }
    answered(&mut breaker, &policy, at(66));
    failed(&mut breaker, &policy, at(66));
    assert_eq!(breaker.state, BreakerState::Closed);
    assert_eq!(breaker.slots.len(), 1);
}

#[test]
fn an_error_that_a_repetition_would_not_mend_is_an_answer() {
    let refused = StepError {
        retryable: Some(false),
        ..down()
    };
    assert_eq!(CallResult::of_error(&refused), CallResult::Answered);
    let invalid = StepError::new("VALIDATION_FAILED", "no address");
    assert_eq!(CallResult::of_error(&invalid), CallResult::Answered);
    let down = down();
    assert_eq!(CallResult::of_error(&down), CallResult::Failed(&down));
}

#[test]
fn it_is_the_same_after_it_was_stored() -> Result<(), serde_json::Error> {
    let mut breaker = opened();
    breaker.admit(&policy(), "b", at(60));
    for breaker in [Breaker::default(), opened(), breaker] {
        let stored = serde_json::to_string(&breaker)?;
        assert_eq!(serde_json::from_str::<Breaker>(&stored)?, breaker);
    }
    Ok(())
}
