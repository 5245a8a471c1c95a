//! Circuit breakers on real stores: what keeps failing is left alone by all workers, and no attempt is used up meanwhile.

use std::sync::Arc;
use std::time::Duration;

use ossa_runtime::engine::{BreakerKey, Engine, EngineOptions, StartRequest};
use ossa_runtime::error::Category;
use ossa_runtime::plan::Plan;
use ossa_runtime::policy::{Admission, BreakerPolicy, BreakerState, FailureRate};
use ossa_runtime::port::{RunId, RunStatus};
use ossa_runtime::run::StepError;
use serde_json::json;

use crate::lab::*;
use crate::stories;

/// What the breaker waits before it lets a call through, and the longest by which calls are spread.
const OPEN: Duration = Duration::from_secs(61);

fn guarded(lab: &Lab, policy: BreakerPolicy) -> Engine {
    lab.engine_with(EngineOptions {
        breakers: [("mail".to_owned(), policy)].into(),
        ..lab.options()
    })
}

fn three() -> BreakerPolicy {
    BreakerPolicy {
        failures: 3,
        ..BreakerPolicy::default()
    }
}

/// One step that calls `capability`, three times at most, one second apart.
fn calls(capability: &str, more: &str) -> Arc<Plan> {
    plan(&format!(
        "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {{name: letters}}
spec:
  steps:
    - id: send
      retry: {{max_attempts: 3, backoff: fixed, initial_delay_ms: 1000}}
      inline: {{capabilities: [{capability}]{more}}}
---
apiVersion: ossa/v0.3.0
kind: Task
metadata: {{name: by-post}}
spec: {{execution: {{type: idempotent}}, capabilities: [post]}}
"
    ))
}

fn begin(engine: &Engine, plan: &Arc<Plan>, tenant: Option<&str>) -> RunId {
    let mut request = StartRequest::of_plan(Arc::clone(plan), json!({}));
    let label = tenant.map(|tenant| ("tenant".to_owned(), tenant.to_owned()));
    request.labels.extend(label);
    engine.start(request).unwrap().run
}

fn down() -> StepError {
    StepError::new("SMTP_DOWN", "no server answers")
}

/// Starts a run for each failure and has its first attempt fail.
fn fail_times(engine: &Engine, plan: &Arc<Plan>, times: usize) -> Vec<RunId> {
    let runs: Vec<_> = (0..times).map(|_| begin(engine, plan, None)).collect();
    for _ in &runs {
        engine.fail(&take(engine).token, down()).unwrap();
    }
    runs
}

fn state(engine: &Engine) -> BreakerState {
    engine.breakers().unwrap()[0].breaker.state.clone()
}

