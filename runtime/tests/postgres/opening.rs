//! Opening a store: what is created, what is refused.

use std::net::TcpListener;
use std::thread;

use ossa_runtime::adapter;
use ossa_runtime::port::StoreError;

use crate::fixture::{message, refused, sql};
use crate::sample::at;
use crate::server_or_return;

#[test]
fn a_server_that_is_away_is_named_by_host_and_port() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let dsn = format!("postgresql://ossa:hunter2@127.0.0.1:{port}/postgres");
    let error = adapter::open(&dsn).map(|_| ()).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.is_retryable());
    let words = error.to_string();
    assert!(words.contains(&format!("127.0.0.1:{port}: ")), "{words}");
    assert!(
        !words.contains("hunter2") && !words.contains("ossa:"),
        "{words}"
    );
}

#[test]
fn what_the_server_refuses_is_told_by_the_part_of_the_dsn() {
    let server = server_or_return!();
    let port = server.port;
    let open = |login: &str, database: &str| {
        refused(adapter::open(&format!(
            "postgresql://{login}@127.0.0.1:{port}/{database}"
        )))
    };
    for login in ["ossa:hunter2", "somebody:hunter2"] {
        let (part, reason) = open(login, "postgres");
        assert_eq!(part, "user");
        assert!(reason.contains(&format!("127.0.0.1:{port}")), "{reason}");
        assert!(
            !reason.contains("hunter2") && !reason.contains("somebody"),
            "{reason}"
        );
    }
    assert_eq!(open("ossa:ossa", "nowhere").0, "database");
}

#[test]
fn a_store_is_there_once_it_was_opened() {
    let server = server_or_return!();
    let dsn = format!("{}?schema=jobs", server.dsn);
    assert!(!adapter::exists(&dsn).unwrap());
    adapter::open(&dsn).unwrap();
    assert!(adapter::exists(&dsn).unwrap());
    assert!(
        !adapter::exists(&server.dsn).unwrap(),
        "another schema is another store"
    );
}

#[test]
fn of_several_that_open_a_new_store_at_once_all_can_use_it() {
    let server = server_or_return!();
    thread::scope(|scope| {
        for number in 0..6 {
            let dsn = &server.dsn;
            scope.spawn(move || {
                let store = adapter::open(dsn).unwrap();
                store
                    .publish(&[message(&number.to_string())], at(0))
                    .unwrap();
            });
        }
    });
    let store = adapter::open(&server.dsn).unwrap();
    assert_eq!(store.count("q", at(0)).unwrap().ready, 6);
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let server = server_or_return!();
    drop(adapter::open(&server.dsn).unwrap());
    let mut sql = sql(&server);
    sql.batch_execute(
        "UPDATE ossa.meta SET value = '99' WHERE name = 'schema_version'; DROP TABLE ossa.kv",
    )
    .unwrap();
    let error = adapter::open(&server.dsn).map(|_| ()).unwrap_err();
    assert_eq!(
        error,
        StoreError::TooNew {
            found: 99,
            known: 2
        }
    );
    let kv: Option<String> = sql
        .query_one("SELECT to_regclass('ossa.kv')::text", &[])
        .unwrap()
        .get(0);
    assert_eq!(kv, None, "nothing was created");
}

#[test]
fn a_schema_with_another_application_s_tables_is_refused_and_left_alone() {
    let server = server_or_return!();
    let mut sql = sql(&server);
    sql.batch_execute("CREATE SCHEMA ossa; CREATE TABLE ossa.meta (name text, value bytea)")
        .unwrap();
    assert_eq!(refused(adapter::open(&server.dsn)).0, "option schema");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'ossa'";
    assert_eq!(sql.query_one(tables, &[]).unwrap().get::<_, i64>(0), 1);
}

#[test]
fn a_role_that_owns_only_its_schema_can_use_it() {
    let server = server_or_return!();
    sql(&server)
        .batch_execute("CREATE ROLE app LOGIN PASSWORD 'p/w'; CREATE SCHEMA jobs AUTHORIZATION app")
        .unwrap();
    let dsn = format!(
        "postgres://app:p%2Fw@127.0.0.1:{}/postgres?schema=jobs",
        server.port
    );
    let store = adapter::open(&dsn).unwrap();
    store.publish(&[message("m")], at(0)).unwrap();
}

#[test]
fn settings_that_lose_data_are_found() {
    let found = |findings: Vec<ossa_runtime::port::Finding>| {
        findings.into_iter().map(|it| it.found).collect::<Vec<_>>()
    };
    let server = server_or_return!();
    let store = adapter::open(&server.dsn).unwrap();
    assert_eq!(found(store.findings().unwrap()), [""; 0]);
    let careless = server_or_return!(
        "-c",
        "fsync=off",
        "-c",
        "synchronous_commit=off",
        "-c",
        "full_page_writes=off"
    );
    let store = adapter::open(&careless.dsn).unwrap();
    let expected = ["fsync", "full_page_writes", "synchronous_commit"];
    assert_eq!(
        found(store.findings().unwrap()),
        expected.map(|it| format!("PostgreSQL runs with `{it}` off"))
    );
}

#[test]
fn the_events_of_a_run_are_rows() {
    let server = server_or_return!();
    let store = adapter::open(&server.dsn).unwrap();
    let mut commit = crate::fixture::transition(
        ossa_runtime::port::RunId::from_uuid(uuid::Uuid::from_u128(7)),
        1,
    );
    commit.log.events = r#"[{"type":"run_started"},
        {"type":"step_dispatched","step":"pay","scope":0,"node":1,"attempt":1},
        {"type":"attempt_failed","step":"pay","scope":0,"node":1,"attempt":1,"error":{"code":"NO","message":"no"}}]"#
        .to_owned();
    store.commit(&[commit]).unwrap();
    let mut sql = sql(&server);
    let events = sql
        .query(
            "SELECT type FROM ossa.run_events ORDER BY version, number",
            &[],
        )
        .unwrap();
    let types: Vec<String> = events.iter().map(|row| row.get(0)).collect();
    assert_eq!(types, ["run_started", "step_dispatched", "attempt_failed"]);
    let attempts = sql
        .query(
            "SELECT step, status, error_code FROM ossa.step_attempts",
            &[],
        )
        .unwrap();
    let attempt: (String, String, String) =
        (attempts[0].get(0), attempts[0].get(1), attempts[0].get(2));
    assert_eq!(
        attempt,
        ("pay".to_owned(), "failed".to_owned(), "NO".to_owned())
    );
}
