//! Plans and runs as they are kept.

use ossa_runtime::plan::Plan;
use ossa_runtime::port::{LogRow, Snapshot, StoredRun, Timestamp, Version};
use ossa_runtime::run::{Input, ReplayError, RunState, apply};
use serde_json::{Value, json};

use crate::harness::{BEGIN, Run, compile, documents, start_with, task, workflow};

fn everything() -> String {
    documents(&[
        workflow(
            "inputs: {type: object, properties: {n: {type: integer, default: 3}}}
outputs: {type: object, properties: {id: {type: integer}}}
output: {id: '${{ steps.b.output.id }}', note: 'n=${{ input.n }}'}
context: {variables: {v: '${{ uuid() }}'}, secrets: [{name: TOKEN, ref: 'vault://t'}]}
concurrency: {max_parallel: 4}
timeout_seconds: 600
error_handling: {on_failure: notify, notification: {channels: [slack]}, retry_policy: {max_attempts: 2}}
steps:
  - {id: a, name: First, kind: Task, ref: t, condition: 'input.n > 0', input: {deep: [{x: '${{ input.n }}'}]}, labels: {team: core}}
  - {id: b, kind: Task, depends_on: [a], inline: {capabilities: [one, two], output: {type: object}}, output: {to: b, fields: [id]}, output_mapping: {twice: '${{ output.id }}'}, continue_on_error: true}
  - {id: c, kind: Task, depends_on: [a], async: true, inline: {capabilities: [x], postconditions: [{expression: 'output.ok'}]}}",
        ),
        task("t", "execution: {type: transactional, entrypoint: t, timeout_seconds: 9}\nerror_handling: {on_error: fallback, fallback_task: u, error_mapping: {A: ignore}}"),
        task("u", "execution: {entrypoint: u}\npreconditions: [{expression: 'input.deep', error_message: m}]"),
    ])
}

#[test]
fn a_stored_plan_reads_back_as_the_same_plan_under_the_same_hash() {
    let plan = compile(&everything()).unwrap();
    let json = plan.to_json();
    let read = Plan::from_json(&json).unwrap();
    assert_eq!(read.hash(), plan.hash());
    assert_eq!(read.to_json(), json);
    assert_eq!(plan.hash().0.len(), 64);
}

#[test]
fn a_run_goes_on_with_the_stored_plan() {
    let mut run = Run::text(&everything(), json!({}));
    run.plan = std::sync::Arc::new(Plan::from_json(&run.plan.to_json()).unwrap());
    run.fail("a", "BOOM");
    run.fail("a", "BOOM");
    assert!(run.step("a").fallback);
    run.complete("a", json!({}));
    run.complete("b", json!({"id": 4}));
    assert_eq!(run.output(), &json!({"id": 4, "note": "n=3"}));
}

#[test]
fn the_hash_depends_on_what_a_plan_says_and_not_on_how_it_is_written() {
    let hash = |spec: &str| compile(&workflow(spec)).unwrap().hash().clone();
    let one = hash(
        "steps: [{id: a, kind: Task, inline: {capabilities: [x], output: {type: object, required: [id]}}}]",
    );
    let same = hash(
        "steps:\n  - kind: Task\n    inline: {output: {required: [id], type: object}, capabilities: [x]}\n    id: a",
    );
    let other = hash(
        "steps: [{id: a, kind: Task, inline: {capabilities: [y], output: {type: object, required: [id]}}}]",
    );
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[test]
fn the_stored_form_of_a_plan_stays_as_it_is() {
    let plan = compile(&documents(&[
        workflow("steps: [{id: a, kind: Task, ref: t, input: {to: 'x ${{ input.to }}'}, condition: input.to}]"),
        task("t", "execution: {entrypoint: t}"),
    ]))
    .unwrap();
    let stored: Value = serde_json::from_str(&plan.to_json()).unwrap();
    assert_eq!(
        stored,
        json!({
            "format": 1,
            "kind": "workflow",
            "name": "demo",
            "version": "1.0.0",
            "result": "collected",
            "on_failure": "halt",
            "blocks": [{"join": "all", "first": 0, "count": 1}],
            "nodes": [{
                "id": "a",
                "block": 0,
                "path": "$.spec.steps[0]",
                "condition": "input.to",
                "action": {"task": {
                    "name": "t",
                    "execution": "deterministic",
                    "calls": [{"keys": [
                        {"kind": "step", "key": "demo.a"},
                        {"kind": "task", "key": "t"},
                        {"kind": "entrypoint", "key": "t"},
                    ]}],
                    "input": {"rendered": {"object": [
                        ["to", {"text": [{"text": "x "}, {"expression": "input.to"}]}],
                    ]}},
                    "timeout": {"secs": 300, "nanos": 0},
                    "on_error": "fail",
                }},
            }],
        })
    );
}

#[test]
fn a_plan_of_a_newer_format_or_a_damaged_one_is_refused() {
    let plan = compile(&everything()).unwrap();
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut stored: Value = serde_json::from_str(&plan.to_json()).unwrap();
        edit(&mut stored);
        Plan::from_json(&stored.to_string()).unwrap_err().code()
    };
    assert_eq!(edited(&|plan| plan["format"] = json!(2)), "OSSA-P020");
    assert_eq!(edited(&|plan| plan["nodes"] = json!([])), "OSSA-P021");
    assert_eq!(
        edited(&|plan| plan["nodes"][1]["depends_on"] = json!([77])),
        "OSSA-P021"
    );
    assert_eq!(
        edited(&|plan| plan["blocks"][0]["first"] = json!(1)),
        "OSSA-P021"
    );
    assert_eq!(Plan::from_json("[").unwrap_err().code(), "OSSA-P021");
}

