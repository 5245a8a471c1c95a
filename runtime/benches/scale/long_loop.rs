//! One run of a million steps.

use std::sync::Arc;
use std::time::Instant;

use ossa_runtime::engine::{Engine, StartRequest};
use ossa_runtime::port::{Backend, RunId};
use serde_json::json;

use super::measure::{cpu_time, print, round};
use super::{Bench, compared, file_size, in_turns, open, peak_memory, take, task, workflow};

impl Bench {
    /// A loop over pages, and in each a loop over what is on the page.
    pub(crate) fn long_loop(&self) {
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
        let steps = self.scaled(1_000_000);
        let on_a_page = self.scaled(1000).max(10);
        let pairs = self.times();
        // Enough is left to be measured after the last step that counts.
        let pages: Vec<_> = (0..steps / on_a_page + pairs / on_a_page + 3).collect();
        let request = || StartRequest::of_plan(Arc::clone(&plan), json!({ "pages": pages }));
        let dsn = self.dsn("loop", "normal");
        let work = |engine: &Engine, queue: &str| {
            let claim = take(engine, queue);
            let ids = || (0..on_a_page).collect::<Vec<_>>();
            let output = match claim.job.step.as_str() {
                "list" => json!({ "ids": ids() }),
                _ => json!({"done": true}),
            };
            engine.complete(&claim.token, output).unwrap();
        };
        let engine = open(&dsn, "old");
        let old = engine.start(request()).unwrap().run;
        let backend = ossa_runtime::adapter::open(&dsn).unwrap();
        let (since, before) = (Instant::now(), cpu_time());
        let (mut largest_early, mut largest, mut rows) = (0, 0, 0);
        for step in 0..steps {
            work(&engine, "old");
            if step % (steps / 1000).max(1) < 16 {
                let (snapshot, tail) = stored(&*backend, old);
                rows = rows.max(tail + usize::from(snapshot > 0));
                largest = largest.max(snapshot);
                if step < steps / 100 {
                    largest_early = largest_early.max(snapshot);
                }
            }
        }
        let (time, cpu) = (since.elapsed(), cpu_time() - before);
        print(json!({
            "figure": "one run that loops", "steps": steps, "seconds": round(time.as_secs_f64()),
            "cpu_seconds": round(cpu.as_secs_f64()), "rows_read_by_recovery": rows,
            "largest_snapshot_bytes": largest, "of_the_first_hundredth": largest_early,
            "peak_memory_mib": peak_memory(), "file_mib": file_size(&self.folder.join("loop.db")),
        }));
        let younger = open(&dsn, "young");
        younger.start(request()).unwrap();
        for _ in 0..1000.min(steps) {
            work(&younger, "young");
        }
        let (left, right) = in_turns(pairs, || work(&younger, "young"), || work(&engine, "old"));
        print(compared(
            "a step of the loop",
            &["after 1000 steps", "at the end"],
            &left,
            &right,
        ));
    }
}

/// Bytes of the run's snapshot, and how many log rows follow it.
fn stored(backend: &dyn Backend, run: RunId) -> (usize, usize) {
    let stored = backend.load(&[run]).unwrap().pop().flatten().unwrap();
    let snapshot = stored.snapshot.map_or(0, |snapshot| snapshot.state.len());
    (snapshot, stored.tail.len())
}
