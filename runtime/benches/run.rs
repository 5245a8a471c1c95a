//! What the machine costs: a durable run of three steps, its log rows as JSON included.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to report"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use ossa_runtime::manifest::model::{Manifest, Reference};
use ossa_runtime::manifest::{self, Options};
use ossa_runtime::plan::{Plan, Resolver, Unresolved};
use ossa_runtime::port::{LogRow, Priority, RunId, StepRef, Timestamp};
use ossa_runtime::run::{Input, RetryOwner, RunState, Start, Transition, apply};
use serde_json::{Map, json};
use uuid::Uuid;

const WORKFLOW: &str = "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: order, version: 1.0.0}
spec:
  inputs: {type: object, properties: {order: {type: integer}, email: {type: string}}, required: [order]}
  outputs: {type: object, properties: {receipt: {type: string}}}
  steps:
    - id: reserve
      kind: Task
      inline: {execution: {entrypoint: reserve}, output: {type: object, required: [items]}}
      input: {order: '${{ workflow.input.order }}'}
    - id: charge
      kind: Task
      retry: {max_attempts: 3}
      inline: {execution: {entrypoint: charge}}
      input: {order: '${{ workflow.input.order }}', items: '${{ steps.reserve.output.items }}'}
    - id: confirm
      kind: Task
      condition: steps.charge.output.receipt
      inline: {execution: {entrypoint: confirm}}
      input: {to: '${{ workflow.input.email }}', text: 'Paid with ${{ steps.charge.output.receipt }}'}
";

const RUN: RunId = RunId::from_uuid(Uuid::from_u128(1));

struct Nothing;

impl Resolver for Nothing {
    fn resolve(&self, _: &Reference, _: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        Err(Unresolved {
            reason: "nothing is referred to".to_owned(),
        })
    }
}

fn plan() -> Plan {
    let loaded = manifest::load_str(WORKFLOW, &Options::default());
    let manifest = loaded.manifests().next().expect("the manifest is valid");
    Plan::compile(manifest, &Nothing).expect("the workflow can be run")
}

fn inputs() -> Vec<Input> {
    let start = Start {
        run: RUN,
        input: json!({"order": 4711, "email": "ada@example.org"}).into(),
        idempotency_key: Some("order-4711".to_owned()),
        correlation_id: None,
        labels: ossa_runtime::port::Labels::new(),
        traceparent: None,
        priority: Priority::Normal,
        trigger: None,
        env: Map::new(),
        queue: "default".to_owned(),
        default_retry: None,
        groups: Vec::new(),
        parent: None,
    };
    let done = |node, output| Input::Succeeded {
        step: StepRef {
            run: RUN,
            scope: 0,
            node,
            attempt: 1,
        },
        output,
        retry_owner: RetryOwner::Engine,
    };
    vec![
        Input::Start(Box::new(start)),
        done(
            0,
            json!({"items": [{"sku": "a", "count": 2}, {"sku": "b", "count": 1}]}),
        ),
        done(1, json!({"receipt": "R-2026-1"})),
        done(2, json!({"sent": true})),
    ]
}

/// One transition and what a commit makes of it.
fn transition(plan: &Plan, state: Option<RunState>, input: Input) -> (Transition, String) {
    let made = apply(plan, state, input, Timestamp::from_millis(1_000)).expect("it applies");
    let events = serde_json::to_string(&made.events).expect("events are JSON");
    (made, events)
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let plan = plan();
    let inputs = inputs();

    let mut group = criterion.benchmark_group("run");
    group.throughput(Throughput::Elements(inputs.len() as u64));
    group.bench_function("three steps, start to end", |bencher| {
        bencher.iter(|| {
            let mut state = None;
            for input in &inputs {
                let (made, events) = transition(&plan, state.take(), input.clone());
                black_box((&events, made.state.head(&plan)));
                state = Some(made.state);
            }
            state
        });
    });

    let mut rows = Vec::new();
    let mut states = Vec::new();
    for input in &inputs {
        let (made, events) = transition(&plan, states.last().cloned(), input.clone());
        rows.push(LogRow {
            version: made.state.version(),
            at: Timestamp::from_millis(1_000),
            events,
        });
        states.push(made.state);
    }
    group.throughput(Throughput::Elements(1));
    let second = states.get(1).expect("four states");
    let charge = inputs.get(2).expect("four inputs");
    group.bench_function("one result, from a kept state", |bencher| {
        bencher.iter(|| transition(&plan, Some(second.clone()), charge.clone()));
    });
    group.bench_function("replay of the log", |bencher| {
        bencher.iter(|| RunState::replay(&plan, None, black_box(&rows)).expect("the log is good"));
    });
    group.bench_function("snapshot", |bencher| bencher.iter(|| second.to_snapshot()));
    group.finish();
    criterion.final_summary();
}
