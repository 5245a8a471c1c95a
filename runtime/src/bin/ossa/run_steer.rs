//! `ossa run pause|resume|cancel|…`: what operators order.

use clap::{Args, Subcommand};
use ossa_runtime::engine::{Engine, OrderedBy};
use ossa_runtime::port::{RunId, RunStatus};
use serde_json::json;

use crate::failure::Failure;
use crate::output::{FINDINGS, Format, Output};

#[derive(Debug, Subcommand)]
pub(crate) enum Steer {
    /// Dispatch nothing more until the run is resumed; what workers hold may finish, deadlines keep running
    Pause(OfRun),
    /// Let a paused run go on
    Resume(OfRun),
    /// End a run: give up what is in flight, then undo what was done if the workflow says how
    Cancel(OfRun),
    /// End a run at once, without compensation
    Abort(OfRun),
    /// Set a run aside: as a pause, but only a release ends it
    Quarantine(OfRun),
    /// Let a run that was set aside go on
    Release(OfRun),
    /// Try a failed step again, beyond its policy; a run that failed goes on
    Retry(OfStep),
    /// Go on without a step, as if its condition did not hold
    Skip(OfStep),
    /// Run a step now that waits only for its retry, a free slot, or the end of a pause
    Execute(OfStep),
}

#[derive(Debug, Args)]
pub(crate) struct OfRun {
    /// The run's id
    run: RunId,
    #[command(flatten)]
    by: By,
}

#[derive(Debug, Args)]
pub(crate) struct OfStep {
    /// The run's id
    run: RunId,
    /// The step's id
    step: String,
    #[command(flatten)]
    by: By,
}

/// Kept in the run's log.
#[derive(Debug, Args)]
pub(crate) struct By {
    /// Who orders it; else what USER says
    #[arg(long)]
    by: Option<String>,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
}

impl By {
    pub(crate) fn ordered(self) -> OrderedBy {
        let by = self.by.or_else(|| std::env::var("USER").ok());
        OrderedBy::new(by.unwrap_or_default()).because(self.reason)
    }
}

impl Steer {
    pub(crate) fn carry_out(
        self,
        engine: &Engine,
        format: Format,
        output: &mut Output,
    ) -> Result<u8, Failure> {
        let (run, status) = match self {
            Self::Pause(it) => (it.run, engine.pause(it.run, it.by.ordered())?),
            Self::Resume(it) => (it.run, engine.resume(it.run, it.by.ordered())?),
            Self::Cancel(it) => return cancel(engine, it, format, output),
            Self::Abort(it) => (it.run, engine.abort(it.run, it.by.ordered())?),
            Self::Quarantine(it) => (it.run, engine.quarantine(it.run, it.by.ordered())?),
            Self::Release(it) => (it.run, engine.release(it.run, it.by.ordered())?),
            Self::Retry(it) => {
                engine.retry_step(it.run, &it.step, it.by.ordered())?;
                (it.run, status(engine, it.run)?)
            }
            Self::Skip(it) => {
                let status = engine.skip_step(it.run, &it.step, it.by.ordered())?;
                (it.run, status)
            }
            Self::Execute(it) => {
                engine.execute_step(it.run, &it.step, it.by.ordered())?;
                (it.run, status(engine, it.run)?)
            }
        };
        tell(run, status, format, output)?;
        Ok(0)
    }
}

fn cancel(engine: &Engine, it: OfRun, format: Format, output: &mut Output) -> Result<u8, Failure> {
    let canceled = engine.cancel(it.run, it.by.ordered())?;
    let status = status(engine, it.run)?;
    if !canceled {
        output.note(format!(
            "ossa: run {} has ended already: it is {}",
            it.run,
            status.as_str()
        ));
        return Ok(FINDINGS);
    }
    tell(it.run, status, format, output)?;
    Ok(0)
}

fn status(engine: &Engine, run: RunId) -> Result<RunStatus, Failure> {
    let details = engine.run(run)?;
    details
        .map(|details| details.run.status)
        .ok_or_else(|| crate::run::unknown(run))
}

pub(crate) fn tell(
    run: RunId,
    status: RunStatus,
    format: Format,
    output: &mut Output,
) -> Result<(), Failure> {
    let status = status.as_str();
    output.line(match format {
        Format::Json => json!({ "run": run, "status": status }).to_string(),
        Format::Text => format!("run {run} is {status}"),
    })?;
    Ok(())
}
