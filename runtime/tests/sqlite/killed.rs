//! Several processes on one file, of which one is killed again and again.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use ossa_runtime::port::{BrowsableQueue, Queue, Store, Version};

use crate::child::{Role, command};
use crate::fixture::{Folder, integrity};

const KILLS: usize = 9;

struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn start(role: Role, folder: &Folder, seed: u64) -> Self {
        let mut child = command(role, &folder.path(), seed, &[]).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Some(line) = line.strip_prefix("> ") {
                    sender.send(line.to_owned()).ok();
                }
            }
        });
        Self { child, lines }
    }

    /// Waits until the process has told of so many things, kills it, and gives all it told of.
    fn kill_after(mut self, things: usize) -> Vec<String> {
        let mut told: Vec<_> = self.lines.iter().take(things).collect();
        assert_eq!(told.len(), things, "the process ended by itself");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        told.extend(self.lines.iter());
        told
    }
}

#[test]
fn what_was_acknowledged_is_there_after_any_kill() {
    let folder = Folder::new();
    folder.open();
    let steady = Process::start(Role::Produce, &folder, 1000);
    let consumer = Process::start(Role::Consume, &folder, 2000);
    let mut told = Vec::new();
    for kill in 0..KILLS {
        let role = [Role::Produce, Role::Consume][kill % 2];
        let victim = Process::start(role, &folder, kill as u64);
        told.extend(victim.kill_after(20 + kill * 7));
    }
    told.extend(consumer.kill_after(50));
    told.extend(steady.kill_after(50));

    assert_eq!(integrity(&folder.path()), "ok");
    let store = folder.open();
    let mut published = HashSet::new();
    let mut acking = HashSet::new();
    let mut acked = HashSet::new();
    let mut committed: HashMap<String, u64> = HashMap::new();
    for line in &told {
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["published", id] => drop(published.insert(*id)),
            ["acking", id] => drop(acking.insert(*id)),
            ["acked", id] => assert!(acked.insert(*id), "message {id} was acked twice"),
            ["committed", run, version] => {
                committed.insert((*run).to_owned(), version.parse().unwrap());
            }
            other => panic!("{other:?}"),
        }
    }

    let listed = store.list_messages("q", usize::MAX).unwrap();
    let there: HashSet<_> = listed.iter().map(|it| it.receipt.id.0.as_str()).collect();
    for id in &published {
        assert!(
            there.contains(id) || acking.contains(id),
            "message {id} was published, acked by nobody, and is gone"
        );
    }
    for id in &acked {
        assert!(!there.contains(id), "message {id} was acked and is back");
    }
    assert!(published.len() > 20 && acked.len() > 20 && committed.len() > 4);
    for (run, version) in committed {
        let run = run.parse().unwrap();
        let stored = store.load(&[run]).unwrap().remove(0).unwrap();
        assert!(
            stored.head.version.0 >= version,
            "run {run} lost a transition"
        );
        // Reading it also checks that there is no gap and every checksum holds.
        let log = store.history(&run, Version(0), usize::MAX).unwrap();
        assert_eq!(log.len() as u64, stored.head.version.0);
    }
    // Each transition settles one attempt and enqueues the next: each run has one item.
    let items = store.list_messages("steps", usize::MAX).unwrap();
    let runs: HashSet<_> = items.iter().map(|it| it.step.unwrap().step.run).collect();
    assert_eq!(items.len(), runs.len());
    for item in items {
        let step = item.step.unwrap().step;
        let head = store.heads(&[step.run]).unwrap().remove(0).unwrap();
        assert_eq!(u64::from(step.attempt), head.version.0);
    }
}

#[test]
fn processes_that_create_the_file_at_once_all_can_use_it() {
    let folder = Folder::new();
    let children: Vec<_> = (0..6)
        .map(|seed| {
            let mut command = command(Role::PublishOne, &folder.path(), seed, &[]);
            command.spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(folder.open().list_messages("q", 99).unwrap().len(), 6);
}

#[test]
fn a_message_of_another_process_wakes_those_who_wait() {
    let folder = Folder::new();
    let store = folder.open();
    let seen = store.wait_for_change(0, Duration::ZERO).unwrap();
    let mut child = command(Role::PublishOne, &folder.path(), 0, &[])
        .spawn()
        .unwrap();
    let mut now = seen;
    for _ in 0..100 {
        now = store
            .wait_for_change(seen, Duration::from_secs(60))
            .unwrap();
        if now != seen {
            break;
        }
    }
    assert_ne!(now, seen);
    assert!(child.wait().unwrap().success());
}
