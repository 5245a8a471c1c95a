//! Runs that run other workflows, on real stores, in one piece and in pieces.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ossa_runtime::engine::{Engine, OrderedBy, PruneRule, StartRequest};
use ossa_runtime::plan::Plan;
use ossa_runtime::port::{Backend, Page, RunFilter, RunHead, RunId, RunStatus, Version};
use ossa_runtime::run::{Event, RunState};
use serde_json::json;

use crate::faulty::{Faulty, Mode};
use crate::lab::*;
use crate::stories;

/// An order whose money is a workflow of its own; `fields` are those of the step that runs it.
fn order(fields: &str) -> Arc<Plan> {
    plan(&format!(
        "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {{name: order, labels: {{team: shop}}}}
spec:
  steps:
    - {{id: pick, inline: {{capabilities: [pick]}}}}
    - {{id: money, ref: settle, input: {{order: 7}}{fields}}}
    - {{id: mail, inline: {{capabilities: [mail]}}}}
---
apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {{name: settle}}
spec:
  error_handling: {{on_failure: compensate, compensation_steps: [{{id: refund, inline: {{capabilities: [refund]}}}}]}}
  output: {{done: '${{{{ steps.charge.output.done }}}}'}}
  steps:
    - {{id: reserve, inline: {{capabilities: [reserve]}}}}
    - {{id: charge, inline: {{capabilities: [charge]}}}}
"
    ))
}

const EVERYTHING: Page = Page {
    after: None,
    limit: 100,
};

fn runs(engine: &Engine, filter: &RunFilter) -> Vec<RunHead> {
    engine.runs(filter, &EVERYTHING).unwrap().runs
}

fn children(engine: &Engine, parent: RunId) -> Vec<RunHead> {
    let mut filter = RunFilter::default();
    let label = ("ossa.parent".to_owned(), parent.to_string());
    filter.labels.extend([label]);
    runs(engine, &filter)
}

fn child(engine: &Engine, parent: RunId) -> RunId {
    let all = children(engine, parent);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].run
}

