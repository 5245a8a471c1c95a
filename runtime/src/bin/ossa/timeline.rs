//! Events of a run, each in a line for people.

use ossa_runtime::engine::EventView;
use ossa_runtime::port::Timestamp;
use ossa_runtime::run::{Event, RunError, SkipReason, StepError, StepOrder};

/// `+0.125 s  create_profile: attempt 1 dispatched`; the time is that since `start`.
pub(crate) fn line(view: &EventView, start: Timestamp) -> String {
    let millis = view.at.since(start).as_millis();
    let (seconds, millis) = (millis / 1000, millis % 1000);
    format!(
        "{:>12}  {}",
        format!("+{seconds}.{millis:03} s"),
        text(&view.event)
    )
}

fn text(event: &Event) -> String {
    match event {
        Event::RunCreated { workflow, .. } => format!("run of {workflow} created"),
        Event::RunStarted => "run started".to_owned(),
        Event::RunCompleted { .. } => "run completed".to_owned(),
        Event::RunCanceling { by, reason } => ordered("run is to be canceled", by, reason),
        Event::RunFailing { error } => format!("run is to fail: {}", run_error(error)),
        Event::CompensationOpened { .. } => "what was done is undone".to_owned(),
        Event::RunFailed { error, compensated } => {
            let undone = if *compensated { " and compensated" } else { "" };
            format!("run failed{undone}: {}", run_error(error))
        }
        Event::StepWaiting { step, due, .. } => match due {
            Some(due) => format!("{step}: waits until {due}"),
            None => format!("{step}: waits"),
        },
        Event::StepVoted {
            step, by, approved, ..
        } => {
            let how = if *approved { "approved" } else { "rejected" };
            format!("{step}: {how} by {by}")
        }
        Event::StepAnswered { step, by, .. } => match by {
            Some(by) => format!("{step}: answered by {by}"),
            None => format!("{step}: answered by an event"),
        },
        Event::StepEscalated { step, to, .. } => {
            format!("{step}: has waited for long, tell {}", to.join(", "))
        }
        Event::SignalKept { name, .. } => format!("signal {name} kept for a step to come"),
        Event::StepJumpedTo { step, from, .. } => format!("{step}: answers the failure of {from}"),
        Event::RunCanceled { by, reason } => ordered("run canceled", by, reason),
        Event::RunAborted { by, reason } => ordered("run aborted", by, reason),
        Event::RunPaused { by, reason } => ordered("run paused", by, reason),
        Event::RunResumed { by, reason } => ordered("run resumed", by, reason),
        Event::RunQuarantined { by, reason } => ordered("run quarantined", by, reason),
        Event::RunReleased { by, reason } => ordered("run released", by, reason),
        Event::RunMigrated { by, reason, .. } => {
            ordered("run goes on with another version", by, reason)
        }
        Event::RunReopened => "run reopened".to_owned(),
        Event::GroupNoted { ahead: 0 } => "its concurrency group knows".to_owned(),
        Event::GroupNoted { ahead } => {
            format!("waits for a slot of its concurrency group behind {ahead} runs")
        }
        Event::ParentTold => "its parent knows".to_owned(),
        Event::VariableSet { name, .. } => format!("variable {name} set"),
        Event::ValidationFailed {
            step,
            subject,
            violations,
        } => {
            let subject = match step {
                Some(step) => format!("{step}: {subject}"),
                None => subject.clone(),
            };
            format!("{subject} not as agreed: {}", violations.join("; "))
        }
        Event::NotificationRequested {
            channels, error, ..
        } => {
            format!("{} to be told: {}", channels.join(", "), run_error(error))
        }
        Event::Warned { message } => format!("warning: {message}"),
        step => of_step(step),
    }
}

fn of_step(event: &Event) -> String {
    match event {
        Event::StepReady { step, .. } => format!("{step}: ready"),
        Event::StepDispatched { step, attempt, .. } => {
            format!("{step}: attempt {attempt} dispatched")
        }
        Event::StepCompleted {
            step,
            error: Some(error),
            ..
        } => {
            format!(
                "{step}: completed, its failure ignored: {}",
                step_error(error)
            )
        }
        Event::StepCompleted { step, .. } => format!("{step}: completed"),
        Event::AttemptFailed {
            step,
            attempt,
            error,
            ..
        } => {
            format!("{step}: attempt {attempt} failed: {}", step_error(error))
        }
        Event::StepRetryScheduled {
            step, attempt, due, ..
        } => {
            format!("{step}: attempt {attempt} due at {due}")
        }
        Event::StepFailed {
            step,
            error,
            continued,
            ..
        } => {
            let goes_on = if *continued { ", the run goes on" } else { "" };
            format!("{step}: failed{goes_on}: {}", step_error(error))
        }
        Event::StepFellBack { step, fallback, .. } => format!("{step}: falls back to {fallback}"),
        Event::StepSkipped { step, reason, .. } => format!("{step}: skipped, {}", skipped(*reason)),
        Event::StepOpened { step, branch, .. } => match branch {
            Some(branch) => format!("{step}: its steps begin, branch {branch}"),
            None => format!("{step}: its steps begin"),
        },
        Event::ScopeOpened {
            step, iteration, ..
        } => match iteration {
            Some(iteration) => format!("{step}: iteration {iteration} begins"),
            None => format!("{step}: its steps are there"),
        },
        Event::IterationFinished {
            step,
            iteration,
            failed,
            ..
        } => {
            let how = if *failed { ", a step in it failed" } else { "" };
            format!("{step}: iteration {iteration} ended{how}")
        }
        Event::ChildStarted { step, run, .. } => format!("{step}: runs as {run}"),
        Event::ChildClosing {
            step, run, abort, ..
        } => {
            let how = if *abort { "aborted" } else { "canceled" };
            format!("{step}: run {run} is to be {how}")
        }
        Event::ChildClosed { step, run, .. } => format!("{step}: run {run} knows"),
        Event::StepCanceled { step, .. } => format!("{step}: canceled"),
        Event::StepSteered {
            step,
            order,
            by,
            reason,
            ..
        } => {
            let order = match order {
                StepOrder::Skip => "to be skipped",
                StepOrder::Execute => "to be executed now",
                StepOrder::Retry => "retried",
            };
            ordered(&format!("{step}: {order}"), by, reason)
        }
        Event::StepReopened { step, .. } => format!("{step}: reopened"),
        // An event of a newer version, for which there are no words here.
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

fn ordered(what: &str, by: &str, reason: &str) -> String {
    let by = if by.is_empty() {
        String::new()
    } else {
        format!(" by {by}")
    };
    if reason.is_empty() {
        format!("{what}{by}")
    } else {
        format!("{what}{by}: {reason}")
    }
}

fn skipped(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::Condition => "its condition does not hold",
        SkipReason::UpstreamFailed => "a step it depends on failed",
        SkipReason::UpstreamSkipped => "a step it depends on was skipped",
        SkipReason::Operator => "as ordered",
        SkipReason::RunEnded => "the run ended first",
        SkipReason::JumpedOver => "a step before it failed, and a later one answers that",
        SkipReason::BlockEnded => "another step of its block failed",
    }
}

fn run_error(error: &RunError) -> String {
    format!("{} ({})", error.message, error.code)
}

fn step_error(error: &StepError) -> String {
    format!("{} ({})", error.message, error.code)
}
