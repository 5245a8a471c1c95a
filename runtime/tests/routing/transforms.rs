//! Transforms: JMESPath, templates, callbacks of the host.

use ossa_runtime::manifest::{Options, load_str};
use ossa_runtime::port::Timestamp;
use ossa_runtime::routing::{
    Call, Callbacks, ChannelName, Context, Envelope, Finding, Host, Routed, Rules,
};
use serde_json::{Value, json};

use crate::table;

/// 2026-01-31T09:30:00Z
const NOW: Timestamp = Timestamp::from_millis(1_769_851_800_000);

fn message(payload: Value) -> Envelope {
    let channel = ChannelName::parse("security.vulnerabilities").unwrap();
    Envelope::new("m-1", channel, "security-scanner", NOW, payload)
}

/// Rules with one rule that has this transform.
fn compile(transform: &Value, host: &Host<'_>) -> Result<Rules, Vec<Finding>> {
    let manifest = json!({
        "apiVersion": "ossa/v0.3.1",
        "kind": "MessageRouting",
        "metadata": {"name": "one"},
        "spec": {
            "rules": [{"id": "r", "source": "*", "channel": "*", "targets": ["a", "b"], "transform": "t"}],
            "transforms": {"t": transform},
        },
    });
    let loaded = load_str(&manifest.to_string(), &Options::default());
    let errors: Vec<_> = loaded.diagnostics().collect();
    let manifest = loaded.manifests().next();
    let manifest = manifest.unwrap_or_else(|| panic!("{errors:?}"));
    Rules::compile([&**manifest], host)
}

fn apply(transform: &Value, payload: Value) -> Routed {
    let rules = compile(transform, &Host::default()).unwrap();
    rules.route(&message(payload), &Context::at(NOW))
}

