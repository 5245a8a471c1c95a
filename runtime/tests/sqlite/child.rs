//! Other processes: this test program again, told to do one thing.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ossa_runtime::adapter::{SqliteOptions, SqliteStore};
use ossa_runtime::port::{CommitOutcome, KeyValue, KvWrite, PlanHash, Queue, Store, StoreError};

use crate::fixture::open;
use crate::sample::{advanced, at, created, message, request, run_id};

const ROLE: &str = "OSSA_TEST_CHILD";
const FILE: &str = "OSSA_TEST_CHILD_FILE";
const SEED: &str = "OSSA_TEST_CHILD_SEED";

/// What a child does until it is killed, or once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Publishes and commits, and tells of each once it is done.
    Produce,
    /// Receives and acks, and tells of each ack before and after.
    Consume,
    /// Publishes one message.
    PublishOne,
    /// Does something of each kind once, and tells of each refusal and of what was accepted in the end.
    WorkOnce,
}

/// The command line that starts a child, to be run as it is or under another program.
pub(crate) fn command(role: Role, file: &Path, seed: u64, wrapper: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap();
    let arguments = [
        "--exact",
        "child::the_work_of_a_child",
        "--ignored",
        "--nocapture",
    ];
    let mut command = match wrapper.split_first() {
        None => Command::new(program),
        Some((wrapper, options)) => {
            let mut command = Command::new(wrapper);
            command.args(options).arg(program);
            command
        }
    };
    command
        .args(arguments)
        .env(ROLE, format!("{role:?}"))
        .env(FILE, file)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

#[test]
#[ignore = "what other tests start as a process of its own"]
fn the_work_of_a_child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let file = std::env::var_os(FILE).unwrap();
    let seed: u64 = std::env::var(SEED).unwrap().parse().unwrap();
    let file = Path::new(&file);
    if role == "WorkOnce" {
        return work_once(file);
    }
    let store = open(file);
    match role.as_str() {
        "Produce" => produce(&store, seed),
        "Consume" => consume(&store),
        "PublishOne" => {
            store.publish(&[message("q", "m")], at(0)).unwrap();
        }
        other => panic!("no role is called {other}"),
    }
}

fn tell(what: &str) {
    let mut out = std::io::stdout().lock();
    // A line at a time; the reader ignores a torn last one.
    out.write_all(format!("\n> {what}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn produce(store: &SqliteStore, seed: u64) {
    let mut runs: Vec<_> = (0..4)
        .map(|number| created(run_id(u128::from(seed) << 64 | number)))
        .collect();
    for turn in 0.. {
        let messages = vec![message("q", "m"); 1 + turn % 3];
        for id in store.publish(&messages, at(0)).unwrap() {
            tell(&format!("published {id}"));
        }
        let outcomes = store.commit(&runs).unwrap();
        assert_eq!(outcomes, vec![CommitOutcome::Committed; runs.len()]);
        for commit in &mut runs {
            tell(&format!(
                "committed {} {}",
                commit.head.run, commit.head.version
            ));
            *commit = advanced(commit);
        }
    }
}

fn consume(store: &SqliteStore) {
    let mut seen = 0;
    loop {
        let claimed = store.receive(&request("q", 5, at(0))).unwrap();
        let receipts: Vec<_> = claimed.into_iter().map(|it| it.receipt).collect();
        for receipt in &receipts {
            tell(&format!("acking {}", receipt.id));
        }
        let acked = store.ack(&receipts).unwrap();
        for (receipt, acked) in receipts.iter().zip(acked) {
            assert!(acked);
            tell(&format!("acked {}", receipt.id));
        }
        if receipts.is_empty() {
            seen = store
                .wait_for_change(seen, Duration::from_millis(100))
                .unwrap();
        }
    }
}

/// A reference workload: every kind of durable write, enough data for the log to be copied in the background, and the
/// copying at the end.
fn work_once(file: &Path) {
    let store = insist(|| SqliteStore::open(SqliteOptions::new(file)));
    insist(|| store.save_plan(&PlanHash("ab".repeat(32)), "{}"));
    tell("planned");
    for turn in 0..6 {
        // A megabyte now and then.
        let large = "x".repeat(turn % 2 * 1_000_000);
        for id in insist(|| store.publish(&[message("q", &large)], at(0))) {
            tell(&format!("published {id}"));
        }
    }
    let mut commits = [1, 2].map(|number| created(run_id(number)));
    for _ in 0..3 {
        let outcomes = insist(|| store.commit(&commits));
        for (commit, outcome) in commits.iter_mut().zip(outcomes) {
            let version = commit.head.version;
            let found = CommitOutcome::Conflict {
                found: Some(version),
            };
            // Refused after it was written, so the second time it is found there.
            assert!(outcome == CommitOutcome::Committed || outcome == found);
            tell(&format!("committed {} {version}", commit.head.run));
            *commit = advanced(commit);
        }
    }
    let receipts: Vec<_> = insist(|| store.receive(&request("q", 2, at(0))))
        .into_iter()
        .map(|it| it.receipt)
        .collect();
    if insist(|| store.reject(&receipts[..1], "dead", None, at(0))) == [true] {
        tell(&format!("rejected {}", receipts[0].id));
    }
    tell(&format!("acking {}", receipts[1].id));
    insist(|| store.ack(&receipts[1..]));
    let write = KvWrite {
        namespace: "n".to_owned(),
        key: "k".to_owned(),
        value: Some(1.into()),
        expected: None,
        expires_at: None,
    };
    insist(|| store.kv_write(&write, at(0)));
    tell("kept");
    drop(store);
    tell("finished");
}

/// Repeats what is refused.
fn insist<T>(mut call: impl FnMut() -> Result<T, StoreError>) -> T {
    for _ in 0..10 {
        match call() {
            Ok(value) => return value,
            Err(error) => tell(&format!("refused {}", error.code())),
        }
    }
    panic!("it is refused again and again");
}
