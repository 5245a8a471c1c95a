//! `Ossa\Runtime\Delivery`

use std::sync::Arc;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::ZendHashTable;
use ossa_runtime::engine::{MessageQueue, Received, StepClaim};
use ossa_runtime::port::{self, MessageId, Priority};
use ossa_runtime::run::StepJob;

use crate::convert::to_php::{self, Binary};
use crate::error::{Answer, Fault};

/// A message as received or listed.
#[php_class]
#[php(name = "Ossa\\Runtime\\Delivery", flags = ClassFlags::Final)]
pub(crate) struct Delivery {
    id: MessageId,
    queue: String,
    priority: Priority,
    body: Vec<u8>,
    headers: Vec<u8>,
    step: Option<Step>,
}

/// The attempt that a message stands for.
enum Step {
    Claimed(Arc<StepClaim>),
    Listed { token: String, job: Box<StepJob> },
}

impl Step {
    fn token(&self) -> &str {
        match self {
            Self::Claimed(claim) => &claim.token,
            Self::Listed { token, .. } => token,
        }
    }

    fn job(&self) -> &StepJob {
        match self {
            Self::Claimed(claim) => &claim.job,
            Self::Listed { job, .. } => job,
        }
    }
}

impl From<Received> for Delivery {
    fn from(received: Received) -> Self {
        Self {
            id: received.id,
            queue: received.queue,
            priority: received.priority,
            body: received.body,
            headers: received.headers,
            step: received.step.map(Step::Claimed),
        }
    }
}

impl Delivery {
    /// A message that was looked at without claiming it. A step item whose body cannot be read is shown as a message.
    pub(super) fn listed(messages: &MessageQueue, message: port::Delivery) -> Answer<Self> {
        let job = serde_json::from_slice::<StepJob>(&message.body);
        let step = match (message.step, job) {
            (Some(item), Ok(job)) => messages.token(&item.step)?.map(|token| Step::Listed {
                token,
                job: Box::new(job),
            }),
            _ => None,
        };
        Ok(Self {
            id: message.receipt.id,
            queue: message.queue,
            priority: message.priority,
            body: message.body,
            headers: message.headers,
            step,
        })
    }
}

#[php_impl]
impl Delivery {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    fn get_id(&self) -> &str {
        &self.id.0
    }

    fn get_body(&self) -> Binary<'_> {
        Binary(&self.body)
    }

    fn get_headers(&self) -> Binary<'_> {
        Binary(&self.headers)
    }

    fn get_token(&self) -> Option<&str> {
        self.step.as_ref().map(Step::token)
    }

    fn get_step(&self) -> Answer<Option<ZBox<ZendHashTable>>> {
        let Some(job) = self.step.as_ref().map(Step::job) else {
            return Ok(None);
        };
        let mut table = to_php::with_capacity(6);
        table.insert("run", job.run.to_string())?;
        table.insert("workflow", job.workflow.as_str())?;
        table.insert("step", job.step.as_str())?;
        table.insert("attempt", job.attempt)?;
        table.insert("correlation_id", job.correlation_id.as_deref())?;
        table.insert("traceparent", job.traceparent.as_deref())?;
        Ok(Some(table))
    }

    fn get_queue(&self) -> &str {
        &self.queue
    }

    fn get_priority(&self) -> &str {
        self.priority.as_str()
    }
}
