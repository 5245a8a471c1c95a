//! Durable runs of three steps, engine in process: how long one takes, and how many are done in a second.
//!
//! `cargo bench --bench engine`. Prints one JSON object a line: the machine, two baselines measured in the same run, then
//! the figures with their ratios to them. The files are put into `OSSA_BENCH_DIR`, or the system's folder for temporary
//! files; `OSSA_BENCH_SECONDS` (3) is the time for each figure.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation
)]

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ossa_runtime::engine::{Engine, EngineOptions, StartRequest, StepOutcome};
use ossa_runtime::plan::Plan;
use serde_json::{Value, json};

use measure::{cpu_time, machine, millis, percentiles, print, ratio, round};

mod measure;

const QUEUE: &str = "steps";
const IN_FLIGHT: usize = 64;
const STEPS: usize = 3;
const WORKFLOW: &str = "
apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: onboarding}
spec:
  steps:
    - {id: profile, kind: Task, inline: {execution: {type: idempotent, entrypoint: profile}}, input: {email: '${{ workflow.input.email }}'}}
    - {id: token, kind: Task, inline: {execution: {type: idempotent, entrypoint: token}}, input: {user: '${{ steps.profile.output.id }}'}}
    - {id: mail, kind: Task, inline: {execution: {type: idempotent, entrypoint: mail}}, input: {token: '${{ steps.token.output.id }}'}}
";

struct Bench {
    folder: PathBuf,
    time: Duration,
    plan: Arc<Plan>,
}

