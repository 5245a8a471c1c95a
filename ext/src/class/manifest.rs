//! `Ossa\Runtime\Manifest`

use std::path::Path;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::ZendHashTable;
use ossa_runtime::manifest::{self, Document, Level};

use super::binding;
use super::diagnostic::Diagnostic;
use crate::convert::argument::{Bytes, Table};
use crate::convert::options::Options;
use crate::convert::to_php::Binary;
use crate::error::{Answer, Fault};

/// One document of a manifest file.
#[php_class]
#[php(name = "Ossa\\Runtime\\Manifest", flags = ClassFlags::Final)]
pub(crate) struct Manifest(Document);

impl From<Document> for Manifest {
    fn from(document: Document) -> Self {
        Self(document)
    }
}

#[php_impl]
impl Manifest {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    #[php(defaults(options = Table::EMPTY))]
    fn load(path: Bytes<'_>, options: Table<'_>) -> Answer<Vec<Self>> {
        let options = Options::read("options of Manifest::load()", options, &["level"])?;
        let settings = manifest::Options {
            level: level(&options)?,
            file: None,
        };
        let loaded = manifest::load_file(&path.path(), &settings)?;
        Ok(loaded.documents.into_iter().map(Self::from).collect())
    }

    #[php(defaults(options = Table::EMPTY))]
    fn parse(yaml: Bytes<'_>, options: Table<'_>) -> Answer<Vec<Self>> {
        let options = Options::read("options of Manifest::parse()", options, &["level", "file"])?;
        let settings = manifest::Options {
            level: level(&options)?,
            file: options.bytes("file")?.map(Bytes::path),
        };
        let loaded = manifest::load_str(yaml.text("$yaml")?, &settings);
        Ok(loaded.documents.into_iter().map(Self::from).collect())
    }

    fn get_kind(&self) -> Option<&str> {
        self.0.kind.as_deref()
    }

    fn get_name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    fn get_version(&self) -> Option<&str> {
        let manifest = self.0.manifest.as_ref()?;
        manifest.metadata.version.as_deref()
    }

    fn get_api_version(&self) -> Option<&str> {
        self.0.api_version.as_deref()
    }

    fn get_file(&self) -> Option<Binary<'_>> {
        // A document without a model has at least one finding.
        let file = match &self.0.manifest {
            Some(manifest) => manifest.origin.file.as_deref(),
            None => self.0.diagnostics.first()?.file.as_deref(),
        };
        file.map(Path::as_os_str).map(Binary::from)
    }

    fn get_index(&self) -> usize {
        self.0.index
    }

    fn is_valid(&self) -> bool {
        self.0.is_valid()
    }

    fn get_diagnostics(&self) -> Vec<Diagnostic> {
        let findings = self.0.diagnostics.iter();
        findings.cloned().map(Diagnostic::from).collect()
    }

    fn get_bindings(&self) -> Answer<ZBox<ZendHashTable>> {
        let manifest = self.0.manifest.as_ref();
        binding::table(manifest.map_or(&[], |manifest| &manifest.runtime.bindings))
    }
}

/// The option `level`.
pub(crate) fn level(options: &Options<'_>) -> Answer<Level> {
    Ok(match options.one_of("level", &["lenient", "strict"])? {
        Some("strict") => Level::Strict,
        _ => Level::Lenient,
    })
}
