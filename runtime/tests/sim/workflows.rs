//! Workflows of every shape under every fault.

use ossa_runtime::sim::{Faults, RunOutcome, Scenario};
use proptest::prelude::*;

use crate::fixture::{scaled, scenario, sound};

/// A step of a random workflow.
#[derive(Debug, Clone)]
struct Shape {
    /// Waits for earlier steps at these distances; `None` = the one above.
    depends_on: Option<Vec<usize>>,
    condition: &'static str,
    on_error: OnError,
    is_async: bool,
    kind: Kind,
}

/// What a failure leads to.
#[derive(Debug, Clone, Copy)]
enum OnError {
    Fail,
    Continue,
    /// Go on with the step that comes so many steps later.
    Goto(usize),
    Compensate,
}

#[derive(Debug, Clone)]
enum Kind {
    Task {
        attempts: u32,
        timeout: u32,
    },
    /// Waits for somebody.
    Wait(&'static str),
    /// Runs a workflow.
    Child(&'static str),
    Parallel(Vec<Shape>),
    Conditional(Vec<Shape>, Vec<Shape>),
    Loop {
        items: usize,
        parallelism: usize,
        steps: Vec<Shape>,
    },
}

/// Tasks, and blocks of tasks and blocks.
fn any_shape() -> impl Strategy<Value = Shape> {
    let timeouts = prop_oneof![Just(1_u32), Just(40), Just(300)];
    let task = (1_u32..5, timeouts);
    let task = task.prop_map(|(attempts, timeout)| Kind::Task { attempts, timeout });
    let wait = proptest::sample::select(WAITS).prop_map(Kind::Wait);
    let child = proptest::sample::select(CHILDREN).prop_map(Kind::Child);
    shaped(prop_oneof![5 => task, 1 => wait, 1 => child]).prop_recursive(3, 12, 3, |inner| {
        let list = |least| proptest::collection::vec(inner.clone(), least..4);
        let choice = (list(0), list(0));
        shaped(prop_oneof![
            list(1).prop_map(Kind::Parallel),
            choice.prop_map(|(then, otherwise)| Kind::Conditional(then, otherwise)),
            (0..5_usize, 1..4_usize, list(1)).prop_map(|(items, parallelism, steps)| Kind::Loop {
                items,
                parallelism,
                steps: steps.into_iter().map(Shape::awaited).collect(),
            }),
        ])
    })
}

fn shaped(kind: impl Strategy<Value = Kind>) -> impl Strategy<Value = Shape> {
    (
        prop_oneof![
            1 => Just(None),
            3 => proptest::collection::vec(1_usize..6, 0..4).prop_map(Some),
        ],
        prop_oneof![6 => Just("true"), 1 => Just("false"), 2 => Just("workflow.input.flag")],
        prop_oneof![
            6 => Just(OnError::Fail),
            2 => Just(OnError::Continue),
            1 => (1_usize..4).prop_map(OnError::Goto),
            1 => Just(OnError::Compensate),
        ],
        proptest::bool::weighted(0.15),
        kind,
    )
        .prop_map(|(depends_on, condition, on_error, is_async, kind)| Shape {
            depends_on,
            condition,
            on_error,
            is_async,
            kind,
        })
}

impl Shape {
    /// The step as it may stand in a loop, which waits for all its steps.
    fn awaited(mut self) -> Self {
        let all = |steps: Vec<Self>| steps.into_iter().map(Self::awaited).collect();
        self.is_async = false;
        self.kind = match self.kind {
            Kind::Parallel(steps) => Kind::Parallel(all(steps)),
            Kind::Conditional(then, otherwise) => Kind::Conditional(all(then), all(otherwise)),
            other => other,
        };
        self
    }
}

const WAITS: &[&str] = &[
    "kind: Task, inline: {execution: {type: human}}",
    "kind: Task, inline: {execution: {type: human, timeout_seconds: 20}}",
    "type: approval, approvers: [{role: a}], require: 2, timeout_hours: 1",
    "kind: Task, inline: {execution: {type: event_wait, event: {source: shop, type: paid}}}",
];

const CHILDREN: &[&str] = &[
    "ref: child",
    "ref: child, retry: {max_attempts: 3}, timeout_seconds: 30",
    "ref: grandchild, close_policy: abandon",
    "ref: grandchild, close_policy: abort, retry: {max_attempts: 2}",
    "ref: newest, retry: {max_attempts: 2}",
];

const TASK: &str = "kind: Task, inline: {capabilities: [x]}";

/// Steps as YAML, in one line; their ids begin with the id of the block they stand in.
fn list(steps: &[Shape], around: &str) -> String {
    let id = |at: usize| format!("{around}{at}");
    let written = steps.iter().enumerate().map(|(at, step)| {
        let distances = step.depends_on.iter().flatten();
        let earlier = distances.filter_map(|distance| at.checked_sub(*distance));
        let earlier: Vec<_> = earlier.map(id).collect();
        let depends_on = step.depends_on.as_ref().map_or_else(String::new, |_| {
            format!(", depends_on: [{}]", earlier.join(", "))
        });
        let on_error = match step.on_error {
            OnError::Continue => ", continue_on_error: true".to_owned(),
            OnError::Goto(distance) if at + distance < steps.len() => {
                format!(", on_error: {{action: goto, goto: {}}}", id(at + distance))
            }
            OnError::Compensate if matches!(step.kind, Kind::Task { .. }) => {
                format!(", on_error: {{action: compensate, compensation: {{id: {}u, {TASK}}}}}", id(at))
            }
            _ => String::new(),
        };
        let inside = |steps: &[Shape], letter| list(steps, &format!("{}{letter}", id(at)));
        let kind = match &step.kind {
            Kind::Task { attempts, timeout } => {
                format!("{TASK}, timeout_seconds: {timeout}, retry: {{max_attempts: {attempts}}}")
            }
            Kind::Wait(fields) | Kind::Child(fields) => (*fields).to_owned(),
            Kind::Parallel(inner) => format!("kind: Parallel, parallel: {}", inside(inner, 'p')),
            Kind::Conditional(then, otherwise) => format!(
                "kind: Conditional, branches: [{{condition: 'workflow.input.flag', steps: {}}}], else: {}",
                inside(then, 't'),
                inside(otherwise, 'e')
            ),
            Kind::Loop {
                items,
                parallelism,
                steps,
            } => format!(
                "kind: Loop, loop: {{over: {:?}, parallelism: {parallelism}}}, steps: {}",
                (0..*items).collect::<Vec<_>>(),
                inside(steps, 'l')
            ),
        };
        format!(
            "{{id: {}, condition: '{}', async: {}, {kind}{depends_on}{on_error}}}",
            id(at),
            step.condition,
            step.is_async
        )
    });
    format!("[{}]", written.collect::<Vec<_>>().join(", "))
}

fn any_workflow() -> impl Strategy<Value = Scenario> {
    (
        proptest::collection::vec(any_shape(), 1..8),
        prop_oneof![
            Just("halt"),
            Just("continue"),
            Just("notify"),
            Just("compensate")
        ],
        prop_oneof![
            Just(""),
            Just("concurrency: {max_parallel: 1}"),
            Just("concurrency: {max_parallel: 3}"),
            Just("concurrency: {max_parallel: 3, group: 'flag-${{ workflow.input.flag }}'}")
        ],
        prop_oneof![
            Just(""),
            Just("timeout_seconds: 2"),
            Just("timeout_seconds: 600")
        ],
    )
        .prop_map(|(steps, mode, concurrency, timeout)| {
            let steps = list(&steps, "s");
            let undo = match mode {
                "compensate" => {
                    format!(", compensation_steps: [{{id: u0, {TASK}}}, {{id: u1, {TASK}}}]")
                }
                _ => String::new(),
            };
            scenario(&format!(
                "error_handling: {{on_failure: {mode}{undo}}}\n{concurrency}\n{timeout}\n\
                 inputs: {{type: object, properties: {{flag: {{type: boolean}}}}}}\nsteps: {steps}"
            ))
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: u32::try_from(scaled(60)).unwrap_or(u32::MAX),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_workflow_comes_to_an_end_under_every_fault(workflow in any_workflow(), seed: u64) {
        for faults in ["none", "all", "all,operator=1,crash=0.1"] {
            let faults = Faults::parse(faults).unwrap();
            let report = sound(Scenario { faults, ..workflow.clone() }.simulate(seed, 4));
            prop_assert_eq!(report.of(RunOutcome::Waiting), 0, "there is nobody to wait for");
        }
    }
}
