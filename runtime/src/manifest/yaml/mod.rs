//! YAML with fixed options: the one place that knows the parser.
//!
//! Plain scalars have the types of the YAML 1.2 core schema (`no`, `2025-10-31` and `1_000` are text, `017` is 17), a
//! key may stand only once, and everything is bounded. JSON is YAML, so JSON manifests work too.

mod located;
mod node;
mod scalar;
mod split;

pub(crate) use located::{Located, Mark, Marks, Segment};

use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{DefaultMessageFormatter, Error as YamlError, MessageFormatter as _, Spanned};

use self::node::{Builder, Node};
use super::code;
use super::diagnostic::{Diagnostic, Severity};

/// Largest file, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Deepest nesting of lists and mappings.
///
/// The parser recurses: at this depth an optimised build needs about 256 KiB of stack, a debug build 1.5 MiB.
pub const MAX_DEPTH: usize = 40;
/// Most nodes that aliases may add by being expanded.
pub const MAX_ALIAS_NODES: usize = 50_000;
/// Most documents in a file.
pub const MAX_DOCUMENTS: usize = 1_000;

/// The documents of a file in order, each as data or as the reason why it is none.
///
/// A document that cannot be read does not hide the others. Text that is too large gives one failure.
pub(crate) fn read(text: &str) -> Vec<Result<Located, Box<Diagnostic>>> {
    if text.len() > MAX_BYTES {
        let diagnostic = Diagnostic::new(
            code::TOO_LARGE,
            Severity::Error,
            format!("the file has {} bytes, more than {MAX_BYTES}", text.len()),
        )
        .with_help("split it into several files; data belongs in the input of a run");
        return vec![Err(Box::new(diagnostic))];
    }
    let chunks = split::documents(text);
    if chunks.len() > MAX_DOCUMENTS {
        let diagnostic = Diagnostic::new(
            code::TOO_LARGE,
            Severity::Error,
            format!(
                "the file has {} documents, more than {MAX_DOCUMENTS}",
                chunks.len()
            ),
        )
        .with_help("split it into several files");
        return vec![Err(Box::new(diagnostic))];
    }
    chunks.iter().map(document).collect()
}

/// The data of a text that is one document; null for one that says nothing.
pub(crate) fn read_data(text: &str) -> Result<serde_json::Value, Box<Diagnostic>> {
    let first = read(text).into_iter().next();
    first.map_or(Ok(serde_json::Value::Null), |document| {
        document.map(|located| located.value)
    })
}

fn document(chunk: &split::Chunk<'_>) -> Result<Located, Box<Diagnostic>> {
    let builder = Builder {
        text: chunk.text,
        lines_before: chunk.lines_before,
    };
    let node: Spanned<Node> = serde_saphyr::from_str_with_options(chunk.text, options())
        .map_err(|error| Box::new(failure(&error, chunk, &builder)))?;
    builder
        .build(node)
        .map_err(|repeated| Box::new(duplicate_key(&repeated.key).at_mark(repeated.mark)))
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_ALIAS_NODES,
        },
        emit_comments: false,
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    }
}

fn duplicate_key(key: &str) -> Diagnostic {
    Diagnostic::new(
        code::DUPLICATE_KEY,
        Severity::Error,
        format!("the key `{key}` stands twice in the same mapping"),
    )
    .with_help("keep one of the two: parsers disagree on which one counts")
}

fn failure(error: &YamlError, chunk: &split::Chunk<'_>, builder: &Builder<'_>) -> Diagnostic {
    let error = original(error);
    let mark = error
        .location()
        .filter(|location| location.line() > 0)
        .map(|location| builder.mark(&location))
        .unwrap_or(Mark {
            line: chunk.lines_before.saturating_add(1),
            column: 1,
            length: 1,
        });
    let diagnostic = match error {
        YamlError::DuplicateMappingKey { key, .. } => duplicate_key(key.as_deref().unwrap_or("?")),
        YamlError::Budget { breach, .. } => budget(breach),
        YamlError::AliasReplayLimitExceeded { .. }
        | YamlError::AliasReplayStackDepthExceeded { .. }
        | YamlError::AliasExpansionLimitExceeded { .. }
        | YamlError::AliasReplayCounterOverflow { .. } => too_many_aliases(),
        _ => {
            let message = DefaultMessageFormatter.format_message(error);
            // The scanner has a bound of its own and tells it in no other way.
            if message == "recursion limit exceeded" {
                return too_deep().at_mark(mark);
            }
            let diagnostic = Diagnostic::new(
                code::SYNTAX,
                Severity::Error,
                format!("this is not YAML: {message}"),
            );
            match hint(chunk.text, mark.line.saturating_sub(chunk.lines_before)) {
                Some(hint) => diagnostic.with_help(hint),
                None => diagnostic,
            }
        }
    };
    diagnostic.at_mark(mark)
}

