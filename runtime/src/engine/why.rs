//! Why a run stands where it stands, in words.

use std::collections::HashMap;

use serde::Serialize;

use super::Engine;
use super::asked::asked;
use super::core::Core;
use super::import::MissingRun;
use super::stored::{Hot, not_found};
use crate::error::Error;
use crate::plan::Action;
use crate::policy::{Group, Standing};
use crate::port::{Delivery, MessageId, RunId, RunStatus, Timestamp};
use crate::run::{Hold, Phase, Place, StepState};

/// Why a run is not further than it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The run.
    pub run: RunId,
    /// Name of the workflow or task.
    pub workflow: String,
    /// Where it stands.
    pub status: RunStatus,
    /// Share of its steps that are settled, 0–100.
    pub progress: u8,
    /// What it waits for, or how it ended: the run's own reasons first, then those of its steps.
    pub reasons: Vec<Reason>,
}

/// One thing that a run waits for, or why it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// For programs: `ended`, `undoing`, `quarantined`, `paused`, `deadline`, `working`, `queued`, `relayed`, `breaker`, `retry`, `slot`,
    /// `held`, `open`, `group`, `answer`, `child`, `missing`, `dependencies` or `undispatched`.
    pub code: &'static str,
    /// The step it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// For people.
    pub text: String,
    /// When it is over at the latest, where that is known; in milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Reason {
    const fn of_run(code: &'static str, text: String) -> Self {
        Self {
            code,
            step: None,
            text,
            until: None,
        }
    }

    const fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }
}

impl Engine {
    /// Says in words what a run waits for: which steps, workers, retries and people; or how it ended.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run; what the store fails with.
    pub fn why(&self, run: RunId) -> Result<Explanation, Error> {
        let core = self.core();
        let backend = core.backend()?;
        let hot = core.current(run)?;
        // Read after the state: an item that is missing was settled meanwhile.
        let items = backend.step_items(&run)?;
        let head = backend.heads(&[run])?.pop().flatten();
        let head = head.ok_or_else(|| not_found(run))?;
        let outside = Outside {
            parked: core.parked(&items)?,
            items,
            missing: core.missing_children(&hot)?,
        };
        let mut reasons = hot.reasons(&outside, core.now());
        if let Some((name, _, Standing::Waiting)) = hot.state.member(&hot.plan) {
            // The steps wait for nothing but the run.
            reasons.retain(|reason| reason.code != "dependencies");
            let reason = in_group(name, run, &core.group(name)?);
            reasons.insert(0, reason);
        }
        Ok(Explanation {
            run,
            workflow: head.workflow,
            status: hot.state.status(),
            progress: hot.state.progress(),
            reasons,
        })
    }
}

impl Core {
    /// What each attempt waits for that a circuit breaker keeps waiting.
    fn parked(&self, items: &[Delivery]) -> Result<HashMap<MessageId, String>, Error> {
        let mut parked = HashMap::new();
        for item in items {
            if let Some(guarded) = self.guarded_item(item)
                && let Some(breaker) = self.waits_for_breaker(&guarded)?
            {
                parked.insert(item.receipt.id.clone(), breaker);
            }
        }
        Ok(parked)
    }
}

impl Outside {
    fn missing_child_of(&self, step: &StepState) -> Option<&MissingRun> {
        let mut missing = self.missing.iter();
        missing.find(|missing| Some(missing.run) == step.child)
    }
}

/// What a run waits for that has no slot of its concurrency group.
fn in_group(name: &str, run: RunId, group: &Group) -> Reason {
    let line = group.place(run).map_or(0, |place| place + 1);
    let holders: Vec<_> = group.holders.iter().map(|it| it.run.to_string()).collect();
    let text = match holders.as_slice() {
        [] => format!("it is about to get a slot of concurrency group `{name}`"),
        holders => format!(
            "it waits for a slot of concurrency group `{name}`, as number {line} in line, for the end of run {}",
            holders.join(" or ")
        ),
    };
    Reason::of_run("group", text)
}

/// What there is of a run besides its state.
struct Outside {
    items: Vec<Delivery>,
    /// What items wait for that a circuit breaker keeps waiting.
    parked: HashMap<MessageId, String>,
    /// Child runs that are not there.
    missing: Vec<MissingRun>,
}

