//! Consumers are killed at random, with a signal that lets them do nothing more. Nothing published may be lost, what is to
//! be in order stays so, and a delivery is repeated at most once a kill.
//!
//! `OSSA_TEST_CRASH_EVENTS`, `OSSA_TEST_CRASH_KILLS` and `OSSA_TEST_SEED` change the size and the order of events: a night of it is
//! `OSSA_TEST_CRASH_EVENTS=1000000 OSSA_TEST_CRASH_KILLS=50 cargo test --release --test engine channel_killed -- --nocapture`.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ossa_runtime::engine::channel::{Published, ReceiveDeliveries, Subscriber};
use ossa_runtime::engine::{Engine, EngineOptions};
use ossa_runtime::error::{Error, code};
use ossa_runtime::manifest::model::{Guarantee, Ordering};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::channels::{listener, message};

const WORKERS: usize = 3;
const DSN: &str = "OSSA_TEST_CHANNEL_DSN";
const FOLDER: &str = "OSSA_TEST_CHANNEL_FOLDER";
const NAMES: [&str; 3] = ["plain", "ordered", "once"];
/// Published in one transaction.
const BATCH: usize = 100;
/// How long nothing may happen before the work counts as stuck.
const PATIENCE: Duration = Duration::from_secs(120);

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn open(dsn: &str) -> Engine {
    let options = EngineOptions {
        lease: Duration::from_secs(2),
        ..EngineOptions::default()
    };
    Engine::open(dsn, options).unwrap()
}

/// Each has two seconds for a delivery.
fn subscribers() -> [Subscriber; 3] {
    let timeout = Duration::from_secs(2);
    let plain = Subscriber {
        timeout,
        ..listener("plain", "a.*")
    };
    let ordered = Subscriber {
        ordering: Ordering::PerSource,
        timeout,
        ..listener("ordered", "a.*")
    };
    let once = Subscriber {
        guarantee: Guarantee::ExactlyOnce,
        timeout,
        ..listener("once", "a.*")
    };
    [plain, ordered, once]
}

#[test]
fn nothing_published_is_lost_whoever_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let dsn = format!("sqlite://{}/ossa.db", folder.path().display());
    survive_kills(&dsn, folder.path());
}

