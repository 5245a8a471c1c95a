//! The store within transactions of the application.

use ossa_runtime::adapter::{SqlConnection as _, SqlOptions};
use ossa_runtime::port::{KeyValue as _, KvWrite, Store as _, StoreError, Timestamp};
use serde_json::json;

use crate::connections::Database;

const NOW: Timestamp = Timestamp::from_millis(1_763_700_000_000);

fn write(key: &str) -> KvWrite {
    KvWrite {
        namespace: "ns".to_owned(),
        key: key.to_owned(),
        value: Some(json!(1)),
        expires_at: None,
        expected: None,
    }
}

#[test]
fn what_is_written_in_a_transaction_of_the_application_goes_with_it() {
    let database = Database::new();
    let store = database.store();
    let application = database.connections();
    assert!(!store.is_provisional());

    application.say("BEGIN");
    assert!(store.is_provisional());
    store.kv_write(&write("undone"), NOW).unwrap();
    assert!(store.kv_get("ns", "undone", NOW).unwrap().is_some());
    application.say("ROLLBACK");
    assert_eq!(store.kv_get("ns", "undone", NOW).unwrap(), None);

    application.say("BEGIN");
    store.kv_write(&write("kept"), NOW).unwrap();
    application.say("COMMIT");
    assert!(store.kv_get("ns", "kept", NOW).unwrap().is_some());
}

#[test]
fn a_transaction_of_the_store_that_loses_is_tried_again() {
    let database = Database::new();
    let store = database.store();
    database.lose_the_next_commit();
    store.kv_write(&write("k"), NOW).unwrap();
    assert!(store.kv_get("ns", "k", NOW).unwrap().is_some());
    assert!(!store.is_provisional());
}

#[test]
fn tables_are_not_created_within_a_transaction_of_the_application() {
    let database = Database::new();
    database.connections().say("BEGIN");
    let refused = database.open(SqlOptions::default()).unwrap_err();
    assert!(matches!(refused, StoreError::Failed { .. }), "{refused}");
    assert!(refused.to_string().contains("ossa:store:setup"));
    database.connections().say("ROLLBACK");
    assert!(database.open(SqlOptions::default()).is_ok());
}

#[test]
fn missing_tables_are_named_where_they_may_not_be_created() {
    let database = Database::new();
    let options = SqlOptions {
        auto_setup: false,
        ..SqlOptions::default()
    };
    let refused = database.open(options.clone()).unwrap_err();
    assert!(refused.to_string().contains("ossa:store:setup"));
    database.store();
    assert!(database.open(options).is_ok());
}

#[test]
fn stores_with_other_prefixes_are_apart() {
    let database = Database::new();
    let one = database.store();
    let prefix = "shop_2_".to_owned();
    let options = SqlOptions {
        prefix,
        ..SqlOptions::default()
    };
    let two = database.open(options).unwrap();
    one.kv_write(&write("k"), NOW).unwrap();
    assert_eq!(two.kv_get("ns", "k", NOW).unwrap(), None);
}

#[test]
fn a_prefix_that_is_no_name_is_refused() {
    for prefix in [
        "",
        "1a",
        "a-b",
        "Ossa_",
        "a; DROP TABLE runs",
        &"a".repeat(31),
    ] {
        let options = SqlOptions {
            prefix: prefix.to_owned(),
            ..SqlOptions::default()
        };
        let refused = Database::new().open(options).unwrap_err();
        assert!(matches!(&refused, StoreError::Dsn { part, .. } if part == "option prefix"));
    }
}

#[test]
fn tables_of_a_newer_build_are_refused() {
    let database = Database::new();
    database.store();
    database
        .connections()
        .execute(
            "UPDATE ossa_meta SET value = '9' WHERE name = 'schema_version'",
            &[],
        )
        .unwrap();
    let refused = database.open(SqlOptions::default()).unwrap_err();
    assert_eq!(refused, StoreError::TooNew { found: 9, known: 2 });
}
