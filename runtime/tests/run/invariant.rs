//! What must hold of a run is said when it does not: states that no run comes to, made by editing a snapshot.

use ossa_runtime::port::Snapshot;
use ossa_runtime::run::{Command, RunState, check_invariants};
use serde_json::{Value, json};

use crate::harness::{Run, compile, workflow};

const ORDERED: &str = "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [a], inline: {capabilities: [x]}}
  - {id: c, kind: Task, depends_on: [a], async: true, inline: {capabilities: [x]}}";

const SIDE_BY_SIDE: &str = "concurrency: {max_parallel: 1}
steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: b, kind: Task, depends_on: [], inline: {capabilities: [x]}}";

const BLOCK: &str = "steps:
  - id: around
    kind: Parallel
    parallel: [{id: a, kind: Task, inline: {capabilities: [x]}}, {id: b, kind: Task, async: true, inline: {capabilities: [x]}}]";

const LOOP: &str = "steps:
  - id: each
    kind: Loop
    loop: {over: [1, 2, 3], parallelism: 2}
    steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]";

fn edited(run: &Run, edit: impl FnOnce(&mut Value)) -> RunState {
    let sound = run.state.to_snapshot();
    let mut state: Value = serde_json::from_str(&sound.state).unwrap();
    edit(&mut state);
    let snapshot = Snapshot {
        state: state.to_string(),
        ..sound
    };
    RunState::from_snapshot(&run.plan, &snapshot, |_| None).unwrap()
}

/// Asserts that the edit breaks exactly these invariants.
fn breaks(run: &Run, problems: &[&str], edit: impl FnOnce(&mut Value)) {
    assert_eq!(
        check_invariants(&run.plan, &edited(run, |_| {})),
        Vec::<String>::new()
    );
    assert_eq!(check_invariants(&run.plan, &edited(run, edit)), problems);
}

fn step(state: &mut Value, scope: u32, at: usize) -> &mut Value {
    &mut state["scopes"][scope.to_string()]["steps"][at]
}

fn remove(value: &mut Value, member: &str) {
    let removed = value.as_object_mut().unwrap().remove(member);
    assert!(removed.is_some(), "there is no `{member}` in {value}");
}

#[test]
fn a_counter_that_is_not_what_it_counts_is_found() {
    let run = Run::of(ORDERED);
    breaks(
        &run,
        &[
            "0 in flight, counted 1",
            "running, but nothing is in flight",
        ],
        |state| {
            state["in_flight"] = json!(0);
        },
    );
    breaks(&run, &["3 in flight, counted 1"], |state| {
        state["in_flight"] = json!(3);
    });
    breaks(&run, &["1 waiting, counted 0"], |state| {
        state["waiting"] = json!(1);
    });
    breaks(&run, &["scope pending 3, counted 2"], |state| {
        state["scopes"]["0"]["pending"] = json!(3);
    });
    breaks(&run, &["step `b`: 2 unmet, counted 1"], |state| {
        step(state, 0, 1)["unmet"] = json!(2);
    });
}

#[test]
fn a_step_that_waits_and_is_not_counted_is_found() {
    let run = Run::of(
        "steps:
  - {id: a, kind: Task, depends_on: [], inline: {capabilities: [x]}}
  - {id: ask, type: approval, depends_on: [], approvers: [{role: chief}], require: 1}",
    );
    breaks(&run, &["0 waiting, counted 1"], |state| {
        state["waiting"] = json!(0);
    });
}

#[test]
fn a_list_of_ready_steps_that_is_wrong_is_found() {
    let run = Run::of(SIDE_BY_SIDE);
    breaks(&run, &["node 1 is 0 times in the ready list"], |state| {
        state["ready"] = json!([]);
    });
    breaks(&run, &["node 1 is 2 times in the ready list"], |state| {
        let ready = state["ready"].as_array_mut().unwrap();
        ready.push(ready[0].clone());
    });
    breaks(&run, &["node 0 is 1 times in the ready list"], |state| {
        let ready = state["ready"].as_array_mut().unwrap();
        ready.push(json!({"scope": 0, "node": 0}));
    });
}

