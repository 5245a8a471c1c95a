//! Loops.

use std::collections::VecDeque;
use std::sync::Arc;

use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{
    Effect, Input, MAX_COLLECTED, MAX_COLLECTED_BYTES, Rejection, RunState, StepJob, Transition,
    apply,
};
use serde_json::{Value, json};

use crate::harness::{BEGIN, Run, compile, start_with, succeeded, workflow};

fn mails(parallelism: usize) -> String {
    workflow(&format!(
        "steps:
  - id: each
    kind: Loop
    loop: {{over: '${{{{ input.people }}}}', as: person, index: n, parallelism: {parallelism}}}
    steps:
      - {{id: render, kind: Task, input: {{to: '${{{{ person.mail }}}}', n: '${{{{ n }}}}'}}, inline: {{capabilities: [x]}}}}
      - {{id: send, kind: Task, input: {{text: '${{{{ steps.render.output }}}}', who: '${{{{ item.mail }}}}', at: '${{{{ index }}}}'}}, inline: {{capabilities: [x]}}}}
  - {{id: report, kind: Task, input: {{sent: '${{{{ steps.each.output }}}}'}}, inline: {{capabilities: [x]}}}}"
    ))
}

fn people(count: usize) -> Value {
    let people: Vec<_> = (0..count)
        .map(|n| json!({"mail": format!("{n}@example.org")}))
        .collect();
    json!({ "people": people })
}

#[test]
fn the_steps_run_once_for_each_element_in_order() {
    let mut run = Run::text(&mails(1), people(2));
    assert_eq!(
        run.job("render").input,
        json!({"to": "0@example.org", "n": 0})
    );
    run.complete("render", json!("Hello 0"));
    assert_eq!(
        run.job("send").input,
        json!({"text": "Hello 0", "who": "0@example.org", "at": 0})
    );
    run.complete("send", json!(true));
    assert_eq!(run.job("render").input["n"], 1);
    run.complete("render", json!("Hello 1"));
    assert_eq!(run.job("send").input["text"], "Hello 1");
    run.complete("send", json!(false));
    assert_eq!(
        run.job("report").input["sent"],
        json!([
            {
                "index": 0, "item": {"mail": "0@example.org"}, "status": "completed", "output": true,
                "steps": {
                    "render": {"status": "completed", "output": "Hello 0"},
                    "send": {"status": "completed", "output": true},
                },
            },
            {
                "index": 1, "item": {"mail": "1@example.org"}, "status": "completed", "output": false,
                "steps": {
                    "render": {"status": "completed", "output": "Hello 1"},
                    "send": {"status": "completed", "output": false},
                },
            },
        ])
    );
}

#[test]
fn no_more_iterations_run_at_once_than_the_loop_allows_and_results_keep_their_order() {
    let mut run = Run::text(&mails(2), people(3));
    let first: Vec<_> = run.items.keys().copied().collect();
    assert_eq!(first.len(), 2);
    // The second iteration overtakes the first; the third takes its place.
    run.apply(succeeded(first[1], json!("b"))).unwrap();
    let send = run.attempt("send");
    run.apply(succeeded(send, json!("second"))).unwrap();
    assert_eq!(run.in_flight(), ["render", "render"]);
    while !run.in_flight().contains(&"report".to_owned()) {
        let step = run.in_flight()[0].clone();
        run.complete(&step, json!(step));
    }
    let outputs: Vec<_> = run.job("report").input["sent"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["output"].clone())
        .collect();
    assert_eq!(outputs, [json!("send"), json!("second"), json!("send")]);
}

#[test]
fn a_list_without_elements_or_no_list_has_no_iterations() {
    let run = Run::text(&mails(1), people(0));
    assert_eq!(run.job("report").input, json!({"sent": []}));
    let run = Run::text(&mails(1), json!({}));
    assert_eq!(run.job("report").input, json!({"sent": []}));
    assert!(run.event_types().contains(&"warned".to_owned()));
}

