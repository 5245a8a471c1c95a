//! The checked model of a manifest: every alias and dialect resolved, every expression parsed.
//!
//! What a field means, and which spellings lead to it, is documented in `docs/manifests.md`.

mod messaging;
mod routing;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::expression::{Expression, Template};
use crate::policy::RetryPolicy;

pub use messaging::{
    Acknowledgment, AcknowledgmentMode, COMMAND_TIMEOUT, ChannelDeclaration, ChannelSettings,
    DeadLetters, Guarantee, MessageCommand, Messaging, Ordering, Publication, Reliability,
    Subscription,
};
pub use routing::{
    Comparison, Condition, DefaultAction, DefaultRoute, DeliveryMode, Filter, MessageRouting, Rule,
    Test, Transform, TransformLanguage, Wildcards,
};

/// One document of a manifest file.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// `apiVersion` as written.
    pub api_version: String,
    /// Name, version, labels.
    pub metadata: Metadata,
    /// What the document defines.
    pub body: Body,
    /// How capabilities are bound, and hints for hosts.
    pub runtime: Runtime,
    /// Where the document came from.
    pub origin: Origin,
}

/// Where a document came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The file as it was named by whoever loaded it; `None` for text.
    pub file: Option<std::path::PathBuf>,
    /// Position in the file, from 0.
    pub index: usize,
}

/// `metadata` of a manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// DNS-1123 label (lenient mode accepts more and warns).
    pub name: String,
    /// Semantic version, if given.
    pub version: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Labels, in document order.
    pub labels: Vec<(String, String)>,
    /// Annotations, in document order.
    pub annotations: Vec<(String, String)>,
}

/// The kinds that this runtime knows.
#[derive(Debug, Clone)]
pub enum Body {
    /// One unit of work.
    Task(Box<Task>),
    /// Steps in an order.
    Workflow(Box<Workflow>),
    /// Rules that route messages.
    MessageRouting(Box<MessageRouting>),
    /// An agent.
    Agent(Box<Agent>),
}

impl Body {
    /// `spec.messaging`, where the document has it.
    #[must_use]
    pub fn messaging(&self) -> Option<&Messaging> {
        match self {
            Self::Task(task) => task.messaging.as_deref(),
            Self::Workflow(workflow) => workflow.messaging.as_deref(),
            Self::Agent(agent) => agent.messaging.as_deref(),
            Self::MessageRouting(_) => None,
        }
    }
}

/// An agent, as far as this runtime looks at it.
#[derive(Debug, Clone, Default)]
pub struct Agent {
    /// The whole document as written.
    pub document: Value,
    /// What it publishes and takes from channels.
    pub messaging: Option<Box<Messaging>>,
}

/// A unit of work.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// What is called and how long it may take.
    pub execution: Option<Execution>,
    /// Capabilities, in the order given.
    pub capabilities: Vec<String>,
    /// JSON Schema of the input.
    pub input: Option<Value>,
    /// JSON Schema of the output.
    pub output: Option<Value>,
    /// Must hold before the handler is called; the first that does not fails the task.
    pub preconditions: Vec<Assertion>,
    /// Must hold of the output.
    pub postconditions: Vec<Assertion>,
    /// Tasks or agents whose results it needs.
    pub dependencies: Vec<Dependency>,
    /// Run only when this holds.
    pub condition: Option<Expression>,
    /// Attempts and delays.
    pub retry: Option<RetryPolicy>,
    /// What a failure means.
    pub on_error: TaskErrorAction,
    /// The task to run instead when `on_error` says fallback.
    pub fallback: Option<Reference>,
    /// Per error code, what a failure means.
    pub error_mapping: Vec<(String, TaskErrorAction)>,
    /// Its handler is called once for each item of its input, when `batch.enabled`.
    pub batch: Option<Box<Batch>>,
    /// A task that is a small sequence of steps.
    pub steps: Vec<Step>,
    /// What it waits for, when `execution.type` is `human` or `event_wait`.
    pub waiting: Option<Box<Waiting>>,
    /// Events the author wants it to start on; hosts such as Drupal's ECA map them.
    pub triggers: Vec<Trigger>,
    /// What it publishes and takes from channels.
    pub messaging: Option<Box<Messaging>>,
}

