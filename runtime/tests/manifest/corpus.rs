//! Public manifests: what the official schemas say of them, and what this runtime makes of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ossa_runtime::manifest::{Level, Options, code, load_str};

/// Set to anything to cut every file at every 97th byte rather than a sample of them.
const EVERYTHING: &str = "OSSA_TEST_WHOLE_CORPUS";

/// One row of the index of the corpus.
struct Entry {
    file: String,
    text: String,
    /// `Task`, `Workflow`, `MessageRouting` or `Agent`.
    kind: String,
    /// What the official schema says: `valid`, `invalid`, `unparsable` or `no-schema`.
    verdict: String,
}

impl Entry {
    fn is_runnable_kind(&self) -> bool {
        self.kind == "Task" || self.kind == "Workflow"
    }
}

fn folder() -> PathBuf {
    let shared = match std::env::var_os("OSSA_SHARED") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
    };
    shared.join("ossa/corpus")
}

/// The documents of the corpus, or `None`, with a word about it, where it is not present.
fn corpus(test: &str) -> Option<Vec<Entry>> {
    let Ok(index) = fs::read_to_string(folder().join("index.csv")) else {
        eprintln!("skipped: {test} because the corpus is absent");
        return None;
    };
    let entries: Vec<Entry> = index
        .lines()
        .skip(1)
        .map(|line| {
            // The columns that count here come before any that are quoted.
            let mut columns = line.split(',').map(str::to_owned);
            let mut next = || columns.next().unwrap();
            let (file, kind, _, verdict) = (next(), next(), next(), next());
            let text = fs::read_to_string(folder().join(Path::new(&file))).unwrap();
            Entry {
                file,
                text,
                kind,
                verdict,
            }
        })
        .collect();
    assert!(entries.len() > 400, "only {} documents", entries.len());
    Some(entries)
}

/// The codes of a document's errors; empty when it is accepted.
fn errors(text: &str, level: Level) -> Vec<&'static str> {
    let loaded = load_str(text, &Options { level, file: None });
    let found = loaded.diagnostics().filter(|found| found.is_error());
    found.map(|found| found.code).collect()
}

#[test]
fn the_strict_level_and_the_official_schemas_agree_on_every_task_and_workflow() {
    let Some(entries) =
        corpus("the_strict_level_and_the_official_schemas_agree_on_every_task_and_workflow")
    else {
        return;
    };
    let mut disagreements = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.is_runnable_kind()) {
        let expected = match &*entry.verdict {
            "valid" => true,
            "invalid" => false,
            _ => continue,
        };
        let found = errors(&entry.text, Level::Strict);
        if found.contains(&code::DUPLICATE_KEY) {
            // The index was made with a parser that keeps one of the two; here they are refused.
            *counts.entry("with a key twice").or_default() += 1;
            continue;
        }
        *counts.entry(&entry.verdict).or_default() += 1;
        let is_schema_broken = found.contains(&code::SCHEMA_VIOLATION);
        if found.is_empty() != expected || is_schema_broken == expected {
            disagreements.push(format!("{} {}: {found:?}", entry.file, entry.verdict));
        }
    }
    println!("compared with the official schemas: {counts:?}");
    assert!(disagreements.is_empty(), "{disagreements:#?}");
}

#[test]
fn what_a_schema_accepts_is_loaded_unless_it_could_not_run() {
    let Some(entries) = corpus("what_a_schema_accepts_is_loaded_unless_it_could_not_run") else {
        return;
    };
    let refused: Vec<_> = entries
        .iter()
        .filter(|entry| entry.is_runnable_kind() && entry.verdict == "valid")
        .map(|entry| (&entry.file, errors(&entry.text, Level::Lenient)))
        .filter(|(_, errors)| !errors.is_empty())
        .collect();
    println!("valid after the schema and refused here: {refused:?}");
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn the_lenient_level_loads_nearly_every_task_and_workflow_that_is_yaml() {
    let Some(entries) =
        corpus("the_lenient_level_loads_nearly_every_task_and_workflow_that_is_yaml")
    else {
        return;
    };
    let mut loaded = 0;
    let mut refused = Vec::new();
    for entry in entries.iter().filter(|entry| entry.is_runnable_kind()) {
        let found = errors(&entry.text, Level::Lenient);
        if entry.verdict == "unparsable" {
            assert_eq!(found, [code::SYNTAX], "{}", entry.file);
        } else if found.is_empty() {
            loaded += 1;
        } else {
            refused.push(format!("{}: {found:?}", entry.file));
        }
    }
    let all = loaded + refused.len();
    println!("loaded: {loaded} of {all}; refused: {refused:#?}");
    assert!(loaded * 100 >= all * 95, "{loaded} of {all}: {refused:#?}");
}

#[test]
fn a_document_that_is_no_yaml_says_where_and_what_to_do() {
    let Some(entries) = corpus("a_document_that_is_no_yaml_says_where_and_what_to_do") else {
        return;
    };
    for entry in entries.iter().filter(|entry| entry.verdict == "unparsable") {
        let loaded = load_str(&entry.text, &Options::default());
        let found = loaded.diagnostics().find(|found| found.is_error()).unwrap();
        assert_eq!(found.code, code::SYNTAX, "{}", entry.file);
        assert!(found.line > 0 && found.column > 0, "{}", entry.file);
        assert!(found.help.is_some(), "{}: {}", entry.file, found.message);
    }
}

#[test]
fn no_document_cut_short_makes_the_reader_panic() {
    let Some(entries) = corpus("no_document_cut_short_makes_the_reader_panic") else {
        return;
    };
    // A sample keeps this quick: other cuts of other files, always the same ones.
    let every = if std::env::var_os(EVERYTHING).is_some() {
        1
    } else {
        23
    };
    let cuts = entries.iter().flat_map(|entry| {
        let places = (0..=entry.text.len()).step_by(97);
        places.map(move |place| (entry, place))
    });
    let (mut loads, mut valid) = (0, 0);
    for (entry, place) in cuts.step_by(every) {
        let text = String::from_utf8_lossy(&entry.text.as_bytes()[..place]);
        for level in [Level::Lenient, Level::Strict] {
            loads += 1;
            valid += usize::from(errors(&text, level).is_empty());
        }
    }
    println!("{loads} cut documents were read, {valid} of them still are manifests; no panic");
    assert!(loads > 1_000);
}
