//! Which files are opened, and what is said of those that are not.

use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ossa_runtime::adapter::{self, SqliteOptions, SqliteStore};
use ossa_runtime::port::{
    BrowsableQueue, Page, Queue, RunFilter, RunStatus, StepQueue, Store, StoreError, Stream,
};

use crate::fixture::Folder;
use crate::sample::{at, created, message, request, run_id};

fn error(folder: &Folder) -> StoreError {
    SqliteStore::open(SqliteOptions::new(folder.path())).unwrap_err()
}

#[test]
fn a_store_is_opened_by_its_dsn_and_keeps_what_was_written() {
    let folder = Folder::new();
    let dsn = format!(
        "sqlite://{}?synchronous=normal&busy_timeout=1s",
        folder.path().display()
    );
    let store = adapter::open(&dsn).unwrap();
    store.publish(&[message("q", "m")], at(0)).unwrap();
    store.commit(&[created(run_id(1))]).unwrap();
    let key = store.signing_key([3; 32]).unwrap();
    drop(store);
    let store = adapter::open(&dsn).unwrap();
    assert_eq!(store.list_messages("q", 9).unwrap().len(), 1);
    assert!(store.heads(&[run_id(1)]).unwrap()[0].is_some());
    assert_eq!(store.signing_key([4; 32]).unwrap(), key);
}

#[test]
fn a_path_to_memory_gives_a_store_in_memory() {
    for dsn in [
        "memory:",
        "memory://",
        "sqlite://:memory:",
        "sqlite:///:memory:",
    ] {
        let store = adapter::open(dsn).unwrap();
        store.publish(&[message("q", "m")], at(0)).unwrap();
        let other = adapter::open(dsn).unwrap();
        assert!(other.list_messages("q", 9).unwrap().is_empty());
    }
}

#[test]
fn missing_folders_are_created() {
    let folder = Folder::new();
    let path = folder.path().with_file_name("var").join("a b").join("x.db");
    SqliteStore::open(SqliteOptions::new(&path)).unwrap();
    assert!(path.is_file());
}

#[cfg(unix)]
#[test]
fn other_users_cannot_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let store = folder.open();
    store.publish(&[message("q", "m")], at(0)).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let path = folder.path().with_file_name(format!("ossa.db{suffix}"));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0, "{} is {mode:o}", path.display());
    }
}

#[test]
fn one_file_is_left_after_the_store_is_closed() {
    let folder = Folder::new();
    let store = folder.open();
    store.publish(&[message("q", "m")], at(0)).unwrap();
    drop(store);
    let files: Vec<_> = fs::read_dir(folder.path().parent().unwrap())
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(files, ["ossa.db"]);
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let folder = Folder::new();
    folder.open();
    folder
        .sql()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    assert_eq!(
        error(&folder),
        StoreError::TooNew {
            found: 99,
            known: 4
        }
    );
}

#[test]
fn a_store_of_an_older_version_is_brought_up_to_date_with_what_is_in_it() {
    let folder = Folder::new();
    folder.open().publish(&[message("q", "m")], at(0)).unwrap();
    let older = "DROP TABLE stream; DROP INDEX runs_by_workflow_status; PRAGMA user_version = 2";
    folder.sql().execute_batch(older).unwrap();
    let store = folder.open();
    assert_eq!(store.list_messages("q", 9).unwrap().len(), 1);
    let both = RunFilter {
        workflow: Some("demo".to_owned()),
        statuses: vec![RunStatus::Failed],
        ..RunFilter::default()
    };
    let first = Page {
        after: None,
        limit: 1,
    };
    assert_eq!(store.list_runs(&both, &first).unwrap().runs, []);
    assert_eq!(store.end_of_stream().unwrap(), 0);
}

#[test]
fn another_application_s_database_is_refused_and_left_alone() {
    let folder = Folder::new();
    folder
        .sql()
        .execute_batch("CREATE TABLE users (id)")
        .unwrap();
    let before = fs::read(folder.path()).unwrap();
    let StoreError::Dsn { part, .. } = error(&folder) else {
        panic!("it was opened")
    };
    assert_eq!(part, "path");
    assert_eq!(fs::read(folder.path()).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = Folder::new();
    let text = "this is a letter, and long enough to be read as a header. ".repeat(40);
    fs::write(folder.path(), &text).unwrap();
    assert!(matches!(error(&folder), StoreError::Corrupt { .. }));
    assert_eq!(fs::read_to_string(folder.path()).unwrap(), text);
}

#[test]
fn a_folder_in_place_of_the_file_is_refused_by_its_path() {
    let folder = Folder::new();
    fs::create_dir(folder.path()).unwrap();
    let StoreError::Dsn { part, reason } = error(&folder) else {
        panic!("it was opened")
    };
    assert_eq!(part, "path");
    assert!(reason.contains("ossa.db"), "{reason}");
}

#[test]
fn a_store_locked_for_longer_than_the_timeout_is_unavailable_and_then_works_again() {
    let folder = Folder::new();
    let store = SqliteStore::open(SqliteOptions {
        busy_timeout: Duration::from_millis(30),
        ..SqliteOptions::new(folder.path())
    })
    .unwrap();
    let other = folder.sql();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.publish(&[message("q", "m")], at(0)).unwrap_err();
    assert!(
        matches!(refused, StoreError::Unavailable { .. }),
        "{refused}"
    );
    assert!(refused.is_retryable());
    other.execute_batch("COMMIT").unwrap();
    store.publish(&[message("q", "m")], at(0)).unwrap();
    assert_eq!(store.list_messages("q", 9).unwrap().len(), 1);
}

#[test]
fn an_idle_consumer_does_not_need_the_write_lock() {
    let folder = Folder::new();
    let store = SqliteStore::open(SqliteOptions {
        busy_timeout: Duration::ZERO,
        ..SqliteOptions::new(folder.path())
    })
    .unwrap();
    let other = folder.sql();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let request = request("q", 9, at(0));
    assert_eq!(store.receive(&request).unwrap(), []);
    assert_eq!(store.relay(&request).unwrap(), []);
}

#[test]
fn a_call_waits_for_another_process_to_finish() {
    let folder = Folder::new();
    let store = folder.open();
    let other = folder.sql();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (locked, is_locked) = mpsc::channel();
    thread::scope(|scope| {
        let publish = scope.spawn(|| {
            locked.send(()).unwrap();
            store.publish(&[message("q", "m")], at(0))
        });
        is_locked.recv().unwrap();
        other.execute_batch("COMMIT").unwrap();
        publish.join().unwrap().unwrap();
    });
}
