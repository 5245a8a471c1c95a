//! What other programs may read with SQL.

use ossa_runtime::port::{RunStatus, Store};

use crate::fixture::Folder;
use crate::sample::{advanced, at, created, run_id};

const DISPATCHED: &str = r#"{"type":"step_dispatched","step":"mail","scope":0,"node":4,"attempt":"#;

fn folder_with_a_run() -> Folder {
    let folder = Folder::new();
    let store = folder.open();
    let mut one = created(run_id(7));
    one.log.events = format!(r#"[{{"type":"run_started"}},{DISPATCHED}1}}]"#);
    let mut two = advanced(&one);
    two.log.at = at(20);
    two.log.events = format!(
        r#"[{{"type":"attempt_failed","step":"mail","scope":0,"node":4,"attempt":1,
            "error":{{"code":"TIMEOUT","message":"too slow"}}}},{DISPATCHED}2}}]"#
    );
    let mut three = advanced(&two);
    three.log.at = at(30);
    three.log.events =
        r#"[{"type":"step_completed","step":"mail","scope":0,"node":4,"attempt":2,"output":{"id":1}}]"#
            .to_owned();
    let mut running = created(run_id(8));
    running.log.events = format!("[{DISPATCHED}3}}]");
    let mut ended = created(run_id(9));
    ended.head.status = RunStatus::Canceled;
    ended.log.events = format!("[{DISPATCHED}4}}]");
    store.commit(&[one, two, three, running, ended]).unwrap();
    folder
}

#[test]
fn the_events_of_a_run_are_rows() {
    let folder = folder_with_a_run();
    let sql = folder.sql();
    let mut select = sql
        .prepare(
            "SELECT version, number, type, step, attempt, at FROM run_events WHERE run_id = ?1
             ORDER BY version, number",
        )
        .unwrap();
    let rows: Vec<_> = select
        .query_map([run_id(7).to_string()], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, Option<String>>(3)?,
                row.get::<_, Option<i64>>(4)?,
                row.get::<_, i64>(5)?,
            ))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mail = || Some("mail".to_owned());
    let row = |version, number, kind: &str, step, attempt, millis| {
        let at = at(millis).as_millis();
        (version, number, kind.to_owned(), step, attempt, at)
    };
    assert_eq!(
        rows,
        [
            row(1, 0, "run_started", None, None, 0),
            row(1, 1, "step_dispatched", mail(), Some(1), 0),
            row(2, 0, "attempt_failed", mail(), Some(1), 20),
            row(2, 1, "step_dispatched", mail(), Some(2), 20),
            row(3, 0, "step_completed", mail(), Some(2), 30),
        ]
    );
}

#[test]
fn the_attempts_of_a_step_are_rows() {
    let folder = folder_with_a_run();
    let sql = folder.sql();
    let mut select = sql
        .prepare(
            "SELECT run_id, step, attempt, status, dispatched_at, ended_at, error_code, error_message
             FROM step_attempts ORDER BY attempt",
        )
        .unwrap();
    let rows: Vec<_> = select
        .query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, i64>(4)? - at(0).as_millis(),
                row.get::<_, Option<i64>>(5)?
                    .map(|millis| millis - at(0).as_millis()),
                row.get::<_, Option<String>>(6)?,
                row.get::<_, Option<String>>(7)?,
            ))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let row = |run, attempt, status: &str, from, to, error: Option<(&str, &str)>| {
        let code = error.map(|it| it.0.to_owned());
        let message = error.map(|it| it.1.to_owned());
        let (run, step) = (run_id(run).to_string(), "mail".to_owned());
        (
            run,
            step,
            attempt,
            status.to_owned(),
            from,
            to,
            code,
            message,
        )
    };
    let too_slow = Some(("TIMEOUT", "too slow"));
    assert_eq!(
        rows,
        [
            row(7, 1, "failed", 0, Some(20), too_slow),
            row(7, 2, "completed", 20, Some(30), None),
            row(8, 3, "dispatched", 0, None, None),
            row(9, 4, "canceled", 0, None, None),
        ]
    );
}

#[test]
fn the_events_of_one_run_are_found_without_reading_the_others() {
    let folder = folder_with_a_run();
    let sql = folder.sql();
    for view in ["run_events", "step_attempts"] {
        let mut plan = sql
            .prepare(&format!(
                "EXPLAIN QUERY PLAN SELECT * FROM {view} WHERE rid = x'00'"
            ))
            .unwrap();
        let steps: Vec<String> = plan
            .query_map([], |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let scans: Vec<_> = steps
            .iter()
            .filter(|it| it.starts_with("SCAN run"))
            .collect();
        assert!(scans.is_empty(), "{view}: {steps:?}");
    }
}
