//! `ossa validate`: are these manifests right?

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ossa_runtime::manifest::model::{Manifest, Reference};
use ossa_runtime::manifest::{
    self, Catalog, Diagnostic, Document, Level, Loaded, MAX_BYTES, Options, Severity, code, render,
};
use ossa_runtime::plan::{Plan, PlanError, Resolver, Unresolved};
use ossa_runtime::routing::{self, Elsewhere, Host};
use serde::Serialize;

use crate::output::{FAILURE, FINDINGS, Output};

/// Check manifests, and say where they are wrong
///
/// Folders are searched for manifests. Exit code 0: all are valid; 1: some are not; 2: wrong usage, or a file cannot be
/// read.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Files and folders; `-` reads standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Also hold them against the official schema of their version
    #[arg(long)]
    strict: bool,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Also check that references lead to manifests below this folder; may be given several times
    #[arg(long, value_name = "FOLDER")]
    root: Vec<PathBuf>,
    /// A callback that the host has, for transforms of message routing that need one: jsonata, or what a custom transform
    /// names; may be given several times
    #[arg(long, value_name = "NAME")]
    callback: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON object a document, each on a line
    Json,
}

/// What is written of a document as JSON.
#[derive(Serialize)]
struct Verdict<'d> {
    file: &'d Path,
    index: usize,
    kind: Option<&'d str>,
    name: Option<&'d str>,
    api_version: Option<&'d str>,
    valid: bool,
    diagnostics: &'d [Diagnostic],
}

#[derive(Default)]
struct Count {
    valid: usize,
    invalid: usize,
    warnings: usize,
    unreadable: usize,
}

impl Validate {
    pub(crate) fn run(self, output: &mut Output) -> io::Result<u8> {
        let level = if self.strict {
            Level::Strict
        } else {
            Level::Lenient
        };
        let catalog = (!self.root.is_empty()).then(|| Catalog::new(&self.root).at_level(level));
        let callbacks = Elsewhere::named(self.callback.clone());
        let host = Host {
            callbacks: &callbacks,
            ..Host::default()
        };
        let mut count = Count::default();
        for path in &self.paths {
            let files = match manifest::manifest_files(path) {
                Ok(files) if files.is_empty() => {
                    unreadable(path, "there are no manifests in it", &mut count, output);
                    continue;
                }
                Ok(files) => files,
                Err(error) => {
                    unreadable(path, &error.to_string(), &mut count, output);
                    continue;
                }
            };
            for file in files {
                match load(&file, level) {
                    Ok(mut loaded) => {
                        loaded.review(not_runnable);
                        loaded.review(|manifest| routing::review(manifest, &host));
                        if let Some(catalog) = &catalog {
                            loaded.review(|manifest| catalog.check_references(manifest));
                        }
                        self.write(&file, &loaded, &mut count, output)?;
                    }
                    Err(reason) => unreadable(&file, &reason, &mut count, output),
                }
            }
        }
        for problem in catalog.iter().flat_map(Catalog::problems) {
            count.unreadable += usize::from(problem.is_error());
            output.note(render::text(&problem, render::Colour::Never).trim_end());
        }
        if self.format == Format::Text {
            output.note(count.summary());
        }
        Ok(count.exit_code())
    }

    fn write(
        &self,
        file: &Path,
        loaded: &Loaded,
        count: &mut Count,
        output: &mut Output,
    ) -> io::Result<()> {
        for document in &loaded.documents {
            count.add(document);
            match self.format {
                Format::Json => {
                    let verdict = Verdict {
                        file,
                        index: document.index,
                        kind: document.kind.as_deref(),
                        name: document.name.as_deref(),
                        api_version: document.api_version.as_deref(),
                        valid: document.is_valid(),
                        diagnostics: &document.diagnostics,
                    };
                    output.line(serde_json::to_string(&verdict)?)?;
                }
                Format::Text => {
                    for diagnostic in &document.diagnostics {
                        output.line(render::text(diagnostic, output.colour()))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Count {
    fn add(&mut self, document: &Document) {
        if document.is_valid() {
            self.valid += 1;
        } else {
            self.invalid += 1;
        }
        let warnings = document
            .diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Warning);
        self.warnings += warnings.count();
    }

    fn exit_code(&self) -> u8 {
        if self.unreadable > 0 {
            FAILURE
        } else if self.invalid > 0 {
            FINDINGS
        } else {
            0
        }
    }

    fn summary(&self) -> String {
        let plural = |count: usize, word: &str| {
            if count == 1 {
                format!("1 {word}")
            } else {
                format!("{count} {word}s")
            }
        };
        let mut parts = vec![format!("{} valid", plural(self.valid, "document"))];
        if self.invalid > 0 {
            parts.push(format!("{} invalid", self.invalid));
        }
        if self.warnings > 0 {
            parts.push(plural(self.warnings, "warning"));
        }
        if self.unreadable > 0 {
            parts.push(format!("{} unreadable", self.unreadable));
        }
        parts.join(", ")
    }
}

fn unreadable(path: &Path, reason: &str, count: &mut Count, output: &mut Output) {
    count.unreadable += 1;
    output.note(format!("ossa: {}: {reason}", path.display()));
}

fn load(path: &Path, level: Level) -> Result<Loaded, String> {
    let options = Options { level, file: None };
    if path == Path::new("-") {
        let mut text = String::new();
        let bound = u64::try_from(MAX_BYTES)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        io::stdin()
            .take(bound)
            .read_to_string(&mut text)
            .map_err(|error| error.to_string())?;
        return Ok(manifest::load_str(&text, &options.with_file("-")));
    }
    manifest::load_file(path, &options).map_err(|diagnostic| diagnostic.message)
}

/// What in a valid manifest this version does not run.
fn not_runnable(manifest: &Manifest) -> Vec<Diagnostic> {
    let errors = Plan::compile(manifest, &Nothing).err().unwrap_or_default();
    errors
        .into_iter()
        .filter_map(|error| match error {
            PlanError::Unsupported {
                construct, path, ..
            } => Some(
                Diagnostic::new(
                    code::NOT_RUNNABLE,
                    Severity::Note,
                    format!("valid, but this version cannot run it yet: {construct}"),
                )
                .at_path(path),
            ),
            _ => None,
        })
        .collect()
}

/// Follows no references: each manifest is judged by itself.
struct Nothing;

impl Resolver for Nothing {
    fn resolve(&self, _: &Reference, _: &Manifest) -> Result<std::sync::Arc<Manifest>, Unresolved> {
        Err(Unresolved {
            reason: "references are not followed".to_owned(),
        })
    }
}
