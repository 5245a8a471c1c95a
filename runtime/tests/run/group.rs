//! Runs of a concurrency group, as the machine of each sees it.

use ossa_runtime::policy::Standing;
use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{Answer, Command, Effect, Errand, Input, Rejection};
use serde_json::{Value, json};

use crate::harness::*;

const SPEC: &str = "concurrency: {group: 'deploy-${{ workflow.input.env }}', limit: 2}
timeout_seconds: 60
error_handling: {on_failure: compensate, compensation_steps: [{id: undo, inline: {capabilities: [u]}}]}
steps: [{id: a, inline: {capabilities: [a]}}]";

fn created(spec: &str, input: Value) -> Run {
    Run::text(&workflow(spec), input)
}

fn group_is_due(run: &Run) -> bool {
    let errands = run.state.errands(&run.plan);
    errands.contains(&Errand::Group(run.state.run()))
}

fn staging() -> Run {
    created(SPEC, json!({"env": "staging"}))
}

#[test]
fn a_run_of_a_group_is_pending_until_it_has_a_slot() {
    let mut run = staging();
    assert_eq!(run.status(), RunStatus::Pending);
    assert_eq!(run.view().group.as_deref(), Some("deploy-staging"));
    assert_eq!(run.view().labels["ossa.group"], "deploy-staging");
    let (name, member, standing) = run.state.member(&run.plan).unwrap();
    assert_eq!(
        (name, member.limit, standing),
        ("deploy-staging", 2, Standing::Waiting)
    );
    assert!(run.items.is_empty() && group_is_due(&run));
    run.apply(Input::Admit).unwrap();
    assert_eq!(
        run.event_types(),
        ["run_started", "step_ready", "step_dispatched"]
    );
    assert_eq!(run.status(), RunStatus::Running);
    assert!(!group_is_due(&run));
    assert_eq!(run.apply(Input::Admit).unwrap(), Answer::Ignored);
}

#[test]
fn the_time_that_a_run_waits_for_its_slot_does_not_count() {
    let mut run = staging();
    assert_eq!(run.state.deadline(), None);
    run.advance(seconds(500));
    run.apply(Input::Admit).unwrap();
    assert_eq!(run.state.deadline(), Some(run.now.after(seconds(60))));
}

#[test]
fn a_group_without_a_name_is_none() {
    for group in ["${{ workflow.input.nothing }}", "", "${{ false }}"] {
        let spec = format!(
            "concurrency: {{group: '{group}'}}\nsteps: [{{id: a, inline: {{capabilities: [a]}}}}]"
        );
        let run = created(&spec, json!({}));
        assert_eq!(run.status(), RunStatus::Running, "{group}");
        assert_eq!(run.view().group, None);
    }
}

#[test]
fn a_group_may_be_made_of_variables_and_numbers_but_is_one_text() {
    let spec = |group: &str| {
        format!(
            "context: {{variables: {{tier: gold}}}}\nconcurrency: {{group: '{group}'}}\nsteps: [{{id: a, inline: {{capabilities: [a]}}}}]"
        )
    };
    let run = created(&spec("${{ context.variables.tier }}"), json!({}));
    assert_eq!(run.view().group.as_deref(), Some("gold"));
    let run = created(
        &spec("${{ workflow.input.customer }}"),
        json!({"customer": 7}),
    );
    assert_eq!(run.view().group.as_deref(), Some("7"));
    let long = "x".repeat(201);
    for customer in [json!([1]), json!({"id": 1}), json!(long)] {
        let text = workflow(&spec("${{ workflow.input.customer }}"));
        let refused = Run::begin(&text, start_with(json!({ "customer": customer })));
        assert!(
            matches!(refused, Err(Rejection::Variable { .. })),
            "{customer}"
        );
    }
}

#[test]
fn a_long_name_is_shortened_where_runs_are_found_by_it() {
    let long = |letter: &str| {
        let group = format!("{}{letter}", "customer-".repeat(15));
        let spec = format!(
            "concurrency: {{group: {group}}}\nsteps: [{{id: a, inline: {{capabilities: [a]}}}}]"
        );
        created(&spec, json!({})).view().labels["ossa.group"].clone()
    };
    assert_eq!(long("a").chars().count(), 63);
    assert_ne!(long("a"), long("b"));
}

