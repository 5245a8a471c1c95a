//! Runs that wait for people and events.

use std::time::Duration;

use ossa_runtime::port::RunStatus;
use serde_json::json;

use crate::lab::*;
use crate::stories;

const WAITS: &str = "    - {id: sign, type: approval, timeout_hours: 1}
    - {id: paid, kind: Task, inline: {execution: {type: event_wait, event: {type: paid}}}}
    - {id: ship, kind: Task, input: '${{ steps.paid.output }}', inline: {capabilities: [x]}}
";

const ASKS: &str = "    - {id: form, kind: Task, depends_on: [], inline: {execution: {type: human, assignee: ada}}}
    - {id: sign, type: approval, depends_on: [], approvers: [{role: finance}, grace], require: 2, timeout_hours: 1}
    - {id: paid, kind: Task, depends_on: [], inline: {execution: {type: event_wait, event: {type: paid, filter: {order: 7}}}}}
";

stories! {
    fn of_two_rival_decisions_the_first_counts_and_the_second_is_told_so(lab) {
        let (one, other) = (lab.engine(), lab.engine());
        let id = start(&one, &workflow(WAITS));
        assert_eq!(one.run(id).unwrap().unwrap().run.status, RunStatus::Waiting);
        one.decide(id, "sign", json!("approve"), "ada", None).unwrap();
        let refused = other.decide(id, "sign", json!("reject"), "bob", Some("no money")).unwrap_err();
        assert_eq!(refused.code(), "OSSA-R012");
        let message = refused.message();
        assert!(message.contains("ada") && message.contains("waiting") && message.contains(&id.to_string()), "{message}");
    }

    fn an_event_wakes_the_run_and_its_payload_goes_on(lab) {
        let (host, worker) = (lab.engine(), lab.engine());
        let id = start(&host, &workflow(WAITS));
        host.decide(id, "sign", json!(true), "ada", None).unwrap();
        assert!(try_take(&worker).is_none());
        assert_eq!(host.signal(id, "paid", json!({"id": 7})).unwrap(), RunStatus::Running);
        let claim = take(&worker);
        assert_eq!(claim.job.input, json!({"id": 7}));
        worker.complete(&claim.token, json!({})).unwrap();
        assert_eq!(host.signal(id, "paid", json!({})).unwrap_err().code(), "OSSA-R014");
    }

    fn the_time_of_a_wait_is_kept_by_the_store(lab) {
        let id = start(&lab.engine(), &workflow(WAITS));
        lab.pass(Duration::from_secs(3599));
        let engine = lab.engine();
        engine.tick().unwrap();
        assert_eq!(engine.run(id).unwrap().unwrap().run.status, RunStatus::Waiting);
        lab.pass(Duration::from_secs(2));
        engine.tick().unwrap();
        let run = engine.run(id).unwrap().unwrap().run;
        assert_eq!(run.status, RunStatus::Failed);
        assert_eq!(run.error.unwrap().code, "TIMEOUT");
    }

    fn why_names_whom_and_what_a_step_waits_for(lab) {
        let engine = lab.engine();
        let id = start(&engine, &workflow(ASKS));
        let texts: Vec<_> = engine.why(id).unwrap().reasons.into_iter().map(|reason| reason.text).collect();
        assert_eq!(texts, [
            "`form` waits for a form to be filled in by ada",
            "`sign` waits for 2 approvals by role finance or grace",
            "`paid` waits for the event paid with order 7",
        ]);
        engine.decide(id, "sign", json!("approve"), "bob", None).unwrap();
        let reason = engine.why(id).unwrap().reasons.remove(1);
        assert!(reason.text.ends_with("; so far from bob"), "{}", reason.text);
        assert!(reason.until.is_some());
    }

    fn a_human_task_as_a_run_of_its_own_is_explained_answered_and_timed_out(lab) {
        let engine = lab.engine();
        let task = &plan("apiVersion: ossa/v0.3.0\nkind: Task\nmetadata: {name: budget}\nspec:\n  execution: {type: human, assignee: '${{ input.boss }}', timeout_hours: 1}\n");
        let (answered, forgotten) = (start_with(&engine, task, json!({"boss": "ada"})), start(&engine, task));
        assert_eq!(engine.run(answered).unwrap().unwrap().run.status, RunStatus::Waiting);
        let reason = engine.why(answered).unwrap().reasons.remove(0);
        assert_eq!(reason.text, "`budget` waits for a form to be filled in by ada");
        assert_eq!(engine.decide(answered, "budget", json!({"sum": 7}), "ada", None).unwrap(), RunStatus::Completed);
        assert_eq!(engine.run(answered).unwrap().unwrap().run.output, Some(json!({"sum": 7})));
        lab.pass(Duration::from_secs(3601));
        engine.tick().unwrap();
        assert_eq!(engine.run(forgotten).unwrap().unwrap().run.error.unwrap().code, "TIMEOUT");
    }
}