#[test]
fn the_deepest_template_a_manifest_can_hold_reads_back() {
    let value = (0..33).fold("'${{ input.x }}'".to_owned(), |inner, _| {
        format!("{{k: {inner}}}")
    });
    let plan = compile(&workflow(&format!(
        "steps: [{{id: a, kind: Task, inline: {{capabilities: [x]}}, input: {value}}}]"
    )))
    .unwrap();
    assert!(Plan::from_json(&plan.to_json()).is_ok());
}

#[test]
fn a_run_is_restored_from_a_snapshot_and_the_rows_after_it() {
    let mut run = Run::text(&everything(), json!({}));
    run.fail("a", "BOOM");
    run.complete("a", json!({}));
    run.complete("b", json!({"id": 1}));
    for version in 1..=run.rows.len() {
        assert_eq!(run.restored_from(version), run.state);
    }
    let stored = StoredRun {
        head: run.state.head(&run.plan),
        snapshot: Some(run.state.to_snapshot()),
        tail: Vec::new(),
    };
    assert_eq!(
        RunState::restore(&run.plan, &stored, |_| None).unwrap(),
        run.state
    );
    let mut lost = stored;
    lost.head.version = lost.head.version.next();
    let error = RunState::restore(&run.plan, &lost, |_| None).unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
}

#[test]
fn a_damaged_log_is_refused_with_the_row() {
    let mut run = Run::text(&everything(), json!({}));
    run.fail("a", "BOOM");
    let replay = |rows: &[LogRow]| {
        RunState::replay(&run.plan, None, rows)
            .unwrap_err()
            .to_string()
    };
    assert!(replay(&[]).contains("nothing is stored"));
    assert!(replay(&run.rows[1..]).contains("row 1 is missing"));
    let mut torn = run.rows.clone();
    torn[1].events.truncate(10);
    assert!(replay(&torn).contains("log row 2 cannot be read"));
    let mut twice = run.rows.clone();
    twice[1].events = twice[0].events.clone();
    assert!(replay(&twice).contains("log row 2 does not fit"));
    let damaged = Snapshot {
        version: Version(1),
        state: "{}".to_owned(),
    };
    assert!(RunState::from_snapshot(&run.plan, &damaged, |_| None).is_err());
    let other = compile(&workflow(
        "steps: [{id: z, kind: Task, inline: {capabilities: [x]}}]",
    ))
    .unwrap();
    assert!(RunState::from_snapshot(&other, &run.state.to_snapshot(), |_| None).is_err());
    assert!(RunState::replay(&other, None, &run.rows).is_err());
}

