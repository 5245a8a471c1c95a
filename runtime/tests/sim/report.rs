//! What the report says of a workflow.

use ossa_runtime::sim::{FaultKind, Faults, RunOutcome, Scenario, StepReport, Stubs};

use crate::fixture::{ORDER, compile, scenario, sound};

fn order(faults: Faults, stubs: &str) -> Scenario {
    Scenario {
        faults,
        stubs: Stubs::parse(stubs).unwrap(),
        ..Scenario::of(compile(ORDER))
    }
}

fn step<'r>(report: &'r ossa_runtime::sim::Report, id: &str) -> &'r StepReport {
    report.steps.iter().find(|step| step.step == id).unwrap()
}

#[test]
fn a_step_that_fails_is_told_with_its_code_and_the_steps_after_it_are_never_reached() {
    let stubs = "charge: {error: {code: CARD_DECLINED, message: no funds, retryable: false}}";
    let report = sound(order(Faults::none(), stubs).simulate(1, 10));
    assert_eq!(report.of(RunOutcome::Failed), 10);
    let failure = &report.failures[0];
    assert_eq!(failure.step.as_deref(), Some("charge"));
    assert_eq!((failure.code.as_str(), failure.runs), ("CARD_DECLINED", 10));
    let never: Vec<_> = report.never_reached().collect();
    assert_eq!(never, ["ship", "tell"]);
}

#[test]
fn a_step_that_fails_now_and_then_is_retried_and_counted() {
    let stubs = "reserve: {fail: 0.5, outputs: [{items: [a]}, {items: [b]}]}";
    let report = sound(order(Faults::none(), stubs).simulate(1, 200));
    let reserve = step(&report, "reserve");
    assert_eq!(reserve.reached, 200);
    assert_eq!(
        reserve.attempts,
        200 + reserve.failed_attempts - reserve.failed
    );
    assert!(reserve.failed_attempts > 100);
    assert_eq!(reserve.effects, reserve.completed);
}

#[test]
fn a_step_whose_condition_does_not_hold_is_counted_as_skipped() {
    let scenario = Scenario {
        input: Some(serde_json::json!({"order": 1, "gift": false})),
        ..order(Faults::none(), "{}")
    };
    let report = sound(scenario.simulate(1, 5));
    assert_eq!(step(&report, "wrap").skipped_by_condition, 5);
    assert_eq!(report.never_reached().collect::<Vec<_>>(), ["wrap"]);
}

#[test]
fn an_effect_that_must_not_be_repeated_and_was_is_named() {
    let faults = Faults::none().with(FaultKind::Crash, 0.2);
    let report = sound(order(faults, "{}").simulate(1, 100));
    let wrong: Vec<_> = report
        .wrongly_doubled()
        .map(|step| step.step.as_str())
        .collect();
    assert_eq!(
        wrong,
        ["charge"],
        "the other steps say that they may be repeated"
    );
    assert!(step(&report, "reserve").doubled > 0);
}

#[test]
fn the_longest_path_follows_the_steps_that_were_waited_for() {
    let scenario = Scenario {
        stubs: Stubs::parse("a: {duration_ms: 1000}\nb: {duration_ms: 60000}\nc: {duration_ms: 2000}\nd: {duration_ms: 500}").unwrap(),
        ..scenario(
            "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}, depends_on: [a]}
  - {id: c, kind: Task, inline: {capabilities: [x]}, depends_on: [a]}
  - {id: d, kind: Task, inline: {capabilities: [x]}, depends_on: [b, c]}",
        )
    };
    let longest = sound(scenario.simulate(1, 1)).longest.unwrap();
    let path: Vec<_> = longest.path.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(path, ["a", "b", "d"]);
    assert!((61_500..62_000).contains(&longest.took_ms), "{longest:?}");
}

#[test]
fn an_input_that_the_schema_refuses_is_told() {
    let scenario = Scenario {
        input: Some(serde_json::json!({"order": 0})),
        ..order(Faults::none(), "{}")
    };
    let report = sound(scenario.simulate(1, 3));
    assert_eq!(report.of(RunOutcome::Refused), 3);
    assert_eq!(report.failures[0].code, "REFUSED");
}

#[test]
fn what_the_report_should_not_be_believed_for_is_warned_of() {
    let scenario = order(Faults::none(), "nobody: {output: 1}");
    assert_eq!(scenario.warnings(), ["there is no step `nobody` to stub"]);
}
