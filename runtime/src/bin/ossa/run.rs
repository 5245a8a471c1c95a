//! `ossa run`: what runs are there, and what became of them?

use std::io;
use std::thread::sleep;
use std::time::Duration;

use clap::{Args, Subcommand};
use ossa_runtime::engine::{Engine, EngineOptions, RunDetails};
use ossa_runtime::port::{RunId, RunStatus, Timestamp, Version};
use ossa_runtime::run::StepView;

use crate::failure::Failure;
use crate::output::{FINDINGS, Format, Output, to_json};
use crate::run_answer::Answer;
use crate::run_list::{List, Prune};
use crate::run_migrate::Migrate;
use crate::run_move::{Export, Import};
use crate::run_steer::Steer;
use crate::store::StoreOptions;
use crate::timeline;

/// How often a tail looks for new events.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Transitions read at once.
const ROWS: usize = 256;

/// Look at runs, steer and repair them
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    on: StoreOptions,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List runs, newest first
    List(List),
    /// Show one run: its steps and its timeline
    Show {
        /// The run's id
        run: RunId,
    },
    #[command(flatten)]
    Steer(Steer),
    #[command(flatten)]
    Answer(Answer),
    /// Remove runs that have ended, with their history
    Prune(Prune),
    Migrate(Migrate),
    Export(Export),
    Import(Import),
    /// Say in words what a run waits for, or why it ended
    Why {
        /// The run's id
        run: RunId,
    },
    /// Print a run's events
    History {
        /// The run's id
        run: RunId,
        /// Only those of transitions after this version
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// Those of at most so many transitions
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Print a run's events as they come, until it ends; exit code 1 if it ends otherwise than completed
    Tail {
        /// The run's id
        run: RunId,
    },
}

impl Run {
    pub(crate) fn run(self, output: &mut Output) -> io::Result<u8> {
        self.answer(output).or_else(|failure| failure.tell(output))
    }

    fn answer(self, output: &mut Output) -> Result<u8, Failure> {
        let engine = match self.verb {
            // A run may be brought into a store that is made for it.
            Verb::Import(_) => Engine::open(&self.on.dsn()?, EngineOptions::default())?,
            Verb::Migrate(ref migrate) => self.on.open(migrate.options())?,
            _ => self.on.open(EngineOptions::default())?,
        };
        let format = self.on.format;
        match self.verb {
            Verb::List(list) => list.write(&engine, format, output),
            Verb::Show { run } => {
                let details = engine.run(run)?.ok_or_else(|| unknown(run))?;
                match format {
                    Format::Json => output.line(to_json(&details)?)?,
                    Format::Text => show(&details, output)?,
                }
                Ok(0)
            }
            Verb::Steer(order) => order.carry_out(&engine, format, output),
            Verb::Answer(answer) => answer.give(&engine, format, output),
            Verb::Prune(prune) => prune.carry_out(&engine, format, output),
            Verb::Migrate(migrate) => migrate.carry_out(&engine, format, output),
            Verb::Export(export) => export.write(&engine, output),
            Verb::Import(import) => import.carry_out(&engine, format, output),
            Verb::Why { run } => why(&engine, run, format, output),
            Verb::History { run, after, limit } => {
                let limit = limit.unwrap_or(usize::MAX);
                history(&engine, run, Version(after), limit, format, output)
            }
            Verb::Tail { run } => tail(&engine, run, format, output),
        }
    }
}

