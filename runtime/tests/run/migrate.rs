//! What stands in the way of another version of a workflow, and what a run takes from it.

use ossa_runtime::plan::Plan;
use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{
    Command, Difference, Event, Input, Order, Rejection, RunState, StepOrder, Transition, apply,
    check_invariants, differences, migrate,
};
use serde_json::json;

use crate::harness::{BEGIN, Run, compile, succeeded, task, types, workflow};

fn differing(run: &Run, new: &str) -> Vec<Difference> {
    differences(&run.plan, &compile(new).unwrap(), &run.state)
}

/// What stands in the way of going on with `spec`: for each difference, the step and the text.
fn in_the_way(run: &Run, spec: &str) -> Vec<String> {
    blocking(&differing(run, &workflow(spec)))
}

fn blocking(found: &[Difference]) -> Vec<String> {
    let blocking = found.iter().filter(|it| it.blocks);
    blocking.map(|it| it.text.clone()).collect()
}

/// A run after its migration: its log begins with a snapshot from then on.
struct Migrated {
    plan: Plan,
    state: RunState,
    events: Vec<Event>,
}

impl Migrated {
    fn of(run: &Run, spec: &str) -> Result<Self, Rejection> {
        let plan = compile(&workflow(spec)).unwrap();
        let (by, reason) = ("ada".to_owned(), "a better way".to_owned());
        let transition = migrate(&run.plan, &plan, run.state.clone(), by, reason, run.now)?;
        let Transition { state, events, .. } = transition;
        let migrated = Self {
            plan,
            state,
            events,
        };
        migrated.check();
        Ok(migrated)
    }

    fn apply(&mut self, input: Input) {
        let applied = apply(&self.plan, Some(self.state.clone()), input, BEGIN).unwrap();
        (self.state, self.events) = (applied.state, applied.events);
        self.check();
    }

    fn complete(&mut self, step: &str) {
        let node = self.plan.find(step).unwrap();
        let mut steps = self.state.steps().filter(|(place, _)| place.node == node);
        let (place, state) = steps.next().unwrap();
        let attempt = place.attempt(self.state.run(), state.attempt);
        drop(steps);
        self.apply(succeeded(attempt, json!({})));
    }

    fn check(&self) {
        assert_eq!(
            check_invariants(&self.plan, &self.state),
            Vec::<String>::new()
        );
    }

    fn statuses(&self) -> String {
        let steps = self.state.view(&self.plan).steps.into_iter();
        let parts = steps.map(|step| format!("{}={}", step.id, step.status));
        parts.collect::<Vec<_>>().join(" ")
    }
}

fn steps(ids: &[&str]) -> String {
    let steps = ids
        .iter()
        .map(|id| format!("\n  - {{id: {id}, kind: Task, inline: {{capabilities: [x]}}}}"));
    format!("steps:{}", steps.collect::<String>())
}

#[test]
fn what_differs_is_told_with_what_stands_in_the_way_first() {
    let mut run = Run::of(&steps(&["a", "b", "c"]));
    run.complete("a", json!({}));
    let found = differing(&run, &workflow(&steps(&["a", "x", "b"])));
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.blocks, it.step.as_deref().unwrap(), it.text.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (
                true,
                "b",
                "`b` is in flight, and is not at the same place of the new version: it would be orphaned"
            ),
            (false, "c", "`c` has not begun, and is no longer there"),
            (false, "x", "`x` is new"),
        ]
    );
}

#[test]
fn a_step_that_has_run_keeps_its_place() {
    let mut run = Run::of(&steps(&["a", "b"]));
    run.complete("a", json!({}));
    assert_eq!(
        in_the_way(&run, &steps(&["z", "b"])),
        ["`a` has run, and is not at the same place of the new version: it would be orphaned"]
    );
    assert!(in_the_way(&run, &steps(&["a", "b", "c"])).is_empty());
}

