//! Steps that wait: for a person, for approvals, for an event.

use ossa_runtime::port::RunStatus;
use ossa_runtime::run::{Answer, Decision, Effect, Input, Rejection};
use serde_json::{Value, json};

use crate::harness::{BEGIN, Run, cancel, compile, documents, seconds, start_with, task, workflow};

fn decide(run: &mut Run, step: &str, by: &str, decision: Value) -> Result<Answer, Rejection> {
    let place = run.place(step);
    run.apply(Input::Decide(Box::new(Decision {
        scope: place.scope.0,
        node: place.node.0,
        decision,
        by: by.to_owned(),
        comment: Some("as agreed".to_owned()),
    })))
}

fn signal(run: &mut Run, name: &str, payload: Value) -> Result<Answer, Rejection> {
    run.apply(Input::Signal {
        name: name.to_owned(),
        payload,
    })
}

fn fire(run: &mut Run, name: &str) -> Answer {
    let generation = 1;
    let name = name.to_owned();
    run.apply(Input::TimerFired { name, generation }).unwrap()
}

const FORM: &str = "steps:
  - id: review
    kind: Task
    input: {draft: '${{ input.draft }}'}
    inline:
      execution: {type: human, assignee: '${{ input.editor }}', timeout_hours: 2, escalation: {after_hours: 1, to_role: chief}}
      input: {type: object, properties: {verdict: {type: string}, stars: {type: integer, default: 3}}, required: [verdict]}
  - {id: after, kind: Task, input: '${{ steps.review.output }}', inline: {capabilities: [x]}}";

fn form() -> Run {
    Run::text(&workflow(FORM), json!({"draft": 7, "editor": "ada"}))
}

const APPROVAL: &str = "steps:
  - {id: sign, type: approval, approvers: [{role: chief}], require: 2, timeout_hours: 48}
  - {id: after, kind: Task, condition: steps.sign.output.approved, inline: {capabilities: [x]}}";

fn payment(filter: &str) -> String {
    format!(
        "steps:
  - {{id: prepare, kind: Task, inline: {{capabilities: [x]}}}}
  - {{id: paid, kind: Task, inline: {{execution: {{type: event_wait, event: {{source: shop, type: payment.received, filter: {filter}}}}}}}}}
  - {{id: ship, kind: Task, input: '${{{{ steps.paid.output.id }}}}', inline: {{capabilities: [x]}}}}"
    )
}

#[test]
fn a_human_task_waits_for_its_form_and_its_answer_is_the_output() {
    let mut run = form();
    assert_eq!(run.status(), RunStatus::Waiting);
    let step = run.step("review");
    assert_eq!((step.kind, step.status), ("human", "waiting"));
    assert_eq!(step.input, Some(json!({"draft": 7})));
    assert_eq!(step.wait.unwrap().assignee, Some(json!("ada")));
    decide(&mut run, "review", "ada", json!({"verdict": "good"})).unwrap();
    assert_eq!(run.status(), RunStatus::Running);
    assert_eq!(
        run.job("after").input,
        json!({"verdict": "good", "stars": 3})
    );
}

#[test]
fn an_answer_that_does_not_fit_the_form_is_refused_and_the_step_goes_on_waiting() {
    let mut run = form();
    let refused = decide(&mut run, "review", "ada", json!({"stars": "many"})).unwrap_err();
    assert_eq!(refused.code(), "OSSA-R013");
    assert!(refused.to_string().contains("verdict"), "{refused}");
    assert_eq!(run.step("review").status, "waiting");
}

#[test]
fn of_two_rival_answers_the_first_counts_and_the_second_is_told_so() {
    let mut run = form();
    decide(&mut run, "review", "ada", json!({"verdict": "good"})).unwrap();
    let refused = decide(&mut run, "review", "bob", json!({"verdict": "bad"})).unwrap_err();
    let Rejection::NotWaiting { status, reason, .. } = &refused else {
        panic!("{refused}");
    };
    assert_eq!(
        (*status, reason.as_str()),
        (RunStatus::Running, "it was answered by ada")
    );
}

#[test]
fn without_an_answer_the_step_fails_when_its_time_is_up() {
    let mut run = form();
    let timers: Vec<_> = run
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::SetTimer { name, due, .. } => Some((name.clone(), *due)),
            _ => None,
        })
        .collect();
    assert_eq!(
        timers,
        [
            ("wait/0/0".to_owned(), BEGIN.after(seconds(7200))),
            ("escalate/0/0".to_owned(), BEGIN.after(seconds(3600))),
        ]
    );
    assert!(matches!(
        fire(&mut run, "escalate/0/0"),
        Answer::Applied { .. }
    ));
    assert_eq!(run.event_types(), ["step_escalated"]);
    assert_eq!(fire(&mut run, "escalate/0/0"), Answer::Ignored);
    assert!(matches!(fire(&mut run, "wait/0/0"), Answer::Applied { .. }));
    assert_eq!(run.state.error().unwrap().code, "TIMEOUT");
    assert!(run.effects.contains(&Effect::ClearTimer {
        name: "wait/0/0".to_owned()
    }));
    assert_eq!(fire(&mut run, "wait/0/0"), Answer::Ignored);
}

