//! What size does not change: long runs, full stores, many runs at once, large workflows.
//!
//! `cargo bench --bench scale`, or with the name of a section: `cargo bench --bench scale -- loop`. Prints one JSON object
//! a line. What is compared is measured in turns, so that whatever else the machine does meets both sides. Each section is
//! a process of its own, so that its memory is its own. The files are put into `OSSA_BENCH_DIR`, or the system's folder
//! for temporary files (5 GiB at full size); `OSSA_BENCH_SHARE` (1) makes everything smaller.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ossa_runtime::engine::{Engine, EngineOptions, StartRequest, StepClaim};
use ossa_runtime::plan::Plan;
use serde_json::{Value, json};

use measure::{compile, machine, manifest, millis, percentiles, print, round};

mod finished;
mod killed;
mod large;
mod long_loop;
#[path = "../measure/mod.rs"]
mod measure;

type Section = (&'static str, fn(&Bench));

const SECTIONS: [Section; 5] = [
    ("loop", Bench::loop_over_pages),
    ("list", Bench::loop_over_one_list),
    ("finished", Bench::finished_runs),
    ("killed", Bench::killed_with_runs_in_flight),
    ("large", Bench::large_workflows),
];
/// Set for the process of a section.
const FOLDER: &str = "OSSA_BENCH_SECTION_FOLDER";
/// What the process that will be killed is called.
const VICTIM: &str = "victim";
/// What the process is called that starts runs for others to work on.
const STARTER: &str = "starter";

struct Bench {
    folder: PathBuf,
    /// Of the full size.
    share: f64,
}

fn main() {
    // `cargo test` runs benches to see that they work; a figure is of no use then.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let share = std::env::var("OSSA_BENCH_SHARE").ok();
    let share = share.and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let wanted: Vec<_> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    if let Some(folder) = std::env::var_os(FOLDER) {
        let bench = Bench {
            folder: folder.into(),
            share,
        };
        if wanted == [VICTIM] {
            bench.work_until_killed();
        }
        if wanted == [STARTER] {
            bench.start_loops_over_one_list();
        }
        for (_, section) in SECTIONS.iter().filter(|(name, _)| wanted == [*name]) {
            section(&bench);
        }
        return;
    }
    print(machine());
    let parent = std::env::var_os("OSSA_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    for (name, _) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            let folder = tempfile::tempdir_in(&parent).unwrap();
            let share = if is_test { 0.001 } else { share };
            let ended = itself(folder.path(), share, name).status().unwrap();
            assert!(ended.success(), "section {name}: {ended}");
        }
    }
}

/// This program as a process for one thing.
fn itself(folder: &Path, share: f64, what: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .arg(what)
        .env(FOLDER, folder)
        .env("OSSA_BENCH_SHARE", share.to_string());
    command
}

impl Bench {
    fn scaled(&self, full: usize) -> usize {
        ((full as f64 * self.share) as usize).max(1)
    }

    /// Times for each side of a comparison of short things.
    fn times(&self) -> usize {
        self.scaled(2000).clamp(20, 2000)
    }

    fn dsn(&self, name: &str, durability: &str) -> String {
        let folder = self.folder.display();
        format!("sqlite://{folder}/{name}.db?synchronous={durability}")
    }
}

const QUEUE: &str = "steps";
const LEASE: Duration = Duration::from_secs(2);

fn open(dsn: &str, queue: &str) -> Engine {
    let options = EngineOptions {
        queue: queue.to_owned(),
        lease: LEASE,
        ..EngineOptions::default()
    };
    Engine::open(dsn, options).unwrap()
}

fn take(engine: &Engine, queue: &str) -> Arc<StepClaim> {
    engine.receive(&[queue], 1).unwrap().pop().unwrap()
}

fn step(engine: &Engine, queue: &str) {
    let claim = take(engine, queue);
    engine.complete(&claim.token, output()).unwrap();
}

fn run_through(engine: &Engine, plan: &Arc<Plan>) {
    engine
        .start(StartRequest::of_plan(Arc::clone(plan), json!({})))
        .unwrap();
    (0..3).for_each(|_| step(engine, QUEUE));
}

fn output() -> Value {
    json!({"id": "0193-ada", "status": "created", "attempts": 1})
}

/// Does both in turns, so many times each, the first one first every other time.
fn in_turns(
    times: usize,
    mut left: impl FnMut(),
    mut right: impl FnMut(),
) -> (Vec<Duration>, Vec<Duration>) {
    let (mut lefts, mut rights) = (Vec::new(), Vec::new());
    let timed = |body: &mut dyn FnMut()| {
        let since = Instant::now();
        body();
        since.elapsed()
    };
    for turn in 0..times {
        if turn % 2 == 0 {
            lefts.push(timed(&mut left));
            rights.push(timed(&mut right));
        } else {
            rights.push(timed(&mut right));
            lefts.push(timed(&mut left));
        }
    }
    (lefts, rights)
}

fn compared(what: &str, names: &[&str; 2], left: &[Duration], right: &[Duration]) -> Value {
    let side = |times: &[Duration]| {
        let mean = times.iter().sum::<Duration>() / times.len().max(1) as u32;
        let (p50, p99) = percentiles(times.to_vec());
        (
            p50,
            mean,
            json!({"p50_ms": millis(p50), "mean_ms": millis(mean), "p99_ms": millis(p99)}),
        )
    };
    let ((p50, mean, ours), (p50_right, mean_right, theirs)) = (side(left), side(right));
    json!({
        "figure": what, names[0]: ours, names[1]: theirs, "times": left.len(),
        "ratio_of_p50": round(p50_right.as_secs_f64() / p50.as_secs_f64()),
        "ratio_of_mean": round(mean_right.as_secs_f64() / mean.as_secs_f64()),
    })
}

fn workflow(steps: &str) -> Arc<Plan> {
    Arc::new(compile(&manifest(&document(steps))))
}

fn document(steps: &str) -> String {
    format!(
        "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: big}}\nspec:\n  steps:\n{steps}"
    )
}

fn task(id: &str, more: &str) -> String {
    format!(
        "{{id: {id}, kind: Task, inline: {{execution: {{type: idempotent, entrypoint: work}}}}, {more}}}"
    )
}

/// Steps one after the other, each with something of the one before.
fn chain(steps: usize) -> String {
    let mut text = format!("    - {}\n", task("s0", "input: {}"));
    for number in 1..steps {
        let input = format!(
            "input: {{before: '${{{{ steps.s{}.output.id }}}}'}}",
            number - 1
        );
        let _ = writeln!(text, "    - {}", task(&format!("s{number}"), &input));
    }
    text
}

fn file_size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |found| found.len() / (1 << 20))
}

/// The most memory that this process has had so far, in MiB; as Linux tells it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib / 1024)
}
