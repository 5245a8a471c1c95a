//! Filters in every form.

use std::sync::Arc;

use ossa_runtime::manifest::model::{Body, Manifest};
use ossa_runtime::manifest::{Loaded, Options, load_str};
use ossa_runtime::port::{Priority, Timestamp};
use ossa_runtime::routing::{ChannelName, Context, Envelope, Filter, Host, Rules, Verdict};
use serde_json::Value;

use crate::table;

/// 2026-01-31T09:30:00Z
const WHEN: Timestamp = Timestamp::from_millis(1_769_851_800_000);
const LATER: Timestamp = Timestamp::from_millis(1_769_851_860_000);

fn message(payload: Value) -> Envelope {
    let channel = ChannelName::parse("security.vulnerabilities").unwrap();
    let mut message = Envelope::new("m-1", channel, "security-scanner", WHEN, payload);
    message.kind = Some("VulnerabilityFound".to_owned());
    message.metadata.priority = Some(Priority::High);
    message.metadata.correlation_id = Some("c-1".to_owned());
    let headers = &mut message.metadata.headers;
    headers.insert("x-tenant".to_owned(), "acme".into());
    message
}

/// A document with one rule that has this filter.
fn load(filter: &str) -> Loaded {
    let text = format!(
        "apiVersion: ossa/v0.3.1\nkind: MessageRouting\nmetadata: {{name: one}}\nspec:\n  rules:\n    \
         - {{source: '*', channel: '*', targets: [t], filter: {filter}}}\n"
    );
    load_str(&text, &Options::default())
}

fn filter(manifest: &Arc<Manifest>) -> Filter {
    let Body::MessageRouting(routing) = &manifest.body else {
        panic!("no routing");
    };
    Filter::compile(routing.rules[0].filter.as_ref().unwrap()).unwrap()
}

#[test]
fn the_table_of_filters_holds() {
    for case in table::read("filters", 3) {
        let place = &case.place;
        let loaded = load(case.cell(0));
        let found: Vec<_> = loaded.diagnostics().map(|it| &it.message).collect();
        let manifest = loaded.manifests().next();
        let manifest = manifest.unwrap_or_else(|| panic!("{place}: {found:?}"));
        let message = message(serde_json::from_str(case.cell(1)).unwrap());
        let verdict = filter(manifest).judge(&message, LATER);
        let said = match &verdict {
            Verdict::Passes => "yes",
            Verdict::Fails(_) => "no",
            Verdict::Error(_) => "error",
        };
        assert_eq!(said, case.cell(2), "{place}: {verdict:?}");
        // The index says the same.
        let rules = Rules::compile([&**manifest], &Host::default()).unwrap();
        let routed = rules.route(&message, &Context::at(LATER));
        let expected = usize::from(case.cell(2) == "yes");
        assert_eq!(routed.deliveries.len(), expected, "{place}: {routed:?}");
    }
}

#[test]
fn a_filter_that_cannot_be_used_is_refused_with_its_place() {
    for (filter, code, path, said) in [
        (
            "{severity: {$gte: [1]}}",
            "OSSA-M011",
            "severity['$gte']",
            "a number or text",
        ),
        (
            "{severity: {$in: high}}",
            "OSSA-M011",
            "severity['$in']",
            "a list",
        ),
        (
            "{severity: {$exists: 1}}",
            "OSSA-M011",
            "severity['$exists']",
            "true or false",
        ),
        (
            "{severity: {$regex: 1}}",
            "OSSA-M011",
            "severity['$regex']",
            "text",
        ),
        (
            "{severity: {$gtt: 1}}",
            "OSSA-M016",
            "severity['$gtt']",
            "`$gtt`",
        ),
        (
            "{severity: {$eq: 1, low: 2}}",
            "OSSA-M016",
            "severity.low",
            "`low`",
        ),
        ("{'a..b': 1}", "OSSA-M014", "a..b", "path"),
        (
            "{expression: 'a =='}",
            "OSSA-M043",
            "filter.expression",
            "(OSSA-E",
        ),
        ("'a =='", "OSSA-M043", "filter", "(OSSA-E"),
        ("[high]", "OSSA-M011", "filter", "a mapping"),
        ("7", "OSSA-M011", "filter", "a mapping"),
    ] {
        let loaded = load(filter);
        let found = loaded.diagnostics().find(|it| it.is_error());
        let found = found.unwrap_or_else(|| panic!("{filter} is accepted"));
        assert_eq!(found.code, code, "{filter}: {found:?}");
        assert!(found.path.contains(path), "{filter}: {}", found.path);
        assert!(found.message.contains(said), "{filter}: {}", found.message);
        assert!(found.line > 0, "{filter}");
    }
}

#[test]
fn a_regular_expression_that_is_none_is_refused_when_rules_are_compiled() {
    for pattern in ["[", "a{1000}{1000}{1000}"] {
        let loaded = load(&format!("{{package: {{$regex: '{pattern}'}}}}"));
        let manifest = loaded.manifests().next().unwrap();
        let findings = Rules::compile([&**manifest], &Host::default()).unwrap_err();
        let found = &findings[0].diagnostic;
        assert_eq!(found.code, "OSSA-C008", "{found:?}");
        assert_eq!(found.path, "$.spec.rules[0].filter.package['$regex']");
    }
}

#[test]
fn what_fails_is_said_with_the_field_and_what_is_asked() {
    for (filter_text, payload, said) in [
        (
            "{severity: [high, critical]}",
            r#"{"severity": "low"}"#,
            r#"`severity` must be "high" or "critical""#,
        ),
        (
            "{severity: [high]}",
            "{}",
            r#"`severity` is missing, and must be "high""#,
        ),
        (
            "{count: {$gt: 2}}",
            r#"{"count": 1}"#,
            "`count` must be more than 2",
        ),
        (
            "{a: {$exists: false}}",
            r#"{"a": 1}"#,
            "`a` must be missing",
        ),
        (
            "{a: {$regex: '^x'}}",
            r#"{"a": "y"}"#,
            "`a` must be text in which `^x` occurs",
        ),
        (
            "{expression: 'message.a == 1'}",
            "{}",
            "`message.a == 1` does not hold",
        ),
    ] {
        let loaded = load(filter_text);
        let filter = filter(loaded.manifests().next().unwrap());
        let verdict = filter.judge(&message(serde_json::from_str(payload).unwrap()), LATER);
        assert_eq!(verdict, Verdict::Fails(said.to_owned()));
    }
}

#[test]
fn a_text_too_long_for_a_regular_expression_is_an_error_and_no_match() {
    let loaded = load("{log: {$regex: 'x'}}");
    let filter = filter(loaded.manifests().next().unwrap());
    let message = message(serde_json::json!({"log": "a".repeat(100_000)}));
    let verdict = filter.judge(&message, LATER);
    assert!(matches!(verdict, Verdict::Error(_)), "{verdict:?}");
}
