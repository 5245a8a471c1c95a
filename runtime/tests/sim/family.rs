//! Runs that run other workflows, under every fault.

use ossa_runtime::sim::{Faults, RunOutcome, Scenario};

use crate::fixture::{scaled, scenario, sound};

const SPEC: &str = "steps:
  - id: both
    kind: Parallel
    parallel:
      - {id: left, ref: child, retry: {max_attempts: 3, initial_delay_ms: 1000}}
      - {id: right, ref: grandchild, close_policy: abort}
  - id: each
    kind: Loop
    loop: {over: '${{ [1, 2, 3] }}', parallelism: 2}
    steps: [{id: one, ref: child, continue_on_error: true, timeout_seconds: 30}]";

#[test]
fn children_and_their_parents_agree_under_every_fault() {
    for faults in [
        "none",
        "all",
        "all,operator=1,crash=0.1",
        "crash=0.3,power=0.05,clock=1",
    ] {
        let scenario = Scenario {
            faults: Faults::parse(faults).unwrap(),
            ..scenario(SPEC)
        };
        let report = sound(scenario.simulate(1, scaled(60)));
        assert!(
            report.of(RunOutcome::Completed) > 0,
            "{faults}: {report:#?}"
        );
    }
}

#[test]
fn children_of_runs_are_part_of_what_is_simulated() {
    let scenario = Scenario {
        keep_log: true,
        ..scenario(SPEC)
    };
    let report = sound(scenario.simulate(1, 1));
    let mentions = |what: &str| report.log.iter().filter(|line| line.contains(what)).count();
    // Two side by side and three in the loop; each `child` runs a `grandchild`.
    assert_eq!(mentions("\"type\":\"child_started\""), 9);
    assert_eq!(mentions("\"type\":\"parent_told\""), 9);
}
