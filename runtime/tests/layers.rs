//! The layers of the house: arrows point down only, and the pure core stays pure.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the crate with the modules it may use, itself apart. A module that is not named may not exist.
const LAYERS: &[(&str, &[&str])] = &[
    ("port", &[]),
    ("expression", &[]),
    // The pages of the error codes.
    ("explain", &[]),
    // `run` and `policy` share the error of an attempt; `plan` and `run` share what a step calls.
    ("policy", &["port", "run"]),
    ("manifest", &["expression", "policy", "port"]),
    ("plan", &["manifest", "expression", "policy", "port", "run"]),
    // Pictures of plans.
    ("graph", &["plan", "run"]),
    ("run", &["plan", "manifest", "expression", "policy", "port"]),
    // Output schemas of transforms are checked as those of tasks are.
    ("routing", &["plan", "manifest", "expression", "port"]),
    (
        "sim",
        &["run", "plan", "manifest", "expression", "policy", "port"],
    ),
    ("adapter", &["port"]),
    // The conformance suites of adapters, for third parties too.
    ("testing", &["port"]),
    // The pages of error codes, compiled in.
    ("explain", &[]),
    ("error", &["manifest", "plan", "expression", "port"]),
    (
        "engine",
        &[
            "error",
            "routing",
            "run",
            "plan",
            "manifest",
            "expression",
            "policy",
            "port",
            "adapter",
        ],
    ),
];

/// What the pure core must not touch.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "rand::",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "Uuid::new_v4",
    "Uuid::now_v7",
];
const PURE: &[&str] = &[
    "manifest",
    "expression",
    "plan",
    "run",
    "policy",
    "routing",
    "graph",
];
/// The module that draws from a generator: from a seed, so that it is as repeatable as the core.
const SEEDED: &str = "sim";
const UNSEEDED: &[&str] = &["rand::rng", "ThreadRng", "SysRng", "from_os_rng"];
/// The files of the core whose subject is the file system.
const LOADERS: &[&str] = &["manifest/discover", "manifest/load"];

#[test]
fn every_module_uses_only_those_below_it() {
    let mut breaches = Vec::new();
    for file in sources() {
        let Some(layer) = layer_of(&file) else {
            continue;
        };
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            breaches.push(format!("{}: `{layer}` is in no layer", file.display()));
            continue;
        };
        for used in used_modules(&code_of(&file)) {
            if used != layer && !allowed.contains(&used.as_str()) {
                breaches.push(format!(
                    "{}: `{layer}` may not use `{used}`",
                    file.display()
                ));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn the_pure_core_touches_no_file_clock_environment_or_randomness() {
    let mut breaches = Vec::new();
    for file in sources() {
        let path = file.to_string_lossy().replace('\\', "/");
        let pure = layer_of(&file).is_some_and(|layer| PURE.contains(&layer.as_str()));
        if !pure || LOADERS.iter().any(|loader| path.contains(loader)) {
            continue;
        }
        let code = code_of(&file);
        for word in IMPURE.iter().filter(|word| names(&code, word)) {
            breaches.push(format!("{path}: `{word}`"));
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn the_simulator_takes_nothing_but_its_seed_from_outside() {
    let mut breaches = Vec::new();
    for file in sources() {
        if layer_of(&file).is_none_or(|layer| layer != SEEDED) {
            continue;
        }
        let code = code_of(&file).replace("rand::rngs::", "");
        let seeded = |word: &&&str| **word != "rand::";
        let banned = IMPURE.iter().filter(seeded).chain(UNSEEDED);
        for word in banned.filter(|word| names(&code, word)) {
            breaches.push(format!("{}: `{word}`", file.display()));
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn client_crates_are_named_only_in_adapters() {
    let clients = [
        "rusqlite::",
        "lapin::",
        "redis::",
        "rustls::",
        "tokio::",
        "tokio_postgres::",
    ];
    let breaches: Vec<_> = sources()
        .into_iter()
        .filter(|file| layer_of(file).is_some_and(|layer| layer != "adapter"))
        .filter(|file| clients.iter().any(|client| code_of(file).contains(client)))
        .collect();
    assert!(breaches.is_empty(), "{breaches:?}");
}

#[test]
fn the_reader_of_uses_finds_every_form_of_them() {
    let code = "use crate::port::{A, B};\npub use crate::run::C;\nlet x = crate::adapter::open(y);\n\
                use crate::{plan::{Plan, Node}, policy};\n";
    let found: Vec<_> = used_modules(code).into_iter().collect();
    assert_eq!(found, ["adapter", "plan", "policy", "port", "run"]);
}

/// All files below `src`, binaries apart: they are hosts of the library.
fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(&source_root(), &mut files);
    assert!(files.len() > 5, "no sources found");
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().unwrap() != "bin" {
                walk(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn layer_of(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(source_root()).unwrap();
    let first = inside.iter().next().unwrap().to_string_lossy();
    let name = first.trim_end_matches(".rs");
    (name != "lib").then(|| name.to_owned())
}

/// The file without comments and without its test module: tests may reach further.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end]
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Whether the code has the word, not as the end of a longer one.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(is_of_name))
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The crate's modules that the code names, as `crate::name` or in a group `crate::{…}`.
fn used_modules(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, root) in code.match_indices("crate::") {
        // `ossa_crate::` is another word.
        if code[..at].ends_with(is_of_name) {
            continue;
        }
        let rest = &code[at + root.len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(names_of_group(group)),
            None => found.extend(name_at(rest)),
        }
    }
    found
}

fn names_of_group(group: &str) -> Vec<String> {
    let mut depth = 1_usize;
    let mut names = Vec::new();
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            names.extend(name_at(group[start..at].trim_start()));
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn name_at(text: &str) -> Option<String> {
    let name: String = text
        .chars()
        .take_while(|c| c.is_lowercase() || *c == '_' || c.is_ascii_digit())
        .collect();
    (!name.is_empty()).then_some(name)
}
