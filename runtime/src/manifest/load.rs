//! The way through the parts: text, YAML, schema, model, checks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Severity};
use super::model::{Manifest, Origin};
use super::normalise::{self, Kind};
use super::reader::{Part, Report};
use super::yaml::{self, Located};
use super::{check, code, path, schema};

/// How much a document must obey.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Level {
    /// Aliases and dialects are understood, with warnings.
    #[default]
    Lenient,
    /// The document must also obey the schema of its version.
    Strict,
}

/// How to load.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How much a document must obey.
    pub level: Level,
    /// Name of the file in diagnostics and origins; `load_file` sets it.
    pub file: Option<PathBuf>,
}

impl Options {
    /// Strict loading.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            level: Level::Strict,
            ..Self::default()
        }
    }

    /// Sets the name of the file.
    #[must_use]
    pub fn with_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }
}

/// The documents of a file.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// In the order of the file.
    pub documents: Vec<Document>,
}

/// One document: what it says it is, what it is, and what there is to say about it.
#[derive(Debug, Clone)]
pub struct Document {
    /// The model; `None` when there are errors.
    pub manifest: Option<Arc<Manifest>>,
    /// In the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// `kind` as written, when it is text.
    pub kind: Option<String>,
    /// `metadata.name` as written, when it is text.
    pub name: Option<String>,
    /// `apiVersion` as written, when it is text.
    pub api_version: Option<String>,
    /// Position in the file, from 0.
    pub index: usize,
    source: Option<Arc<Source>>,
}

/// The text a document was read from and where its parts stand in it.
#[derive(Debug)]
struct Source {
    text: Arc<str>,
    located: Located,
    file: Option<PathBuf>,
}

impl Loaded {
    /// Whether there is a document and none has errors.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.documents.is_empty() && self.documents.iter().all(Document::is_valid)
    }

    /// The manifests of the documents without errors, in order.
    pub fn manifests(&self) -> impl Iterator<Item = &Arc<Manifest>> {
        self.documents
            .iter()
            .filter_map(|document| document.manifest.as_ref())
    }

    /// The findings about all documents, in order.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.documents
            .iter()
            .flat_map(|document| &document.diagnostics)
    }

    /// Lets `review` look at each manifest, and adds what it finds with file, line, column and snippet of its path.
    ///
    /// This is how layers above say more about a manifest than its meaning, such as that this version cannot run it yet.
    pub fn review(&mut self, review: impl Fn(&Manifest) -> Vec<Diagnostic>) {
        for document in &mut self.documents {
            let Some(manifest) = document.manifest.clone() else {
                continue;
            };
            for diagnostic in review(&manifest) {
                document.add(diagnostic);
            }
        }
    }
}

impl Document {
    /// A document of which there is nothing but the reason why it cannot be read.
    pub(super) fn unreadable(diagnostic: Diagnostic) -> Self {
        Self {
            manifest: None,
            diagnostics: vec![diagnostic],
            kind: None,
            name: None,
            api_version: None,
            index: 0,
            source: None,
        }
    }

    /// Whether it has no errors.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.manifest.is_some() && !self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Adds a finding, at the place its JSON path leads to unless it has one.
    pub fn add(&mut self, diagnostic: Diagnostic) {
        let diagnostic = match &self.source {
            Some(source) => source.locate(diagnostic),
            None => diagnostic,
        };
        if diagnostic.is_error() {
            self.manifest = None;
        }
        self.diagnostics.push(diagnostic);
        self.diagnostics.sort_by(Diagnostic::order);
    }
}

impl Source {
    fn locate(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.file.clone_from(&self.file);
        if diagnostic.line > 0 {
            return diagnostic;
        }
        let segments = path::parse(&diagnostic.path);
        let marks = self
            .located
            .nearest(segments.iter().map(path::OwnedSegment::as_segment));
        diagnostic.at_mark(marks.head()).with_snippet(&self.text)
    }
}

