//! How fast the embedded store is: transitions, publications, claims with acks, recovery.
//!
//! `cargo bench --bench store`; the file is put into `OSSA_BENCH_DIR`, or the system's folder for temporary files.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ossa_runtime::adapter::{Durability, SqliteOptions, SqliteStore};
use ossa_runtime::port::{
    Commit, CommitOutcome, Lease, LogRow, NewMessage, PlanHash, Priority, Queue, Receipt, Receive,
    RunHead, RunId, RunStatus, Snapshot, StepItem, StepRef, Store, Timestamp, Version, WorkerId,
};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

struct Bench {
    store: SqliteStore,
    _folder: TempDir,
}

fn open(durability: Durability) -> Bench {
    let folder = match std::env::var_os("OSSA_BENCH_DIR") {
        Some(parent) => tempfile::tempdir_in(parent),
        None => tempfile::tempdir(),
    };
    let folder = folder.unwrap();
    let options = SqliteOptions {
        durability,
        ..SqliteOptions::new(folder.path().join("ossa.db"))
    };
    Bench {
        store: SqliteStore::open(options).unwrap(),
        _folder: folder,
    }
}

fn create() -> Commit {
    let run = RunId::from_uuid(uuid::Uuid::now_v7());
    Commit {
        expected: None,
        head: RunHead {
            run,
            version: Version(1),
            workflow: "user-onboarding".to_owned(),
            plan: PlanHash("ab".repeat(32)),
            status: RunStatus::Running,
            priority: Priority::Normal,
            idempotency_key: Some(format!("user-{run}")),
            correlation_id: None,
            labels: ossa_runtime::port::Labels::new(),
            progress: 0,
            current_step: Some("create_profile".to_owned()),
            error: None,
            created_at: NOW,
            updated_at: NOW,
            ended_at: None,
        },
        log: log_row(1),
        snapshot: None,
        enqueue: vec![item(run, 1)],
        settle: Vec::new(),
        reschedule: Vec::new(),
        set_timers: Vec::new(),
        clear_timers: Vec::new(),
        publish: Vec::new(),
    }
}

/// The next transition of the run: one attempt settled, the next one enqueued, now and then a snapshot.
fn advance(commit: &mut Commit) {
    let version = commit.head.version.next();
    let attempt = u32::try_from(version.0).unwrap();
    let run = commit.head.run;
    commit.expected = Some(commit.head.version);
    commit.head.version = version;
    commit.log = log_row(version.0);
    commit.settle = vec![step(run, attempt - 1)];
    commit.enqueue = vec![item(run, attempt)];
    commit.snapshot = version.0.is_multiple_of(16).then(|| Snapshot {
        version,
        state: "s".repeat(2000),
    });
}

fn log_row(version: u64) -> LogRow {
    LogRow {
        version: Version(version),
        at: NOW,
        events: format!(
            r#"[{{"type":"step_completed","output":"{}"}}]"#,
            "o".repeat(350)
        ),
    }
}

fn step(run: RunId, attempt: u32) -> StepRef {
    StepRef {
        run,
        scope: 0,
        node: 1,
        attempt,
    }
}

fn item(run: RunId, attempt: u32) -> NewMessage {
    NewMessage {
        step: Some(StepItem {
            step: step(run, attempt),
            timeout: Duration::from_secs(60),
        }),
        ..message()
    }
}

fn message() -> NewMessage {
    NewMessage {
        queue: "ossa".to_owned(),
        priority: Priority::Normal,
        available_at: NOW,
        body: vec![b'b'; 400],
        headers: Vec::new(),
        step: None,
    }
}

fn durabilities() -> [(&'static str, Durability); 2] {
    [("full", Durability::Power), ("normal", Durability::Process)]
}

fn transitions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("transitions");
    for (name, durability) in durabilities() {
        for batch in [1_usize, 8, 64] {
            let bench = open(durability);
            let mut commits: Vec<_> = (0..batch).map(|_| create()).collect();
            bench.store.commit(&commits).unwrap();
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(name, batch), |bencher| {
                bencher.iter(|| {
                    commits.iter_mut().for_each(advance);
                    let outcomes = bench.store.commit(&commits).unwrap();
                    assert!(outcomes.iter().all(|it| *it == CommitOutcome::Committed));
                });
            });
        }
    }
    group.finish();
}

fn publications(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("publish");
    for (name, durability) in durabilities() {
        for batch in [1, 100] {
            let bench = open(durability);
            let messages = vec![message(); batch];
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(name, batch), |bencher| {
                bencher.iter(|| bench.store.publish(&messages, NOW).unwrap());
            });
        }
    }
    group.finish();
}

fn consumption(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("receive and ack");
    for (batch, backlog) in [(1, 1_000), (100, 1_000), (100, 300_000)] {
        let bench = open(Durability::Power);
        let messages = vec![message(); 1000];
        for _ in 0..backlog / messages.len() {
            bench.store.publish(&messages, NOW).unwrap();
        }
        let request = Receive {
            queues: vec!["ossa".to_owned()],
            worker: WorkerId("bench".to_owned()),
            max: batch,
            eldest: 0,
            lease: Lease {
                now: NOW,
                duration: Duration::from_secs(30),
            },
        };
        group.throughput(Throughput::Elements(batch as u64));
        let id = BenchmarkId::new(format!("{backlog} in the queue"), batch);
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations {
                    let since = std::time::Instant::now();
                    let deliveries = bench.store.receive(&request).unwrap();
                    let receipts: Vec<Receipt> =
                        deliveries.into_iter().map(|it| it.receipt).collect();
                    bench.store.ack(&receipts).unwrap();
                    spent += since.elapsed();
                    // Refilled off the clock, so the backlog stays what it is.
                    bench
                        .store
                        .publish(messages.split_at(batch).0, NOW)
                        .unwrap();
                }
                spent
            });
        });
    }
    group.finish();
}

fn recovery(criterion: &mut Criterion) {
    let bench = open(Durability::Process);
    let mut commit = create();
    bench.store.commit(std::slice::from_ref(&commit)).unwrap();
    for _ in 0..31 {
        advance(&mut commit);
        bench.store.commit(std::slice::from_ref(&commit)).unwrap();
    }
    let run = [commit.head.run];
    criterion.bench_function("load a run", |bencher| {
        bencher.iter(|| bench.store.load(&run).unwrap());
    });
}

criterion_group!(
    name = benches;
    config = Criterion::default().sample_size(30).measurement_time(Duration::from_secs(4));
    targets = transitions, publications, consumption, recovery
);
criterion_main!(benches);
