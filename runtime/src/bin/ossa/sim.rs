//! `ossa sim`: what would become of these workflows when things go wrong?

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use ossa_runtime::manifest::model::{Body, Manifest, Reference};
use ossa_runtime::manifest::{self, Catalog, Loaded, Options, render};
use ossa_runtime::plan::{Plan, PlanError, Resolver, Unresolved};
use ossa_runtime::sim::{Faults, Report, RunOutcome, Scenario, StubbedReferences, Stubs};
use serde::Serialize;
use serde_json::Value;

use crate::output::{FAILURE, FINDINGS, Output};

/// Run workflows in a simulated world where things go wrong, with stubbed steps
///
/// Nothing is called and nothing is stored. Of the files, the workflows are simulated; if there are none, the tasks. Exit
/// code 0: all is well; 1: a run got stuck, something does not hold that must, or a manifest is not valid; 2: wrong usage,
/// or a file cannot be read.
#[derive(Debug, Args)]
pub(crate) struct Sim {
    /// Files and folders
    #[arg(required = true)]
    manifests: Vec<PathBuf>,
    /// What goes wrong: none, all, infrastructure, or a list such as crash,duplicate,fail=0.1
    #[arg(long, value_name = "FAULTS", default_value = "infrastructure", value_parser = Faults::parse)]
    faults: Faults,
    /// How many runs of each
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Seed of the first run; the others follow, and one run is seen again by its own
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Input of every run; else each gets one made from the input schema
    #[arg(long, value_name = "JSON", value_parser = json)]
    input: Option<Value>,
    /// What handlers do, by step id; else they return what their output schema allows
    #[arg(long, value_name = "FILE")]
    steps: Option<PathBuf>,
    /// Look for manifests that are referred to below this folder, too; may be given several times
    #[arg(long, value_name = "FOLDER")]
    root: Vec<PathBuf>,
    /// Print everything that happens; for one run, or few
    #[arg(long)]
    log: bool,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON object a workflow, each on a line
    Json,
}

/// What is written of a workflow as JSON.
#[derive(Serialize)]
struct Written<'r> {
    warnings: &'r [String],
    stubbed_references: &'r BTreeMap<String, String>,
    #[serde(flatten)]
    report: &'r Report,
}

impl Sim {
    pub(crate) fn run(self, output: &mut Output) -> io::Result<u8> {
        let stubs = match self.stubs() {
            Ok(stubs) => stubs,
            Err(problem) => {
                output.note(format!("ossa: {problem}"));
                return Ok(FAILURE);
            }
        };
        let mut code = 0;
        let mut loaded = Vec::new();
        for path in &self.manifests {
            match load(path) {
                Ok(files) => loaded.extend(files),
                Err(problem) => {
                    output.note(format!("ossa: {}: {problem}", path.display()));
                    code = FAILURE;
                }
            }
        }
        let catalog = Catalog::new(self.roots());
        let references = CatalogReferences(&catalog);
        let is_workflow = |manifest: &Manifest| matches!(manifest.body, Body::Workflow(_));
        let any_workflow = loaded
            .iter()
            .flat_map(Loaded::manifests)
            .any(|it| is_workflow(it));
        let is_wanted = |manifest: &Manifest| {
            let is_task = matches!(manifest.body, Body::Task(_));
            is_workflow(manifest) || (is_task && !any_workflow)
        };
        let mut simulated = 0_usize;
        for mut loaded in loaded {
            let mut findings = None;
            loaded.review(|manifest| {
                let errors = is_wanted(manifest)
                    .then(|| Plan::compile(manifest, &StubbedReferences::beside(&references)));
                let errors = errors.and_then(Result::err).unwrap_or_default();
                errors.iter().map(PlanError::to_diagnostic).collect()
            });
            for diagnostic in loaded.diagnostics().filter(|found| found.is_error()) {
                findings = Some(FINDINGS);
                output.note(render::text(diagnostic, render::Colour::Never).trim_end());
            }
            for manifest in loaded.manifests().filter(|it| is_wanted(it)) {
                let references = StubbedReferences::beside(&references);
                // Those that do not compile were reported above.
                if let Ok(plan) = Plan::compile(manifest, &references) {
                    let sound = self.simulate(plan, &references, &stubs, output)?;
                    findings = findings.or((!sound).then_some(FINDINGS));
                    simulated += 1;
                }
            }
            code = code.max(findings.unwrap_or(0));
        }
        if simulated == 0 && code == 0 {
            output.note("ossa: there is no workflow and no task in these files");
            code = FAILURE;
        }
        Ok(code)
    }

