//! Who may run an attempt, and what becomes of results of those who may not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ossa_runtime::engine::{
    ClaimOutcome, Engine, EngineOptions, Reported, StartRequest, StepClaim,
};
use ossa_runtime::port::{Backend, Clock, NewMessage, Priority, RunStatus, StepItem, StepRef};
use serde_json::json;

use crate::faulty::{Faulty, Mode};
use crate::lab::*;
use crate::stories;

/// Longer than a lease without a heartbeat.
const LEASE: Duration = Duration::from_secs(31);

stories! {
    fn two_ready_steps_are_claimed_by_two_workers(lab) {
        let engine = lab.engine();
        let steps = ["left", "right"].map(|id| step_with(id, &["depends_on: []"])).concat();
        start(&engine, &workflow(&steps));
        let (one, other) = (lab.engine(), lab.engine());
        let claims = [take(&one), take(&other)];
        assert!(try_take(&one).is_none());
        let names = [claims[0].job.step.as_str(), claims[1].job.step.as_str()];
        assert_eq!(names, ["left", "right"]);
    }

    fn an_attempt_that_is_held_is_not_claimed_by_its_token(lab) {
        let (one, other) = (lab.engine(), lab.engine());
        start(&one, &three_steps());
        let claim = take(&one);
        assert!(matches!(other.claim(&claim.token).unwrap(), ClaimOutcome::Held { .. }));
        // The holder itself is answered what it holds.
        assert_eq!(claimed(one.claim(&claim.token).unwrap()), claim);
    }

    fn an_attempt_whose_worker_died_is_run_by_another_one(lab) {
        let (one, other) = (lab.engine(), lab.engine());
        let id = start(&one, &three_steps());
        let lost = take(&one);
        lab.pass(LEASE);
        let taken = take(&other);
        assert_eq!((taken.job.attempt, taken.losses), (1, 1));
        assert_eq!((&taken.token, &taken.job.effect_key), (&lost.token, &lost.job.effect_key));
        other.complete(&taken.token, json!({})).unwrap();
        assert_eq!(work_off(&other), ["second", "third"]);
        assert_eq!(status(&other, id), RunStatus::Completed);
    }

    fn a_success_of_a_worker_that_was_given_up_is_taken_if_it_is_the_first(lab) {
        let (zombie, other) = (lab.engine(), lab.engine());
        start(&zombie, &three_steps());
        let lost = take(&zombie);
        lab.pass(LEASE);
        let taken = take(&other);
        assert_eq!(zombie.complete(&lost.token, json!({})).unwrap().result, HANDLED);
        assert_eq!(other.complete(&taken.token, json!({})).unwrap().result, Reported::Duplicate);
        assert_eq!(other.fail(&taken.token, failure()).unwrap().result, Reported::Duplicate);
        assert_eq!(work_off(&other), ["second", "third"]);
    }

    fn a_failure_of_a_worker_that_was_given_up_is_late(lab) {
        let (zombie, other) = (lab.engine(), lab.engine());
        let id = start(&zombie, &three_steps());
        let lost = take(&zombie);
        lab.pass(LEASE);
        let taken = take(&other);
        let report = zombie.fail(&lost.token, failure()).unwrap();
        assert_eq!((report.result, report.run_status), (Reported::Late, RunStatus::Running));
        assert_eq!(other.complete(&taken.token, json!({})).unwrap().result, HANDLED);
        assert_eq!(step_status(&other, id, "first"), "completed");
    }

    fn a_failure_after_the_lease_counts_when_nobody_took_over(lab) {
        let engine = lab.engine();
        start(&engine, &three_steps());
        let claim = take(&engine);
        lab.pass(LEASE);
        assert_eq!(engine.fail(&claim.token, failure()).unwrap().result, FINAL);
    }

    fn a_result_of_an_earlier_attempt_is_late(lab) {
        let engine = lab.engine();
        let retry = "retry: {max_attempts: 2, backoff_strategy: none}";
        start(&engine, &workflow(&step_with("flaky", &[retry])));
        let first = take(&engine);
        engine.fail(&first.token, failure()).unwrap();
        assert_eq!(engine.complete(&first.token, json!({})).unwrap().result, Reported::Late);
        assert_eq!(take(&engine).job.attempt, 2);
    }

    fn a_heartbeat_tells_whether_the_claim_still_holds(lab) {
        let (one, other) = (lab.engine(), lab.engine());
        start(&one, &three_steps());
        let claim = take(&one);
        lab.pass(Duration::from_secs(20));
        assert!(one.heartbeat(&claim.token).unwrap());
        lab.pass(Duration::from_secs(20));
        assert!(try_take(&other).is_none(), "the lease was prolonged");
        lab.pass(LEASE);
        take(&other);
        assert!(!one.heartbeat(&claim.token).unwrap());
        assert!(!lab.engine().heartbeat(&claim.token).unwrap(), "a stranger holds nothing");
    }

    fn an_attempt_given_back_is_run_by_another_worker_at_once(lab) {
        let (one, other) = (lab.engine(), lab.engine());
        start(&one, &three_steps());
        let claim = take(&one);
        lab.pass(Duration::from_secs(200));
        one.give_back(&claim.token).unwrap();
        let taken = take(&other);
        assert_eq!((taken.job.attempt, taken.losses), (1, 0));
        assert_eq!(taken.deadline.since(claim.deadline), Duration::from_secs(200), "its time begins anew");
    }

    fn an_attempt_that_loses_its_workers_again_and_again_fails(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        for losses in 0..5 {
            assert_eq!(take(&lab.engine()).losses, losses);
            lab.pass(LEASE);
        }
        assert!(try_take(&lab.engine()).is_none());
        let error = run(&engine, id).run.error.unwrap();
        assert_eq!((error.code.as_str(), error.step_id.as_deref()), ("WORKER_LOST", Some("first")));
    }

    fn an_attempt_that_lost_a_worker_is_handed_out_alone(lab) {
        let engine = lab.engine();
        for _ in 0..4 {
            start(&engine, &workflow(&step("only")));
        }
        assert_eq!(lab.engine().receive(&[QUEUE], 2).unwrap().len(), 2);
        lab.pass(LEASE);
        let sizes: Vec<_> = std::iter::from_fn(|| {
            let claims = engine.receive(&[QUEUE], 10).unwrap();
            for claim in &claims {
                engine.complete(&claim.token, json!({})).unwrap();
            }
            (!claims.is_empty()).then_some(claims.len())
        })
        .collect();
        assert_eq!(sizes.iter().sum::<usize>(), 4);
        assert_eq!(sizes.len(), 3, "two alone, two together: {sizes:?}");
    }

    fn a_step_that_kills_its_worker_takes_no_other_step_with_it(lab) {
        let innocent: Vec<_> = (0..3).map(|_| start(&lab.engine(), &workflow(&step("good")))).collect();
        let poison = start(&lab.engine(), &workflow(&step("poison")));
        let more: Vec<_> = (0..3).map(|_| start(&lab.engine(), &workflow(&step("good")))).collect();
        // Each worker takes what it gets, runs it in order, and dies at the poison.
        for _ in 0..40 {
            let worker = lab.engine();
            let claims = worker.receive(&[QUEUE], 10).unwrap();
            let alive = claims.iter().try_for_each(|claim: &Arc<StepClaim>| {
                if claim.job.step == "poison" {
                    return None;
                }
                worker.complete(&claim.token, json!({})).ok().map(drop)
            });
            if alive.is_none() {
                lab.pass(LEASE);
            }
        }
        let engine = lab.engine();
        assert_eq!(run(&engine, poison).run.error.unwrap().code, "WORKER_LOST");
        for id in innocent.into_iter().chain(more) {
            assert_eq!(status(&engine, id), RunStatus::Completed);
        }
    }

    fn the_number_of_workers_an_attempt_may_lose_is_an_option(lab) {
        let options = EngineOptions { max_losses: 2, ..lab.options() };
        let engine = lab.engine_with(options.clone());
        let id = start(&engine, &three_steps());
        for _ in 0..2 {
            take(&lab.engine_with(options.clone()));
            lab.pass(LEASE);
        }
        assert!(try_take(&engine).is_none());
        assert_eq!(run(&engine, id).run.error.unwrap().code, "WORKER_LOST");
    }

    fn an_attempt_whose_time_ran_out_unnoticed_is_not_run_again(lab) {
        let engine = lab.engine();
        let id = start(&engine, &workflow(&step_with("slow", &["timeout_seconds: 10"])));
        take(&lab.engine());
        lab.pass(LEASE);
        assert!(try_take(&engine).is_none());
        assert_eq!(run(&engine, id).run.error.unwrap().code, "TIMEOUT");
    }

    fn one_attempt_that_cannot_be_given_up_does_not_hold_up_the_others(lab) {
        let lost = start(&lab.engine(), &workflow(&step("lost")));
        for _ in 0..5 {
            take(&lab.engine());
            lab.pass(LEASE);
        }
        let others = ["left", "right"].map(|id| start(&lab.engine(), &workflow(&step(id))));
        let full = Arc::new(AtomicBool::new(true));
        let rule = Arc::clone(&full);
        let backend = Faulty::with(lab.backend(), move |name, _| {
            let refused = name == "commit" && rule.load(Ordering::SeqCst);
            [Mode::Works, Mode::Refused][usize::from(refused)]
        });
        let engine = Engine::over(backend as Arc<dyn Backend>, lab.options()).unwrap();
        let claims = engine.receive(&[QUEUE], 10).unwrap();
        assert_eq!(claims.len(), 2);
        full.store(false, Ordering::SeqCst);
        for claim in claims {
            engine.complete(&claim.token, json!({})).unwrap();
        }
        lab.pass(Duration::from_secs(1));
        assert!(try_take(&engine).is_none());
        assert_eq!(run(&engine, lost).run.error.unwrap().code, "WORKER_LOST");
        for id in others {
            assert_eq!(status(&engine, id), RunStatus::Completed);
        }
    }

    fn attempts_are_run_although_another_one_cannot_be_given_back(lab) {
        let suspect = start(&lab.engine(), &workflow(&step("suspect")));
        take(&lab.engine());
        lab.pass(LEASE);
        let others = ["left", "right"].map(|id| start(&lab.engine(), &workflow(&step(id))));
        // One that lost a worker comes alone: those fetched with it are to be given back.
        let backend = Faulty::with(lab.backend(), |name, _| {
            [Mode::Works, Mode::Refused][usize::from(name == "release")]
        });
        let engine = Engine::over(backend as Arc<dyn Backend>, lab.options()).unwrap();
        for expected in [1, 0] {
            let claims = engine.receive(&[QUEUE], 10).unwrap();
            assert_eq!(claims.len(), expected);
            for claim in claims {
                engine.complete(&claim.token, json!({})).unwrap();
            }
        }
        assert_eq!(status(&engine, suspect), RunStatus::Completed);
        for id in others {
            lab.pass(LEASE);
            engine.complete(&take(&lab.engine()).token, json!({})).unwrap();
            assert_eq!(status(&engine, id), RunStatus::Completed);
        }
    }

    fn a_flood_of_urgent_runs_does_not_starve_the_others(lab) {
        let engine = lab.engine();
        let plan = workflow(&step("only"));
        let start = |priority| {
            let request = StartRequest { priority, ..StartRequest::of_plan(Arc::clone(&plan), json!({})) };
            engine.start(request).unwrap().run
        };
        let patient = start(Priority::Low);
        lab.pass(Duration::from_millis(1));
        let mut places = 0;
        while status(&engine, patient) == RunStatus::Running {
            for _ in 0..2 {
                start(Priority::Critical);
            }
            engine.complete(&take(&engine).token, json!({})).unwrap();
            places += 1;
            assert!(places <= 16);
        }
        assert!(places > 1, "what is urgent goes first");
    }

    fn an_attempt_of_no_run_becomes_a_dead_letter_that_says_why(lab) {
        let engine = lab.engine();
        let id = start(&lab_of_another_store().engine(), &three_steps());
        let orphan = NewMessage {
            queue: QUEUE.to_owned(),
            priority: Priority::High,
            available_at: lab.clock.now(),
            body: b"not the job of a step".to_vec(),
            headers: Vec::new(),
            step: Some(StepItem {
                step: StepRef { run: id, scope: 0, node: 1, attempt: 1 },
                timeout: Duration::from_secs(60),
            }),
        };
        lab.backend().publish(&[orphan], lab.clock.now()).unwrap();
        let mut waited = Vec::new();
        let mut pause = 0;
        for second in 0..120 {
            // Work goes on meanwhile.
            start(&engine, &workflow(&step("good")));
            let good = engine.receive(&[QUEUE], 10).unwrap().remove(0);
            engine.complete(&good.token, json!({})).unwrap();
            if lab.backend().list_messages("steps.dlq", 1).unwrap().is_empty() {
                let next = lab.backend().list_messages(QUEUE, 1).unwrap().remove(0).visible_at;
                let left = next.since(lab.clock.now()).as_secs();
                if left > pause {
                    waited.push(second);
                }
                pause = left;
            }
            lab.pass(Duration::from_secs(1));
        }
        assert_eq!(waited, [0, 1, 3, 7, 15]);
        let dead = lab.backend().list_messages("steps.dlq", 9).unwrap().remove(0);
        assert_eq!(dead.body, b"not the job of a step");
        let headers: serde_json::Value = serde_json::from_slice(&dead.headers).unwrap();
        assert_eq!(headers["ossa-error-code"], "OSSA-N001");
        assert_eq!(lab.backend().list_messages(QUEUE, 1).unwrap(), []);
    }
}

fn lab_of_another_store() -> Lab {
    Lab::in_memory()
}
