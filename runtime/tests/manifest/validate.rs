//! `ossa validate` as a user meets it: exit codes, text, JSON.

use std::fs;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::{steps, task};

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn validate(folder: &TempDir, arguments: &[&str], input: &str) -> Ran {
    let mut command = Command::cargo_bin("ossa").unwrap();
    let output = command
        .current_dir(folder.path())
        .arg("validate")
        .args(arguments)
        .write_stdin(input)
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The verdicts of `--format json`.
fn verdicts(ran: &Ran) -> Vec<Value> {
    let lines = ran.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn valid_manifests_are_exit_code_0_and_say_nothing_but_the_count() {
    let folder = folder(&[
        ("a.yaml", &task("capabilities: [a]")),
        ("b.yaml", &steps("- {id: a, ref: b}")),
    ]);
    let ran = validate(&folder, &["a.yaml", "b.yaml"], "");
    assert_eq!((ran.code, &*ran.stdout), (0, ""));
    assert_eq!(ran.stderr, "2 documents valid\n");
}

#[test]
fn warnings_do_not_fail() {
    let folder = folder(&[("a.yaml", &task("capabilities: [a]\ncolour: blue"))]);
    let ran = validate(&folder, &["a.yaml"], "");
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("warning[OSSA-M031]"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "1 document valid, 1 warning\n");
}

#[test]
fn an_error_is_exit_code_1_and_is_drawn_with_its_line_and_advice() {
    let text = steps("- {id: read, ref: x}\n- {id: write, depends_on: [raed]}");
    let folder = folder(&[("flow.yaml", &text)]);
    let ran = validate(&folder, &["flow.yaml"], "");
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.stdout,
        "error[OSSA-M041]: there is no step `raed`
 --> flow.yaml:7:32 ($.spec.steps[1].depends_on[0])
  |
7 |     - {id: write, depends_on: [raed]}
  |                                ^^^^
  = help: did you mean `read`?

"
    );
    assert_eq!(ran.stderr, "0 documents valid, 1 invalid\n");
}

#[test]
fn a_file_that_cannot_be_read_is_exit_code_2_and_the_others_are_still_checked() {
    let folder = folder(&[("a.yaml", &task("description: none"))]);
    let ran = validate(&folder, &["missing.yaml", "a.yaml"], "");
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.contains("error[OSSA-M010]"), "{}", ran.stdout);
    assert!(
        ran.stderr
            .contains("ossa: missing.yaml: the file cannot be read"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .ends_with("0 documents valid, 1 invalid, 1 unreadable\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn wrong_usage_and_an_empty_folder_are_exit_code_2() {
    let folder = folder(&[]);
    assert_eq!(validate(&folder, &[], "").code, 2);
    assert_eq!(validate(&folder, &["--format", "xml", "."], "").code, 2);
    let ran = validate(&folder, &["."], "");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("there are no manifests in it"),
        "{}",
        ran.stderr
    );
}

#[test]
fn each_document_of_a_file_gets_a_line_of_json() {
    let text = format!(
        "{}---\n{}---\n[",
        task("capabilities: [a]"),
        steps("- {id: a, depends_on: [a]}")
    );
    let folder = folder(&[("all.yaml", &text)]);
    let ran = validate(&folder, &["--format", "json", "all.yaml"], "");
    assert_eq!((ran.code, &*ran.stderr), (1, ""));
    let verdicts = verdicts(&ran);
    let short: Vec<_> = verdicts
        .iter()
        .map(|verdict| {
            (
                verdict["file"].as_str().unwrap(),
                verdict["index"].as_u64().unwrap(),
                verdict["kind"].as_str(),
                verdict["valid"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        short,
        [
            ("all.yaml", 0, Some("Task"), true),
            ("all.yaml", 1, Some("Workflow"), false),
            ("all.yaml", 2, None, false),
        ]
    );
    assert_eq!(verdicts[0]["name"], "example");
    assert_eq!(verdicts[0]["api_version"], "ossa/v0.3.0");
    let cycle = &verdicts[1]["diagnostics"][0];
    assert_eq!(cycle["code"], "OSSA-M042");
    assert_eq!(cycle["severity"], "error");
    assert_eq!(cycle["path"], "$.spec.steps[0].depends_on[0]");
    assert_eq!(cycle["file"], "all.yaml");
    assert_eq!((&cycle["line"], &cycle["column"]), (&12.into(), &28.into()));
    assert_eq!(cycle["snippet"], "    - {id: a, depends_on: [a]}");
    assert_eq!(verdicts[2]["diagnostics"][0]["code"], "OSSA-M001");
}

#[test]
fn strict_refuses_what_lenient_only_warns_of() {
    let folder = folder(&[(
        "a.yaml",
        &task("execution: {type: idempotent}\ntimeout: 30"),
    )]);
    assert_eq!(validate(&folder, &["a.yaml"], "").code, 0);
    let strict = validate(&folder, &["--strict", "a.yaml"], "");
    assert_eq!(strict.code, 1);
    assert!(
        strict.stdout.contains("error[OSSA-M020]"),
        "{}",
        strict.stdout
    );
}

#[test]
fn standard_input_is_read_as_a_dash() {
    let folder = folder(&[]);
    let ran = validate(&folder, &["-"], &task("capabilities: [a]"));
    assert_eq!((ran.code, &*ran.stderr), (0, "1 document valid\n"));
    let ran = validate(&folder, &["-"], "");
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout
            .starts_with("error[OSSA-M007]: the file holds no document\n"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_folder_is_searched_for_manifests() {
    let folder = folder(&[
        ("a.ossa.yaml", &task("capabilities: [a]")),
        ("services.yaml", "services: {}\n"),
    ]);
    let ran = validate(&folder, &["."], "");
    assert_eq!((ran.code, &*ran.stderr), (0, "1 document valid\n"));
}

#[test]
fn references_are_followed_only_below_the_roots_that_are_named() {
    let folder = folder(&[("flow.ossa.yaml", &steps("- {id: a, ref: nowhere}"))]);
    assert_eq!(validate(&folder, &["flow.ossa.yaml"], "").stdout, "");
    let lenient = validate(&folder, &["--root", ".", "flow.ossa.yaml"], "");
    assert_eq!(lenient.code, 0);
    assert!(
        lenient.stdout.starts_with("warning[OSSA-M047]"),
        "{}",
        lenient.stdout
    );
    let strict = validate(&folder, &["--strict", "--root", ".", "flow.ossa.yaml"], "");
    assert_eq!(strict.code, 1);
    assert!(
        strict.stdout.starts_with("error[OSSA-M047]"),
        "{}",
        strict.stdout
    );
    let missing = validate(&folder, &["--root", "nowhere", "flow.ossa.yaml"], "");
    assert_eq!(missing.code, 2);
}

#[test]
fn a_secret_is_not_shown_and_no_manifest_writes_to_the_terminal() {
    let text = steps("- {id: a, ref: b, input: {api_key: hunter2}}\n- {id: c, \"\\e[31mred\": 1}");
    let folder = folder(&[("flow.yaml", &text)]);
    for format in ["text", "json"] {
        let ran = validate(&folder, &["--format", format, "flow.yaml"], "");
        assert!(ran.stdout.contains("OSSA-M045"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);
        assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    }
}

#[test]
fn a_transform_of_the_host_is_right_where_the_host_has_it() {
    let rules = "apiVersion: ossa/v0.3.1\nkind: MessageRouting\nmetadata: {name: r}\nspec:\n  \
                 rules: [{id: one, source: '*', channel: a, targets: [x], transform: t}]\n  \
                 transforms: {t: {type: jsonata, expression: '$'}}\n";
    let folder = folder(&[("rules.yaml", rules)]);
    let ran = validate(&folder, &["rules.yaml"], "");
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("OSSA-C007"), "{}", ran.stdout);
    let ran = validate(&folder, &["rules.yaml", "--callback", "jsonata"], "");
    assert_eq!(ran.code, 0, "{}", ran.stdout);
}