#[test]
fn an_object_is_gone_over_by_key_and_value_and_anything_else_fails_the_loop() {
    let run = Run::text(&mails(1), json!({"people": {"a": 1}}));
    assert_eq!(run.job("render").input, json!({"to": null, "n": 0}));
    let run = Run::text(&mails(1), json!({"people": "everybody"}));
    assert_eq!(run.state.error().unwrap().code, "VALIDATION_FAILED");
    assert_eq!(run.state.error().unwrap().step_id.as_deref(), Some("each"));
}

#[test]
fn parallelism_may_be_computed_and_must_be_a_number_in_its_bounds() {
    let text = workflow(
        "steps:
  - id: each
    kind: Loop
    loop: {over: [1, 2, 3], parallelism: '${{ input.at_once }}'}
    steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]",
    );
    let run = Run::text(&text, json!({"at_once": 2}));
    assert_eq!(run.in_flight(), ["a", "a"]);
    for wrong in [json!(0), json!(5000), json!("many")] {
        let run = Run::text(&text, json!({"at_once": wrong}));
        assert_eq!(run.state.error().unwrap().code, "VALIDATION_FAILED");
    }
}

#[test]
fn a_failed_iteration_fails_the_loop_and_none_begins_after_it() {
    let mut run = Run::text(&mails(2), people(5));
    run.fail("render", "NO_TEMPLATE");
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(
        run.statuses(),
        "each=failed render=failed send=skipped render=canceled send=skipped report=skipped"
    );
    run.retry("render").unwrap();
    assert_eq!(run.in_flight(), ["render", "render"]);
    let each = run.step("each").iterations.unwrap();
    assert_eq!((each.total, each.finished), (5, 0));
    while let Some(step) = run.in_flight().first().cloned() {
        run.complete(&step, json!({}));
    }
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn under_notify_the_iterations_that_run_finish_before_the_loop_fails() {
    let text = mails(2).replace("spec:", "spec:\n  error_handling: {on_failure: notify}");
    let mut run = Run::text(&text, people(5));
    run.fail("render", "NO_TEMPLATE");
    assert_eq!(run.in_flight(), ["render"]);
    run.complete("render", json!({}));
    run.complete("send", json!({}));
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.step("each").iterations.unwrap().finished, 1);
}

#[test]
fn an_iteration_whose_failure_is_continued_is_told_as_failed() {
    let text = mails(1).replace("id: send,", "id: send, continue_on_error: true,");
    let mut run = Run::text(&text, people(1));
    run.complete("render", json!("x"));
    run.fail("send", "BOUNCED");
    let sent = &run.job("report").input["sent"][0];
    assert_eq!(
        (&sent["status"], &sent["output"]),
        (&json!("failed"), &json!("x"))
    );
    assert_eq!(sent["steps"]["send"]["status"], "failed");
}

#[test]
fn inner_loops_see_the_names_of_the_loops_around_them() {
    let mut run = Run::of(
        "steps:
  - id: rows
    kind: Loop
    loop: {over: [[1, 2], [3]], as: row}
    steps:
      - id: cells
        kind: Loop
        loop: {over: '${{ row }}', as: cell}
        steps: [{id: a, kind: Task, input: {cell: '${{ cell }}', row: '${{ row }}', item: '${{ item }}', again: '${{ item.cell }}'}, inline: {capabilities: [x]}}]
  - {id: last, kind: Task, input: '${{ steps.rows.output[1].output[0].output }}', inline: {capabilities: [x]}}",
    );
    assert_eq!(
        run.job("a").input,
        json!({"cell": 1, "row": [1, 2], "item": 1, "again": 1})
    );
    for _ in 0..3 {
        let cell = run.job("a").input["cell"].clone();
        run.complete("a", cell);
    }
    assert_eq!(run.job("last").input, json!(3));
}

