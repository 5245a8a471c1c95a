//! The fuzz targets. Each panics when what it was given breaks the runtime, and says whether it was accepted.

use std::sync::{Arc, OnceLock};

use ossa_runtime::expression::{Dialects, Expression, MapScope, Template};
use ossa_runtime::manifest::model::{Manifest, Reference};
use ossa_runtime::manifest::{Options, load_str};
use ossa_runtime::plan::{Plan, Resolver, Unresolved};
use ossa_runtime::port::{LogRow, Priority, RunId, Snapshot, StepRef, Timestamp, Version};
use ossa_runtime::routing::{ChannelName, Context, Envelope, Host, Rules};
use ossa_runtime::run::{
    Command, DEADLINE_TIMER, Effect, Input, Order, RetryOwner, RowValues, RunState, Start,
    StepError, StepOrder, apply,
};
use ossa_runtime::sim::{Faults, Scenario, StubbedReferences};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The workflow whose logs the target `log` reads.
const ORDER: &str = include_str!("../seeds/manifest/order.yaml");

/// The run of those logs.
const RUN: RunId = RunId::from_uuid(Uuid::from_u64_pair(1, 1));

/// When messages are routed.
const NOW: Timestamp = Timestamp::from_millis(1_769_851_800_000);

/// Steps that one plan may take: enough to reach its end, if it has one.
const MOST_RESULTS: usize = 100;

struct Nothing;

impl Resolver for Nothing {
    fn resolve(&self, _: &Reference, _: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        Err(Unresolved {
            reason: "there is no other manifest".to_owned(),
        })
    }
}

/// A manifest: what is valid is compiled, what compiles is simulated.
pub fn manifest(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let lenient = load_str(text, &Options::default());
    let strict = load_str(text, &Options::strict());
    assert!(
        lenient.is_valid() || !strict.is_valid(),
        "strictly valid, but not leniently"
    );
    for manifest in lenient.manifests() {
        let references = StubbedReferences::beside(&Nothing);
        let Ok(plan) = Plan::compile(manifest, &references) else {
            continue;
        };
        let read = Plan::from_json(&plan.to_json()).expect("a plan reads back");
        assert_eq!(read.hash(), plan.hash(), "a plan reads back as itself");
        let scenario = Scenario {
            faults: Faults::all(),
            ..Scenario::of(Arc::new(read))
        };
        let report = scenario.simulate(1, 1);
        assert!(report.is_sound(), "{report:#?}");
    }
    lenient.is_valid()
}

/// An expression, read in every way; what is accepted gives the same twice.
pub fn expression(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let expressions = [
        Expression::parse(text),
        Template::parse_condition(text, Dialects::FIELDS),
        Template::parse_condition(text, Dialects::TEXT),
    ];
    let mut accepted = false;
    for expression in expressions.into_iter().flatten() {
        accepted = true;
        let _ = expression.references();
        let _ = expression.evaluate_strict(&scope());
        let (first, second) = (expression.evaluate(&scope()), expression.evaluate(&scope()));
        assert_eq!(first, second, "{text}");
    }
    for dialects in [Dialects::FIELDS, Dialects::TEXT] {
        if let Ok(template) = Template::parse(text, dialects) {
            accepted = true;
            let _ = template.references();
            assert_eq!(
                template.render(&scope()),
                template.render(&scope()),
                "{text}"
            );
        }
    }
    accepted
}

