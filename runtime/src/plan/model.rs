//! A plan's parts. Their JSON is the stored form of a plan, read by later versions: fields are only ever added, with a
//! default; a variant of an enum may be added; anything else needs a new format number.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Action, Block, Schema};
use crate::expression::{Expression, Template};
use crate::manifest::model::{ExecutionKind, Notification, Secret, TaskErrorAction};
use crate::policy::RetryPolicy;
use crate::run::HandlerCall;

/// A step's place in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

/// A block's place in a plan; block 0 holds the top-level steps.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BlockId(pub u32);

impl BlockId {
    /// The block of the top-level steps.
    pub const ROOT: Self = Self(0);
}

/// What a plan was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanKind {
    /// A workflow.
    Workflow,
    /// A task as a run of its own: one node, named like the task.
    Task,
}

/// All of a plan that is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Model {
    pub(crate) format: u32,
    pub(crate) kind: PlanKind,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) labels: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<Schema>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<Schema>,
    pub(crate) result: RunResult,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) variables: Vec<(String, Template)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) secrets: Vec<Secret>,
    #[serde(default)]
    pub(crate) on_failure: FailureMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) compensation: Option<BlockId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) notification: Option<Notification>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_parallel: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) concurrency: Option<PlannedConcurrency>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) propagate_skips: bool,
    pub(crate) blocks: Vec<Block>,
    pub(crate) nodes: Vec<Node>,
}

/// The group that a run belongs to, and how many runs of it go on at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedConcurrency {
    /// Name of the group; what gives no name is no group.
    pub group: Template,
    /// Runs at once.
    pub limit: u32,
    /// Older runs of the group are canceled instead of waited for.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cancel_in_progress: bool,
}

/// Where a run's output comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// The output of this node: a task on its own.
    Step(NodeId),
    /// `spec.output`: names and what they are rendered from.
    Mapping(Vec<(String, Template)>),
    /// The properties of the output schema, found by name in the variables, then in the outputs of the last steps.
    Collected,
}

/// What a step that failed for good means for the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureMode {
    /// Cancel what is in flight, skip the rest, fail.
    #[default]
    Halt,
    /// Go on as if the step had completed with output null.
    Continue,
    /// Notify, skip the step's dependants, finish the independent branches, fail.
    Notify,
    /// Cancel what is in flight, skip the rest, run the compensation steps, fail.
    Compensate,
}

/// A step of the plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Node {
    /// The step's id; for a task on its own, the task's name.
    pub id: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The block it stands in.
    #[serde(default)]
    pub block: BlockId,
    /// JSON path of the step in its document.
    pub path: String,
    /// Nodes of the same block that are settled before it is considered, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<NodeId>,
    /// Skipped when this does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Expression>,
    /// What it does.
    pub action: Action,
    /// What a block is given, for its expressions to read as `steps.ID.input`; a task has an input of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Template>,
    /// Variable the output is written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_to: Option<String>,
    /// Only these fields of it are written; empty = all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output_fields: Vec<String>,
    /// Fields added to the output, evaluated with `output` in scope.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output_mapping: Vec<(String, Template)>,
    /// What a failure that is not retried means; `None` = the task says, then the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
    /// The end of the run does not wait for it, and its failure does not fail the run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_async: bool,
    /// Labels, in document order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<(String, String)>,
}

impl FailureMode {
    /// Whether a failure that nobody takes on himself ends everything else at once.
    #[must_use]
    pub const fn halts(self) -> bool {
        matches!(self, Self::Halt | Self::Compensate)
    }
}

/// A step's own answer to a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The workflow decides, whatever the task says.
    Fail,
    /// The run goes on as if the step had completed with output null.
    Continue,
    /// Steps between are skipped, and this step of the same block runs.
    Goto(NodeId),
    /// The steps of this block run, whatever becomes of the failure otherwise.
    Compensate(BlockId),
}

/// What a node's task calls, and under which conditions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskCall {
    /// `metadata.name` of the task; `None` when it stands in the step itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What may be assumed about repeating it.
    #[serde(default)]
    pub execution: ExecutionKind,
    /// Handlers to call one after the other.
    pub calls: Vec<HandlerCall>,
    /// Bindings the manifest proposes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<PlannedBinding>,
    /// What its input is made of.
    #[serde(default)]
    pub input: TaskInput,
    /// Schema of the input. `None` for a task on its own: its input is the run's, checked at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Schema>,
    /// Schema of the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Schema>,
    /// Skipped when this does not hold; sees the task's input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Expression>,
    /// Must hold before the first attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preconditions: Vec<Check>,
    /// Must hold of each output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub postconditions: Vec<Check>,
    /// Attempts and delays: the step's, else the task's, else the workflow's. `None` = the host's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Bound on one attempt.
    pub timeout: Duration,
    /// What a failure that is not retried means.
    #[serde(default)]
    pub on_error: TaskErrorAction,
    /// Per error code, what a failure means.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub error_mapping: Vec<(String, TaskErrorAction)>,
    /// Runs instead when a failure means so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Box<TaskCall>>,
}

impl TaskCall {
    /// What the author says about errors with this code, if it is named.
    #[must_use]
    pub fn mapped(&self, code: &str) -> Option<TaskErrorAction> {
        let mut mapping = self.error_mapping.iter();
        mapping
            .find(|(key, _)| key == code)
            .map(|(_, action)| *action)
    }
}

/// What a task's input is made of.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskInput {
    /// An empty object.
    #[default]
    Empty,
    /// The run's input.
    Run,
    /// Rendered from this.
    Rendered(Template),
    /// The input of the batch around, with the members of the item, and `item` and `index`.
    Item,
}

/// A condition with the message shown when it does not hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Check {
    /// The condition.
    pub expression: Expression,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A binding whose configuration is still to be rendered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedBinding {
    /// The capability.
    pub capability: String,
    /// The host it is for; `None` = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Service, class or plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Configuration, over `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Template>,
}

fn is_false(value: &bool) -> bool {
    !value
}
