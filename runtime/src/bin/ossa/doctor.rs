//! `ossa doctor`: can this installation keep what it promises?

use std::io;

use clap::Args;
use ossa_runtime::engine::{Condition, Examined};

use crate::failure::Failure;
use crate::output::{FAILURE, FINDINGS, Format, Output, to_json};
use crate::store::{ManifestRoots, StoreOptions};

/// Check a store and the manifests that run on it; exit code 1 for warnings, 2 when something does not work
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    on: StoreOptions,
    #[command(flatten)]
    manifests: ManifestRoots,
}

impl Doctor {
    pub(crate) fn run(self, output: &mut Output) -> io::Result<u8> {
        self.examine(output)
            .or_else(|failure| failure.tell(output).map(|_| FAILURE))
    }

    fn examine(self, output: &mut Output) -> Result<u8, Failure> {
        let examined = self.on.open(self.manifests.into())?.examine();
        for it in &examined {
            match self.on.format {
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
