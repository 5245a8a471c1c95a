//! What nodes do, and the blocks of steps that some of them run. Stored with the plan, like `model`.

use serde::{Deserialize, Serialize};

use super::{BlockId, Node, NodeId, OnError, PlannedSubflow, PlannedWait, TaskCall};
use crate::expression::{Expression, Template};
use crate::manifest::model::TaskErrorAction;

/// Steps that run together: the top-level ones, and those of each Parallel, Conditional branch and Loop. A run opens a
/// scope for the top-level block when it starts, and one for another block whenever the node that owns it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The node the block belongs to; `None` for the top-level block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<NodeId>,
    /// When a scope of the block is done.
    pub join: Join,
    /// The first of its nodes; they are numbered without a gap, in document order.
    pub first: NodeId,
    /// How many nodes it has.
    pub count: u32,
    /// Its steps are those of a task in a manifest of its own: they and the steps outside do not see each other.
    #[serde(default, skip_serializing_if = "is_false")]
    pub isolated: bool,
}

/// When a scope is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// When all its steps that anyone waits for are settled.
    #[default]
    All,
}

/// What a node does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Calls handlers.
    Task(Box<TaskCall>),
    /// Runs the steps of a block side by side; its output is an object of theirs, by step id.
    Parallel(BlockId),
    /// Runs the block of the first branch whose condition holds; its output is that of the last step that ran.
    Conditional(Box<Branches>),
    /// Runs a block once for each element of a list.
    Loop(Box<PlannedLoop>),
    /// Runs the steps that a task is made of, within the task's contract.
    Steps(Box<TaskSteps>),
    /// Waits for a person, for approvals or for an event.
    Wait(Box<PlannedWait>),
    /// Runs a workflow as a run of its own, and waits for its end.
    Subflow(Box<PlannedSubflow>),
}

/// A loop.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedLoop {
    /// The list it goes over.
    pub over: Template,
    /// Name of the element.
    pub item: String,
    /// Name of the position.
    pub index: String,
    /// Iterations at once; `None` = one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<Template>,
    /// The steps of an iteration.
    pub block: BlockId,
    /// Something reads its output, which is then the list of results. Otherwise they are not kept.
    #[serde(default, skip_serializing_if = "is_false")]
    pub collects: bool,
    /// It is a task that works through a list: what holds of the task as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Box<TaskCall>>,
}

/// A task made of steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskSteps {
    /// What holds of the task as a whole; its calls are not made.
    pub task: TaskCall,
    /// Its steps.
    pub block: BlockId,
}

/// The branches of a conditional.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Branches {
    /// In the order in which they are tried.
    pub branches: Vec<PlannedBranch>,
    /// Runs when no condition holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<BlockId>,
}

/// A branch of a conditional.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedBranch {
    /// What `steps.ID.branch` says when it is taken: its name, else its position.
    pub name: String,
    /// Taken when this holds.
    pub condition: Expression,
    /// Its steps.
    pub block: BlockId,
}

impl Action {
    /// The name of what it does, for views: `task`, `parallel`, `conditional`, `loop`, `batch`, `steps`, `subflow`, or what it
    /// waits for: `human`, `approval`, `event`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Task(_) => "task",
            Self::Parallel(_) => "parallel",
            Self::Conditional(_) => "conditional",
            Self::Loop(repeat) if repeat.batch.is_some() => "batch",
            Self::Loop(_) => "loop",
            Self::Steps(_) => "steps",
            Self::Wait(wait) => wait.kind.as_str(),
            Self::Subflow(_) => "subflow",
        }
    }

    /// The blocks it may run, in document order.
    #[must_use]
    pub fn blocks(&self) -> Vec<BlockId> {
        match self {
            Self::Task(_) | Self::Wait(_) | Self::Subflow(_) => Vec::new(),
            Self::Parallel(block) => vec![*block],
            Self::Conditional(choice) => {
                let branches = choice.branches.iter().map(|branch| branch.block);
                branches.chain(choice.otherwise).collect()
            }
            Self::Loop(repeat) => vec![repeat.block],
            Self::Steps(steps) => vec![steps.block],
        }
    }
}

impl Node {
    /// The task the node runs; `None` for a block that is none.
    #[must_use]
    pub fn task(&self) -> Option<&TaskCall> {
        match &self.action {
            Action::Task(task) => Some(task),
            Action::Steps(steps) => Some(&steps.task),
            Action::Wait(wait) => Some(&wait.task),
            Action::Subflow(subflow) => Some(&subflow.task),
            Action::Loop(repeat) => repeat.batch.as_deref(),
            Action::Parallel(_) | Action::Conditional(_) => None,
        }
    }
}

impl Node {
    /// The blocks it may run, in document order; those of its compensation included.
    #[must_use]
    pub fn blocks(&self) -> Vec<BlockId> {
        let undo = match self.on_error {
            Some(OnError::Compensate(block)) => Some(block),
            _ => None,
        };
        self.action.blocks().into_iter().chain(undo).collect()
    }

    /// What the node's task says of a failure with this code that is not retried, where the step itself says nothing.
    #[must_use]
    pub fn task_action(&self, code: &str) -> TaskErrorAction {
        let Some(task) = self.task().filter(|_| self.on_error.is_none()) else {
            return TaskErrorAction::Fail;
        };
        match task.mapped(code) {
            // All attempts it may have are made: what is said of any code decides.
            Some(TaskErrorAction::Retry) | None => task.on_error,
            Some(action) => action,
        }
    }

    /// Whether the failure of a step in this block is none of what is around the block.
    #[must_use]
    pub fn contains_failure(&self, code: &str) -> bool {
        let falls_back = self.task().is_some_and(|task| task.fallback.is_some());
        self.is_async
            || self.on_error == Some(OnError::Continue)
            || match self.task_action(code) {
                TaskErrorAction::Ignore => true,
                TaskErrorAction::Fallback => falls_back,
                TaskErrorAction::Fail | TaskErrorAction::Retry => false,
            }
    }
}

const fn is_false(value: &bool) -> bool {
    !*value
}
