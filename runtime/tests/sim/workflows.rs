//! Workflows of every shape under every fault.

use std::fmt::Write as _;

use ossa_runtime::sim::{Faults, Scenario};
use proptest::prelude::*;

use crate::fixture::{scaled, scenario, sound};

/// A step of a random workflow.
#[derive(Debug, Clone)]
struct Shape {
    /// Waits for earlier steps at these distances; `None` = the one above.
    depends_on: Option<Vec<usize>>,
    condition: &'static str,
    attempts: u32,
    timeout: u32,
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
        1_u32..5,
        prop_oneof![Just(1_u32), Just(40), Just(300)],
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.15),
    )
        .prop_map(
            |(depends_on, condition, attempts, timeout, continued, is_async)| Shape {
                depends_on,
                condition,
                attempts,
                timeout,
                continued,
                is_async,
            },
        )
}

fn any_workflow() -> impl Strategy<Value = Scenario> {
    (
        proptest::collection::vec(any_shape(), 1..12),
        prop_oneof![Just("halt"), Just("continue"), Just("notify")],
        proptest::option::of(1_usize..4),
        proptest::option::of(prop_oneof![Just(2_u32), Just(600)]),
    )
        .prop_map(|(steps, mode, max_parallel, timeout)| {
            let mut spec = format!("error_handling: {{on_failure: {mode}}}\n");
            if let Some(max) = max_parallel {
                writeln!(spec, "concurrency: {{max_parallel: {max}}}").unwrap();
            }
            if let Some(seconds) = timeout {
                writeln!(spec, "timeout_seconds: {seconds}").unwrap();
            }
            spec.push_str("steps:\n");
            for (number, step) in steps.iter().enumerate() {
                writeln!(spec, "  - {}", written(number, step)).unwrap();
            }
            scenario(&spec)
        })
}

fn written(number: usize, step: &Shape) -> String {
    let mut text = format!(
        "{{id: s{number}, kind: Task, inline: {{capabilities: [x]}}, timeout_seconds: {}, \
         retry: {{max_attempts: {}}}, continue_on_error: {}, async: {}",
        step.timeout, step.attempts, step.continued, step.is_async
    );
    if let Some(distances) = &step.depends_on {
        let earlier = distances
            .iter()
            .filter_map(|distance| number.checked_sub(*distance));
        let ids: Vec<_> = earlier.map(|earlier| format!("s{earlier}")).collect();
        write!(text, ", depends_on: [{}]", ids.join(", ")).unwrap();
    }
    if !step.condition.is_empty() {
        write!(text, ", condition: '{}'", step.condition).unwrap();
    }
    text + "}"
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: u32::try_from(scaled(40)).unwrap_or(u32::MAX),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_workflow_comes_to_an_end_under_every_fault(workflow in any_workflow(), seed: u64) {
        for faults in [Faults::none(), Faults::all()] {
            sound(Scenario { faults, ..workflow.clone() }.simulate(seed, 4));
        }
    }
}
