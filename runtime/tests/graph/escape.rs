//! Names are text in every format, whatever stands in them.

use ossa_runtime::graph::Format;
use serde_json::json;

use crate::graph;

const NAMES: &[&str] = &[
    "\"]; click n0 href \"javascript:alert(1)",
    "`markdown` **bold** #quot; &quot; <br/>",
    "</text><script>alert(1)</script>",
    "a & b < c > d 'e' \"f\"",
    "back\\slash\\\" end",
    "two\nlines\tand a tab",
    "\u{1b}[31mred\u{7}\u{0}",
    "subgraph end graph %% comment",
    "Grüße 你好 🎉",
    "]]></title>",
];

fn drawn(name: &str, format: Format) -> String {
    graph(&json!([{"id": "a", "name": name}, {"id": "b"}])).draw(format)
}

#[test]
fn mermaid_sees_only_letters_digits_and_numbers_of_characters() {
    for name in NAMES {
        let drawn = drawn(name, Format::Mermaid);
        let line = drawn.lines().nth(1).unwrap();
        let label = line
            .strip_prefix("  n0[\"a<br/>")
            .unwrap()
            .strip_suffix("\"]")
            .unwrap();
        assert!(
            label
                .chars()
                .all(|c| c.is_alphanumeric() || " _-.,:/=#;".contains(c)),
            "{label}"
        );
        assert_eq!(drawn.lines().count(), 4, "{drawn}");
    }
}

#[test]
fn dot_sees_one_text_in_quotes() {
    for name in NAMES {
        let drawn = drawn(name, Format::Dot);
        let line = drawn
            .lines()
            .find(|line| line.starts_with("  n0 ["))
            .unwrap();
        let quoted = line.strip_prefix("  n0 [label=\"").unwrap();
        // The first quote without a backslash of its own before it ends the text.
        let mut escaped = false;
        let end = quoted
            .find(|c: char| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            })
            .unwrap();
        assert!(quoted[end..].starts_with("\", fillcolor="), "{line}");
        assert!(
            !drawn.contains(|c: char| c.is_control() && c != '\n'),
            "{drawn:?}"
        );
    }
}

/// Whether every tag is closed in its order and nothing else looks like one.
fn is_well_formed(xml: &str) -> bool {
    let mut open = Vec::new();
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        if rest[..at].contains('>') {
            return false;
        }
        let Some((tag, after)) = rest[at + 1..].split_once('>') else {
            return false;
        };
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
    }
    open.is_empty() && !rest.contains('>')
}

#[test]
fn svg_stays_well_formed_and_holds_no_script() {
    for name in NAMES {
        let drawn = drawn(name, Format::Svg);
        assert!(is_well_formed(&drawn), "{drawn}");
        assert!(!drawn.contains("<script"), "{drawn}");
        assert!(
            !drawn.contains(|c: char| c.is_control() && c != '\n'),
            "{drawn:?}"
        );
        for (at, _) in drawn.match_indices('&') {
            let entity = drawn[at..].split_once(';').unwrap().0;
            assert!(
                ["&amp", "&lt", "&gt", "&quot", "&#39"].contains(&entity),
                "{entity}"
            );
        }
    }
}

#[test]
fn text_has_no_control_characters_and_a_line_a_step() {
    for name in NAMES {
        let drawn = drawn(name, Format::Text);
        assert_eq!(drawn.lines().count(), 3, "{drawn:?}");
        assert!(
            !drawn.contains(|c: char| c.is_control() && c != '\n'),
            "{drawn:?}"
        );
    }
}