/// A task that works through a list.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The list; `None` = the one array among the properties of the input schema.
    pub items: Option<Template>,
    /// Items at once.
    pub parallelism: Option<Template>,
    /// Attempts and delays of an item.
    pub retry: Option<RetryPolicy>,
    /// What the failure of an item means.
    pub on_item_error: ItemErrorAction,
}

/// What the failure of an item means for its batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ItemErrorAction {
    /// Retry it, then count it as failed.
    #[default]
    Retry,
    /// Count it as failed.
    Skip,
    /// The task fails.
    Fail,
}

/// How a task is executed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// What may be assumed about repeating it.
    pub kind: ExecutionKind,
    /// The runtime named by the author (`symfony`, `drupal`, `any`…): a hint.
    pub runtime: Option<String>,
    /// Opaque key of a handler; looked up in the host's allow-list, never executed.
    pub entrypoint: Option<String>,
    /// Bound on one attempt.
    pub timeout: Option<Duration>,
}

/// `execution.type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionKind {
    /// Same input, same output, no effects.
    #[default]
    Deterministic,
    /// Safe to repeat.
    Idempotent,
    /// All or nothing.
    Transactional,
    /// Answered by a person.
    Human,
    /// Answered by an event.
    EventWait,
}

impl ExecutionKind {
    /// The name as in manifests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deterministic => "deterministic",
            Self::Idempotent => "idempotent",
            Self::Transactional => "transactional",
            Self::Human => "human",
            Self::EventWait => "event_wait",
        }
    }
}

/// A condition with the message shown when it does not hold.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// The condition.
    pub expression: Expression,
    /// The message.
    pub message: Option<String>,
}

/// Something a task needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// What.
    pub reference: Reference,
    /// Whether the task runs without it.
    pub optional: bool,
}

/// A task's answer to a failure that is not retried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskErrorAction {
    /// The step fails.
    #[default]
    Fail,
    /// Retry by the policy in force (3 attempts, exponential, 1 s when none is), then fail.
    Retry,
    /// Run the fallback task; its result is the step's.
    Fallback,
    /// The step completes with output null; its error stays visible.
    Ignore,
}

/// A reference to another manifest: path, name or `ossa://` URI. May contain an expression (resolved at run time).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(pub String);

/// Steps in an order.
#[derive(Debug, Clone, Default)]
pub struct Workflow {
    /// What starts it.
    pub triggers: Vec<Trigger>,
    /// JSON Schema of the input.
    pub inputs: Option<Value>,
    /// JSON Schema of the output.
    pub outputs: Option<Value>,
    /// `spec.output`, when it maps names to expressions.
    pub output: Vec<(String, Template)>,
    /// The steps, in document order.
    pub steps: Vec<Step>,
    /// `context.variables`, evaluated once at start, in document order.
    pub variables: Vec<(String, Template)>,
    /// `context.secrets`: name and where the host finds it.
    pub secrets: Vec<Secret>,
    /// Bounds how many runs of a group go on at once.
    pub concurrency: Option<Concurrency>,
    /// What a failed step means for the run.
    pub on_failure: OnFailure,
    /// Undo steps, in document order.
    pub compensation: Vec<Step>,
    /// Whom to tell about a failure: `error_handling.notification`.
    pub notification: Option<Notification>,
    /// Default policy of the steps.
    pub retry: Option<RetryPolicy>,
    /// Bound on the whole run.
    pub timeout: Option<Duration>,
    /// Bound on one attempt of steps that name none.
    pub step_timeout: Option<Duration>,
    /// At most so many steps at once; `Some(1)` when the author turned parallel execution off.
    pub max_parallel: Option<usize>,
    /// Whether dependants of a skipped step are skipped too (default: they run).
    pub propagate_skips: bool,
    /// Named when the workflow is written for another orchestrator (`ADK`): it loads, and no plan can be made of it.
    pub foreign: Option<String>,
    /// What it publishes and takes from channels.
    pub messaging: Option<Box<Messaging>>,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique in the workflow.
    pub id: String,
    /// For people.
    pub name: Option<String>,
    /// What it does.
    pub action: StepAction,
    /// Steps it waits for; `None` = the previous sibling, empty = none.
    pub depends_on: Option<Vec<String>>,
    /// Skip when this does not hold.
    pub condition: Option<Expression>,
    /// Input, rendered when the step is ready.
    pub input: Option<Template>,
    /// Names of variables and fields the output is written to.
    pub output: OutputBinding,
    /// Attempts and delays.
    pub retry: Option<RetryPolicy>,
    /// Bound on one attempt.
    pub timeout: Option<Duration>,
    /// What becomes of the run that the step started, when the step ends before it; `None` = not said.
    pub close: Option<ClosePolicy>,
    /// A failure does not fail the run.
    pub continue_on_error: bool,
    /// What a failure means, when the author said so.
    pub on_error: Option<StepErrorAction>,
    /// The end of the run does not wait for it.
    pub is_async: bool,
    /// Labels, in document order.
    pub labels: Vec<(String, String)>,
    /// Where the step stands in its document, as a JSON path (`$.spec.steps[2]`).
    pub path: String,
}

