//! Where manifest text comes from: the one place of this module that touches the file system.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::super::yaml::MAX_BYTES;
use super::place::lexical;

/// Most files looked at below one root.
pub const MAX_FILES: usize = 20_000;
/// Deepest folder looked into.
pub const MAX_FOLDERS: usize = 32;

/// Folders of tools that hold copies of other people's files.
const SKIPPED: &[&str] = &[".git", ".hg", ".svn", "node_modules", "vendor", "target"];

/// Files as a catalog sees them.
pub trait Files: Send + Sync {
    /// The text of a file.
    ///
    /// # Errors
    /// When it is not there, cannot be read or is not UTF-8.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// The files below a folder that may be manifests by their names, sorted; a file is a folder of itself.
    ///
    /// # Errors
    /// When the folder cannot be read, or holds more than [`MAX_FILES`].
    fn list(&self, root: &Path) -> io::Result<Vec<PathBuf>>;

    /// The path without links and `..`, when there is such a file or folder.
    fn canonical(&self, path: &Path) -> Option<PathBuf>;
}

/// The file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<String> {
        read_text(path)
    }

    fn list(&self, root: &Path) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        if root.is_file() {
            found.push(root.to_owned());
            return Ok(found);
        }
        walk(root, 0, &mut found)?;
        found.sort();
        Ok(found)
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        fs::canonicalize(path).ok()
    }
}

/// The text of a file; of one that is too large only so much that this can be told.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let bound = u64::try_from(MAX_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    File::open(path)?.take(bound).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        // The cut may go through a character.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = entry.path();
        // Links are followed only by name, in references, where it is checked where they lead.
        if kind.is_dir() {
            let name = entry.file_name();
            let is_skipped = SKIPPED.iter().any(|skipped| name == *skipped);
            if !is_skipped && depth < MAX_FOLDERS {
                walk(&path, depth + 1, found)?;
            }
        } else if kind.is_file() && may_be_manifest(&path) {
            if found.len() >= MAX_FILES {
                return Err(io::Error::other(format!(
                    "it holds more than {MAX_FILES} YAML and JSON files"
                )));
            }
            found.push(path);
        }
    }
    Ok(())
}

fn may_be_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"]
            .iter()
            .any(|known| extension == *known)
    })
}

/// Whether a file that was found rather than named is meant as a manifest.
pub(crate) fn is_manifest(path: &Path, text: &str) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    if [".ossa.yaml", ".ossa.yml", ".ossa.json"]
        .iter()
        .any(|suffix| name.ends_with(suffix))
    {
        return true;
    }
    text.lines().any(|line| {
        let line = line.trim_start().trim_start_matches(['{', '"', '\'', ' ']);
        line.strip_prefix("apiVersion").is_some_and(|rest| {
            rest.trim_start_matches(['"', '\'', ':', ' ', '\t'])
                .starts_with("ossa/")
        })
    })
}

/// Texts by path, for tests and for hosts that keep manifests elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Texts(BTreeMap<PathBuf, String>);

impl Texts {
    /// Adds a text under a path.
    #[must_use]
    pub fn with(mut self, path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        self.0.insert(path.into(), text.into());
        self
    }
}

impl Files for Texts {
    fn read(&self, path: &Path) -> io::Result<String> {
        let text = self.0.get(path).cloned();
        text.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no such text"))
    }

    fn list(&self, root: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self
            .0
            .keys()
            .filter(|path| path.starts_with(root))
            .cloned()
            .collect())
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        let path = lexical(path)?;
        self.0
            .keys()
            .any(|known| known.starts_with(&path))
            .then_some(path)
    }
}
