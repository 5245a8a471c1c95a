//! Workflows of every shape under every fault.

use ossa_runtime::sim::{Faults, RunOutcome, Scenario};
use proptest::prelude::*;

use crate::fixture::{scaled, scenario, sound};
use crate::flow::any_flow;

/// Steps that wait for somebody, or for a workflow that they run.
const WAITS: &[&str] = &[
    "kind: Task, inline: {execution: {type: human}}",
    "kind: Task, inline: {execution: {type: human, timeout_seconds: 20}}",
    "type: approval, approvers: [{role: a}], require: 2, timeout_hours: 1",
    "kind: Task, inline: {execution: {type: event_wait, event: {source: shop, type: paid}}}",
    "ref: child",
    "ref: child, retry: {max_attempts: 3}, timeout_seconds: 30",
    "ref: grandchild, close_policy: abandon",
    "ref: grandchild, close_policy: abort, retry: {max_attempts: 2}",
    "ref: newest, retry: {max_attempts: 2}",
];

const MODES: &[&str] = &["halt", "continue", "notify", "compensate"];

const GROUPS: &[&str] =
    &["concurrency: {max_parallel: 3, group: 'flag-${{ workflow.input.flag }}'}"];

fn any_workflow() -> impl Strategy<Value = Scenario> {
    any_flow(WAITS, MODES, GROUPS).prop_map(|flow| scenario(&flow.spec()))
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
