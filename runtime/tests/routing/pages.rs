//! Every code of routing has a page whose example leads to it.

use std::collections::BTreeMap;
use std::path::Path;

use ossa_runtime::manifest::{Options, load_str};
use ossa_runtime::port::Timestamp;
use ossa_runtime::routing::{Context, Envelope, Host, Rules, code, review};
use serde_json::{Value, json};

/// What stands between the fences of a language.
pub(crate) fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once(&format!("```{language}\n")) {
        let (block, after) = after.split_once("\n```").unwrap();
        found.push(block.to_owned());
        rest = after;
    }
    found
}

pub(crate) fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn codes_of_manifests(text: &str) -> Vec<&'static str> {
    let loaded = load_str(text, &Options::default());
    let problems: Vec<_> = loaded.diagnostics().filter(|it| it.is_error()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    let manifests: Vec<_> = loaded.manifests().map(|it| &**it).collect();
    let findings = match Rules::compile(manifests.iter().copied(), &Host::default()) {
        Ok(rules) => rules.warnings().to_vec(),
        Err(findings) => findings,
    };
    let alone = manifests
        .iter()
        .flat_map(|manifest| review(manifest, &Host::default()));
    let all = findings.into_iter().map(|it| it.diagnostic).chain(alone);
    all.map(|it| it.code).collect()
}

#[test]
fn every_code_of_routing_has_a_page_whose_example_leads_to_it() {
    for code in code::ALL {
        let page = read(&format!("errors/{code}.md"));
        assert!(page.starts_with(&format!("# {code}: ")), "{code}");
        let messages = blocks(&page, "json");
        let found: Vec<&str> = match &*blocks(&page, "yaml") {
            [] => messages
                .iter()
                .filter_map(|text| Envelope::from_json(text, Timestamp::EPOCH).err())
                .map(|error| error.code())
                .collect(),
            [manifests] => codes_of_manifests(manifests),
            _ => panic!("{code} has several examples"),
        };
        assert!(found.contains(code), "{code}: {found:?}");
    }
}

/// The fenced blocks of a page in order: what stands behind the fence, and the text.
fn fenced(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (info, after) = after.split_once('\n').unwrap();
        let (text, after) = after.split_once("\n```").unwrap_or((after, ""));
        found.push((info.to_owned(), text.to_owned()));
        rest = after;
    }
    found
}

/// Rules with one rule that has these fields besides.
fn one_rule(more: &Value, transforms: &Value) -> Rules {
    let mut rule = json!({"source": "*", "channel": "*", "targets": ["t"]});
    let members = rule.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let manifest = json!({
        "apiVersion": "ossa/v0.3.1", "kind": "MessageRouting", "metadata": {"name": "example"},
        "spec": {"rules": [rule], "transforms": transforms},
    });
    let loaded = load_str(&manifest.to_string(), &Options::default());
    let manifest = loaded.manifests().next().unwrap();
    Rules::compile([&**manifest], &Host::default()).unwrap()
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// A payload, or an envelope that says more than that.
fn message(text: &str) -> Envelope {
    let value: Value = serde_json::from_str(text).unwrap();
    let mut envelope = json!({
        "id": "m", "source": "scanner", "channel": "security.vulnerabilities", "timestamp": "2026-01-31T09:30:00Z",
    });
    let members = envelope.as_object_mut().unwrap();
    if value.get("source").is_some() {
        members.extend(value.as_object().unwrap().clone());
    } else {
        members.insert("payload".to_owned(), value);
    }
    Envelope::read(envelope, Timestamp::EPOCH).unwrap()
}

#[test]
fn the_examples_of_the_routing_page_are_true() {
    let page = read("../docs/routing.md");
    let (mut filter, mut transform, mut payload) = (None, None, None);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (info, text) in fenced(&page) {
        *counts.entry(info.clone()).or_default() += 1;
        match &*info {
            "yaml filter" => filter = Some(one_rule(&json!({"filter": yaml(&text)}), &json!({}))),
            "yaml transform" => {
                let transforms = json!({"t": yaml(&text)});
                transform = Some(one_rule(&json!({"transform": "t"}), &transforms));
            }
            "json passes" | "json fails" => {
                let rules = filter.as_ref().unwrap();
                let routed = rules.route(&message(&text), &Context::at(Timestamp::EPOCH));
                assert_eq!(
                    routed.deliveries.len() == 1,
                    info == "json passes",
                    "{text}: {routed:?}"
                );
            }
            "json payload" => payload = Some(message(&text)),
            "json makes" => {
                let rules = transform.as_ref().unwrap();
                let routed = rules.route(payload.as_ref().unwrap(), &Context::at(Timestamp::EPOCH));
                assert!(routed.refusals.is_empty(), "{routed:?}");
                let made: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(*routed.deliveries[0].payload, made);
            }
            "json envelope" => drop(Envelope::from_json(&text, Timestamp::EPOCH).unwrap()),
            "yaml" => assert_eq!(codes_of_manifests(&text), [""; 0]),
            "console" | "php" => {}
            other => panic!("unknown kind of block `{other}`"),
        }
    }
    assert!(
        counts["yaml filter"] >= 8 && counts["yaml transform"] >= 3,
        "{counts:?}"
    );
    assert_eq!(counts["json envelope"], 3);
}

#[cfg(feature = "cli")]
#[test]
fn the_command_prints_what_the_routing_page_says() {
    let page = read("../docs/routing.md");
    let blocks = fenced(&page);
    let block = |info: &str| &blocks.iter().find(|(it, _)| it == info).unwrap().1;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("security.yaml"), block("yaml")).unwrap();
    let (command, said) = block("console").split_once('\n').unwrap();
    let run = std::process::Command::new("sh")
        .current_dir(folder.path())
        .arg("-c")
        .arg(command.replacen("$ ossa", env!("CARGO_BIN_EXE_ossa"), 1))
        .output()
        .unwrap();
    let errors = String::from_utf8(run.stderr).unwrap();
    assert_eq!(
        String::from_utf8(run.stdout).unwrap().trim_end(),
        said,
        "{errors}"
    );
    assert_eq!(run.status.code(), Some(0));
    assert_eq!(errors, "");
}