#[test]
fn a_ready_step_beside_a_free_slot_is_found_unless_the_run_is_held() {
    let free = |state: &mut Value| {
        state["in_flight"] = json!(0);
        let first = step(state, 0, 0);
        first["phase"] = json!("completed");
        first["output"] = json!(1);
        first["finished_at"] = json!(1_000_000);
        state["scopes"]["0"]["pending"] = json!(1);
    };
    let mut run = Run::of(SIDE_BY_SIDE);
    breaks(
        &run,
        &[
            "a step is ready and a slot is free",
            "running, but nothing is in flight",
        ],
        free,
    );
    run.steer(Command::Pause).unwrap();
    breaks(&run, &[], free);
}

#[test]
fn more_steps_in_flight_than_the_plan_allows_are_found() {
    let run = Run::of(SIDE_BY_SIDE);
    breaks(&run, &["more steps in flight than allowed"], |state| {
        state["in_flight"] = json!(2);
        state["ready"] = json!([]);
        let second = step(state, 0, 1);
        second["phase"] = json!("running");
        second["attempt"] = json!(1);
    });
}

#[test]
fn a_step_that_began_before_its_dependencies_were_settled_is_found() {
    let run = Run::of(ORDERED);
    for phase in ["running", "open", "waiting", "ready"] {
        let state = edited(&run, |state| {
            let second = step(state, 0, 1);
            second["phase"] = json!(phase);
            second["input"] = json!({});
            second["attempt"] = json!(1);
        });
        let problems = check_invariants(&run.plan, &state);
        let problem = "step `b`: began before its dependencies were settled".to_owned();
        assert!(problems.contains(&problem), "{phase}: {problems:?}");
    }
}

#[test]
fn what_a_step_in_its_phase_must_have_is_missed() {
    let run = Run::of(ORDERED);
    breaks(&run, &["step `a`: began without an input"], |state| {
        remove(step(state, 0, 0), "input");
    });
    breaks(&run, &["step `a`: in flight without an attempt"], |state| {
        remove(step(state, 0, 0), "attempt");
    });
    breaks(
        &run,
        &["step `a`: settled and finished_at disagree"],
        |state| {
            step(state, 0, 0)["finished_at"] = json!(1_000_000);
        },
    );
    let mut run = Run::of(ORDERED);
    run.complete("a", json!({}));
    breaks(&run, &["step `a`: completed without an output"], |state| {
        remove(step(state, 0, 0), "output");
    });
    breaks(
        &run,
        &["step `a`: settled and finished_at disagree"],
        |state| {
            remove(step(state, 0, 0), "finished_at");
        },
    );
    let mut run = Run::of(ORDERED);
    run.fail("a", "BOOM");
    breaks(&run, &["step `a`: failed without an error"], |state| {
        remove(step(state, 0, 0), "error");
    });
}

#[test]
fn an_open_block_in_which_nothing_is_waited_for_is_found() {
    let run = Run::of(BLOCK);
    breaks(
        &run,
        &["step `around`: is open, but nothing in it is waited for"],
        |state| {
            state["scopes"]["1"]["pending"] = json!(0);
            state["in_flight"] = json!(1);
            let inner = step(state, 1, 0);
            inner["phase"] = json!("completed");
            inner["output"] = json!(1);
            inner["finished_at"] = json!(1_000_000);
        },
    );
}

#[test]
fn a_block_that_ended_badly_while_a_step_in_it_goes_on_is_found() {
    let run = Run::of(BLOCK);
    for phase in [json!("canceled"), json!({"failed": {"continued": true}})] {
        breaks(
            &run,
            &["step `around`: has ended badly, but a step in it goes on"],
            |state| {
                let around = step(state, 0, 0);
                around["phase"] = phase;
                around["error"] = json!({"code": "BOOM", "message": "boom"});
                around["finished_at"] = json!(1_000_000);
                state["scopes"]["0"]["pending"] = json!(0);
            },
        );
    }
}

