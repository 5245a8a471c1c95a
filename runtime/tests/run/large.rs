//! Long lists and large values: the same to expressions and workers, and not in every snapshot.

use ossa_runtime::port::Snapshot;
use ossa_runtime::run::{ReplayError, RunState};
use serde_json::{Value, json};

use crate::harness::{Run, start_with, workflow};

const LONG: usize = 5000;

fn list() -> Value {
    (0..LONG).map(|number| json!({"n": number})).collect()
}

const STEPS: &str = "
steps:
  - id: look
    kind: Task
    input:
      last: '${{ input.list[-1].n }}'
      count: '${{ input.list.length }}'
      deep: '${{ workflow.input.within.list[7].n }}'
      beyond: '${{ input.list[9999] }}'
      beside: '${{ input.within.name }}'
      bare: '${{ list[3].n }}'
    inline: {capabilities: [x]}
  - {id: whole, kind: Task, input: '${{ input.within }}', inline: {capabilities: [x]}}
  - {id: pick, kind: Task, input: '${{ steps.whole.output.list[4999] }}', inline: {capabilities: [x]}}
  - id: each
    kind: Loop
    loop: {over: '${{ input.list }}', as: it}
    steps:
      - {id: work, kind: Task, input: {n: '${{ it.n }}', of: '${{ input.within.name }}'}, inline: {capabilities: [x]}}";

fn begun() -> Run {
    let input = json!({"list": list(), "within": {"name": "box", "list": list()}});
    Run::text(&workflow(STEPS), input)
}

#[test]
fn expressions_see_a_long_list_as_any_other() {
    let mut run = begun();
    assert_eq!(
        run.view().steps[0].input,
        Some(
            json!({"last": LONG - 1, "count": LONG, "deep": 7, "beyond": null, "beside": "box", "bare": 3})
        )
    );
    run.complete("look", json!({}));
    let whole = run.view().steps[1].input.clone().unwrap();
    assert_eq!(whole, json!({"name": "box", "list": list()}));
    run.complete("whole", whole);
    assert_eq!(run.view().steps[2].input, Some(json!({"n": 4999})));
}

#[test]
fn a_loop_goes_over_a_long_list_in_its_order() {
    let mut run = begun();
    for step in ["look", "whole", "pick"] {
        run.complete(step, json!({"list": list()}));
    }
    for number in 0..3 {
        let view = run.view();
        let work = view.steps.iter().find(|step| step.id == "work").unwrap();
        assert_eq!(work.input, Some(json!({"n": number, "of": "box"})));
        assert_eq!(view.steps[3].iterations.unwrap().total, LONG);
        run.complete("work", json!({}));
    }
}

#[test]
fn a_snapshot_leaves_large_values_to_the_log() {
    let mut run = begun();
    run.complete("look", json!({"text": "x".repeat(100_000)}));
    run.complete("whole", json!({"list": list()}));
    run.complete("pick", json!({}));
    let taken = run.state.take_snapshot();
    assert!(
        taken.snapshot.state.len() < 10_000,
        "{}",
        taken.snapshot.state
    );
    assert!(taken.bytes > 300_000);
    // The start, and what the first two steps gave. The loop, opened in the row of the third, goes over the list of the start,
    // which is not written again.
    assert_eq!(taken.rows, 3);
    let opened = run.rows.last().unwrap();
    assert!(opened.events.contains("items_of_input") && opened.events.len() < 10_000);
    let read = RunState::from_snapshot(&run.plan, &taken.snapshot, run.row()).unwrap();
    assert_eq!(read, run.state);
    assert_eq!(read.take_snapshot().snapshot, taken.snapshot);
}

#[test]
fn of_many_large_values_a_snapshot_leaves_the_largest_to_the_log() {
    let steps: String = (0..12)
        .map(|number| format!("\n  - {{id: s{number}, kind: Task, inline: {{capabilities: [x]}}}}"))
        .collect();
    let mut run = Run::of(&format!("steps:{steps}"));
    for number in 0..12 {
        let size = 20_000 + 1000 * number;
        run.complete(&format!("s{number}"), json!("x".repeat(size)));
    }
    let taken = run.state.take_snapshot();
    assert_eq!(taken.rows, 8);
    assert!((80_000..100_000).contains(&taken.snapshot.state.len()));
    let read = RunState::from_snapshot(&run.plan, &taken.snapshot, run.row()).unwrap();
    assert_eq!(read, run.state);
}

#[test]
fn a_snapshot_whose_values_are_not_in_the_log_is_refused() {
    let run = begun();
    let snapshot = run.state.to_snapshot();
    let refused = |snapshot: &Snapshot| {
        let read = RunState::from_snapshot(&run.plan, snapshot, run.row());
        matches!(read, Err(ReplayError::Unreadable { .. }))
    };
    assert!(!refused(&snapshot));
    assert!(RunState::from_snapshot(&run.plan, &snapshot, |_| None).is_err());
    for (is, not) in [
        (r#""version":1,"event":0"#, r#""version":1,"event":7"#),
        (r#""version":1,"event":0"#, r#""version":2,"event":0"#),
        (r#""field":"start""#, r#""field":"output""#),
    ] {
        let state = snapshot.state.replace(is, not);
        assert_ne!(state, snapshot.state);
        assert!(
            refused(&Snapshot {
                state,
                ..snapshot.clone()
            }),
            "{not}"
        );
    }
}

#[test]
fn a_long_list_that_comes_as_text_is_the_same_and_within_the_same_bounds() {
    let start = |list: &str| {
        let text = format!("{{\"list\": {list}, \"within\": {{\"name\": \"box\", \"list\": []}}}}");
        let mut start = start_with(json!({}));
        start.input = serde_json::from_str(&text).unwrap();
        Run::begin(&workflow(STEPS), start)
    };
    let of = |element: &str| format!("[{}{element}]", "{\"n\": 1},".repeat(LONG));
    let run = start(&of("{\"n\": 9}")).unwrap();
    let input = run.view().steps[0].input.clone().unwrap();
    assert_eq!(
        (&input["last"], &input["count"]),
        (&json!(9), &json!(LONG + 1))
    );
    for bad in [
        "{\"n\": [{\"$secret\": \"key\"}]}".to_owned(),
        "[".repeat(99) + &"]".repeat(99),
    ] {
        let refused = start(&of(&bad)).err().unwrap();
        assert_eq!(refused.code(), "OSSA-R001", "{bad}");
    }
    start(&of(&("[".repeat(98) + &"]".repeat(98)))).unwrap();
}
