//! `Ossa\Runtime\Diagnostic`

use std::path::Path;

use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ossa_runtime::manifest::Diagnostic as Finding;
use ossa_runtime::manifest::render::{self, Colour};

use crate::convert::to_php::Binary;
use crate::error::{Answer, Fault};

/// Something wrong, or worth knowing, at a place of a manifest.
#[php_class]
#[php(name = "Ossa\\Runtime\\Diagnostic", flags = ClassFlags::Final)]
pub(crate) struct Diagnostic(Finding);

impl From<Finding> for Diagnostic {
    fn from(finding: Finding) -> Self {
        Self(finding)
    }
}

#[php_impl]
impl Diagnostic {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    fn get_code(&self) -> &str {
        self.0.code
    }

    fn get_severity(&self) -> &str {
        self.0.severity.as_str()
    }

    fn get_message(&self) -> &str {
        &self.0.message
    }

    fn get_help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    fn get_path(&self) -> &str {
        &self.0.path
    }

    fn get_file(&self) -> Option<Binary<'_>> {
        self.0
            .file
            .as_deref()
            .map(Path::as_os_str)
            .map(Binary::from)
    }

    fn get_line(&self) -> u32 {
        self.0.line
    }

    fn get_column(&self) -> u32 {
        self.0.column
    }

    fn render(&self) -> String {
        render::text(&self.0, Colour::Never)
    }
}
