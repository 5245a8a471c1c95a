//! Finding runs, understanding them, and removing those that are no longer wanted.

use std::time::Duration;

use ossa_runtime::engine::{Engine, OrderedBy, PruneRule, StartRequest};
use ossa_runtime::port::{Labels, Page, RunFilter, RunId, RunStatus};
use serde_json::json;

use crate::lab::*;
use crate::stories;

fn labels(labels: &[(&str, &str)]) -> Labels {
    let labels = labels.iter();
    labels
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn found(engine: &Engine, filter: &RunFilter) -> Vec<RunId> {
    let page = Page {
        after: None,
        limit: 10,
    };
    let found = engine.runs(filter, &page).unwrap();
    found.runs.iter().map(|head| head.run).collect()
}

/// Codes and words of what a run waits for.
fn why(engine: &Engine, id: RunId) -> Vec<(&'static str, String)> {
    let reasons = engine.why(id).unwrap().reasons;
    reasons
        .into_iter()
        .map(|reason| (reason.code, reason.text))
        .collect()
}

fn codes(engine: &Engine, id: RunId) -> Vec<&'static str> {
    why(engine, id).into_iter().map(|(code, _)| code).collect()
}

const DAY: Duration = Duration::from_secs(86_400);

stories! {
    fn a_run_has_the_labels_of_its_manifest_and_of_its_start(lab) {
        let engine = lab.engine();
        let plan = plan(&format!(
            "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: demo, labels: {{team: blue, tier: gold}}}}\nspec:\n  steps:\n{}",
            step("first")
        ));
        let plain = start(&engine, &plan);
        let mut request = StartRequest::of_plan(plan, json!({}));
        request.labels = labels(&[("tier", "silver"), ("customer", "7")]);
        let own = engine.start(request).unwrap().run;
        assert_eq!(run(&engine, own).run.labels, labels(&[("team", "blue"), ("tier", "silver"), ("customer", "7")]));
        let by = |wanted: &[(&str, &str)]| RunFilter { labels: labels(wanted), ..RunFilter::default() };
        assert_eq!(found(&engine, &by(&[("team", "blue")])), [own, plain]);
        assert_eq!(found(&engine, &by(&[("team", "blue"), ("tier", "gold")])), [plain]);
        assert_eq!(found(&engine, &by(&[("customer", "7")])), [own]);
    }

    fn a_manifest_gives_no_label_that_is_the_runtime_s_or_its_host_s(lab) {
        let engine = lab.engine();
        let plan = plan(&format!(
            "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: demo, labels: {{team: blue, ossa.user: root, ossa.hops: '-9'}}}}\nspec:\n  steps:\n{}",
            step("first")
        ));
        let plain = start(&engine, &plan);
        let mut request = StartRequest::of_plan(plan, json!({}));
        request.labels = labels(&[("ossa.user", "7")]);
        let own = engine.start(request).unwrap().run;
        assert_eq!(run(&engine, plain).run.labels, labels(&[("team", "blue")]));
        assert_eq!(run(&engine, own).run.labels, labels(&[("team", "blue"), ("ossa.user", "7")]));
    }

    fn a_label_that_is_too_long_starts_nothing(lab) {
        let engine = lab.engine();
        let mut request = StartRequest::of_plan(three_steps(), json!({}));
        request.labels = labels(&[("note", &"x".repeat(64))]);
        assert_eq!(engine.start(request).unwrap_err().code(), "OSSA-N013");
        assert_eq!(found(&engine, &RunFilter::default()), []);
    }

    fn a_run_says_what_it_waits_for(lab) {
        let engine = lab.engine();
        let retry = "retry: {max_attempts: 2, backoff_strategy: fixed, initial_delay_ms: 60000}";
        let id = start(&engine, &workflow(&[step_with("flaky", &[retry]), step("last")].concat()));
        lab.pass(Duration::from_secs(90));
        let reasons = why(&engine, id);
        assert_eq!(codes(&engine, id), ["queued", "dependencies"]);
        assert!(reasons[0].1.contains("(90 s): does one read queue `steps`?"), "{reasons:?}");
        assert!(reasons[1].1.contains("`last` waits for `flaky`"), "{reasons:?}");
        let claim = take(&engine);
        assert_eq!(codes(&engine, id)[0], "working");
        engine.fail(&claim.token, failure()).unwrap();
        let reasons = why(&engine, id);
        assert_eq!(reasons[0].0, "retry");
        assert!(reasons[0].1.contains("attempt 2") && reasons[0].1.contains("the handler threw"), "{reasons:?}");
        engine.pause(id, OrderedBy::new("ada").because("mail server down")).unwrap();
        let reasons = why(&engine, id);
        assert_eq!(codes(&engine, id), ["paused", "held", "dependencies"]);
        assert!(reasons[0].1.contains("by ada at") && reasons[0].1.contains("mail server down"), "{reasons:?}");
    }

    fn a_run_on_another_transport_says_that_its_step_is_on_its_way(lab) {
        let engine = lab.host_engine();
        let id = start(&engine, &three_steps());
        let dispatches = engine.relay(&[QUEUE], 10).unwrap();
        engine.relayed(&dispatches).unwrap();
        assert_eq!(codes(&engine, id)[0], "relayed");
    }

    fn a_run_that_ended_says_why(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        engine.fail(&take(&engine).token, failure()).unwrap();
        let reasons = why(&engine, id);
        assert_eq!(reasons.len(), 1);
        assert!(reasons[0].1.contains("step `first` failed in attempt 1: the handler threw (HANDLER_ERROR)"), "{reasons:?}");
        let other = start(&engine, &three_steps());
        engine.cancel(other, because("the customer left")).unwrap();
        assert!(why(&engine, other)[0].1.contains("the customer left"));
    }

    fn old_runs_are_pruned_by_status_age_and_count(lab) {
        let engine = lab.engine();
        let mut ended = Vec::new();
        for _ in 0..3 {
            let id = start(&engine, &workflow(&step("only")));
            work_off(&engine);
            ended.push(id);
            lab.pass(DAY);
        }
        let failed = start(&engine, &workflow(&step("only")));
        engine.fail(&take(&engine).token, failure()).unwrap();
        let open = start(&engine, &three_steps());
        lab.pass(10 * DAY);
        let rule = |status, days: Option<u32>, max_count| PruneRule {
            status,
            max_age: days.map(|days| days * DAY),
            max_count,
        };
        let completed = |days, count| [rule(RunStatus::Completed, days, count)];
        let ids = |pruned: &ossa_runtime::engine::Pruned| -> Vec<RunId> {
            pruned.runs.iter().map(|head| head.run).collect()
        };
        let dry = engine.prune(&completed(Some(12), None), 100, true).unwrap();
        assert_eq!(ids(&dry), ended[..1]);
        assert!(engine.run(ended[0]).unwrap().is_some(), "a dry run removes nothing");
        assert_eq!(ids(&engine.prune(&completed(Some(12), None), 100, false).unwrap()), ended[..1]);
        assert!(engine.run(ended[0]).unwrap().is_none());
        let some = engine.prune(&completed(None, Some(0)), 1, false).unwrap();
        assert_eq!((ids(&some), some.more), (vec![ended[1]], true));
        assert_eq!(engine.prune(&completed(None, Some(1)), 100, false).unwrap().runs, []);
        let rules = [rule(RunStatus::Failed, Some(1), None), rule(RunStatus::Canceled, Some(1), None)];
        assert_eq!(ids(&engine.prune(&rules, 100, false).unwrap()), [failed]);
        assert_eq!(found(&engine, &RunFilter::default()), [open, ended[2]]);
    }

    fn a_rule_that_would_prune_everything_or_nothing_is_refused(lab) {
        let engine = lab.engine();
        for (status, max_count) in [(RunStatus::Running, Some(0)), (RunStatus::Completed, None)] {
            let rule = PruneRule { status, max_age: None, max_count };
            assert_eq!(engine.prune(&[rule], 9, false).unwrap_err().code(), "OSSA-N013");
        }
    }
}
