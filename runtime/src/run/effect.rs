//! What the engine is to do after a transition, in the same transaction as its log row.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::manifest::model::{Binding, ExecutionKind};
use crate::port::{Priority, RunId, StepRef, Timestamp};

/// The label of a run that names its tenant.
pub const TENANT_LABEL: &str = "tenant";

/// An order to the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Put an attempt into the queue.
    Dispatch(Box<Dispatch>),
    /// Remove the attempt's item from the queue, whoever holds it.
    Settle(StepRef),
    /// Have an attempt's item become visible at another time, unless a worker holds it.
    Reschedule {
        /// The attempt.
        step: StepRef,
        /// When it becomes visible; [`Timestamp::NEVER`] keeps it from being handed out at all.
        at: Timestamp,
    },
    /// Set or replace a timer.
    SetTimer {
        /// Its name within the run.
        name: String,
        /// Comes back with the firing.
        generation: u64,
        /// When it is due.
        due: Timestamp,
    },
    /// Remove a timer.
    ClearTimer {
        /// Its name within the run.
        name: String,
    },
}

/// An attempt to put into the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    /// The attempt.
    pub step: StepRef,
    /// The queue.
    pub queue: String,
    /// How urgent.
    pub priority: Priority,
    /// Not visible before.
    pub not_before: Timestamp,
    /// Bound on the attempt once claimed.
    pub timeout: Duration,
    /// What the worker is to do.
    pub job: StepJob,
}

/// All a worker needs to run one attempt; travels as the JSON body of the step item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepJob {
    /// The run.
    pub run: RunId,
    /// Name of the workflow, or of the task when it runs on its own.
    pub workflow: String,
    /// Step id.
    pub step: String,
    /// Scope instance.
    pub scope: u32,
    /// Node.
    pub node: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Attempts in all under the policy in force.
    pub max_attempts: u32,
    /// Same for all attempts of this step of this run: the handler's own idempotency key.
    pub effect_key: String,
    /// What may be assumed about repeating it.
    pub execution: ExecutionKind,
    /// The rendered input, checked against the task's schema.
    pub input: Value,
    /// Handlers to call one after the other; each gets the input merged with the outputs before it. When the first is
    /// found under a step or task key, that handler does the whole job, and the others are not called.
    pub calls: Vec<HandlerCall>,
    /// Bindings the manifest proposes; the host decides whether it allows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<Binding>,
    /// Bound on this attempt, in milliseconds.
    pub timeout_ms: u64,
    /// Ties together what belongs to one business case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// For whom it is done: the run's label [`TENANT_LABEL`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// How many messages led to what it publishes, one after the other: the run's label [`HOPS_LABEL`](super::HOPS_LABEL).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// One handler to call: the first of these keys that the host has bound. An empty list of bound keys is `NO_HANDLER`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandlerCall {
    /// Keys in order: step id, task name, entrypoint, capability.
    pub keys: Vec<HandlerKey>,
}

/// A key under which a host may have bound a handler.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HandlerKey {
    /// What the key names.
    pub kind: HandlerKeyKind,
    /// The key. For steps: `<workflow>.<step id>`.
    pub key: String,
}

/// What a handler key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandlerKeyKind {
    /// One step of one workflow.
    Step,
    /// A task by `metadata.name`.
    Task,
    /// An entrypoint, as an opaque key.
    Entrypoint,
    /// A capability.
    Capability,
}