#[test]
fn a_run_that_waits_looks_after_its_place_less_and_less_often() {
    let mut run = staging();
    let mut waits = Vec::new();
    for _ in 0..8 {
        run.apply(Input::GroupNoted { ahead: 3 }).unwrap();
        let due = run.effects.iter().find_map(|effect| match effect {
            Effect::SetTimer { name, due, .. } if name == "group" => Some(*due),
            _ => None,
        });
        waits.push(due.unwrap().since(run.now).as_secs());
    }
    assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
    assert!(group_is_due(&run));
}

#[test]
fn the_end_of_a_run_concerns_its_group_and_so_does_its_reopening() {
    let mut run = staging();
    run.apply(Input::Admit).unwrap();
    run.fail("a", "HANDLER_ERROR");
    run.complete("undo", json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.state.member(&run.plan).unwrap().2, Standing::Ended);
    assert!(group_is_due(&run));
    run.apply(Input::GroupNoted { ahead: 0 }).unwrap();
    assert!(!group_is_due(&run));
    assert_eq!(
        run.apply(Input::GroupNoted { ahead: 0 }).unwrap(),
        Answer::Ignored
    );
    let mut run = created(
        "concurrency: {group: g}\nsteps: [{id: a, inline: {capabilities: [a]}}]",
        json!({}),
    );
    run.apply(Input::Admit).unwrap();
    run.fail("a", "HANDLER_ERROR");
    run.retry("a").unwrap();
    assert!(group_is_due(&run));
    assert_eq!(run.state.member(&run.plan).unwrap().2, Standing::Holding);
}

#[test]
fn a_run_that_has_not_begun_is_canceled_at_once_and_undoes_nothing() {
    let mut run = staging();
    run.apply(Input::Cancel {
        reason: "no".to_owned(),
        by: String::new(),
    })
    .unwrap();
    assert_eq!(run.status(), RunStatus::Canceled);
    assert!(group_is_due(&run));
    assert_eq!(run.apply(Input::Admit).unwrap(), Answer::Ignored);
}

#[test]
fn a_run_that_is_paused_takes_its_slot_and_dispatches_nothing() {
    let mut run = staging();
    run.steer(Command::Pause).unwrap();
    assert_eq!(run.status(), RunStatus::Paused);
    run.steer(Command::Resume).unwrap();
    assert_eq!(run.status(), RunStatus::Pending);
    run.steer(Command::Pause).unwrap();
    run.apply(Input::Admit).unwrap();
    assert_eq!(run.statuses(), "a=ready");
    run.steer(Command::Resume).unwrap();
    assert_eq!(run.in_flight(), ["a"]);
}

#[test]
fn a_child_does_not_wait_for_the_slot_of_the_run_that_started_it() {
    let child = "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: inner}
spec: {concurrency: {group: g}, steps: [{id: b, inline: {capabilities: [b]}}]}
";
    let text = documents(&[
        workflow("concurrency: {group: g}\nsteps: [{id: a, ref: inner}]"),
        child.to_owned(),
    ]);
    let mut run = Run::text(&text, json!({}));
    run.apply(Input::Admit).unwrap();
    let Some(Errand::StartChild(step)) = run.state.errands(&run.plan).pop() else {
        panic!("a child is to be started");
    };
    let start = run.state.child_to_start(&run.plan, &step).unwrap();
    assert!(!start.labels.contains_key("ossa.group"));
    let plan = run.plan.subflows().next().unwrap().clone();
    let refused = Run::on(plan, start).err().unwrap();
    assert_eq!(refused.code(), "OSSA-R016");
}

#[test]
fn a_group_that_reads_a_step_is_refused() {
    let errors = compile(&workflow(
        "concurrency: {group: '${{ steps.a.output.x }}'}\nsteps: [{id: a, inline: {capabilities: [a]}}]",
    ))
    .unwrap_err();
    assert_eq!(errors[0].code(), "OSSA-P022");
    assert_eq!(errors[0].path(), "$.spec.concurrency.group");
}
