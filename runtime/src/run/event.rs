//! What happened to a run, as facts. State is the fold of these; the log keeps them.
//!
//! Their JSON is the log's format and is read by views, exports and subscribers: names and fields are stable. A new
//! optional field is compatible, anything else is a new event.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::data::Data;
use super::input::{Start, StepError};
use super::steer::StepOrder;
use crate::port::{PlanHash, RunId, Timestamp};

/// A fact about a run. `step` is the step's id for people; `scope` and `node` say which instance it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The run exists. First event of every run.
    RunCreated {
        /// What it was started with; `input` here has its defaults applied.
        start: Box<Start>,
        /// `metadata.name`.
        workflow: String,
        /// The plan it runs on.
        plan: PlanHash,
        /// `context.variables`, evaluated.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        variables: Map<String, Value>,
        /// Its concurrency group: it begins when it has a slot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<String>,
        /// When the whole run must have ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// The record of its concurrency group is in line with the run.
    GroupNoted {
        /// How many runs it waits for; 0 once it does not wait.
        ahead: u32,
    },
    /// Its steps are being scheduled.
    RunStarted,
    /// It ended well.
    RunCompleted {
        /// Its output.
        output: Value,
    },
    /// It is to end with an error, when everything is undone.
    RunFailing {
        /// The error.
        error: RunError,
    },
    /// It is to end on request, when everything is undone; whoever held it does so no more.
    RunCanceling {
        /// By whom.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        by: String,
        /// Why.
        reason: String,
    },
    /// Steps that undo something are there, pending: those of a step that failed, or of the workflow.
    CompensationOpened {
        /// The new scope.
        opened: u32,
        /// The block of the plan.
        block: u32,
        /// Scope of the step that failed; `None` = the workflow's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<u32>,
        /// Its node.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<u32>,
    },
    /// It ended with an error.
    RunFailed {
        /// The error.
        error: RunError,
        /// The compensation steps of the workflow have run.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        compensated: bool,
    },
    /// It ended on request.
    RunCanceled {
        /// By whom.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        by: String,
        /// Why.
        reason: String,
    },
    /// An operator ended it at once.
    RunAborted {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Nothing is dispatched until it is resumed.
    RunPaused {
        /// By whom.
        by: String,
        /// Why.
        reason: String,
    },
    /// It is no longer paused.
    RunResumed {
        /// Who resumed it.
        by: String,
        /// Why.
        reason: String,
    },
    /// It is set aside: nothing is dispatched until it is released.
    RunQuarantined {
        /// By whom.
        by: String,
        /// Why.
        reason: String,
    },
    /// It is no longer set aside.
    RunReleased {
        /// Who released it.
        by: String,
        /// Why.
        reason: String,
    },
    /// It goes on with another version of its workflow. Events before it are about the nodes of the old plan.
    RunMigrated {
        /// The plan before.
        from: PlanHash,
        /// The plan from now on.
        to: PlanHash,
        /// Who ordered it.
        by: String,
        /// Why.
        reason: String,
    },
    /// A failed run goes on because an operator retried or skipped a step.
    RunReopened,
    /// The step's dependencies are settled and its condition holds; its input is fixed for all attempts.
    StepReady {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// The rendered input.
        input: Value,
    },
    /// The block's dependencies are settled and its condition holds; its steps begin.
    StepOpened {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// The rendered input.
        input: Value,
        /// The branch that is taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        branch: Option<String>,
        /// What a loop goes over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        items: Option<Data>,
        /// What a loop goes over, when that is a long list in the run's input: the members that lead there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        items_of_input: Option<Vec<String>>,
        /// Iterations of a loop at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parallelism: Option<usize>,
    },
    /// The steps of a block are there, pending.
    ScopeOpened {
        /// Id of the step whose block it is.
        step: String,
        /// The scope that step stands in.
        scope: u32,
        /// Its node.
        node: u32,
        /// The new scope.
        opened: u32,
        /// The block of the plan.
        block: u32,
        /// The iteration of a loop, from 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        iteration: Option<usize>,
    },
    /// An iteration of a loop ended; its scope is gone.
    IterationFinished {
        /// Id of the loop.
        step: String,
        /// The scope the loop stands in.
        scope: u32,
        /// Its node.
        node: u32,
        /// The scope of the iteration.
        closed: u32,
        /// Which iteration, from 0.
        iteration: usize,
        /// Whether a step in it failed, and the failure was continued.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        failed: bool,
        /// Its result, if the loop collects them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
    },
    /// The step's dependencies are settled and its condition holds; it waits for a person, for approvals or for an event.
    StepWaiting {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// The rendered input.
        input: Value,
        /// Who is to answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        assignee: Option<Value>,
        /// Fields of the event's payload and what they must be.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        expects: Map<String, Value>,
        /// When it fails without an answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
        /// When people are told that it waits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        escalates: Option<Timestamp>,
    },
    /// Someone approved or rejected.
    StepVoted {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// Who.
        by: String,
        /// Approved, or rejected.
        approved: bool,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// A person or an event answered; what becomes of the step follows.
    StepAnswered {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// Who answered; `None` = an event.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// What the person remarked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
        /// The event, when it was kept for the step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<String>,
    },
    /// A step has waited for long: these are to be told.
    StepEscalated {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// Roles or people, as in the manifest.
        to: Vec<String>,
    },
    /// An event was sent to the run; no step waits for it yet.
    SignalKept {
        /// Its name.
        name: String,
        /// What it says.
        payload: Value,
    },
    /// An attempt was put into the queue.
    StepDispatched {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// The attempt, from 1.
        attempt: u32,
    },
    /// The child run of an attempt was started.
    ChildStarted {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// The attempt.
        attempt: u32,
        /// The child.
        run: RunId,
    },
    /// Nobody waits for a child run any more, and it is to end.
    ChildClosing {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// The attempt.
        attempt: u32,
        /// The child.
        run: RunId,
        /// At once, without compensation.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        abort: bool,
        /// It was started, as far as the run knows.
        started: bool,
    },
    /// A child run that was to end has been told so.
    ChildClosed {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// The attempt.
        attempt: u32,
        /// The child.
        run: RunId,
    },
    /// The parent run knows how this one ended.
    ParentTold,
    /// An attempt succeeded and its output passed its checks; or the step's failure is ignored.
    StepCompleted {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// The attempt; 0 when none was made (the task could not begin, and its failure is ignored).
        attempt: u32,
        /// The output.
        output: Value,
        /// The failure that was ignored; the output is then null.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
    },
    /// An attempt failed.
    AttemptFailed {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// The attempt.
        attempt: u32,
        /// Why.
        error: StepError,
    },
    /// Another attempt follows.
    StepRetryScheduled {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// The attempt to come.
        attempt: u32,
        /// When.
        due: Timestamp,
    },
    /// No attempt is left, or none is allowed.
    StepFailed {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// The last error.
        error: StepError,
        /// The run goes on as if the step had completed with output null.
        continued: bool,
    },
    /// A step failed, and the run goes on with this one as its author said.
    StepJumpedTo {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// The step that failed.
        from: String,
        /// Its error.
        error: RunError,
    },
    /// The step's fallback task takes its place.
    StepFellBack {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// Name of the fallback task.
        fallback: String,
    },
    /// The step will not run.
    StepSkipped {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// Why.
        reason: SkipReason,
    },
    /// The step was in flight when the run ended.
    StepCanceled {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
    },
    /// An operator steered the step; what came of it follows.
    StepSteered {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
        /// What was ordered.
        order: StepOrder,
        /// By whom.
        by: String,
        /// Why.
        reason: String,
    },
    /// The step is pending again: an operator retried it, or one whose failure had kept it from running.
    StepReopened {
        /// Step id.
        step: String,
        /// Scope instance.
        scope: u32,
        /// Node.
        node: u32,
    },
    /// A variable has a new value.
    VariableSet {
        /// Its name.
        name: String,
        /// Its value.
        value: Value,
    },
    /// A result, or a run's output, broke its contract.
    ValidationFailed {
        /// Step id; `None` = the run's own input or output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// What was checked: `output`, `postcondition`, `run output`…
        subject: String,
        /// Each violation, with its JSON path.
        violations: Vec<String>,
    },
    /// People are to be told about a failure.
    NotificationRequested {
        /// Channels as in the manifest.
        channels: Vec<String>,
        /// Template name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<String>,
        /// The error.
        error: RunError,
    },
    /// Something an author or operator should know, that changed nothing.
    Warned {
        /// What.
        message: String,
    },
}

impl Event {
    /// Whether the run has ended with it.
    #[must_use]
    pub const fn ends_run(&self) -> bool {
        matches!(
            self,
            Self::RunCompleted { .. }
                | Self::RunFailed { .. }
                | Self::RunCanceled { .. }
                | Self::RunAborted { .. }
        )
    }
}

/// Why a step did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its condition did not hold.
    Condition,
    /// A step it depends on failed.
    UpstreamFailed,
    /// A step it depends on was skipped, and the workflow propagates skips.
    UpstreamSkipped,
    /// The run ended first.
    RunEnded,
    /// Another step of its block failed, and the block with it.
    BlockEnded,
    /// A step before it failed, and the run went on with a later one.
    JumpedOver,
    /// An operator had it skipped.
    Operator,
}

/// What ended a run: `workflow.error` in expressions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunError {
    /// Stable code.
    pub code: String,
    /// For people.
    pub message: String,
    /// The step that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_id: Option<String>,
    /// Its last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// More, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}
