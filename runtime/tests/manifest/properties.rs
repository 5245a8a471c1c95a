//! Laws that hold for texts nobody thought of.

use ossa_runtime::manifest::{Diagnostic, Level, Loaded, Options, code, load_str};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{codes, lenient};

/// A manifest that uses most of what there is, to be broken.
const SEED: &str = "apiVersion: ossa/v0.3.0
kind: Workflow
metadata: {name: seed, version: 1.0.0, labels: {team: shop}}
spec:
  triggers: [{type: event, event: user.registered, filter: {expression: \"event.kind == 'x'\"}}]
  inputs: {type: object, properties: {n: {type: integer}}}
  context:
    variables: &vars {limit: '${{ workflow.input.n }}'}
    secrets: [{name: KEY, ref: 'vault://key'}]
  concurrency: {group: '${{ workflow.input.n }}', cancel_in_progress: true}
  steps:
    - id: read
      kind: Task
      ref: tasks/read.ossa.yaml
      input: {<<: *vars, k: \"${{ secrets.KEY }}\"}
      retry: {max_attempts: 3, backoff: {type: linear, initialDelayMs: 100}}
      timeout_seconds: 30
    - id: choose
      kind: Conditional
      depends_on: [read]
      branches: [{condition: steps.read.output.ok, steps: [{id: yes-step, ref: x}]}]
      else: [{id: no-step, agent: y}]
    - {id: each, kind: Loop, loop: {over: '${{ steps.read.output.list }}', as: one}, steps: [{id: inner, ref: z}]}
    - id: note
      parallel_with: each
      on_error: {action: goto, goto: read}
      inline:
        execution:
          type: idempotent
          entrypoint: |
            several
            lines
  error_handling: {on_failure: compensate, compensation_steps: [{id: undo, ref: u}]}
---
apiVersion: ossa/v0.3.3
kind: MessageRouting
metadata: {name: routes}
spec: {rules: [{source: '*', channel: a.*, targets: [b], filter: {fields: {x: [1, 2]}}}]}
";

/// Cut and joined pieces of the seed with noise between them.
fn mutation() -> impl Strategy<Value = String> {
    let noise = prop::sample::select(vec![
        "",
        "\n",
        "\t",
        "  ",
        "---\n",
        "...\n",
        "[",
        "]",
        "{",
        "}",
        "'",
        "\"",
        "|\n",
        ">-\n",
        "- ",
        ": ",
        "&a ",
        "*a",
        "<<: *vars",
        "!!binary x",
        "!x ",
        "? ",
        "@",
        "%",
        "\u{feff}",
        "\u{0}",
        "é🎉",
        "${{",
        "}}",
        "null",
        "~",
        "-1",
        "1e999",
        ".nan",
        "0x",
        "steps: ",
        "kind: Task\n",
        "id: read\n",
    ]);
    let piece = (any::<(u16, u16)>(), noise);
    prop::collection::vec(piece, 1..5).prop_map(|pieces| {
        let mut text = String::new();
        for ((from, length), noise) in pieces {
            let from = usize::from(from) % SEED.len();
            let length = usize::from(length) % SEED.len();
            text.extend(SEED.chars().skip(from).take(length));
            text.push_str(noise);
        }
        text
    })
}

/// Words of OSSA, so that most members mean something, and values that mostly do not fit.
fn spec() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "steps",
        "tasks",
        "id",
        "kind",
        "type",
        "ref",
        "inline",
        "task",
        "agent",
        "input",
        "inputs",
        "output",
        "outputs",
        "output_mapping",
        "condition",
        "when",
        "depends_on",
        "parallel_with",
        "parallel",
        "branches",
        "else",
        "cases",
        "then",
        "default",
        "loop",
        "over",
        "items",
        "as",
        "retry",
        "max_attempts",
        "max_retries",
        "backoff",
        "initial_delay_ms",
        "timeout",
        "timeouts",
        "timeout_seconds",
        "on_error",
        "on_failure",
        "error_handling",
        "goto",
        "compensation",
        "compensation_steps",
        "action",
        "strategy",
        "fallback_task",
        "error_mapping",
        "execution",
        "entrypoint",
        "capabilities",
        "batch",
        "preconditions",
        "expression",
        "dependencies",
        "triggers",
        "rules",
        "source",
        "channel",
        "targets",
        "transforms",
        "filter",
        "context",
        "variables",
        "secrets",
        "name",
        "value",
        "concurrency",
        "group",
        "max_parallel",
        "state",
        "notification",
        "agents",
        "observability",
        "x-own",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e20..1e20f64).prop_map(Value::from),
        prop::sample::select(vec![
            "Task",
            "Agent",
            "Parallel",
            "Loop",
            "switch",
            "a",
            "b",
            "read",
            "30m",
            "5",
            "fail",
            "goto",
            "continue",
            "retry",
            "exponential",
            "${{ steps.a.output }}",
            "{{ x",
            "${X}",
            "a || b",
            "a >",
            "/abs",
            "../up",
            "object",
            "human",
            "",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|members| {
                let members = members.into_iter();
                Value::Object(
                    members
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect::<Map<_, _>>(),
                )
            }),
        ]
    })
}

