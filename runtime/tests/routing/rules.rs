//! What is said about rules when they are compiled.

use ossa_runtime::manifest::{Options, Severity, load_str};
use ossa_runtime::routing::{Finding, Host, Rules, review};

fn findings_of(text: &str, host: &Host<'_>) -> Vec<Finding> {
    let loaded = load_str(text, &Options::default());
    assert!(
        loaded.is_valid(),
        "{:?}",
        loaded.diagnostics().collect::<Vec<_>>()
    );
    let manifests = loaded.manifests().map(|manifest| &**manifest);
    match Rules::compile(manifests, host) {
        Ok(rules) => rules.warnings().to_vec(),
        Err(findings) => findings,
    }
}

fn findings(text: &str) -> Vec<Finding> {
    findings_of(text, &Host::default())
}

fn of_code<'f>(findings: &'f [Finding], code: &str) -> Vec<&'f Finding> {
    let of_code = findings.iter().filter(|it| it.diagnostic.code == code);
    of_code.collect()
}

fn routing(rules: &str) -> String {
    format!(
        "apiVersion: ossa/v0.3.1\nkind: MessageRouting\nmetadata: {{name: r}}\nspec:\n  rules:\n{rules}"
    )
}

fn agent(name: &str, channels: &[&str]) -> String {
    let publishes: Vec<String> = channels
        .iter()
        .map(|channel| format!("{{channel: {channel}, schema: {{type: object}}}}"))
        .collect();
    format!(
        "---\napiVersion: ossa/v0.3.1\nkind: Agent\nmetadata: {{name: {name}}}\nspec:\n  role: x\n  \
         messaging: {{publishes: [{}]}}\n",
        publishes.join(", ")
    )
}

#[test]
fn routes_from_channel_to_channel_in_a_circle_are_refused_with_the_circle_spelled_out() {
    let found = findings(&routing(
        "    - {source: '*', channel: a, targets: ['channel:b']}\n    \
         - {source: '*', channel: b, targets: [x, 'channel:c']}\n    \
         - {source: '*', channel: c, targets: ['channel:a']}\n",
    ));
    let circles = of_code(&found, "OSSA-C009");
    assert_eq!(circles.len(), 1, "{found:#?}");
    let circle = &circles[0].diagnostic;
    assert_eq!(circle.severity, Severity::Error);
    assert!(
        circle.message.ends_with("a → b → c → a"),
        "{}",
        circle.message
    );
    assert_eq!(circle.path, "$.spec.rules[0]");
}

#[test]
fn a_channel_that_is_forwarded_to_itself_is_a_circle() {
    let text =
        routing("    - {source: '*', channel: 'alerts.*', targets: ['channel:alerts.all']}\n");
    let found = findings(&text);
    let circle = &of_code(&found, "OSSA-C009")[0].diagnostic;
    assert!(
        circle.message.ends_with("alerts.all → alerts.all"),
        "{}",
        circle.message
    );
    let disabled = text.replace("targets:", "enabled: false, targets:");
    assert!(of_code(&findings(&disabled), "OSSA-C009").is_empty());
}

#[test]
fn forwarding_without_a_way_back_is_no_circle() {
    let found = findings(&routing(
        "    - {source: '*', channel: a, targets: ['channel:b', 'channel:c']}\n    \
         - {source: '*', channel: b, targets: ['channel:c']}\n    \
         - {source: '*', channel: 'x.*', targets: ['channel:a']}\n",
    ));
    assert!(of_code(&found, "OSSA-C009").is_empty(), "{found:#?}");
}

#[test]
fn a_circle_of_agents_is_a_warning_with_each_step() {
    let rules = routing(
        "    - {source: 'sc*', channel: 'scan.*', targets: [healer]}\n    \
         - {source: healer, channel: heal.done, targets: [auditor, scanner]}\n",
    );
    let text = format!(
        "{rules}{}{}{}",
        agent("scanner", &["scan.done"]),
        agent("healer", &["heal.done", "heal.failed"]),
        agent("auditor", &[])
    );
    let found = findings(&text);
    let circles = of_code(&found, "OSSA-C010");
    assert_eq!(circles.len(), 1, "{found:#?}");
    let circle = &circles[0].diagnostic;
    assert_eq!(circle.severity, Severity::Warning);
    assert!(
        circle
            .message
            .contains("healer on heal.done → scanner on scan.done → healer on heal.done"),
        "{}",
        circle.message
    );
    // Without the rule that leads back there is none.
    let broken = text.replace("[auditor, scanner]", "[auditor]");
    assert!(of_code(&findings(&broken), "OSSA-C010").is_empty());
}

