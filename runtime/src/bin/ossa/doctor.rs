//! `ossa doctor`: can this installation keep what it promises?

use std::io;
use std::path::PathBuf;

use clap::Args;
use ossa_runtime::engine::{Condition, EngineOptions, Examined};

use crate::output::{FAILURE, FINDINGS, Output};
use crate::run::{Failure, Format, open_with, to_json};

/// Check a store and the manifests that run on it; exit code 1 for warnings, 2 when something does not work
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The store, such as sqlite:///srv/app/var/ossa.db; else what OSSA_STORE says
    #[arg(long, value_name = "DSN")]
    store: Option<String>,
    /// A folder with manifests; may be given several times
    #[arg(long, value_name = "FOLDER")]
    manifests: Vec<PathBuf>,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Doctor {
    pub(crate) fn run(self, output: &mut Output) -> io::Result<u8> {
        self.examine(output)
            .or_else(|failure| failure.tell(output).map(|_| FAILURE))
    }

    fn examine(self, output: &mut Output) -> Result<u8, Failure> {
        let options = EngineOptions {
            manifest_roots: self.manifests,
            ..EngineOptions::default()
        };
        let examined = open_with(self.store, options)?.examine();
        for it in &examined {
            match self.format {
                Format::Json => output.line(to_json(it)?)?,
                Format::Text => tell(it, output)?,
            }
        }
        Ok(match examined.iter().map(|it| it.condition).max() {
            Some(Condition::Broken) => FAILURE,
            Some(Condition::Warning) => FINDINGS,
            Some(Condition::Fine) | None => 0,
        })
    }
}

fn tell(examined: &Examined, output: &mut Output) -> io::Result<()> {
    let condition = match examined.condition {
        Condition::Fine => "fine",
        Condition::Warning => "warning",
        Condition::Broken => "broken",
    };
    let Examined { subject, found, .. } = examined;
    output.line(format!("{condition:<8} {subject:<10} {found}"))?;
    if let Some(remedy) = &examined.remedy {
        output.line(format!("{:<19} → {remedy}", ""))?;
    }
    Ok(())
}
