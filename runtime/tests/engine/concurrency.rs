//! Several threads, several engines, one store.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ossa_runtime::engine::StartRequest;
use ossa_runtime::port::RunStatus;
use serde_json::json;

use crate::lab::*;
use crate::stories;

stories! {
    fn of_many_starts_with_one_key_exactly_one_makes_a_run(lab) {
        let engines: Vec<_> = (0..4).map(|_| lab.engine()).collect();
        let plan = three_steps();
        let started: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|number| {
                    let (engine, plan) = (engines[number % engines.len()].clone(), plan.clone());
                    scope.spawn(move || {
                        let request = StartRequest::of_plan(plan, json!({})).with_key("once");
                        engine.start(request).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(started.iter().filter(|it| it.is_new).count(), 1);
        assert_eq!(started.iter().map(|it| it.run).collect::<HashSet<_>>().len(), 1);
        assert_eq!(work_off(&engines[0]).len(), 3);
    }

    fn results_from_several_engines_for_one_run_are_all_recorded(lab) {
        let ids: Vec<_> = (0..12).map(|number| format!("s{number}")).collect();
        let steps: String = ids.iter().map(|id| step_with(id, &["depends_on: []"])).collect();
        let engine = lab.engine();
        let id = start(&engine, &workflow(&steps));
        let engines: Vec<_> = (0..4).map(|_| lab.engine()).collect();
        // Warm memories that the first result makes wrong.
        for engine in &engines {
            run(engine, id);
        }
        let claims: Vec<_> = ids.iter().map(|_| take(&engine)).collect();
        thread::scope(|scope| {
            for (number, claim) in claims.iter().enumerate() {
                let engine = &engines[number % engines.len()];
                scope.spawn(move || {
                    let report = engine.complete(&claim.token, json!(claim.job.step)).unwrap();
                    assert_eq!(report.result, HANDLED);
                });
            }
        });
        let details = run(&lab.engine(), id);
        assert_eq!(details.run.status, RunStatus::Completed);
        assert_eq!(details.run.version.0, 13, "one transition for the start and one a result");
        assert!(details.run.steps.iter().all(|it| it.output == Some(json!(it.id))));
    }

    fn one_attempt_reported_by_many_at_once_is_recorded_once(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        let claim = take(&engine);
        let recorded = AtomicUsize::new(0);
        thread::scope(|scope| {
            for number in 0..8 {
                let (engine, claim, recorded) = (lab.engine(), &claim, &recorded);
                scope.spawn(move || {
                    let report = engine.complete(&claim.token, json!(number)).unwrap();
                    recorded.fetch_add(usize::from(report.result == HANDLED), Ordering::SeqCst);
                });
            }
        });
        assert_eq!(recorded.into_inner(), 1);
        assert_eq!(work_off(&engine), ["second", "third"]);
        assert_eq!(status(&engine, id), RunStatus::Completed);
    }

    fn many_workers_finish_many_runs_with_every_step_run_once(lab) {
        let engine = lab.engine();
        let plan = three_steps();
        let runs: Vec<_> = (0..40).map(|_| start(&engine, &plan)).collect();
        let handled = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let (engine, handled) = (lab.engine(), Arc::clone(&handled));
                thread::spawn(move || {
                    while handled.load(Ordering::SeqCst) < 120 {
                        for claim in engine.receive(&[QUEUE], 5).unwrap() {
                            let report = engine.complete(&claim.token, json!({})).unwrap();
                            assert_eq!(report.result, HANDLED);
                            handled.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(handled.load(Ordering::SeqCst), 120);
        for id in runs {
            assert_eq!(status(&engine, id), RunStatus::Completed);
        }
    }
}