    fn stubs(&self) -> Result<Stubs, String> {
        let Some(path) = &self.steps else {
            return Ok(Stubs::default());
        };
        let named = |problem: String| format!("{}: {problem}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        Stubs::parse(&text).map_err(|error| named(error.to_string()))
    }

    /// Where references lead: the folders given, else those of the files.
    fn roots(&self) -> Vec<PathBuf> {
        if !self.root.is_empty() {
            return self.root.clone();
        }
        let folder = |path: &PathBuf| {
            if path.is_dir() {
                return path.clone();
            }
            match path.parent() {
                Some(folder) if folder != Path::new("") => folder.to_owned(),
                _ => PathBuf::from("."),
            }
        };
        let mut roots: Vec<_> = self.manifests.iter().map(folder).collect();
        roots.dedup();
        roots
    }

    /// Simulates one plan and writes the report; returns whether all is well.
    fn simulate(
        &self,
        plan: Plan,
        references: &StubbedReferences<'_>,
        stubs: &Stubs,
        output: &mut Output,
    ) -> io::Result<bool> {
        let scenario = Scenario {
            faults: self.faults,
            stubs: stubs.clone(),
            input: self.input.clone(),
            keep_log: self.log,
            ..Scenario::of(Arc::new(plan))
        };
        let report = scenario.simulate(self.seed, self.runs);
        let warnings = scenario.warnings();
        let missing = references.missing();
        match self.format {
            Format::Json => {
                let written = Written {
                    warnings: &warnings,
                    stubbed_references: &missing,
                    report: &report,
                };
                output.line(serde_json::to_string(&written)?)?;
            }
            Format::Text => {
                for reference in missing.keys() {
                    output.note(format!(
                        "warning: `{reference}` leads nowhere, a task stands in"
                    ));
                }
                for warning in &warnings {
                    output.note(format!("warning: {warning}"));
                }
                write(&report, output)?;
            }
        }
        Ok(report.is_sound())
    }
}

fn write(report: &Report, output: &mut Output) -> io::Result<()> {
    for line in &report.log {
        output.line(line)?;
    }
    let outcomes = report.outcomes.iter();
    let outcomes: Vec<_> = outcomes
        .map(|(outcome, runs)| format!("{runs} {}", outcome.as_str()))
        .collect();
    output.line(format!(
        "{}: {} runs from seed {}: {}",
        report.workflow,
        report.runs,
        report.seed,
        outcomes.join(", ")
    ))?;
    output.line(format!("faults: {}", report.faults))?;
    output.line("")?;
    table(report, output)?;
    output.line("")?;
    for failure in &report.failures {
        let step = failure.step.as_deref().map(|step| format!("{step}: "));
        output.line(format!(
            "{} × {}{} ({}), first with seed {}",
            failure.runs,
            step.unwrap_or_default(),
            failure.message,
            failure.code,
            failure.seed
        ))?;
    }
    for step in report.never_reached() {
        output.line(format!("never reached: {step}"))?;
    }
    for step in report.wrongly_doubled() {
        output.line(format!(
            "done twice: {} is {}, and its handler did its work again for {} of {} runs (up to {} times): \
             let it remember the effect key",
            step.step, step.execution, step.doubled, step.reached, step.most_effects
        ))?;
    }
    if let Some(longest) = &report.longest {
        let path: Vec<_> = longest.path.iter().map(|step| step.step.as_str()).collect();
        output.line(format!(
            "longest: {} with seed {}, through {}",
            seconds(longest.took_ms),
            longest.seed,
            path.join(" → ")
        ))?;
    }
    for stuck in &report.stuck {
        output.line(format!(
            "STUCK with seed {}: {}",
            stuck.seed,
            stuck.at.join(", ")
        ))?;
    }
    let stuck = report.of(RunOutcome::Stuck);
    let shown = u64::try_from(report.stuck.len()).unwrap_or(stuck);
    if stuck > shown {
        output.line(format!("… and {} more", stuck - shown))?;
    }
    for breach in &report.breaches {
        output.line(format!(
            "BROKEN with seed {} after {}: {}; please report it",
            breach.seed,
            seconds(u64::try_from(breach.at_ms).unwrap_or(0)),
            breach.what
        ))?;
    }
    output.line(format!(
        "{} faults in {} transitions, log {}",
        report.injected.total(),
        report.transitions,
        report.hash
    ))
}

fn table(report: &Report, output: &mut Output) -> io::Result<()> {
    let width = report
        .steps
        .iter()
        .map(|step| step.step.chars().count())
        .max();
    let width = width.unwrap_or(0).max("STEP".len());
    output.line(format!(
        "{:<width$}  {:>8}  {:>8}  {:>8}  {:>8}  {:>8}  {:>8}",
        "STEP", "REACHED", "ATTEMPTS", "FAILED", "SKIPPED", "EFFECTS", "DOUBLED"
    ))?;
    for step in &report.steps {
        output.line(format!(
            "{:<width$}  {:>8}  {:>8}  {:>8}  {:>8}  {:>8}  {:>8}",
            step.step,
            step.reached,
            step.attempts,
            step.failed,
            step.skipped_by_condition + step.skipped_otherwise,
            step.effects,
            step.doubled
        ))?;
    }
    Ok(())
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03} s", millis / 1000, millis % 1000)
}

fn load(path: &Path) -> Result<Vec<Loaded>, String> {
    let files = manifest::manifest_files(path).map_err(|error| error.to_string())?;
    if files.is_empty() {
        return Err("there are no manifests in it".to_owned());
    }
    let load = |file: &PathBuf| {
        manifest::load_file(file, &Options::default()).map_err(|diagnostic| diagnostic.message)
    };
    files.iter().map(load).collect()
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Follows references through a catalog.
struct CatalogReferences<'c>(&'c Catalog);

impl Resolver for CatalogReferences<'_> {
    fn resolve(&self, reference: &Reference, from: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        let resolved = self.0.resolve(reference, &from.origin);
        resolved.map_err(|error| Unresolved {
            reason: error.to_string(),
        })
    }
}
