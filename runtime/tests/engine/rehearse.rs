//! Asking what a result would mean.

use ossa_runtime::engine::Rehearsal;
use serde_json::json;

use crate::lab::*;
use crate::stories;

const CHECKED: &str =
    "postconditions: [{expression: 'output.done != null', error_message: not done}]";

stories! {
    fn an_output_that_would_complete_the_step_is_accepted_and_nothing_changes(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        let claim = take(&engine);
        let before = run(&engine, id);
        assert_eq!(engine.rehearse(&claim.token, json!({"done": 1})).unwrap(), Rehearsal::Accepted);
        assert_eq!(run(&engine, id), before);
        assert_eq!(engine.complete(&claim.token, json!({"done": 1})).unwrap().result, HANDLED);
    }

    fn an_output_that_breaks_a_postcondition_is_refused_as_its_report_would_be(lab) {
        let engine = lab.engine();
        let id = start(&engine, &workflow(&checked()));
        let claim = take(&engine);
        let Rehearsal::Refused(error) = engine.rehearse(&claim.token, json!({})).unwrap() else {
            panic!("it was not refused");
        };
        assert_eq!(error.code, "POSTCONDITION_FAILED");
        engine.complete(&claim.token, json!({})).unwrap();
        assert_eq!(run(&engine, id).run.error.unwrap().code, "POSTCONDITION_FAILED");
    }

    fn an_attempt_that_is_over_is_superseded(lab) {
        let engine = lab.engine();
        start(&engine, &three_steps());
        let claim = take(&engine);
        engine.complete(&claim.token, json!(1)).unwrap();
        assert_eq!(engine.rehearse(&claim.token, json!(1)).unwrap(), Rehearsal::Superseded);
    }

    fn a_token_that_names_nothing_is_an_error(lab) {
        assert!(lab.engine().rehearse("no token", json!(1)).is_err());
    }
}

fn checked() -> String {
    format!(
        "    - {{id: only, kind: Task, inline: {{execution: {{type: idempotent, entrypoint: only}}, {CHECKED}}}}}\n"
    )
}
