//! What operators order, seen from workers.

use std::time::Duration;

use ossa_runtime::engine::{ClaimOutcome, Engine, OrderedBy, Reported};
use ossa_runtime::port::RunStatus;
use serde_json::json;

use crate::lab::*;
use crate::stories;

fn ada() -> OrderedBy {
    OrderedBy::new("ada").because("mail server down")
}

/// Longer than a lease without a heartbeat.
const LEASE: Duration = Duration::from_secs(31);

fn nothing_to_do(engine: &Engine) -> bool {
    try_take(engine).is_none() && engine.relay(&[QUEUE], 10).unwrap().is_empty()
}

stories! {
    fn no_worker_gets_a_step_of_a_paused_run(lab) {
        let (operator, worker) = (lab.engine(), lab.engine());
        let id = start(&operator, &three_steps());
        assert_eq!(operator.pause(id, ada()).unwrap(), RunStatus::Paused);
        assert!(nothing_to_do(&worker));
        lab.pass(Duration::from_secs(100_000));
        worker.tick().unwrap();
        assert!(nothing_to_do(&worker));
        assert_eq!(operator.resume(id, ada()).unwrap(), RunStatus::Running);
        assert_eq!(work_off(&worker), ["first", "second", "third"]);
    }

    fn the_result_of_a_worker_that_was_at_work_counts(lab) {
        let (operator, worker) = (lab.engine(), lab.engine());
        let id = start(&operator, &three_steps());
        let claim = take(&worker);
        operator.pause(id, ada()).unwrap();
        assert_eq!(worker.complete(&claim.token, json!({})).unwrap().result, HANDLED);
        assert!(nothing_to_do(&worker));
        assert_eq!(step_status(&operator, id, "second"), "ready");
        operator.resume(id, ada()).unwrap();
        assert_eq!(work_off(&worker), ["second", "third"]);
    }

    fn an_attempt_given_back_or_lost_during_a_pause_waits_for_its_end(lab) {
        for lost in [false, true] {
            let (operator, worker) = (lab.engine(), lab.engine());
            let id = start(&operator, &three_steps());
            let claim = take(&worker);
            operator.pause(id, ada()).unwrap();
            if lost {
                lab.pass(LEASE);
            } else {
                worker.give_back(&claim.token).unwrap();
            }
            let other = lab.engine();
            assert!(try_take(&other).is_none());
            assert!(!matches!(other.claim(&claim.token).unwrap(), ClaimOutcome::Claimed(_)));
            operator.resume(id, ada()).unwrap();
            assert_eq!(work_off(&other), ["first", "second", "third"]);
        }
    }

    fn a_message_on_another_transport_finds_nothing_to_do_and_comes_again_after_the_pause(lab) {
        let engine = lab.host_engine();
        let id = start(&engine, &three_steps());
        let relayed = engine.relay(&[QUEUE], 10).unwrap();
        engine.pause(id, ada()).unwrap();
        // The confirmation comes after the pause: it must not bring the item back.
        engine.relayed(&relayed).unwrap();
        assert!(matches!(engine.claim(&relayed[0].token).unwrap(), ClaimOutcome::Held { .. }));
        lab.pass(Duration::from_secs(1000));
        assert!(engine.relay(&[QUEUE], 10).unwrap().is_empty());
        engine.resume(id, ada()).unwrap();
        let again = engine.relay(&[QUEUE], 10).unwrap();
        assert_eq!(again[0].token, relayed[0].token);
        claimed(engine.claim(&again[0].token).unwrap());
    }

    fn a_step_of_a_paused_run_is_executed_on_demand(lab) {
        let (operator, worker) = (lab.engine(), lab.engine());
        let id = start(&operator, &three_steps());
        operator.pause(id, ada()).unwrap();
        for step in ["first", "second"] {
            let token = operator.execute_step(id, step, ada()).unwrap();
            let claim = take(&worker);
            assert_eq!((&claim.token, claim.job.step.as_str()), (&token, step));
            worker.complete(&claim.token, json!({})).unwrap();
            assert!(nothing_to_do(&worker));
        }
        assert_eq!(status(&operator, id), RunStatus::Paused);
    }

    fn a_retry_is_executed_before_it_is_due(lab) {
        let engine = lab.engine();
        let retry = "retry: {max_attempts: 2, backoff_strategy: fixed, initial_delay_ms: 60000}";
        let id = start(&engine, &workflow(&step_with("flaky", &[retry])));
        engine.fail(&take(&engine).token, failure()).unwrap();
        assert!(try_take(&engine).is_none());
        engine.execute_step(id, "flaky", ada()).unwrap();
        assert_eq!(take(&engine).job.attempt, 2);
        let error = engine.execute_step(id, "flaky", ada()).unwrap_err();
        assert_eq!((error.code(), error.step()), ("OSSA-R011", Some("flaky")));
    }

    fn skipping_the_step_in_flight_revokes_it(lab) {
        let (operator, worker) = (lab.engine(), lab.engine());
        let id = start(&operator, &three_steps());
        let claim = take(&worker);
        operator.skip_step(id, "first", ada()).unwrap();
        assert_eq!(worker.complete(&claim.token, json!({})).unwrap().result, Reported::Late);
        assert_eq!(work_off(&worker), ["second", "third"]);
        assert_eq!(status(&operator, id), RunStatus::Completed);
        assert_eq!(operator.skip_step(id, "fourth", ada()).unwrap_err().code(), "OSSA-N008");
    }

    fn a_step_in_a_block_is_addressed_by_its_id_its_index_or_its_path(lab) {
        let engine = lab.engine();
        let blocks = workflow(
            "    - id: both\n      kind: Parallel\n      parallel:\n        - {id: left, kind: Task, inline: {capabilities: [x]}}\n        - {id: right, kind: Task, inline: {capabilities: [x]}}\n",
        );
        let id = start(&engine, &blocks);
        engine.pause(id, ada()).unwrap();
        for (address, step) in [("left", "left"), ("both/right[0]", "right")] {
            engine.execute_step(id, address, ada()).unwrap();
            assert_eq!(take(&engine).job.step, step);
        }
        for nowhere in ["left[1]", "right/left", "middle", "both/", "left[x]", ""] {
            let error = engine.execute_step(id, nowhere, ada()).unwrap_err();
            assert_eq!((error.code(), error.step()), ("OSSA-N008", Some(nowhere)));
        }
    }

    fn rivals_are_told_the_run_and_its_state(lab) {
        let (one, other) = (lab.engine(), lab.engine());
        let id = start(&one, &three_steps());
        one.pause(id, ada()).unwrap();
        // The other engine has the state from before the pause at hand.
        let error = other.pause(id, OrderedBy::new("bob")).unwrap_err();
        assert_eq!((error.code(), error.run()), ("OSSA-R010", Some(id)));
        assert!(error.message().contains("it is paused (by ada"), "{error}");
        one.abort(id, ada()).unwrap();
        for error in [
            other.resume(id, ada()).unwrap_err(),
            other.quarantine(id, ada()).unwrap_err(),
            other.abort(id, ada()).unwrap_err(),
        ] {
            assert!(error.message().contains("it is canceled"), "{error}");
        }
        assert_eq!(status(&other, id), RunStatus::Canceled);
    }

    fn a_run_set_aside_is_listed_as_such_until_it_is_released(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        engine.quarantine(id, ada()).unwrap();
        assert!(nothing_to_do(&engine));
        assert_eq!(engine.resume(id, ada()).unwrap_err().code(), "OSSA-R010");
        assert_eq!(status(&lab.engine(), id), RunStatus::Quarantined);
        engine.release(id, ada()).unwrap();
        assert_eq!(work_off(&engine).len(), 3);
    }
}
