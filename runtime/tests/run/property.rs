//! Laws that hold for every workflow and every order of results. The harness checks the invariants, the replay of the
//! log and the items in the queue after each input.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ossa_runtime::plan::Plan;
use ossa_runtime::port::StepRef;
use ossa_runtime::run::{DEADLINE_TIMER, Event, Input, StepError};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use crate::harness::{Run, compile, failed, start_with, succeeded, workflow};

/// A step of a random workflow.
#[derive(Debug, Clone)]
struct Shape {
    /// Waits for earlier steps at these distances; `None` = the one above.
    depends_on: Option<Vec<usize>>,
    condition: &'static str,
    attempts: u32,
    continued: bool,
    is_async: bool,
}

fn any_shape() -> impl Strategy<Value = Shape> {
    (
        prop_oneof![
            1 => Just(None),
            3 => proptest::collection::vec(1_usize..6, 0..4).prop_map(Some),
        ],
        prop_oneof![6 => Just(""), 1 => Just("false"), 1 => Just("workflow.error == null")],
        1_u32..4,
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.15),
    )
        .prop_map(
            |(depends_on, condition, attempts, continued, is_async)| Shape {
                depends_on,
                condition,
                attempts,
                continued,
                is_async,
            },
        )
}

#[derive(Debug, Clone)]
struct Flow {
    steps: Vec<Shape>,
    mode: &'static str,
    max_parallel: Option<usize>,
    timed: bool,
}

fn any_flow(modes: &'static [&'static str]) -> impl Strategy<Value = Flow> {
    (
        proptest::collection::vec(any_shape(), 1..9),
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
    fn plan(&self) -> Plan {
        let mut spec = format!("error_handling: {{on_failure: {}}}\n", self.mode);
        if let Some(max) = self.max_parallel {
            writeln!(spec, "concurrency: {{max_parallel: {max}}}").unwrap();
        }
        if self.timed {
            spec.push_str("timeout_seconds: 600\n");
        }
        spec.push_str("steps:\n");
        for (number, step) in self.steps.iter().enumerate() {
            write!(
                spec,
                "  - {{id: s{number}, kind: Task, inline: {{capabilities: [x]}}"
            )
            .unwrap();
            if let Some(distances) = &step.depends_on {
                let ids: Vec<_> = distances
                    .iter()
                    .filter_map(|distance| number.checked_sub(*distance))
                    .map(|earlier| format!("s{earlier}"))
                    .collect();
                write!(spec, ", depends_on: [{}]", ids.join(", ")).unwrap();
            }
            if !step.condition.is_empty() {
                write!(spec, ", condition: '{}'", step.condition).unwrap();
            }
            write!(spec, ", retry: {{max_attempts: {}}}", step.attempts).unwrap();
            writeln!(
                spec,
                ", continue_on_error: {}, async: {}}}",
                step.continued, step.is_async
            )
            .unwrap();
        }
        compile(&workflow(&spec)).unwrap_or_else(|errors| panic!("{errors:#?}\n{spec}"))
    }

    fn start(&self) -> Run {
        Run::on(Arc::new(self.plan()), start_with(json!({}))).unwrap()
    }
}

/// What happens to a run next.
#[derive(Debug, Clone)]
enum Happening {
    Success(Index),
    Failure(Index),
    Fatal(Index),
    /// A result of any attempt that was ever made.
    Stray(Index, bool),
    Retry(Index),
    Deadline,
    Cancel,
    TimePasses(u16),
}

fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => any::<Index>().prop_map(Happening::Success),
        5 => any::<Index>().prop_map(Happening::Failure),
        2 => any::<Index>().prop_map(Happening::Fatal),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(at, good)| Happening::Stray(at, good)),
        2 => any::<Index>().prop_map(Happening::Retry),
        1 => Just(Happening::Deadline),
        1 => Just(Happening::Cancel),
        3 => any::<u16>().prop_map(Happening::TimePasses),
    ]
}

fn live(run: &Run, index: &Index) -> Option<StepRef> {
    let steps: Vec<_> = run.items.keys().copied().collect();
    (!steps.is_empty()).then(|| *index.get(&steps))
}

fn result(step: StepRef, good: bool) -> Input {
    if good {
        succeeded(step, json!({"node": step.node}))
    } else {
        failed(step, StepError::new("BUSY", "try again"))
    }
}

/// The input for a happening, if it can happen now.
fn input(run: &Run, made: &[StepRef], happening: &Happening) -> Option<Input> {
    Some(match happening {
        Happening::Success(index) => result(live(run, index)?, true),
        Happening::Failure(index) => result(live(run, index)?, false),
        Happening::Fatal(index) => failed(
            live(run, index)?,
            StepError {
                retryable: Some(false),
                ..StepError::new("FATAL", "give up")
            },
        ),
        Happening::Stray(index, good) if !made.is_empty() => result(*index.get(made), *good),
        Happening::Retry(index) => Input::RetryStep {
            scope: 0,
            node: u32::try_from(index.index(run.plan.nodes().len())).unwrap(),
        },
        Happening::Deadline => Input::TimerFired {
            name: DEADLINE_TIMER.to_owned(),
            generation: 1,
        },
        Happening::Cancel => Input::Cancel {
            reason: "enough".to_owned(),
        },
        Happening::Stray(..) | Happening::TimePasses(_) => return None,
    })
}

