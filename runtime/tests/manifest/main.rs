//! Reading manifests, tested through the public face of `manifest` and through `ossa validate`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod aliases;
mod bounds;
mod codes;
mod corpus;
mod files;
mod handbook;
mod properties;
mod references;
mod strict;
#[cfg(feature = "cli")]
mod validate;

use std::sync::Arc;

use ossa_runtime::manifest::model::{Body, Manifest, Task, Workflow};
use ossa_runtime::manifest::{Diagnostic, Level, Loaded, Options, Severity, load_str};

/// The head of a document; `spec:` follows on line 4.
const HEAD: &str = "apiVersion: ossa/v0.3.0\nkind: KIND\nmetadata: {name: example}\n";

/// A task whose `spec` are these lines; the first is line 5, column 3.
pub(crate) fn task(spec: &str) -> String {
    document("Task", spec)
}

/// A workflow whose `spec` are these lines; the first is line 5, column 3.
pub(crate) fn workflow(spec: &str) -> String {
    document("Workflow", spec)
}

/// A workflow with these steps; the first line is line 6, column 5.
pub(crate) fn steps(steps: &str) -> String {
    workflow(&format!("steps:\n{}", indented(steps, 2)))
}

pub(crate) fn document(kind: &str, spec: &str) -> String {
    let head = HEAD.replace("KIND", kind);
    format!("{head}spec:\n{}", indented(spec, 2))
}

fn indented(text: &str, by: usize) -> String {
    text.lines()
        .map(|line| format!("{:by$}{line}\n", ""))
        .collect()
}

pub(crate) fn lenient(text: &str) -> Loaded {
    load_str(text, &Options::default())
}

pub(crate) fn strict(text: &str) -> Loaded {
    load_str(text, &Options::strict())
}

/// Codes of all findings, in the order of the file.
pub(crate) fn codes(loaded: &Loaded) -> Vec<&'static str> {
    loaded.diagnostics().map(|found| found.code).collect()
}

/// The manifest of a text with a single document without errors.
pub(crate) fn manifest(text: &str) -> Arc<Manifest> {
    let loaded = lenient(text);
    let found: Vec<_> = loaded.diagnostics().collect();
    let manifest = loaded.manifests().next();
    Arc::clone(manifest.unwrap_or_else(|| panic!("{text}\n{found:#?}")))
}

pub(crate) fn task_of(text: &str) -> Task {
    match &manifest(text).body {
        Body::Task(task) => (**task).clone(),
        other => panic!("{other:?} is no task"),
    }
}

pub(crate) fn workflow_of(text: &str) -> Workflow {
    match &manifest(text).body {
        Body::Workflow(workflow) => (**workflow).clone(),
        other => panic!("{other:?} is no workflow"),
    }
}

/// The only finding with that code.
pub(crate) fn only(loaded: &Loaded, code: &str) -> Diagnostic {
    let found: Vec<_> = loaded.diagnostics().collect();
    let with_code: Vec<_> = found.iter().filter(|found| found.code == code).collect();
    match with_code.as_slice() {
        [only] => (**only).clone(),
        other => panic!("{} findings with {code}: {found:#?}", other.len()),
    }
}

/// What a finding about `text` says: weight, JSON path, place as `line:column`, the characters meant, help.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) weight: Severity,
    pub(crate) path: String,
    pub(crate) place: String,
    pub(crate) marked: String,
    pub(crate) help: String,
}

/// The only finding with that code about `text`, at the level asked for.
pub(crate) fn said(text: &str, level: Level, code: &str) -> Said {
    let found = only(&load_str(text, &Options { level, file: None }), code);
    let line = text.lines().nth(found.line.saturating_sub(1) as usize);
    let marked = line
        .unwrap_or_default()
        .chars()
        .skip(found.column.saturating_sub(1) as usize)
        .take(found.length as usize)
        .collect();
    Said {
        weight: found.severity,
        path: found.path,
        place: format!("{}:{}", found.line, found.column),
        marked,
        help: found.help.unwrap_or_default(),
    }
}