stories! {
    fn a_workflow_within_a_workflow_runs_as_a_run_of_its_own_and_its_output_goes_on(lab) {
        let engine = lab.engine();
        let mut request = StartRequest::of_plan(order(""), json!({}));
        request.correlation_id = Some("case-7".to_owned());
        request.labels.insert("tenant".to_owned(), "acme".to_owned());
        let id = engine.start(request).unwrap().run;
        complete(&engine, "pick");
        assert_eq!(status(&engine, id), RunStatus::Waiting);
        let child = child(&engine, id);
        let details = run(&engine, child).run;
        assert_eq!(details.workflow, "settle");
        assert_eq!(details.input, json!({"order": 7}));
        assert_eq!(details.correlation_id.as_deref(), Some("case-7"));
        assert_eq!(details.labels["tenant"], "acme");
        let parent = details.parent.unwrap();
        assert_eq!((parent.run, parent.step.as_str()), (id, "money"));
        complete(&engine, "reserve");
        complete(&engine, "charge");
        assert_eq!(status(&engine, child), RunStatus::Completed);
        let details = run(&engine, id).run;
        let money = details.steps.iter().find(|step| step.id == "money").unwrap();
        assert_eq!(money.output, Some(json!({"done": "charge"})));
        assert_eq!(money.child, Some(child));
        complete(&engine, "mail");
        assert_eq!(status(&engine, id), RunStatus::Completed);
        let backend = lab.backend();
        assert!(backend.timers_of(&id).unwrap().is_empty());
        assert!(backend.timers_of(&child).unwrap().is_empty());
    }

    fn a_run_that_is_canceled_cancels_its_child_which_undoes_what_it_did(lab) {
        let engine = lab.engine();
        let id = start(&engine, &order(""));
        complete(&engine, "pick");
        complete(&engine, "reserve");
        let child = child(&engine, id);
        engine.cancel(id, because("changed their mind")).unwrap();
        assert_eq!(status(&engine, id), RunStatus::Canceled);
        assert_eq!(work_off(&engine), ["refund"]);
        let details = run(&engine, child).run;
        assert_eq!(details.status, RunStatus::Canceled);
        assert!(details.reason.unwrap().contains(&id.to_string()));
    }

    fn a_run_that_is_aborted_aborts_its_child(lab) {
        let engine = lab.engine();
        let id = start(&engine, &order(""));
        complete(&engine, "pick");
        engine.abort(id, OrderedBy::new("ada")).unwrap();
        assert_eq!(status(&engine, child(&engine, id)), RunStatus::Canceled);
        assert!(work_off(&engine).is_empty());
    }

    fn a_child_that_is_abandoned_goes_on_without_its_parent(lab) {
        let engine = lab.engine();
        let id = start(&engine, &order(", close_policy: abandon"));
        complete(&engine, "pick");
        engine.cancel(id, because("no more")).unwrap();
        assert_eq!(work_off(&engine), ["reserve", "charge"]);
        let child = child(&engine, id);
        assert_eq!(status(&engine, child), RunStatus::Completed);
        assert!(lab.backend().timers_of(&child).unwrap().is_empty());
    }

    fn a_child_that_is_canceled_by_hand_fails_the_step_for_good(lab) {
        let engine = lab.engine();
        let id = start(&engine, &order(", retry: {max_attempts: 3}"));
        complete(&engine, "pick");
        engine.abort(child(&engine, id), OrderedBy::new("ada").because("no money")).unwrap();
        let details = run(&engine, id).run;
        assert_eq!(details.status, RunStatus::Failed);
        let error = details.error.unwrap();
        assert_eq!(error.code, "CANCELED");
        assert!(error.message.contains("no money"), "{}", error.message);
    }

    fn the_time_of_a_step_ends_its_child(lab) {
        let engine = lab.engine();
        let id = start(&engine, &order(", timeout_seconds: 60"));
        complete(&engine, "pick");
        lab.pass(Duration::from_secs(61));
        engine.tick().unwrap();
        assert_eq!(run(&engine, id).run.error.unwrap().code, "TIMEOUT");
        assert_eq!(work_off(&engine), ["refund"]);
        assert_eq!(status(&engine, child(&engine, id)), RunStatus::Canceled);
    }

    fn a_paused_run_starts_no_child_before_it_is_resumed(lab) {
        let engine = lab.engine();
        let id = start(&engine, &order(""));
        let claim = take(&engine);
        engine.pause(id, OrderedBy::default()).unwrap();
        engine.complete(&claim.token, json!({})).unwrap();
        assert!(children(&engine, id).is_empty());
        engine.resume(id, OrderedBy::default()).unwrap();
        assert_eq!(status(&engine, child(&engine, id)), RunStatus::Running);
        engine.pause(id, OrderedBy::default()).unwrap();
        assert_eq!(work_off(&engine), ["reserve", "charge"]);
        assert_eq!(step_status(&engine, id, "money"), "completed");
    }

    fn an_operator_retries_the_step_with_a_child_of_its_own(lab) {
        let engine = lab.engine();
        let id = start(&engine, &order(""));
        complete(&engine, "pick");
        let claim = take(&engine);
        engine.fail(&claim.token, failure()).unwrap();
        assert_eq!(work_off(&engine), ["refund"]);
        assert_eq!(status(&engine, id), RunStatus::Failed);
        engine.retry_step(id, "money", OrderedBy::default()).unwrap();
        assert_eq!(work_off(&engine), ["reserve", "charge", "mail"]);
        assert_eq!(status(&engine, id), RunStatus::Completed);
        assert_eq!(children(&engine, id).len(), 2);
    }

    fn ended_children_are_pruned_only_when_their_parents_know(lab) {
        let backend = lab.backend();
        let deaf = Arc::new(AtomicBool::new(false));
        let rule = {
            let deaf = Arc::clone(&deaf);
            // The child ends; whoever should tell its parent dies.
            let commits = AtomicU64::new(0);
            move |name: &'static str, _| {
                let counted = name == "commit" && deaf.load(Ordering::SeqCst);
                let nth = if counted { commits.fetch_add(1, Ordering::SeqCst) } else { 0 };
                if nth > 0 { Mode::Refused } else { Mode::Works }
            }
        };
        let engine = Engine::over(Faulty::with(backend, rule), lab.options()).unwrap();
        let id = start(&engine, &order(""));
        complete(&engine, "pick");
        complete(&engine, "reserve");
        deaf.store(true, Ordering::SeqCst);
        complete(&engine, "charge");
        let engine = lab.engine();
        let child = child(&engine, id);
        assert_eq!(status(&engine, child), RunStatus::Completed);
        assert_eq!(status(&engine, id), RunStatus::Waiting);
        lab.pass(Duration::from_secs(10));
        let all = PruneRule { status: RunStatus::Completed, max_age: Some(Duration::ZERO), max_count: None };
        assert_eq!(engine.prune(&[all], 10, false).unwrap().runs, []);
        engine.tick().unwrap();
        assert_eq!(engine.prune(&[all], 10, false).unwrap().runs.len(), 1);
        assert_eq!(work_off(&engine), ["mail"]);
        assert_eq!(run(&engine, id).run.output, Some(json!({})));
    }

    fn many_children_end_at_once_without_deep_recursion(lab) {
        let engine = lab.engine();
        let each = plan(
            "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: each}
spec: {steps: [{id: all, kind: Loop, loop: {over: '${{ workflow.input.items }}', parallelism: 7}, steps: [{id: one, ref: nothing}]}]}
---
apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: nothing}
spec: {steps: [{id: never, condition: 'false', inline: {capabilities: [x]}}]}
");
        let items: Vec<_> = (0..40).collect();
        let id = start_with(&engine, &each, json!({"items": items}));
        while !status(&engine, id).is_terminal() {
            engine.tick().unwrap();
        }
        assert_eq!(status(&engine, id), RunStatus::Completed);
        assert_eq!(children(&engine, id).len(), 40);
    }

    fn a_parent_in_flight_survives_its_export_with_its_child(lab) {
        let engine = lab.engine();
        let id = start(&engine, &order(""));
        complete(&engine, "pick");
        let files = [id, child(&engine, id)].map(|run| engine.export(run).unwrap());
        let elsewhere = Lab::in_memory();
        let other = elsewhere.engine();
        for file in &files {
            other.import(file).unwrap();
        }
        assert_eq!(work_off(&other), ["reserve", "charge", "mail"]);
        assert_eq!(status(&other, id), RunStatus::Completed);
    }
}