fn note_attempts(run: &Run, made: &mut Vec<StepRef>) {
    for step in run.items.keys() {
        if !made.contains(step) {
            made.push(*step);
        }
    }
}

/// Delivers good results until none is waited for.
fn deliver_all(run: &mut Run) {
    for _ in 0..1000 {
        let Some(step) = run.items.keys().next().copied() else {
            return;
        };
        run.apply(result(step, true)).unwrap();
    }
    panic!("the run does not come to an end");
}

const ALL_MODES: &[&str] = &["halt", "continue", "notify"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_keeps_the_laws_and_ends_when_its_results_are_in(
        flow in any_flow(ALL_MODES),
        happenings in proptest::collection::vec(any_happening(), 0..40),
    ) {
        let mut run = flow.start();
        let mut made = Vec::new();
        for happening in &happenings {
            note_attempts(&run, &mut made);
            if let Happening::TimePasses(seconds) = happening {
                run.advance(Duration::from_secs(u64::from(*seconds)));
            }
            let Some(input) = input(&run, &made, happening) else { continue };
            let before = run.state.status();
            let by_hand = matches!(input, Input::RetryStep { .. });
            let version = run.state.version();
            let applied = run.apply(input);
            if before.is_terminal() && !by_hand {
                prop_assert_eq!(run.state.status(), before, "an end is an end");
            }
            if applied.is_err() {
                prop_assert!(by_hand, "only a retry by hand is refused: {:?}", applied);
                prop_assert_eq!(run.state.version(), version);
            }
        }
        deliver_all(&mut run);
        prop_assert!(run.state.status().is_terminal(), "{}", run.statuses());
        for version in 1..=run.rows.len() {
            prop_assert_eq!(&run.restored_from(version), &run.state);
        }
    }

    #[test]
    fn the_order_of_results_does_not_change_what_becomes_of_the_steps_that_the_end_waits_for(
        flow in any_flow(&["continue", "notify"]),
        verdicts in proptest::collection::vec(any::<bool>(), 64),
        orders in proptest::collection::vec((any::<Index>(), any::<Index>()), 64),
    ) {
        // A condition that reads the error of the run depends on what failed so far.
        prop_assume!(flow.steps.iter().all(|step| !step.condition.contains("error")));
        let plan = Arc::new(flow.plan());
        let outcome = |order: &dyn Fn(usize) -> Index| {
            let mut run = Run::on(plan.clone(), start_with(json!({}))).unwrap();
            let mut turn = 0;
            while let Some(step) = live(&run, &order(turn % orders.len())) {
                let verdict = (step.node * 3 + step.attempt) as usize % verdicts.len();
                run.apply(result(step, verdicts[verdict])).unwrap();
                turn += 1;
            }
            let steps = run.view().steps.into_iter().filter(|step| !step.is_async);
            let statuses: Vec<_> = steps.map(|step| (step.id, step.status)).collect();
            (run.state.status(), statuses)
        };
        prop_assert_eq!(outcome(&|turn| orders[turn].0), outcome(&|turn| orders[turn].1));
    }

    #[test]
    fn the_log_tells_every_attempt_once_and_in_order(
        flow in any_flow(ALL_MODES),
        verdicts in proptest::collection::vec(any::<bool>(), 64),
    ) {
        let mut run = flow.start();
        let mut log: Vec<Event> = run.events.clone();
        let mut turn = 0;
        while let Some(step) = run.items.keys().next().copied() {
            run.apply(result(step, verdicts[turn % verdicts.len()])).unwrap();
            log.extend(run.events.iter().cloned());
            turn += 1;
        }
        for node in 0..u32::try_from(run.plan.nodes().len()).unwrap() {
            let attempts: Vec<u32> = log
                .iter()
                .filter(|event| event.place().is_some_and(|place| place.node.0 == node))
                .filter_map(|event| match event {
                    Event::StepDispatched { attempt, .. }
                    | Event::StepRetryScheduled { attempt, .. } => Some(*attempt),
                    _ => None,
                })
                .collect();
            let expected: Vec<u32> = (1..).take(attempts.len()).collect();
            prop_assert_eq!(attempts, expected);
        }
        let ends = log.iter().filter(|event| {
            matches!(event, Event::RunCompleted { .. } | Event::RunFailed { .. } | Event::RunCanceled { .. })
        });
        prop_assert_eq!(ends.count(), 1);
    }
}
