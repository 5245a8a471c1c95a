//! The options of commands that look into a store.

use std::path::PathBuf;

use clap::Args;
use ossa_runtime::adapter::{self, RedactedDsn};
use ossa_runtime::engine::{Engine, EngineOptions};
use ossa_runtime::error::Error;

use crate::failure::Failure;
use crate::output::Format;

/// Which store, and how to write what is found there.
#[derive(Debug, Args)]
pub(crate) struct StoreOptions {
    /// The store, such as sqlite:///srv/app/var/ossa.db; else what OSSA_STORE says
    #[arg(long, value_name = "DSN", global = true)]
    store: Option<String>,
    /// How to write the result
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) format: Format,
}

impl StoreOptions {
    /// The engine over a store that is there.
    pub(crate) fn open(&self, options: EngineOptions) -> Result<Engine, Failure> {
        open(self.store.as_deref(), options)
    }

    pub(crate) fn dsn(&self) -> Result<String, Failure> {
        named(self.store.as_deref())
    }
}

/// Where manifests are.
#[derive(Debug, Args)]
pub(crate) struct ManifestRoots {
    /// A folder with manifests: agents, workflows and rules; may be given several times
    #[arg(long, value_name = "FOLDER", global = true)]
    manifests: Vec<PathBuf>,
}

impl From<ManifestRoots> for EngineOptions {
    fn from(roots: ManifestRoots) -> Self {
        Self {
            manifest_roots: roots.manifests,
            ..Self::default()
        }
    }
}

/// The engine over a store that is there, as looking at one must not create it; `None` = the one of OSSA_STORE.
pub(crate) fn open(store: Option<&str>, options: EngineOptions) -> Result<Engine, Failure> {
    let dsn = named(store)?;
    if !adapter::exists(&dsn).map_err(Error::from)? {
        let shown = RedactedDsn(&dsn);
        return Err(Failure::Usage(format!("there is no store at {shown}")));
    }
    Ok(Engine::open(&dsn, options)?)
}

fn named(store: Option<&str>) -> Result<String, Failure> {
    store
        .map(str::to_owned)
        .or_else(|| std::env::var("OSSA_STORE").ok())
        .filter(|dsn| !dsn.is_empty())
        .ok_or_else(|| {
            Failure::Usage("no store: give one with --store, or in OSSA_STORE".to_owned())
        })
}
