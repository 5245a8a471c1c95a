//! The documentation tells the truth: its examples are run, and every code has its page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ossa_runtime::expression::{Code, Dialects, Expression, MapScope, Template};
use serde_json::Value;

use crate::scope;

/// The fenced blocks of a Markdown text: info string, first line number, lines.
fn blocks(text: &str) -> Vec<(String, usize, Vec<String>)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, usize, Vec<String>)> = None;
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(info), None) => open = Some((info.trim().to_owned(), number + 2, Vec::new())),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.2.push(line.to_owned());
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fenced block is not closed");
    blocks
}

/// The lines `left => right` of a block.
fn examples(lines: &[String], first: usize) -> impl Iterator<Item = (usize, &str, &str)> {
    lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(move |(at, line)| {
            let (left, right) = line
                .rsplit_once(" => ")
                .unwrap_or_else(|| panic!("line {}: no `=>` in {line}", first + at));
            (first + at, left.trim(), right.trim())
        })
}

/// Runs the examples of a page and counts them by kind.
///
/// - `json scope`: the names the examples after it see;
/// - `expression`: `expression => JSON value`;
/// - `template`: `text => JSON value`, all dialects read;
/// - `rejected`: `text => code`, read as an expression;
/// - `fails`: `expression => code`, strictly evaluated.
fn run_page(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut names = MapScope::default();
    for (info, first, lines) in blocks(text) {
        if info == "json scope" {
            let roots: Value = serde_json::from_str(&lines.join("\n")).unwrap();
            names = scope(roots)
                .with_now("2026-11-21T09:00:00.000Z")
                .with_uuids(["6f1c1c1e-0d2b-4c3a-9d6e-2f5a8b7c6d5e".to_owned()]);
            continue;
        }
        if !["expression", "template", "rejected", "fails"].contains(&&*info) {
            continue;
        }
        for (line, left, right) in examples(&lines, first) {
            *counts.entry(info.clone()).or_default() += 1;
            let value = || -> Value {
                serde_json::from_str(right).unwrap_or_else(|error| panic!("line {line}: {error}"))
            };
            let place = || format!("line {line}: {left}");
            match &*info {
                "expression" => {
                    let expression = Expression::parse(left);
                    let expression =
                        expression.unwrap_or_else(|error| panic!("{}: {error}", place()));
                    assert_eq!(expression.evaluate(&names).unwrap(), value(), "{}", place());
                }
                "template" => {
                    let template = Template::parse(left, Dialects::FIELDS);
                    let template = template.unwrap_or_else(|error| panic!("{}: {error}", place()));
                    assert_eq!(template.render(&names).unwrap(), value(), "{}", place());
                }
                "rejected" => {
                    let error = Expression::parse(left).expect_err(left);
                    assert_eq!(error.code(), right, "{}", place());
                }
                _ => {
                    let expression = Expression::parse(left).unwrap();
                    let error = expression.evaluate_strict(&names).expect_err(left);
                    assert_eq!(error.code(), right, "{}", place());
                }
            }
        }
    }
    counts
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &PathBuf) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_example_of_the_user_page_is_true() {
    let page = read(&crate_folder().join("../docs/expressions.md"));
    let counts = run_page(&page);
    for kind in ["expression", "template", "rejected", "fails"] {
        assert!(
            counts.get(kind).is_some_and(|count| *count > 0),
            "no {kind} on the page"
        );
    }
}

#[test]
fn the_user_page_names_every_root_filter_and_code() {
    let page = read(&crate_folder().join("../docs/expressions.md"));
    for root in ossa_runtime::expression::NAMED_ROOTS {
        assert!(page.contains(&format!("`{root}")), "{root}");
    }
    let unknown = Expression::parse("x | nothing").expect_err("unknown filter");
    let filters = unknown.help().trim_start_matches("the filters are ");
    for filter in filters.split(", ") {
        assert!(page.contains(&format!("`{filter}")), "{filter}");
    }
    for code in Code::ALL {
        assert!(page.contains(code.as_str()), "{code}");
    }
}

#[test]
fn every_code_has_a_page_with_cause_and_fix_whose_examples_are_true() {
    for code in Code::ALL {
        let page = read(&crate_folder().join(format!("errors/{code}.md")));
        assert!(page.starts_with(&format!("# {code}: ")), "{code}");
        assert!(
            page.contains("\n## Cause\n") && page.contains("\n## Fix\n"),
            "{code}"
        );
        let counts = run_page(&page);
        assert!(
            !counts.is_empty() || page.contains("```yaml"),
            "{code} shows no example"
        );
    }
}
