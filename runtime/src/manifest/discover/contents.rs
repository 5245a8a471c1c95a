//! What a catalog holds once it has been loaded.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::code;
use super::super::diagnostic::{Diagnostic, Severity};
use super::super::load::{Document, Level, Options, load_str};
use super::super::model::{Manifest, Origin, Reference};
use super::super::normalise::Kind;
use super::super::reader::nearest;
use super::error::CatalogError;
use super::files::{Files, is_manifest};
use super::place::{lexical, spellings, stem};

/// A file below a root.
struct File {
    /// As found below the root.
    path: PathBuf,
    documents: Vec<Document>,
}

pub(super) struct Contents {
    level: Level,
    /// Without links.
    roots: Vec<PathBuf>,
    /// In the order of roots and paths.
    files: Vec<Arc<File>>,
    /// Files by their path without links.
    by_path: HashMap<PathBuf, usize>,
    /// Files by their name without folders and ending.
    by_stem: HashMap<String, Vec<usize>>,
    by_name: HashMap<(Kind, String), Arc<Manifest>>,
    pub(super) problems: Vec<Diagnostic>,
}

/// The kinds a reference may mean when only a name is given, the likeliest first.
const CALLED: [Kind; 4] = [
    Kind::Task,
    Kind::Workflow,
    Kind::Agent,
    Kind::MessageRouting,
];

impl Contents {
    pub(super) fn load(roots: &[PathBuf], level: Level, files: &dyn Files) -> Self {
        let mut contents = Self {
            level,
            roots: Vec::new(),
            files: Vec::new(),
            by_path: HashMap::new(),
            by_stem: HashMap::new(),
            by_name: HashMap::new(),
            problems: Vec::new(),
        };
        for root in roots {
            let listed = files.list(root);
            let canonical = files.canonical(root);
            match (listed, canonical) {
                (Ok(paths), Some(canonical)) => {
                    contents.roots.push(canonical);
                    for path in paths {
                        contents.add(&path, files);
                    }
                }
                (Err(error), _) => contents.problems.push(unreadable(root, &error.to_string())),
                (Ok(_), None) => contents
                    .problems
                    .push(unreadable(root, "it does not exist")),
            }
        }
        contents.index_names();
        contents
    }

    fn add(&mut self, path: &Path, files: &dyn Files) {
        let Some(canonical) = files.canonical(path) else {
            return;
        };
        if self.by_path.contains_key(&canonical) {
            return;
        }
        let Some(file) = read(path, self.level, files) else {
            return;
        };
        let index = self.files.len();
        self.by_path.insert(canonical, index);
        if let Some(name) = path.file_name() {
            let stem = stem(&name.to_string_lossy()).to_owned();
            self.by_stem.entry(stem).or_default().push(index);
        }
        self.files.push(Arc::new(file));
    }

