//! Every expression found in public manifests parses.

use std::path::PathBuf;

use ossa_runtime::expression::{Dialects, Template};

/// Rows of a CSV text: quoted fields may hold commas, line ends and doubled quotes.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let row = rows.last_mut().unwrap();
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                row.last_mut().unwrap().push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\n' if !quoted => rows.push(vec![String::new()]),
            '\r' if !quoted => {}
            other => row.last_mut().unwrap().push(other),
        }
    }
    rows.retain(|row| row.len() > 1);
    rows
}

/// Dialect and text of every expression of the corpus, or `None` where the corpus is not present.
pub(crate) fn expressions() -> Option<Vec<(String, String)>> {
    let shared = match std::env::var_os("OSSA_SHARED") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
    };
    let text = std::fs::read_to_string(shared.join("ossa/expressions.csv")).ok()?;
    let rows = rows(&text).into_iter().skip(1);
    Some(rows.map(|row| (row[0].clone(), row[1].clone())).collect())
}

/// Parses an expression the way its dialect is read.
fn parse(dialect: &str, text: &str) -> Result<(), String> {
    let parsed = match dialect {
        "bare" => Template::parse_condition(text, Dialects::FIELDS).map(drop),
        "${{}}" => Template::parse(&format!("${{{{ {text} }}}}"), Dialects::FIELDS).map(drop),
        "{{}}" => Template::parse(&format!("{{{{ {text} }}}}"), Dialects::FIELDS).map(drop),
        "${}" => Template::parse(&format!("${{{text}}}"), Dialects::FIELDS).map(drop),
        other => return Err(format!("unknown dialect {other}")),
    };
    parsed.map_err(|error| format!("{error}; {}", error.help()))
}

#[test]
fn every_expression_of_the_corpus_parses_but_the_one_that_is_none() {
    let Some(expressions) = expressions() else {
        eprintln!(
            "skipped: every_expression_of_the_corpus_parses_but_the_one_that_is_none because expressions.csv is absent"
        );
        return;
    };
    let ours = expressions
        .iter()
        // Transforms are written in JMESPath, JSONata and Go templates.
        .filter(|(dialect, _)| dialect != "transform");
    let mut count = 0;
    let mut rejected = Vec::new();
    for (dialect, text) in ours {
        count += 1;
        if let Err(error) = parse(dialect, text) {
            rejected.push(format!("{dialect} {text}: {error}"));
        }
    }
    assert!(count > 200, "only {count} expressions were read");
    assert_eq!(rejected.len(), 1, "{rejected:#?}");
    assert!(
        rejected[0].starts_with("bare package.json exists"),
        "{rejected:?}"
    );
}

#[test]
fn expressions_of_other_template_languages_are_rejected() {
    for text in ["#start.topic#", "#each capabilities", "/each", ". | toJson"] {
        assert!(parse("{{}}", text).is_err(), "{text}");
    }
}
