//! What benchmarks of whole runs have in common: the machine, times, and figures as one JSON object a line.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ossa_runtime::manifest::model::{Manifest, Reference};
use ossa_runtime::manifest::{Options, load_str};
use ossa_runtime::plan::{Plan, Resolver, Unresolved};
use serde_json::{Value, json};

struct Alone;

impl Resolver for Alone {
    fn resolve(&self, _: &Reference, _: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        Err(Unresolved {
            reason: "the benchmark refers to nothing".to_owned(),
        })
    }
}

pub(crate) fn manifest(text: &str) -> Arc<Manifest> {
    let loaded = load_str(text, &Options::default());
    Arc::clone(loaded.manifests().next().unwrap())
}

pub(crate) fn compile(manifest: &Manifest) -> Plan {
    Plan::compile(manifest, &Alone).unwrap()
}

pub(crate) fn machine() -> Value {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    json!({
        "machine": model.map(|(_, name)| name), "cores": thread::available_parallelism().map_or(0, usize::from),
        "system": std::env::consts::OS, "architecture": std::env::consts::ARCH,
        "load_before": load.split(' ').next(), "debug_build": cfg!(debug_assertions),
        "file_system": file_system(&std::env::temp_dir()),
    })
}

/// The type of the mount that holds the folder.
fn file_system(folder: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    let best = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let place = fields.nth(1)?;
            folder
                .starts_with(place)
                .then_some((place.len(), fields.next()?))
        })
        .max_by_key(|(length, _)| *length)?;
    Some(best.1.to_owned())
}

/// What the process has spent of the processors' time so far; on a busy machine it tells more than the clock.
pub(crate) fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit_once(") ")
        .map_or("", |(_, fields)| fields)
        .split(' ');
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    // Ticks of a hundredth of a second, as Linux shows them everywhere.
    Duration::from_millis(ticks * 10)
}

pub(crate) fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    let at = |share: usize| {
        times
            .get((times.len() * share / 100).min(times.len() - 1))
            .copied()
    };
    (at(50).unwrap_or_default(), at(99).unwrap_or_default())
}

pub(crate) fn ratio(left: Duration, right: Duration) -> f64 {
    round(left.as_secs_f64() / right.as_secs_f64())
}

pub(crate) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

pub(crate) fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

pub(crate) fn print(value: Value) {
    println!("{value}");
}