/// The log of a run of `order`: a line is a snapshot when it is an object, else the events of the next version. `PLAN`
/// stands for the hash of the plan, which changes whenever the compiler does.
pub fn log(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let plan = order();
    let text = text.replace("PLAN", &plan.hash().0);
    let (mut state, mut rows) = (None, Vec::new());
    for line in text.lines() {
        if line.starts_with('{') && rows.is_empty() {
            let snapshot = Snapshot {
                version: Version(0),
                state: line.to_owned(),
            };
            match RunState::from_snapshot(plan, &snapshot, |_| None) {
                Ok(read) => state = Some(read),
                Err(_) => return false,
            }
        } else {
            let before = state.as_ref().map_or(0, |state| state.version().0);
            let number = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            rows.push(LogRow {
                version: Version(before.saturating_add(number).saturating_add(1)),
                at: Timestamp::from_millis(i64::try_from(number).unwrap_or(i64::MAX)),
                events: line.to_owned(),
            });
        }
    }
    let Ok(state) = RunState::replay(plan, state, &rows) else {
        return false;
    };
    let read = RunState::from_snapshot(plan, &state.to_snapshot(), |version| {
        let row = rows.iter().find(|row| row.version == version)?;
        RowValues::read(row).ok()
    });
    assert_eq!(read.as_ref(), Ok(&state), "a snapshot reads back");
    let _ = (state.view(plan), state.head(plan));
    for input in inputs(&state) {
        let _ = apply(
            plan,
            Some(state.clone()),
            input,
            Timestamp::from_millis(1_000_000),
        );
    }
    true
}

/// A stored plan: a run of it is started and gets results.
pub fn plan(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let Ok(plan) = Plan::from_json(text) else {
        return false;
    };
    let start = Start {
        run: RUN,
        input: json!({"order": 1, "gift": true}).into(),
        idempotency_key: None,
        correlation_id: None,
        labels: ossa_runtime::port::Labels::new(),
        traceparent: None,
        priority: Priority::Normal,
        trigger: None,
        env: Map::new(),
        queue: "default".to_owned(),
        default_retry: None,
        groups: Vec::new(),
        parent: None,
    };
    let mut inputs = vec![Input::Start(Box::new(start))];
    let mut state = None;
    for turn in 0..MOST_RESULTS {
        let Some(input) = inputs.pop() else { break };
        let now = Timestamp::from_millis(i64::try_from(turn).unwrap_or(0));
        let Ok(transition) = apply(&plan, state.clone(), input, now) else {
            continue;
        };
        for effect in &transition.effects {
            if let Effect::Dispatch(dispatch) = effect {
                inputs.push(result(dispatch.step, turn % 5 != 0));
            }
        }
        let _ = transition.state.view(&plan);
        state = Some(transition.state);
    }
    true
}

/// A message of any dialect: what is read is written, and reads back as itself.
pub fn envelope(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let Ok(message) = Envelope::from_json(text, NOW) else {
        return false;
    };
    let written = message.to_json();
    let read = Envelope::read(written.clone(), NOW).expect("what is written reads back");
    assert_eq!(read.payload, message.payload);
    assert_eq!(read.channel, message.channel);
    assert_eq!(read.hops(), message.hops());
    assert_eq!(read.to_json(), written, "{text}");
    let _ = message.channel.dead_letters();
    let _ = message.is_expired(NOW);
    let _ = rules_of_the_shop().explain(&message, &Context::at(NOW));
    true
}

/// Message routing: what compiles routes, and explains itself as it routes.
pub fn rules(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let loaded = load_str(text, &Options::default());
    let manifests = loaded.manifests().map(|manifest| &**manifest);
    let Ok(rules) = Rules::compile(manifests, &Host::default()) else {
        return false;
    };
    for (source, channel) in [
        ("checkout", "orders.placed"),
        ("s", "a"),
        ("x", "a.b.c.dlq"),
    ] {
        let payload = json!({"total": "1000", "kind": [true, 1.5, null], "a": {"b": {"c": 1}}});
        let channel = ChannelName::parse(channel).expect("a name");
        let mut message = Envelope::new("m", channel, source, NOW, payload);
        message.kind = Some("T".to_owned());
        let routed = rules.route(&message, &Context::at(NOW));
        let explained = rules.explain(&message, &Context::at(NOW));
        assert_eq!(explained.routed, routed);
        let _ = explained.to_json();
    }
    !rules.is_empty()
}

/// A filter and a payload: `{"filter": …, "payload": …}`.
pub fn filter(data: &[u8]) -> bool {
    let Ok(mut case) = serde_json::from_slice::<Value>(data) else {
        return false;
    };
    let rule = json!({
        "id": "r", "source": "*", "channel": "*", "targets": ["t"], "filter": part(&mut case, "filter"),
    });
    one_rule(rule, json!({}), part(&mut case, "payload"))
}

