//! One run of a million steps.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use ossa_runtime::engine::{Engine, StartRequest};
use ossa_runtime::port::{Backend, RunId};
use ossa_runtime::run::Data;
use serde_json::{Value, json};

use super::measure::{cpu_time, print, round};
use super::{
    Bench, STARTER, compared, file_size, in_turns, itself, open, peak_memory, take, task, workflow,
};

/// Queues of the run that is measured late, and of the one that is measured early.
const QUEUES: [&str; 2] = ["old", "young"];

impl Bench {
    /// A loop over pages, and in each a loop over what is on the page.
    pub(crate) fn loop_over_pages(&self) {
        let plan = workflow(&format!(
            "    - id: pages
      kind: Loop
      loop: {{over: '${{{{ input.pages }}}}', as: page}}
      steps:
        - {}
        - id: items
          kind: Loop
          loop: {{over: '${{{{ steps.list.output.ids }}}}', as: id}}
          steps: [{}]
",
            task("list", "input: {page: '${{ page }}'}"),
            task("work", "input: {page: '${{ page }}', id: '${{ id }}'}"),
        ));
        let on_a_page = self.scaled(1000).max(10);
        // Enough is left to be measured after the last step that counts.
        let pages: Vec<_> =
            (0..self.scaled(1_000_000) / on_a_page + self.times() / on_a_page + 3).collect();
        let dsn = self.dsn("loop", "normal");
        for queue in QUEUES {
            let request = StartRequest::of_plan(Arc::clone(&plan), json!({ "pages": pages }));
            open(&dsn, queue).start(request).unwrap();
        }
        self.measure("one run that loops over pages", on_a_page);
    }

    /// A loop over one list. Other processes work on it than the one that was given the list, as in an application.
    pub(crate) fn loop_over_one_list(&self) {
        let started = itself(&self.folder, self.share, STARTER).status().unwrap();
        assert!(started.success());
        self.measure("one run that loops over one list", 0);
    }

    pub(crate) fn start_loops_over_one_list(&self) {
        let plan = workflow(&format!(
            "    - id: all
      kind: Loop
      loop: {{over: '${{{{ input.items }}}}', as: id}}
      steps: [{}]
",
            task(
                "work",
                "input: {shop: '${{ input.shop }}', id: '${{ id }}'}"
            ),
        ));
        for queue in QUEUES {
            // As it comes from a file or a request: the list of a host's own is no part of what is measured.
            let mut text = "{\"shop\": \"blue\", \"items\": [0".to_owned();
            for item in 1..self.scaled(1_000_000) + self.times() + 3 {
                write!(text, ",{item}").unwrap();
            }
            text.push_str("]}");
            let input: Data = serde_json::from_str(&text).unwrap();
            drop(text);
            let request = StartRequest::of_plan(Arc::clone(&plan), input);
            open(&self.dsn("loop", "normal"), queue)
                .start(request)
                .unwrap();
        }
        print(
            json!({"figure": "the start of a loop over one list", "peak_memory_mib": peak_memory()}),
        );
    }

    /// Works on two runs that were started alike: one to the end, one for a thousand steps; then in turns.
    fn measure(&self, what: &str, on_a_page: usize) {
        let dsn = self.dsn("loop", "normal");
        let steps = self.scaled(1_000_000);
        let work = |engine: &Engine, queue: &str| -> RunId {
            let claim = take(engine, queue);
            let output = match claim.job.step.as_str() {
                "list" => json!({ "ids": (0..on_a_page).collect::<Vec<_>>() }),
                _ => json!({"done": true}),
            };
            engine.complete(&claim.token, output).unwrap();
            claim.job.run
        };
        let [engine, younger] = QUEUES.map(|queue| open(&dsn, queue));
        let backend = ossa_runtime::adapter::open(&dsn).unwrap();
        let (since, before) = (Instant::now(), cpu_time());
        let (mut largest_early, mut largest, mut rows) = (0, 0, 0);
        let mut run = RunId::from_uuid(uuid::Uuid::nil());
        for step in 0..steps {
            run = work(&engine, "old");
            if step % (steps / 1000).max(1) < 16 {
                let (snapshot, read) = stored(&*backend, run);
                rows = rows.max(read);
                largest = largest.max(snapshot);
                if step < steps / 100 {
                    largest_early = largest_early.max(snapshot);
                }
            }
        }
        let (time, cpu) = (since.elapsed(), cpu_time() - before);
        print(json!({
            "figure": what, "steps": steps, "seconds": round(time.as_secs_f64()),
            "cpu_seconds": round(cpu.as_secs_f64()), "rows_read_by_recovery": rows,
            "largest_snapshot_bytes": largest, "of_the_first_hundredth": largest_early,
            "peak_memory_mib": peak_memory(), "file_mib": file_size(&self.folder.join("loop.db")),
        }));
        for _ in 0..1000.min(steps) {
            work(&younger, "young");
        }
        let (left, right) = in_turns(
            self.times(),
            || assert_ne!(work(&younger, "young"), run),
            || assert_eq!(work(&engine, "old"), run),
        );
        print(compared(
            &format!("a step of {what}"),
            &["after 1000 steps", "at the end"],
            &left,
            &right,
        ));
    }
}

/// Bytes of the run's snapshot, and the rows that bring the run back: the snapshot, those it refers to, those after it.
fn stored(backend: &dyn Backend, run: RunId) -> (usize, usize) {
    let stored = backend.load(&[run]).unwrap().pop().flatten().unwrap();
    let Some(snapshot) = stored.snapshot else {
        return (0, stored.tail.len());
    };
    let state: Value = serde_json::from_str(&snapshot.state).unwrap();
    let elsewhere = state.get("elsewhere").and_then(Value::as_array);
    let elsewhere = elsewhere.into_iter().flatten();
    let mut referred: Vec<_> = elsewhere
        .map(|it| it.get("version").and_then(Value::as_u64))
        .collect();
    referred.dedup();
    (snapshot.state.len(), 1 + referred.len() + stored.tail.len())
}
