//! `ossa explain`: what an error code means.

use std::io;

use clap::Args;
use ossa_runtime::explain;

use crate::output::{FAILURE, Output};

/// Print what causes an error code and what to do about it
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code, such as OSSA-M041; without it all codes are listed
    code: Option<String>,
}

impl Explain {
    pub(crate) fn run(self, output: &mut Output) -> io::Result<u8> {
        let Some(code) = self.code else {
            for code in explain::codes() {
                output.line(format!(
                    "{code}  {}",
                    explain::title(code).unwrap_or_default()
                ))?;
            }
            return Ok(0);
        };
        if let Some(page) = explain::page(&code) {
            output.line(page.trim_end())?;
            return Ok(0);
        }
        output.note(format!("ossa: there is no error code `{code}`"));
        let suggestions = explain::suggestions(&code);
        if suggestions.is_empty() {
            output.note("`ossa explain` lists all codes");
        }
        for code in suggestions {
            output.note(format!(
                "  {code}  {}",
                explain::title(code).unwrap_or_default()
            ));
        }
        Ok(FAILURE)
    }
}
