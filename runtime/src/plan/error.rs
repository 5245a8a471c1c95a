//! Why a manifest cannot be run, or a stored plan cannot be read.

use std::fmt;

use thiserror::Error;

use crate::manifest::{Diagnostic, Severity};

/// Why a manifest has no plan. Each names the step, if one is to blame, and the JSON path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A reference leads to nothing.
    #[error("{}reference `{reference}` is not resolved: {reason}", prefix(.step))]
    UnresolvedReference {
        /// The step.
        step: Option<String>,
        /// JSON path of the step.
        path: String,
        /// The reference as written.
        reference: String,
        /// Where it was looked for.
        reason: String,
    },
    /// A reference leads to a manifest that a step cannot run.
    #[error("{}reference `{reference}` leads to a {kind}, which a step cannot run", prefix(.step))]
    WrongKind {
        /// The step.
        step: Option<String>,
        /// JSON path of the step.
        path: String,
        /// The reference as written.
        reference: String,
        /// The kind found.
        kind: &'static str,
    },
    /// A step waits for, or reads, one that does not exist.
    #[error("step `{step}` {relation} unknown step `{unknown}`")]
    UnknownStep {
        /// The step.
        step: String,
        /// JSON path of the step.
        path: String,
        /// The id that no step has.
        unknown: String,
        /// How it is mentioned.
        relation: Relation,
    },
    /// Steps wait for each other.
    #[error("steps wait for each other: {}", .steps.join(" → "))]
    Cycle {
        /// The steps, each waiting for the next; the first is repeated at the end.
        steps: Vec<String>,
        /// JSON path of the first.
        path: String,
    },
    /// Two steps have one id.
    #[error("step id `{step}` is used twice, first at {first}")]
    DuplicateStep {
        /// The id.
        step: String,
        /// JSON path of the second.
        path: String,
        /// JSON path of the first.
        first: String,
    },
    /// A JSON Schema is broken.
    #[error("{}the {subject} schema is broken: {reason}", prefix(.step))]
    BrokenSchema {
        /// The step.
        step: Option<String>,
        /// JSON path of the step, or of the section.
        path: String,
        /// `input` or `output`.
        subject: &'static str,
        /// What is wrong and where in the schema.
        reason: String,
    },
    /// A workflow without steps.
    #[error("the workflow has no steps")]
    Empty {
        /// JSON path.
        path: String,
    },
    /// A binding's configuration holds an expression that does not parse.
    #[error("{}the configuration of binding `{capability}` does not parse: {reason}", prefix(.step))]
    BrokenBinding {
        /// The step.
        step: Option<String>,
        /// JSON path of the step.
        path: String,
        /// The capability.
        capability: String,
        /// What is wrong.
        reason: String,
    },
    /// A task on its own needs results that only a workflow can give it.
    #[error(
        "task `{task}` needs the result of `{dependency}`, which a run of its own does not have"
    )]
    MissingDependency {
        /// The task.
        task: String,
        /// JSON path.
        path: String,
        /// What it needs.
        dependency: String,
    },
    /// A construct this version does not run.
    #[error("{}{construct} is not supported yet", prefix(.step))]
    Unsupported {
        /// The step.
        step: Option<String>,
        /// JSON path of the step or section.
        path: String,
        /// What is not supported.
        construct: Construct,
    },
    /// A step runs the task or workflow that it is a part of.
    #[error("step `{step}` runs what it is a part of: {}", .calls.join(" → "))]
    Recursion {
        /// The step.
        step: String,
        /// JSON path of the step.
        path: String,
        /// The tasks or workflows, each run by a step of the one before.
        calls: Vec<String>,
    },
    /// Workflows run each other through too many levels.
    #[error("step `{step}` would be the start of more than {limit} workflows one within another: {}", .calls.join(" → "))]
    TooDeep {
        /// The step.
        step: String,
        /// JSON path of the step.
        path: String,
        /// How many are allowed.
        limit: usize,
        /// The workflows, each run by a step of the one before.
        calls: Vec<String>,
    },
    /// A step runs a workflow that cannot be run.
    #[error("step `{step}` runs workflow `{workflow}`, which cannot be run: {error}")]
    Subflow {
        /// The step.
        step: String,
        /// JSON path of the step.
        path: String,
        /// The workflow.
        workflow: String,
        /// Why not; its path is one of the other manifest.
        error: Box<PlanError>,
    },
    /// A jump on error that leads nowhere.
    #[error("step `{step}` jumps to `{target}` on an error, but {reason}")]
    BadJump {
        /// The step.
        step: String,
        /// JSON path of the step.
        path: String,
        /// The id it jumps to.
        target: String,
        /// Why not.
        reason: &'static str,
    },
    /// Compensation without steps, or steps of compensation that never run.
    #[error("{}", match .compensates {
        true => "on_failure says to compensate, but there are no compensation_steps",
        false => "there are compensation_steps, but on_failure does not say to compensate: they would never run",
    })]
    Compensation {
        /// Whether `on_failure` says so.
        compensates: bool,
    },
    /// A batch of which nobody knows what it goes over.
    #[error("{}the batch has no items: the input schema has no array, or several", prefix(.step))]
    NoItems {
        /// The step.
        step: Option<String>,
        /// JSON path of the step.
        path: String,
    },
    /// The name of a concurrency group reads steps, and none has run when the run is created.
    #[error(
        "the concurrency group reads the result of a step, and is to be known before the first one runs"
    )]
    GroupReadsSteps,
    /// More steps than a plan may have, counting those of the tasks it is made of.
    #[error("the plan would have more than {limit} steps")]
    TooLarge {
        /// How many it may have.
        limit: usize,
    },
    /// The workflow is written for another orchestrator.
    #[error("the workflow is written for {orchestrator}, which this runtime does not emulate")]
    Foreign {
        /// The orchestrator.
        orchestrator: String,
    },
    /// The manifest is of a kind that is not run.
    #[error("a manifest of kind {kind} is not run: start a Task or a Workflow")]
    NotRunnable {
        /// The kind.
        kind: &'static str,
    },
}