impl Hot {
    fn reasons(&self, outside: &Outside, now: Timestamp) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if let Some(end) = self.end() {
            reasons.push(Reason::of_run("ended", end));
        }
        if let Some(hold) = self.state.quarantined() {
            let text = format!("it was set aside{}; `release` lets it go on", ordered(hold));
            reasons.push(Reason::of_run("quarantined", text));
        }
        if let Some(hold) = self.state.paused() {
            let text = format!("it was paused{}; `resume` lets it go on", ordered(hold));
            reasons.push(Reason::of_run("paused", text));
        }
        if let Some(failing) = self
            .state
            .failing()
            .filter(|_| !self.state.status().is_terminal())
        {
            let (code, message) = (&failing.error.code, &failing.error.message);
            let text = format!("it undoes what it did, then it ends: {message} ({code})");
            reasons.push(Reason::of_run("undoing", text));
        }
        for (place, step) in self.state.steps() {
            reasons.extend(self.reason_of(place, step, outside, now));
        }
        let deadline = self.state.deadline();
        if let Some(deadline) = deadline.filter(|_| !self.state.status().is_terminal()) {
            let text = format!("it fails with TIMEOUT unless it ends by {deadline}");
            reasons.push(Reason::of_run("deadline", text).until(deadline));
        }
        reasons
    }

    fn end(&self) -> Option<String> {
        let at = self.head.ended_at?;
        let state = &self.state;
        Some(match state.status() {
            RunStatus::Failed => {
                let error = state.error()?;
                let (code, message) = (&error.code, &error.message);
                match (&error.step_id, error.attempt) {
                    (Some(step), Some(attempt)) => format!(
                        "it failed at {at} because step `{step}` failed in attempt {attempt}: {message} ({code})"
                    ),
                    (Some(step), None) => {
                        format!(
                            "it failed at {at} because step `{step}` could not run: {message} ({code})"
                        )
                    }
                    (None, _) => format!("it failed at {at}: {message} ({code})"),
                }
            }
            RunStatus::Canceled => match state.reason().unwrap_or_default() {
                "" => format!("it was canceled at {at}"),
                reason => format!("it was canceled at {at}: {reason}"),
            },
            status => format!("it {} at {at}", status.as_str()),
        })
    }

    fn reason_of(
        &self,
        place: Place,
        step: &StepState,
        outside: &Outside,
        now: Timestamp,
    ) -> Option<Reason> {
        let item = outside.items.iter().find(|item| {
            let attempt = place.attempt(self.head.run, step.attempt);
            item.step.is_some_and(|item| item.step == attempt)
        });
        let id = self.plan.node(place.node)?.id.clone();
        let reason = |code, text: String| Reason {
            code,
            step: Some(id.clone()),
            text,
            until: None,
        };
        let attempt = step.attempt;
        let held = self.state.is_held() && !step.executed;
        let node = self.plan.node(place.node)?;
        Some(match step.phase {
            Phase::Child if let Some(missing) = outside.missing_child_of(step) => {
                reason("missing", missing.to_string())
            }
            Phase::Child => {
                let child = step.child.map(|run| run.to_string()).unwrap_or_default();
                let workflow = node.task().and_then(|task| task.name.as_deref());
                let workflow = workflow.unwrap_or_default();
                let text = format!("`{id}` waits for the end of run {child} (`{workflow}`)");
                reason("child", text)
            }
            Phase::Running | Phase::Retrying { .. }
                if matches!(node.action, Action::Subflow(_)) =>
            {
                self.child_to_come(&id, step, held, now)
            }
            Phase::Running | Phase::Retrying { .. } => match item {
                None => reason(
                    "undispatched",
                    format!("attempt {attempt} of `{id}` has just been settled; look again"),
                ),
                Some(item) => {
                    let (code, text, until) = in_queue(&id, step, item, held, now);
                    match outside.parked.get(&item.receipt.id) {
                        Some(breaker) if matches!(code, "queued" | "relayed") => {
                            reason("breaker", format!("`{id}` waits: {breaker}"))
                        }
                        _ => Reason {
                            until,
                            ..reason(code, text)
                        },
                    }
                }
            },
            Phase::Ready if held => reason("held", format!("`{id}` is ready; the run is held")),
            Phase::Ready => {
                let text = format!("`{id}` is ready and waits for a free slot");
                let limit = self.plan.max_parallel();
                let limit = limit.map_or_else(String::new, |max| {
                    format!(": the workflow runs {max} steps at a time")
                });
                reason("slot", text + &limit)
            }
            Phase::Pending => {
                let waits = self.waits_for(place);
                let skip = if step.to_skip {
                    "; it is to be skipped then"
                } else {
                    ""
                };
                reason("dependencies", format!("`{id}` waits for {waits}{skip}"))
            }
            Phase::Open => {
                let branch = step
                    .block
                    .as_ref()
                    .and_then(|block| block.branch.as_deref());
                let branch =
                    branch.map_or_else(String::new, |branch| format!(" (branch `{branch}`)"));
                reason("open", format!("`{id}` waits for the steps in it{branch}"))
            }
            Phase::Waiting => {
                let wait = step.wait.as_deref();
                let asked = match &self.plan.node(place.node)?.action {
                    Action::Wait(planned) => asked(planned, wait),
                    _ => return None,
                };
                Reason {
                    until: wait.and_then(|wait| wait.due),
                    ..reason("answer", format!("`{id}` waits for {asked}"))
                }
            }
            _ => return None,
        })
    }

    /// Of an attempt whose child run is still to be started.
    fn child_to_come(&self, id: &str, step: &StepState, held: bool, now: Timestamp) -> Reason {
        let attempt = step.attempt;
        let (code, text, until) = match step.phase {
            _ if held => (
                "held",
                format!("attempt {attempt} of `{id}` is not started: the run is held"),
                None,
            ),
            Phase::Retrying { due } if due > now => (
                "retry",
                format!("attempt {attempt} of `{id}` is due at {due}"),
                Some(due),
            ),
            _ => (
                "undispatched",
                format!(
                    "attempt {attempt} of `{id}` is about to start a run of its own; look again"
                ),
                None,
            ),
        };
        Reason {
            code,
            step: Some(id.to_owned()),
            text,
            until,
        }
    }

    fn waits_for(&self, place: Place) -> String {
        let Some(node) = self.plan.node(place.node) else {
            return String::new();
        };
        let unmet = node.depends_on.iter().filter(|dependency| {
            let step = self.state.step(Place {
                node: **dependency,
                ..place
            });
            step.is_none_or(|step| !step.phase.is_settled())
        });
        let ids = unmet.filter_map(|node| self.plan.node(*node));
        let ids: Vec<_> = ids.map(|node| format!("`{}`", node.id)).collect();
        ids.join(", ")
    }
}