#[test]
fn a_step_of_that_name_and_number_in_a_block_is_another_one() {
    let mut run = Run::of(&steps(&["a", "b"]));
    run.complete("a", json!({}));
    let found = in_the_way(
        &run,
        "steps:
  - id: a
    kind: Parallel
    parallel: [{id: b, kind: Task, inline: {capabilities: [x]}}]",
    );
    assert_eq!(
        found,
        ["`b` is in flight, and is not at the same place of the new version: it would be orphaned"]
    );
}

#[test]
fn a_block_that_has_begun_stands_in_the_way() {
    let block = "steps:
  - id: around
    kind: Parallel
    parallel: [{id: a, kind: Task, inline: {capabilities: [x]}}]";
    let mut run = Run::of(block);
    let longer = format!("{block}\n  - {{id: after, kind: Task, inline: {{capabilities: [x]}}}}");
    let refused = ["block `around` has begun; a run is migrated before its blocks begin"];
    assert_eq!(in_the_way(&run, &longer), refused);
    let text = format!("{longer}\n  - {{id: last, kind: Task, inline: {{capabilities: [x]}}}}");
    run = Run::of(&longer);
    run.complete("a", json!({}));
    assert_eq!(in_the_way(&run, &text), refused);
}

#[test]
fn a_step_that_is_of_another_kind_stands_in_the_way_until_it_has_run() {
    let mut run = Run::of(&steps(&["a", "b"]));
    let asks = "steps:
  - {id: a, type: approval, approvers: [{role: chief}], require: 1}
  - {id: b, kind: Task, inline: {capabilities: [x]}}";
    assert_eq!(
        in_the_way(&run, asks),
        ["`a` is in flight, and is of another kind in the new version"]
    );
    run.complete("a", json!({}));
    assert!(in_the_way(&run, asks).is_empty());
    let waiting = Run::of(asks);
    assert_eq!(
        in_the_way(&waiting, &steps(&["a", "b"])),
        ["`a` has begun, and is of another kind in the new version"]
    );
}

#[test]
fn a_step_that_has_begun_and_would_wait_for_another_stands_in_the_way() {
    let parallel = "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: c, kind: Task, depends_on: [a], inline: {capabilities: [x]}}";
    let waits = "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [a, c], inline: {capabilities: [x]}}
  - {id: c, kind: Task, depends_on: [a], inline: {capabilities: [x]}}";
    let mut run = Run::of(parallel);
    assert_eq!(
        in_the_way(&run, waits),
        ["`b` is in flight, and waits for `a`, `c` in the new version"]
    );
    run.complete("a", json!({}));
    assert_eq!(
        in_the_way(&run, waits),
        ["`b` is in flight, and waits for `c` in the new version"]
    );
    run.complete("b", json!({}));
    assert!(in_the_way(&run, waits).is_empty());
}

#[test]
fn a_run_that_undoes_what_it_did_or_has_ended_stays_on_its_version() {
    let undoing = "error_handling:
  on_failure: compensate
  compensation_steps: [{id: undo, kind: Task, inline: {capabilities: [x]}}]\n";
    let old = format!("{undoing}{}", steps(&["a", "b"]));
    let new = format!("{undoing}{}", steps(&["a", "b", "c"]));
    let mut run = Run::of(&old);
    assert!(in_the_way(&run, &new).is_empty());
    run.fail("a", "BOOM");
    assert_eq!(in_the_way(&run, &new), ["the run undoes what it did"]);
    run.complete("undo", json!({}));
    assert!(in_the_way(&run, &new).contains(&"the run has ended".to_owned()));
}

#[test]
fn the_same_version_and_another_workflow_are_refused() {
    let text = workflow(&steps(&["a"]));
    let run = Run::of(&steps(&["a"]));
    let found = |new: &str| blocking(&differing(&run, new));
    assert_eq!(found(&text), ["the run is on this version already"]);
    let other = text.replace("name: demo", "name: other");
    assert_eq!(found(&other), ["`other` is another workflow than `demo`"]);
    let of_kind = found(&task("demo", "execution: {entrypoint: t}"));
    assert!(of_kind.contains(&"`demo` is another workflow than `demo`".to_owned()));
}