#[test]
fn a_target_that_nobody_knows_is_told_when_some_are_known() {
    let rules =
        routing("    - {source: '*', channel: a, targets: [auditer, audit-log, auditor]}\n");
    assert!(of_code(&findings(&rules), "OSSA-C013").is_empty());
    let text = format!("{rules}{}", agent("auditor", &[]));
    let found = findings(&text);
    let unknown = of_code(&found, "OSSA-C013");
    assert_eq!(unknown.len(), 2, "{found:#?}");
    assert_eq!(unknown[0].diagnostic.path, "$.spec.rules[0].targets[0]");
    assert_eq!(
        unknown[0].diagnostic.help.as_deref(),
        Some("did you mean `auditor`?")
    );
    let known = ["audit-log".to_owned(), "auditer".to_owned()];
    let host = Host {
        targets: &known,
        ..Host::default()
    };
    assert!(of_code(&findings_of(&text, &host), "OSSA-C013").is_empty());
}

#[test]
fn a_wildcard_that_falls_short_of_a_known_channel_is_told() {
    let rules = "    - {source: '*', channel: 'security.*', targets: [a]}\n    \
                 - {source: '*', channel: '*.dlq', targets: [a]}\n    \
                 - {source: '*', channel: security.scan.done, targets: [b]}\n";
    let text = format!("{}{}", routing(rules), agent("a", &["security.scan.dlq"]));
    let found = findings(&text);
    let short = of_code(&found, "OSSA-C012");
    let paths: Vec<_> = short.iter().map(|it| &*it.diagnostic.path).collect();
    assert_eq!(
        paths,
        ["$.spec.rules[0].channel", "$.spec.rules[1].channel"]
    );
    assert!(
        short[0]
            .diagnostic
            .help
            .as_deref()
            .unwrap()
            .contains("`security.#`")
    );
    assert!(
        short[1]
            .diagnostic
            .help
            .as_deref()
            .unwrap()
            .contains("`#.dlq`")
    );
    let multi = text.replacen("spec:\n", "spec:\n  wildcards: multi\n", 1);
    assert!(of_code(&findings(&multi), "OSSA-C012").is_empty());
}

#[test]
fn what_is_wrong_in_a_rule_is_told_with_its_place() {
    for (rule, code, path) in [
        (
            "{source: '*', channel: 'A.b', targets: [t]}",
            "OSSA-C005",
            "$.spec.rules[0].channel",
        ),
        (
            "{source: '*', channel: '', targets: [t]}",
            "OSSA-C005",
            "$.spec.rules[0].channel",
        ),
        (
            "{source: '*', channel: a, targets: [t, 'channel:a.*']}",
            "OSSA-C004",
            "$.spec.rules[0].targets[1]",
        ),
    ] {
        let found = findings(&routing(&format!("    - {rule}\n")));
        assert_eq!(found[0].diagnostic.code, code, "{rule}: {found:?}");
        assert_eq!(found[0].diagnostic.path, path, "{rule}");
        assert!(found[0].diagnostic.is_error(), "{rule}");
        assert!(found[0].diagnostic.help.is_some(), "{rule}");
    }
}

