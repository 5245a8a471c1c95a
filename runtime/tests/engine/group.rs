//! Concurrency groups on real stores: how many runs go on at once, and in which order the others follow.

use std::sync::Arc;
use std::time::Duration;

use ossa_runtime::engine::{Engine, OrderedBy, StartRequest};
use ossa_runtime::plan::Plan;
use ossa_runtime::port::{Backend, KvWrite, Page, RunFilter, RunId, RunStatus};
use serde_json::json;

use crate::faulty::{Faulty, Mode};
use crate::lab::*;
use crate::stories;

/// A workflow of one step in a group; `more` are further fields of `concurrency`.
fn grouped(more: &str) -> Arc<Plan> {
    plan(&format!(
        "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {{name: deploy}}
spec:
  concurrency: {{group: 'env-${{{{ workflow.input.env }}}}'{more}}}
  steps: [{{id: ship, inline: {{capabilities: [ship]}}}}]
"
    ))
}

fn begin(lab: &Lab, engine: &Engine, plan: &Arc<Plan>) -> RunId {
    lab.pass(Duration::from_millis(10));
    start_with(engine, plan, json!({"env": "staging"}))
}

fn statuses(engine: &Engine, runs: &[RunId]) -> Vec<&'static str> {
    runs.iter()
        .map(|run| status(engine, *run).as_str())
        .collect()
}

/// Loses the record of the group.
fn lose(lab: &Lab) {
    let write = KvWrite {
        namespace: "ossa.groups".to_owned(),
        key: "env-staging".to_owned(),
        value: None,
        expires_at: None,
        expected: None,
    };
    lab.backend()
        .kv_write(&write, lab.options().clock.now())
        .unwrap();
}

stories! {
    fn runs_of_a_group_go_on_one_after_the_other_in_their_order(lab) {
        let engine = lab.engine();
        let plan = grouped("");
        let runs: Vec<_> = (0..3).map(|_| begin(lab, &engine, &plan)).collect();
        let elsewhere = start_with(&engine, &plan, json!({"env": "live"}));
        assert_eq!(status(&engine, elsewhere), RunStatus::Running);
        engine.abort(elsewhere, OrderedBy::default()).unwrap();
        assert_eq!(statuses(&engine, &runs), ["running", "pending", "pending"]);
        let why = engine.why(runs[2]).unwrap();
        assert_eq!(why.reasons[0].code, "group");
        let text = &why.reasons[0].text;
        assert!(text.contains("number 2 in line") && text.contains(&runs[0].to_string()), "{text}");
        for (nth, expected) in [["completed", "running", "pending"], ["completed", "completed", "running"], ["completed"; 3]].iter().enumerate() {
            let claim = take(&engine);
            assert_eq!(claim.job.run, runs[nth]);
            engine.complete(&claim.token, json!({})).unwrap();
            assert_eq!(statuses(&engine, &runs), *expected);
        }
        let backend = lab.backend();
        assert!(runs.iter().all(|run| backend.timers_of(run).unwrap().is_empty()));
    }

    fn as_many_go_on_at_once_as_the_workflow_says(lab) {
        let engine = lab.engine();
        let plan = grouped(", limit: 2");
        let runs: Vec<_> = (0..4).map(|_| begin(lab, &engine, &plan)).collect();
        assert_eq!(statuses(&engine, &runs), ["running", "running", "pending", "pending"]);
        let claim = take(&engine);
        engine.fail(&claim.token, failure()).unwrap();
        assert_eq!(statuses(&engine, &runs), ["failed", "running", "running", "pending"]);
    }

    fn a_run_that_waits_can_be_canceled_and_one_that_is_aborted_frees_its_slot(lab) {
        let engine = lab.engine();
        let plan = grouped("");
        let runs: Vec<_> = (0..3).map(|_| begin(lab, &engine, &plan)).collect();
        engine.cancel(runs[1], because("not this one")).unwrap();
        engine.abort(runs[0], OrderedBy::new("ada")).unwrap();
        assert_eq!(statuses(&engine, &runs), ["canceled", "canceled", "running"]);
    }

    fn a_held_run_keeps_its_slot(lab) {
        let engine = lab.engine();
        let plan = grouped("");
        let runs: Vec<_> = (0..2).map(|_| begin(lab, &engine, &plan)).collect();
        engine.quarantine(runs[0], OrderedBy::default()).unwrap();
        lab.pass(Duration::from_secs(3600));
        engine.tick().unwrap();
        assert_eq!(statuses(&engine, &runs), ["quarantined", "pending"]);
        engine.abort(runs[0], OrderedBy::default()).unwrap();
        assert_eq!(statuses(&engine, &runs), ["canceled", "running"]);
    }

    fn a_newer_run_cancels_older_ones_where_the_workflow_says_so(lab) {
        let engine = lab.engine();
        let plan = grouped(", cancel_in_progress: true");
        let runs: Vec<_> = (0..3).map(|_| begin(lab, &engine, &plan)).collect();
        assert_eq!(statuses(&engine, &runs), ["canceled", "canceled", "running"]);
        let reason = run(&engine, runs[0]).run.reason.unwrap();
        assert!(reason.contains(&runs[1].to_string()), "{reason}");
        assert_eq!(work_off(&engine).len(), 1);
    }

    fn a_retried_run_takes_a_slot_beyond_the_limit(lab) {
        let engine = lab.engine();
        let plan = grouped("");
        let runs: Vec<_> = (0..3).map(|_| begin(lab, &engine, &plan)).collect();
        let claim = take(&engine);
        engine.fail(&claim.token, failure()).unwrap();
        engine.retry_step(runs[0], "ship", OrderedBy::default()).unwrap();
        assert_eq!(statuses(&engine, &runs), ["running", "running", "pending"]);
        assert_eq!(work_off(&engine).len(), 3);
        assert_eq!(statuses(&engine, &runs), ["completed"; 3]);
    }

    fn a_lost_record_is_made_anew_of_what_the_runs_say(lab) {
        let engine = lab.engine();
        let plan = grouped("");
        let mut runs: Vec<_> = (0..3).map(|_| begin(lab, &engine, &plan)).collect();
        lose(lab);
        runs.push(begin(lab, &engine, &plan));
        assert_eq!(statuses(&engine, &runs), ["running", "pending", "pending", "pending"]);
        lose(lab);
        assert_eq!(work_off(&engine).len(), 4);
        assert_eq!(statuses(&engine, &runs), ["completed"; 4]);
    }

    fn the_slot_of_a_run_that_is_gone_is_found_by_those_who_wait(lab) {
        let engine = lab.engine();
        let plan = grouped("");
        let runs: Vec<_> = (0..2).map(|_| begin(lab, &engine, &plan)).collect();
        // Ended and removed behind the back of everybody.
        let backend = lab.backend();
        let deaf = Faulty::with(Arc::clone(&backend), |name, _| match name {
            "kv_get" => Mode::Refused,
            _ => Mode::Works,
        });
        let other = Engine::over(deaf, lab.options()).unwrap();
        other.abort(runs[0], OrderedBy::default()).unwrap();
        backend.remove_runs(&runs[..1]).unwrap();
        assert_eq!(status(&engine, runs[1]), RunStatus::Pending);
        lab.pass(Duration::from_secs(61));
        engine.tick().unwrap();
        assert_eq!(status(&engine, runs[1]), RunStatus::Running);
    }
}