/// A transform and a payload: `{"transform": …, "payload": …}`.
pub fn transform(data: &[u8]) -> bool {
    let Ok(mut case) = serde_json::from_slice::<Value>(data) else {
        return false;
    };
    let rule = json!({
        "id": "r", "source": "*", "channel": "*", "targets": ["t"], "transform": "t",
    });
    let transforms = json!({"t": part(&mut case, "transform")});
    one_rule(rule, transforms, part(&mut case, "payload"))
}

fn part(case: &mut Value, name: &str) -> Value {
    case.get_mut(name).map(Value::take).unwrap_or_default()
}

/// Routes a payload by one rule, twice; whether the rule could be compiled.
fn one_rule(rule: Value, transforms: Value, payload: Value) -> bool {
    let manifest = json!({
        "apiVersion": "ossa/v0.3.1", "kind": "MessageRouting", "metadata": {"name": "fuzz"},
        "spec": {"rules": [rule], "transforms": transforms},
    });
    let loaded = load_str(&manifest.to_string(), &Options::default());
    let manifests = loaded.manifests().map(|manifest| &**manifest);
    let Ok(rules) = Rules::compile(manifests, &Host::default()) else {
        return false;
    };
    let channel = ChannelName::parse("a.b").expect("a name");
    let message = Envelope::new("m", channel, "s", NOW, payload);
    let routed = rules.route(&message, &Context::at(NOW));
    assert_eq!(rules.route(&message, &Context::at(NOW)), routed);
    let explained = rules.explain(&message, &Context::at(NOW));
    for judgement in explained.rules {
        let goes = routed.deliveries.len() + routed.refusals.len();
        assert!(!judgement.matches || goes == 1, "{manifest}");
    }
    !rules.is_empty()
}

fn rules_of_the_shop() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| {
        let loaded = load_str(
            include_str!("../seeds/rules/shop.yaml"),
            &Options::default(),
        );
        let manifests = loaded.manifests().map(|manifest| &**manifest);
        Rules::compile(manifests, &Host::default()).expect("the seed compiles")
    })
}

/// Names that expressions may use.
fn scope() -> MapScope {
    let roots = json!({
        "input": {"email": "ada@example.org", "total": 12.5, "items": [1, 2, {"id": "x"}]},
        "steps": {"a": {"output": {"list": ["b", "c"], "ok": true}, "status": "completed"}},
        "workflow": {"name": "order", "error": null},
        "x": {"y": {"z": 0}},
    });
    let roots = roots.as_object().cloned().unwrap_or_default();
    MapScope::new(roots)
        .with_now("2026-01-01T00:00:00Z")
        .with_uuids(["00000000-0000-4000-8000-000000000000".to_owned()])
}

fn order() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let loaded = load_str(ORDER, &Options::default());
        let manifest = loaded.manifests().next().expect("the seed is valid");
        Plan::compile(manifest, &Nothing).expect("the seed compiles")
    })
}

/// Every input, for each step of the run.
fn inputs(state: &RunState) -> Vec<Input> {
    let cancel = Input::Cancel {
        by: "fuzz".to_owned(),
        reason: "enough".to_owned(),
    };
    let timer = Input::TimerFired {
        name: DEADLINE_TIMER.to_owned(),
        generation: 1,
    };
    let mut inputs = vec![cancel, timer];
    for (place, step) in state.steps() {
        let attempt = place.attempt(state.run(), step.attempt);
        inputs.push(result(attempt, true));
        inputs.push(result(attempt, false));
        inputs.push(Input::Steer(Box::new(Order {
            command: Command::Step {
                scope: place.scope.0,
                node: place.node.0,
                order: StepOrder::Retry,
            },
            by: "fuzz".to_owned(),
            reason: String::new(),
        })));
    }
    inputs
}

fn result(step: StepRef, good: bool) -> Input {
    let retry_owner = RetryOwner::Engine;
    if good {
        Input::Succeeded {
            step,
            output: json!({"receipt": "R-1", "items": ["a"], "id": step.node}),
            retry_owner,
        }
    } else {
        Input::Failed {
            step,
            error: StepError::new("BUSY", "try again"),
            retry_owner,
        }
    }
}
