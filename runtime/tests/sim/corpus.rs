//! Every public manifest that compiles runs to its end, or to where it waits for somebody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ossa_runtime::manifest::model::{Manifest, Reference};
use ossa_runtime::manifest::{self, Options};
use ossa_runtime::plan::{Plan, PlanError, Resolver, Unresolved};
use ossa_runtime::sim::{Faults, RunOutcome, Scenario, StubbedReferences};

use crate::fixture::{scaled, sound};

struct Nothing;

impl Resolver for Nothing {
    fn resolve(&self, _: &Reference, _: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        Err(Unresolved {
            reason: "the manifests of the corpus are simulated one by one".to_owned(),
        })
    }
}

fn corpus() -> Option<PathBuf> {
    let shared = std::env::var_os("OSSA_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    let corpus = shared.join("ossa/corpus");
    corpus.is_dir().then_some(corpus)
}

/// What became of the documents of one kind.
#[derive(Debug, Default)]
struct Figures {
    documents: u32,
    invalid: u32,
    simulated: u32,
    stubbed_references: usize,
    outcomes: BTreeMap<&'static str, u64>,
    /// Why documents do not compile: each reason with the number of documents.
    not_compiled: BTreeMap<String, u32>,
}

fn reason(error: &PlanError) -> String {
    match error {
        PlanError::Unsupported { construct, .. } => format!("not supported: {construct}"),
        PlanError::NotRunnable { kind } => format!("a {kind} is not run"),
        other => format!("{}: {other}", other.code()),
    }
}

fn simulate(manifest: &Manifest, figures: &mut Figures) {
    let references = StubbedReferences::beside(&Nothing);
    let plan = match Plan::compile(manifest, &references) {
        Ok(plan) => plan,
        Err(errors) => {
            let mut reasons: Vec<_> = errors.iter().map(reason).collect();
            reasons.sort();
            reasons.dedup();
            for reason in reasons {
                *figures.not_compiled.entry(reason).or_default() += 1;
            }
            return;
        }
    };
    figures.simulated += 1;
    figures.stubbed_references += references.missing().len();
    let scenario = Scenario::of(Arc::new(plan));
    for faults in [Faults::none(), Faults::all()] {
        let report = Scenario {
            faults,
            ..scenario.clone()
        };
        let report = sound(report.simulate(1, scaled(3)));
        for (outcome, runs) in &report.outcomes {
            *figures.outcomes.entry(outcome.as_str()).or_default() += runs;
        }
        assert_eq!(report.of(RunOutcome::Stuck), 0, "{:?}", manifest.origin);
    }
}

#[test]
fn every_public_manifest_that_compiles_runs_to_its_end_or_waits() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: the corpus of public manifests is not here (OSSA_SHARED)");
        return;
    };
    let mut by_kind: BTreeMap<String, Figures> = BTreeMap::new();
    for file in manifest::manifest_files(&corpus).unwrap() {
        let Ok(loaded) = manifest::load_file(&file, &Options::default()) else {
            continue;
        };
        for document in &loaded.documents {
            let kind = document.kind.clone().unwrap_or_default();
            let figures = by_kind.entry(kind).or_default();
            figures.documents += 1;
            match &document.manifest {
                Some(manifest) => simulate(manifest, figures),
                None => figures.invalid += 1,
            }
        }
    }
    eprintln!("{by_kind:#?}");
    for kind in ["Task", "Workflow"] {
        assert!(by_kind[kind].simulated > 10, "{by_kind:#?}");
    }
}
