#![allow(clippy::unwrap_used, clippy::panic)]
//! What needs a look inside: a full disk, a panic in a transaction, and that nothing is found by reading everything.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::adapter::part::{Age, parts};
use crate::port::{
    BrowsableQueue, NewMessage, Priority, Queue, QueueCounts, RunFilter, RunId, RunStatus,
    Timestamp,
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
    for choice in 0..1024_u16 {
        let chosen = |bit: u16| choice & (1 << bit) != 0;
        let labels = [("team", "blue"), ("tier", "gold")].into_iter().zip(6..);
        let filter = RunFilter {
            statuses: chosen(4).then_some(RunStatus::Failed).into_iter().collect(),
            workflow: chosen(0).then(|| "w".to_owned()),
            correlation_id: chosen(1).then(|| "c".to_owned()),
            labels: labels
                .filter(|(_, bit)| chosen(*bit))
                .map(|((name, value), _)| (name.to_owned(), value.to_owned()))
                .collect(),
            created_from: chosen(2).then_some(NOW),
            created_before: chosen(3).then_some(NOW),
            updated_from: chosen(8).then_some(NOW),
            updated_before: chosen(9).then_some(NOW),
        };
        let after = chosen(5).then(|| (NOW, RunId::from_uuid(uuid::Uuid::nil())));
        for part in parts(&filter) {
            let (sql, _) = listing::statement(&filter, part, after);
            let plan = plan(&store, &sql);
            let found = plan.split("; ").filter(|step| !step.contains("SUBQUERY"));
            let searched = found.clone().all(|step| {
                step.starts_with("SEARCH")
                    || step.contains("runs_by_creation")
                    || step.contains("TEMP B-TREE")
            });
            assert!(searched, "{sql}: {plan}");
            // Those that ended before and changed since are few, whatever else there is.
            let sorted = plan.contains("TEMP B-TREE");
            assert_eq!(sorted, part.age == Age::Ended, "{sql}: {plan}");
            let narrow =
                chosen(0) || chosen(1) || part.status.is_some() || !filter.labels.is_empty();
            assert!(!(narrow && plan.contains("by_creation")), "{sql}: {plan}");
            if part.age != Age::Ended && filter.labels.is_empty() && !chosen(1) {
                let both = chosen(0) && part.status.is_some();
                assert_eq!(
                    both,
                    plan.contains("(workflow=? AND status=?"),
                    "{sql}: {plan}"
                );
            }
        }
    }
}

#[test]
fn runs_that_are_no_longer_kept_are_the_first_of_an_index() {
    let (store, _folder) = open();
    for sql in [runs::TOO_MANY, runs::EXPIRED] {
        let plan = plan(&store, sql);
        assert!(plan.starts_with("SEARCH runs USING"), "{plan}");
        assert!(plan.contains("INDEX runs_by_outcome (status=?"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