impl PlanError {
    /// The stable error code, documented in `runtime/errors/`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnresolvedReference { .. } => "OSSA-P001",
            Self::WrongKind { .. } => "OSSA-P002",
            Self::UnknownStep { .. } => "OSSA-P003",
            Self::Cycle { .. } => "OSSA-P004",
            Self::DuplicateStep { .. } => "OSSA-P005",
            Self::BrokenSchema { .. } => "OSSA-P006",
            Self::Empty { .. } => "OSSA-P007",
            Self::BrokenBinding { .. } => "OSSA-P008",
            Self::MissingDependency { .. } => "OSSA-P009",
            Self::Unsupported { .. } => "OSSA-P010",
            Self::NotRunnable { .. } => "OSSA-P011",
            Self::Foreign { .. } => "OSSA-P012",
            Self::Recursion { .. } => "OSSA-P013",
            Self::TooLarge { .. } => "OSSA-P014",
            Self::BadJump { .. } => "OSSA-P015",
            Self::Compensation { .. } => "OSSA-P016",
            Self::NoItems { .. } => "OSSA-P017",
            Self::Subflow { .. } => "OSSA-P018",
            Self::TooDeep { .. } => "OSSA-P019",
            Self::GroupReadsSteps => "OSSA-P022",
        }
    }

    /// The step to blame, if one is.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::UnresolvedReference { step, .. }
            | Self::WrongKind { step, .. }
            | Self::BrokenSchema { step, .. }
            | Self::BrokenBinding { step, .. }
            | Self::NoItems { step, .. }
            | Self::Unsupported { step, .. } => step.as_deref(),
            Self::UnknownStep { step, .. }
            | Self::DuplicateStep { step, .. }
            | Self::BadJump { step, .. }
            | Self::Recursion { step, .. }
            | Self::TooDeep { step, .. }
            | Self::Subflow { step, .. } => Some(step),
            Self::Cycle { steps, .. } => steps.first().map(String::as_str),
            Self::Empty { .. }
            | Self::MissingDependency { .. }
            | Self::NotRunnable { .. }
            | Self::TooLarge { .. }
            | Self::GroupReadsSteps
            | Self::Compensation { .. }
            | Self::Foreign { .. } => None,
        }
    }

    /// JSON path of what is to blame.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::UnresolvedReference { path, .. }
            | Self::WrongKind { path, .. }
            | Self::UnknownStep { path, .. }
            | Self::Cycle { path, .. }
            | Self::Recursion { path, .. }
            | Self::TooDeep { path, .. }
            | Self::Subflow { path, .. }
            | Self::BadJump { path, .. }
            | Self::NoItems { path, .. }
            | Self::DuplicateStep { path, .. }
            | Self::BrokenSchema { path, .. }
            | Self::Empty { path }
            | Self::BrokenBinding { path, .. }
            | Self::MissingDependency { path, .. }
            | Self::Unsupported { path, .. } => path,
            Self::NotRunnable { .. } => "$.kind",
            Self::GroupReadsSteps => "$.spec.concurrency.group",
            Self::Compensation { .. } => "$.spec.error_handling",
            Self::Foreign { .. } | Self::TooLarge { .. } => "$.spec",
        }
    }

    /// The error as a finding about the manifest, for [`Loaded::review`](crate::manifest::Loaded::review).
    #[must_use]
    pub fn to_diagnostic(&self) -> Diagnostic {
        Diagnostic::new(self.code(), Severity::Error, self.to_string())
            .with_help(self.help())
            .at_path(self.path())
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::UnresolvedReference { .. } => {
                "correct the reference, or add the folder of the manifest to the manifest roots"
            }
            Self::WrongKind { .. } => "refer to a Task or a Workflow",
            Self::UnknownStep { .. } => {
                "correct the id; steps inside a block are not seen from outside"
            }
            Self::Cycle { .. } => {
                "remove one of these dependencies; a step without depends_on waits for the step above it, \
                 and `depends_on: []` makes it wait for none"
            }
            Self::DuplicateStep { .. } => "give each step an id of its own",
            Self::BrokenSchema { .. } => "correct the schema; references must stay inside it",
            Self::Empty { .. } => "add a step",
            Self::BrokenBinding { .. } => "correct the expression",
            Self::MissingDependency { .. } => {
                "call the task from a workflow that runs the other one first, or mark the dependency optional"
            }
            Self::Unsupported { .. } => {
                "rewrite the manifest without it, or wait for a version that has it"
            }
            Self::NotRunnable { .. } => "start a Task or a Workflow",
            Self::Recursion { .. } => "repeat steps with a loop; what runs itself never ends",
            Self::GroupReadsSteps => "make it of the input, of variables or of the trigger",
            Self::TooDeep { .. } => "have fewer workflows run each other",
            Self::Subflow { error, .. } => error.help(),
            Self::NoItems { .. } => "name the list: `batch: {items: '${{ input.rows }}'}`",
            Self::BadJump { .. } => "jump to a later step of the same list",
            Self::Compensation { .. } => {
                "write `error_handling: {on_failure: compensate, compensation_steps: […]}`"
            }
            Self::TooLarge { .. } => "go over the data with a loop, or split the workflow",
            Self::Foreign { .. } => "write its steps as OSSA steps",
        }
    }
}