fn open(lab: &Lab, backend: &Arc<Faulty>) -> Engine {
    Engine::over(Arc::clone(backend) as Arc<dyn Backend>, lab.options()).unwrap()
}

/// What a life of the runs was to bring.
struct Life {
    plan: fn() -> Arc<Plan>,
    /// Once this step was handed out, the first run is canceled.
    cancel_at: Option<&'static str>,
    parent: RunStatus,
    children: &'static [RunStatus],
    completed: &'static [(&'static str, usize)],
}

const START_KEY: &str = "one";

/// Lives through the runs, in a process that dies at one call; the next one goes on. The first attempt of `charge` in the
/// first child fails for good.
fn live(lab: &Lab, backend: &Arc<Faulty>, life: &Life) {
    let mut engine = open(lab, backend);
    let plan = (life.plan)();
    let mut parent = None;
    let mut canceled = false;
    let mut unlucky: Option<RunId> = None;
    for _ in 0..60 {
        if backend.revive() {
            engine = open(lab, backend);
            lab.pass(Duration::from_secs(31));
            let _ = engine.tick();
        }
        let Some(id) = parent else {
            let request = StartRequest::of_plan(Arc::clone(&plan), json!({})).with_key(START_KEY);
            parent = engine.start(request).ok().map(|started| started.run);
            continue;
        };
        if life.cancel_at == Some("") && !canceled {
            canceled = engine.cancel(id, because("enough")).is_ok();
            continue;
        }
        match engine.receive(&[QUEUE], 1) {
            Ok(claims) => {
                for claim in &claims {
                    let step = claim.job.step.as_str();
                    if life.cancel_at == Some(step) && !canceled {
                        canceled = engine.cancel(id, because("enough")).is_ok();
                        continue;
                    }
                    let fails =
                        step == "charge" && *unlucky.get_or_insert(claim.job.run) == claim.job.run;
                    let _ = if fails {
                        engine.fail(&claim.token, failure())
                    } else {
                        engine.complete(&claim.token, json!({ "done": step }))
                    };
                }
                if claims.is_empty() {
                    if is_over(lab, &engine) {
                        return;
                    }
                    lab.pass(Duration::from_secs(31));
                    let _ = engine.tick();
                }
            }
            Err(_) => continue,
        }
    }
}

/// Whether all runs have ended, and none has anything to tell another.
fn is_over(lab: &Lab, engine: &Engine) -> bool {
    let backend = lab.backend();
    let all = engine.runs(&RunFilter::default(), &EVERYTHING);
    all.is_ok_and(|all| {
        let mut runs = all.runs.iter();
        runs.all(|head| {
            head.status.is_terminal() && backend.timers_of(&head.run).unwrap().is_empty()
        })
    })
}

