//! Random workflows of everything a workflow can be made of.

use std::fmt::Write as _;
use std::sync::Arc;

use ossa_runtime::plan::Plan;
use proptest::prelude::*;
use serde_json::json;

use crate::harness::{Run, compile, start_with, workflow};

/// A step of a random workflow.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// Waits for earlier steps at these distances; `None` = the one above.
    depends_on: Option<Vec<usize>>,
    condition: &'static str,
    continued: bool,
    is_async: bool,
    answer: Answer,
    kind: Kind,
}

/// What a step does about its failure.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Nothing,
    /// Jumps to the step so many places below, if there is one.
    Goto(usize),
    Compensate,
}

#[derive(Debug, Clone)]
enum Kind {
    Task {
        attempts: u32,
    },
    /// Waits for so many approvals.
    Wait(u32),
    Parallel(Vec<Shape>),
    Conditional(&'static str, Vec<Shape>, Vec<Shape>),
    /// Over so many elements, so many at once.
    Loop(usize, usize, Vec<Shape>),
    /// A task made of steps.
    Steps(Vec<Shape>),
}

/// Tasks, and blocks of tasks and blocks.
pub(crate) fn any_shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        5 => (1_u32..4).prop_map(|attempts| Kind::Task { attempts }),
        1 => (1_u32..3).prop_map(Kind::Wait),
    ];
    shaped(leaf).prop_recursive(3, 12, 3, |inner| {
        let list = |least| proptest::collection::vec(inner.clone(), least..4);
        let choice = (proptest::sample::select(CHOICES), list(0), list(0));
        shaped(prop_oneof![
            list(1).prop_map(Kind::Parallel),
            choice.prop_map(|(condition, then, otherwise)| {
                Kind::Conditional(condition, then, otherwise)
            }),
            (0_usize..5, 1_usize..4, list(0))
                .prop_map(|(items, parallelism, steps)| { Kind::Loop(items, parallelism, steps) }),
            list(1).prop_map(Kind::Steps),
        ])
    })
}

const CHOICES: &[&str] = &["true", "false", "workflow.error == null"];

fn shaped(kind: impl Strategy<Value = Kind>) -> impl Strategy<Value = Shape> {
    (
        prop_oneof![
            1 => Just(None),
            3 => proptest::collection::vec(1_usize..6, 0..4).prop_map(Some),
        ],
        prop_oneof![6 => Just(""), 1 => Just("false"), 1 => Just("workflow.error == null")],
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.15),
        prop_oneof![
            6 => Just(Answer::Nothing),
            1 => (1_usize..3).prop_map(Answer::Goto),
            1 => Just(Answer::Compensate),
        ],
        kind,
    )
        .prop_map(
            |(depends_on, condition, continued, is_async, answer, kind)| Shape {
                depends_on,
                condition,
                continued,
                is_async,
                answer,
                kind,
            },
        )
}

impl Shape {
    /// The step, not deciding by what failed so far.
    pub(crate) fn blind(mut self) -> Self {
        let all = |steps: Vec<Self>| steps.into_iter().map(Self::blind).collect();
        let blind = |condition: &'static str| {
            if condition.contains("error") {
                "true"
            } else {
                condition
            }
        };
        self.condition = blind(self.condition);
        // What runs beside a step that jumps is stopped, if it has not ended before.
        if matches!(self.answer, Answer::Goto(_)) {
            self.answer = Answer::Nothing;
        }
        self.kind = match self.kind {
            Kind::Task { attempts } => Kind::Task { attempts },
            Kind::Wait(_) => Kind::Task { attempts: 1 },
            Kind::Parallel(steps) => Kind::Parallel(all(steps)),
            Kind::Conditional(condition, then, otherwise) => {
                Kind::Conditional(blind(condition), all(then), all(otherwise))
            }
            // Which iterations begin before one fails depends on the order of results.
            Kind::Loop(items, _, steps) => Kind::Loop(items, 1, all(steps)),
            Kind::Steps(steps) => Kind::Steps(all(steps)),
        };
        self
    }
}

