#![allow(clippy::unwrap_used, clippy::panic)]
//! What needs a look inside: a full disk, a panic in a transaction, and that nothing is found by reading everything.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::port::{
    NewMessage, Priority, Queue, QueueCounts, RunFilter, RunId, RunStatus, Timestamp,
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn open() -> (SqliteStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(folder.path().join("ossa.db"));
    (SqliteStore::open(options).unwrap(), folder)
}

fn message(size: usize) -> NewMessage {
    NewMessage {
        queue: "q".to_owned(),
        priority: Priority::Normal,
        available_at: NOW,
        body: vec![b'b'; size],
        headers: Vec::new(),
        step: None,
    }
}

/// Bounds the file as a full disk would, or lifts the bound.
fn bound(store: &SqliteStore, pages: i64) {
    let bounded = store.writer.quickly("bound the file", |db| {
        db.pragma_update(None, "max_page_count", pages)?;
        Ok(())
    });
    bounded.unwrap();
}

#[test]
fn on_a_full_disk_nothing_is_written_until_there_is_space_again() {
    let (store, _folder) = open();
    store.publish(&[message(10)], NOW).unwrap();
    bound(&store, 1);
    let refused = store.publish(&[message(10), message(100_000)], NOW);
    let refused = refused.unwrap_err();
    assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
    assert!(refused.is_retryable());
    assert_eq!(store.list_messages("q", 9).unwrap().len(), 1);
    bound(&store, 100_000);
    store
        .publish(&[message(10), message(100_000)], NOW)
        .unwrap();
    assert_eq!(store.list_messages("q", 9).unwrap().len(), 3);
}

#[test]
fn a_panic_in_a_transaction_undoes_it_and_the_store_goes_on() {
    let (store, _folder) = open();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        store.writer.durably("publish", |db| {
            messages::insert_message(db, &message(1), NOW)?;
            if db.changes() > 0 {
                panic!("half way");
            }
            Ok(())
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(store.count("q", NOW).unwrap(), QueueCounts::default());
    store.publish(&[message(1)], NOW).unwrap();
    assert_eq!(store.list_messages("q", 9).unwrap().len(), 1);
}

/// How SQLite goes about the statement.
fn plan(store: &SqliteStore, sql: &str) -> String {
    let plan = store.readers.read("explain", |db| {
        let mut select = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let mut rows = select.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next()? {
            steps.push(row.get::<_, String>(3)?);
        }
        Ok(steps.join("; "))
    });
    plan.unwrap()
}

#[test]
fn messages_are_claimed_in_the_order_of_an_index() {
    let (store, _folder) = open();
    for sql in [messages::ANY, messages::STEPS] {
        assert_eq!(
            plan(&store, sql),
            "SEARCH messages USING INDEX messages_by_turn (queue=? AND priority=? AND visible_at<?)"
        );
    }
}

#[test]
fn runs_are_listed_in_the_order_of_an_index_whatever_the_filter() {
    let (store, _folder) = open();
    for choice in 0..64_u8 {
        let chosen = |bit: u8| choice & (1 << bit) != 0;
        let filter = RunFilter {
            statuses: Vec::new(),
            workflow: chosen(0).then(|| "w".to_owned()),
            correlation_id: chosen(1).then(|| "c".to_owned()),
            created_from: chosen(2).then_some(NOW),
            created_before: chosen(3).then_some(NOW),
        };
        let status = chosen(4).then_some(RunStatus::Failed);
        let after = chosen(5).then(|| (NOW, RunId::from_uuid(uuid::Uuid::nil())));
        let (sql, _) = listing::statement(&filter, status, after);
        let plan = plan(&store, &sql);
        assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        assert!(plan.contains("USING INDEX runs_by_"), "{sql}: {plan}");
        let narrow = chosen(0) || chosen(1) || chosen(4);
        assert!(!(narrow && plan.contains("by_creation")), "{sql}: {plan}");
    }
}
