//! `ossa route`.

use std::process::{Command, Output};

use serde_json::Value;

const RULES: &str = "apiVersion: ossa/v0.3.1
kind: MessageRouting
metadata: {name: r}
spec:
  rules:
    - {id: one, source: '*', channel: 'a.*', targets: [x], filter: {n: 1}}
  defaultRoute: {action: broadcast}
---
apiVersion: ossa/v0.3.1
kind: Agent
metadata: {name: x}
spec: {role: y}
";

/// `ossa route` in a folder with these rules.
fn route(rules: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), rules).unwrap();
    std::fs::write(folder.path().join("message.json"), "{\"n\": 1}").unwrap();
    Command::new(env!("CARGO_BIN_EXE_ossa"))
        .current_dir(folder.path())
        .arg("route")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_message_is_explained_as_one_json_object() {
    let run = route(
        RULES,
        &[
            "rules.yaml",
            "--source",
            "s",
            "--channel",
            "a.b",
            "--json",
            "{\"n\": 2}",
        ],
    );
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    let explained: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(explained["outcome"], "broadcast");
    assert_eq!(explained["deliveries"][0]["target"], "x");
    assert_eq!(explained["rules"][0]["matches"], false);
    assert_eq!(explained["rules"][0]["why"], "`n` must be 1");
}

#[test]
fn a_message_is_read_from_a_file_or_is_a_whole_envelope() {
    let envelope = "{\"source\": \"s\", \"channel\": \"a.c\", \"payload\": {\"n\": \"1\"}}";
    for arguments in [
        &[
            "rules.yaml",
            "--source",
            "s",
            "--channel",
            "a.b",
            "@message.json",
        ][..],
        &[".", envelope],
    ] {
        let run = route(RULES, arguments);
        let said = String::from_utf8(run.stdout).unwrap();
        assert!(said.contains("normal    x  by one"), "{said}");
    }
}

const CUSTOM: &str = "apiVersion: ossa/v0.3.1
kind: MessageRouting
metadata: {name: r}
spec:
  rules:
    - {id: one, source: '*', channel: a, targets: [x, y], filter: {n: [1, 2]}, transform: t, delivery: failover}
  transforms: {t: {type: custom, handler: anonymize}}
";

#[test]
fn a_transform_of_the_host_is_named_and_not_called() {
    let message = [
        "rules.yaml",
        "--source",
        "s",
        "--channel",
        "a",
        "@message.json",
    ];
    let run = route(CUSTOM, &message);
    assert_eq!(run.status.code(), Some(1), "{run:?}");
    assert!(String::from_utf8_lossy(&run.stderr).contains("OSSA-C007"));
    let run = route(
        CUSTOM,
        &[&message[..], &["--callback", "anonymize"]].concat(),
    );
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    let said = String::from_utf8(run.stdout).unwrap();
    let delivery = "normal    x  by one, as t of the host makes it, or if it fails y";
    assert!(said.contains(delivery), "{said}");
    assert!(said.contains("yes  one: `n` is 1 or 2"), "{said}");
}

#[test]
fn rules_with_errors_are_told_with_exit_code_1() {
    for (rules, code) in [
        (RULES.replace("'a.*'", "'A.*'"), "OSSA-C005"),
        (RULES.replace("filter:", "filters:"), "OSSA-M035"),
    ] {
        let run = route(&rules, &["rules.yaml", "--source", "s", "--channel", "a.b"]);
        assert_eq!(run.status.code(), Some(1), "{run:?}");
        assert!(run.stdout.is_empty());
        let said = String::from_utf8(run.stderr).unwrap();
        assert!(
            said.contains(code) && said.contains("rules.yaml:6:"),
            "{said}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_told_with_exit_code_2() {
    for (arguments, said) in [
        (
            &["none.yaml", "--source", "s", "--channel", "a.b"][..],
            "none.yaml",
        ),
        (&["rules.yaml", "--source", "s"], "--channel"),
        (&["rules.yaml", "--source", "s", "--channel", "A"], "`A`"),
        (
            &["rules.yaml", "--source", "s", "--channel", "a.b", "{"],
            "no JSON",
        ),
        (
            &[
                "rules.yaml",
                "--source",
                "s",
                "--channel",
                "a.b",
                "@none.json",
            ],
            "none.json",
        ),
        (
            &[
                "rules.yaml",
                "--source",
                "s",
                "--channel",
                "a.b",
                "--priority",
                "soon",
            ],
            "soon",
        ),
        (
            &["rules.yaml", "{\"source\": \"s\", \"payload\": 1}"],
            "$.channel",
        ),
    ] {
        let run = route(RULES, arguments);
        assert_eq!(run.status.code(), Some(2), "{run:?}");
        assert!(run.stdout.is_empty());
        let told = String::from_utf8(run.stderr).unwrap();
        assert!(told.contains(said), "{said}: {told}");
    }
}