/// How a step mentions another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// In `depends_on`.
    DependsOn,
    /// In an expression.
    Reads,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DependsOn => "depends on",
            Self::Reads => "reads the result of",
        })
    }
}

/// Constructs that are refused by name until they are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Construct {
    /// Attempts of a block as a whole.
    BlockRetry,
    /// A bound on a block as a whole.
    BlockTimeout,
    /// An async step where everything is waited for.
    AsyncInLoop,
    /// Attempts of a step that waits.
    WaitRetry,
    /// A fallback task that waits.
    FallbackWait,
    /// A task that waits and has steps or a batch.
    WaitOfSteps,
    /// A step run by an agent.
    Agent,
    /// A fallback that is a workflow.
    FallbackSubflow,
    /// A close policy of a step that runs no workflow.
    ClosePolicyOfTask,
    /// A batch made of steps.
    BatchOfSteps,
    /// A fallback task that is a batch.
    FallbackBatch,
    /// A task that has both steps and an entrypoint.
    StepsAndEntrypoint,
    /// A fallback task made of steps.
    FallbackSteps,
    /// A reference that holds an expression.
    DynamicReference,
    /// A fallback task that falls back itself.
    NestedFallback,
}

impl fmt::Display for Construct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BlockRetry => "retry of a block",
            Self::BlockTimeout => "timeout_seconds of a block",
            Self::AsyncInLoop => "an async step in a loop or in compensation",
            Self::WaitRetry => "retry of a step that waits",
            Self::FallbackWait => "a fallback task that waits",
            Self::WaitOfSteps => "a task that waits and has steps or a batch",
            Self::Agent => "an agent step",
            Self::FallbackSubflow => "a fallback that is a workflow",
            Self::ClosePolicyOfTask => "close_policy of a step that runs no workflow",
            Self::BatchOfSteps => "a batch made of steps",
            Self::FallbackBatch => "a fallback task that is a batch",
            Self::StepsAndEntrypoint => "a task that has both steps and an entrypoint",
            Self::FallbackSteps => "a fallback task made of steps",
            Self::DynamicReference => "a reference that holds an expression",
            Self::NestedFallback => "a fallback task that falls back itself",
        })
    }
}

fn prefix(step: &Option<String>) -> String {
    step.as_ref()
        .map(|step| format!("step `{step}`: "))
        .unwrap_or_default()
}

/// Why a stored plan cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanLoadError {
    /// A newer version of this software wrote it.
    #[error(
        "the plan has format {found}, this build reads format {known}: upgrade before going on with its runs"
    )]
    Format {
        /// The format found.
        found: u64,
        /// The format this build reads.
        known: u32,
    },
    /// It is no plan, or not a consistent one.
    #[error("the stored plan is damaged: {reason}")]
    Damaged {
        /// How it was noticed.
        reason: String,
    },
}

impl PlanLoadError {
    /// The stable error code, documented in `runtime/errors/`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Format { .. } => "OSSA-P020",
            Self::Damaged { .. } => "OSSA-P021",
        }
    }
}
