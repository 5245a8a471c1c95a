//! Workers are killed at random, with a signal that lets them do nothing more. No run may be lost, no result be recorded
//! twice, and an effect be repeated at most once a kill on average.
//!
//! `OSSA_TEST_CRASH_RUNS`, `OSSA_TEST_CRASH_KILLS` and `OSSA_TEST_SEED` change the size and the order of events.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ossa_runtime::engine::{Consumer, ConsumerOptions, Engine, EngineOptions, StepClaim};
use ossa_runtime::plan::Plan;
use ossa_runtime::port::{Page, RunFilter, RunStatus};
use ossa_runtime::run::Event;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::lab::*;

const WORKERS: usize = 3;
const STEPS: usize = 3;
const DSN: &str = "OSSA_TEST_WORKER_DSN";
const FOLDER: &str = "OSSA_TEST_WORKER_FOLDER";
const STYLE: &str = "OSSA_TEST_WORKER_STYLE";
/// How a worker gets its steps; both keep their leases by themselves.
const STYLES: [&str; 2] = ["receive", "consumer"];

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn open(dsn: &str) -> Engine {
    let options = EngineOptions {
        queue: QUEUE.to_owned(),
        lease: Duration::from_secs(2),
        ..EngineOptions::default()
    };
    Engine::open(dsn, options).unwrap()
}

fn effects_of(folder: &Path) -> PathBuf {
    folder.join("effects")
}

/// Two steps side by side, then a third.
fn side_by_side() -> Arc<Plan> {
    let join = ["depends_on: [first, second]"];
    let sides = ["first", "second"].map(|id| step_with(id, &["depends_on: []"]));
    workflow(&(sides.concat() + &step_with("third", &join)))
}

#[test]
fn no_run_is_lost_and_no_result_recorded_twice_whoever_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let dsn = format!("sqlite://{}/runs.db", folder.path().display());
    survive_kills(&dsn, folder.path());
}

#[test]
#[cfg(feature = "redis")]
fn no_run_is_lost_and_no_result_recorded_twice_in_redis_whoever_is_killed() {
    if let Some(server) = crate::server::TestServer::start("redis") {
        survive_kills(&server.dsn, tempfile::tempdir().unwrap().path());
    }
}

fn survive_kills(dsn: &str, folder: &Path) {
    let runs = usize::try_from(number_from("OSSA_TEST_CRASH_RUNS", 60)).unwrap();
    let kills = usize::try_from(number_from("OSSA_TEST_CRASH_KILLS", 6)).unwrap();
    let seed = number_from("OSSA_TEST_SEED", rand::random());
    println!("{runs} runs, {kills} kills, OSSA_TEST_SEED={seed}");
    let engine = open(dsn);
    let plans = [three_steps(), side_by_side()];
    let ids: Vec<_> = (0..runs)
        .map(|number| start(&engine, &plans[number % plans.len()]))
        .collect();

    let place = Place { dsn, folder };
    kill_while_they_work(&engine, &place, runs * STEPS, kills, seed);

    for id in &ids {
        let details = run(&engine, *id);
        assert_eq!(details.run.status, RunStatus::Completed, "{id}");
        let mut results: HashMap<String, u32> = HashMap::new();
        for event in details.events {
            if let Event::StepCompleted { step, .. } = event.event {
                *results.entry(step).or_default() += 1;
            }
        }
        assert_eq!(results.len(), STEPS, "{id}");
        assert!(
            results.values().all(|times| *times == 1),
            "{id}: {results:?}"
        );
    }
    let effects = fs::read_to_string(effects_of(folder)).unwrap();
    let mut keys: Vec<_> = effects.lines().collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), runs * STEPS, "every step had its effect");
    let repeated = all - keys.len();
    println!("{all} effects of {} steps: {repeated} repeated", keys.len());
    assert!(repeated <= kills, "{repeated} effects repeated");
    assert_eq!(engine.messages(QUEUE, 1).unwrap(), []);
}

/// Where workers find their work, and where they note its effects.
struct Place<'a> {
    dsn: &'a str,
    folder: &'a Path,
}

/// Has workers run all steps, and kills one of them whenever the next part of the work is done.
fn kill_while_they_work(engine: &Engine, place: &Place, steps: usize, kills: usize, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut workers: Vec<_> = (0..WORKERS).map(|number| hire(place, number)).collect();
    let mut killed = 0;
    // Spread over the work, so that every kill meets busy workers.
    let mut targets: Vec<_> = (0..kills)
        .map(|_| random.random_range(1..steps * 9 / 10))
        .collect();
    targets.sort_unstable();
    while killed < kills || !is_done(engine) {
        for worker in &mut workers {
            let ended = worker.0.try_wait().unwrap();
            assert!(ended.is_none(), "a worker ended by itself: {ended:?}");
        }
        let effects = fs::read(effects_of(place.folder)).unwrap_or_default();
        let done = effects.iter().filter(|byte| **byte == b'\n').count();
        if targets.get(killed).is_some_and(|target| done >= *target) {
            let victim = random.random_range(0..WORKERS);
            killed += 1;
            workers[victim] = hire(place, killed);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn is_done(engine: &Engine) -> bool {
    let open = RunFilter {
        statuses: vec![RunStatus::Pending, RunStatus::Running, RunStatus::Waiting],
        ..RunFilter::default()
    };
    let page = Page {
        after: None,
        limit: 1,
    };
    engine.runs(&open, &page).unwrap().runs.is_empty()
}

/// A worker is this test program again, told to be one.
fn hire(place: &Place, number: usize) -> Worker {
    let worker = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "killed::the_work_of_a_worker",
            "--ignored",
            "--nocapture",
        ])
        .env(DSN, place.dsn)
        .env(FOLDER, place.folder)
        .env(STYLE, STYLES[number % STYLES.len()])
        .stdout(Stdio::null())
        .spawn();
    Worker(worker.unwrap())
}

/// Killed when it is dropped, so that no worker outlives its test.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
#[ignore = "what another test starts as a process of its own"]
fn the_work_of_a_worker() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let engine = open(&std::env::var(DSN).unwrap());
    if std::env::var(STYLE).unwrap() == "consumer" {
        consume(&engine, &folder);
    } else {
        receive(&engine, &folder);
    }
}

fn receive(engine: &Engine, folder: &Path) {
    loop {
        let claims = engine.receive(&[QUEUE], 4).unwrap();
        for claim in &claims {
            carry_out(engine, folder, claim);
        }
        if claims.is_empty() {
            thread::sleep(Duration::from_millis(20));
        }
        engine.tick().unwrap();
    }
}

fn consume(engine: &Engine, folder: &Path) {
    let consumer = Consumer::new(engine, ConsumerOptions::of_queue(QUEUE)).unwrap();
    loop {
        for message in consumer.receive(1, Duration::from_secs(1)).unwrap() {
            carry_out(engine, folder, message.step.as_deref().unwrap());
            consumer.ack(&message.id).unwrap();
        }
    }
}

/// The effect is there at once and for good, like a letter that is posted. It comes twice when the worker is killed after
/// it and before the report.
fn carry_out(engine: &Engine, folder: &Path, claim: &StepClaim) {
    thread::sleep(Duration::from_millis(1));
    let line = format!("{}\n", claim.job.effect_key);
    let effects = OpenOptions::new()
        .create(true)
        .append(true)
        .open(effects_of(folder));
    effects.unwrap().write_all(line.as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(1));
    let output = json!({ "done": claim.job.step });
    engine.complete(&claim.token, output).unwrap();
}
