//! `ossa graph`: what waits for what?

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use ossa_runtime::engine::EngineOptions;
use ossa_runtime::graph::{Format, Graph, State};
use ossa_runtime::manifest::model::{Manifest, Reference};
use ossa_runtime::manifest::{self, Catalog, Kind, Options, load_str, render};
use ossa_runtime::plan::{NodeId, Plan, Resolver, Unresolved};
use ossa_runtime::port::RunId;
use serde_json::json;

use crate::failure::Failure;
use crate::output::{FAILURE, FINDINGS, Output};
use crate::run::unknown;
use crate::store::open;

/// Draw the steps of a manifest, or of a run with their states
///
/// Exit code 0: drawn; 1: the manifest has errors; 2: wrong usage, or something cannot be read.
#[derive(Debug, Args)]
pub(crate) struct Draw {
    /// A manifest file (`flow.yaml#name` for one of its documents), or the id of a run
    subject: String,
    /// How to draw
    #[arg(long, value_enum, default_value_t)]
    format: Language,
    /// Where references lead to; by default the folder of the file
    #[arg(long, value_name = "FOLDER")]
    root: Vec<PathBuf>,
    /// For a run: the store, such as sqlite:///srv/app/var/ossa.db; else what OSSA_STORE says
    #[arg(long, value_name = "DSN")]
    store: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Language {
    /// For terminals: a line a step; steps with the same number may run at the same time
    #[default]
    Text,
    /// For Markdown
    Mermaid,
    /// For Graphviz
    Dot,
    /// A picture
    Svg,
}

impl From<Language> for Format {
    fn from(language: Language) -> Self {
        match language {
            Language::Text => Self::Text,
            Language::Mermaid => Self::Mermaid,
            Language::Dot => Self::Dot,
            Language::Svg => Self::Svg,
        }
    }
}

impl Draw {
    pub(crate) fn run(self, output: &mut Output) -> io::Result<u8> {
        let graph = match self.subject.parse::<RunId>() {
            Ok(run) => match self.of_run(run) {
                Ok(graph) => graph,
                Err(failure) => return failure.tell(output),
            },
            Err(_) => match self.of_file(output) {
                Ok(graph) => graph,
                Err(code) => return Ok(code),
            },
        };
        output.line(graph.draw(self.format.into()).trim_end())?;
        Ok(0)
    }

    fn of_run(&self, run: RunId) -> Result<Graph, Failure> {
        let engine = open(self.store.as_deref(), EngineOptions::default())?;
        let (Some(plan), Some(details)) = (engine.plan_of(run)?, engine.run(run)?) else {
            return Err(unknown(run));
        };
        let steps = details.run.steps.iter();
        let states = steps
            .clone()
            .map(|step| (NodeId(step.node), State::of_status(step.status)));
        let latest: BTreeMap<u32, RunId> = steps
            .filter_map(|step| Some((step.node, step.child?)))
            .collect();
        let mut children = Vec::new();
        for (node, child) in latest {
            let status = match engine.run(child)? {
                Some(details) => details.run.status.as_str(),
                None => "not in this store",
            };
            children.push((NodeId(node), format!("run {child}: {status}")));
        }
        Ok(Graph::of(&plan).with_states(states).with_children(children))
    }

    /// The graph of a manifest, or the exit code after saying why there is none.
    fn of_file(&self, output: &mut Output) -> Result<Graph, u8> {
        let (file, name) = match self.subject.split_once('#') {
            Some((file, name)) => (Path::new(file), Some(name)),
            None => (Path::new(self.subject.as_str()), None),
        };
        let manifest = document(file, name, output)?;
        let folder = file.parent().filter(|folder| *folder != Path::new(""));
        let catalog = if self.root.is_empty() {
            Catalog::new([folder.unwrap_or(Path::new("."))])
        } else {
            Catalog::new(&self.root)
        };
        let resolver = Tolerant {
            catalog: &catalog,
            missing: RefCell::default(),
        };
        let plan = Plan::compile(&manifest, &resolver);
        for reason in resolver.missing.into_inner() {
            output.note(format!("ossa: {reason}; it is drawn by its name"));
        }
        match plan {
            Ok(plan) => Ok(Graph::of(&plan)),
            Err(errors) => {
                for error in errors {
                    note(&error.to_diagnostic(), output);
                }
                Err(FINDINGS)
            }
        }
    }
}

/// The document that is named, else the first workflow, else the first task.
fn document(file: &Path, name: Option<&str>, output: &mut Output) -> Result<Arc<Manifest>, u8> {
    let loaded = manifest::load_file(file, &Options::default()).map_err(|error| {
        output.note(format!("ossa: {}: {}", file.display(), error.message));
        FAILURE
    })?;
    let found = match name {
        Some(name) => loaded
            .manifests()
            .find(|manifest| manifest.metadata.name == name),
        None => [Kind::Workflow, Kind::Task]
            .into_iter()
            .find_map(|kind| loaded.manifests().find(|manifest| manifest.kind() == kind)),
    };
    if let Some(found) = found {
        return Ok(Arc::clone(found));
    }
    let mut code = FAILURE;
    for diagnostic in loaded.diagnostics().filter(|found| found.is_error()) {
        note(diagnostic, output);
        code = FINDINGS;
    }
    output.note(format!(
        "ossa: {}: there is no such workflow or task to draw",
        file.display()
    ));
    Err(code)
}

fn note(diagnostic: &manifest::Diagnostic, output: &mut Output) {
    output.note(render::text(diagnostic, render::Colour::Never).trim_end());
}

/// Puts a task of that name in the place of a reference that leads nowhere: a picture does not need what is behind it.
struct Tolerant<'c> {
    catalog: &'c Catalog,
    missing: RefCell<Vec<String>>,
}

impl Resolver for Tolerant<'_> {
    fn resolve(&self, reference: &Reference, from: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        let reason = match self.catalog.resolve(reference, &from.origin) {
            Ok(found) => return Ok(found),
            Err(error) => error.to_string(),
        };
        let stub = json!({
            "apiVersion": "ossa/v0.3.0",
            "kind": "Task",
            "metadata": {"name": reference.0},
            "spec": {"execution": {"entrypoint": reference.0}},
        });
        let stub = load_str(&stub.to_string(), &Options::default());
        let stub = stub.manifests().next().map(Arc::clone);
        let mut missing = self.missing.borrow_mut();
        if !missing.contains(&reason) {
            missing.push(reason.clone());
        }
        stub.ok_or(Unresolved { reason })
    }
}