fn main() {
    // `cargo test` runs benches to see that they work; a figure is of no use then.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let seconds = std::env::var("OSSA_BENCH_SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(3.0);
    let parent = std::env::var_os("OSSA_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(parent).unwrap();
    let bench = Bench {
        folder: folder.path().to_owned(),
        time: Duration::from_secs_f64(if is_test { 0.05 } else { seconds }),
        plan: plan(),
    };
    print(machine());
    let sync = bench.one_sync();
    let rows = bench.classic_rows();
    let fresh = |name: &str| bench.engine(name);
    for durability in ["full", "normal"] {
        let before = cpu_time();
        let (p50, p99, runs) = bench.one_after_the_other(&fresh(&format!(
            "seq-{durability}.db?synchronous={durability}"
        )));
        print(json!({
            "figure": "3-step run, one after the other", "synchronous": durability,
            "p50_ms": millis(p50), "p99_ms": millis(p99), "cpu_ms": millis((cpu_time() - before) / runs),
            "syncs_of_the_disk": ratio(p50, sync), "times_faster_than_rows": ratio(rows, p50),
        }));
    }
    for durability in ["full", "normal"] {
        let batched = bench.batched(&fresh(&format!(
            "batch-{durability}.db?synchronous={durability}"
        )));
        print(per_second(
            "one thread, batches",
            durability,
            &batched,
            rows,
        ));
        for threads in [2, 8] {
            let name = format!("threads-{threads}-{durability}.db?synchronous={durability}");
            let rate = bench.threaded(&fresh(&name), threads);
            print(per_second(
                &format!("{threads} threads, one by one"),
                durability,
                &rate,
                rows,
            ));
        }
    }
}

/// Runs done, the time that took, and the processor's part of it.
struct Rate {
    runs: usize,
    time: Duration,
    cpu: Duration,
}

fn per_second(how: &str, durability: &str, rate: &Rate, rows: Duration) -> Value {
    let cpu = rate.cpu / rate.runs as u32;
    let rate = rate.runs as f64 / rate.time.as_secs_f64();
    json!({
        "figure": format!("3-step runs a second, {IN_FLIGHT} in flight"), "how": how, "synchronous": durability,
        "runs": rate.round(), "transitions": (rate * (STEPS + 1) as f64).round(), "cpu_ms": millis(cpu),
        "times_faster_than_rows": round(rate * rows.as_secs_f64()),
    })
}

impl Bench {
    fn engine(&self, name: &str) -> Engine {
        let dsn = format!("sqlite://{}/{name}", self.folder.display());
        let options = EngineOptions {
            queue: QUEUE.to_owned(),
            ..EngineOptions::default()
        };
        Engine::open(&dsn, options).unwrap()
    }

    fn request(&self) -> StartRequest {
        StartRequest::of_plan(Arc::clone(&self.plan), json!({"email": "ada@example.org"}))
    }

    /// Start, then claim and complete each step, by one caller.
    fn one_after_the_other(&self, engine: &Engine) -> (Duration, Duration, u32) {
        let mut times = Vec::new();
        let until = Instant::now() + self.time;
        while Instant::now() < until {
            let since = Instant::now();
            engine.start(self.request()).unwrap();
            for _ in 0..STEPS {
                for claim in engine.receive(&[QUEUE], 1).unwrap() {
                    engine.complete(&claim.token, output()).unwrap();
                }
            }
            times.push(since.elapsed());
        }
        let runs = times.len() as u32;
        let (p50, p99) = percentiles(times);
        (p50, p99, runs)
    }

    /// One caller that keeps many runs going.
    fn batched(&self, engine: &Engine) -> Rate {
        let (since, before) = (Instant::now(), cpu_time());
        let (mut started, mut reported) = (0, 0);
        while since.elapsed() < self.time {
            let missing = IN_FLIGHT - (started - reported / STEPS);
            let requests = (0..missing).map(|_| self.request()).collect();
            for answer in engine.start_many(requests) {
                answer.unwrap();
                started += 1;
            }
            let claims = engine.receive(&[QUEUE], IN_FLIGHT).unwrap();
            let reports = claims
                .iter()
                .map(|claim| (claim.token.clone(), StepOutcome::Success(output())));
            for answer in engine.report_many(reports.collect()) {
                answer.unwrap();
                reported += 1;
            }
        }
        Rate {
            runs: reported / STEPS,
            time: since.elapsed(),
            cpu: cpu_time() - before,
        }
    }

    /// Callers that each keep some runs going and report one result after the other.
    fn threaded(&self, engine: &Engine, threads: usize) -> Rate {
        let reported = AtomicUsize::new(0);
        let started = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let (since, before) = (Instant::now(), cpu_time());
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let finished = reported.load(Ordering::Relaxed) / STEPS;
                        if started.load(Ordering::Relaxed) < finished + IN_FLIGHT {
                            started.fetch_add(1, Ordering::Relaxed);
                            engine.start(self.request()).unwrap();
                        }
                        for claim in engine.receive(&[QUEUE], 8).unwrap() {
                            engine.complete(&claim.token, output()).unwrap();
                            reported.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            thread::sleep(self.time);
            stop.store(true, Ordering::Relaxed);
        });
        Rate {
            runs: reported.into_inner() / STEPS,
            time: since.elapsed(),
            cpu: cpu_time() - before,
        }
    }

    /// What the disk takes for one synced write of 4 KiB.
    fn one_sync(&self) -> Duration {
        let mut file = File::create(self.folder.join("sync")).unwrap();
        let mut times = Vec::new();
        let until = Instant::now() + self.time / 3;
        while Instant::now() < until {
            let since = Instant::now();
            file.write_all(&[7; 4096]).unwrap();
            file.sync_data().unwrap();
            times.push(since.elapsed());
        }
        let (p50, p99) = percentiles(times);
        print(
            json!({"baseline": "one synced write of 4 KiB", "p50_ms": millis(p50), "p99_ms": millis(p99)}),
        );
        p50
    }

    /// The same run as rows in tables, written by hand on the same SQLite: a row for the run, one for each attempt, two
    /// events for each, and a queue of jobs; one transaction for each thing that happens.
    fn classic_rows(&self) -> Duration {
        let db = rusqlite::Connection::open(self.folder.join("rows.db")).unwrap();
        db.execute_batch(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = full;
             CREATE TABLE runs (id TEXT PRIMARY KEY, status TEXT, input TEXT, updated_at INTEGER);
             CREATE TABLE attempts (id INTEGER PRIMARY KEY, run TEXT, step TEXT, status TEXT, output TEXT);
             CREATE INDEX attempts_of_run ON attempts (run);
             CREATE TABLE events (id INTEGER PRIMARY KEY, run TEXT, at INTEGER, type TEXT, data TEXT);
             CREATE INDEX events_of_run ON events (run);
             CREATE TABLE jobs (id INTEGER PRIMARY KEY, run TEXT, step TEXT, claimed INTEGER, body TEXT);
             CREATE INDEX jobs_unclaimed ON jobs (claimed, id);",
        )
        .unwrap();
        let input = r#"{"email":"ada@example.org"}"#;
        let mut times = Vec::new();
        let mut number = 0;
        let until = Instant::now() + self.time;
        while Instant::now() < until {
            let since = Instant::now();
            number += 1;
            let run = format!("0193{number:028}");
            let enqueue = |step: u32| {
                let body = json!({"run": run, "step": step, "input": input}).to_string();
                let sql = "INSERT INTO jobs (run, step, claimed, body) VALUES (?1, ?2, 0, ?3)";
                db.prepare_cached(sql)
                    .unwrap()
                    .execute((&run, step, body))
                    .unwrap();
                let sql = "INSERT INTO attempts (run, step, status) VALUES (?1, ?2, 'queued')";
                db.prepare_cached(sql)
                    .unwrap()
                    .execute((&run, step))
                    .unwrap();
                event(&db, &run, "step_dispatched");
            };
            transaction(&db, || {
                let sql = "INSERT INTO runs VALUES (?1, 'running', ?2, 0)";
                db.prepare_cached(sql)
                    .unwrap()
                    .execute((&run, input))
                    .unwrap();
                event(&db, &run, "run_created");
                enqueue(0);
            });
            for step in 0..STEPS as u32 {
                transaction(&db, || {
                    let sql = "UPDATE jobs SET claimed = 1 WHERE id = (SELECT id FROM jobs WHERE claimed = 0 ORDER BY id LIMIT 1)";
                    db.prepare_cached(sql).unwrap().execute(()).unwrap();
                });
                transaction(&db, || {
                    let sql = "UPDATE attempts SET status = 'completed', output = ?3 WHERE run = ?1 AND step = ?2";
                    db.prepare_cached(sql)
                        .unwrap()
                        .execute((&run, step, output().to_string()))
                        .unwrap();
                    db.prepare_cached("DELETE FROM jobs WHERE run = ?1")
                        .unwrap()
                        .execute([&run])
                        .unwrap();
                    event(&db, &run, "step_completed");
                    let sql =
                        "UPDATE runs SET status = ?2, updated_at = updated_at + 1 WHERE id = ?1";
                    let last = step + 1 == STEPS as u32;
                    let status = if last { "completed" } else { "running" };
                    db.prepare_cached(sql)
                        .unwrap()
                        .execute((&run, status))
                        .unwrap();
                    if !last {
                        enqueue(step + 1);
                    }
                });
            }
            times.push(since.elapsed());
        }
        let (p50, p99) = percentiles(times);
        print(
            json!({"baseline": "the same run as rows in tables", "p50_ms": millis(p50), "p99_ms": millis(p99)}),
        );
        p50
    }
}

fn transaction(db: &rusqlite::Connection, body: impl FnOnce()) {
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    body();
    db.execute_batch("COMMIT").unwrap();
}

fn event(db: &rusqlite::Connection, run: &str, kind: &str) {
    let sql = "INSERT INTO events (run, at, type, data) VALUES (?1, 0, ?2, ?3)";
    db.prepare_cached(sql)
        .unwrap()
        .execute((run, kind, output().to_string()))
        .unwrap();
}

fn output() -> Value {
    json!({"id": "0193-ada", "status": "created", "attempts": 1})
}

fn plan() -> Arc<Plan> {
    Arc::new(measure::compile(&measure::manifest(WORKFLOW)))
}
