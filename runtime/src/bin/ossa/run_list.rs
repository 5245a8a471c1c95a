//! `ossa run list` and `ossa run prune`: many runs at once.

use std::io;
use std::time::Duration;

use clap::Args;
use ossa_runtime::engine::{Engine, PruneRule};
use ossa_runtime::port::{Page, RunFilter, RunHead, RunId, RunStatus, Timestamp};

use crate::failure::Failure;
use crate::output::{Format, Output, to_json};
use crate::time::{length, moment};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only runs with this status; may be given several times
    #[arg(long, value_parser = status)]
    status: Vec<RunStatus>,
    /// Only runs of this workflow or task
    #[arg(long)]
    workflow: Option<String>,
    /// Only runs with this correlation id
    #[arg(long)]
    correlation_id: Option<String>,
    /// Only runs with this label, as name=value; may be given several times
    #[arg(long, value_parser = label, value_name = "NAME=VALUE")]
    label: Vec<(String, String)>,
    /// Only runs created then or later: a time, a day, or a length of time ago (12h)
    #[arg(long, value_parser = moment, value_name = "TIME")]
    created_from: Option<Timestamp>,
    /// Only runs created before
    #[arg(long, value_parser = moment, value_name = "TIME")]
    created_before: Option<Timestamp>,
    /// Only runs that last changed then or later
    #[arg(long, value_parser = moment, value_name = "TIME")]
    updated_from: Option<Timestamp>,
    /// Only runs that last changed before
    #[arg(long, value_parser = moment, value_name = "TIME")]
    updated_before: Option<Timestamp>,
    /// Continue after this run
    #[arg(long, value_name = "RUN")]
    after: Option<RunId>,
    /// At most so many
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

impl List {
    pub(crate) fn write(
        self,
        engine: &Engine,
        format: Format,
        output: &mut Output,
    ) -> Result<u8, Failure> {
        let filter = RunFilter {
            statuses: self.status,
            workflow: self.workflow,
            correlation_id: self.correlation_id,
            labels: self.label.into_iter().collect(),
            created_from: self.created_from,
            created_before: self.created_before,
            updated_from: self.updated_from,
            updated_before: self.updated_before,
        };
        let page = Page {
            after: self.after,
            limit: self.limit,
        };
        let found = engine.runs(&filter, &page)?;
        write(&found.runs, format, output)?;
        if let Some(next) = found.next.filter(|_| format == Format::Text) {
            output.note(format!("there are more: --after={next}"));
        }
        Ok(0)
    }
}

/// Remove runs that have ended, with their history
#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Of runs that ended so: completed, failed or canceled; all three if not given; may be given several times
    #[arg(long, value_parser = status)]
    status: Vec<RunStatus>,
    /// Those that ended longer ago than this: 90s, 45m, 12h, 30d, 2w
    #[arg(long, value_parser = length, value_name = "TIME")]
    older_than: Option<Duration>,
    /// Those beyond this many of each status, the latest counted first
    #[arg(long, value_name = "COUNT")]
    keep: Option<u64>,
    /// At most so many
    #[arg(long, default_value_t = 100_000)]
    limit: usize,
    /// Only say which
    #[arg(long)]
    dry_run: bool,
}

impl Prune {
    pub(crate) fn carry_out(
        self,
        engine: &Engine,
        format: Format,
        output: &mut Output,
    ) -> Result<u8, Failure> {
        let statuses = if self.status.is_empty() {
            vec![RunStatus::Completed, RunStatus::Failed, RunStatus::Canceled]
        } else {
            self.status
        };
        let rules: Vec<_> = statuses
            .into_iter()
            .map(|status| PruneRule {
                status,
                max_age: self.older_than,
                max_count: self.keep,
            })
            .collect();
        let pruned = engine.prune(&rules, self.limit, self.dry_run)?;
        if self.dry_run || format == Format::Json {
            write(&pruned.runs, format, output)?;
        }
        let count = pruned.runs.len();
        let what = if self.dry_run {
            "would be removed"
        } else {
            "removed"
        };
        let more = if pruned.more { "; there are more" } else { "" };
        output.note(format!("{count} runs {what}{more}"));
        Ok(0)
    }
}

fn write(runs: &[RunHead], format: Format, output: &mut Output) -> io::Result<()> {
    if format == Format::Text {
        return table(runs, output);
    }
    for head in runs {
        output.line(to_json(head)?)?;
    }
    Ok(())
}

fn table(runs: &[RunHead], output: &mut Output) -> io::Result<()> {
    let width = runs.iter().map(|run| run.workflow.chars().count()).max();
    let width = width.unwrap_or(0).max("WORKFLOW".len());
    output.line(format!(
        "{:<36}  {:<11}  {:>4}  {:<width$}  {:<24}  AT",
        "RUN", "STATUS", "DONE", "WORKFLOW", "CREATED"
    ))?;
    for run in runs {
        let at = run.error.as_ref().or(run.current_step.as_ref());
        let line = format!(
            "{:<36}  {:<11}  {:>3}%  {:<width$}  {:<24}  {}",
            run.run.to_string(),
            run.status.as_str(),
            run.progress,
            run.workflow,
            run.created_at.to_string(),
            at.map_or("", String::as_str)
        );
        output.line(line.trim_end())?;
    }
    Ok(())
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a label as name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn status(name: &str) -> Result<RunStatus, String> {
    RunStatus::parse(name).ok_or_else(|| {
        "one of pending, running, waiting, paused, completed, failed, canceled, quarantined"
            .to_owned()
    })
}