#[test]
fn an_answer_clears_the_timers_and_so_does_the_end_of_the_run() {
    let cleared = |run: &Run| {
        run.effects
            .iter()
            .filter(|effect| matches!(effect, Effect::ClearTimer { .. }))
            .count()
    };
    let mut run = form();
    decide(&mut run, "review", "ada", json!({"verdict": "good"})).unwrap();
    assert_eq!(cleared(&run), 2);
    let mut run = form();
    run.apply(cancel("enough")).unwrap();
    assert_eq!(cleared(&run), 2);
    assert_eq!(run.statuses(), "review=canceled after=skipped");
}

#[test]
fn an_approval_is_given_when_enough_people_approve() {
    let mut run = Run::of(APPROVAL);
    decide(&mut run, "sign", "ada", json!("approve")).unwrap();
    assert_eq!(run.status(), RunStatus::Waiting);
    let again = decide(&mut run, "sign", "ada", json!(true)).unwrap_err();
    assert!(
        again.to_string().contains("ada has decided already"),
        "{again}"
    );
    decide(&mut run, "sign", "bob", json!(true)).unwrap();
    let output = run.step("sign").output.unwrap();
    assert_eq!(output["approved"], true);
    assert_eq!(output["approvals"][1]["by"], "bob");
    assert_eq!(run.in_flight(), ["after"]);
}

#[test]
fn one_rejection_decides_and_is_no_failure() {
    let mut run = Run::of(APPROVAL);
    decide(&mut run, "sign", "ada", json!("reject")).unwrap();
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.step("sign").output.unwrap()["approved"], false);
    let refused = decide(&mut run, "sign", "bob", json!(true)).unwrap_err();
    assert!(refused.to_string().contains("answered by ada"), "{refused}");
}

#[test]
fn a_decision_that_is_none_is_refused() {
    let mut run = Run::of(APPROVAL);
    let refused = decide(&mut run, "sign", "ada", json!("perhaps")).unwrap_err();
    assert_eq!(refused.code(), "OSSA-R013");
    let refused = decide(&mut run, "after", "ada", json!(true)).unwrap_err();
    assert_eq!(refused.code(), "OSSA-R012");
}

#[test]
fn an_event_answers_the_step_that_waits_for_it() {
    let mut run = Run::of(&payment("{}"));
    run.complete("prepare", json!({}));
    assert_eq!(run.status(), RunStatus::Waiting);
    signal(&mut run, "payment.received", json!({"id": 5})).unwrap();
    assert_eq!(run.job("ship").input, json!(5));
}

#[test]
fn an_event_that_comes_early_is_kept_for_the_step() {
    let mut run = Run::of(&payment("{}"));
    signal(&mut run, "payment.received", json!({"id": 5})).unwrap();
    assert_eq!(run.event_types(), ["signal_kept"]);
    run.complete("prepare", json!({}));
    assert_eq!(run.job("ship").input, json!(5));
}

#[test]
fn only_an_event_that_fits_the_filter_answers() {
    let text = workflow(&payment(
        "{order: '${{ input.order }}', 'status.code': [1, 2]}",
    ));
    let mut run = Run::text(&text, json!({"order": 9}));
    run.complete("prepare", json!({}));
    for other in [
        json!({"order": 8, "status": {"code": 1}}),
        json!({"order": 9, "status": {"code": 3}}),
        json!({}),
    ] {
        signal(&mut run, "payment.received", other).unwrap();
        assert_eq!(run.status(), RunStatus::Waiting);
    }
    signal(
        &mut run,
        "payment.received",
        json!({"order": 9, "status": {"code": 2}, "id": 1}),
    )
    .unwrap();
    assert_eq!(run.job("ship").input, json!(1));
}

#[test]
fn a_signal_that_no_step_waits_for_or_that_comes_too_late_is_refused() {
    let mut run = Run::of(&payment("{}"));
    assert_eq!(
        signal(&mut run, "birthday", json!({})).unwrap_err().code(),
        "OSSA-R014"
    );
    run.apply(cancel("enough")).unwrap();
    let refused = signal(&mut run, "payment.received", json!({})).unwrap_err();
    assert!(refused.to_string().contains("canceled"), "{refused}");
}

#[test]
fn steps_beside_a_step_that_waits_go_on_and_iterations_wait_for_themselves() {
    let mut run = Run::of(
        "steps:
  - id: each
    kind: Loop
    loop: {over: [a, b], parallelism: 2, as: who}
    steps:
      - {id: ask, kind: Task, input: '${{ who }}', inline: {execution: {type: human}}}
      - {id: note, kind: Task, input: '${{ steps.ask.output }}', inline: {capabilities: [x]}}",
    );
    assert_eq!(run.status(), RunStatus::Waiting);
    decide(&mut run, "ask", "ada", json!("yes")).unwrap();
    assert_eq!(run.status(), RunStatus::Running, "one of two still waits");
    run.complete("note", json!({}));
    assert_eq!(run.status(), RunStatus::Waiting);
    decide(&mut run, "ask", "ada", json!("no")).unwrap();
    run.complete("note", json!({}));
    assert_eq!(run.status(), RunStatus::Completed);
}