/// Steps as YAML, in one line; ids are numbered through the whole workflow.
fn list(steps: &[Shape], in_loop: bool, count: &mut usize) -> String {
    let ids: Vec<String> = (*count..)
        .map(|n| format!("s{n}"))
        .take(steps.len())
        .collect();
    *count += steps.len();
    let mut text = Vec::new();
    for (position, step) in steps.iter().enumerate() {
        let mut fields = format!("id: {}", ids[position]);
        match step.answer {
            Answer::Goto(distance) if position + distance < ids.len() => write!(
                fields,
                ", on_error: {{action: goto, goto: {}}}",
                ids[position + distance]
            )
            .unwrap(),
            Answer::Compensate => {
                write!(
                    fields,
                    ", on_error: {{action: compensate, compensation: {{id: s{count}, kind: Task, inline: {{capabilities: [x]}}}}}}"
                )
                .unwrap();
                *count += 1;
            }
            Answer::Nothing | Answer::Goto(_) => {}
        }
        if let Some(distances) = &step.depends_on {
            let earlier = distances.iter().filter_map(|d| position.checked_sub(*d));
            let earlier: Vec<_> = earlier.map(|at| ids[at].as_str()).collect();
            write!(fields, ", depends_on: [{}]", earlier.join(", ")).unwrap();
        }
        let guard = if step.condition.is_empty() {
            "true"
        } else {
            step.condition
        };
        write!(
            fields,
            ", continue_on_error: {}, async: {}",
            step.continued,
            step.is_async && !in_loop
        )
        .unwrap();
        match &step.kind {
            Kind::Task { attempts } => write!(
                fields,
                ", kind: Task, condition: '{guard}', inline: {{capabilities: [x]}}, retry: {{max_attempts: {attempts}}}"
            ),
            Kind::Wait(require) => write!(
                fields,
                ", type: approval, condition: '{guard}', require: {require}, timeout_hours: 1"
            ),
            Kind::Parallel(inner) => write!(
                fields,
                ", kind: Parallel, condition: '{guard}', parallel: {}",
                list(inner, in_loop, count)
            ),
            Kind::Loop(items, parallelism, inner) => write!(
                fields,
                ", kind: Loop, condition: '{guard}', loop: {{over: {:?}, parallelism: {parallelism}}}, steps: {}",
                (0..*items).collect::<Vec<_>>(),
                list(inner, true, count)
            ),
            Kind::Steps(inner) => write!(
                fields,
                ", kind: Task, condition: '{guard}', inline: {{steps: {}}}",
                list(inner, in_loop, count)
            ),
            Kind::Conditional(condition, then, otherwise) => write!(
                fields,
                ", kind: Conditional, condition: '{guard}', branches: [{{condition: '{condition}', steps: {}}}], else: {}",
                list(then, in_loop, count),
                list(otherwise, in_loop, count)
            ),
        }
        .unwrap();
        text.push(format!("{{{fields}}}"));
    }
    format!("[{}]", text.join(", "))
}

#[derive(Debug, Clone)]
pub(crate) struct Flow {
    pub(crate) steps: Vec<Shape>,
    pub(crate) mode: &'static str,
    pub(crate) max_parallel: Option<usize>,
    pub(crate) timed: bool,
}

pub(crate) fn any_flow(modes: &'static [&'static str]) -> impl Strategy<Value = Flow> {
    (
        proptest::collection::vec(any_shape(), 1..7),
        proptest::sample::select(modes),
        proptest::option::of(1_usize..4),
        any::<bool>(),
    )
        .prop_map(|(steps, mode, max_parallel, timed)| Flow {
            steps,
            mode,
            max_parallel,
            timed,
        })
}

impl Flow {
    pub(crate) fn plan(&self) -> Plan {
        let mut count = 0;
        let steps = list(&self.steps, false, &mut count);
        let undo = match self.mode {
            "compensate" => format!(
                ", compensation_steps: [{{id: s{count}, kind: Task, inline: {{capabilities: [x]}}}}, {{id: u, kind: Parallel, parallel: [{{id: v, kind: Task, inline: {{capabilities: [x]}}}}]}}]"
            ),
            _ => String::new(),
        };
        let mut spec = format!("error_handling: {{on_failure: {}{undo}}}\n", self.mode);
        if let Some(max) = self.max_parallel {
            writeln!(spec, "concurrency: {{max_parallel: {max}}}").unwrap();
        }
        if self.timed {
            spec.push_str("timeout_seconds: 600\n");
        }
        writeln!(spec, "steps: {steps}").unwrap();
        compile(&workflow(&spec)).unwrap_or_else(|errors| panic!("{errors:#?}\n{spec}"))
    }

    pub(crate) fn start(&self) -> Run {
        Run::on(Arc::new(self.plan()), start_with(json!({}))).unwrap()
    }
}
