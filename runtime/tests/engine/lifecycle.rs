//! From start to end.

use std::time::Duration;

use ossa_runtime::engine::{OrderedBy, Reported, StartRequest, StepOutcome};
use ossa_runtime::error::Category;
use ossa_runtime::port::{Page, RunFilter, RunStatus, Version};
use ossa_runtime::run::{Event, Next};
use serde_json::json;

use crate::lab::*;
use crate::stories;

stories! {
    fn a_workflow_runs_its_steps_in_order_and_ends(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        assert_eq!(status(&engine, id), RunStatus::Running);
        assert_eq!(work_off(&engine), ["first", "second", "third"]);
        let details = run(&engine, id);
        assert_eq!(details.run.status, RunStatus::Completed);
        assert_eq!(details.run.progress, 100);
        assert_eq!(details.run.steps[2].output, Some(json!({"done": "third"})));
        assert!(matches!(details.events.first().unwrap().event, Event::RunCreated { .. }));
        assert!(matches!(details.events.last().unwrap().event, Event::RunCompleted { .. }));
    }

    fn a_step_gets_what_the_steps_before_it_returned(lab) {
        let engine = lab.engine();
        let input = "input: {who: '${{ workflow.input.name }}', after: '${{ steps.first.output.done }}'}";
        let plan = workflow(&[step("first"), step_with("second", &[input])].concat());
        start_with(&engine, &plan, json!({"name": "Ada"}));
        complete(&engine, "first");
        assert_eq!(take(&engine).job.input, json!({"who": "Ada", "after": "first"}));
    }

    fn a_failed_step_with_attempts_left_is_retried_after_its_delay(lab) {
        let engine = lab.engine();
        let retry = "retry: {max_attempts: 2, backoff_strategy: fixed, initial_delay_ms: 5000}";
        let id = start(&engine, &workflow(&step_with("flaky", &[retry])));
        let first = take(&engine);
        let report = engine.fail(&first.token, failure()).unwrap();
        let Reported::Recorded(Next::Retry { at, attempt: 2 }) = report.result else {
            panic!("{report:?}");
        };
        assert!(try_take(&engine).is_none());
        assert_eq!(step_status(&engine, id, "flaky"), "retrying");
        let now = ossa_runtime::port::Clock::now(&*lab.clock);
        lab.pass(at.since(now));
        let second = take(&engine);
        assert_eq!((second.job.attempt, &second.job.effect_key), (2, &first.job.effect_key));
        let report = engine.complete(&second.token, json!(1)).unwrap();
        assert_eq!((report.result, report.run_status), (HANDLED, RunStatus::Completed));
    }

    fn a_step_without_attempts_left_fails_the_run(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        let report = engine.fail(&take(&engine).token, failure()).unwrap();
        assert_eq!((report.result, report.run_status), (FINAL, RunStatus::Failed));
        assert!(try_take(&engine).is_none());
        let page = engine.runs(&RunFilter::default(), &Page { after: None, limit: 10 }).unwrap();
        assert_eq!(page.runs[0].error.as_deref(), Some("HANDLER_ERROR: the handler threw"));
        assert_eq!(page.runs[0].run, id);
    }

    fn input_that_breaks_the_schema_starts_nothing(lab) {
        let engine = lab.engine();
        let plan = plan(
            "apiVersion: ossa/v0.3.0\nkind: Task\nmetadata: {name: greet}\nspec:\n  execution: {entrypoint: greet}\n  \
             input: {type: object, required: [name], properties: {name: {type: string}}}\n",
        );
        let error = engine.start(StartRequest::of_plan(plan, json!({"name": 7}))).unwrap_err();
        assert_eq!(error.category(), Category::Input);
        assert_eq!(error.violations().len(), 1, "{error:?}");
        let page = engine.runs(&RunFilter::default(), &Page { after: None, limit: 10 }).unwrap();
        assert!(page.runs.is_empty());
        assert!(try_take(&engine).is_none());
    }

    fn starting_again_with_the_same_key_gives_the_same_run(lab) {
        let engine = lab.engine();
        let plan = three_steps();
        let request = || StartRequest::of_plan(plan.clone(), json!({})).with_key("order-1");
        let first = engine.start(request()).unwrap();
        let again = lab.engine().start(request()).unwrap();
        assert!(first.is_new && !again.is_new);
        assert_eq!(first.run, again.run);
        assert_eq!(work_off(&engine).len(), 3);
    }

    fn many_starts_are_one_call_and_each_stands_for_itself(lab) {
        let engine = lab.engine();
        let good = workflow(&step("only"));
        let strict = plan(
            "apiVersion: ossa/v0.3.0\nkind: Task\nmetadata: {name: strict}\nspec:\n  execution: {entrypoint: x}\n  \
             input: {type: object, required: [a]}\n",
        );
        let answers = engine.start_many(vec![
            StartRequest::of_plan(good.clone(), json!({})),
            StartRequest::of_plan(strict, json!({})),
            StartRequest::of_plan(good.clone(), json!({})).with_key("k"),
            StartRequest::of_plan(good, json!({})).with_key("k"),
        ]);
        let new: Vec<_> = answers.iter().map(|it| it.as_ref().map(|it| it.is_new).ok()).collect();
        assert_eq!(new, [Some(true), None, Some(true), Some(false)]);
        assert_eq!(work_off(&engine).len(), 2);
    }

    fn results_of_one_run_reported_together_are_recorded_in_their_order(lab) {
        let engine = lab.engine();
        let parallel = ["a", "b", "c"].map(|id| step_with(id, &["depends_on: []"])).concat();
        let id = start(&engine, &workflow(&parallel));
        let claims = engine.receive(&[QUEUE], 10).unwrap();
        assert_eq!(claims.len(), 3);
        let mut reports: Vec<_> = claims
            .iter()
            .map(|claim| (claim.token.clone(), StepOutcome::Success(json!(claim.job.step))))
            .collect();
        reports.push(reports[0].clone());
        reports.push(("nonsense".to_owned(), StepOutcome::Success(json!(0))));
        let answers = engine.report_many(reports);
        let results: Vec<_> = answers.iter().map(|it| it.as_ref().map(|it| it.result).ok()).collect();
        assert_eq!(
            results,
            [Some(HANDLED), Some(HANDLED), Some(HANDLED), Some(Reported::Duplicate), None]
        );
        assert_eq!(status(&engine, id), RunStatus::Completed);
    }

    fn a_step_that_takes_too_long_fails_with_a_timeout(lab) {
        let engine = lab.engine();
        let id = start(&engine, &workflow(&step_with("slow", &["timeout_seconds: 10"])));
        let claim = take(&engine);
        lab.pass(Duration::from_millis(9_999));
        engine.tick().unwrap();
        assert_eq!(status(&engine, id), RunStatus::Running);
        lab.pass(Duration::from_millis(1));
        engine.tick().unwrap();
        let details = run(&engine, id);
        assert_eq!(details.run.status, RunStatus::Failed);
        assert_eq!(details.run.error.unwrap().code, "TIMEOUT");
        let report = engine.complete(&claim.token, json!({})).unwrap();
        assert_eq!(report.result, Reported::Duplicate);
    }

    fn a_run_that_takes_too_long_fails_and_gives_up_what_is_in_flight(lab) {
        let engine = lab.engine();
        let plan = plan(&format!(
            "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: demo}}\nspec:\n  timeout_seconds: 60\n  steps:\n{}",
            step("first")
        ));
        let id = start(&engine, &plan);
        let claim = take(&engine);
        lab.pass(Duration::from_secs(60));
        // Another process fires the timer.
        lab.engine().tick().unwrap();
        assert_eq!(status(&engine, id), RunStatus::Failed);
        assert_eq!(engine.complete(&claim.token, json!({})).unwrap().result, Reported::Late);
        assert!(try_take(&lab.engine()).is_none());
    }

    fn a_canceled_run_dispatches_nothing_more(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        let claim = take(&engine);
        assert!(engine.cancel(id, because("the customer left")).unwrap());
        assert!(!engine.cancel(id, because("once more")).unwrap());
        assert_eq!(status(&engine, id), RunStatus::Canceled);
        assert_eq!(engine.complete(&claim.token, json!({})).unwrap().result, Reported::Late);
        assert!(try_take(&engine).is_none());
    }

    fn a_failed_step_retried_by_hand_reopens_its_run(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        engine.fail(&take(&engine).token, failure()).unwrap();
        let token = engine.retry_step(id, "first", OrderedBy::new("ada")).unwrap();
        let described = engine.describe(&token).unwrap();
        assert_eq!((described.step.as_str(), described.attempt), ("first", 2));
        let claim = claimed(engine.claim(&token).unwrap());
        engine.complete(&claim.token, json!({})).unwrap();
        assert_eq!(work_off(&engine), ["second", "third"]);
        assert_eq!(status(&engine, id), RunStatus::Completed);
    }

    fn who_had_a_step_retried_or_a_run_canceled_and_why_is_in_its_history(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        engine.fail(&take(&engine).token, failure()).unwrap();
        engine.retry_step(id, "first", OrderedBy::new("ada").because("the server is back")).unwrap();
        engine.cancel(id, OrderedBy::new("bob").because("enough")).unwrap();
        let events = engine_rows(lab, id).concat();
        assert!(events.contains(r#""order":"retry","by":"ada","reason":"the server is back""#), "{events}");
        assert!(events.contains(r#""type":"run_canceled","by":"bob","reason":"enough""#), "{events}");
    }

    fn only_a_failed_step_is_retried_by_hand(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        let error = engine.retry_step(id, "first", OrderedBy::default()).unwrap_err();
        assert_eq!((error.category(), error.step()), (Category::Engine, Some("first")));
        assert_eq!(engine.retry_step(id, "nowhere", OrderedBy::default()).unwrap_err().code(), "OSSA-N008");
        assert_eq!(work_off(&engine).len(), 3);
    }

    fn an_output_too_large_to_keep_fails_its_attempt(lab) {
        let engine = lab.engine();
        let id = start(&engine, &workflow(&step("greedy")));
        let output = json!("x".repeat(17 * 1024 * 1024));
        let report = engine.complete(&take(&engine).token, output).unwrap();
        assert_eq!(report.result, FINAL);
        assert_eq!(run(&engine, id).run.error.unwrap().code, "OUTPUT_TOO_LARGE");
    }

    fn an_input_too_large_to_keep_starts_nothing(lab) {
        let engine = lab.engine();
        let input = json!("x".repeat(17 * 1024 * 1024));
        let error = engine.start(StartRequest::of_plan(three_steps(), input)).unwrap_err();
        assert_eq!(error.code(), "OSSA-N015");
    }

    fn runs_of_one_millisecond_are_listed_in_the_order_they_were_started_in(lab) {
        let engine = lab.engine();
        let mut started: Vec<_> = (0..50).map(|_| start(&engine, &three_steps())).collect();
        started.reverse();
        let page = Page { after: None, limit: 50 };
        let listed = engine.runs(&RunFilter::default(), &page).unwrap().runs;
        assert_eq!(listed.iter().map(|head| head.run).collect::<Vec<_>>(), started);
    }

    fn events_can_be_read_from_a_version_on(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        work_off(&engine);
        let all = run(&engine, id).events;
        let later = engine.events(id, Version(2), 100).unwrap();
        assert!(!later.is_empty() && later.len() < all.len());
        assert!(later.iter().all(|event| event.version > Version(2)));
        assert_eq!(later.last(), all.last());
    }

    fn an_unknown_run_is_none_to_a_reader_and_an_error_to_a_writer(lab) {
        let engine = lab.engine();
        let id = start(&lab_of_another_store().engine(), &three_steps());
        assert_eq!(engine.run(id).unwrap(), None);
        let error = engine.cancel(id, because("")).unwrap_err();
        assert_eq!((error.code(), error.run()), ("OSSA-N001", Some(id)));
    }

    fn a_token_of_another_store_is_refused(lab) {
        let engine = lab.engine();
        let elsewhere = lab_of_another_store();
        let there = elsewhere.engine();
        start(&there, &three_steps());
        let token = take(&there).token.clone();
        let error = engine.claim(&token).unwrap_err();
        assert_eq!((error.category(), error.code()), (Category::Token, "OSSA-N003"));
        assert_eq!(engine.complete(&token, json!(1)).unwrap_err().code(), "OSSA-N003");
        assert_eq!(engine.describe("no token").unwrap_err().code(), "OSSA-N002");
    }
}

fn lab_of_another_store() -> Lab {
    Lab::in_memory()
}