#[test]
fn a_loop_whose_iterations_do_not_add_up_is_found() {
    let mut run = Run::of(LOOP);
    run.complete("a", json!({}));
    let cursor = |state: &mut Value, field: &str, value: u32| {
        step(state, 0, 0)["block"]["cursor"][field] = json!(value);
    };
    breaks(
        &run,
        &["step `each`: more iterations than may run at once"],
        |state| {
            cursor(state, "parallelism", 1);
        },
    );
    for (field, value) in [("finished", 0), ("finished", 2), ("next", 2)] {
        breaks(
            &run,
            &["step `each`: iterations begun, finished and open disagree"],
            |state| {
                cursor(state, field, value);
            },
        );
    }
}

#[test]
fn an_end_that_does_not_fit_is_found() {
    let mut run = Run::of(ORDERED);
    breaks(&run, &["ended and ended_at disagree"], |state| {
        state["ended_at"] = json!(1_000_000);
    });
    run.complete("a", json!({}));
    run.complete("b", json!({}));
    breaks(&run, &["completed without an output"], |state| {
        remove(state, "output");
    });
    breaks(&run, &["ended and ended_at disagree"], |state| {
        remove(state, "ended_at");
    });
    breaks(
        &run,
        &["completed with a step left that it waits for"],
        |state| {
            let second = step(state, 0, 1);
            second["phase"] = json!("running");
            remove(second, "finished_at");
            state["scopes"]["0"]["pending"] = json!(1);
            state["in_flight"] = json!(2);
        },
    );
    breaks(&run, &["completed although a step failed"], |state| {
        let first = step(state, 0, 0);
        first["phase"] = json!({"failed": {"continued": false}});
        first["error"] = json!({"code": "BOOM", "message": "boom"});
    });
    let mut run = Run::of(ORDERED);
    run.fail("a", "BOOM");
    breaks(&run, &["failed without an error"], |state| {
        remove(state, "error");
    });
    for (phase, status) in [("failed", "failed"), ("canceled", "canceled")] {
        breaks(
            &run,
            &[&format!("{phase} with a step left unsettled")],
            |state| {
                state["status"] = json!(status);
                let async_step = step(state, 0, 2);
                async_step["phase"] = json!("pending");
                remove(async_step, "finished_at");
            },
        );
    }
}

#[test]
fn a_run_that_is_held_after_its_end_is_found() {
    let mut run = Run::of("steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]");
    run.complete("a", json!({}));
    let state = edited(&run, |state| {
        state["paused"] = json!({"by": "ada", "reason": "", "at": 1_000_000});
    });
    let problems = check_invariants(&run.plan, &state);
    assert!(
        problems.contains(&"held after its end".to_owned()),
        "{problems:?}"
    );
}

#[test]
fn a_run_that_goes_on_although_a_step_failed_is_found_where_nothing_answers_the_failure() {
    let failed = |state: &mut Value| {
        let first = step(state, 0, 0);
        first["phase"] = json!({"failed": {"continued": false}});
        first["error"] = json!({"code": "BOOM", "message": "boom"});
    };
    let goes_on = ["goes on although a step failed"];
    for (settings, problems) in [
        ("{on_failure: halt}", &goes_on[..]),
        ("{on_failure: continue}", &goes_on[..]),
        ("{on_failure: notify}", &[]),
    ] {
        let mut run = Run::of(&format!("error_handling: {settings}\n{ORDERED}"));
        run.complete("a", json!({}));
        breaks(&run, problems, failed);
    }
    let mut jumping = Run::of(
        "steps:
  - {id: a, kind: Task, on_error: {action: goto, goto: c}, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}}
  - {id: c, kind: Task, inline: {capabilities: [x]}}",
    );
    jumping.complete("a", json!({}));
    breaks(&jumping, &[], failed);
}

#[test]
fn a_state_held_against_another_plan_is_found() {
    let run = Run::of(ORDERED);
    let other = compile(&workflow(
        "steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]",
    ))
    .unwrap();
    let problems = check_invariants(&other, &run.state);
    for problem in [
        "the run is pinned to another plan",
        "the plan has no node 1",
        "the plan has no node 2",
    ] {
        assert!(problems.contains(&problem.to_owned()), "{problems:?}");
    }
}
