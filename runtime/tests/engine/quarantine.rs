//! Runs that cannot be read any more are set aside, visibly and with the reason, and go on once they are mended.
#![cfg(feature = "sqlite")]

use std::time::Duration;

use ossa_runtime::engine::{Engine, OrderedBy};
use ossa_runtime::port::{Page, RunFilter, RunHead, RunId, RunStatus};
use rusqlite::Connection;
use serde_json::json;

use crate::lab::*;

const LEASE: Duration = Duration::from_secs(31);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn sql(lab: &Lab, statement: &str) {
    let dsn = lab.dsn().unwrap();
    let db = Connection::open(dsn.strip_prefix("sqlite://").unwrap()).unwrap();
    db.execute_batch(statement).unwrap();
}

/// Flips a bit of the checksum of the run's first log row: damages it, or mends it again.
fn flip(lab: &Lab, run: RunId) {
    sql(
        lab,
        &format!(
            "UPDATE run_log SET crc = (crc | 1) - (crc & 1)
             WHERE version = 1 AND run = (SELECT id FROM runs WHERE run_id = '{run}')"
        ),
    );
}

fn head(engine: &Engine, run: RunId) -> RunHead {
    let page = Page {
        after: None,
        limit: 99,
    };
    let heads = engine.runs(&RunFilter::default(), &page).unwrap().runs;
    heads.into_iter().find(|head| head.run == run).unwrap()
}

/// Has a worker that knows nothing of the runs work, for some minutes.
fn work_for_a_while(lab: &Lab) {
    let engine = lab.engine();
    for _ in 0..12 {
        for claim in engine.receive(&[QUEUE], 10).unwrap() {
            let output = json!({ "done": claim.job.step });
            engine.complete(&claim.token, output).ok();
        }
        engine.tick().unwrap();
        lab.pass(LEASE);
    }
}

/// A run becomes unreadable by `damage`, and readable by `mend`.
fn is_set_aside_and_goes_on(code: &str, damage: impl Fn(&Lab, RunId), mend: impl Fn(&Lab, RunId)) {
    let lab = Lab::in_file();
    let victim = start(&lab.engine(), &three_steps());
    let other = start(&lab.engine(), &workflow(&step("other")));
    damage(&lab, victim);
    work_for_a_while(&lab);
    let engine = lab.engine();
    let set_aside = head(&engine, victim);
    assert_eq!(set_aside.status, RunStatus::Quarantined);
    let reason = set_aside.error.unwrap();
    assert!(reason.starts_with(code), "{reason}");
    assert_eq!(head(&engine, other).status, RunStatus::Completed);
    lab.pass(DAY);
    assert!(try_take(&engine).is_none(), "its step is out of sight");

    mend(&lab, victim);
    let engine = lab.engine();
    engine.release(victim, OrderedBy::new("ada")).unwrap();
    assert_eq!(head(&engine, victim).error, None);
    assert_eq!(work_off(&engine), ["first", "second", "third"]);
    assert_eq!(status(&engine, victim), RunStatus::Completed);
}

#[test]
fn a_damaged_run_is_set_aside_and_goes_on_once_it_is_mended() {
    is_set_aside_and_goes_on("OSSA-S005", flip, flip);
}

#[test]
fn a_run_whose_plan_cannot_be_read_is_set_aside_and_goes_on_once_it_can() {
    is_set_aside_and_goes_on(
        "OSSA-N006",
        |lab, run| {
            sql(
                lab,
                &format!(
                    "UPDATE plans SET plan = '~' || plan WHERE hash = (SELECT plan FROM runs WHERE run_id = '{run}')"
                ),
            );
        },
        |lab, _| {
            sql(
                lab,
                "UPDATE plans SET plan = substr(plan, 2) WHERE plan LIKE '~%'",
            )
        },
    );
}

#[test]
fn a_damaged_run_that_only_waits_for_its_deadline_is_set_aside() {
    let lab = Lab::in_file();
    let plan = plan(&format!(
        "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: demo}}\nspec:\n  timeout_seconds: 60\n  steps:\n{}",
        step("first")
    ));
    let id = start(&lab.engine(), &plan);
    flip(&lab, id);
    lab.pass(Duration::from_secs(60));
    let engine = lab.engine();
    for _ in 0..3 {
        assert_eq!(head(&engine, id).status, RunStatus::Running);
        engine.tick().unwrap();
        lab.pass(LEASE);
    }
    assert_eq!(head(&engine, id).status, RunStatus::Quarantined);
}
