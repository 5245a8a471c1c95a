//! Channels, rules and triggers of manifests at work.

use std::fs;
use std::time::Duration;

use ossa_runtime::engine::channel::{
    Command, CommandAnswer, DeadLetterFilter, Reason, RunEventFilter,
};
use ossa_runtime::engine::{Engine, EngineOptions};
use ossa_runtime::port::{Page, RunFilter, RunStatus};
use ossa_runtime::run::StepError;
use serde_json::{Value, json};

use crate::channels::{ids, listener, message, one, receive, subscribe};
use crate::lab::{Lab, work_off};

const AGENTS: &str = "\
apiVersion: ossa/v0.3.0
kind: Agent
metadata: {name: healer}
spec:
  role: heals
  messaging:
    publishes:
      - channel: security.vulnerabilities
        schema: {type: object, required: [package], properties: {package: {type: string}}}
---
apiVersion: ossa/v0.3.0
kind: Agent
metadata: {name: scanner}
spec:
  role: scans
  messaging:
    subscribes:
      - {channel: security.requests, handler: on_request}
    commands:
      - name: rescan
        inputSchema: {type: object, required: [target]}
        outputSchema: {type: object, required: [found]}
        timeoutSeconds: 60
---
apiVersion: ossa/v0.3.0
kind: Agent
metadata: {name: responder}
spec: {role: responds}
";

const RULES: &str = "\
apiVersion: ossa/v0.3.0
kind: MessageRouting
metadata: {name: security}
spec:
  rules:
    - {id: scan, source: healer, channel: security.vulnerabilities, targets: [scanner], transform: package}
    - id: urgent
      source: '*'
      channel: security.*
      targets: [responder, scanner]
      filter: {fields: {severity: [critical]}}
      priority: critical
    - {id: lost, source: '*', channel: security.lost, targets: [nobody-here]}
    - {id: onward, source: '*', channel: security.forwarded, targets: ['channel:audit.trail']}
  transforms:
    package: {type: jmespath, expression: '{name: package}'}
  defaultRoute: {action: dlq}
";

const WORKFLOW: &str = "\
apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: respond}
spec:
  triggers:
    - {type: message, channel: incident.opened, filter: {severity: [high]}}
  inputs:
    type: object
    additionalProperties: false
    required: [host]
    properties: {host: {type: string}}
  steps:
    - id: isolate
      kind: Task
      input: {host: '${{ workflow.input.host }}', why: '${{ trigger.event.severity }}'}
      inline: {execution: {type: idempotent, entrypoint: isolate}}
";

fn engine(lab: &Lab) -> (tempfile::TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("agents", AGENTS), ("rules", RULES), ("respond", WORKFLOW)] {
        fs::write(folder.path().join(format!("{name}.ossa.yaml")), text).unwrap();
    }
    let engine = lab.engine_with(EngineOptions {
        manifest_roots: vec![folder.path().to_owned()],
        ..lab.options()
    });
    assert_eq!(engine.channels().problems().unwrap(), [""; 0]);
    (folder, engine)
}

fn send(engine: &Engine, channel: &str, id: &str, payload: Value) {
    engine
        .channels()
        .publish(message(channel, id, payload))
        .unwrap();
}

fn runs(engine: &Engine) -> Vec<ossa_runtime::port::RunHead> {
    let page = Page {
        after: None,
        limit: 99,
    };
    engine.runs(&RunFilter::default(), &page).unwrap().runs
}

fn reasons(engine: &Engine) -> Vec<(Reason, String)> {
    let all = DeadLetterFilter::default();
    let letters = engine.dead_letters().list(&all, 99).unwrap();
    letters
        .into_iter()
        .map(|it| (it.reason, it.message_id))
        .collect()
}

#[test]
fn rules_send_what_they_make_of_a_message_to_their_targets() {
    let (_folder, engine) = engine(&Lab::in_memory());
    let payload = json!({"package": "left-pad", "severity": "critical"});
    send(&engine, "security.vulnerabilities", "m1", payload.clone());
    let found = receive(&engine, "scanner", 9);
    let payloads: Vec<_> = found.iter().map(|it| it.payload().clone()).collect();
    // What the urgent rule sends is another content, and comes first.
    assert_eq!(payloads, [payload, json!({"name": "left-pad"})]);
    assert_eq!(found[1].rule.as_deref(), Some("scan"));
    assert_eq!(found[1].original, found[0].original);
    assert_eq!(ids(&receive(&engine, "responder", 9)), ["m1"]);
    assert_eq!(reasons(&engine), []);
}

