//! Servers that die in the middle of work.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ossa_runtime::adapter::open;
use ossa_runtime::port::{CommitOutcome, Version};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::fixture::{check, server};
use crate::sample::{advanced, created, run_id};
use crate::server::TestServer;
use crate::work::{Ledger, work};

const KILLS: u64 = 4;

/// Has three workers, each with connections of its own, work while the server is killed and restarted.
fn kill_during_work(server: &mut TestServer, strict: bool) {
    let ledger = Mutex::new(Ledger::default());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for seed in 1..=3 {
            let store = open(&server.dsn).unwrap();
            let (ledger, done) = (&ledger, &done);
            scope.spawn(move || work(&store, ledger, seed, || !done.load(Ordering::Relaxed)));
        }
        for kill in 0..KILLS {
            let enough = usize::try_from(kill + 1).unwrap() * 150;
            while ledger.lock().acked.len() < enough {
                thread::sleep(Duration::from_millis(2));
            }
            server.kill();
            if !strict {
                // What a server that only syncs now and then may forget is settled before the workers go on.
                let until = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
                server.restart();
                let mut ledger = ledger.lock();
                ledger.published.retain(|_, at| *at <= until);
                ledger.acked.retain(|_, at| *at <= until);
                ledger.committed.retain(|_, (_, at)| *at <= until);
            } else {
                server.restart();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let store = open(&server.dsn).unwrap();
    check(store.as_ref());
    let ledger = ledger.into_inner();
    assert!(ledger.refused > 0, "the kills were noticed");
    ledger.compare(store.as_ref(), Instant::now());
}

#[test]
fn what_a_server_that_always_syncs_acknowledged_is_there_after_any_kill() {
    let Some(mut server) = server(&["--appendfsync", "always"]) else {
        return;
    };
    kill_during_work(&mut server, true);
}

#[test]
fn what_was_acknowledged_two_seconds_before_a_kill_is_there() {
    let Some(mut server) = server(&["--appendfsync", "everysec"]) else {
        return;
    };
    kill_during_work(&mut server, false);
}

/// The file to which the server appends what it writes.
fn written(server: &TestServer) -> PathBuf {
    let folder = server.folder().join("appendonlydir");
    let files = fs::read_dir(folder).unwrap();
    let mut files = files.map(|it| it.unwrap().path());
    files
        .find(|it| it.to_string_lossy().ends_with(".incr.aof"))
        .unwrap()
}

/// A power cut leaves some beginning of what was written.
#[test]
fn a_power_cut_takes_the_end_of_the_work_and_tears_nothing() {
    let Some(mut server) = server(&[]) else {
        return;
    };
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let ledger = Mutex::new(Ledger::default());
    let store = open(&server.dsn).unwrap();
    work(&store, &ledger, 1, || ledger.lock().acked.len() < 60);
    server.kill();
    let whole = fs::read(written(&server)).unwrap();
    for _ in 0..8 {
        let length = random.random_range(whole.len() / 10..whole.len());
        fs::write(written(&server), &whole[..length]).unwrap();
        server.restart();
        check(open(&server.dsn).unwrap().as_ref());
        server.kill();
    }
}

/// The state that a worker holds in memory may be one that the server has lost. Another worker makes the lost version anew;
/// the first one must not build on its own.
#[test]
fn a_state_that_was_lost_is_not_built_on() {
    let Some(mut server) = server(&["--appendfsync", "always"]) else {
        return;
    };
    let (one, other) = (open(&server.dsn).unwrap(), open(&server.dsn).unwrap());
    let first = created(run_id(1));
    one.commit(std::slice::from_ref(&first)).unwrap();
    let kept = fs::read(written(&server)).unwrap();
    let second = advanced(&first);
    one.commit(std::slice::from_ref(&second)).unwrap();
    server.kill();
    fs::write(written(&server), kept).unwrap();
    server.restart();

    other.load(&[run_id(1)]).unwrap();
    let mut anew = advanced(&first);
    anew.log.events = "[]".to_owned();
    let made = other.commit(&[anew]).unwrap();
    assert_eq!(made, [CommitOutcome::Committed]);

    let third = advanced(&second);
    let found = Some(Version(2));
    let refused = one.commit(std::slice::from_ref(&third)).unwrap();
    assert_eq!(refused, [CommitOutcome::Conflict { found }]);
    one.load(&[run_id(1)]).unwrap();
    let made = one.commit(&[third]).unwrap();
    assert_eq!(
        made,
        [CommitOutcome::Committed],
        "it has seen what is there"
    );
    let numbers = Arc::clone(&one).history(&run_id(1), Version(0), 9).unwrap();
    assert_eq!(numbers[1].events, "[]");
}