const EVERYTHING: Page = Page {
    after: None,
    limit: 100,
};

/// Starts three runs and works them off, in a process that dies at the call of this number; the next one goes on. Never do
/// more runs go on at once than the group allows.
fn live(lab: &Lab, at: u64, mode: Mode, supersedes: bool) -> u64 {
    let backend = Faulty::dying(lab.backend(), mode, at);
    let open = || Engine::over(Arc::clone(&backend) as Arc<dyn Backend>, lab.options()).unwrap();
    let plan = grouped(if supersedes {
        ", cancel_in_progress: true"
    } else {
        ""
    });
    let mut engine = open();
    let mut started = 0;
    for _ in 0..60 {
        if backend.revive() {
            engine = open();
            lab.pass(Duration::from_secs(31));
            let _ = engine.tick();
        }
        let watcher = lab.engine();
        let all = watcher
            .runs(&RunFilter::default(), &EVERYTHING)
            .unwrap()
            .runs;
        let going = all.iter().filter(|head| head.status == RunStatus::Running);
        assert!(going.count() <= 1, "call {at} {mode:?}: {all:#?}");
        if started < 3 {
            lab.pass(Duration::from_millis(10));
            let request = StartRequest::of_plan(Arc::clone(&plan), json!({"env": "staging"}));
            let request = request.with_key(format!("run {started}"));
            started += u32::from(engine.start(request).is_ok());
            continue;
        }
        let timers = |run| lab.backend().timers_of(&run).unwrap();
        let over = |head: &&ossa_runtime::port::RunHead| {
            head.status.is_terminal() && timers(head.run).is_empty()
        };
        if all.iter().filter(over).count() == 3 {
            break;
        }
        match engine.receive(&[QUEUE], 1) {
            Ok(claims) if claims.is_empty() => {
                lab.pass(Duration::from_secs(61));
                let _ = engine.tick();
            }
            Ok(claims) => {
                for claim in &claims {
                    let _ = engine.complete(&claim.token, json!({}));
                }
            }
            Err(_) => {}
        }
    }
    let engine = lab.engine();
    let mut all = engine
        .runs(&RunFilter::default(), &EVERYTHING)
        .unwrap()
        .runs;
    all.reverse();
    let statuses: Vec<_> = all.iter().map(|head| head.status.as_str()).collect();
    let case = format!("call {at} {mode:?}: {statuses:?}");
    assert_eq!(all.len(), 3, "{case}");
    if supersedes {
        // One that ended before the next began was in nobody's way.
        assert_eq!(statuses[2], "completed", "{case}");
        assert!(all.iter().all(|head| head.status.is_terminal()), "{case}");
    } else {
        assert_eq!(statuses, ["completed"; 3], "{case}");
    }
    for head in &all {
        assert_eq!(lab.backend().timers_of(&head.run).unwrap(), [], "{case}");
    }
    backend.calls()
}

fn survives_a_crash_at_every_call(new_lab: fn() -> Lab, supersedes: bool) {
    let calls = live(&new_lab(), 0, Mode::Works, supersedes);
    for mode in [Mode::Refused, Mode::DoneUnheard] {
        for at in 1..=calls {
            live(&new_lab(), at, mode, supersedes);
        }
    }
}

#[test]
fn no_slot_is_lost_or_doubled_by_a_crash_at_any_call_in_memory() {
    survives_a_crash_at_every_call(Lab::in_memory, false);
    survives_a_crash_at_every_call(Lab::in_memory, true);
}

#[test]
fn no_slot_is_lost_or_doubled_by_a_crash_at_any_call_in_sqlite() {
    survives_a_crash_at_every_call(Lab::in_file, false);
}
