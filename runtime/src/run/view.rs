//! A run for people and programs: lists, timelines, exports.

use serde::Serialize;
use serde_json::{Map, Value};

use super::child::Parent;
use super::data::Data;
use super::event::{RunError, SkipReason};
use super::input::StepError;
use super::state::{Cursor, Phase, Place, RunState, ScopeId, StepState, WaitState};
use crate::plan::Plan;
use crate::port::{Labels, PlanHash, Priority, RunHead, RunId, RunStatus, Timestamp, Version};

/// All that is known about a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunView {
    /// The run.
    pub run: RunId,
    /// How many transitions it has made.
    pub version: Version,
    /// The workflow, or the task that runs on its own.
    pub workflow: String,
    /// The version of the workflow (`metadata.version`).
    pub workflow_version: Option<String>,
    /// The plan it is pinned to.
    pub plan: PlanHash,
    /// Where it stands.
    pub status: RunStatus,
    /// How urgent it is.
    pub priority: Priority,
    /// Share of steps settled, 0–100.
    pub progress: u8,
    /// A step now in flight, else one that is ready.
    pub current_step: Option<String>,
    /// The key it was started under.
    pub idempotency_key: Option<String>,
    /// The business case it belongs to.
    pub correlation_id: Option<String>,
    /// Names and values it is found by.
    pub labels: Labels,
    /// Its concurrency group.
    pub group: Option<String>,
    /// The step of another run that started it.
    pub parent: Option<Parent>,
    /// Its input, with defaults.
    pub input: Value,
    /// Its variables.
    pub variables: Map<String, Value>,
    /// Its output, once it completed.
    pub output: Option<Value>,
    /// The first failure so far; what ended it once it failed.
    pub error: Option<RunError>,
    /// Why it was canceled.
    pub reason: Option<String>,
    /// When it must have ended.
    pub deadline: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its steps began to be scheduled.
    pub started_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its steps, in document order: those of a block below it, once it was opened.
    pub steps: Vec<StepView>,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepView {
    /// Step id.
    pub id: String,
    /// For people.
    pub name: Option<String>,
    /// What it does: `task`, `parallel`, `conditional`, `loop`, `steps`, `subflow`; `human`, `approval`, `event`.
    pub kind: &'static str,
    /// The child run of its latest attempt, if its attempts are such.
    pub child: Option<RunId>,
    /// The branch of a conditional that was taken.
    pub branch: Option<String>,
    /// What it waits for, once it has begun to: who, until when, and who has decided so far.
    pub wait: Option<WaitState>,
    /// How far a loop is.
    pub iterations: Option<IterationsView>,
    /// The iteration the step belongs to, from 0, if it stands in a loop itself.
    pub iteration: Option<usize>,
    /// Scope instance.
    pub scope: u32,
    /// Node.
    pub node: u32,
    /// `pending`, `ready`, `running` (in the queue or with a worker; a block: its steps run), `retrying`, `completed`, `failed`, `skipped` or
    /// `canceled`.
    pub status: &'static str,
    /// Attempts made, the one in flight included; one that waits for its retry counts.
    pub attempts: u32,
    /// When the retry is due, while it waits for it.
    pub due: Option<Timestamp>,
    /// Why it was skipped.
    pub reason: Option<SkipReason>,
    /// It failed and the run goes on, or its failure counts as success with output null.
    pub continued: bool,
    /// The fallback task runs, or ran, in its place.
    pub fallback: bool,
    /// The end of the run does not wait for it.
    #[serde(rename = "async")]
    pub is_async: bool,
    /// Ids of the steps it waits for.
    pub depends_on: Vec<String>,
    /// Its input, once it was ready.
    pub input: Option<Value>,
    /// Its output.
    pub output: Option<Value>,
    /// The error of the latest attempt that failed, unless a later one succeeded.
    pub error: Option<StepError>,
    /// When its first attempt was dispatched.
    pub started_at: Option<Timestamp>,
    /// When it was settled.
    pub finished_at: Option<Timestamp>,
}

/// How far a loop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IterationsView {
    /// How many there are.
    pub total: usize,
    /// How many have ended.
    pub finished: usize,
    /// Of those, how many had a step whose failure was continued.
    pub failed: usize,
}

impl IterationsView {
    fn of(cursor: &Cursor) -> Self {
        Self {
            total: cursor.items.len(),
            finished: cursor.finished,
            failed: cursor.failed,
        }
    }
}

impl RunState {
    /// The columns by which the run is listed.
    #[must_use]
    pub fn head(&self, plan: &Plan) -> RunHead {
        RunHead {
            run: self.run(),
            version: self.version(),
            workflow: self.workflow.clone(),
            plan: self.plan.clone(),
            status: self.status(),
            priority: self.start.priority,
            idempotency_key: self.start.idempotency_key.clone(),
            correlation_id: self.start.correlation_id.clone(),
            labels: self.start.labels.clone(),
            progress: self.progress(),
            current_step: self.current_step(plan),
            error: self
                .error
                .as_ref()
                .filter(|_| self.status() == RunStatus::Failed)
                .map(|error| format!("{}: {}", error.code, error.message)),
            created_at: self.created_at,
            updated_at: self.updated_at,
            ended_at: self.ended_at,
        }
    }

