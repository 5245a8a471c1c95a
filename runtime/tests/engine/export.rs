//! Runs that move from store to store.

use std::sync::Arc;
use std::time::Duration;

use ossa_runtime::engine::{Engine, OrderedBy, StartRequest};
use ossa_runtime::plan::Plan;
use ossa_runtime::port::{Page, RunFilter, RunId, RunStatus};
use serde_json::{Value, json};

use crate::lab::*;
use crate::stories;

fn is_empty(lab: &Lab) -> bool {
    let page = Page {
        after: None,
        limit: 1,
    };
    lab.engine()
        .runs(&RunFilter::default(), &page)
        .unwrap()
        .runs
        .is_empty()
}

/// The text with a part of its JSON changed.
fn changed(text: &str, change: impl Fn(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap();
    change(&mut value);
    value.to_string()
}

stories! {
    fn an_imported_run_goes_on_where_it_was(lab) {
        let engine = lab.engine();
        let retry = "retry: {max_attempts: 2, backoff_strategy: fixed, initial_delay_ms: 60000}";
        let plan = plan(&format!(
            "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: demo, labels: {{team: blue}}}}\nspec:\n  timeout_seconds: 900\n  steps:\n{}",
            [step("first"), step_with("flaky", &[retry]), step("last")].concat()
        ));
        let mut request = StartRequest::of_plan(plan, json!({"a": 1.1, "ü": [null]})).with_key("k");
        request.correlation_id = Some("case".to_owned());
        let id = engine.start(request).unwrap().run;
        complete(&engine, "first");
        engine.fail(&take(&engine).token, failure()).unwrap();
        let text = engine.export(id).unwrap();

        let elsewhere = Lab::in_file();
        elsewhere.pass(Duration::from_secs(1));
        let other = elsewhere.engine();
        let imported = other.import(&text).unwrap();
        assert_eq!((imported.run, imported.is_new), (id, true));
        assert_eq!(run(&other, id), run(&engine, id));
        assert_eq!(other.why(id).unwrap().reasons[0].code, "retry");
        assert!(try_take(&other).is_none(), "the retry is not due yet");
        elsewhere.pass(Duration::from_secs(60));
        assert_eq!(work_off(&elsewhere.engine()), ["flaky", "last"]);
        assert_eq!(status(&other, id), RunStatus::Completed);
        assert_eq!(status(&engine, id), RunStatus::Running, "the original is another run now");
    }

    fn what_a_worker_held_is_in_the_queue_of_the_other_store(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        let claim = take(&engine);
        let other = Lab::in_memory().engine();
        other.import(&engine.export(id).unwrap()).unwrap();
        assert_eq!(other.complete(&claim.token, json!({})).unwrap_err().code(), "OSSA-N003");
        assert_eq!(work_off(&other), ["first", "second", "third"]);
    }

    fn a_run_that_ended_and_one_that_is_paused_are_imported_as_they_are(lab) {
        let engine = lab.engine();
        let ended = start(&engine, &three_steps());
        work_off(&engine);
        let paused = start(&engine, &three_steps());
        engine.pause(paused, OrderedBy::new("ada")).unwrap();
        let other = Lab::in_file().engine();
        for id in [ended, paused] {
            other.import(&engine.export(id).unwrap()).unwrap();
            assert_eq!(run(&other, id), run(&engine, id));
        }
        assert!(try_take(&other).is_none());
        other.resume(paused, OrderedBy::default()).unwrap();
        assert_eq!(work_off(&other).len(), 3);
    }

    fn a_run_is_imported_once(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        let text = engine.export(id).unwrap();
        let other = Lab::in_memory().engine();
        assert!(other.import(&text).unwrap().is_new);
        assert!(!other.import(&text).unwrap().is_new);
        complete(&other, "first");
        let error = other.import(&text).unwrap_err();
        assert_eq!((error.code(), error.run()), ("OSSA-N021", Some(id)));
        assert_eq!(step_status(&other, id, "second"), "running");
    }

    fn another_run_with_the_same_key_is_in_the_way(lab) {
        let engine = lab.engine();
        let keyed = || StartRequest::of_plan(three_steps(), json!({})).with_key("k");
        let id = engine.start(keyed()).unwrap().run;
        work_off(&engine);
        let other = Lab::in_file().engine();
        other.start(keyed()).unwrap();
        assert_eq!(other.import(&engine.export(id).unwrap()).unwrap_err().code(), "OSSA-N021");
        assert_eq!(other.run(id).unwrap(), None);
    }

    fn a_damaged_file_is_refused_as_a_whole(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        complete(&engine, "first");
        let text = engine.export(id).unwrap();
        let resealed = |change: &dyn Fn(&mut Value)| changed(&text, |file| change(&mut file["run"]));
        let elsewhere = Lab::in_memory();
        for bad in [
            text[..text.len() / 2].to_owned(),
            String::new(),
            "{}".to_owned(),
            "[1]".to_owned(),
            changed(&text, |file| file["checksum"] = json!("00")),
            resealed(&|run| run["head"]["status"] = json!("completed")),
            resealed(&|run| drop(run["log"].as_array_mut().unwrap().pop())),
            resealed(&|run| run["items"] = json!([])),
        ] {
            assert_eq!(elsewhere.engine().import(&bad).unwrap_err().code(), "OSSA-N019");
        }
        let newer = changed(&text, |file| file["format"] = json!(2));
        assert_eq!(elsewhere.engine().import(&newer).unwrap_err().code(), "OSSA-N020");
        assert!(is_empty(&elsewhere));
    }

    fn a_parent_that_comes_without_its_child_says_so_and_a_retry_starts_the_child_anew(lab) {
        let engine = lab.engine();
        let id = start(&engine, &family());
        let child = child(&engine, id);
        let other = Lab::in_file().engine();
        let imported = other.import(&engine.export(id).unwrap()).unwrap();
        let missing: Vec<_> = imported.missing.iter().map(|it| (it.step.as_str(), it.run, it.workflow.as_str())).collect();
        assert_eq!(missing, [("money", child, "settle")]);
        let reason = other.why(id).unwrap().reasons.remove(0);
        assert_eq!((reason.code, reason.step.as_deref()), ("missing", Some("money")));
        assert!(reason.text.contains(&child.to_string()) && reason.text.contains("import it"), "{}", reason.text);
        assert!(try_take(&other).is_none());
        other.retry_step(id, "money", because("it stayed behind")).unwrap();
        assert_eq!(run(&other, child).run.parent.unwrap().run, id);
        assert_eq!(work_off(&other), ["charge", "mail"]);
        assert_eq!(status(&other, id), RunStatus::Completed);
    }

    fn a_child_that_comes_after_its_parent_is_found_by_it(lab) {
        let engine = lab.engine();
        let id = start(&engine, &family());
        let child = child(&engine, id);
        let other = Lab::in_memory().engine();
        other.import(&engine.export(id).unwrap()).unwrap();
        assert!(other.import(&engine.export(child).unwrap()).unwrap().missing.is_empty());
        assert_eq!(other.why(id).unwrap().reasons[0].code, "child");
        let refused = other.retry_step(id, "money", OrderedBy::default()).unwrap_err();
        assert_eq!(refused.code(), "OSSA-R006");
        assert!(refused.message().contains("is at work"), "{}", refused.message());
        assert_eq!(work_off(&other), ["charge", "mail"]);
    }

    fn what_a_child_told_in_the_old_store_its_parent_hears_in_the_new_one(lab) {
        let engine = lab.engine();
        let id = start(&engine, &family());
        let child = child(&engine, id);
        let parent = engine.export(id).unwrap();
        complete(&engine, "charge");
        let ended = engine.export(child).unwrap();
        for order in [[&parent, &ended], [&ended, &parent]] {
            let other = Lab::in_memory().engine();
            for text in order {
                other.import(text).unwrap();
            }
            assert_eq!(step_status(&other, id, "money"), "completed");
            assert_eq!(work_off(&other), ["mail"]);
        }
    }
}

/// An order whose money is a workflow of its own.
fn family() -> Arc<Plan> {
    plan(
        "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: order}
spec:
  steps:
    - {id: money, ref: settle, timeout_seconds: 60}
    - {id: mail, inline: {capabilities: [mail]}}
---
apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: settle}
spec: {steps: [{id: charge, inline: {capabilities: [charge]}}]}
",
    )
}

fn child(engine: &Engine, parent: RunId) -> RunId {
    let steps = run(engine, parent).run.steps;
    steps.iter().find_map(|step| step.child).unwrap()
}