stories! {
    fn an_open_breaker_parks_attempts_of_all_workers_and_uses_none_up(lab) {
        let (one, other) = (guarded(lab, three()), guarded(lab, three()));
        let plan = calls("mail", "");
        let mut runs = fail_times(&one, &plan, 3);
        runs.push(begin(&one, &plan, None));
        lab.pass(Duration::from_secs(2));
        assert!(try_take(&other).is_none() && try_take(&one).is_none());
        let why = one.why(runs[3]).unwrap();
        let reason = &why.reasons[0];
        assert_eq!(reason.code, "breaker");
        assert!(reason.text.starts_with("`send` waits: the circuit breaker of `mail` is open until"), "{}", reason.text);
        assert!(reason.text.ends_with("after SMTP_DOWN: no server answers"), "{}", reason.text);

        lab.pass(OPEN);
        let probe = take(&other);
        assert!(try_take(&one).is_none() && try_take(&other).is_none());
        other.complete(&probe.token, json!({})).unwrap();
        lab.pass(Duration::from_secs(3));
        assert_eq!(work_off(&one).len(), 3);
        for run in runs {
            assert_eq!(status(&one, run), RunStatus::Completed);
            assert!(self::run(&one, run).run.steps[0].attempts <= 2);
        }
        assert_eq!(state(&one), BreakerState::Closed);
    }

    fn a_probe_that_fails_costs_one_attempt_and_the_others_wait_on(lab) {
        let engine = guarded(lab, three());
        fail_times(&engine, &calls("mail", ""), 3);
        lab.pass(OPEN);
        engine.fail(&take(&engine).token, down()).unwrap();
        lab.pass(Duration::from_secs(5));
        assert!(try_take(&engine).is_none());
        assert!(matches!(state(&engine), BreakerState::Open { .. }));
    }

    fn other_handlers_and_other_tenants_are_not_held_up(lab) {
        let engine = guarded(lab, three());
        let mail = calls("mail", "");
        for _ in 0..3 {
            begin(&engine, &mail, Some("acme"));
        }
        for _ in 0..3 {
            engine.fail(&take(&engine).token, down()).unwrap();
        }
        let parked = begin(&engine, &mail, Some("acme"));
        let passes = [begin(&engine, &mail, Some("other")), begin(&engine, &mail, None), begin(&engine, &calls("fax", ""), Some("acme"))];
        assert_eq!(work_off(&engine).len(), 3);
        assert!(passes.iter().all(|run| status(&engine, *run) == RunStatus::Completed));
        assert_eq!(status(&engine, parked), RunStatus::Running);
        let views = engine.breakers().unwrap();
        assert_eq!(views.len(), 1);
        assert_eq!(views[0].key, BreakerKey { name: "mail".to_owned(), tenant: Some("acme".to_owned()) });
    }

    fn a_fallback_task_takes_over_at_once(lab) {
        let engine = guarded(lab, three());
        let plain = calls("mail", "");
        fail_times(&engine, &plain, 3);
        let fallback = calls("mail", ", error_handling: {on_error: fallback, fallback_task: by-post}");
        let run = begin(&engine, &fallback, None);
        let claim = take(&engine);
        assert_eq!(claim.job.calls[0].keys.last().unwrap().key, "post");
        engine.complete(&claim.token, json!({})).unwrap();
        assert_eq!(status(&engine, run), RunStatus::Completed);
    }

    fn timeouts_count_and_errors_that_a_repetition_would_not_mend_do_not(lab) {
        let engine = guarded(lab, three());
        let plan = calls("mail", ", execution: {type: idempotent, timeout_seconds: 5}");
        for _ in 0..5 {
            begin(&engine, &plan, None);
            let wrong = StepError { retryable: Some(false), ..down() };
            engine.fail(&take(&engine).token, wrong).unwrap();
        }
        assert!(engine.breakers().unwrap().is_empty());
        for _ in 0..3 {
            begin(&engine, &plan, None);
            take(&engine);
        }
        lab.pass(Duration::from_secs(6));
        engine.tick().unwrap();
        let view = &engine.breakers().unwrap()[0];
        assert!(matches!(view.breaker.state, BreakerState::Open { .. }));
        assert!(view.breaker.cause.as_deref().unwrap().starts_with("TIMEOUT"));
    }

    fn a_share_of_failures_opens_it_also_when_answers_come_in_between(lab) {
        let rate = FailureRate { share: 0.5, minimum: 10, window: Duration::from_secs(60) };
        let engine = guarded(lab, BreakerPolicy { failures: 100, rate: Some(rate), ..BreakerPolicy::default() });
        let plan = calls("mail", "");
        for _ in 0..5 {
            begin(&engine, &plan, None);
            engine.complete(&take(&engine).token, json!({})).unwrap();
        }
        fail_times(&engine, &plan, 4);
        assert_eq!(state(&engine), BreakerState::Closed);
        fail_times(&engine, &plan, 1);
        assert!(matches!(state(&engine), BreakerState::Open { .. }));
    }

    fn the_next_attempt_is_tried_when_the_worker_of_the_probe_died(lab) {
        let engine = guarded(lab, three());
        let runs = fail_times(&engine, &calls("mail", ""), 3);
        lab.pass(OPEN);
        let dead = take(&engine).job.run;
        lab.pass(OPEN);
        let mut tried = 0;
        for _ in 0..5 {
            tried += work_off(&engine).len();
            lab.pass(OPEN);
        }
        assert_eq!(tried, 3, "{dead}");
        assert!(runs.iter().all(|run| status(&engine, *run) == RunStatus::Completed));
    }

    fn an_operator_closes_it(lab) {
        let engine = guarded(lab, three());
        let plan = calls("mail", "");
        fail_times(&engine, &plan, 3);
        let key = engine.breakers().unwrap()[0].key.clone();
        assert!(engine.reset_breaker(&key).unwrap());
        assert!(!engine.reset_breaker(&key).unwrap());
        let run = begin(&engine, &plan, None);
        assert_eq!(take(&engine).job.run, run);
    }

    fn a_message_of_a_parked_attempt_is_done_with_and_relayed_again_when_the_time_comes(lab) {
        let engine = guarded(lab, three());
        let plan = calls("mail", "");
        fail_times(&engine, &plan, 3);
        let run = begin(&engine, &plan, None);
        let sent = engine.relay(&[QUEUE], 10).unwrap();
        let sent = sent.iter().find(|dispatch| dispatch.job.run == run).unwrap();
        assert_eq!(engine.claim(&sent.token).unwrap(), ossa_runtime::engine::ClaimOutcome::Settled);
        lab.pass(OPEN);
        let again = engine.relay(&[QUEUE], 10).unwrap();
        let again = again.iter().find(|dispatch| dispatch.job.run == run).unwrap();
        claimed(engine.claim(&again.token).unwrap());
    }

    fn a_service_guards_itself(lab) {
        let engine = guarded(lab, three());
        let key = BreakerKey { name: "crm".to_owned(), tenant: None };
        for _ in 0..5 {
            assert_eq!(engine.admit_call(&key, "a").unwrap(), Admission::Passes);
            engine.note_call(&key, "a", Some(&down())).unwrap();
        }
        assert!(matches!(engine.admit_call(&key, "a").unwrap(), Admission::Parked { .. }));
        lab.pass(OPEN);
        assert_eq!(engine.admit_call(&key, "b").unwrap(), Admission::Probes);
        engine.note_call(&key, "b", None).unwrap();
        assert_eq!(engine.admit_call(&key, "c").unwrap(), Admission::Passes);
    }
}

#[test]
fn thresholds_that_make_no_sense_are_refused() {
    let lab = Lab::in_memory();
    let wrong = [
        BreakerPolicy {
            failures: 0,
            ..three()
        },
        BreakerPolicy {
            probes: 0,
            ..three()
        },
        BreakerPolicy {
            open_for: Duration::ZERO,
            ..three()
        },
        BreakerPolicy {
            rate: Some(FailureRate {
                share: 1.5,
                minimum: 1,
                window: OPEN,
            }),
            ..three()
        },
        BreakerPolicy {
            rate: Some(FailureRate {
                share: 0.5,
                minimum: 1,
                window: Duration::ZERO,
            }),
            ..three()
        },
    ];
    for policy in wrong {
        let options = EngineOptions {
            breakers: [("mail".to_owned(), policy)].into(),
            ..lab.options()
        };
        let error = Engine::over(lab.backend(), options).unwrap_err();
        assert_eq!(error.category(), Category::Argument);
        assert!(
            error.message().contains("circuit breaker of `mail`"),
            "{error}"
        );
    }
}
