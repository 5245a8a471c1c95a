//! What is promised holds under every fault, and every fault happens.

use ossa_runtime::sim::{Fault, FaultKind, Faults, Report, RunOutcome, Scenario};

use crate::fixture::{ORDER, compile, scaled, scenario, sound};

fn order(faults: Faults, runs: u64) -> Report {
    let scenario = Scenario {
        faults,
        ..Scenario::of(compile(ORDER))
    };
    sound(scenario.simulate(1, scaled(runs)))
}

#[test]
fn without_faults_every_run_completes_and_every_effect_happens_once() {
    let report = order(Faults::none(), 100);
    assert_eq!(report.of(RunOutcome::Completed), report.runs);
    assert_eq!(report.injected.total(), 0);
    assert!(report.steps.iter().all(|step| step.doubled == 0));
}

#[test]
fn faults_of_the_infrastructure_fail_nothing_but_attempts_that_lose_their_time_or_their_workers() {
    let report = order(Faults::infrastructure(), 1000);
    assert!(
        report.of(RunOutcome::Completed) * 100 > report.runs * 99,
        "{report:#?}"
    );
    for failure in &report.failures {
        let code = failure.code.as_str();
        assert!(matches!(code, "TIMEOUT" | "WORKER_LOST"), "{failure:?}");
    }
    assert!(
        report.steps.iter().any(|step| step.doubled > 0),
        "effects are at least once, not exactly once"
    );
}

#[test]
fn no_run_is_lost_or_broken_when_everything_goes_wrong() {
    let report = order(Faults::all(), 1500);
    for outcome in [
        RunOutcome::Completed,
        RunOutcome::Failed,
        RunOutcome::Canceled,
    ] {
        assert!(report.of(outcome) > 0, "{report:#?}");
    }
    for fault in Fault::ALL {
        assert!(
            report.injected.of(fault) > 0,
            "{} never happened",
            fault.as_str()
        );
    }
}

#[test]
fn each_kind_of_fault_happens_when_it_is_asked_for_alone() {
    for kind in FaultKind::ALL {
        let chance = if kind == FaultKind::Power { 0.05 } else { 0.3 };
        let report = order(Faults::none().with(kind, chance), 40);
        let happened = Fault::ALL
            .iter()
            .filter(|fault| report.injected.of(**fault) > 0);
        let kinds: Vec<_> = happened.map(|fault| fault.kind()).collect();
        // Operators retry what failed; here, nothing fails for them to retry.
        assert!(!kinds.is_empty(), "{kind:?}");
        assert!(
            kinds.iter().all(|happened| *happened == kind),
            "{kind:?}: {kinds:?}"
        );
    }
}

#[test]
fn a_run_of_a_thousand_transitions_withstands_them_too() {
    let items: Vec<u32> = (0..500).collect();
    let scenario = Scenario {
        faults: Faults::parse("all,operator=0").unwrap(),
        ..scenario(&format!(
            "steps:
  - id: each
    kind: Loop
    loop: {{over: {items:?}, parallelism: 7}}
    steps:
      - {{id: one, kind: Task, inline: {{capabilities: [x]}}, retry: {{max_attempts: 10}}, continue_on_error: true}}
      - {{id: two, kind: Task, inline: {{capabilities: [x]}}, retry: {{max_attempts: 10}}, continue_on_error: true}}"
        ))
    };
    let report = sound(scenario.simulate(1, scaled(1)));
    assert_eq!(report.of(RunOutcome::Completed), report.runs);
    assert!(report.transitions > 1000 * report.runs);
    assert!(report.injected.of(Fault::CrashAfterCommit) > 0);
}