fn original(error: &YamlError) -> &YamlError {
    match error {
        YamlError::WithSnippet { error, .. } | YamlError::AliasError { error, .. } => {
            original(error)
        }
        other => other,
    }
}

fn too_many_aliases() -> Diagnostic {
    Diagnostic::new(
        code::TOO_MANY_ALIASES,
        Severity::Error,
        format!("aliases expand to more than {MAX_ALIAS_NODES} nodes"),
    )
    .with_help("write shared parts as a manifest of their own and refer to it with `ref`")
}

fn too_deep() -> Diagnostic {
    Diagnostic::new(
        code::TOO_DEEP,
        Severity::Error,
        format!("the document nests deeper than {MAX_DEPTH} levels"),
    )
    .with_help("move inner steps into a workflow of their own and refer to it with `ref`")
}

fn budget(breach: &BudgetBreach) -> Diagnostic {
    match breach {
        BudgetBreach::Depth { .. } => too_deep(),
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::AliasAnchorRatio { .. }
        | BudgetBreach::RecordedAnchorEvents { .. }
        | BudgetBreach::RecordedAnchorBytes { .. }
        | BudgetBreach::MergeKeys { .. } => too_many_aliases(),
        _ => Diagnostic::new(
            code::TOO_LARGE,
            Severity::Error,
            "the document has more parts than a manifest may have",
        )
        .with_help("split it into several manifests; data belongs in the input of a run"),
    }
}