#[test]
fn each_iteration_has_an_effect_key_of_its_own() {
    let run = Run::text(&mails(2), people(2));
    let keys: Vec<_> = run
        .items
        .values()
        .map(|item| item.job.effect_key.clone())
        .collect();
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_result_of_an_iteration_that_is_finished_is_late() {
    let mut run = Run::text(&mails(1), people(2));
    let old = run.attempt("render");
    run.complete("render", json!(1));
    run.complete("send", json!(1));
    let answer = run.apply(succeeded(old, json!(2))).unwrap();
    assert_eq!(answer, ossa_runtime::run::Answer::Late);
}

#[test]
fn more_results_than_can_be_kept_are_refused_before_the_first_iteration() {
    let run = Run::text(&mails(1), people(MAX_COLLECTED + 1));
    assert_eq!(run.status(), RunStatus::Failed);
    let error = run.state.error().unwrap();
    assert!(
        error.message.contains("something reads them"),
        "{}",
        error.message
    );
}

#[test]
fn async_steps_in_a_loop_are_refused() {
    let errors = compile(&workflow(
        "steps: [{id: each, kind: Loop, loop: {over: [1]}, steps: [{id: a, kind: Task, async: true, inline: {capabilities: [x]}}]}]",
    ))
    .unwrap_err();
    assert_eq!(
        (errors[0].code(), errors[0].step()),
        ("OSSA-P010", Some("a"))
    );
}

/// Completes the steps in the order in which they were dispatched, from a given number of iterations on.
struct Long {
    plan: Arc<ossa_runtime::plan::Plan>,
    state: RunState,
    jobs: VecDeque<StepJob>,
}

impl Long {
    fn take(&mut self, made: Result<Transition, Rejection>) {
        let made = made.unwrap();
        for effect in made.effects {
            if let Effect::Dispatch(dispatch) = effect {
                self.jobs.push_back(dispatch.job);
            }
        }
        self.state = made.state;
    }

    fn complete(&mut self, count: usize) {
        for _ in 0..count {
            let job = self.jobs.pop_front().unwrap();
            let step = ossa_runtime::port::StepRef {
                run: job.run,
                scope: job.scope,
                node: job.node,
                attempt: job.attempt,
            };
            let state = self.state.clone();
            let input = succeeded(step, json!({"n": 1}));
            self.take(apply(&self.plan, Some(state), input, BEGIN));
        }
    }

    /// The state as it would be stored, without what the loop goes over.
    fn size(&self) -> usize {
        let snapshot = self.state.to_snapshot().state;
        let mut state: Value = serde_json::from_str(&snapshot).unwrap();
        state["start"]["input"] = Value::Null;
        state["scopes"]["0"]["steps"][0]["block"]["cursor"]["items"] = Value::Null;
        state.to_string().len()
    }
}

#[test]
fn a_long_loop_does_not_grow_with_the_iterations_that_are_finished() {
    let text = workflow(
        "steps:
  - id: each
    kind: Loop
    loop: {over: '${{ input.numbers }}', parallelism: 4}
    steps: [{id: a, kind: Task, input: {n: '${{ item }}'}, inline: {capabilities: [x]}}]",
    );
    let plan = Arc::new(compile(&text).unwrap());
    let numbers: Vec<usize> = (0..100_000).collect();
    let start = Input::Start(Box::new(start_with(json!({ "numbers": numbers }))));
    let made = apply(&plan, None, start, BEGIN);
    let mut long = Long {
        plan,
        state: made.as_ref().unwrap().state.clone(),
        jobs: VecDeque::new(),
    };
    long.take(made);
    long.complete(1_000);
    let early = long.size();
    long.complete(49_000);
    let late = long.size();
    assert!(late < early + 64, "{early} bytes grew to {late}");
    assert_eq!(long.jobs.len(), 4);
    long.complete(50_000);
    assert_eq!(long.state.status(), RunStatus::Completed);
    let view = long.state.view(&long.plan);
    assert_eq!(
        view.steps[0].output,
        Some(json!({"iterations": 100_000, "failed": 0}))
    );
}

#[test]
fn the_results_that_are_kept_are_bounded_together() {
    let spec = "steps:
  - id: each
    kind: Loop
    loop: {over: [1, 2, 3]}
    continue_on_error: true
    steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]
  - {id: after, kind: Task, input: {code: '${{ steps.each.error.code }}', sent: '${{ steps.each.output[1].index }}'}, inline: {capabilities: [x]}}";
    // An output stands in the result of its iteration twice: as that of the iteration, and of its step.
    let with_outputs_of = |bytes: usize| {
        let mut run = Run::of(spec);
        while run.in_flight() == ["a"] {
            run.complete("a", json!("x".repeat(bytes)));
        }
        run.job("after").input.clone()
    };
    let room = MAX_COLLECTED_BYTES / 6 - 1000;
    assert_eq!(with_outputs_of(room), json!({"code": null, "sent": 1}));
    assert_eq!(
        with_outputs_of(room + 2000),
        json!({"code": "OUTPUT_TOO_LARGE", "sent": null})
    );
    assert_eq!(MAX_COLLECTED_BYTES, 4_194_304);
}

