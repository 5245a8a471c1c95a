//! What a step waits for.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::compile::Compiler;
use super::task::Caller;
use super::{Construct, Schema, TaskCall, support};
use crate::expression::Template;
use crate::manifest::model::{Escalation, Task, Waiting};

/// A step that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedWait {
    /// What holds of it as of a task; its calls are not made.
    pub task: TaskCall,
    /// What it waits for.
    pub kind: WaitKind,
    /// Schema of the answer, for a person to fill in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Schema>,
    /// Who is to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Template>,
    /// How long it waits; `None` = for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Whom to tell when it waits for long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
}

/// What a step waits for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitKind {
    /// A person's answer.
    Human,
    /// So many approvals, or one rejection.
    Approval {
        /// Who may approve, as written.
        approvers: Vec<Value>,
        /// How many are needed.
        require: u32,
    },
    /// An event.
    Event {
        /// The name of the signal.
        name: String,
        /// Fields of its payload and what they must be.
        filter: Vec<(String, Template)>,
    },
}

impl WaitKind {
    /// The name of what is waited for, for views.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Approval { .. } => "approval",
            Self::Event { .. } => "event",
        }
    }
}

impl Compiler<'_> {
    /// A step that waits; `task` is the one it runs, `None` for an approval.
    pub(super) fn wait(
        &mut self,
        caller: &Caller<'_>,
        waiting: &Waiting,
        task: Option<&Task>,
        mut call: TaskCall,
    ) -> PlannedWait {
        let step = caller.step;
        if step.is_some_and(|step| step.retry.is_some())
            || task.is_some_and(|task| task.retry.is_some())
        {
            let refused = support::unsupported(Construct::WaitRetry, caller.id(), caller.path());
            self.errors.push(refused);
        }
        call.retry = None;
        let kind = match (&waiting.event, task) {
            (Some(event), _) => WaitKind::Event {
                name: event.name.clone(),
                filter: event.filter.clone(),
            },
            (None, Some(_)) => WaitKind::Human,
            (None, None) => WaitKind::Approval {
                approvers: waiting.approvers.clone(),
                require: waiting.require,
            },
        };
        // The input schema of a human task is the form: what is asked for, not what is given.
        let form = match kind {
            WaitKind::Human => call.input_schema.take(),
            _ => None,
        };
        let execution = task.and_then(|task| task.execution.as_ref());
        let named = [
            step.and_then(|step| step.timeout),
            execution.and_then(|execution| execution.timeout),
        ];
        PlannedWait {
            task: call,
            kind,
            form,
            assignee: waiting.assignee.clone(),
            timeout: named.into_iter().flatten().min(),
            escalation: waiting.escalation.clone(),
        }
    }
}
