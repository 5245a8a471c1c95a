//! `ossa run export` and `ossa run import`: a run from one store to another.

use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;

use clap::Args;
use ossa_runtime::engine::Engine;
use ossa_runtime::port::RunId;
use serde_json::json;

use crate::failure::Failure;
use crate::output::{Format, Output};

/// Write a whole run as JSON: to look at, to keep, or to import elsewhere
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The run's id
    run: RunId,
    /// The file to write; standard output if not given
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Export {
    pub(crate) fn write(self, engine: &Engine, output: &mut Output) -> Result<u8, Failure> {
        let text = engine.export(self.run)?;
        match self.output {
            None => output.line(text)?,
            Some(file) => fs::write(&file, text + "\n").map_err(|error| {
                Failure::Usage(format!("cannot write {}: {error}", file.display()))
            })?,
        }
        Ok(0)
    }
}

/// Bring an exported run into the store, under the id it has; the store is created when there is none
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file that `ossa run export` wrote; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Import {
    pub(crate) fn carry_out(
        self,
        engine: &Engine,
        format: Format,
        output: &mut Output,
    ) -> Result<u8, Failure> {
        let text = self.read().map_err(|error| {
            Failure::Usage(format!("cannot read {}: {error}", self.file.display()))
        })?;
        let imported = engine.import(&text)?;
        let run = imported.run;
        output.line(match (format, imported.is_new) {
            (Format::Json, new) => {
                json!({ "run": run, "new": new, "missing": imported.missing }).to_string()
            }
            (Format::Text, true) => format!("run {run} is imported"),
            (Format::Text, false) => format!("run {run} was there already"),
        })?;
        for missing in imported.missing {
            output.note(format!("ossa: {missing}"));
        }
        Ok(0)
    }

    fn read(&self) -> io::Result<String> {
        if self.file.as_os_str() != "-" {
            return fs::read_to_string(&self.file);
        }
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        Ok(text)
    }
}