#[test]
fn as_many_results_as_are_allowed_are_kept() {
    let with = |count: usize| {
        let text = workflow(
            "steps:
  - {id: each, kind: Loop, loop: {over: '${{ input.list }}'}, steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]}
  - {id: after, kind: Task, input: '${{ steps.each.output }}', inline: {capabilities: [x]}}",
        );
        Run::text(&text, json!({"list": vec![1; count]})).status()
    };
    assert_eq!(with(MAX_COLLECTED), RunStatus::Running);
    assert_eq!(with(MAX_COLLECTED + 1), RunStatus::Failed);
}

#[test]
fn of_results_that_nobody_reads_the_failed_ones_are_counted() {
    let mut run = Run::of(
        "steps:
  - {id: each, kind: Loop, loop: {over: [1, 2, 3]}, steps: [{id: a, kind: Task, continue_on_error: true, inline: {capabilities: [x]}}]}",
    );
    run.fail("a", "BOOM");
    run.complete("a", json!({}));
    run.fail("a", "BOOM");
    assert_eq!(
        run.step("each").output,
        Some(json!({"iterations": 3, "failed": 2}))
    );
}

#[test]
fn a_result_of_a_scope_that_was_never_opened_is_unknown() {
    let mut run = Run::of(
        "steps:
  - {id: each, kind: Loop, loop: {over: [1, 2]}, steps: [{id: a, kind: Task, inline: {capabilities: [x]}}]}",
    );
    let mut attempt = run.attempt("a");
    attempt.scope += 1;
    let rejection = run.apply(succeeded(attempt, json!({}))).unwrap_err();
    assert_eq!(rejection.code(), "OSSA-R005");
}

#[test]
fn results_of_exactly_the_size_that_is_allowed_are_kept() {
    let code = |item: u32, bytes: usize| {
        let mut run = Run::of(&format!(
            "steps:
  - {{id: each, kind: Loop, loop: {{over: [{item}]}}, continue_on_error: true, steps: [{{id: a, kind: Task, inline: {{capabilities: [x]}}}}]}}
  - {{id: after, kind: Task, input: {{code: '${{{{ steps.each.error.code }}}}', of: '${{{{ steps.each.output }}}}'}}, inline: {{capabilities: [x]}}}}"
        ));
        run.complete("a", json!("x".repeat(bytes)));
        run.job("after").input["code"].clone()
    };
    let around = |item: u32| {
        let empty = json!({
            "index": 0, "item": item, "status": "completed", "output": "",
            "steps": {"a": {"status": "completed", "output": ""}},
        });
        MAX_COLLECTED_BYTES - empty.to_string().len()
    };
    // The output stands in the result twice, so what is left for it must be even.
    let item = if around(1).is_multiple_of(2) { 1 } else { 10 };
    let bytes = around(item) / 2;
    assert_eq!(code(item, bytes), Value::Null);
    assert_eq!(code(item, bytes + 1), json!("OUTPUT_TOO_LARGE"));
}
