//! `Ossa\Runtime\StepClaim`

use std::sync::Arc;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendHashTable, Zval};
use ossa_runtime::engine::StepClaim as Claim;

use super::binding;
use crate::convert::to_php;
use crate::error::{Answer, Fault};

/// One attempt to run, claimed.
#[php_class]
#[php(name = "Ossa\\Runtime\\StepClaim", flags = ClassFlags::Final)]
pub(crate) struct StepClaim(Arc<Claim>);

impl From<Arc<Claim>> for StepClaim {
    fn from(claim: Arc<Claim>) -> Self {
        Self(claim)
    }
}

#[php_impl]
impl StepClaim {
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

    fn get_max_attempts(&self) -> u32 {
        self.0.job.max_attempts
    }

    fn get_effect_key(&self) -> &str {
        &self.0.job.effect_key
    }

    fn get_input(&self) -> Answer<Zval> {
        Ok(to_php::zval(&self.0.job.input)?)
    }

    fn get_calls(&self) -> Answer<ZBox<ZendHashTable>> {
        let calls = &self.0.job.calls;
        let mut list = to_php::with_capacity(calls.len());
        for call in calls {
            list.push(to_php::table_of(&call.keys)?)?;
        }
        Ok(list)
    }

    fn get_bindings(&self) -> Answer<ZBox<ZendHashTable>> {
        binding::table(&self.0.job.bindings)
    }

    fn get_execution(&self) -> &str {
        self.0.job.execution.as_str()
    }

    fn get_timeout_ms(&self) -> u64 {
        self.0.job.timeout_ms
    }

    fn get_deadline_ms(&self) -> i64 {
        self.0.deadline.as_millis()
    }

    fn get_correlation_id(&self) -> Option<&str> {
        self.0.job.correlation_id.as_deref()
    }

    fn get_traceparent(&self) -> Option<&str> {
        self.0.job.traceparent.as_deref()
    }

    fn get_hops(&self) -> u32 {
        self.0.job.hops
    }
}