#[test]
fn a_variable_that_the_run_does_not_have_stands_in_the_way() {
    let with = |variables: &str| format!("context: {{variables: {variables}}}\n{}", steps(&["a"]));
    let run = Run::of(&with("{v: 1}"));
    assert_eq!(
        in_the_way(&run, &with("{v: 2, w: 3}")),
        ["variable `w` is new, and variables are computed at the start"]
    );
    assert!(in_the_way(&run, &with("{v: 2}")).is_empty());
}

#[test]
fn more_steps_in_flight_than_the_new_version_allows_stand_in_the_way() {
    let with = |max: u32| {
        format!(
            "concurrency: {{max_parallel: {max}}}
steps:
  - {{id: a, kind: Task, depends_on: [], inline: {{capabilities: [x]}}}}
  - {{id: b, kind: Task, depends_on: [], inline: {{capabilities: [x]}}}}"
        )
    };
    let run = Run::of(&with(3));
    assert_eq!(
        in_the_way(&run, &with(1)),
        ["2 steps are in flight, the new version allows 1"]
    );
    assert!(in_the_way(&run, &with(2)).is_empty());
}

#[test]
fn a_refused_migration_names_what_stands_in_the_way() {
    let run = Run::of(&steps(&["a", "b"]));
    let Err(rejection) = Migrated::of(&run, &steps(&["b"])) else {
        panic!("`a` is in flight");
    };
    let Rejection::NotMigratable {
        status,
        differences,
        ..
    } = &rejection
    else {
        panic!("{rejection}");
    };
    assert_eq!((*status, differences.len()), (RunStatus::Running, 1));
}

#[test]
fn a_run_goes_on_with_the_steps_of_the_new_version() {
    let mut run = Run::of(&steps(&["a", "b", "c"]));
    run.complete("a", json!({"n": 1}));
    let new = "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [a], inline: {capabilities: [x]}}
  - {id: free, kind: Task, depends_on: [a], inline: {capabilities: [x]}}
  - {id: later, kind: Task, depends_on: [b, free], inline: {capabilities: [x]}}
  - {id: aside, kind: Task, depends_on: [b], async: true, inline: {capabilities: [x]}}";
    let mut run = Migrated::of(&run, new).unwrap();
    assert_eq!(
        types(&run.events),
        ["run_migrated", "step_ready", "step_dispatched"]
    );
    assert_eq!(
        run.statuses(),
        "a=completed b=running free=running later=pending aside=pending"
    );
    run.complete("free");
    run.complete("b");
    assert_eq!(
        run.statuses(),
        "a=completed b=completed free=completed later=running aside=running"
    );
    run.complete("later");
    assert_eq!(run.state.status(), RunStatus::Completed);
}

#[test]
fn a_step_that_only_the_old_version_waited_with_begins_with_the_migration() {
    let run = Run::of(&steps(&["a", "b"]));
    let free = "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}";
    assert_eq!(
        Migrated::of(&run, free).unwrap().statuses(),
        "a=running b=running"
    );
}

#[test]
fn an_order_to_skip_a_step_outlives_the_migration() {
    let mut run = Run::of(&steps(&["a", "b", "c"]));
    run.steer_step("b", StepOrder::Skip).unwrap();
    run.steer(Command::Pause).unwrap();
    let mut run = Migrated::of(&run, &steps(&["a", "b", "d"])).unwrap();
    run.apply(Input::Steer(Box::new(Order {
        command: Command::Resume,
        by: "ada".to_owned(),
        reason: String::new(),
    })));
    run.complete("a");
    assert_eq!(run.statuses(), "a=completed b=skipped d=running");
}
