//! Random workflows of everything a workflow can be made of.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

/// A step of a random workflow.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
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
    /// Goes on with the step that comes so many steps later, if there is one.
    Goto(usize),
    Compensate,
}

#[derive(Debug, Clone)]
enum Kind {
    Task {
        attempts: u32,
        timeout: u32,
    },
    /// Waits for somebody, or runs a workflow: the fields of the step.
    Wait(&'static str),
    Parallel(Vec<Shape>),
    Conditional(&'static str, Vec<Shape>, Vec<Shape>),
    Loop {
        items: usize,
        parallelism: usize,
        steps: Vec<Shape>,
    },
    /// A task made of steps.
    Steps(Vec<Shape>),
}

/// A random workflow.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    pub(crate) steps: Vec<Shape>,
    pub(crate) mode: &'static str,
    pub(crate) concurrency: &'static str,
    pub(crate) timeout: &'static str,
}

const CONDITIONS: &[&str] = &["false", "workflow.error == null", "workflow.input.flag"];

const CONCURRENCY: &[&str] = &[
    "",
    "concurrency: {max_parallel: 1}",
    "concurrency: {max_parallel: 3}",
];

const TASK: &str = "kind: Task, inline: {capabilities: [x]}";

/// Tasks, steps that wait, and blocks of steps and blocks; `waits` are the fields of steps that wait.
pub(crate) fn any_shape(waits: &'static [&'static str]) -> impl Strategy<Value = Shape> {
    let task = (1_u32..5, select(&[1_u32, 40, 300][..]));
    let task = task.prop_map(|(attempts, timeout)| Kind::Task { attempts, timeout });
    let wait = select(waits).prop_map(Kind::Wait);
    shaped(prop_oneof![5 => task, 2 => wait]).prop_recursive(3, 12, 3, |inner| {
        let list = |least| proptest::collection::vec(inner.clone(), least..4);
        let choice = (condition(), list(0), list(0));
        shaped(prop_oneof![
            list(1).prop_map(Kind::Parallel),
            choice.prop_map(|(condition, then, otherwise)| {
                Kind::Conditional(condition, then, otherwise)
            }),
            (0_usize..5, 1_usize..4, list(0)).prop_map(|(items, parallelism, steps)| Kind::Loop {
                items,
                parallelism,
                steps,
            }),
            list(1).prop_map(Kind::Steps),
        ])
    })
}

fn condition() -> Union<BoxedStrategy<&'static str>> {
    Union::new_weighted(vec![
        (6, Just("true").boxed()),
        (3, select(CONDITIONS).boxed()),
    ])
}

fn shaped(kind: impl Strategy<Value = Kind>) -> impl Strategy<Value = Shape> {
    (
        prop_oneof![
            1 => Just(None),
            3 => proptest::collection::vec(1_usize..6, 0..4).prop_map(Some),
        ],
        condition(),
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
    /// The step, not deciding by what failed so far, nor by when.
    #[allow(dead_code, reason = "not every test that draws workflows needs it")]
    pub(crate) fn blind(mut self) -> Self {
        let all = |steps: Vec<Self>| steps.into_iter().map(Self::blind).collect();
        let blind = |condition: &'static str| match condition {
            "workflow.error == null" => "true",
            other => other,
        };
        self.condition = blind(self.condition);
        // What runs beside a step that jumps is stopped, if it has not ended before.
        if matches!(self.on_error, OnError::Goto(_)) {
            self.on_error = OnError::Fail;
        }
        self.kind = match self.kind {
            task @ Kind::Task { .. } => task,
            Kind::Wait(_) => Kind::Task {
                attempts: 1,
                timeout: 300,
            },
            Kind::Parallel(steps) => Kind::Parallel(all(steps)),
            Kind::Conditional(condition, then, otherwise) => {
                Kind::Conditional(blind(condition), all(then), all(otherwise))
            }
            // Which iterations begin before one fails depends on the order of results.
            Kind::Loop { items, steps, .. } => Kind::Loop {
                items,
                parallelism: 1,
                steps: all(steps),
            },
            Kind::Steps(steps) => Kind::Steps(all(steps)),
        };
        self
    }
}

/// Workflows of such steps, with one of these answers to a failure; `concurrency` is what they may say of it besides how
/// many steps run at once.
pub(crate) fn any_flow(
    waits: &'static [&'static str],
    modes: &'static [&'static str],
    concurrency: &'static [&'static str],
) -> impl Strategy<Value = Flow> {
    (
        proptest::collection::vec(any_shape(waits), 1..8),
        select(modes),
        select([CONCURRENCY, concurrency].concat()),
        select(&["", "timeout_seconds: 2", "timeout_seconds: 600"][..]),
    )
        .prop_map(|(steps, mode, concurrency, timeout)| Flow {
            steps,
            mode,
            concurrency,
            timeout,
        })
}

impl Flow {
    /// The `spec` of the workflow, as YAML.
    pub(crate) fn spec(&self) -> String {
        let undo = match self.mode {
            "compensate" => format!(
                ", compensation_steps: [{{id: u0, {TASK}}}, {{id: u1, kind: Parallel, parallel: [{{id: u2, {TASK}}}]}}]"
            ),
            _ => String::new(),
        };
        format!(
            "error_handling: {{on_failure: {}{undo}}}\n{}\n{}\n\
             inputs: {{type: object, properties: {{flag: {{type: boolean}}}}}}\nsteps: {}",
            self.mode,
            self.concurrency,
            self.timeout,
            list(&self.steps, "s", false)
        )
    }
}

/// Steps as YAML, in one line; their ids begin with the id of the block they stand in. A loop waits for all of its steps:
/// none is async there.
fn list(steps: &[Shape], around: &str, in_loop: bool) -> String {
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
            OnError::Compensate => format!(
                ", on_error: {{action: compensate, compensation: {{id: {}u, {TASK}}}}}",
                id(at)
            ),
            OnError::Fail | OnError::Goto(_) => String::new(),
        };
        let inside = |steps: &[Shape], letter| list(steps, &format!("{}{letter}", id(at)), in_loop);
        let kind = match &step.kind {
            Kind::Task { attempts, timeout } => {
                format!("{TASK}, timeout_seconds: {timeout}, retry: {{max_attempts: {attempts}}}")
            }
            Kind::Wait(fields) => (*fields).to_owned(),
            Kind::Parallel(inner) => format!("kind: Parallel, parallel: {}", inside(inner, 'p')),
            Kind::Steps(inner) => format!("kind: Task, inline: {{steps: {}}}", inside(inner, 'm')),
            Kind::Conditional(condition, then, otherwise) => format!(
                "kind: Conditional, branches: [{{condition: '{condition}', steps: {}}}], else: {}",
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
                list(steps, &format!("{}l", id(at)), true)
            ),
        };
        format!(
            "{{id: {}, condition: '{}', async: {}, {kind}{depends_on}{on_error}}}",
            id(at),
            step.condition,
            step.is_async && !in_loop
        )
    });
    format!("[{}]", written.collect::<Vec<_>>().join(", "))
}
