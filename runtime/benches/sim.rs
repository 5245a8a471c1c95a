//! How many transitions the simulator makes and checks in a second, faults on, on one core.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot run has nothing to report"
)]

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use ossa_runtime::manifest::model::{Manifest, Reference};
use ossa_runtime::manifest::{self, Options};
use ossa_runtime::plan::{Plan, Resolver, Unresolved};
use ossa_runtime::sim::{Faults, Scenario};

const WORKFLOW: &str = "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: order, version: 1.0.0}
spec:
  steps:
    - {id: reserve, kind: Task, retry: {max_attempts: 3}, inline: {execution: {entrypoint: reserve}}}
    - {id: charge, kind: Task, retry: {max_attempts: 3}, inline: {execution: {entrypoint: charge}}}
    - {id: confirm, kind: Task, inline: {execution: {entrypoint: confirm}}}
";

struct Nothing;

impl Resolver for Nothing {
    fn resolve(&self, _: &Reference, _: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        Err(Unresolved {
            reason: "nothing is referred to".to_owned(),
        })
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let loaded = manifest::load_str(WORKFLOW, &Options::default());
    let manifest = loaded.manifests().next().expect("the manifest is valid");
    let plan = Plan::compile(manifest, &Nothing).expect("the workflow can be run");
    let plan = Arc::new(plan);
    let mut group = criterion.benchmark_group("sim");
    for (name, faults) in [("no faults", Faults::none()), ("all faults", Faults::all())] {
        let scenario = Scenario {
            faults,
            ..Scenario::of(Arc::clone(&plan))
        };
        let runs = 1000;
        group.throughput(Throughput::Elements(scenario.simulate(1, runs).transitions));
        group.bench_function(name, |bencher| bencher.iter(|| scenario.simulate(1, runs)));
    }
    group.finish();
    criterion.final_summary();
}
