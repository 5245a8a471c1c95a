//! Tasks that work through a list.

use ossa_runtime::port::RunStatus;
use serde_json::{Value, json};

use crate::harness::{Run, compile, documents, seconds, start_with, task, workflow};

fn mailing(batch: &str) -> String {
    documents(&[
        workflow(
            "steps:
  - {id: send, kind: Task, ref: mail, input: {readers: '${{ input.readers }}', subject: Hi}}
  - {id: after, kind: Task, input: '${{ steps.send.output }}', inline: {capabilities: [x]}}",
        ),
        task(
            "mail",
            &format!(
                "execution: {{entrypoint: send_mail}}
input: {{type: object, properties: {{readers: {{type: array}}, subject: {{type: string}}, from: {{type: string, default: us}}}}, required: [readers]}}
output: {{type: object, properties: {{total_sent: {{type: integer}}, total_failed: {{type: integer}}}}, required: [total_sent]}}
batch: {{enabled: true, {batch}}}"
            ),
        ),
    ])
}

fn readers(count: usize) -> Value {
    let readers: Vec<_> = (0..count).map(|n| json!({"mail": n})).collect();
    json!({ "readers": readers })
}

#[test]
fn the_handler_is_called_once_for_each_item_so_many_at_once() {
    let mut run = Run::text(&mailing("parallelism: 2"), readers(3));
    assert_eq!(run.in_flight(), ["item", "item"]);
    assert_eq!(run.step("send").kind, "batch");
    assert_eq!(
        run.job("item").input,
        json!({"mail": 0, "subject": "Hi", "from": "us", "item": {"mail": 0}, "index": 0})
    );
    let keys: Vec<_> = run.job("item").calls[0]
        .keys
        .iter()
        .map(|key| key.key.clone())
        .collect();
    assert_eq!(keys, ["demo.send", "mail", "send_mail"]);
    for n in 0..3 {
        run.complete("item", json!(n));
    }
    assert_eq!(
        run.job("after").input,
        json!({
            "total": 3, "succeeded": 3, "failed": 0, "results": [0, 1, 2], "failures": [],
            "total_sent": 3, "total_failed": 0,
        })
    );
}

#[test]
fn a_batch_is_also_a_run_of_its_own() {
    let text = task(
        "mail",
        "execution: {entrypoint: send_mail}
input: {type: object, properties: {readers: {type: array}, from: {type: string, default: us}}, required: [readers]}
batch: {enabled: true, parallelism: 2, on_item_error: skip}",
    );
    let mut run = Run::text(&text, readers(3));
    assert_eq!(run.in_flight(), ["item", "item"]);
    assert_eq!(
        run.job("item").input,
        json!({"mail": 0, "from": "us", "item": {"mail": 0}, "index": 0})
    );
    run.complete("item", json!("sent"));
    run.fail("item", "HANDLER_ERROR");
    run.complete("item", json!("sent"));
    assert_eq!(run.status(), RunStatus::Completed);
    let output = run.state.output().unwrap();
    assert_eq!(
        (&output["total"], &output["succeeded"], &output["failed"]),
        (&json!(3), &json!(2), &json!(1))
    );
}

#[test]
fn an_item_is_retried_and_then_counted_as_failed() {
    let batch =
        "parallelism: 1, retry: {max_attempts: 2, backoff_strategy: fixed, initial_delay_ms: 1000}";
    let mut run = Run::text(&mailing(batch), readers(2));
    run.fail("item", "BOUNCED");
    run.advance(seconds(5));
    run.fail("item", "BOUNCED");
    run.complete("item", json!("ok"));
    let output = run.job("after").input.clone();
    assert_eq!(
        (&output["succeeded"], &output["total_failed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        output["failures"],
        json!([{"index": 0, "error": {"code": "BOUNCED", "message": "BOUNCED happened"}}])
    );
}

#[test]
fn skip_counts_a_failure_at_once_and_fail_ends_the_task() {
    let mut run = Run::text(&mailing("parallelism: 1, on_item_error: skip"), readers(1));
    run.fail("item", "BOUNCED");
    assert_eq!(run.job("after").input["failed"], 1);
    let mut run = Run::text(&mailing("parallelism: 1, on_item_error: fail"), readers(2));
    run.fail("item", "BOUNCED");
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.step("send").error.unwrap().code, "BOUNCED");
}

#[test]
fn the_contract_of_the_task_holds_for_the_batch_as_a_whole() {
    let run = Run::text(&mailing("parallelism: 1"), json!({"readers": "all"}));
    assert_eq!(run.state.error().unwrap().code, "VALIDATION_FAILED");
    let run = Run::text(&mailing("parallelism: 1"), readers(0));
    assert_eq!(run.job("after").input["total_sent"], 0);
}

#[test]
fn items_may_be_named_and_must_be_known() {
    let inline = |batch: &str| {
        workflow(&format!(
            "steps: [{{id: a, kind: Task, input: {{rows: [7, 8]}}, inline: {{capabilities: [x], batch: {{enabled: true{batch}}}}}}}]"
        ))
    };
    let run = Run::text(&inline(", items: '${{ input.rows }}'"), json!({}));
    assert_eq!(run.job("item").input, json!({"item": 7, "index": 0}));
    let errors = compile(&inline("")).unwrap_err();
    assert_eq!(
        (errors[0].code(), errors[0].step()),
        ("OSSA-P017", Some("a"))
    );
}

#[test]
fn a_retried_batch_goes_on_where_it_stopped() {
    let mut run = Run::text(&mailing("parallelism: 1, on_item_error: fail"), readers(2));
    run.complete("item", json!("first"));
    run.fail("item", "BOUNCED");
    run.retry("send").unwrap();
    run.complete("item", json!("second"));
    assert_eq!(
        run.job("after").input["results"],
        json!(["first", "second"])
    );
}

#[test]
fn without_a_name_the_list_is_the_one_array_of_the_input_and_a_required_one_comes_first() {
    let items = |schema: &str| {
        let text = documents(&[
            workflow("steps: [{id: send, kind: Task, ref: mail, input: {a: [1], b: [2, 3]}}]"),
            task(
                "mail",
                &format!(
                    "execution: {{entrypoint: send_mail}}\ninput: {{type: object, {schema}}}\nbatch: {{enabled: true, parallelism: 3}}"
                ),
            ),
        ]);
        let plan = compile(&text).ok()?;
        Some(
            Run::on(std::sync::Arc::new(plan), start_with(json!({})))
                .unwrap()
                .in_flight()
                .len(),
        )
    };
    assert_eq!(items("properties: {a: {type: array}}"), Some(1));
    assert_eq!(
        items("properties: {a: {type: array}, b: {type: array}}, required: [b]"),
        Some(2)
    );
    assert_eq!(
        items("properties: {a: {type: array}, b: {type: array}}"),
        None
    );
    assert_eq!(items("properties: {a: {type: string}}"), None);
}
