//! Hosts with a transport of their own.

use std::time::Duration;

use ossa_runtime::engine::{ClaimOutcome, Engine, Reported};
use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{HOST_RETRY_GRACE, Next};
use serde_json::json;

use crate::lab::*;
use crate::stories;

/// How long a failed attempt of the flaky step is waited for.
const DELAY: Duration = Duration::from_secs(60);

fn tokens(engine: &Engine) -> Vec<String> {
    let dispatches = engine.relay(&[QUEUE], 10).unwrap();
    dispatches.into_iter().map(|it| it.token).collect()
}

stories! {
    fn what_a_relay_confirmed_is_claimed_by_its_token(lab) {
        let (engine, worker) = (lab.engine(), lab.engine());
        let id = start(&engine, &three_steps());
        for step in ["first", "second", "third"] {
            let dispatches = engine.relay(&[QUEUE], 10).unwrap();
            assert_eq!(dispatches.len(), 1);
            assert_eq!(dispatches[0].job.step, step);
            engine.relayed(&dispatches).unwrap();
            assert!(engine.relay(&[QUEUE], 10).unwrap().is_empty());
            let claim = claimed(worker.claim(&dispatches[0].token).unwrap());
            worker.complete(&claim.token, json!({})).unwrap();
        }
        assert_eq!(status(&engine, id), RunStatus::Completed);
    }

    fn a_worker_may_be_faster_than_the_confirmation(lab) {
        let (engine, worker) = (lab.engine(), lab.engine());
        start(&engine, &three_steps());
        let dispatches = engine.relay(&[QUEUE], 10).unwrap();
        let claim = claimed(worker.claim(&dispatches[0].token).unwrap());
        engine.relayed(&dispatches).unwrap();
        assert_eq!(worker.complete(&claim.token, json!({})).unwrap().result, HANDLED);
    }

    fn what_is_not_confirmed_is_relayed_again_with_the_same_token(lab) {
        let engine = lab.engine();
        start(&engine, &three_steps());
        let first = tokens(&engine);
        assert!(tokens(&engine).is_empty());
        // The relaying process died between the two calls.
        lab.pass(Duration::from_secs(30));
        assert_eq!(tokens(&lab.engine()), first);
    }

    fn what_the_transport_lost_is_relayed_again_after_the_dispatch_deadline(lab) {
        let engine = lab.engine();
        start(&engine, &three_steps());
        let dispatches = engine.relay(&[QUEUE], 10).unwrap();
        engine.relayed(&dispatches).unwrap();
        lab.pass(Duration::from_secs(299));
        assert!(tokens(&engine).is_empty());
        lab.pass(Duration::from_secs(1));
        assert_eq!(tokens(&engine), [dispatches[0].token.clone()]);
    }

    fn what_nobody_claims_is_relayed_after_longer_and_longer_intervals(lab) {
        let engine = lab.engine();
        start(&engine, &three_steps());
        let mut minutes = Vec::new();
        // A day on which no worker runs.
        for minute in 0..24 * 60 {
            let dispatches = engine.relay(&[QUEUE], 10).unwrap();
            if !dispatches.is_empty() {
                minutes.push(minute);
            }
            engine.relayed(&dispatches).unwrap();
            lab.pass(Duration::from_secs(60));
        }
        assert_eq!(minutes[..7], [0, 5, 10, 20, 40, 80, 140]);
        assert!(minutes[7..].windows(2).all(|two| two[1] - two[0] == 60), "{minutes:?}");
        assert!(minutes.len() > 24, "it is never given up");
    }

    fn what_the_transport_refused_is_relayed_again_at_once(lab) {
        let engine = lab.engine();
        start(&engine, &three_steps());
        let dispatches = engine.relay(&[QUEUE], 10).unwrap();
        engine.not_relayed(&dispatches).unwrap();
        assert_eq!(tokens(&engine), [dispatches[0].token.clone()]);
    }

    fn the_time_of_an_attempt_does_not_run_while_its_message_waits(lab) {
        let (engine, worker) = (lab.engine(), lab.engine());
        start(&engine, &workflow(&step_with("short", &["timeout_seconds: 10"])));
        let mut token = String::new();
        // The workers are down for the weekend; the relay goes on.
        for _ in 0..600 {
            let dispatches = engine.relay(&[QUEUE], 10).unwrap();
            engine.relayed(&dispatches).unwrap();
            if let Some(dispatch) = dispatches.first() {
                token.clone_from(&dispatch.token);
            }
            lab.pass(Duration::from_secs(300));
            engine.tick().unwrap();
        }
        let claim = claimed(worker.claim(&token).unwrap());
        assert_eq!((claim.job.attempt, claim.losses), (1, 0));
        assert_eq!(worker.complete(&claim.token, json!({})).unwrap().run_status, RunStatus::Completed);
    }

    fn a_message_delivered_twice_is_worked_on_once(lab) {
        let (engine, one, other) = (lab.engine(), lab.engine(), lab.engine());
        start(&engine, &three_steps());
        let token = tokens(&engine).remove(0);
        let claim = claimed(one.claim(&token).unwrap());
        assert!(matches!(other.claim(&token).unwrap(), ClaimOutcome::Held { .. }));
        one.complete(&claim.token, json!({})).unwrap();
        assert_eq!(other.claim(&token).unwrap(), ClaimOutcome::Settled);
    }

    fn a_worker_lost_with_a_relayed_step_has_it_relayed_again(lab) {
        let engine = lab.engine();
        start(&engine, &three_steps());
        let dispatches = engine.relay(&[QUEUE], 10).unwrap();
        engine.relayed(&dispatches).unwrap();
        claimed(lab.engine().claim(&dispatches[0].token).unwrap());
        lab.pass(Duration::from_secs(31));
        assert_eq!(tokens(&engine), [dispatches[0].token.clone()]);
        let claim = claimed(lab.engine().claim(&dispatches[0].token).unwrap());
        assert_eq!(claim.losses, 1);
    }

    fn where_the_host_keeps_retries_the_old_token_leads_to_the_next_attempt(lab) {
        let engine = lab.host_engine();
        let id = start_flaky(&engine);
        let token = tokens(&engine).remove(0);
        for attempt in 1..=2 {
            let claim = claimed(engine.claim(&token).unwrap());
            assert_eq!(claim.job.attempt, attempt);
            assert_eq!(claim.token == token, attempt == 1);
            let report = engine.fail(&claim.token, failure()).unwrap();
            let Reported::Recorded(Next::Retry { .. }) = report.result else { panic!("{report:?}") };
            lab.pass(DELAY);
            assert!(tokens(&engine).is_empty(), "the host redelivers the message, not the relay");
        }
        let claim = claimed(lab.host_engine().claim(&token).unwrap());
        assert_eq!(claim.job.attempt, 3);
        engine.complete(&claim.token, json!({})).unwrap();
        assert_eq!(engine.claim(&token).unwrap(), ClaimOutcome::Settled);
        assert_eq!(status(&engine, id), RunStatus::Completed);
    }

    fn where_the_host_loses_a_retry_the_relay_steps_in_after_a_grace(lab) {
        let engine = lab.host_engine();
        start_flaky(&engine);
        let token = tokens(&engine).remove(0);
        let claim = claimed(engine.claim(&token).unwrap());
        engine.fail(&claim.token, failure()).unwrap();
        lab.pass(DELAY + HOST_RETRY_GRACE);
        let relayed = tokens(&engine).remove(0);
        assert_ne!(relayed, token);
        let claim = claimed(engine.claim(&relayed).unwrap());
        assert_eq!(claim.job.attempt, 2);
        // Should the host's message turn up after all, there is nothing left for it.
        assert!(matches!(lab.host_engine().claim(&token).unwrap(), ClaimOutcome::Held { .. }));
    }

    fn a_copy_of_a_failed_attempts_message_does_not_cut_the_delay_short(lab) {
        let engine = lab.host_engine();
        start_flaky(&engine);
        let token = tokens(&engine).remove(0);
        engine.fail(&claimed(engine.claim(&token).unwrap()).token, failure()).unwrap();
        let due = engine.describe(&token).unwrap().retry_due.unwrap();
        assert_eq!(engine.claim(&token).unwrap(), ClaimOutcome::Held { until: due });
        lab.pass(DELAY);
        assert_eq!(claimed(engine.claim(&token).unwrap()).job.attempt, 2);
    }

    fn an_attempt_that_the_engine_gives_up_is_retried_when_due_without_a_grace(lab) {
        let engine = lab.host_engine();
        start_flaky(&engine);
        claimed(engine.claim(&tokens(&engine).remove(0)).unwrap());
        lab.pass(Duration::from_secs(10));
        engine.tick().unwrap();
        assert!(tokens(&engine).is_empty());
        lab.pass(DELAY);
        let relayed = tokens(&engine).remove(0);
        assert_eq!(claimed(engine.claim(&relayed).unwrap()).job.attempt, 2);
    }

    fn where_the_engine_keeps_retries_an_old_token_leads_nowhere(lab) {
        let engine = lab.engine();
        let retry = "retry: {max_attempts: 2, backoff_strategy: none}";
        start(&engine, &workflow(&step_with("flaky", &[retry])));
        let token = tokens(&engine).remove(0);
        let claim = claimed(engine.claim(&token).unwrap());
        engine.fail(&claim.token, failure()).unwrap();
        assert_eq!(engine.claim(&token).unwrap(), ClaimOutcome::Settled);
    }
}

fn start_flaky(engine: &Engine) -> ossa_runtime::port::RunId {
    let retry =
        "retry: {max_attempts: 3, backoff_strategy: fixed, initial_delay_ms: 60000, jitter: 0}";
    let plan = workflow(&step_with("flaky", &[retry, "timeout_seconds: 10"]));
    start(engine, &plan)
}