fn kind() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["Task", "Workflow", "MessageRouting", "Agent"])
}

/// Asserts what holds of every loaded text.
fn assert_sound(text: &str, loaded: &Loaded) {
    assert!(!loaded.documents.is_empty());
    for (index, document) in loaded.documents.iter().enumerate() {
        assert_eq!(document.index, index);
        let has_errors = document.diagnostics.iter().any(Diagnostic::is_error);
        assert_eq!(document.manifest.is_none(), has_errors, "{text}");
        for found in &document.diagnostics {
            assert!(code::ALL.contains(&found.code));
            assert!(found.path.starts_with('$'));
            assert!(
                !found.message.is_empty() && !found.message.contains('\n'),
                "{found:?}"
            );
            assert!(found.line as usize <= text.lines().count() + 1, "{found:?}");
            assert!(
                found.line == 0 || (found.column > 0 && found.length > 0),
                "{found:?}"
            );
        }
    }
}

fn assert_loads_soundly(text: &str) {
    for level in [Level::Lenient, Level::Strict] {
        let options = Options { level, file: None };
        let loaded = load_str(text, &options);
        assert_sound(text, &loaded);
        let again = load_str(text, &options);
        assert!(loaded.diagnostics().eq(again.diagnostics()), "{text}");
    }
}

#[test]
fn the_seed_is_fine() {
    let loaded = lenient(SEED);
    assert!(
        loaded.is_valid(),
        "{:?}",
        loaded.diagnostics().collect::<Vec<_>>()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_never_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        assert_loads_soundly(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_broken_manifest_never_makes_the_reader_panic(text in mutation()) {
        assert_loads_soundly(&text);
    }

    #[test]
    fn whatever_stands_in_a_spec_the_reader_answers(kind in kind(), spec in spec()) {
        let document = json!({
            "apiVersion": "ossa/v0.3.0",
            "kind": kind,
            "metadata": {"name": "any"},
            "spec": spec,
        });
        assert_loads_soundly(&document.to_string());
    }

    /// How a document is laid out has no part in what it means.
    #[test]
    fn layout_changes_neither_model_nor_findings(kind in kind(), spec in spec()) {
        let document = json!({
            "apiVersion": "ossa/v0.3.0",
            "kind": kind,
            "metadata": {"name": "any"},
            "spec": spec,
        });
        let compact = lenient(&document.to_string());
        let pretty = lenient(&format!("# a comment\n---\n{document:#}\n"));
        let body = |loaded: &Loaded| format!("{:?}", loaded.manifests().next().map(|manifest| manifest.body.clone()));
        prop_assert_eq!(body(&compact), body(&pretty));
        let sorted = |loaded: &Loaded| {
            let mut codes = codes(loaded);
            codes.sort_unstable();
            codes
        };
        prop_assert_eq!(sorted(&compact), sorted(&pretty));
    }
}