/// Loads the documents of `text`.
///
/// Nothing fails: what is wrong is in the diagnostics of the documents, and text without a document gives one document
/// with that finding.
#[must_use]
pub fn load_str(text: &str, options: &Options) -> Loaded {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let shared: Arc<str> = text.into();
    let read = yaml::read(text);
    if read.is_empty() {
        let diagnostic = Diagnostic::new(
            code::EMPTY,
            Severity::Error,
            "the file holds no document",
        )
        .with_help(
            "a manifest begins with `apiVersion: ossa/v0.3.0` and `kind: Task` or `kind: Workflow`",
        );
        return Loaded {
            documents: vec![unreadable(diagnostic, 0, text, options)],
        };
    }
    let documents = read
        .into_iter()
        .enumerate()
        .map(|(index, result)| match result {
            Ok(located) => document(located, index, &shared, options),
            Err(diagnostic) => unreadable(*diagnostic, index, text, options),
        })
        .collect();
    Loaded { documents }
}

/// Loads the documents of the file at `path`.
///
/// # Errors
/// A diagnostic when the file cannot be read or is not UTF-8; everything else is in the documents.
pub fn load_file(path: &Path, options: &Options) -> Result<Loaded, Box<Diagnostic>> {
    let options = options.clone().with_file(path);
    let text = super::discover::read_text(path).map_err(|reason| {
        let mut diagnostic = Diagnostic::new(
            code::UNREADABLE,
            Severity::Error,
            format!("the file cannot be read: {reason}"),
        );
        diagnostic.file = Some(path.to_owned());
        Box::new(diagnostic)
    })?;
    Ok(load_str(&text, &options))
}

fn unreadable(mut diagnostic: Diagnostic, index: usize, text: &str, options: &Options) -> Document {
    diagnostic.file.clone_from(&options.file);
    Document {
        index,
        ..Document::unreadable(diagnostic.with_snippet(text))
    }
}

fn document(located: Located, index: usize, text: &Arc<str>, options: &Options) -> Document {
    let report = Report::default();
    let value = &located.value;
    let said = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    let (kind, name, api_version) = (said("/kind"), said("/metadata/name"), said("/apiVersion"));
    let part = Part::root(value, &located.marks);
    let mut manifest = None;
    if value.is_object() {
        if options.level == Level::Strict {
            schema::check(&part, &report);
        }
        manifest = normalise::manifest(&part, &report);
        if let Some(manifest) = &manifest {
            check::check(manifest, &report);
        }
    } else {
        report.push(
            part.error(code::NOT_A_MAPPING, "the document is not a mapping")
                .with_help("a manifest begins with `apiVersion: ossa/v0.3.0` and `kind: Task` or `kind: Workflow`"),
        );
    }
    let has_errors = report.has_errors();
    let source = Source {
        text: Arc::clone(text),
        located,
        file: options.file.clone(),
    };
    let mut diagnostics: Vec<Diagnostic> = report
        .into_diagnostics()
        .into_iter()
        .map(|diagnostic| source.locate(diagnostic))
        .map(|diagnostic| diagnostic.with_snippet(text))
        .collect();
    diagnostics.sort_by(Diagnostic::order);
    diagnostics.dedup();
    let manifest = manifest.filter(|_| !has_errors).map(|mut manifest| {
        manifest.origin = Origin {
            file: options.file.clone(),
            index,
        };
        Arc::new(manifest)
    });
    Document {
        manifest,
        diagnostics,
        kind,
        name,
        api_version,
        index,
        source: Some(Arc::new(source)),
    }
}

impl Manifest {
    /// What the document defines.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.body {
            super::model::Body::Task(_) => Kind::Task,
            super::model::Body::Workflow(_) => Kind::Workflow,
            super::model::Body::MessageRouting(_) => Kind::MessageRouting,
            super::model::Body::Agent(_) => Kind::Agent,
        }
    }
}
