//! What becomes of messages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ossa_runtime::manifest::model::Manifest;
use ossa_runtime::manifest::{Kind, Options, load_str};
use ossa_runtime::port::{Priority, Timestamp};
use ossa_runtime::routing::{
    ChannelName, Context, Envelope, HOPS_HEADER, Host, Reason, Routed, Rules,
};
use serde_json::{Value, json};

use crate::table::{self, Case};

const NOW: Timestamp = Timestamp::from_millis(1_769_851_800_000);
const A_MINUTE_AGO: Timestamp = Timestamp::from_millis(1_769_851_740_000);

/// The message of a case.
fn message(case: &Case) -> Envelope {
    let (source, channel) = case.cell(1).split_once(' ').unwrap();
    let mut payload: Value = serde_json::from_str(case.cell(2)).unwrap();
    let about = payload
        .as_object_mut()
        .and_then(|members| members.remove("_"))
        .unwrap_or_default();
    // No pattern is matched against a text this long.
    if payload.get("log").is_some_and(|log| log == "LONG") {
        payload["log"] = "a".repeat(100_000).into();
    }
    let channel = ChannelName::parse(channel).unwrap();
    let mut message = Envelope::new("m", channel, source, A_MINUTE_AGO, payload);
    message.metadata.priority = about["priority"].as_str().and_then(Priority::parse);
    message.metadata.ttl_seconds = about["ttl"].as_u64();
    if let Some(hops) = about["hops"].as_u64() {
        let headers = &mut message.metadata.headers;
        headers.insert(HOPS_HEADER.to_owned(), hops.into());
    }
    message
}

/// What became of a message, as the tables write it.
fn written(routed: &Routed) -> String {
    let mut text = routed.outcome.as_str().to_owned();
    for (at, delivery) in routed.deliveries.iter().enumerate() {
        text.push_str(if at == 0 { ": " } else { ", " });
        write!(text, "{} {}", delivery.target, delivery.priority.as_str()).unwrap();
        if !delivery.rules.is_empty() {
            write!(text, " {}", delivery.rules.join("+")).unwrap();
        }
    }
    for refusal in &routed.refusals {
        write!(text, "; {}", refusal.reason).unwrap();
        if let Some(rule) = &refusal.rule {
            write!(text, " {rule}").unwrap();
        }
    }
    text
}

fn route(rules: &Rules, case: &Case) -> Routed {
    let agents = ["a", "p", "q"].map(str::to_owned);
    let context = Context {
        agents: &agents,
        ..Context::at(NOW)
    };
    let message = message(case);
    let explained = rules.explain(&message, &context);
    let routed = rules.route(&message, &context);
    assert_eq!(explained.routed, routed, "{}", case.place);
    // What is explained and what is done are one.
    for judgement in &explained.rules {
        let named = |rule: &Arc<str>| *rule == judgement.rule;
        let is_delivered = routed
            .deliveries
            .iter()
            .any(|it| it.rules.iter().any(named));
        let is_refused = routed
            .refusals
            .iter()
            .any(|it| it.reason != Reason::FilterError && it.rule.as_ref().is_some_and(named));
        if routed.outcome.as_str() != "refused" {
            assert_eq!(
                judgement.matches,
                is_delivered || is_refused,
                "{}",
                case.place
            );
        }
        // One that matches and delivers says what its filter has found, if it has one.
        let is_told = judgement.why.is_some() || (judgement.matches && !is_refused);
        assert!(is_told, "{}", case.place);
    }
    routed
}

fn compile(manifest: &Manifest) -> Rules {
    Rules::compile([manifest], &Host::default()).unwrap()
}

#[test]
fn of_a_failover_the_first_target_gets_the_message_and_the_others_are_named() {
    let document = |annotation: &str, rule: &str| {
        let text = format!(
            "apiVersion: ossa/v0.3.1\nkind: MessageRouting\nmetadata: {{name: r, annotations: {{{annotation}}}}}\nspec:\n  \
             rules: [{{id: one, source: '*', channel: a, targets: [x, y, z]{rule}}}, {{id: two, source: '*', channel: a, targets: [x]}}]\n"
        );
        let loaded = load_str(&text, &Options::default());
        compile(loaded.manifests().next().unwrap())
    };
    let message = Envelope::new("m", ChannelName::parse("a").unwrap(), "s", NOW, json!({}));
    for (annotation, rule, expected) in [
        ("", "", "x: , y: , z: "),
        ("", ", delivery: failover", "x: y z"),
        ("delivery: failover", "", "x: y z"),
        ("delivery: failover", ", delivery: fanout", "x: , y: , z: "),
    ] {
        let routed = document(annotation, rule).route(&message, &Context::at(NOW));
        let deliveries = routed.deliveries.iter().map(|it| {
            let others: Vec<_> = it.failover.iter().map(ToString::to_string).collect();
            format!("{}: {}", it.target, others.join(" "))
        });
        let deliveries: Vec<_> = deliveries.collect();
        assert_eq!(deliveries.join(", "), expected, "{annotation}{rule}");
    }
}

#[test]
fn the_table_of_routes_holds() {
    let text = include_str!("tables/rules.yaml");
    let loaded = load_str(text, &Options::default());
    let rules: BTreeMap<&str, Rules> = loaded
        .manifests()
        .map(|manifest| (&*manifest.metadata.name, compile(manifest)))
        .collect();
    assert_eq!(rules.len(), loaded.documents.len());
    for case in table::read("routes", 4) {
        let routed = route(&rules[case.cell(0)], &case);
        assert_eq!(
            written(&routed),
            case.cell(3),
            "{}\n{routed:#?}",
            case.place
        );
    }
}