#[test]
fn retries_of_a_step_that_waits_are_refused() {
    let errors = compile(&workflow(
        "steps: [{id: sign, type: approval, retry: {max_attempts: 2}}]",
    ))
    .unwrap_err();
    assert_eq!(errors[0].code(), "OSSA-P010");
}

#[test]
fn of_the_events_that_were_kept_a_step_takes_the_one_that_fits_it() {
    let mut run = Run::of(
        "steps:
  - {id: prepare, kind: Task, inline: {capabilities: [x]}}
  - {id: second, kind: Task, inline: {execution: {type: event_wait, event: {source: shop, type: paid, filter: {order: 2}}}}}
  - {id: first, kind: Task, inline: {execution: {type: event_wait, event: {source: shop, type: paid, filter: {order: 1}}}}}
  - {id: other, kind: Task, inline: {execution: {type: event_wait, event: {source: shop, type: sent, filter: {order: 2}}}}}
  - {id: last, kind: Task, inline: {capabilities: [x]}}",
    );
    for (name, order) in [("sent", 2), ("paid", 1), ("paid", 2)] {
        signal(&mut run, name, json!({"order": order})).unwrap();
    }
    run.complete("prepare", json!({}));
    assert_eq!(run.in_flight(), ["last"]);
    for (step, order) in [("second", 2), ("first", 1), ("other", 2)] {
        assert_eq!(run.step(step).output, Some(json!({"order": order})));
    }
}

const BUDGET: &str = "execution: {type: human, assignee: '${{ input.editor }}', timeout_hours: 2, escalation: {after_hours: 1, to_role: chief}}
input: {type: object, properties: {approved: {type: boolean}, limit: {type: integer, default: 3}}, required: [approved]}
output: {type: object, required: [approved]}";

#[test]
fn a_human_task_is_also_a_run_of_its_own() {
    let mut run = Run::text(&task("budget", BUDGET), json!({"editor": "ada", "sum": 7}));
    assert_eq!(run.status(), RunStatus::Waiting);
    let step = run.step("budget");
    assert_eq!((step.kind, step.status), ("human", "waiting"));
    assert_eq!(step.input, Some(json!({"editor": "ada", "sum": 7})));
    assert_eq!(step.wait.unwrap().assignee, Some(json!("ada")));
    let refused = decide(&mut run, "budget", "ada", json!({"limit": 1})).unwrap_err();
    assert_eq!(refused.code(), "OSSA-R013");
    fire(&mut run, "escalate/0/0");
    assert_eq!(run.event_types(), ["step_escalated"]);
    decide(&mut run, "budget", "ada", json!({"approved": true})).unwrap();
    assert_eq!(run.status(), RunStatus::Completed);
    let output = json!({"approved": true, "limit": 3});
    assert_eq!(run.state.output(), Some(&output));
}

#[test]
fn a_human_task_alone_fails_when_its_time_is_up() {
    let mut run = Run::text(&task("budget", BUDGET), json!({"editor": "ada"}));
    fire(&mut run, "wait/0/0");
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.state.error().unwrap().code, "TIMEOUT");
}

#[test]
fn a_task_that_waits_for_an_event_is_also_a_run_of_its_own_and_its_input_is_checked() {
    let text = task(
        "paid",
        "execution: {type: event_wait, event: {source: shop, type: paid, filter: {order: '${{ input.order }}'}}}
input: {type: object, properties: {order: {type: integer}}, required: [order]}",
    );
    let refused = Run::begin(&text, start_with(json!({}))).err();
    assert_eq!(refused.map(|refused| refused.code()), Some("OSSA-R001"));
    let mut run = Run::text(&text, json!({"order": 7}));
    signal(&mut run, "paid", json!({"order": 8})).unwrap();
    assert_eq!(run.status(), RunStatus::Waiting);
    signal(&mut run, "paid", json!({"order": 7})).unwrap();
    assert_eq!(run.status(), RunStatus::Completed);
    assert_eq!(run.state.output(), Some(&json!({"order": 7})));
}

#[test]
fn a_task_that_waits_knows_its_own_input_whoever_runs_it() {
    let called = workflow("steps: [{id: ask, ref: budget, input: {editor: bob}}]");
    let text = documents(&[called, task("budget", BUDGET)]);
    let run = Run::text(&text, json!({"editor": "ada"}));
    assert_eq!(run.step("ask").wait.unwrap().assignee, Some(json!("bob")));
}

#[test]
fn a_task_that_waits_has_neither_steps_nor_a_batch() {
    for more in [
        "batch: {enabled: true}",
        "steps: [{id: a, capabilities: [x]}]",
    ] {
        let text = task("ask", &format!("execution: {{type: human}}\n{more}"));
        let errors = compile(&text).unwrap_err();
        assert!(
            errors[0]
                .to_string()
                .contains("a task that waits and has steps or a batch"),
            "{errors:?}"
        );
    }
}
