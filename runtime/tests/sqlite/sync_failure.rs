//! The disk fails at a sync, or the process is killed in one: injected by strace.

use std::io::Read;
use std::process::{Command, Stdio};

use ossa_runtime::port::Queue;

use crate::child::{Role, command};
use crate::fixture::{Folder, integrity};

/// Whether system calls can be made to fail here; says so when not.
fn can_inject(test: &str) -> bool {
    let works = Command::new("strace")
        .args(["-f", "-e", "trace=none", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|it| it.success());
    if !works {
        println!("skipped: {test}, because strace is not installed or may not trace");
    }
    works
}

/// Runs a child that publishes ten messages while the system call of the given number (from the first) misbehaves; gives
/// what it told of.
fn publish_with(folder: &Folder, injection: &str) -> Vec<String> {
    let options = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", injection];
    let mut child = command(Role::PublishTen, &folder.path(), 0, &options)
        .spawn()
        .unwrap();
    let mut out = String::new();
    let mut pipe = child.stdout.take().unwrap();
    pipe.read_to_string(&mut out).unwrap();
    child.wait().unwrap();
    out.lines()
        .filter_map(|line| line.strip_prefix("> ").map(str::to_owned))
        .collect()
}

fn published(told: &[String]) -> Vec<&str> {
    told.iter()
        .filter_map(|it| it.strip_prefix("published "))
        .collect()
}

fn all_there(folder: &Folder, ids: &[&str]) {
    assert_eq!(integrity(&folder.path()), "ok");
    let listed = folder.open().list_messages("q", 99).unwrap();
    for id in ids {
        assert!(
            listed.iter().any(|it| it.receipt.id.0 == *id),
            "message {id} is lost"
        );
    }
}

#[test]
fn a_failed_sync_refuses_the_call_and_the_next_one_works() {
    if !can_inject("a_failed_sync_refuses_the_call_and_the_next_one_works") {
        return;
    }
    let mut refusals = 0;
    for number in 1..=6 {
        let folder = Folder::new();
        folder.open();
        let injection = format!("inject=fsync,fdatasync:error=EIO:when={number}");
        let told = publish_with(&folder, &injection);
        let refused: Vec<_> = told.iter().filter(|it| it.starts_with("refused")).collect();
        refusals += refused.len();
        assert!(
            refused.iter().all(|it| *it == "refused OSSA-S004"),
            "{told:?}"
        );
        let ids = published(&told);
        // Without ids the sync that failed was one of opening the file, which was refused as a whole.
        assert!(ids.len() == 10 || told.is_empty(), "{told:?}");
        all_there(&folder, &ids);
    }
    assert!(refusals > 0, "no sync was made to fail");
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill_in_any_sync() {
    if !can_inject("what_was_acknowledged_is_there_after_a_kill_in_any_sync") {
        return;
    }
    let mut kills = 0;
    for number in 1..=12 {
        let folder = Folder::new();
        let injection = format!("inject=fsync,fdatasync:signal=KILL:when={number}");
        let told = publish_with(&folder, &injection);
        let ids = published(&told);
        kills += u32::from(ids.len() < 10);
        all_there(&folder, &ids);
    }
    assert!(kills > 0, "no process was killed");
}