#[test]
fn documents_together_are_one_set_of_rules() {
    let loaded = load_str(include_str!("tables/rules.yaml"), &Options::default());
    let manifests = loaded.manifests().map(|manifest| &**manifest);
    let wanted = ["shop", "keeping", "calling"];
    let manifests = manifests.filter(|manifest| wanted.contains(&&*manifest.metadata.name));
    let rules = Rules::compile(manifests, &Host::default()).unwrap();
    assert_eq!(rules.len(), 9);
    let channel = |name: &str| ChannelName::parse(name).unwrap();
    let send = |source: &str, name: &str| {
        let message = Envelope::new("m", channel(name), source, NOW, json!({}));
        written(&rules.route(&message, &Context::at(NOW)))
    };
    assert_eq!(send("a", "orders.paid"), "matched: auditor low audit");
    assert_eq!(send("a", "b"), "matched: t normal keeping[0]+calling[0]");
    // Of what is to be done when none matches, the most counts.
    assert_eq!(send("x", "y"), "broadcast: p normal, q normal");
}

#[test]
fn a_payload_is_shared_where_no_transform_makes_another() {
    let loaded = load_str(include_str!("tables/rules.yaml"), &Options::default());
    let made = loaded
        .manifests()
        .find(|it| it.metadata.name == "made")
        .unwrap();
    let rules = compile(made);
    let channel = ChannelName::parse("a").unwrap();
    let message = Envelope::new("m", channel, "s", NOW, json!({"id": "i"}));
    let routed = rules.route(&message, &Context::at(NOW));
    for delivery in &routed.deliveries {
        let is_shared = Arc::ptr_eq(&delivery.payload, &message.payload);
        assert_eq!(is_shared, delivery.transform.is_none(), "{delivery:?}");
    }
    // Once for both of its rules.
    let by_id: Vec<_> = routed
        .deliveries
        .iter()
        .filter(|delivery| delivery.transform.as_deref() == Some("id"))
        .collect();
    assert_eq!(by_id.len(), 3);
    assert!(
        by_id
            .iter()
            .all(|it| Arc::ptr_eq(&it.payload, &by_id[0].payload))
    );
    let by_name = routed.deliveries.last().unwrap();
    assert_eq!(*by_name.payload, json!("i by other"));
}

fn corpus() -> Option<PathBuf> {
    let shared = match std::env::var_os("OSSA_SHARED") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
    };
    let folder = shared.join("ossa/corpus");
    folder.join("index.csv").exists().then_some(folder)
}

/// File and manifest of each message routing of the corpus, and what the index says it was taken from.
fn published(folder: &Path) -> Vec<(String, String, Arc<Manifest>)> {
    let index = fs::read_to_string(folder.join("index.csv")).unwrap();
    let mut found = Vec::new();
    for line in index.lines().filter(|line| line.ends_with("rules")) {
        let file = line.split(',').next().unwrap();
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let loaded = load_str(&text, &Options::default());
        assert!(loaded.is_valid(), "{file}");
        for manifest in loaded.manifests() {
            assert_eq!(manifest.kind(), Kind::MessageRouting, "{file}");
            found.push((file.to_owned(), line.to_owned(), Arc::clone(manifest)));
        }
    }
    found
}

#[test]
fn the_published_examples_route_as_the_facts_say() {
    let Some(folder) = corpus() else {
        eprintln!(
            "skipped: the_published_examples_route_as_the_facts_say because the corpus is absent"
        );
        return;
    };
    let manifests = published(&folder);
    assert!(manifests.len() >= 14, "only {}", manifests.len());
    let cases = table::read("corpus", 4);
    for (file, origin, manifest) in &manifests {
        let rules = compile(manifest);
        let own = cases.iter().filter(|case| {
            case.cell(0) == manifest.metadata.name && origin.contains(case.section.as_str())
        });
        let mut count = 0;
        for case in own {
            count += 1;
            let routed = route(&rules, case);
            assert_eq!(
                written(&routed),
                case.cell(3),
                "{file}: {}\n{routed:#?}",
                case.place
            );
        }
        assert!(count > 2, "{file} has {count} cases");
    }
}

#[test]
fn what_is_published_about_messaging_can_be_compiled_together() {
    let Some(folder) = corpus() else {
        eprintln!(
            "skipped: what_is_published_about_messaging_can_be_compiled_together because the corpus is absent"
        );
        return;
    };
    let mut manifests: Vec<Arc<Manifest>> = Vec::new();
    for entry in fs::read_dir(folder.join("Agent")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let loaded = load_str(&text, &Options::default());
        manifests.extend(loaded.manifests().map(Arc::clone));
    }
    let with_messaging = manifests.iter().filter(|it| it.body.messaging().is_some());
    assert!(with_messaging.count() > 30);
    let routings = published(&folder);
    let all = routings.iter().map(|(_, _, it)| it).chain(&manifests);
    let rules = Rules::compile(all.map(|it| &**it), &Host::default());
    let rules = rules.unwrap_or_else(|findings| panic!("{findings:#?}"));
    assert!(rules.len() > 70, "only {}", rules.len());
    let codes: BTreeSet<_> = rules
        .warnings()
        .iter()
        .map(|it| it.diagnostic.code)
        .collect();
    // The scanner and the healer of the example answer each other.
    let expected = ["OSSA-C010", "OSSA-C011", "OSSA-C012", "OSSA-C013"];
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), expected);
}
