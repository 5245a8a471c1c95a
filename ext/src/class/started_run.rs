//! `Ossa\Runtime\StartedRun`

use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ossa_runtime::engine::{ImportedRun, StartedRun as Started};

use crate::error::{Answer, Fault};

/// A started run.
#[php_class]
#[php(name = "Ossa\\Runtime\\StartedRun", flags = ClassFlags::Final)]
pub(crate) struct StartedRun(Started);

impl From<Started> for StartedRun {
    fn from(started: Started) -> Self {
        Self(started)
    }
}

impl From<ImportedRun> for StartedRun {
    fn from(imported: ImportedRun) -> Self {
        let ImportedRun { run, is_new, .. } = imported;
        Self(Started { run, is_new })
    }
}

#[php_impl]
impl StartedRun {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    fn get_id(&self) -> String {
        self.0.run.to_string()
    }

    fn is_new(&self) -> bool {
        self.0.is_new
    }
}
