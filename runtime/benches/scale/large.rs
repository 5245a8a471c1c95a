//! Workflows of many steps.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use ossa_runtime::engine::{OrderedBy, StartRequest};
use ossa_runtime::plan::Plan;
use ossa_runtime::port::{Labels, Priority, RunId, StepRef, Timestamp};
use ossa_runtime::run::{Input, RetryOwner, RunState, Start, apply};
use serde_json::{Map, json};

use super::measure::{compile, cpu_time, manifest, millis, percentiles, print, ratio};
use super::{
    Bench, QUEUE, chain, compared, document, in_turns, open, output, step, take, task, workflow,
};

impl Bench {
    pub(crate) fn large_workflows(&self) {
        let mut compiled = Vec::new();
        for steps in [1000, 4000] {
            let text = document(&graph(steps));
            let since = Instant::now();
            let read = manifest(&text);
            let reading = since.elapsed();
            let mut times = Vec::new();
            let before = cpu_time();
            for _ in 0..self.times() / 20 {
                let since = Instant::now();
                drop(std::hint::black_box(compile(&read)));
                times.push(since.elapsed());
            }
            let cpu = (cpu_time() - before) / times.len() as u32;
            let (p50, p99) = percentiles(times);
            print(json!({
                "figure": "a workflow compiled", "steps": steps, "p50_ms": millis(p50), "p99_ms": millis(p99),
                "cpu_ms": millis(cpu),
                "manifest_read_and_checked_ms": millis(reading),
            }));
            compiled.push(p50);
        }
        if let [small, large] = compiled.as_slice() {
            print(json!({"figure": "four times the steps", "times_longer": ratio(*large, *small)}));
        }
        let plan = workflow(&chain(1000));
        decisions(&plan, self.times());
        for durability in ["normal", "full"] {
            self.chain_of_steps(&plan, durability);
        }
    }

    /// The tenth step of a chain against the last but ten, by turns of 16 steps: that many have one snapshot among them.
    fn chain_of_steps(&self, plan: &Arc<Plan>, durability: &str) {
        let dsn = self.dsn("chain", durability);
        let (early, late) = (open(&dsn, "early"), open(&dsn, "late"));
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for _ in 0..self.times().div_ceil(100) {
            for (engine, queue, done) in [(&early, "early", 10), (&late, "late", 970)] {
                engine
                    .start(StartRequest::of_plan(Arc::clone(plan), json!({})))
                    .unwrap();
                (0..done).for_each(|_| step(engine, queue));
            }
            let (some, others) = in_turns(16, || step(&early, "early"), || step(&late, "late"));
            left.extend(some);
            right.extend(others);
            for (engine, queue) in [(&early, "early"), (&late, "late")] {
                // The rest of the run is of no interest, its item must not be found again.
                let claim = take(engine, queue);
                engine.cancel(claim.job.run, OrderedBy::default()).unwrap();
            }
        }
        let what = format!("a step of a chain of 1000, synchronous={durability}");
        print(compared(&what, &["step 10", "step 970"], &left, &right));
    }
}

/// What the machine takes to decide, without an engine around it.
fn decisions(plan: &Plan, times: usize) {
    let (now, mut state) = (Timestamp::from_millis(1), None);
    let mut kept = Vec::new();
    for node in 0..1000_u32 {
        let input = match state.take() {
            None => begin(),
            Some(before) => {
                if node == 10 || node == 970 {
                    kept.push((node, RunState::clone(&before)));
                }
                let made = apply(plan, Some(before), done(node - 1), now).unwrap();
                state = Some(made.state);
                continue;
            }
        };
        state = Some(apply(plan, None, input, now).unwrap().state);
    }
    let [(early, first), (late, last)] = kept.as_slice() else {
        return;
    };
    let times = (times / 10).max(2);
    let (mut some, mut others) = (vec![first.clone(); times], vec![last.clone(); times]);
    let mut made = Vec::with_capacity(times);
    let mut other = Vec::with_capacity(times);
    let decide = |state: Option<RunState>, node: u32| {
        let made = apply(plan, state, done(node - 1), now).unwrap();
        std::hint::black_box(made.state.head(plan));
        made
    };
    let (left, right) = in_turns(
        times,
        || made.push(decide(some.pop(), *early)),
        || other.push(decide(others.pop(), *late)),
    );
    print(compared(
        "a decision in a chain of 1000",
        &["step 10", "step 970"],
        &left,
        &right,
    ));
    let (left, right) = in_turns(
        times,
        || drop(first.to_snapshot()),
        || drop(last.to_snapshot()),
    );
    let figure = compared(
        "a snapshot in a chain of 1000",
        &["step 10", "step 970"],
        &left,
        &right,
    );
    print(figure);
    print(json!({
        "figure": "bytes of a snapshot in a chain of 1000",
        "step 10": first.to_snapshot().state.len(), "step 970": last.to_snapshot().state.len(),
    }));
}

fn begin() -> Input {
    Input::Start(Box::new(Start {
        run: the_run(),
        input: json!({}).into(),
        idempotency_key: None,
        correlation_id: None,
        labels: Labels::default(),
        traceparent: None,
        priority: Priority::Normal,
        trigger: None,
        env: Map::new(),
        queue: QUEUE.to_owned(),
        default_retry: None,
        groups: Vec::new(),
        parent: None,
    }))
}

fn done(node: u32) -> Input {
    Input::Succeeded {
        step: StepRef {
            run: the_run(),
            scope: 0,
            node,
            attempt: 1,
        },
        output: output(),
        retry_owner: RetryOwner::Engine,
    }
}

fn the_run() -> RunId {
    RunId::from_uuid(uuid::Uuid::from_u128(1))
}

/// Steps that wait for two others each and read one of them.
fn graph(steps: usize) -> String {
    let mut text = String::new();
    for number in 0..steps {
        let more = match number {
            0 | 1 => "depends_on: []".to_owned(),
            _ => format!(
                "depends_on: [s{}, s{}], input: {{x: '${{{{ steps.s{}.output.id }}}}'}}",
                number - 2,
                number / 2,
                number / 2
            ),
        };
        let _ = writeln!(text, "    - {}", task(&format!("s{number}"), &more));
    }
    text
}
