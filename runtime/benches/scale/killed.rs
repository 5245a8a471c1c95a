//! A process killed with runs in flight.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ossa_runtime::engine::{StartRequest, StepOutcome};
use rusqlite::Connection;
use serde_json::json;

use super::measure::{millis, print, round};
use super::{Bench, LEASE, QUEUE, VICTIM, chain, itself, open, output, peak_memory, workflow};

impl Bench {
    pub(crate) fn killed_with_runs_in_flight(&self) {
        let runs = self.scaled(20_000);
        let mut victim = itself(&self.folder, self.share, VICTIM)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "all started");
        std::thread::sleep(Duration::from_millis(300));
        victim.kill().unwrap();
        victim.wait().unwrap();
        let since = Instant::now();
        let engine = open(&self.dsn("killed", "full"), QUEUE);
        let first = engine.receive(&[QUEUE], 1).unwrap();
        let dispatch = since.elapsed();
        let memory = peak_memory();
        for claim in &first {
            engine.complete(&claim.token, output()).unwrap();
        }
        let idle = Instant::now();
        let mut last = Instant::now();
        // What the victim held comes back at the end of its leases.
        while last.elapsed() < LEASE * 2 {
            let claims = engine.receive(&[QUEUE], 256).unwrap();
            if claims.is_empty() {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            }
            last = Instant::now();
            let reports = claims
                .iter()
                .map(|claim| (claim.token.clone(), StepOutcome::Success(output())));
            for answer in engine.report_many(reports.collect()) {
                answer.unwrap();
            }
        }
        let worked = last.duration_since(idle);
        let db = Connection::open(self.folder.join("killed.db")).unwrap();
        let number = |sql: &str| -> i64 { db.query_row(sql, [], |row| row.get(0)).unwrap() };
        let completed = number("SELECT count(*) FROM runs WHERE status = 'completed'");
        let doubled = number(
            "SELECT count(*) FROM (SELECT 1 FROM run_events WHERE type = 'step_completed'
             GROUP BY rid, scope, node HAVING count(*) > 1)",
        );
        print(json!({
            "figure": "killed with runs in flight", "runs": runs, "first_dispatch_ms": millis(dispatch),
            "completed": completed, "lost": runs as i64 - completed, "results_recorded_twice": doubled,
            "seconds_until_all_done": round(worked.as_secs_f64()),
            "peak_memory_mib_at_first_dispatch": memory,
        }));
    }

    /// Starts the runs, says so, and works on them.
    pub(crate) fn work_until_killed(&self) {
        let engine = open(&self.dsn("killed", "full"), QUEUE);
        let plan = workflow(&chain(3));
        let mut left = self.scaled(20_000);
        while left > 0 {
            let some = left.min(250);
            let request = || StartRequest::of_plan(Arc::clone(&plan), json!({}));
            for answer in engine.start_many((0..some).map(|_| request()).collect()) {
                answer.unwrap();
            }
            left -= some;
        }
        println!("all started");
        loop {
            for claim in engine.receive(&[QUEUE], 64).unwrap() {
                engine.complete(&claim.token, output()).unwrap();
            }
        }
    }
}