#[test]
fn a_state_whose_scopes_go_in_circles_is_refused() {
    let run = Run::of(
        "steps:
  - id: around
    kind: Parallel
    parallel: [{id: a, kind: Task, inline: {capabilities: [x]}}]",
    );
    let snapshot = run.state.to_snapshot();
    for (sound, damaged) in [
        (r#""scopes":[1]"#, r#""scopes":[0]"#),
        (r#""parent":0"#, r#""parent":1"#),
        (r#""next_scope":2"#, r#""next_scope":1"#),
        (r#""first":1"#, r#""first":0"#),
        (r#""pending":1,"steps":[{"#, r#""pending":1,"steps":[{},{"#),
        (r#""parent":0,"node":0"#, r#""parent":0"#),
        (r#""parent":0,"node":0"#, r#""parent":0,"node":1"#),
        (r#""parent":0,"node":0"#, r#""parent":1,"node":1"#),
    ] {
        let state = snapshot.state.replacen(sound, damaged, 1);
        assert_ne!(state, snapshot.state, "{sound}");
        let read = RunState::from_snapshot(&run.plan, &Snapshot { state, ..snapshot }, |_| None);
        let error = read.unwrap_err();
        assert!(matches!(error, ReplayError::Unreadable { .. }), "{error}");
    }
    // A scope that stands in itself, and nowhere else.
    let state = snapshot
        .state
        .replacen(r#""scopes":[1]"#, r#""scopes":[]"#, 1);
    let state = state.replacen(r#""parent":0,"node":0"#, r#""parent":1,"node":1"#, 1);
    let read = RunState::from_snapshot(&run.plan, &Snapshot { state, ..snapshot }, |_| None);
    let error = read.unwrap_err();
    assert!(error.to_string().contains("stands in no scope"), "{error}");
    let mut row = run.rows[0].clone();
    row.events = row.events.replace(r#""opened":1"#, r#""opened":0"#);
    let error = RunState::replay(&run.plan, None, &[row]).unwrap_err();
    assert!(matches!(error, ReplayError::Unfitting { .. }), "{error}");
}

#[test]
fn an_iteration_that_the_loop_does_not_have_is_refused() {
    let mut run = Run::of(
        "steps:
  - id: each
    kind: Loop
    loop: {over: [1, 2]}
    steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]",
    );
    run.complete("a", json!({}));
    for (sound, damaged) in [
        (r#""iteration":0"#, r#""iteration":2"#),
        (r#""iteration":0"#, r#""iteration":4294967295"#),
        (r#""closed":1"#, r#""closed":0"#),
    ] {
        let mut rows = run.rows.clone();
        let last = rows.last_mut().unwrap();
        let events = last.events.replacen(sound, damaged, 1);
        assert_ne!(events, last.events, "{sound}");
        last.events = events;
        let error = RunState::replay(&run.plan, None, &rows).unwrap_err();
        assert!(matches!(error, ReplayError::Unfitting { .. }), "{error}");
    }
}

#[test]
fn a_snapshot_of_a_run_is_small() {
    let run = Run::of(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}}
  - {id: b, kind: Task, inline: {capabilities: [x]}}
  - {id: c, kind: Task, inline: {capabilities: [x]}}",
    );
    let snapshot = run.state.to_snapshot().state;
    assert!(snapshot.len() < 700, "{} bytes: {snapshot}", snapshot.len());
}

#[test]
fn the_same_input_gives_the_same_transition() {
    let text = everything();
    let plan = compile(&text).unwrap();
    let start = || Input::Start(Box::new(start_with(json!({"n": 2}))));
    let one = apply(&plan, None, start(), BEGIN).unwrap();
    let two = apply(&plan, None, start(), BEGIN).unwrap();
    assert_eq!(one, two);
    let later = apply(&plan, None, start(), Timestamp::from_millis(5)).unwrap();
    assert_ne!(one, later);
}

/// An edit of a stored plan, and what is wrong with the plan then.
type Damage<'a> = (&'a dyn Fn(&mut Value), &'a str);

#[test]
fn a_plan_that_contradicts_itself_is_refused_with_what_is_wrong() {
    let plan = compile(&workflow(
        "error_handling:
  on_failure: compensate
  compensation_steps: [{id: undo, kind: Task, inline: {capabilities: [x]}}]
steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}, on_error: {action: goto, goto: c}}
  - {id: b, kind: Parallel, parallel: [{id: inner, kind: Task, inline: {capabilities: [x]}}]}
  - {id: c, kind: Task, inline: {capabilities: [x]}}",
    ))
    .unwrap();
    let sound: Value = serde_json::from_str(&plan.to_json()).unwrap();
    let refusal = |edit: &dyn Fn(&mut Value)| {
        let mut stored = sound.clone();
        edit(&mut stored);
        let read = Plan::from_json(&stored.to_string());
        read.map_or_else(|error| error.to_string(), |_| "fine".to_owned())
    };
    assert_eq!(refusal(&|_| {}), "fine");
    let ids: Vec<_> = sound["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| &node["id"])
        .collect();
    assert_eq!(ids, ["a", "b", "c", "undo", "inner"]);
    let cases: [Damage<'_>; 14] = [
        (
            &|p| p["blocks"][2]["first"] = json!(3),
            "block 2 does not begin at node 4",
        ),
        (
            &|p| p["blocks"][2]["owner"] = json!(4),
            "block 2 stands before the node it belongs to",
        ),
        (
            &|p| p["blocks"][2]["owner"] = json!(5),
            "block 2 stands before the node it belongs to",
        ),
        (
            &|p| p["nodes"][4]["block"] = json!(0),
            "block 2 does not hold its nodes",
        ),
        (
            &|p| p["blocks"][2]["count"] = json!(2),
            "block 2 does not hold its nodes",
        ),
        (
            &|p| p["blocks"][2]["count"] = json!(0),
            "the blocks do not hold all nodes",
        ),
        (
            &|p| p["compensation"] = json!(0),
            "the compensation is no block of its own",
        ),
        (
            &|p| p["compensation"] = json!(3),
            "the compensation is no block of its own",
        ),
        (
            &|p| p["nodes"][0]["on_error"]["goto"] = json!(0),
            "step `a` jumps to a step that does not follow it",
        ),
        (
            &|p| p["nodes"][0]["on_error"]["goto"] = json!(3),
            "step `a` jumps to a step that does not follow it",
        ),
        (
            &|p| p["nodes"][2]["on_error"] = json!({"goto": 1}),
            "step `c` jumps to a step that does not follow it",
        ),
        (
            &|p| p["nodes"][2]["depends_on"] = json!([3]),
            "step `c` waits for a step outside its block",
        ),
        (
            &|p| p["blocks"][2]["owner"] = json!(0),
            "step `b` runs a block that is not its own",
        ),
        (
            &|p| p["nodes"][1]["action"]["parallel"] = json!(1),
            "step `b` runs a block that is not its own",
        ),
    ];
    for (edit, reason) in cases {
        assert_eq!(
            refusal(edit),
            format!("the stored plan is damaged: {reason}")
        );
    }
}

#[test]
fn a_snapshot_without_the_number_of_the_next_scope_has_the_first() {
    let run = Run::of("steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]");
    let snapshot = run.state.to_snapshot();
    let state = snapshot.state.replace(r#""next_scope":1,"#, "");
    assert_ne!(state, snapshot.state);
    let read =
        RunState::from_snapshot(&run.plan, &Snapshot { state, ..snapshot }, |_| None).unwrap();
    assert_eq!(read, run.state);
}

#[test]
fn what_cannot_be_replayed_has_a_code() {
    let run = Run::text(&everything(), json!({}));
    let error = RunState::replay(&run.plan, None, &[]).unwrap_err();
    assert_eq!((error.code(), error), ("OSSA-R009", ReplayError::Empty));
}

#[test]
fn a_loop_that_is_past_its_end_is_refused() {
    let run = Run::of(
        "steps:
  - id: each
    kind: Loop
    loop: {over: [1, 2]}
    steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]
  - {id: after, kind: Task, input: '${{ steps.each.output }}', inline: {capabilities: [x]}}",
    );
    let snapshot = run.state.to_snapshot();
    for (next, refused) in [(1, false), (2, false), (3, true)] {
        let state = snapshot
            .state
            .replacen(r#""next":1"#, &format!(r#""next":{next}"#), 1);
        let read = RunState::from_snapshot(&run.plan, &Snapshot { state, ..snapshot }, |_| None);
        assert_eq!(read.is_err(), refused, "{next}");
    }
}

#[test]
fn a_step_is_undone_by_a_block_of_its_own() {
    let plan = compile(&workflow(
        "steps:
  - {id: a, kind: Task, inline: {capabilities: [x]}, on_error: {action: compensate, compensation: {id: undo_a, kind: Task, inline: {capabilities: [x]}}}}
  - {id: b, kind: Task, inline: {capabilities: [x]}, on_error: {action: compensate, compensation: {id: undo_b, kind: Task, inline: {capabilities: [x]}}}}",
    ))
    .unwrap();
    let mut stored: Value = serde_json::from_str(&plan.to_json()).unwrap();
    stored["nodes"][0]["on_error"] = stored["nodes"][1]["on_error"].clone();
    let error = Plan::from_json(&stored.to_string()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("step `a` runs a block that is not its own"),
        "{error}"
    );
}
