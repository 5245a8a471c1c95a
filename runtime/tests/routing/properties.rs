//! What holds of any rules and messages.

use std::collections::BTreeSet;

use ossa_runtime::manifest::{Options, load_str};
use ossa_runtime::port::Timestamp;
use ossa_runtime::routing::{ChannelName, Context, Envelope, Host, Outcome, Rules};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_millis(0);

fn any_rule() -> impl Strategy<Value = Value> {
    let segment = prop_oneof![
        4 => "[abc]",
        1 => Just("*".to_owned()),
        1 => Just("#".to_owned()),
        1 => Just("a*".to_owned()),
    ];
    let channel = proptest::collection::vec(segment, 1..4).prop_map(|it| it.join("."));
    let source = prop_oneof![Just("*"), Just("s"), Just("s*"), Just("t"), Just("*t")];
    let scalar = || {
        prop_oneof![
            Just(json!(1)),
            Just(json!("1")),
            Just(json!("01")),
            Just(json!(true)),
            Just(json!("x")),
            Just(json!(null)),
            Just(json!(1.5)),
        ]
    };
    let wanted = prop_oneof![
        scalar(),
        proptest::collection::vec(scalar(), 0..3).prop_map(Value::from),
        scalar().prop_map(|it| json!({"$ne": it})),
        Just(json!({"$gte": 1})),
        Just(json!({"$exists": true})),
    ];
    let field = prop_oneof![Just("f"), Just("g.h"), Just("payload.f"), Just("source")];
    let filter = proptest::collection::vec((field, wanted), 0..3).prop_map(|conditions| {
        conditions
            .into_iter()
            .map(|(field, wanted)| (field.to_owned(), wanted))
            .collect::<Value>()
    });
    let priority = prop_oneof![Just("low"), Just("normal"), Just("high"), Just("critical")];
    let targets = proptest::collection::vec("[xyz]", 1..3);
    (channel, source, filter, priority, targets, any::<bool>()).prop_map(
        |(channel, source, filter, priority, targets, is_enabled)| {
            json!({
                "channel": channel, "source": source, "filter": filter, "priority": priority,
                "targets": targets, "enabled": is_enabled || channel.len() > 3,
            })
        },
    )
}

fn any_message() -> impl Strategy<Value = Envelope> {
    let channel = proptest::collection::vec("[abc]|ab", 1..4).prop_map(|it| it.join("."));
    let value = prop_oneof![
        Just(json!(1)),
        Just(json!("1")),
        Just(json!("01")),
        Just(json!(true)),
        Just(json!("x")),
        Just(json!(null)),
        Just(json!(["y", 1.0])),
        Just(json!({"h": "x"})),
        Just(json!(1.5)),
    ];
    let payload = (value.clone(), value).prop_map(|(f, g)| json!({"f": f, "g": g}));
    (
        channel,
        prop_oneof![Just("s"), Just("st"), Just("t"), Just("u")],
        payload,
    )
        .prop_map(|(channel, source, payload)| {
            let channel = ChannelName::parse(&channel).unwrap();
            Envelope::new("m", channel, source, NOW, payload)
        })
}

fn compile(rules: &[Value]) -> Rules {
    let manifest = json!({
        "apiVersion": "ossa/v0.3.1", "kind": "MessageRouting", "metadata": {"name": "r"},
        "spec": {"rules": rules},
    });
    let loaded = load_str(&manifest.to_string(), &Options::default());
    let manifest = loaded.manifests().next();
    let problems: Vec<_> = loaded.diagnostics().collect();
    let manifest = manifest.unwrap_or_else(|| panic!("{problems:?}"));
    Rules::compile([&**manifest], &Host::default()).unwrap()
}

proptest! {
    #[test]
    fn the_index_finds_what_asking_every_rule_finds(
        rules in proptest::collection::vec(any_rule(), 1..24),
        messages in proptest::collection::vec(any_message(), 1..8),
    ) {
        let compiled = compile(&rules);
        for message in messages {
            let explained = compiled.explain(&message, &Context::at(NOW));
            let asked: Vec<_> = explained
                .rules
                .iter()
                .filter(|judgement| judgement.matches)
                .map(|judgement| judgement.rule.to_string())
                .collect();
            let mut found: Vec<_> = explained
                .routed
                .deliveries
                .iter()
                .flat_map(|delivery| delivery.rules.iter().map(ToString::to_string))
                .collect();
            let number = |id: &String| id.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().unwrap();
            found.sort_by_key(number);
            found.dedup();
            prop_assert_eq!(asked, found);
        }
    }

    #[test]
    fn deliveries_are_ordered_and_each_is_made_once(
        rules in proptest::collection::vec(any_rule(), 1..24),
        message in any_message(),
    ) {
        let routed = compile(&rules).route(&message, &Context::at(NOW));
        let mut targets = BTreeSet::new();
        for delivery in &routed.deliveries {
            prop_assert!(targets.insert(&delivery.target));
            prop_assert!(!delivery.rules.is_empty());
        }
        let priorities: Vec<_> = routed.deliveries.iter().map(|it| it.priority).collect();
        prop_assert!(priorities.is_sorted());
        prop_assert_eq!(routed.outcome == Outcome::Matched, !routed.deliveries.is_empty());
    }

    #[test]
    fn routing_twice_gives_the_same(rules in proptest::collection::vec(any_rule(), 1..8), message in any_message()) {
        let (first, second) = (compile(&rules), compile(&rules));
        prop_assert_eq!(first.route(&message, &Context::at(NOW)), second.route(&message, &Context::at(NOW)));
    }
}
