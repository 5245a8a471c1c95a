//! `ossa run migrate`: a run goes on with another version of its workflow.

use std::path::PathBuf;

use clap::Args;
use ossa_runtime::engine::{Engine, EngineOptions, Startable};
use ossa_runtime::port::RunId;

use crate::failure::Failure;
use crate::output::{FINDINGS, Format, Output, to_json};
use crate::run_steer::By;

/// Have a run go on with another version of its workflow
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// The run's id
    run: RunId,
    /// A folder with manifests; may be given several times
    #[arg(long, required = true, value_name = "FOLDER")]
    manifests: Vec<PathBuf>,
    /// Name or path of the new version; the workflow of the run's name if not given
    #[arg(long, value_name = "REFERENCE")]
    to: Option<String>,
    /// Only say what differs; exit code 1 if something stands in the way
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    by: By,
}

impl Migrate {
    /// The engine needs the manifests.
    pub(crate) fn options(&self) -> EngineOptions {
        EngineOptions {
            manifest_roots: self.manifests.clone(),
            ..EngineOptions::default()
        }
    }

    pub(crate) fn carry_out(
        self,
        engine: &Engine,
        format: Format,
        output: &mut Output,
    ) -> Result<u8, Failure> {
        let to = self.to.map(|reference| Startable::Reference {
            reference,
            kind: None,
        });
        let migration = engine.migrate(self.run, to, self.by.ordered(), self.dry_run)?;
        let blocked = migration.differences.iter().any(|it| it.blocks);
        if format == Format::Json {
            output.line(to_json(&migration)?)?;
        } else {
            let run = self.run;
            output.line(match (migration.migrated, blocked) {
                (true, _) => format!("run {run} goes on with plan {}", migration.to),
                (false, false) => format!("run {run} can go on with plan {}", migration.to),
                (false, true) => format!("run {run} cannot go on with plan {}", migration.to),
            })?;
            for difference in &migration.differences {
                let mark = if difference.blocks {
                    "in the way"
                } else {
                    "differs"
                };
                output.line(format!("  {mark}: {}", difference.text))?;
            }
        }
        Ok(if blocked { FINDINGS } else { 0 })
    }
}
