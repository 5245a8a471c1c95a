//! `ossa run decide|signal`: answers to steps that wait.

use clap::{Args, Subcommand};
use ossa_runtime::engine::Engine;
use ossa_runtime::port::RunId;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::{Format, Output};
use crate::run_steer::{By, tell};

#[derive(Debug, Subcommand)]
pub(crate) enum Answer {
    /// Answer a step that waits for a person
    Decide(Decide),
    /// Send an event to a run
    Signal(Signal),
}

#[derive(Debug, Args)]
pub(crate) struct Decide {
    /// The run's id
    run: RunId,
    /// The step's id
    step: String,
    /// `approve` or `reject`, or the form of a human task as JSON
    decision: String,
    #[command(flatten)]
    by: By,
}

#[derive(Debug, Args)]
pub(crate) struct Signal {
    /// The run's id
    run: RunId,
    /// The event's name, as in `event.type` of the step that waits
    event: String,
    /// A JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    payload: String,
}

impl Answer {
    pub(crate) fn give(
        self,
        engine: &Engine,
        format: Format,
        output: &mut Output,
    ) -> Result<u8, Failure> {
        let (run, status) = match self {
            Self::Decide(it) => {
                let by = it.by.ordered();
                // What is no JSON is a word.
                let decision = serde_json::from_str(&it.decision);
                let decision = decision.unwrap_or(Value::String(it.decision));
                let comment = Some(by.reason.as_str()).filter(|reason| !reason.is_empty());
                let status = engine.decide(it.run, &it.step, decision, &by.by, comment)?;
                (it.run, status)
            }
            Self::Signal(it) => {
                let payload = serde_json::from_str(&it.payload).map_err(|error| {
                    Failure::Usage(format!("--payload must be a JSON object: {error}"))
                })?;
                let payload = Value::Object(payload);
                (it.run, engine.signal(it.run, &it.event, payload)?)
            }
        };
        tell(run, status, format, output)?;
        Ok(0)
    }
}