    /// All that is known about the run.
    #[must_use]
    pub fn view(&self, plan: &Plan) -> RunView {
        RunView {
            run: self.run(),
            version: self.version(),
            workflow: self.workflow.clone(),
            workflow_version: plan.version().map(str::to_owned),
            plan: self.plan.clone(),
            status: self.status(),
            priority: self.start.priority,
            progress: self.progress(),
            current_step: self.current_step(plan),
            idempotency_key: self.start.idempotency_key.clone(),
            correlation_id: self.start.correlation_id.clone(),
            labels: self.start.labels.clone(),
            group: self.group().map(|group| group.name.clone()),
            parent: self.parent().cloned(),
            input: self.start.input.whole().into_owned(),
            variables: self.variables.clone(),
            output: self.output().cloned(),
            error: self.error.clone(),
            reason: self.reason.clone(),
            deadline: self.deadline,
            created_at: self.created_at,
            started_at: self.started_at,
            updated_at: self.updated_at,
            ended_at: self.ended_at,
            steps: self
                .in_document_order()
                .into_iter()
                .filter_map(|(place, step)| {
                    let iteration = self.scope(place.scope).and_then(|scope| scope.iteration);
                    StepView::of(plan, place, step, iteration)
                })
                .collect(),
        }
    }

    /// Share of the top-level steps that are settled, 0–100; 100 for a run that completed.
    #[must_use]
    pub fn progress(&self) -> u8 {
        if self.status() == RunStatus::Completed {
            return 100;
        }
        let Some(scope) = self.scope(ScopeId::ROOT) else {
            return 0;
        };
        // Steps whose end nobody waits for count as settled from the start.
        let all = scope.steps.len().max(1);
        let pending = usize::try_from(scope.pending).unwrap_or(all);
        let settled = all.saturating_sub(pending) * 100 / all;
        u8::try_from(settled).unwrap_or(100)
    }

    /// All step instances, those of a block after it.
    fn in_document_order(&self) -> Vec<(Place, &StepState)> {
        let mut ordered = Vec::new();
        let scopes = std::iter::once(&ScopeId::ROOT).chain(&self.undo);
        let mut left: Vec<(Place, &StepState)> =
            scopes.flat_map(|scope| self.places(*scope)).collect();
        left.reverse();
        while let Some((place, step)) = left.pop() {
            ordered.push((place, step));
            let scopes = step.block.iter().flat_map(|block| &block.scopes);
            let mut inner: Vec<_> = scopes.flat_map(|scope| self.places(*scope)).collect();
            inner.reverse();
            left.append(&mut inner);
        }
        ordered
    }

    fn current_step(&self, plan: &Plan) -> Option<String> {
        if self.status().is_terminal() {
            return None;
        }
        let in_flight = self
            .steps()
            .find(|(_, step)| step.phase.is_in_flight())
            .map(|(place, _)| place);
        let place = in_flight.or_else(|| self.ready.front().copied())?;
        plan.node(place.node).map(|node| node.id.clone())
    }
}

impl StepView {
    fn of(plan: &Plan, place: Place, step: &StepState, iteration: Option<usize>) -> Option<Self> {
        let node = plan.node(place.node)?;
        let waits_for = node.depends_on.iter().filter_map(|id| plan.node(*id));
        Some(Self {
            id: node.id.clone(),
            name: node.name.clone(),
            kind: node.action.kind(),
            child: step.child,
            branch: step.block.as_ref().and_then(|block| block.branch.clone()),
            wait: step.wait.as_deref().cloned(),
            iterations: step
                .block
                .as_ref()
                .and_then(|block| block.cursor.as_ref())
                .map(IterationsView::of),
            iteration,
            scope: place.scope.0,
            node: place.node.0,
            status: step.phase.as_str(),
            attempts: step.attempt,
            due: match step.phase {
                Phase::Retrying { due } => Some(due),
                _ => None,
            },
            reason: match step.phase {
                Phase::Skipped { reason } => Some(reason),
                _ => None,
            },
            continued: match step.phase {
                Phase::Failed { continued } => continued,
                Phase::Completed => step.error.is_some(),
                _ => false,
            },
            fallback: step.fallback,
            is_async: node.is_async,
            depends_on: waits_for.map(|node| node.id.clone()).collect(),
            input: step.input.clone().map(Data::into_value),
            output: step.output.clone().map(Data::into_value),
            error: step.error.as_deref().cloned(),
            started_at: step.started_at,
            finished_at: step.finished_at,
        })
    }
}
