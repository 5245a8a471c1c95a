//! `ossa breaker`: what is being left alone because it kept failing?

use std::io;

use clap::{Args, Subcommand};
use ossa_runtime::engine::{BreakerKey, BreakerView, EngineOptions};
use ossa_runtime::policy::BreakerState;

use crate::failure::Failure;
use crate::output::{FINDINGS, Format, Output, to_json};
use crate::store::StoreOptions;

/// Look at circuit breakers and close them
#[derive(Debug, Args)]
pub(crate) struct Breaker {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    on: StoreOptions,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the breakers that saw a failure lately, by name
    List,
    /// Close a breaker and forget what it counted; exit code 1 if it saw no failure
    Reset {
        /// What it guards: a capability, or another name of a handler
        name: String,
        /// For whom
        #[arg(long)]
        tenant: Option<String>,
    },
}

impl Breaker {
    pub(crate) fn run(self, output: &mut Output) -> io::Result<u8> {
        self.answer(output).or_else(|failure| failure.tell(output))
    }

    fn answer(self, output: &mut Output) -> Result<u8, Failure> {
        let engine = self.on.open(EngineOptions::default())?;
        match self.verb {
            Verb::List => {
                let views = engine.breakers()?;
                match self.on.format {
                    Format::Text => table(&views, output)?,
                    Format::Json => {
                        for view in &views {
                            output.line(to_json(view)?)?;
                        }
                    }
                }
                Ok(0)
            }
            Verb::Reset { name, tenant } => {
                let key = BreakerKey { name, tenant };
                if engine.reset_breaker(&key)? {
                    output.note(format!("the breaker of {key} is closed"));
                    return Ok(0);
                }
                output.note(format!("ossa: the breaker of {key} saw no failure"));
                Ok(FINDINGS)
            }
        }
    }
}

fn table(views: &[BreakerView], output: &mut Output) -> io::Result<()> {
    let width = views
        .iter()
        .map(|view| view.key.to_string().chars().count());
    let width = width.max().unwrap_or(0).max("BREAKER".len());
    output.line(format!(
        "{:<width$}  {:<9}  {:>8}  {:<24}  LATEST FAILURE",
        "BREAKER", "STATE", "FAILURES", "UNTIL"
    ))?;
    for view in views {
        let (state, until) = match &view.breaker.state {
            BreakerState::Closed => ("closed", None),
            BreakerState::Open { until } => ("open", Some(*until)),
            BreakerState::HalfOpen { probe, .. } => {
                ("half-open", probe.as_ref().map(|probe| probe.until))
            }
        };
        let line = format!(
            "{:<width$}  {state:<9}  {:>8}  {:<24}  {}",
            view.key.to_string(),
            view.breaker.failures,
            until.map_or_else(String::new, |until| until.to_string()),
            view.breaker.cause.as_deref().unwrap_or_default()
        );
        output.line(line.trim_end())?;
    }
    Ok(())
}