#[test]
fn the_table_of_transforms_holds() {
    for case in table::read("transforms", 3) {
        let place = &case.place;
        let transform = json!({"type": case.section, "expression": case.cell(0)});
        let routed = apply(&transform, serde_json::from_str(case.cell(1)).unwrap());
        match case.cell(2) {
            "transform_failed" => {
                assert!(routed.deliveries.is_empty(), "{place}: {routed:?}");
                assert_eq!(routed.refusals.len(), 1, "{place}");
                let refusal = &routed.refusals[0];
                assert_eq!(refusal.reason.as_str(), "transform_failed", "{place}");
                assert_eq!(refusal.rule.as_deref(), Some("r"), "{place}");
                assert_eq!(refusal.targets.len(), 2, "{place}");
                assert!(
                    !refusal.detail.contains('\n'),
                    "{place}: {}",
                    refusal.detail
                );
            }
            expected => {
                assert!(routed.refusals.is_empty(), "{place}: {:?}", routed.refusals);
                assert_eq!(routed.deliveries.len(), 2, "{place}");
                let made = &*routed.deliveries[0].payload;
                match expected {
                    "text" => assert!(made.is_string(), "{place}: {made}"),
                    json => {
                        let expected: Value = serde_json::from_str(json).unwrap();
                        assert_eq!(*made, expected, "{place}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_transform_that_cannot_be_read_is_refused_with_its_place() {
    let long = format!("a{}", "|a".repeat(100));
    let deep = format!("{}a{}", "[".repeat(100), "]".repeat(100));
    let growing = format!("@{}", " | [@, @, @]".repeat(20));
    for (language, expression, said) in [
        ("jmespath", "", "cannot be read"),
        ("jmespath", "a.", "cannot be read"),
        ("jmespath", "{a: }", "cannot be read"),
        ("jmespath", "shout(a)", "no function `shout`"),
        ("jmespath", "join(a, b)", "literal text"),
        ("jmespath", "a[1:2:2147483647]", "index"),
        ("jmespath", &long, "chains"),
        ("jmespath", &deep, "chains"),
        ("jmespath", &growing, "million times"),
        ("template", "{{ .a", "not closed"),
        ("template", "{{ .a | upper }}", "no filter `upper`"),
        ("template", "{{ if .a }}x{{ end }}", "no path"),
        ("template", "{{ }}", "no path"),
        ("template", "{{ now | date }}", "layout"),
        ("template", "{{ now | date 2006 }}", "quotes"),
    ] {
        let transform = json!({"type": language, "expression": expression});
        let findings = compile(&transform, &Host::default()).unwrap_err();
        let found = &findings[0].diagnostic;
        assert_eq!(found.code, "OSSA-C006", "{expression}: {found:?}");
        assert_eq!(found.path, "$.spec.transforms.t.expression", "{expression}");
        assert!(
            found.message.contains(said),
            "{expression}: {}",
            found.message
        );
    }
}

#[test]
fn a_bare_word_in_jmespath_is_told() {
    for (expression, words) in [
        ("merge(@, {is_test: true})", 1),
        ("merge(@, {is_test: `true`})", 0),
        ("{a: false, b: null}", 2),
        ("items[?fixed == false]", 1),
        ("items[?fixed == `false`]", 0),
        ("truest", 0),
    ] {
        let rules = compile(&json!({"expression": expression}), &Host::default()).unwrap();
        let codes = rules.warnings().iter().map(|it| it.diagnostic.code);
        let found = codes.filter(|code| *code == "OSSA-C011").count();
        assert_eq!(found, words, "{expression}");
    }
}

#[test]
fn what_a_transform_makes_is_checked_against_its_schema() {
    let transform = json!({
        "type": "jmespath",
        "expression": "{package: package, count: count}",
        "outputSchema": {
            "type": "object",
            "properties": {"package": {"type": "string"}, "count": {"type": "integer"}},
        },
    });
    let routed = apply(&transform, json!({"package": "openssl", "count": 1}));
    assert_eq!(routed.deliveries.len(), 2);
    let routed = apply(&transform, json!({"package": "openssl", "count": "secret"}));
    assert!(routed.deliveries.is_empty());
    let refusal = &routed.refusals[0];
    assert_eq!(refusal.reason.as_str(), "schema_invalid");
    assert!(refusal.detail.contains("$.count"), "{}", refusal.detail);
    assert!(!refusal.detail.contains("secret"), "{}", refusal.detail);
}

/// A host that knows JSONata, by which it means the payload's `x`, and a transform `shout`.
struct Known;

impl Callbacks for Known {
    fn has(&self, name: &str) -> bool {
        matches!(name, "jsonata" | "shout")
    }

    fn call(&self, call: &Call<'_>) -> Result<Value, String> {
        match call.name {
            "jsonata" if call.expression == "x" => Ok(call.message["payload"]["x"].clone()),
            "shout" => Ok(json!({
                "by": call.message["routing_rule_id"],
                "to": call.message["targets"],
                "transform": call.transform,
            })),
            _ => Err("it is too quiet".to_owned()),
        }
    }
}

#[test]
fn jsonata_and_custom_transforms_need_a_callback_of_the_host() {
    let shout = json!({"type": "custom", "handler": "shout"});
    let jsonata = |expression: &str| json!({"type": "jsonata", "expression": expression});
    for (transform, name) in [(&shout, "shout"), (&jsonata("x"), "jsonata")] {
        let findings = compile(transform, &Host::default()).unwrap_err();
        let found = &findings[0].diagnostic;
        assert_eq!(found.code, "OSSA-C007");
        assert_eq!(found.path, "$.spec.transforms.t.type");
        assert!(found.message.contains(name), "{}", found.message);
    }
    let host = Host {
        callbacks: &Known,
        ..Host::default()
    };
    let context = Context {
        callbacks: &Known,
        ..Context::at(NOW)
    };
    let apply = |transform: &Value| {
        let rules = compile(transform, &host).unwrap();
        rules.route(&message(json!({"x": 7})), &context)
    };
    assert_eq!(*apply(&jsonata("x")).deliveries[0].payload, json!(7));
    assert_eq!(
        *apply(&shout).deliveries[1].payload,
        json!({"by": "r", "to": ["a", "b"], "transform": "t"})
    );
    let refusal = &apply(&jsonata("y")).refusals[0];
    assert_eq!(refusal.reason.as_str(), "transform_failed");
    assert_eq!(refusal.detail, "it is too quiet");
}

#[test]
fn a_transform_that_no_rule_uses_harms_nobody() {
    let text = "apiVersion: ossa/v0.3.1\nkind: MessageRouting\nmetadata: {name: one}\nspec:\n  rules:\n    \
                - {source: '*', channel: '*', targets: [t]}\n  transforms:\n    \
                a: {type: jsonata, expression: x}\n    b: {type: jmespath, expression: 'a.'}\n";
    let loaded = load_str(text, &Options::default());
    let manifest = loaded.manifests().next().unwrap();
    let rules = Rules::compile([&**manifest], &Host::default()).unwrap();
    let codes: Vec<_> = rules
        .warnings()
        .iter()
        .map(|it| it.diagnostic.code)
        .collect();
    assert_eq!(codes, ["OSSA-C006"]);
}

#[test]
fn a_payload_too_large_for_an_expression_is_refused() {
    let wide = (0..200)
        .map(|at| format!("k{at}: @"))
        .collect::<Vec<_>>()
        .join(", ");
    let transform = json!({"expression": format!("[{{{wide}}}, {{{wide}}}]")});
    let payload: Vec<u32> = (0..200_000).collect();
    let routed = apply(&transform, json!(payload));
    assert_eq!(
        routed.refusals[0].detail,
        "the payload is too large for this expression"
    );
    let routed = apply(&transform, json!([1, 2, 3]));
    assert_eq!(routed.deliveries.len(), 2);
}
