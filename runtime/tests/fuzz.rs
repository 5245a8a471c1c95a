//! The fuzz targets on stable Rust: seeds, broken in every way that a few lines can think of. `OSSA_FUZZ_CASES` is how
//! often; with coverage they run as `fuzz/README.md` says.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use serde_json::Value;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Bytes that mean something to one of the readers.
const TOKENS: &[&str] = &[
    "",
    "\n",
    "\n---\n",
    ": ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "null",
    "true",
    "-1",
    "0",
    "1e308",
    "18446744073709551616",
    "4294967295",
    "${{ ",
    " }}",
    "*a",
    "&a ",
    "!!str ",
    "|",
    "\\u0000",
    "\u{0}",
    "é",
    "%",
    "steps.a.output",
    "depends_on: [ship]",
    "$ref: '#'",
    "\"node\":4294967295",
    "\"attempt\":4294967295",
    "\"$regex\": \"(a*)*\"",
    "[*]",
    "[::2147483647]",
    "[@, @]",
    " | ",
    "{{ . | toJson }}",
    "#",
];

/// One thing done to a text.
#[derive(Debug, Clone)]
enum Change {
    /// Cut out so many bytes.
    Cut(Index, u8),
    /// Repeat so many bytes.
    Repeat(Index, u8),
    /// Put a token there.
    Insert(Index, Index),
    /// Flip a bit.
    Flip(Index, u8),
    /// Continue with another seed from there.
    Splice(Index, Index, Index),
    /// Of JSON: replace one of its parts by another one, or by a token.
    Graft(Index, Index),
    /// Of JSON: leave one of its parts out.
    Drop(Index),
}

fn any_change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        1 => (at(), any::<u8>()).prop_map(|(at, count)| Change::Cut(at, count)),
        1 => (at(), any::<u8>()).prop_map(|(at, count)| Change::Repeat(at, count)),
        1 => (at(), at()).prop_map(|(at, token)| Change::Insert(at, token)),
        1 => (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        1 => (at(), at(), at()).prop_map(|(at, seed, from)| Change::Splice(at, seed, from)),
        3 => (at(), at()).prop_map(|(at, other)| Change::Graft(at, other)),
        2 => at().prop_map(Change::Drop),
    ]
}

fn changed(mut data: Vec<u8>, change: &Change, seeds: &[Vec<u8>]) -> Vec<u8> {
    let place = |index: &Index, data: &[u8]| index.index(data.len() + 1);
    match change {
        Change::Cut(at, count) => {
            let at = place(at, &data);
            let end = data.len().min(at + usize::from(*count));
            data.drain(at..end);
        }
        Change::Repeat(at, count) => {
            let at = place(at, &data);
            let end = data.len().min(at + usize::from(*count));
            let repeated = data[at..end].to_vec();
            data.splice(at..at, repeated);
        }
        Change::Insert(at, token) => {
            let at = place(at, &data);
            data.splice(at..at, token.get(TOKENS).bytes());
        }
        Change::Flip(at, bit) => {
            if !data.is_empty() {
                let at = at.index(data.len());
                data[at] ^= 1 << bit;
            }
        }
        Change::Splice(at, seed, from) => {
            let seed = seed.get(seeds);
            data.truncate(place(at, &data));
            data.extend_from_slice(&seed[place(from, seed)..]);
        }
        Change::Graft(at, other) => return by_line(&data, at, |value, at| graft(value, at, other)),
        Change::Drop(at) => return by_line(&data, at, leave_out),
    }
    data
}

/// Changes one of the lines that are JSON, if one is.
fn by_line(data: &[u8], at: &Index, change: impl Fn(&mut Value, &Index)) -> Vec<u8> {
    let text = String::from_utf8_lossy(data).into_owned();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return data.to_vec();
    }
    let line = at.index(lines.len());
    if let Ok(mut value) = serde_json::from_str::<Value>(&lines[line]) {
        change(&mut value, at);
        lines[line] = value.to_string();
    }
    lines.join("\n").into_bytes()
}

/// JSON pointers of all parts of a value.
fn pointers(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut next = 0;
    while let Some(pointer) = found.get(next).cloned() {
        next += 1;
        match value.pointer(&pointer) {
            Some(Value::Object(members)) => found.extend(
                members
                    .keys()
                    .map(|key| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))),
            ),
            Some(Value::Array(items)) => {
                found.extend((0..items.len()).map(|index| format!("{pointer}/{index}")));
            }
            _ => {}
        }
    }
    found
}

fn graft(value: &mut Value, at: &Index, other: &Index) {
    let parts = pointers(value);
    let donor = value
        .pointer(other.get::<String>(&parts))
        .cloned()
        .unwrap_or_default();
    let token = serde_json::from_str::<Value>(other.get::<&str>(TOKENS)).ok();
    if let Some(part) = value.pointer_mut(at.get::<String>(&parts)) {
        *part = token.unwrap_or(donor);
    }
}

fn leave_out(value: &mut Value, at: &Index) {
    let parts = pointers(value);
    let Some((parent, key)) = at.get::<String>(&parts).rsplit_once('/') else {
        return;
    };
    match value.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.shift_remove(key)),
        Some(Value::Array(items)) => drop(items.remove(key.parse().unwrap())),
        _ => {}
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Feeds a target its seeds, all of which it accepts, and what comes of breaking them.
fn feed(name: &str, target: fn(&[u8]) -> bool) {
    let seeds = seeds(name);
    for seed in &seeds {
        assert!(
            target(seed),
            "a seed of `{name}` is not accepted: {}",
            String::from_utf8_lossy(seed)
        );
    }
    let cases = std::env::var("OSSA_FUZZ_CASES").ok();
    let config = ProptestConfig {
        cases: cases.map_or(200, |text| {
            text.parse().expect("OSSA_FUZZ_CASES is a number")
        }),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let broken = (
        any::<Index>(),
        proptest::collection::vec(any_change(), 1..8),
    );
    let tried = TestRunner::new(config).run(&broken, |(seed, changes)| {
        let seed = seed.get(&seeds).clone();
        let data = changes
            .iter()
            .fold(seed, |data, change| changed(data, change, &seeds));
        target(&data);
        Ok(())
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}

#[test]
fn no_manifest_breaks_the_loader_the_compiler_or_a_run() {
    feed("manifest", targets::manifest);
}

#[test]
fn no_expression_breaks_the_parser_or_the_evaluator() {
    feed("expression", targets::expression);
}

#[test]
fn no_log_breaks_the_replay_or_what_is_done_with_its_state() {
    feed("log", targets::log);
}

#[test]
fn no_stored_plan_breaks_its_reader_or_a_run() {
    feed("plan", targets::plan);
}

#[test]
fn no_message_breaks_the_reader_of_envelopes() {
    feed("envelope", targets::envelope);
}

#[test]
fn no_rules_break_their_compiler_or_the_routing() {
    feed("rules", targets::rules);
}

#[test]
fn no_filter_breaks_its_reader_or_the_routing() {
    feed("filter", targets::filter);
}

#[test]
fn no_transform_breaks_its_reader_or_the_routing() {
    feed("transform", targets::transform);
}
