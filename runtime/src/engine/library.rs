//! Plans by reference: found and compiled once, and again when a file they were made of has changed.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

use super::options::EngineOptions;
use crate::error::{Category, Error, code};
use crate::manifest::model::{Manifest, Origin, Reference};
use crate::manifest::{Catalog, CatalogError, Diagnostic, Disk, Document, Files as _, Kind};
use crate::plan::{Plan, PlanError, Resolver, Unresolved};
use crate::policy::RetryPolicy;
use crate::run::HandlerKey;

/// The folders are read anew for a reference that is not known, but not more often than this.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Whether files have come, changed or gone is looked at no more often than this.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The manifests below the engine's roots, as plans.
pub(super) struct Library {
    catalog: Catalog,
    retries: BTreeMap<String, RetryPolicy>,
    compiled: Mutex<HashMap<(String, Option<Kind>), Compiled>>,
    read_at: Mutex<Option<(Instant, SystemTime)>>,
    seen: Mutex<Option<Seen>>,
}

/// The files that there were when they were looked at last.
struct Seen {
    at: Instant,
    files: Vec<(PathBuf, Stamp)>,
}

/// A plan with the files it was made of.
#[derive(Clone)]
struct Compiled {
    plan: Arc<Plan>,
    files: Vec<(PathBuf, Stamp)>,
}

/// Tells whether a file is still the one that was read; `None` when it is not there.
type Stamp = Option<(SystemTime, u64)>;