impl Step {
    /// A step of which only id and action are known.
    #[must_use]
    pub fn new(id: impl Into<String>, action: StepAction) -> Self {
        Self {
            id: id.into(),
            name: None,
            action,
            depends_on: None,
            condition: None,
            input: None,
            output: OutputBinding::default(),
            retry: None,
            timeout: None,
            close: None,
            continue_on_error: false,
            on_error: None,
            is_async: false,
            labels: Vec::new(),
            path: "$".to_owned(),
        }
    }
}

/// What becomes of the run that a step started, when the step ends before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosePolicy {
    /// It is canceled, and undoes what it did.
    #[default]
    Cancel,
    /// It is ended at once.
    Abort,
    /// It goes on alone.
    Abandon,
}

/// What becomes of a step's output besides `steps.<id>.output`.
#[derive(Debug, Clone, Default)]
pub struct OutputBinding {
    /// Variable to write it to.
    pub to: Option<String>,
    /// Only these fields of it; empty = all.
    pub fields: Vec<String>,
    /// `output_mapping`: fields added to the output, evaluated with `output` in scope.
    pub mapping: Vec<(String, Template)>,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepAction {
    /// Runs a task that stands in the step itself.
    Inline(Arc<Task>),
    /// Runs the task, agent or workflow of another manifest.
    Call(Reference),
    /// Runs an agent: inline definition as checked JSON, or a reference.
    Agent {
        /// Where the agent is defined.
        reference: Option<Reference>,
        /// The definition, when it stands in the step.
        inline: Option<Box<Value>>,
    },
    /// Steps side by side.
    Parallel(Vec<Step>),
    /// The first branch whose condition holds; a switch and a decision are this, too.
    Conditional {
        /// Branches in order.
        branches: Vec<Branch>,
        /// Steps when no branch is taken.
        otherwise: Vec<Step>,
    },
    /// Steps once for each element.
    Loop(Box<Loop>),
    /// Waits for people to approve.
    Approval(Box<Waiting>),
}

/// What a step that waits asks for.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    /// Who is to answer: a hint for the host, which knows who may.
    pub assignee: Option<Template>,
    /// The event that answers.
    pub event: Option<AwaitedEvent>,
    /// Whom to tell when there is no answer for some time.
    pub escalation: Option<Escalation>,
    /// Who may approve, as written: a hint for the host.
    pub approvers: Vec<Value>,
    /// How many approvals are needed.
    pub require: u32,
}

/// An event that a step waits for.
#[derive(Debug, Clone)]
pub struct AwaitedEvent {
    /// `event.type`: the name of the signal.
    pub name: String,
    /// Where it is expected to come from: a hint for the host.
    pub source: Option<String>,
    /// Fields of the payload and what they must be, rendered when the step begins to wait.
    pub filter: Vec<(String, Template)>,
}

