//! A store full of finished runs.

use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

use ossa_runtime::engine::Engine;
use ossa_runtime::port::{Page, RunFilter, RunStatus, Timestamp};
use rusqlite::Connection;
use serde_json::json;

use super::measure::{millis, percentiles, print, round};
use super::{Bench, QUEUE, chain, compared, file_size, in_turns, open, run_through, workflow};

impl Bench {
    pub(crate) fn finished_runs(&self) {
        let plan = workflow(&chain(3));
        let runs = self.scaled(1_000_000);
        for durability in ["full", "normal"] {
            let (empty, full) = (self.dsn("empty", durability), self.dsn("full", durability));
            let engine = open(&full, QUEUE);
            if durability == "full" {
                let since = Instant::now();
                run_through(&engine, &plan);
                engine.close();
                multiply(&self.folder.join("full.db"), runs);
                print(json!({
                    "figure": "finished runs put into the store", "runs": runs,
                    "seconds": round(since.elapsed().as_secs_f64()),
                    "file_mib": file_size(&self.folder.join("full.db")),
                }));
            }
            let engine = open(&full, QUEUE);
            let other = open(&empty, QUEUE);
            // What an empty store has in its caches, a full one may have, too.
            for _ in 0..20 {
                run_through(&other, &plan);
                run_through(&engine, &plan);
            }
            let (left, right) = in_turns(
                self.times() / 2,
                || run_through(&other, &plan),
                || run_through(&engine, &plan),
            );
            let what = format!("a 3-step run, synchronous={durability}");
            print(compared(
                &what,
                &["in an empty store", "in a full one"],
                &left,
                &right,
            ));
        }
        let engine = open(&self.dsn("full", "full"), QUEUE);
        self.listings(&engine, runs);
    }

    fn listings(&self, engine: &Engine, runs: usize) {
        let all = RunFilter::default;
        let day = Timestamp::from_millis(FIRST.as_millis() + 1000 * (runs as i64 / 2));
        let filters = [
            ("none", all()),
            (
                "status completed",
                RunFilter {
                    statuses: vec![RunStatus::Completed],
                    ..all()
                },
            ),
            (
                "status failed",
                RunFilter {
                    statuses: vec![RunStatus::Failed],
                    ..all()
                },
            ),
            (
                "status running, of which there are none",
                RunFilter {
                    statuses: vec![RunStatus::Running],
                    ..all()
                },
            ),
            (
                "workflow",
                RunFilter {
                    workflow: Some("flow-7".to_owned()),
                    ..all()
                },
            ),
            (
                "workflow and status",
                RunFilter {
                    workflow: Some("flow-7".to_owned()),
                    statuses: vec![RunStatus::Failed],
                    ..all()
                },
            ),
            (
                "correlation id",
                RunFilter {
                    correlation_id: Some("case-77".to_owned()),
                    ..all()
                },
            ),
            (
                "label",
                RunFilter {
                    labels: [("shop".to_owned(), "7".to_owned())].into(),
                    ..all()
                },
            ),
            (
                "label and status",
                RunFilter {
                    labels: [("shop".to_owned(), "13".to_owned())].into(),
                    statuses: vec![RunStatus::Failed],
                    ..all()
                },
            ),
            (
                "changed from",
                RunFilter {
                    updated_from: Some(day),
                    ..all()
                },
            ),
            (
                "changed before",
                RunFilter {
                    updated_before: Some(day),
                    ..all()
                },
            ),
            (
                "created from",
                RunFilter {
                    created_from: Some(day),
                    ..all()
                },
            ),
            (
                "created before",
                RunFilter {
                    created_before: Some(day),
                    ..all()
                },
            ),
        ];
        for (name, filter) in filters {
            let mut found = 0;
            let first = Page {
                after: None,
                limit: 50,
            };
            let mut times = Vec::new();
            for _ in 0..self.times() / 20 {
                let since = Instant::now();
                found = engine.runs(&filter, &first).unwrap().runs.len();
                times.push(since.elapsed());
            }
            let (p50, p99) = percentiles(times);
            print(json!({
                "figure": "the first 50 runs of a listing", "filter": name, "found": found,
                "p50_ms": millis(p50), "p99_ms": millis(p99),
            }));
        }
    }
}

const FIRST: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Copies the one run of the file so many times, with its log and snapshot, as runs of twenty workflows with keys,
/// correlation ids and times of their own. Every tenth has failed.
fn multiply(file: &Path, runs: usize) {
    let db = Connection::open(file).unwrap();
    db.execute_batch("PRAGMA synchronous = off; BEGIN").unwrap();
    let own = [
        "id",
        "rid",
        "workflow",
        "status",
        "idempotency_key",
        "correlation_id",
        "created_at",
        "updated_at",
        "ended_at",
        "labels",
    ];
    let values = [
        "id + n",
        // The time before the rest, as run ids have it.
        "CAST(unhex(format('%012x', ?2 + 1000 * n)) || substr(rid, 7, 2) || randomblob(8) AS BLOB)",
        "'flow-' || (n % 20)",
        "iif(n % 10 = 3, 'failed', status)",
        "'key-' || n",
        "'case-' || (n / 5)",
        "?2 + 1000 * n",
        "?2 + 1000 * n + 50",
        "?2 + 1000 * n + 50",
        "json_object('shop', cast(n % 100 AS TEXT))",
    ];
    let own_log = ["pos", "run"];
    copy(&db, "runs", &own, &values, runs);
    copy(&db, "run_log", &own_log, &["NULL", "run + n"], runs);
    copy(&db, "snapshots", &["run"], &["run + n"], runs);
    db.execute_batch(
        "INSERT INTO run_labels (label, value, at, run)
         SELECT 'shop', labels ->> '$.shop', created_at, rid FROM runs WHERE labels IS NOT NULL",
    )
    .unwrap();
    db.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
}

/// Repeats the rows of a table, `n` from 1 on, with these columns anew and the others as they are.
fn copy(db: &Connection, table: &str, anew: &[&str], values: &[&str], times: usize) {
    let sql = "SELECT name FROM pragma_table_info(?1)";
    let mut columns = db.prepare(sql).unwrap();
    let columns = columns
        .query_map([table], |row| row.get::<_, String>(0))
        .unwrap();
    let known: HashSet<_> = anew.iter().copied().collect();
    let kept: Vec<_> = columns
        .map(Result::unwrap)
        .filter(|name| !known.contains(name.as_str()))
        .collect();
    let kept = kept.join(", ");
    let comma = if kept.is_empty() { "" } else { ", " };
    let sql = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
         INSERT INTO {table} ({}{comma}{kept})
         SELECT {}{comma}{kept} FROM numbers CROSS JOIN (SELECT * FROM {table}) WHERE ?2 IS NOT NULL",
        anew.join(", "),
        values.join(", "),
    );
    db.execute(&sql, (times as i64, FIRST.as_millis())).unwrap();
}