#[test]
fn what_no_rule_matches_and_what_goes_to_nobody_are_dead_letters() {
    let (_folder, engine) = engine(&Lab::in_memory());
    send(&engine, "weather.today", "m1", json!({}));
    send(&engine, "security.lost", "m2", json!({}));
    let expected = [
        (Reason::NoRoute, "m2".to_owned()),
        (Reason::NoRoute, "m1".to_owned()),
    ];
    assert_eq!(reasons(&engine), expected);
    // Somebody takes it by a subscription: no rule needs to.
    subscribe(&engine, &listener("forecast", "weather.*"));
    send(&engine, "weather.today", "m3", json!({}));
    assert_eq!(reasons(&engine).len(), 2);
}

#[test]
fn a_rule_may_send_a_message_on_to_another_channel() {
    let (_folder, engine) = engine(&Lab::in_memory());
    subscribe(&engine, &listener("auditor", "audit.*"));
    send(&engine, "security.forwarded", "m1", json!({"n": 1}));
    let delivery = one(&engine, "auditor");
    assert_eq!(delivery.envelope.channel.as_str(), "audit.trail");
    assert_eq!(
        (delivery.envelope.id.as_str(), delivery.envelope.hops()),
        ("m1", 1)
    );
}

#[test]
fn a_payload_that_breaks_what_its_publisher_declares_is_refused() {
    let (_folder, engine) = engine(&Lab::in_memory());
    let sent = message("security.vulnerabilities", "m1", json!({"package": 7}));
    let error = engine.channels().publish(sent).unwrap_err();
    assert_eq!(error.code(), "OSSA-N023");
    assert!(error.violations()[0].starts_with("$.package"), "{error:?}");
    assert!(
        engine
            .channels()
            .read("#", 0, 9)
            .unwrap()
            .records
            .is_empty()
    );
}

#[test]
fn an_agent_takes_what_its_manifest_subscribes_to() {
    let (_folder, engine) = engine(&Lab::in_memory());
    send(&engine, "security.requests", "m1", json!({}));
    let delivery = one(&engine, "scanner");
    assert_eq!(delivery.handler.as_deref(), Some("on_request"));
}

#[test]
fn a_message_starts_the_workflow_whose_trigger_takes_it_once() {
    let lab = Lab::in_file();
    let (_folder, engine) = engine(&lab);
    let payload = json!({"host": "web-1", "severity": "high"});
    send(&engine, "incident.opened", "m1", payload.clone());
    send(&engine, "incident.opened", "m1", payload);
    send(
        &engine,
        "incident.opened",
        "m2",
        json!({"host": "web-2", "severity": "low"}),
    );
    let started = runs(&engine);
    assert_eq!(started.len(), 1);
    let claim = crate::lab::take(&engine);
    // What the schema of the input does not know is left out, and is in the trigger.
    assert_eq!(claim.job.input, json!({"host": "web-1", "why": "high"}));
    engine.complete(&claim.token, json!({})).unwrap();
    assert_eq!(runs(&engine)[0].status, RunStatus::Completed);
}

#[test]
fn a_message_that_a_workflow_cannot_be_started_with_is_a_dead_letter() {
    let (_folder, engine) = engine(&Lab::in_memory());
    send(
        &engine,
        "incident.opened",
        "m1",
        json!({"severity": "high"}),
    );
    assert_eq!(runs(&engine).len(), 0);
    assert_eq!(reasons(&engine), [(Reason::HandlerFailed, "m1".to_owned())]);
}