#[test]
fn a_document_that_breaks_the_schema_of_routing_is_refused_when_it_is_loaded() {
    for (rules, code, path) in [
        (
            "    - {source: '*', channel: a, targets: [t], filters: {}}\n",
            "OSSA-M035",
            "rules[0].filters",
        ),
        (
            "    - {source: '*', channel: a, target: t}\n",
            "OSSA-M010",
            "rules[0]",
        ),
        (
            "    - {source: '*', channel: a, targets: t}\n",
            "OSSA-M011",
            "rules[0].targets",
        ),
        (
            "    - {source: '*', channel: a, targets: []}\n",
            "OSSA-M010",
            "rules[0].targets",
        ),
        (
            "    - {source: '*', channel: a, targets: [1]}\n",
            "OSSA-M011",
            "rules[0].targets[0]",
        ),
        (
            "    - {source: '*', targets: [t]}\n",
            "OSSA-M010",
            "rules[0]",
        ),
        (
            "    - {source: 7, channel: a, targets: [t]}\n",
            "OSSA-M011",
            "rules[0].source",
        ),
        (
            "    - {source: '*', channel: [a], targets: [t]}\n",
            "OSSA-M011",
            "rules[0].channel",
        ),
        (
            "    - {source: '*', channel: a, targets: [t], priority: top}\n",
            "OSSA-M016",
            "rules[0].priority",
        ),
        (
            "    - {source: '*', channel: a, targets: [t], enabled: maybe}\n",
            "OSSA-M011",
            "rules[0].enabled",
        ),
        (
            "    - {source: '*', channel: a, targets: [t], transform: none}\n",
            "OSSA-M044",
            "rules[0].transform",
        ),
        ("    - t\n", "OSSA-M011", "rules[0]"),
        ("    t: 1\n", "OSSA-M011", "rules"),
        (
            "    - {source: '*', channel: a, targets: [t]}\n  transforms: {x: {type: xslt, expression: a}}\n",
            "OSSA-M016",
            "transforms.x.type",
        ),
        (
            "    - {source: '*', channel: a, targets: [t]}\n  transforms: {x: {type: jmespath}}\n",
            "OSSA-M010",
            "transforms.x",
        ),
        (
            "    - {source: '*', channel: a, targets: [t]}\n  transforms: {x: {expression: a, outputSchema: {type: strin}}}\n",
            "OSSA-M018",
            "transforms.x.outputSchema",
        ),
        (
            "    - {source: '*', channel: a, targets: [t]}\n  defaultRoute: {action: bounce}\n",
            "OSSA-M016",
            "defaultRoute.action",
        ),
        (
            "    - {source: '*', channel: a, targets: [t]}\n  wildcards: some\n",
            "OSSA-M016",
            "wildcards",
        ),
    ] {
        let loaded = load_str(&routing(rules), &Options::default());
        let found: Vec<_> = loaded.diagnostics().filter(|it| it.is_error()).collect();
        let found = found
            .first()
            .unwrap_or_else(|| panic!("{rules} is accepted"));
        assert_eq!(found.code, code, "{rules}: {found:?}");
        assert_eq!(found.path, format!("$.spec.{path}"), "{rules}");
        assert!(found.line > 0 && found.snippet.is_some(), "{rules}");
    }
}

#[test]
fn two_rules_of_one_id_are_told() {
    let rule = "    - {id: one, source: '*', channel: a, targets: [t]}\n";
    let found = findings(&routing(&format!("{rule}{rule}")));
    assert_eq!(of_code(&found, "OSSA-C014").len(), 1);
    assert_eq!(found[0].diagnostic.path, "$.spec.rules[1].id");
}

#[test]
fn a_channel_is_no_target_of_a_failover() {
    let rule =
        "    - {id: one, source: '*', channel: a, targets: [t, 'channel:b'], delivery: failover}\n";
    let found = findings(&routing(rule));
    assert_eq!(of_code(&found, "OSSA-C016").len(), 1);
    assert_eq!(found[0].diagnostic.path, "$.spec.rules[0].targets[1]");
    let found = findings(&routing(&rule.replace("failover", "fanout")));
    assert_eq!(of_code(&found, "OSSA-C016").len(), 0);
}

#[test]
fn the_channels_of_an_agent_are_reviewed() {
    let text = "apiVersion: ossa/v0.3.1\nkind: Agent\nmetadata: {name: a}\nspec:\n  role: x\n  messaging:\n    \
                publishes: [{channel: system.x, schema: {}}, {channel: Big, schema: {}}]\n    \
                subscribes: [{channel: 'a..b'}, {channel: 'ossa.#'}, {channel: b, filter: {c: {$regex: '('}}}]\n";
    let loaded = load_str(text, &Options::default());
    let manifest = loaded.manifests().next().unwrap();
    let found = review(manifest, &Host::default());
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.code, it.severity, &*it.path))
        .collect();
    let messaging = "$.spec.messaging";
    assert_eq!(
        found,
        [
            (
                "OSSA-C015",
                Severity::Warning,
                &*format!("{messaging}.publishes[0].channel")
            ),
            (
                "OSSA-C004",
                Severity::Warning,
                &*format!("{messaging}.publishes[1].channel")
            ),
            (
                "OSSA-C005",
                Severity::Warning,
                &*format!("{messaging}.subscribes[0].channel")
            ),
            (
                "OSSA-C008",
                Severity::Error,
                &*format!("{messaging}.subscribes[2].filter.c['$regex']")
            ),
        ]
    );
}
