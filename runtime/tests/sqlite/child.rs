//! Other processes: this test program again, told to do one thing.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ossa_runtime::adapter::SqliteStore;
use ossa_runtime::port::{CommitOutcome, Queue, Store};

use crate::fixture::{advanced, at, created, message, open, request, run_id};

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
    /// Publishes messages until ten were accepted, and tells of each and of each refusal.
    PublishTen,
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
    let store = open(Path::new(&file));
    match role.as_str() {
        "Produce" => produce(&store, seed),
        "Consume" => consume(&store),
        "PublishOne" => {
            store.publish(&[message("q", "m")], at(0)).unwrap();
        }
        "PublishTen" => publish_ten(&store),
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

fn publish_ten(store: &SqliteStore) {
    let mut accepted = 0;
    while accepted < 10 {
        match store.publish(&[message("q", "m")], at(0)) {
            Ok(ids) => {
                accepted += 1;
                tell(&format!("published {}", ids[0]));
            }
            Err(error) => tell(&format!("refused {}", error.code())),
        }
    }
}
