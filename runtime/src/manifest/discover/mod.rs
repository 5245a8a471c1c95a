//! Finding manifests: by name, and by the references they make to each other.

mod contents;
mod error;
mod files;
mod place;
mod references;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use self::contents::Contents;
use super::diagnostic::Diagnostic;
use super::load::{Document, Level};
use super::model::{Manifest, Origin, Reference};
use super::normalise::Kind;

pub use error::CatalogError;
pub use files::{Disk, Files, MAX_FILES, MAX_FOLDERS, Texts};
pub(crate) use files::{is_manifest, read_text};

/// The manifests below some folders, loaded when first asked for and kept.
pub struct Catalog {
    roots: Vec<PathBuf>,
    level: Level,
    files: Box<dyn Files>,
    contents: RwLock<Option<Arc<Contents>>>,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Catalog")
            .field("roots", &self.roots)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

impl Catalog {
    /// A catalog of the manifests below `roots`, which are folders or single files. Nothing is read yet.
    #[must_use]
    pub fn new(roots: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self::with_files(roots, Disk)
    }

    /// As [`new`](Self::new), with the files of someone else.
    #[must_use]
    pub fn with_files(
        roots: impl IntoIterator<Item = impl Into<PathBuf>>,
        files: impl Files + 'static,
    ) -> Self {
        Self {
            roots: roots.into_iter().map(Into::into).collect(),
            level: Level::default(),
            files: Box::new(files),
            contents: RwLock::new(None),
        }
    }

    /// Loads at this level instead of the lenient one.
    #[must_use]
    pub fn at_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// The folders, in the order they are searched.
    #[must_use]
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// The manifest of that kind and `metadata.name`. Of several the first is taken: roots in their order, files in the
    /// order of their paths.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`], or [`CatalogError::Invalid`] when a document of that name has errors.
    pub fn find(&self, kind: Kind, name: &str) -> Result<Arc<Manifest>, CatalogError> {
        self.contents().find(kind, name)
    }

    /// The manifest a reference leads to, seen from the manifest that makes it.
    ///
    /// Looked for in this order: relative to the folder of that manifest; relative to each root; a file of that name
    /// anywhere below the roots; a manifest of that `metadata.name` (also `ossa://namespace/name`). Endings of files may
    /// be left out. `file#name` means one document of a file with several.
    ///
    /// # Errors
    /// When it leads nowhere, to several files, out of the roots, or to a file with errors.
    pub fn resolve(
        &self,
        reference: &Reference,
        from: &Origin,
    ) -> Result<Arc<Manifest>, CatalogError> {
        self.contents()
            .resolve(reference, from, self.files.as_ref())
    }

    /// All manifests without errors, ordered by kind and name.
    #[must_use]
    pub fn manifests(&self) -> Vec<Arc<Manifest>> {
        self.contents().manifests()
    }

    /// All documents with what there is to say about them, in the order of roots and paths.
    #[must_use]
    pub fn documents(&self) -> Vec<Document> {
        self.contents().documents()
    }

    /// What is wrong with the catalog itself: roots that cannot be read, names used twice.
    #[must_use]
    pub fn problems(&self) -> Vec<Diagnostic> {
        self.contents().problems.clone()
    }

    /// What there is to say about the references of `manifest`: each that does not lead to a manifest, as an error at the
    /// strict level and as a warning at the lenient one. References with expressions are left to the run.
    #[must_use]
    pub fn check_references(&self, manifest: &Manifest) -> Vec<Diagnostic> {
        let contents = self.contents();
        references::check(manifest, self.level, &|reference| {
            contents.resolve(reference, &manifest.origin, self.files.as_ref())
        })
    }

    /// Forgets what was loaded; the next question reads the files again.
    pub fn reload(&self) {
        *self.contents.write() = None;
    }

    fn contents(&self) -> Arc<Contents> {
        if let Some(contents) = self.contents.read().as_ref() {
            return Arc::clone(contents);
        }
        let mut slot = self.contents.write();
        Arc::clone(slot.get_or_insert_with(|| {
            Arc::new(Contents::load(&self.roots, self.level, self.files.as_ref()))
        }))
    }
}

/// The manifest files below `path` when it is a folder, else `path` itself; sorted.
///
/// # Errors
/// When the folder cannot be read.
pub fn manifest_files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let found = Disk.list(path)?;
    let meant = |path: &PathBuf| read_text(path).map_or(true, |text| is_manifest(path, &text));
    Ok(found.into_iter().filter(meant).collect())
}