/// Nothing lost, nothing doubled, nothing left over.
fn check(lab: &Lab, life: &Life, case: &str) {
    let engine = lab.engine();
    let backend = lab.backend();
    let all = runs(&engine, &RunFilter::default());
    let (parents, children): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|head| head.workflow == "order");
    assert_eq!(parents.len(), 1, "{case}");
    assert_eq!(parents[0].status, life.parent, "{case}");
    let mut statuses: Vec<_> = children.iter().map(|head| head.status).collect();
    statuses.sort_by_key(|status| status.as_str());
    assert_eq!(statuses, life.children, "{case}");
    let mut completed: Vec<String> = Vec::new();
    let mut told = BTreeSet::new();
    for head in parents.iter().chain(&children) {
        for event in run(&engine, head.run).events {
            match event.event {
                Event::StepCompleted { step, .. } => completed.push(step),
                Event::ChildStarted { run, .. } => {
                    assert!(told.insert(run), "{case}: {run} was started twice");
                }
                _ => {}
            }
        }
        let left = backend.timers_of(&head.run).unwrap();
        assert_eq!(left, [], "{case}: {}", head.workflow);
        let rows = backend.history(&head.run, Version(0), 1000).unwrap();
        let plan = Plan::from_json(&backend.load_plan(&head.plan).unwrap().unwrap()).unwrap();
        let replayed = RunState::replay(&plan, None, &rows).unwrap();
        assert_eq!(replayed.head(&plan), *head, "{case}");
    }
    for (step, times) in life.completed {
        let found = completed.iter().filter(|it| it == step).count();
        assert_eq!(found, *times, "{case}: {step} of {completed:?}");
    }
    let left = backend.list_messages(QUEUE, 10).unwrap();
    assert!(left.is_empty(), "{case}");
}

fn survives_a_crash_at_every_call(new_lab: fn() -> Lab, life: &Life) {
    let clean = new_lab();
    let none = Faulty::dying(clean.backend(), Mode::Refused, 0);
    live(&clean, &none, life);
    check(&clean, life, "without a crash");
    let calls = none.calls();
    for mode in [Mode::Refused, Mode::DoneUnheard] {
        for at in 1..=calls {
            let lab = new_lab();
            live(&lab, &Faulty::dying(lab.backend(), mode, at), life);
            check(
                &lab,
                life,
                &format!("crash at call {at} of {calls}, {mode:?}"),
            );
        }
    }
}

fn retried() -> Arc<Plan> {
    order(", retry: {max_attempts: 2, backoff_strategy: fixed, initial_delay_ms: 1000}")
}

/// The first child fails and undoes what it did, the second succeeds.
const RETRIED: Life = Life {
    plan: retried,
    cancel_at: None,
    parent: RunStatus::Completed,
    children: &[RunStatus::Completed, RunStatus::Failed],
    completed: &[
        ("pick", 1),
        ("reserve", 2),
        ("charge", 1),
        ("refund", 1),
        ("money", 1),
        ("mail", 1),
    ],
};

/// The parent is canceled while a worker has a step of the child.
const CANCELED: Life = Life {
    plan: || order(""),
    cancel_at: Some("charge"),
    parent: RunStatus::Canceled,
    children: &[RunStatus::Canceled],
    completed: &[
        ("pick", 1),
        ("reserve", 1),
        ("charge", 0),
        ("refund", 1),
        ("money", 0),
        ("mail", 0),
    ],
};

#[test]
fn no_child_is_lost_or_doubled_by_a_crash_at_any_call_in_memory() {
    survives_a_crash_at_every_call(Lab::in_memory, &RETRIED);
}

#[test]
fn no_child_is_lost_or_doubled_by_a_crash_at_any_call_in_sqlite() {
    survives_a_crash_at_every_call(Lab::in_file, &RETRIED);
}

#[test]
fn no_child_outlives_its_canceled_parent_whatever_call_crashes_in_memory() {
    survives_a_crash_at_every_call(Lab::in_memory, &CANCELED);
}

#[test]
fn no_child_outlives_its_canceled_parent_whatever_call_crashes_in_sqlite() {
    survives_a_crash_at_every_call(Lab::in_file, &CANCELED);
}
