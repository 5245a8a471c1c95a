//! What size does not change, counted in rows, bytes and calls. `benches/scale` has the times.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ossa_runtime::engine::{Engine, OrderedBy, StartRequest};
use ossa_runtime::port::RunStatus;
use serde_json::{Value, json};

use crate::faulty::{Faulty, Mode};
use crate::lab::*;
use crate::stories;

/// Rows that bring a run back: its snapshot and the log rows after it.
const RECOVERY: usize = 17;

/// A loop over pages, and in each a loop over what is on the page.
const PAGES: &str = "    - id: pages
      kind: Loop
      loop: {over: '${{ input.pages }}', as: page}
      steps:
        - id: list
          kind: Task
          inline: {execution: {type: idempotent, entrypoint: list}}
          input: {page: '${{ page }}'}
        - id: items
          kind: Loop
          loop: {over: '${{ steps.list.output.ids }}', as: id}
          steps:
            - id: work
              kind: Task
              inline: {execution: {type: idempotent, entrypoint: work}}
              input: {page: '${{ page }}', id: '${{ id }}'}
";

/// A loop over one list.
const ITEMS: &str = "    - id: all
      kind: Loop
      loop: {over: '${{ input.items }}', as: id}
      steps:
        - id: work
          kind: Task
          inline: {execution: {type: idempotent, entrypoint: work}}
          input: {id: '${{ id }}', shop: '${{ input.shop }}'}
";

stories! {
    fn a_long_loop_is_brought_back_from_as_much_at_its_end_as_at_its_beginning(lab) {
        let pages: Vec<_> = (100..130).collect();
        let engine = lab.engine();
        let backend = lab.backend();
        let id = start_with(&engine, &workflow(PAGES), json!({ "pages": pages }));
        let ids: Vec<_> = (100..120).collect();
        let mut snapshots = Vec::new();
        while let Some(claim) = try_take(&engine) {
            let output = if claim.job.step == "list" { json!({ "ids": ids }) } else { json!({}) };
            engine.complete(&claim.token, output).unwrap();
            let stored = backend.load(&[id]).unwrap().remove(0).unwrap();
            let rows = stored.tail.len() + usize::from(stored.snapshot.is_some());
            assert!(rows <= RECOVERY, "{rows} rows");
            snapshots.extend(stored.snapshot.map(|snapshot| snapshot.state.len()));
        }
        assert_eq!(status(&engine, id), RunStatus::Completed);
        assert!(snapshots.len() > 600);
        let (early, late) = snapshots.split_at(snapshots.len() / 4);
        let (early, late) = (early.iter().max().unwrap(), late.iter().max().unwrap());
        // Numbers of scopes and iterations get a digit more.
        assert!(*late <= early + 20, "{early} bytes at the beginning, {late} later");
    }

    fn a_loop_over_one_long_list_is_brought_back_from_a_small_snapshot_and_the_row_that_has_the_list(lab) {
        let engine = lab.engine();
        let backend = lab.backend();
        let items: Vec<_> = (10_000..30_000).collect();
        let id = start_with(&engine, &workflow(ITEMS), json!({ "items": items, "shop": "blue" }));
        for item in &items[..100] {
            let fresh = lab.engine();
            let claim = take(&fresh);
            assert_eq!(claim.job.input, json!({"id": item, "shop": "blue"}));
            fresh.complete(&claim.token, json!({})).unwrap();
            let stored = backend.load(&[id]).unwrap().remove(0).unwrap();
            let snapshot = stored.snapshot.unwrap().state;
            let whole: Value = serde_json::from_str(&snapshot).unwrap();
            let elsewhere = whole["elsewhere"].as_array().unwrap().iter();
            let referred: BTreeSet<_> = elsewhere.map(|it| it["version"].as_u64()).collect();
            let rows = 1 + stored.tail.len() + referred.len();
            assert!(rows <= RECOVERY, "{rows} rows");
            assert!(snapshot.len() < 3000, "{} bytes", snapshot.len());
        }
    }

    fn a_late_step_is_as_many_calls_of_the_store_and_as_much_log_as_an_early_one(lab) {
        let steps: String = (100..300).map(|number| step(&format!("s{number}"))).collect();
        let backend = Faulty::new(lab.backend(), Mode::Works, 0);
        let engine = Engine::over(Arc::clone(&backend) as _, lab.options()).unwrap();
        let id = start(&engine, &workflow(&steps));
        let mut calls = Vec::new();
        for number in 100..299 {
            let before = backend.calls();
            assert_eq!(complete(&engine, &format!("s{number}")).result, HANDLED);
            calls.push(backend.calls() - before);
        }
        // Once a second the engine looks who takes messages, which is one call more.
        let least = |calls: &[u64]| calls.iter().min().copied().unwrap();
        let (early, late) = calls.split_at(calls.len() / 2);
        assert_eq!(least(early), least(late), "{calls:?}");
        assert!(calls.iter().all(|it| *it <= least(early) + 1), "{calls:?}");
        let rows = engine_rows(lab, id);
        let bytes: Vec<_> = rows.iter().skip(1).map(String::len).collect();
        let (early, late) = (bytes[10], bytes[190]);
        // Versions and numbers of nodes get a digit more.
        assert!(late <= early + 20, "{early} bytes at the beginning, {late} later");
    }

    fn runs_that_wait_for_a_year_are_not_read_until_then(lab) {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        let first = lab.engine();
        let plan = plan(&format!(
            "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: demo}}\nspec:\n  timeout_seconds: {}\n  steps:\n{}",
            YEAR.as_secs(),
            step("only")
        ));
        let requests = (0..50).map(|_| StartRequest::of_plan(Arc::clone(&plan), json!({})));
        let ids: Vec<_> = first
            .start_many(requests.collect())
            .into_iter()
            .map(|started| started.unwrap().run)
            .collect();
        for id in &ids {
            first.pause(*id, OrderedBy::new("ada")).unwrap();
        }
        drop(first);
        let loads = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&loads);
        let backend = Faulty::with(lab.backend(), move |name, _| {
            if name == "load" {
                counter.fetch_add(1, Ordering::SeqCst);
            }
            Mode::Works
        });
        let engine = Engine::over(backend as _, lab.options()).unwrap();
        for _ in 0..11 {
            engine.tick().unwrap();
            assert_eq!(try_take(&engine), None);
            lab.pass(YEAR / 12);
        }
        assert_eq!(loads.load(Ordering::SeqCst), 0);
        lab.pass(YEAR / 12);
        engine.tick().unwrap();
        assert!(loads.load(Ordering::SeqCst) > 0);
        for id in ids {
            assert_eq!(status(&engine, id), RunStatus::Failed);
        }
    }
}

#[test]
fn four_times_the_steps_are_four_times_the_plan() {
    let bytes = |steps: usize| {
        let text: String = (0..steps)
            .map(|number| step(&format!("s{}", 10_000 + number)))
            .collect();
        let plan: Value = serde_json::from_str(&workflow(&text).to_json()).unwrap();
        plan.to_string().len()
    };
    let (some, more) = (bytes(100), bytes(400));
    assert!(
        more <= some * 5,
        "{some} bytes for 100 steps, {more} for 400"
    );
}