    fn index_names(&mut self) {
        let manifests: Vec<_> = self.all().cloned().collect();
        for manifest in manifests {
            let key = (manifest.kind(), manifest.metadata.name.clone());
            let Some(first) = self.by_name.get(&key) else {
                self.by_name.insert(key, manifest);
                continue;
            };
            let first = first.origin.file.as_deref().unwrap_or(Path::new(""));
            let mut diagnostic = Diagnostic::new(
                code::AMBIGUOUS_NAME,
                Severity::Warning,
                format!(
                    "the {} `{}` is also defined in {}, which is the one that is used",
                    key.0,
                    key.1,
                    first.display()
                ),
            )
            .with_help("give it another `metadata.name`")
            .at_path("$.metadata.name");
            diagnostic.file.clone_from(&manifest.origin.file);
            self.problems.push(diagnostic);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Manifest>> {
        self.all_documents()
            .filter_map(|document| document.manifest.as_ref())
    }

    fn all_documents(&self) -> impl Iterator<Item = &Document> {
        self.files.iter().flat_map(|file| &file.documents)
    }

    pub(super) fn documents(&self) -> Vec<Document> {
        self.all_documents().cloned().collect()
    }

    pub(super) fn manifests(&self) -> Vec<Arc<Manifest>> {
        let mut manifests: Vec<_> = self.all().cloned().collect();
        manifests.sort_by(|left, right| {
            (left.kind(), &left.metadata.name).cmp(&(right.kind(), &right.metadata.name))
        });
        manifests
    }

    pub(super) fn find(&self, kind: Kind, name: &str) -> Result<Arc<Manifest>, CatalogError> {
        if let Some(found) = self.by_name(kind, name) {
            return Ok(found);
        }
        let refused = self.files.iter().find_map(|file| {
            let document = file.documents.iter().find(|document| {
                document.name.as_deref() == Some(name)
                    && document.kind.as_deref() == Some(kind.as_str())
            })?;
            Some(invalid(&file.path, document))
        });
        Err(refused.unwrap_or_else(|| CatalogError::NotFound {
            kind,
            name: name.to_owned(),
            nearest: self.nearest_name(name, Some(kind)),
        }))
    }

    fn by_name(&self, kind: Kind, name: &str) -> Option<Arc<Manifest>> {
        self.by_name.get(&(kind, name.to_owned())).cloned()
    }

    fn nearest_name(&self, name: &str, kind: Option<Kind>) -> Option<String> {
        let names: Vec<&str> = self
            .all()
            .filter(|manifest| kind.is_none_or(|kind| manifest.kind() == kind))
            .map(|manifest| manifest.metadata.name.as_str())
            .collect();
        nearest(name, &names).map(str::to_owned)
    }

    pub(super) fn resolve(
        &self,
        reference: &Reference,
        from: &Origin,
        files: &dyn Files,
    ) -> Result<Arc<Manifest>, CatalogError> {
        let text = reference.0.trim();
        if text.contains("{{") || text.contains("${") {
            return Err(CatalogError::Dynamic {
                reference: reference.clone(),
            });
        }
        if let Some(named) = text.strip_prefix("ossa://") {
            return self.named(reference, stem(named));
        }
        let (target, fragment) = match text.split_once('#') {
            Some((target, fragment)) => (target, Some(fragment)),
            None => (text, None),
        };
        let folder = from.file.as_deref().and_then(Path::parent);
        let places = Places {
            candidates: folder
                .into_iter()
                .chain(self.roots.iter().map(PathBuf::as_path))
                .map(|base| base.join(target))
                .collect(),
            allowed: self
                .roots
                .iter()
                .cloned()
                .chain(folder.and_then(|folder| files.canonical(folder)))
                .collect(),
        };
        for candidate in &places.candidates {
            if let Some(file) = self.at(candidate, &places, reference, files)? {
                return pick(&file, fragment, reference);
            }
        }
        let has_parent = target.split('/').any(|part| part == "..");
        if has_parent
            && !places
                .candidates
                .iter()
                .any(|path| places.may_hold(path, files))
        {
            return Err(CatalogError::Escapes {
                reference: reference.clone(),
            });
        }
        if let Some(file) = self.by_stem(stem(target), reference)? {
            return pick(file, fragment, reference);
        }
        self.named(reference, stem(target))
    }

    /// The file at `candidate`, with or without ending. One that lies beside a manifest outside the roots is read now.
    fn at(
        &self,
        candidate: &Path,
        places: &Places,
        reference: &Reference,
        files: &dyn Files,
    ) -> Result<Option<Arc<File>>, CatalogError> {
        for path in spellings(candidate) {
            let Some(canonical) = files.canonical(&path) else {
                continue;
            };
            if let Some(file) = self
                .by_path
                .get(&canonical)
                .and_then(|index| self.files.get(*index))
            {
                return Ok(Some(Arc::clone(file)));
            }
            if !places.hold(&canonical) {
                return Err(CatalogError::Escapes {
                    reference: reference.clone(),
                });
            }
            if let Some(file) = read(&path, self.level, files) {
                return Ok(Some(Arc::new(file)));
            }
        }
        Ok(None)
    }

    fn by_stem(
        &self,
        wanted: &str,
        reference: &Reference,
    ) -> Result<Option<&Arc<File>>, CatalogError> {
        let matching = self.by_stem.get(wanted).map_or(&[][..], Vec::as_slice);
        match matching {
            [] => Ok(None),
            [only] => Ok(self.files.get(*only)),
            several => Err(CatalogError::Ambiguous {
                reference: reference.clone(),
                candidates: several
                    .iter()
                    .filter_map(|index| self.files.get(*index))
                    .map(|file| file.path.clone())
                    .collect(),
            }),
        }
    }

    fn named(&self, reference: &Reference, name: &str) -> Result<Arc<Manifest>, CatalogError> {
        if let Some(found) = CALLED.into_iter().find_map(|kind| self.by_name(kind, name)) {
            return Ok(found);
        }
        let refused = self.files.iter().find_map(|file| {
            let document = file
                .documents
                .iter()
                .find(|document| document.name.as_deref() == Some(name))?;
            Some(invalid(&file.path, document))
        });
        Err(refused.unwrap_or_else(|| CatalogError::Unresolved {
            reference: reference.clone(),
            nearest: self.nearest_name(name, None),
        }))
    }
}

/// Where a reference may lead.
struct Places {
    /// The paths it may mean, in the order they are tried.
    candidates: Vec<PathBuf>,
    /// Folders that hold everything it may lead to, without links: the roots and the folder of the manifest.
    allowed: Vec<PathBuf>,
}

impl Places {
    fn hold(&self, canonical: &Path) -> bool {
        self.allowed
            .iter()
            .any(|folder| canonical.starts_with(folder))
    }

    /// Whether a path that need not exist could lie in a place that is allowed.
    fn may_hold(&self, path: &Path, files: &dyn Files) -> bool {
        let clean = lexical(path);
        // The nearest folder that exists decides: links are worked out there.
        let existing = clean
            .iter()
            .flat_map(|clean| clean.ancestors())
            .find_map(|folder| files.canonical(folder));
        existing.is_some_and(|existing| self.hold(&existing))
    }
}

/// A manifest file, or one that may be: what cannot be read gives a document that says so.
fn read(path: &Path, level: Level, files: &dyn Files) -> Option<File> {
    let documents = match files.read(path) {
        Ok(text) => {
            let options = Options {
                level,
                file: Some(path.to_owned()),
            };
            is_manifest(path, &text).then(|| load_str(&text, &options).documents)?
        }
        // Folders and links to nowhere are no files, and any other file that cannot be read is only worth a word when
        // its name says that it is a manifest.
        Err(error) => {
            is_manifest(path, "").then_some(())?;
            vec![Document::unreadable(unreadable(path, &error.to_string()))]
        }
    };
    Some(File {
        path: path.to_owned(),
        documents,
    })
}

/// The document of a file that is meant: the one named, or the first.
fn pick(
    file: &File,
    fragment: Option<&str>,
    reference: &Reference,
) -> Result<Arc<Manifest>, CatalogError> {
    let document = match fragment {
        Some(name) => file
            .documents
            .iter()
            .find(|document| document.name.as_deref() == Some(name)),
        None => file.documents.first(),
    };
    let Some(document) = document else {
        return Err(CatalogError::Unresolved {
            reference: reference.clone(),
            nearest: None,
        });
    };
    document
        .manifest
        .clone()
        .ok_or_else(|| invalid(&file.path, document))
}

fn invalid(file: &Path, document: &Document) -> CatalogError {
    CatalogError::Invalid {
        file: file.to_owned(),
        diagnostics: document
            .diagnostics
            .iter()
            .filter(|found| found.is_error())
            .cloned()
            .collect(),
    }
}

fn unreadable(path: &Path, reason: &str) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(
        code::UNREADABLE,
        Severity::Error,
        format!("it cannot be read: {reason}"),
    );
    diagnostic.file = Some(path.to_owned());
    diagnostic
}
