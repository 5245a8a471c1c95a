//! What reading a manifest costs: text to checked model, at both levels.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use ossa_runtime::manifest::{Options, load_str};

const TASK: &str = "apiVersion: ossa/v0.3.0
kind: Task
metadata: {name: send-mail, version: 1.0.0}
spec:
  execution: {type: idempotent, timeout_seconds: 30}
  capabilities: [send_mail]
  input: {type: object, required: [to], properties: {to: {type: string}, template: {type: string}}}
";

/// The workflow of the demo application.
const ONBOARDING: &str =
    include_str!("../../examples/symfony-app/config/ossa/user-onboarding.yaml");

/// Steps in a row, each with an input that reads the one before it.
fn long_workflow(steps: usize) -> String {
    let mut text = String::from(
        "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {name: long}\nspec:\n  steps:\n    - {id: s0, kind: Task, ref: tasks/work}\n",
    );
    for step in 1..steps {
        let _ = writeln!(
            text,
            "    - id: s{step}\n      kind: Task\n      ref: tasks/work\n      input: {{before: \"${{{{ steps.s{}.output }}}}\"}}",
            step - 1
        );
    }
    text
}

fn validate(criterion: &mut Criterion) {
    let texts = [
        ("task", TASK.to_owned()),
        ("onboarding", ONBOARDING.to_owned()),
        ("1000 steps", long_workflow(1_000)),
    ];
    let mut group = criterion.benchmark_group("validate");
    for (name, text) in &texts {
        group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap_or(0)));
        for (level, options) in [
            ("lenient", Options::default()),
            ("strict", Options::strict()),
        ] {
            assert!(load_str(text, &options).is_valid(), "{name} must be valid");
            group.bench_with_input(BenchmarkId::new(*name, level), text, |bencher, text| {
                bencher.iter(|| load_str(black_box(text), &options));
            });
        }
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    validate(&mut criterion);
    criterion.final_summary();
}
