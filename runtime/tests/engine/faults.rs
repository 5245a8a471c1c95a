//! A store that fails at any one call, before or after doing what it was asked, costs nothing but a repetition.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ossa_runtime::engine::{
    Consumer, ConsumerOptions, Engine, OutgoingMessage, StartRequest, StepClaim,
};
use ossa_runtime::error::{Category, Error};
use ossa_runtime::plan::Plan;
use ossa_runtime::port::{Backend, Page, Priority, RunFilter, RunId, RunStatus, Version};
use ossa_runtime::run::{Event, RunState};
use serde_json::json;

use crate::faulty::{Faulty, Mode};
use crate::lab::*;
use crate::stories;

/// Two branches side by side, then a step that fails once, then one more.
fn diamond() -> Arc<Plan> {
    let side = "depends_on: []";
    let retry = "retry: {max_attempts: 2, backoff_strategy: fixed, initial_delay_ms: 1000}";
    let join = "depends_on: [left, right]";
    workflow(
        &[
            step_with("left", &[side]),
            step_with("right", &[side]),
            step_with("flaky", &[join, retry]),
            step("last"),
        ]
        .concat(),
    )
}

/// Repeats a call that failed because the store did.
fn insist<T>(mut call: impl FnMut() -> Result<T, Error>) -> T {
    for _ in 0..5 {
        match call() {
            Ok(value) => return value,
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
    }
    panic!("it failed again and again");
}

fn work(engine: &Engine, claim: &StepClaim) {
    let first = claim.job.step == "flaky" && claim.job.attempt == 1;
    insist(|| {
        if first {
            engine.fail(&claim.token, failure())
        } else {
            engine.complete(&claim.token, json!({"by": claim.job.step}))
        }
    });
}

/// Starts two runs and works until both are done. A worker that meets a failure is replaced by another one when
/// `dies`, which then has to wait for the leases to run out.
fn live(lab: &Lab, backend: &Arc<Faulty>, dies: bool) {
    let open = || Engine::over(Arc::clone(backend) as Arc<dyn Backend>, lab.options()).unwrap();
    let (plan, mut engine) = (diamond(), open());
    for key in ["one", "two"] {
        insist(|| engine.start(StartRequest::of_plan(plan.clone(), json!({})).with_key(key)));
    }
    for _ in 0..100 {
        match engine.receive(&[QUEUE], 3) {
            Ok(claims) if claims.is_empty() => {
                let done = insist(|| {
                    engine.runs(
                        &completed(),
                        &Page {
                            after: None,
                            limit: 10,
                        },
                    )
                });
                if done.runs.len() == 2 {
                    return;
                }
                lab.pass(Duration::from_secs(31));
                insist(|| engine.tick());
            }
            Ok(claims) => {
                let calls = backend.calls();
                claims.iter().for_each(|claim| work(&engine, claim));
                let failed = (calls..=backend.calls()).contains(&backend.chosen());
                if dies && failed {
                    engine = open();
                }
            }
            Err(error) => {
                assert!(error.is_retryable(), "{error:?}");
                if dies {
                    engine = open();
                }
            }
        }
    }
    panic!("the runs do not end");
}

fn completed() -> RunFilter {
    RunFilter {
        statuses: vec![RunStatus::Completed],
        ..RunFilter::default()
    }
}

/// Two runs, each with every result recorded once, and nothing left over.
fn check(lab: &Lab, case: &str) {
    let engine = lab.engine();
    let backend = lab.backend();
    let page = engine
        .runs(
            &RunFilter::default(),
            &Page {
                after: None,
                limit: 10,
            },
        )
        .unwrap();
    assert_eq!(page.runs.len(), 2, "{case}");
    for head in page.runs {
        let details = run(&engine, head.run);
        let mut completions: HashMap<String, u32> = HashMap::new();
        let mut failures = 0;
        for event in &details.events {
            match &event.event {
                Event::StepCompleted { step, .. } => {
                    *completions.entry(step.clone()).or_default() += 1
                }
                Event::AttemptFailed { .. } => failures += 1,
                _ => {}
            }
        }
        assert_eq!(completions.len(), 4, "{case}");
        assert!(
            completions.values().all(|count| *count == 1),
            "{case}: {completions:?}"
        );
        assert_eq!(failures, 1, "{case}");
        let rows = backend.history(&head.run, Version(0), 1000).unwrap();
        let plan = Plan::from_json(&backend.load_plan(&head.plan).unwrap().unwrap()).unwrap();
        let replayed = RunState::replay(&plan, None, &rows).unwrap();
        assert_eq!(replayed.head(&plan), head, "{case}");
    }
    assert!(
        backend.list_messages(QUEUE, 10).unwrap().is_empty(),
        "{case}"
    );
}

fn every_call_fails_once(new_lab: fn() -> Lab) {
    let clean = new_lab();
    let backend = Faulty::new(clean.backend(), Mode::Refused, 0);
    live(&clean, &backend, false);
    check(&clean, "without a failure");
    let calls = backend.calls();
    assert!(calls > 20, "{calls} calls are too few to be all");
    for mode in [Mode::Refused, Mode::DoneUnheard] {
        for dies in [false, true] {
            for at in 1..=calls {
                let lab = new_lab();
                live(&lab, &Faulty::new(lab.backend(), mode, at), dies);
                check(
                    &lab,
                    &format!("call {at} of {calls} {mode:?}, worker dies: {dies}"),
                );
            }
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_when_any_one_call_fails_in_memory() {
    every_call_fails_once(Lab::in_memory);
}

#[test]
fn nothing_is_lost_or_doubled_when_any_one_call_fails_in_sqlite() {
    every_call_fails_once(Lab::in_file);
}

/// Runs whose deadline has passed, on a store whose commits go by a rule.
fn overdue(
    lab: &Lab,
    runs: usize,
    rule: impl Fn(&'static str, u64) -> Mode + Send + Sync + 'static,
) -> (Engine, Vec<RunId>) {
    let steps = step("first");
    let plan = plan(&format!(
        "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: demo}}\nspec:\n  timeout_seconds: 60\n  steps:\n{steps}"
    ));
    let ids = (0..runs).map(|_| start(&lab.engine(), &plan)).collect();
    lab.pass(Duration::from_secs(60));
    let backend = Faulty::with(lab.backend(), rule) as Arc<dyn Backend>;
    (Engine::over(backend, lab.options()).unwrap(), ids)
}

stories! {
    fn a_consumer_goes_on_after_a_failure(lab) {
        for mode in [Mode::Refused, Mode::DoneUnheard] {
            for at in 1..=12 {
                let sender = lab.engine();
                let bodies: Vec<_> = (0..20_u8).map(|body| vec![body]).collect();
                let messages = bodies.iter().map(|body| OutgoingMessage {
                    queue: "mail".to_owned(),
                    priority: Priority::Normal,
                    delay: Duration::ZERO,
                    body: body.clone(),
                    headers: Vec::new(),
                });
                sender.send(messages.collect()).unwrap();
                let backend = Faulty::new(lab.backend(), mode, at);
                let engine = Engine::over(backend as Arc<dyn Backend>, lab.options()).unwrap();
                let consumer = Consumer::new(&engine, ConsumerOptions::of_queue("mail")).unwrap();
                let mut seen = Vec::new();
                for _ in 0..200 {
                    match consumer.receive(1, Duration::ZERO) {
                        Ok(messages) => {
                            if let Some(message) = messages.into_iter().next() {
                                seen.push(message.body);
                                consumer.ack(&message.id).unwrap();
                                continue;
                            }
                            let written = consumer.flush(Duration::from_secs(1));
                            let counts = sender.count("mail").unwrap();
                            match (written, counts.ready, counts.leased) {
                                (Ok(true), 0, 0) => break,
                                // Claimed by a call whose answer was lost.
                                (Ok(true), 0, _) => lab.pass(Duration::from_secs(31)),
                                _ => {}
                            }
                        }
                        Err(error) => {
                            assert_eq!(error.category(), Category::Transport);
                            thread::sleep(Duration::from_millis(1));
                        }
                    }
                }
                drop(consumer);
                let counts = sender.count("mail").unwrap();
                assert_eq!((counts.ready, counts.leased), (0, 0), "call {at} {mode:?}");
                seen.sort();
                seen.dedup();
                assert_eq!(seen, bodies, "call {at} {mode:?}");
            }
        }
    }

    fn a_cancellation_whose_answer_was_lost_is_repeated_without_harm(lab) {
        for mode in [Mode::Refused, Mode::DoneUnheard] {
            let id = start(&lab.engine(), &three_steps());
            let failed = AtomicBool::new(false);
            let backend = Faulty::with(lab.backend(), move |name, _| {
                let fails = name == "commit" && !failed.swap(true, Ordering::SeqCst);
                [Mode::Works, mode][usize::from(fails)]
            });
            let engine = Engine::over(backend as Arc<dyn Backend>, lab.options()).unwrap();
            assert!(engine.cancel(id, because("no longer wanted")).unwrap_err().is_retryable());
            let again = engine.cancel(id, because("no longer wanted")).unwrap();
            assert_eq!(again, mode == Mode::Refused, "it was done the first time or is now");
            let details = run(&engine, id);
            assert_eq!(details.run.status, RunStatus::Canceled);
            let ends = details.events.iter();
            let ends = ends.filter(|it| matches!(it.event, Event::RunCanceled { .. }));
            assert_eq!(ends.count(), 1);
            assert!(try_take(&engine).is_none());
        }
    }

    fn what_could_not_be_fired_is_tried_again_after_a_while(lab) {
        let broken = Arc::new(AtomicBool::new(true));
        let rule = Arc::clone(&broken);
        let (engine, ids) = overdue(lab, 1, move |name, _| {
            let fails = name == "commit" && rule.load(Ordering::SeqCst);
            [Mode::Works, Mode::Broken][usize::from(fails)]
        });
        engine.tick().unwrap();
        assert_eq!(status(&engine, ids[0]), RunStatus::Running);
        broken.store(false, Ordering::SeqCst);
        lab.pass(Duration::from_secs(30));
        engine.tick().unwrap();
        assert_eq!(status(&engine, ids[0]), RunStatus::Failed);
    }

    fn what_cannot_be_fired_together_is_fired_one_by_one(lab) {
        let (engine, ids) = overdue(lab, 3, |name, _| {
            [Mode::Works, Mode::Broken][usize::from(name == "commit_many")]
        });
        engine.tick().unwrap();
        for id in ids {
            assert_eq!(status(&engine, id), RunStatus::Failed);
        }
    }
}
