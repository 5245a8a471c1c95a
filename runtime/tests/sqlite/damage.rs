//! Damaged data is noticed when it is read, named, and harms nothing else.

use std::fs;

use ossa_runtime::port::{BrowsableQueue, Queue, Store, StoreError, Version};

use crate::fixture::Folder;
use crate::sample::{advanced, created, message, run_id};

fn flip_in_file(folder: &Folder, needle: &str) {
    let mut file = fs::read(folder.path()).unwrap();
    let place = file
        .windows(needle.len())
        .position(|it| it == needle.as_bytes())
        .unwrap();
    file[place] ^= 0x01;
    fs::write(folder.path(), file).unwrap();
}

fn two_runs(folder: &Folder) {
    let store = folder.open();
    for number in [1, 2] {
        let one = created(run_id(number));
        let mut two = advanced(&one);
        two.snapshot = Some(ossa_runtime::port::Snapshot {
            version: Version(2),
            state: format!(r#"{{"state of":"run {number}"}}"#),
        });
        let mut three = advanced(&two);
        three.log.events = format!(r#"["transition 3 of run {number}"]"#);
        store.commit(&[one, two, three]).unwrap();
    }
}

fn corrupt<T>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Corrupt { what, .. }) => what,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the damage was not noticed"),
    }
}

#[test]
fn a_flipped_bit_in_a_log_row_is_noticed_by_run_and_row() {
    let folder = Folder::new();
    two_runs(&folder);
    flip_in_file(&folder, "transition 3 of run 1");
    let store = folder.open();
    let expected = format!("log row 3 of run {}", run_id(1));
    assert_eq!(corrupt(store.load(&[run_id(1)])), expected);
    assert_eq!(corrupt(store.history(&run_id(1), Version(0), 9)), expected);
    assert_eq!(
        store.history(&run_id(1), Version(0), 2).unwrap().len(),
        2,
        "what is before it can be read"
    );
    assert!(store.load(&[run_id(2)]).unwrap()[0].is_some());
    assert!(store.heads(&[run_id(1)]).unwrap()[0].is_some());
}

#[test]
fn a_flipped_bit_in_a_snapshot_is_noticed_by_run() {
    let folder = Folder::new();
    two_runs(&folder);
    flip_in_file(&folder, r#"{"state of":"run 2"}"#);
    let store = folder.open();
    assert_eq!(
        corrupt(store.load(&[run_id(2)])),
        format!("the snapshot of run {}", run_id(2))
    );
    assert!(store.load(&[run_id(1)]).unwrap()[0].is_some());
}

#[test]
fn a_missing_log_row_is_noticed() {
    for version in [2, 3] {
        let folder = Folder::new();
        two_runs(&folder);
        let sql = folder.sql();
        sql.execute("DELETE FROM snapshots", []).unwrap();
        sql.execute("DELETE FROM run_log WHERE version = ?1", [version])
            .unwrap();
        let store = folder.open();
        assert_eq!(
            corrupt(store.load(&[run_id(1)])),
            format!("log row {version} of run {}", run_id(1))
        );
    }
}

#[test]
fn a_row_moved_to_another_run_is_noticed() {
    let folder = Folder::new();
    two_runs(&folder);
    folder
        .sql()
        .execute_batch(
            "CREATE TEMP TABLE other AS SELECT * FROM run_log WHERE run = 1 AND version = 3;
             DELETE FROM run_log WHERE run = 1 AND version = 3;
             UPDATE run_log SET run = 1 WHERE run = 2 AND version = 3;",
        )
        .unwrap();
    assert_eq!(
        corrupt(folder.open().load(&[run_id(1)])),
        format!("log row 3 of run {}", run_id(1))
    );
}

#[test]
fn a_value_that_means_nothing_is_damage_and_no_panic() {
    let folder = Folder::new();
    two_runs(&folder);
    let store = folder.open();
    store
        .publish(&[message("q", "m")], crate::sample::at(0))
        .unwrap();
    let sql = folder.sql();
    sql.execute("UPDATE runs SET status = 'dreaming' WHERE id = 1", [])
        .unwrap();
    sql.execute("UPDATE messages SET priority = 9", []).unwrap();
    assert_eq!(
        corrupt(store.heads(&[run_id(1)])),
        format!("run {}", run_id(1))
    );
    corrupt(store.list_messages("q", 9));
    assert!(store.heads(&[run_id(2)]).unwrap()[0].is_some());
}