/// What the item of an attempt in flight says: with a worker, on its way, to come, or waiting for a worker.
fn in_queue(
    id: &str,
    step: &StepState,
    item: &Delivery,
    held: bool,
    now: Timestamp,
) -> (&'static str, String, Option<Timestamp>) {
    let attempt = step.attempt;
    let error = step.error.as_deref();
    let error = error.map_or_else(String::new, |error| {
        format!(", after {} ({})", error.message, error.code)
    });
    let hidden = item.visible_at > now;
    match (step.phase, item.deadline) {
        (_, Some(deadline)) if hidden => (
            "working",
            format!(
                "a worker has attempt {attempt} of `{id}`; its time is up at {deadline}{error}"
            ),
            Some(deadline),
        ),
        _ if held => (
            "held",
            format!("attempt {attempt} of `{id}` is not handed out: the run is held{error}"),
            None,
        ),
        (Phase::Retrying { due }, _) if due > now => (
            "retry",
            format!("attempt {attempt} of `{id}` is due at {due}{error}"),
            Some(due),
        ),
        _ if hidden => (
            "relayed",
            format!(
                "attempt {attempt} of `{id}` was handed to the transport; if nobody takes it, it is sent again at {}{error}",
                item.visible_at
            ),
            Some(item.visible_at),
        ),
        _ => {
            let lost = match item.losses {
                0 => String::new(),
                1 => "; a worker was lost while running it".to_owned(),
                losses => format!("; {losses} workers were lost while running it"),
            };
            (
                "queued",
                format!(
                    "attempt {attempt} of `{id}` waits for a worker since {} ({} s): does one read queue `{}`?{lost}{error}",
                    item.visible_at,
                    now.since(item.visible_at).as_secs(),
                    item.queue,
                ),
                None,
            )
        }
    }
}

fn ordered(hold: &Hold) -> String {
    let by = if hold.by.is_empty() {
        String::new()
    } else {
        format!(" by {}", hold.by)
    };
    let reason = if hold.reason.is_empty() {
        String::new()
    } else {
        format!(" ({})", hold.reason)
    };
    format!("{by} at {}{reason}", hold.at)
}