/// Whom to tell when a step waits for long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// How long to wait before.
    pub after: Duration,
    /// Roles or people.
    pub to: Vec<String>,
}

/// A branch of a conditional.
#[derive(Debug, Clone)]
pub struct Branch {
    /// What `steps.<id>.branch` says when it is taken; `None` = its position.
    pub name: Option<String>,
    /// Taken when this holds.
    pub condition: Expression,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A loop.
#[derive(Debug, Clone)]
pub struct Loop {
    /// What it goes over.
    pub over: Template,
    /// Name of the element.
    pub item: String,
    /// Name of the position, from 0.
    pub index: String,
    /// Iterations at once.
    pub parallelism: Option<Template>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step's answer to a failure that is not retried.
#[derive(Debug, Clone)]
pub enum StepErrorAction {
    /// The step fails, and `on_failure` of the workflow decides.
    Fail,
    /// The run goes on as if the step had completed with output null.
    Continue,
    /// Jump to this step.
    Goto(String),
    /// Run this step, then fail.
    Compensate(Box<Step>),
}

/// What a failed step means for the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Stop scheduling, cancel what runs, fail.
    #[default]
    Halt,
    /// As if every step had `continue_on_error`.
    Continue,
    /// Notify; dependants of the failed step are skipped, independent branches finish; fail.
    Notify,
    /// Run the compensation steps in document order; fail.
    Compensate,
    /// Compensate and roll back transactional tasks.
    Rollback,
}

/// Whom to tell about a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// `email`, `slack`, `webhook`, `pagerduty`, or a URI such as `slack://ops`.
    pub channels: Vec<String>,
    /// Template name.
    pub template: Option<String>,
}

/// `concurrency` of a workflow.
#[derive(Debug, Clone)]
pub struct Concurrency {
    /// Runs with the same group share its slots; an empty result means no limit.
    pub group: Template,
    /// How many runs of the group go on at once.
    pub limit: u32,
    /// Cancel older runs of the group instead of queueing behind them.
    pub cancel_in_progress: bool,
}

/// A secret by name; its value never enters the run's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// `secrets.<name>` in expressions.
    pub name: String,
    /// Where the host finds it (`vault://…`).
    pub reference: String,
}

/// What starts a workflow.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Which kind.
    pub kind: TriggerKind,
    /// The filter on the event or message, when it is one.
    pub filter: Option<Filter>,
    /// The trigger as written, for hosts that know more fields.
    pub raw: Map<String, Value>,
}

/// Kinds of triggers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerKind {
    /// HTTP path.
    Webhook,
    /// Cron schedule.
    Cron,
    /// An event of a source.
    Event,
    /// A channel message.
    Message,
    /// By hand.
    Manual,
    /// A kind this runtime does not know; kept with a warning.
    Other(String),
}

/// The types of runtimes in the official schema.
pub(super) const RUNTIME_TYPES: &[&str] = &[
    "unified",
    "google-a2a",
    "gitlab-duo",
    "ossa-mesh",
    "mcp",
    "local",
    "drupal",
    "symfony_messenger",
    "kagent",
    "temporal",
    "node",
];

/// `runtime` of a manifest.
#[derive(Debug, Clone, Default)]
pub struct Runtime {
    /// `runtime.type`.
    pub kind: Option<String>,
    /// Capability → binding, in document order; per-host bindings (`runtime.symfony.<cap>`) are keyed by host.
    pub bindings: Vec<Binding>,
    /// The whole section as written.
    pub raw: Map<String, Value>,
}

/// Which service a manifest proposes for a capability. Hosts decide whether they allow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The capability.
    pub capability: String,
    /// The host it is for; `None` = any.
    pub host: Option<String>,
    /// `Class::method`, `@service.id`, FQCN or plugin id.
    pub service: Option<String>,
    /// Method, when given apart.
    pub method: Option<String>,
    /// Configuration, with expressions over `input`.
    pub config: Option<Value>,
}