fn show(details: &RunDetails, output: &mut Output) -> io::Result<()> {
    let run = &details.run;
    let version = run.workflow_version.as_deref().unwrap_or_default();
    let mut facts = vec![
        ("run", run.run.to_string()),
        ("workflow", format!("{} {version}", run.workflow)),
        (
            "status",
            format!("{}, {} % done", run.status.as_str(), run.progress),
        ),
        ("created", run.created_at.to_string()),
    ];
    if let Some(ended) = run.ended_at {
        let took = took(run.created_at, ended);
        facts.push(("ended", format!("{ended}, after {took}")));
    }
    if let Some(id) = &run.correlation_id {
        facts.push(("correlation", id.clone()));
    }
    if let Some(parent) = &run.parent {
        let (id, step, workflow) = (parent.run, &parent.step, &parent.workflow);
        facts.push(("parent", format!("{id}, step {step} of {workflow}")));
    }
    if let Some(group) = &run.group {
        facts.push(("group", group.clone()));
    }
    if !run.labels.is_empty() {
        let labels = run
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        facts.push(("labels", labels.collect::<Vec<_>>().join(" ")));
    }
    if let Some(error) = &run.error {
        facts.push(("error", format!("{} ({})", error.message, error.code)));
    }
    if let Some(result) = &run.output {
        facts.push(("output", result.to_string()));
    }
    for (name, value) in facts {
        output.line(format!("{name:<12}{}", value.trim_end()))?;
    }
    output.line("")?;
    let width = run.steps.iter().map(|step| step.id.chars().count()).max();
    let width = width.unwrap_or(0).max("STEP".len());
    output.line(format!(
        "{:<width$}  {:<10}  {:>8}  TOOK",
        "STEP", "STATUS", "ATTEMPTS"
    ))?;
    for step in &run.steps {
        let line = format!(
            "{:<width$}  {:<10}  {:>8}  {}",
            step.id,
            step.status,
            step.attempts,
            remark(step)
        );
        output.line(line.trim_end())?;
    }
    output.line("")?;
    for event in &details.events {
        output.line(timeline::line(event, run.created_at))?;
    }
    Ok(())
}

fn remark(step: &StepView) -> String {
    let took = match (step.started_at, step.finished_at) {
        (Some(started), Some(finished)) => took(started, finished),
        _ => String::new(),
    };
    let child = step.child.map(|run| format!("run {run}"));
    let error = step.error.as_ref();
    let error = error.map(|error| format!("{} ({})", error.message, error.code));
    let parts = std::iter::once(took).chain(child).chain(error);
    parts.collect::<Vec<_>>().join("  ")
}

fn took(from: Timestamp, until: Timestamp) -> String {
    let millis = until.since(from).as_millis();
    if millis < 1000 {
        return format!("{millis} ms");
    }
    format!("{}.{:03} s", millis / 1000, millis % 1000)
}

fn why(engine: &Engine, run: RunId, format: Format, output: &mut Output) -> Result<u8, Failure> {
    let why = engine.why(run)?;
    if format == Format::Json {
        output.line(to_json(&why)?)?;
        return Ok(0);
    }
    output.line(format!(
        "run {run} of {} is {}, {} % done",
        why.workflow,
        why.status.as_str(),
        why.progress
    ))?;
    for reason in &why.reasons {
        output.line(format!("  {}", reason.text))?;
    }
    Ok(0)
}

fn history(
    engine: &Engine,
    run: RunId,
    mut after: Version,
    limit: usize,
    format: Format,
    output: &mut Output,
) -> Result<u8, Failure> {
    let created = engine.run(run)?.ok_or_else(|| unknown(run))?.run.created_at;
    let mut left = limit;
    while left > 0 {
        let rows = left.min(ROWS);
        let events = engine.events(run, after, rows)?;
        let Some(last) = events.last() else { break };
        after = last.version;
        left -= rows;
        for event in &events {
            output.line(match format {
                Format::Json => to_json(event)?,
                Format::Text => timeline::line(event, created),
            })?;
        }
    }
    Ok(0)
}

fn tail(engine: &Engine, run: RunId, format: Format, output: &mut Output) -> Result<u8, Failure> {
    let created = engine.run(run)?.ok_or_else(|| unknown(run))?.run.created_at;
    let mut after = Version(0);
    loop {
        // Asked before the events are read: none can be missing when it had ended by then.
        let status = engine.run(run)?.ok_or_else(|| unknown(run))?.run.status;
        loop {
            let events = engine.events(run, after, ROWS)?;
            let Some(last) = events.last() else { break };
            after = last.version;
            for event in &events {
                output.line(match format {
                    Format::Json => to_json(event)?,
                    Format::Text => timeline::line(event, created),
                })?;
            }
        }
        output.flush()?;
        if status.is_terminal() {
            return Ok(if status == RunStatus::Completed {
                0
            } else {
                FINDINGS
            });
        }
        sleep(LOOK_EVERY);
    }
}

pub(crate) fn unknown(run: RunId) -> Failure {
    Failure::Usage(format!("there is no run {run} in this store"))
}
