//! What can happen to a run: the only ways its state changes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::child::Parent;
use super::data::Data;
use super::steer::Order;
use super::wait::Decision;
use crate::policy::RetryPolicy;
use crate::port::{Labels, Priority, RunId, StepRef};

/// An input of the machine. Results name the attempt they belong to; anything about an attempt that is no longer
/// current is answered, not applied.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Creates the run and makes its first steps ready.
    Start(Box<Start>),
    /// A worker reports the output of an attempt.
    Succeeded {
        /// The attempt.
        step: StepRef,
        /// What the handler returned.
        output: Value,
        /// Who waits out the delay, should the output be refused and another attempt follow.
        retry_owner: RetryOwner,
    },
    /// A worker, or the engine on its behalf, reports that an attempt failed.
    Failed {
        /// The attempt.
        step: StepRef,
        /// Why.
        error: StepError,
        /// Who waits out the delay, should another attempt follow. The engine, when it reports by itself.
        retry_owner: RetryOwner,
    },
    /// A timer is due.
    TimerFired {
        /// Its name within the run.
        name: String,
        /// Which setting of it; older ones are ignored.
        generation: u64,
    },
    /// Stop the run.
    Cancel {
        /// Who wants it, for the timeline; may be empty.
        by: String,
        /// Why, for the timeline; may be empty.
        reason: String,
    },
    /// A person answers a step that waits.
    Decide(Box<Decision>),
    /// An event is sent to the run.
    Signal {
        /// Its name: `event.type` of the steps that wait for it.
        name: String,
        /// What it says.
        payload: Value,
    },
    /// Creates a run that has ended before it began: it stands where a child run would be that is not to begin any more.
    Forestall {
        /// What it would have been started with; the input does not matter.
        start: Box<Start>,
        /// Why, for the timeline.
        reason: String,
    },
    /// The child run of an attempt was started.
    ChildStarted {
        /// The attempt.
        step: StepRef,
    },
    /// The child run of an attempt ended.
    ChildEnded {
        /// The attempt.
        step: StepRef,
        /// There was one; not when it could not be started.
        started: bool,
        /// Its output, or why there is none.
        result: Result<Value, StepError>,
    },
    /// A child run that was to be closed has ended, or is about to.
    ChildClosed {
        /// The attempt.
        step: StepRef,
    },
    /// The parent run was told how this run ended.
    ParentTold,
    /// The run has a slot of its concurrency group.
    Admit,
    /// The record of its concurrency group is in line with the run.
    GroupNoted {
        /// How many runs it waits for, in line and at work.
        ahead: u32,
    },
    /// Another run wants this one to end: its parent, or a newer one of its group. May be said any number of times.
    Close {
        /// At once, without compensation.
        abort: bool,
        /// Why, for the timeline.
        reason: String,
    },
    /// An operator steers the run.
    Steer(Box<Order>),
}

/// Everything a run is started with. Recorded, so that a run never depends on what changes around it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The run's identity.
    pub run: RunId,
    /// Input as given; defaults are applied and the schema checked by the machine.
    pub input: Data,
    /// Starting again with the same workflow and key gives the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Ties together what belongs to one business case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Names and values to find the run by, those of the manifest included once it is started.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// W3C trace context handed to every step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Priority of the run's step items.
    #[serde(default)]
    pub priority: Priority,
    /// The event that started the run: `trigger` in expressions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Value>,
    /// Allow-listed environment values: `env` in expressions.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub env: Map<String, Value>,
    /// Queue the step items go to.
    pub queue: String,
    /// Policy of steps for which the manifest names none; `None` = one attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_retry: Option<RetryPolicy>,
    /// Concurrency groups of the runs around it: it must not wait for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The attempt that it is the child run of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Box<Parent>>,
}

/// Who waits out the delay of a retry. The policy is always the manifest's, computed by the machine.
///
/// Whoever reports a result says so, not the run: a run that is in flight goes on when its host changes the transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RetryOwner {
    /// The engine: the next attempt's item becomes visible when it is due.
    #[default]
    Engine,
    /// The host's message transport: it redelivers the message of the failed attempt after the delay. The next
    /// attempt's item becomes visible to the relay only a grace later, should the host lose the message.
    Host,
}

/// Why an attempt failed, in the words of whoever ran it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepError {
    /// Stable code: `HANDLER_ERROR`, `TIMEOUT`, `NO_HANDLER`, `VALIDATION_FAILED`, `RATE_LIMITED`…
    pub code: String,
    /// For people.
    pub message: String,
    /// Class of the exception, if there was one; matched by `retryable_errors`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// `Some(false)` forbids a retry, `Some(true)` asks for one within the policy; `None` leaves it to the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// The next attempt should not come earlier than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// More, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

impl StepError {
    /// An error with a code and a message, and nothing said about retries.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            class: None,
            retryable: None,
            retry_after: None,
            details: None,
        }
    }
}