fn survive_kills(dsn: &str, folder: &Path) {
    let events = usize::try_from(number_from("OSSA_TEST_CRASH_EVENTS", 120)).unwrap();
    let kills = usize::try_from(number_from("OSSA_TEST_CRASH_KILLS", 5)).unwrap();
    let seed = number_from("OSSA_TEST_SEED", rand::random());
    println!("{events} events, {kills} kills, OSSA_TEST_SEED={seed}");
    let engine = open(dsn);
    for subscriber in subscribers() {
        engine.channels().subscribe(&subscriber).unwrap();
    }
    let mut random = StdRng::seed_from_u64(seed);
    let mut targets: Vec<_> = (0..kills)
        .map(|_| random.random_range(1..events * NAMES.len() * 9 / 10))
        .collect();
    targets.sort_unstable();
    let mut workers: Vec<_> = (0..WORKERS).map(|_| hire(dsn, folder)).collect();
    let numbers: Vec<_> = (0..events).collect();
    let mut batches = numbers.chunks(BATCH);
    let mut progress = (0, Instant::now());
    let mut killed = 0;
    loop {
        let batch = batches.next();
        for published in publish(&engine, batch.unwrap_or_default()) {
            published.unwrap();
        }
        let done = effects_so_far(folder);
        if done > progress.0 {
            progress = (done, Instant::now());
        }
        if targets.get(killed).is_some_and(|target| done >= *target) {
            killed += 1;
            workers[random.random_range(0..WORKERS)] = hire(dsn, folder);
        }
        if batch.is_none() {
            if killed == kills && is_done(&engine) {
                break;
            }
            assert!(
                progress.1.elapsed() < PATIENCE,
                "it does not come to an end"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
    drop(workers);

    let mut times: HashMap<(String, String), usize> = HashMap::new();
    let mut order: HashMap<String, Vec<usize>> = HashMap::new();
    let mut late = 0;
    for line in lines(folder) {
        let mut words = line.split(' ').map(ToOwned::to_owned);
        let (name, channel, id) = (
            words.next().unwrap(),
            words.next().unwrap(),
            words.next().unwrap(),
        );
        if name == "late" {
            late += 1;
            continue;
        }
        let number: usize = id.parse().unwrap();
        if name == "ordered" {
            order.entry(channel).or_default().push(number);
        }
        *times.entry((name, id)).or_default() += 1;
    }
    assert_eq!(
        times.len(),
        events * NAMES.len(),
        "every message had its effects"
    );
    let repeated: usize = times.values().map(|it| it - 1).sum();
    let repeats_of = |name: &str| {
        let of_it = times.iter().filter(|((of, _), _)| of == name);
        of_it.map(|(_, times)| times - 1).sum::<usize>()
    };
    for name in NAMES {
        println!("{name}: {} effects repeated", repeats_of(name));
    }
    // A worker has one delivery at a time.
    println!("{late} claims outlived");
    assert!(repeated <= kills + late, "{repeated} effects repeated");
    for (channel, mut numbers) in order {
        numbers.dedup();
        assert!(numbers.is_sorted(), "{channel}: {numbers:?}");
    }
}

fn publish(engine: &Engine, numbers: &[usize]) -> Vec<Result<Published, Error>> {
    let messages = numbers.iter().map(|number| {
        let channel = ["a.x", "a.y"][number % 2];
        message(channel, &number.to_string(), json!({ "n": number }))
    });
    engine.channels().publish_batch(messages.collect())
}

fn is_done(engine: &Engine) -> bool {
    let end = engine.channels().end().unwrap();
    let views = engine.channels().subscribers().unwrap();
    views.iter().all(|view| {
        let queue = view.queue;
        let read = view
            .stream
            .is_none_or(|it| it.read_to == end && it.held == 0 && it.waiting == 0);
        read && queue.ready + queue.delayed + queue.leased == 0
    })
}

fn effects_of(folder: &Path) -> PathBuf {
    folder.join("effects")
}

/// About how many there are: each is one write of a line of about so many bytes.
fn effects_so_far(folder: &Path) -> usize {
    const LINE: usize = 14;
    let bytes = fs::metadata(effects_of(folder)).map_or(0, |file| file.len());
    usize::try_from(bytes).unwrap() / LINE
}

fn lines(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(effects_of(folder)).unwrap_or_default();
    text.lines().map(ToOwned::to_owned).collect()
}

/// A worker that is killed when it is let go.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn hire(dsn: &str, folder: &Path) -> Worker {
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "channel_killed::the_work_of_a_worker",
            "--ignored",
            "--nocapture",
        ])
        .env(DSN, dsn)
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Worker(child)
}

#[test]
#[ignore = "what another test starts as a process of its own"]
fn the_work_of_a_worker() {
    let (Ok(dsn), Ok(folder)) = (std::env::var(DSN), std::env::var(FOLDER)) else {
        return;
    };
    let engine = open(&dsn);
    let channels = engine.channels();
    let request = ReceiveDeliveries {
        subscribers: NAMES.map(ToOwned::to_owned).to_vec(),
        max: 1,
        wait: Duration::from_millis(500),
    };
    let mut effects = OpenOptions::new()
        .create(true)
        .append(true)
        .open(effects_of(Path::new(&folder)))
        .unwrap();
    loop {
        for delivery in channels.receive(&request).unwrap() {
            let (name, message) = (&delivery.subscriber, &delivery.envelope);
            let line = format!("{name} {} {}\n", message.channel, message.id);
            effects.write_all(line.as_bytes()).unwrap();
            match channels.ack(&delivery) {
                // The machine was too busy for the two seconds that it had: another worker has it by now.
                Err(error) if error.code() == code::LEASE_LOST => {
                    effects.write_all(b"late - -\n").unwrap();
                }
                acked => acked.unwrap(),
            }
        }
    }
}
