//! The disk fails at a sync, or the process is killed in one: injected by strace.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use ossa_runtime::port::{BrowsableQueue, KeyValue, PlanHash, Store};

use crate::child::{Role, command};
use crate::fixture::{Folder, integrity};
use crate::sample::at;

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

/// What a child told of that did the reference workload while a sync misbehaved, and whether one did.
struct Outcome {
    folder: Folder,
    told: Vec<String>,
    injected: bool,
}

/// Runs the reference workload with each of its syncs misbehaving in turn, the first of each thread to the last.
fn at_each_sync(effect: &str) -> Vec<Outcome> {
    let one = |number| {
        let folder = Folder::new();
        let trace = folder.path().with_file_name("trace");
        let trace = trace.to_str().unwrap();
        let injection = format!("inject=fsync,fdatasync:{effect}:when={number}");
        let options = ["strace", "-f", "-qq", "-o", trace, "-e", &injection];
        let mut child = command(Role::WorkOnce, &folder.path(), 0, &options)
            .spawn()
            .unwrap();
        let mut out = String::new();
        let mut pipe = child.stdout.take().unwrap();
        pipe.read_to_string(&mut out).unwrap();
        child.wait().unwrap();
        let lines = out.lines().filter_map(|line| line.strip_prefix("> "));
        let told: Vec<_> = lines.map(str::to_owned).collect();
        let killed = !told.iter().any(|it| it == "finished");
        let injected = killed || fs::read_to_string(trace).unwrap().contains("INJECTED");
        Outcome {
            folder,
            told,
            injected,
        }
    };
    (1..100).map(one).take_while(|it| it.injected).collect()
}

impl Outcome {
    fn of(&self, what: &str) -> Vec<&str> {
        let told = self.told.iter();
        told.filter_map(|it| it.strip_prefix(what)).collect()
    }

    /// Checks that everything the child was told is done is there.
    fn check(&self) {
        assert_eq!(integrity(&self.folder.path()), "ok");
        let store = self.folder.open();
        let there = |queue| {
            let listed = store.list_messages(queue, 99).unwrap();
            let ids = listed.into_iter().map(|it| it.receipt.id.0);
            ids.collect::<Vec<_>>()
        };
        let (waiting, dead) = (there("q"), there("dead"));
        for id in self.of("published ") {
            let places = [&waiting, &dead].map(|ids| ids.iter().filter(|it| *it == id).count());
            let acked = self.of("acking ").contains(&id);
            assert!(
                places.iter().sum::<usize>() == 1 || acked,
                "message {id} is lost or doubled: {:?}",
                self.told
            );
        }
        for id in self.of("rejected ") {
            assert!(dead.iter().any(|it| it == id), "{:?}", self.told);
        }
        for run in self.of("committed ") {
            let (run, version) = run.split_once(' ').unwrap();
            let run = run.parse().unwrap();
            // Reading it also checks that there is no gap and every checksum holds.
            let stored = store.load(&[run]).unwrap().remove(0).unwrap();
            assert!(stored.head.version.0 >= version.parse().unwrap());
        }
        if !self.of("planned").is_empty() {
            let plan = store.load_plan(&PlanHash("ab".repeat(32))).unwrap();
            assert!(plan.is_some(), "{:?}", self.told);
        }
        if !self.of("kept").is_empty() {
            assert!(store.kv_get("n", "k", at(0)).unwrap().is_some());
        }
    }
}

#[test]
fn each_sync_that_fails_refuses_the_call_and_the_next_one_works() {
    if !can_inject("each_sync_that_fails_refuses_the_call_and_the_next_one_works") {
        return;
    }
    let outcomes = at_each_sync("error=EIO");
    for outcome in &outcomes {
        let refused = outcome.of("refused ");
        assert!(refused.iter().all(|it| *it == "OSSA-S004"), "{refused:?}");
        assert_eq!(outcome.of("finished"), [""], "{:?}", outcome.told);
        outcome.check();
    }
    let refusals = outcomes.iter().filter(|it| !it.of("refused ").is_empty());
    let refusals = refusals.count();
    println!("{} syncs failed, {refusals} calls refused", outcomes.len());
    assert!(refusals >= 10, "a sync for each durable call");
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill_in_any_sync() {
    if !can_inject("what_was_acknowledged_is_there_after_a_kill_in_any_sync") {
        return;
    }
    let outcomes = at_each_sync("signal=KILL");
    println!("killed in {} syncs", outcomes.len());
    assert!(outcomes.len() >= 10, "a sync for each durable call");
    outcomes.iter().for_each(Outcome::check);
}
