//! `Ossa\Runtime\StepDispatch`

use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ossa_runtime::engine::StepDispatch as Item;

use crate::error::{Answer, Fault};

/// A step item on its way to another transport.
#[php_class]
#[php(name = "Ossa\\Runtime\\StepDispatch", flags = ClassFlags::Final)]
pub(crate) struct StepDispatch(Item);

impl StepDispatch {
    /// The item as the engine gave it.
    pub(super) fn item(&self) -> &Item {
        &self.0
    }
}

impl From<Item> for StepDispatch {
    fn from(item: Item) -> Self {
        Self(item)
    }
}

#[php_impl]
impl StepDispatch {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    fn get_token(&self) -> &str {
        &self.0.token
    }

    fn get_run_id(&self) -> String {
        self.0.job.run.to_string()
    }

    fn get_workflow(&self) -> &str {
        &self.0.job.workflow
    }

    fn get_step(&self) -> &str {
        &self.0.job.step
    }

    fn get_attempt(&self) -> u32 {
        self.0.job.attempt
    }

    fn get_priority(&self) -> &str {
        self.0.priority.as_str()
    }

    fn get_delay_ms(&self) -> u64 {
        // An item is relayed when it is due, not before.
        0
    }

    fn get_correlation_id(&self) -> Option<&str> {
        self.0.job.correlation_id.as_deref()
    }

    fn get_traceparent(&self) -> Option<&str> {
        self.0.job.traceparent.as_deref()
    }
}