impl Library {
    pub(super) fn new(options: &EngineOptions) -> Self {
        Self {
            catalog: Catalog::new(&options.manifest_roots).at_level(options.level),
            retries: options.retries.clone(),
            compiled: Mutex::default(),
            read_at: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// The plan of a task or workflow.
    pub(super) fn plan(&self, reference: &str, kind: Option<Kind>) -> Result<Arc<Plan>, Error> {
        let key = (reference.to_owned(), kind);
        let known = self.compiled.lock().get(&key).cloned();
        if let Some(known) = &known
            && known.files.iter().all(|(file, read)| stamp(file) == *read)
        {
            return Ok(Arc::clone(&known.plan));
        }
        if known.is_some() || self.is_outdated() {
            self.read_again();
        }
        let mut compiled = self.compile(reference, kind)?;
        if self.was_read_before_a_change_of(&compiled) {
            self.read_again();
            compiled = self.compile(reference, kind)?;
        }
        let plan = Arc::clone(&compiled.plan);
        self.compiled.lock().insert(key, compiled);
        Ok(plan)
    }

    /// Every manifest below the roots as it is now, with what there is to say about it.
    pub(super) fn documents(&self) -> Vec<Document> {
        self.read_again();
        let mut documents = self.catalog.documents();
        for document in &mut documents {
            let Some(manifest) = document.manifest.clone() else {
                continue;
            };
            for diagnostic in self.catalog.check_references(&manifest) {
                document.add(diagnostic);
            }
            if document.is_valid() && matches!(manifest.kind(), Kind::Task | Kind::Workflow) {
                let errors = Plan::compile(&manifest, &Recorder::of(self)).err();
                for error in errors.into_iter().flatten() {
                    document.add(error.to_diagnostic());
                }
            }
        }
        documents
    }

    /// The manifests without errors, as they were a moment ago.
    pub(super) fn manifests(&self) -> Vec<Arc<Manifest>> {
        self.look_again();
        self.catalog.manifests()
    }

    /// Has the folders read anew when a file has come, changed or gone.
    fn look_again(&self) {
        let mut seen = self.seen.lock();
        let is_fresh = |it: &Seen| it.at.elapsed() < LOOK_AGAIN_AFTER;
        if self.catalog.roots().is_empty() || seen.as_ref().is_some_and(is_fresh) {
            return;
        }
        // A folder that cannot be read now is one without files; reading it tells why.
        let roots = self.catalog.roots().iter();
        let paths = roots.flat_map(|root| Disk.list(root).unwrap_or_default());
        let files = paths.map(|path| {
            let stamp = stamp(&path);
            (path, stamp)
        });
        let files: Vec<_> = files.collect();
        let is_known = seen.as_ref().is_some_and(|it| it.files == files);
        *seen = Some(Seen {
            at: Instant::now(),
            files,
        });
        if !is_known {
            self.read_again();
        }
    }

    fn compile(&self, reference: &str, kind: Option<Kind>) -> Result<Compiled, Error> {
        let manifest = self.find(reference, kind)?;
        let recorder = Recorder::of(self);
        recorder.note(&manifest);
        let plan = Plan::compile(&manifest, &recorder)
            .map_err(|errors| self.not_runnable(&manifest, &errors))?;
        let files = recorder.files.into_inner();
        Ok(Compiled {
            plan: Arc::new(plan),
            files: files
                .into_iter()
                .map(|file| {
                    let stamp = stamp(&file);
                    (file, stamp)
                })
                .collect(),
        })
    }

    fn find(&self, reference: &str, kind: Option<Kind>) -> Result<Arc<Manifest>, Error> {
        if let Some(kind) = kind {
            match self.catalog.find(kind, reference) {
                Err(CatalogError::NotFound { .. }) => {}
                found => return found.map_err(not_found),
            }
        }
        let found = self
            .catalog
            .resolve(&Reference(reference.to_owned()), &Origin::default())
            .map_err(not_found)?;
        match kind {
            Some(kind) if found.kind() != kind => Err(Error::new(
                Category::Manifest,
                code::MANIFEST_NOT_RUNNABLE,
                format!("`{reference}` is a {}, not a {kind}", found.kind()),
            )),
            _ => Ok(found),
        }
    }

    fn not_runnable(&self, manifest: &Manifest, errors: &[PlanError]) -> Error {
        let name = &manifest.metadata.name;
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        let error = Error::new(
            Category::Manifest,
            code::MANIFEST_NOT_RUNNABLE,
            format!("{} `{name}` cannot be run: {first}", manifest.kind()),
        )
        .with_diagnostics(self.located(manifest, errors));
        match errors.iter().find_map(PlanError::step) {
            Some(step) => error.of_step(step),
            None => error,
        }
    }

    /// The errors with their places in the text of the manifest.
    fn located(&self, manifest: &Manifest, errors: &[PlanError]) -> Vec<Diagnostic> {
        let found = errors.iter().map(PlanError::to_diagnostic);
        let documents = self.catalog.documents();
        let document = documents.into_iter().find(|document| {
            let candidate = document.manifest.as_ref();
            candidate.is_some_and(|candidate| candidate.origin == manifest.origin)
        });
        let Some(mut document) = document else {
            return found.collect();
        };
        found.for_each(|diagnostic| document.add(diagnostic));
        document.diagnostics
    }

    fn read_again(&self) {
        self.catalog.reload();
        *self.read_at.lock() = Some((Instant::now(), SystemTime::now()));
    }

    fn is_outdated(&self) -> bool {
        let read_at = self.read_at.lock();
        read_at.is_none_or(|(at, _)| at.elapsed() >= READ_AGAIN_AFTER)
    }

    /// A stamp taken now must be that of the text that was read then.
    fn was_read_before_a_change_of(&self, compiled: &Compiled) -> bool {
        let read_at = self.read_at.lock().map(|(_, at)| at);
        let changes = compiled.files.iter();
        changes
            .filter_map(|(_, stamp)| stamp.map(|(modified, _)| modified))
            .any(|modified| read_at.is_none_or(|read_at| modified >= read_at))
    }
}

/// Follows references, and remembers which files that led to.
struct Recorder<'a> {
    library: &'a Library,
    files: Mutex<Vec<PathBuf>>,
}

impl<'a> Recorder<'a> {
    fn of(library: &'a Library) -> Self {
        Self {
            library,
            files: Mutex::default(),
        }
    }

    fn note(&self, manifest: &Manifest) {
        let mut files = self.files.lock();
        if let Some(file) = &manifest.origin.file
            && !files.contains(file)
        {
            files.push(file.clone());
        }
    }
}

impl Resolver for Recorder<'_> {
    fn resolve(&self, reference: &Reference, from: &Manifest) -> Result<Arc<Manifest>, Unresolved> {
        let catalog = &self.library.catalog;
        let found = catalog
            .resolve(reference, &from.origin)
            .map_err(|error| Unresolved {
                reason: error.to_string(),
            })?;
        self.note(&found);
        Ok(found)
    }

    fn retry_of(&self, key: &HandlerKey) -> Option<RetryPolicy> {
        self.library.retries.get(&key.key).cloned()
    }
}

fn stamp(file: &Path) -> Stamp {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn not_found(error: CatalogError) -> Error {
    let converted = Error::new(Category::Manifest, error.code(), error.to_string());
    match error {
        CatalogError::Invalid { diagnostics, .. } => converted.with_diagnostics(diagnostics),
        _ => converted.with_help("`ossa validate` lists the manifests below a folder"),
    }
}