#[test]
fn a_request_is_checked_delivered_and_answered_once() {
    let lab = Lab::in_memory();
    let (_folder, engine) = engine(&lab);
    let channels = engine.channels();
    let wrong = Command::new("responder", "scanner", "rescan", json!({}));
    assert_eq!(channels.request(wrong).unwrap_err().code(), "OSSA-N023");
    let asked = Command {
        id: Some("r1".to_owned()),
        ..Command::new("responder", "scanner", "rescan", json!({"target": "web"}))
    };
    subscribe(&engine, &listener("listener", "agent.responder.responses"));
    assert_eq!(channels.request(asked.clone()).unwrap(), "r1");
    assert_eq!(channels.request(asked).unwrap(), "r1");
    let request = one(&engine, "scanner");
    assert_eq!(request.handler.as_deref(), Some("rescan"));
    let refused = channels.reply(&request, Ok(json!({}))).unwrap_err();
    assert_eq!(refused.code(), "OSSA-N023");
    channels.reply(&request, Ok(json!({"found": 3}))).unwrap();
    channels
        .reply(&request, Err(StepError::new("LATE", "too late")))
        .unwrap();
    channels.ack(&request).unwrap();
    let answer = channels.answer("r1", Duration::ZERO).unwrap();
    let output = json!({"found": 3});
    assert_eq!(answer, Some(CommandAnswer::Completed { output }));
    assert!(receive(&engine, "scanner", 9).is_empty());
    let told = receive(&engine, "listener", 9);
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].envelope.metadata.correlation_id.as_deref(),
        Some("r1")
    );
}

#[test]
fn a_request_that_nobody_answers_fails_when_its_time_is_up() {
    let lab = Lab::in_file();
    let (_folder, engine) = engine(&lab);
    subscribe(&engine, &listener("listener", "agent.responder.responses"));
    let asked = Command::new("responder", "scanner", "rescan", json!({"target": "web"}));
    let id = engine.channels().request(asked).unwrap();
    lab.pass(Duration::from_secs(60));
    // Another process has been started since.
    let later = lab.engine();
    later.tick().unwrap();
    let answer = later.channels().answer(&id, Duration::ZERO).unwrap();
    let Some(CommandAnswer::Failed { code, .. }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(code, "COMMAND_TIMEOUT");
    let told = one(&later, "listener");
    assert_eq!(told.payload()["error"]["code"], "COMMAND_TIMEOUT");
}

#[test]
fn what_happens_to_runs_is_told_to_those_who_take_it() {
    let lab = Lab::in_file();
    let (_folder, engine) = engine(&lab);
    let start = |host: &str| {
        send(
            &engine,
            "incident.opened",
            host,
            json!({"host": host, "severity": "high"}),
        )
    };
    start("web-1");
    work_off(&engine);
    assert!(receive(&engine, "watch", 9).is_empty());
    subscribe(&engine, &listener("watch", "ossa.run.*"));
    start("web-2");
    work_off(&engine);
    let told = receive(&engine, "watch", 9);
    let channels: Vec<_> = told.iter().map(|it| it.envelope.channel.as_str()).collect();
    assert_eq!(
        channels,
        ["ossa.run.created", "ossa.run.started", "ossa.run.completed"]
    );
    let last = told[2].payload();
    assert_eq!(
        (&last["workflow"], &last["status"]),
        (&json!("respond"), &json!("completed"))
    );
    assert_eq!(told[2].envelope.kind.as_deref(), Some("RunCompleted"));
}

#[test]
fn the_events_of_a_run_are_asked_for_by_type_and_step() {
    let (_folder, engine) = engine(&Lab::in_memory());
    send(
        &engine,
        "incident.opened",
        "m1",
        json!({"host": "web-1", "severity": "high"}),
    );
    work_off(&engine);
    let run = runs(&engine)[0].run;
    let asked = |filter: RunEventFilter| {
        let found = engine.channels().run_events(run, &filter, 99).unwrap();
        found.len()
    };
    let all = asked(RunEventFilter::default());
    assert!(all > 4, "{all}");
    let of_type = |kind: &str| RunEventFilter {
        types: vec![kind.to_owned()],
        ..RunEventFilter::default()
    };
    assert_eq!(asked(of_type("step_completed")), 1);
    assert_eq!(asked(of_type("nothing")), 0);
    let of_step = RunEventFilter {
        step: Some("isolate".to_owned()),
        ..RunEventFilter::default()
    };
    assert!((1..all).contains(&asked(of_step)));
}
