//! A power cut leaves the log torn anywhere behind its last sync: what is read afterwards is a state that was committed.

use std::fs;
use std::path::{Path, PathBuf};

use ossa_runtime::adapter::{Durability, SqliteOptions, SqliteStore};
use ossa_runtime::port::{BrowsableQueue, CommitOutcome, Store, Version};

use crate::fixture::{Folder, integrity, open};
use crate::sample::{advanced, created, run_id};

const RUNS: u128 = 3;

/// A store with a few runs, every transition of which is still in the write-ahead log.
fn busy_store(folder: &Folder) -> SqliteStore {
    let store = SqliteStore::open(SqliteOptions {
        durability: Durability::Process,
        ..SqliteOptions::new(folder.path())
    })
    .unwrap();
    let mut commits: Vec<_> = (0..RUNS).map(|number| created(run_id(number))).collect();
    for _ in 0..15 {
        let outcomes = store.commit(&commits).unwrap();
        assert!(outcomes.iter().all(|it| *it == CommitOutcome::Committed));
        commits = commits.iter().map(advanced).collect();
    }
    store
}

fn log_of(path: &Path) -> PathBuf {
    path.with_file_name("ossa.db-wal")
}

/// Opens copies of the files as they are now, with the log changed.
fn after_a_cut(folder: &Folder, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u64> {
    let copy = Folder::new();
    let mut log = fs::read(log_of(&folder.path())).unwrap();
    change(&mut log);
    fs::copy(folder.path(), copy.path()).unwrap();
    fs::write(log_of(&copy.path()), log).unwrap();

    let store = open(&copy.path());
    assert_eq!(integrity(&copy.path()), "ok");
    let versions: Vec<_> = (0..RUNS)
        .map(|number| {
            let run = run_id(number);
            let Some(stored) = store.load(&[run]).unwrap().remove(0) else {
                return 0;
            };
            let log = store.history(&run, Version(0), usize::MAX).unwrap();
            assert_eq!(log.len() as u64, stored.head.version.0);
            stored.head.version.0
        })
        .collect();
    let items: Vec<_> = store
        .list_messages("steps", usize::MAX)
        .unwrap()
        .iter()
        .map(|it| u64::from(it.step.unwrap().step.attempt))
        .collect();
    let expected: Vec<_> = versions.iter().copied().filter(|it| *it > 0).collect();
    assert_eq!(items, expected, "items and heads are of different moments");
    // The three runs advance in one transaction.
    assert!(versions.iter().all(|it| *it == versions[0]), "{versions:?}");
    versions
}

#[test]
fn a_log_cut_anywhere_gives_a_committed_state() {
    let folder = Folder::new();
    let _store = busy_store(&folder);
    let whole = fs::metadata(log_of(&folder.path())).unwrap().len();
    let mut seen = Vec::new();
    for part in 0..=24 {
        let length = usize::try_from(whole * part / 24).unwrap();
        // Not at the border of a page.
        let length = length.saturating_sub(usize::try_from(part % 4).unwrap() * 777);
        seen.push(after_a_cut(&folder, |log| log.truncate(length))[0]);
    }
    assert!(seen.is_sorted(), "a longer log has more: {seen:?}");
    assert_eq!(seen.last(), Some(&15));
    assert!(seen.iter().any(|it| *it > 0 && *it < 15), "{seen:?}");
}

#[test]
fn a_log_with_a_flipped_bit_ends_before_it() {
    let folder = Folder::new();
    let _store = busy_store(&folder);
    let whole = fs::metadata(log_of(&folder.path())).unwrap().len();
    for part in 1..12 {
        let place = usize::try_from(whole * part / 12).unwrap();
        let versions = after_a_cut(&folder, |log| log[place] ^= 0x10);
        assert!(versions[0] < 15);
    }
}