/// What most likely makes the line (from 1) unreadable.
fn hint(text: &str, line: u32) -> Option<&'static str> {
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    // The parser often notices on the line after.
    let suspects: Vec<&str> = text.lines().skip(line.saturating_sub(1)).take(2).collect();
    let is_merge = |line: &&str| {
        ["<<<<<<<", "=======", ">>>>>>>"]
            .iter()
            .any(|marker| line.starts_with(marker))
    };
    if suspects.iter().any(is_merge) {
        return Some("finish the merge: a conflict marker stands here");
    }
    for suspect in suspects {
        let value = suspect.split_once(": ").map_or(suspect, |(_, value)| value);
        let value = value.trim_start().trim_start_matches("- ");
        if value.starts_with('"') && value.contains("${{") && value.matches('"').count() > 2 {
            return Some("use single quotes within the expression: a double quote ends the text");
        }
        if value.starts_with(['"', '\'', '|', '>', '#']) {
            continue;
        }
        if value.contains("${{") || value.starts_with("{{") || value.contains("${") {
            return Some("quote the expression: \"${{ … }}\" or put it in a block scalar (`>-`)");
        }
        if value.starts_with(['@', '`', '%']) {
            return Some("quote the value: a plain value cannot begin with this character");
        }
        if suspect.trim_start_matches(' ').starts_with('\t') {
            return Some("indent with spaces: YAML does not allow tabs there");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use serde_json::{Value, json};

    use super::*;

    fn value(text: &str) -> Value {
        read(text).remove(0).unwrap().value
    }

    fn refusal(text: &str) -> Diagnostic {
        *read(text).into_iter().find_map(Result::err).unwrap()
    }

    /// The types of plain scalars are part of what a manifest means: this table is the promise.
    #[test]
    fn plain_scalars_have_the_types_of_the_core_schema() {
        let table: &[(&str, Value)] = &[
            ("no", json!("no")),
            ("yes", json!("yes")),
            ("on", json!("on")),
            ("off", json!("off")),
            ("y", json!("y")),
            ("true", json!(true)),
            ("True", json!(true)),
            ("FALSE", json!(false)),
            ("null", json!(null)),
            ("Null", json!(null)),
            ("~", json!(null)),
            ("", json!(null)),
            ("2025-10-31", json!("2025-10-31")),
            ("2025-10-31T10:00:00Z", json!("2025-10-31T10:00:00Z")),
            ("12:30:45", json!("12:30:45")),
            ("1.2.3", json!("1.2.3")),
            ("0", json!(0)),
            ("-0", json!(0)),
            ("+12", json!(12)),
            ("017", json!(17)),
            ("08", json!(8)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("0b11", json!("0b11")),
            ("1_000", json!("1_000")),
            ("1e3", json!(1000.0)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("0.1", json!(0.1)),
            ("1.0", json!(1.0)),
            (".inf", json!(".inf")),
            ("-.inf", json!("-.inf")),
            (".nan", json!(".nan")),
            ("9223372036854775807", json!(i64::MAX)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("12345678901234567890123", json!(12345678901234567890123.0)),
            ("\"123\"", json!("123")),
            ("'true'", json!("true")),
            ("!!str 123", json!("123")),
            ("=", json!("=")),
            ("<<", json!("<<")),
            ("a #b", json!("a")),
            ("a#b", json!("a#b")),
        ];
        for (text, expected) in table {
            let got = value(&format!("v: {text}\n"));
            assert_eq!(got["v"], *expected, "{text}");
            assert_eq!(got["v"].is_f64(), expected.is_f64(), "{text}");
        }
    }

    #[test]
    fn keys_are_text_whatever_they_look_like() {
        assert_eq!(
            value("1: a\ntrue: b\n017: c\nno: d\n"),
            json!({"1": "a", "true": "b", "017": "c", "no": "d"})
        );
    }

    #[test]
    fn a_value_knows_where_it_stands() {
        let located = read("# c\n---\na:\n  - b: \"x y\"\n    c: é\n")
            .remove(0)
            .unwrap();
        let path = [Segment::Key("a"), Segment::Index(0), Segment::Key("b")];
        let marks = located.nearest(path);
        assert_eq!(
            marks.value,
            Mark {
                line: 4,
                column: 8,
                length: 5
            }
        );
        assert_eq!(
            marks.key,
            Some(Mark {
                line: 4,
                column: 5,
                length: 1
            })
        );
        let nearest = located.nearest([Segment::Key("a"), Segment::Key("nope")]);
        assert_eq!(
            nearest.head(),
            Mark {
                line: 3,
                column: 1,
                length: 1
            }
        );
    }

    #[test]
    fn a_broken_document_leaves_the_others_readable() {
        let documents = read("a: 1\n---\nb: [\n---\nc: 3\n");
        assert_eq!(documents[0].as_ref().unwrap().value, json!({"a": 1}));
        let refused = documents[1].as_ref().unwrap_err();
        assert_eq!((refused.code, refused.line), (code::SYNTAX, 3));
        assert_eq!(documents[2].as_ref().unwrap().value, json!({"c": 3}));
    }

    #[test]
    fn a_repeated_key_is_refused_with_its_place() {
        let refused = refusal("a: 1\nb:\n  c: 1\n  c: 2\n");
        assert_eq!(
            (refused.code, refused.line, refused.column),
            (code::DUPLICATE_KEY, 4, 3)
        );
        assert!(refused.message.contains("`c`"), "{}", refused.message);
        assert_eq!(refusal("1: a\n\"1\": b\n").code, code::DUPLICATE_KEY);
    }

    #[test]
    fn an_unquoted_ternary_gets_the_hint_to_quote_it() {
        let refused = refusal("a:\n  b: ${{ x ? 'y' : null }}\n");
        assert_eq!(refused.code, code::SYNTAX);
        assert!(refused.help.unwrap().contains("quote the expression"));
        assert!(
            refusal("a: @pkg/name\n")
                .help
                .unwrap()
                .contains("quote the value")
        );
    }

    #[test]
    fn each_bound_has_an_error_of_its_own() {
        assert_eq!(refusal(&"#".repeat(MAX_BYTES + 1)).code, code::TOO_LARGE);
        let deep = format!(
            "a: {}{}",
            "[".repeat(MAX_DEPTH + 1),
            "]".repeat(MAX_DEPTH + 1)
        );
        assert_eq!(refusal(&deep).code, code::TOO_DEEP);
        let block: String = (0..=MAX_DEPTH)
            .map(|depth| format!("{}a:\n", " ".repeat(depth)))
            .collect();
        assert_eq!(refusal(&block).code, code::TOO_DEEP);
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let before = level - 1;
            let aliases = vec![format!("*a{before}"); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert_eq!(refusal(&bomb).code, code::TOO_MANY_ALIASES);
        assert_eq!(
            refusal(&"--- a\n".repeat(MAX_DOCUMENTS + 1)).code,
            code::TOO_LARGE
        );
    }

    #[test]
    fn merge_keys_and_aliases_work() {
        assert_eq!(
            value("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: *a\n")["b"],
            json!({"y": 3, "x": 1})
        );
    }

    #[test]
    fn json_is_read_too() {
        assert_eq!(
            value("{\"a\": [1, 2.5, null, true]}"),
            json!({"a": [1, 2.5, null, true]})
        );
    }
}
