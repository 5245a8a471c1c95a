//! `Ossa\Runtime\Operator`

#![allow(
    non_snake_case,
    reason = "parameters have PHP's names, for named arguments"
)]

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendHashTable, Zval};
use ossa_runtime::engine::{Engine as Runtime, OrderedBy, Startable};

use super::engine_options as read;
use crate::convert::argument::Bytes;
use crate::convert::{from_php, to_php};
use crate::error::{Answer, Fault};
use crate::process::Owned;

/// Steers runs in the name of a person or program.
#[php_class]
#[php(name = "Ossa\\Runtime\\Operator", flags = ClassFlags::Final)]
pub(crate) struct Operator {
    runtime: Owned<Runtime>,
    by: String,
}

impl Operator {
    pub(super) fn over(runtime: &Runtime, by: &str) -> Self {
        Self {
            runtime: Owned::new(runtime.clone()),
            by: by.to_owned(),
        }
    }

    fn ordered(&self, reason: Bytes<'_>) -> Answer<OrderedBy> {
        Ok(OrderedBy::new(self.by.as_str()).because(reason.text("$reason")?))
    }
}

#[php_impl]
impl Operator {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn pause(&self, runId: Bytes<'_>, reason: Bytes<'_>) -> Answer<&'static str> {
        let by = self.ordered(reason)?;
        let status = self.runtime.get()?.pause(read::run_id(runId)?, by)?;
        Ok(status.as_str())
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn resume(&self, runId: Bytes<'_>, reason: Bytes<'_>) -> Answer<&'static str> {
        let by = self.ordered(reason)?;
        let status = self.runtime.get()?.resume(read::run_id(runId)?, by)?;
        Ok(status.as_str())
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn quarantine(&self, runId: Bytes<'_>, reason: Bytes<'_>) -> Answer<&'static str> {
        let by = self.ordered(reason)?;
        let status = self.runtime.get()?.quarantine(read::run_id(runId)?, by)?;
        Ok(status.as_str())
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn release(&self, runId: Bytes<'_>, reason: Bytes<'_>) -> Answer<&'static str> {
        let by = self.ordered(reason)?;
        let status = self.runtime.get()?.release(read::run_id(runId)?, by)?;
        Ok(status.as_str())
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn cancel(&self, runId: Bytes<'_>, reason: Bytes<'_>) -> Answer<bool> {
        let by = self.ordered(reason)?;
        Ok(self.runtime.get()?.cancel(read::run_id(runId)?, by)?)
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn abort(&self, runId: Bytes<'_>, reason: Bytes<'_>) -> Answer<&'static str> {
        let by = self.ordered(reason)?;
        let status = self.runtime.get()?.abort(read::run_id(runId)?, by)?;
        Ok(status.as_str())
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn retry_step(&self, runId: Bytes<'_>, step: Bytes<'_>, reason: Bytes<'_>) -> Answer<String> {
        let (run, step) = (read::run_id(runId)?, step.text("$step")?);
        let by = self.ordered(reason)?;
        Ok(self.runtime.get()?.retry_step(run, step, by)?)
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn skip_step(
        &self,
        runId: Bytes<'_>,
        step: Bytes<'_>,
        reason: Bytes<'_>,
    ) -> Answer<&'static str> {
        let (run, step) = (read::run_id(runId)?, step.text("$step")?);
        let by = self.ordered(reason)?;
        Ok(self.runtime.get()?.skip_step(run, step, by)?.as_str())
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn execute_step(&self, runId: Bytes<'_>, step: Bytes<'_>, reason: Bytes<'_>) -> Answer<String> {
        let (run, step) = (read::run_id(runId)?, step.text("$step")?);
        let by = self.ordered(reason)?;
        Ok(self.runtime.get()?.execute_step(run, step, by)?)
    }

    #[php(defaults(comment = Bytes::from("")))]
    fn decide(
        &self,
        runId: Bytes<'_>,
        step: Bytes<'_>,
        decision: &Zval,
        comment: Bytes<'_>,
    ) -> Answer<&'static str> {
        let (run, step) = (read::run_id(runId)?, step.text("$step")?);
        let decision = from_php::value_or_empty_object(decision, "$decision")?;
        let comment = Some(comment.text("$comment")?).filter(|comment| !comment.is_empty());
        let runtime = self.runtime.get()?;
        let status = runtime.decide(run, step, decision, &self.by, comment)?;
        Ok(status.as_str())
    }

    #[php(defaults(to = Bytes::from(""), dryRun = false, reason = Bytes::from("")))]
    fn migrate(
        &self,
        runId: Bytes<'_>,
        to: Bytes<'_>,
        dryRun: bool,
        reason: Bytes<'_>,
    ) -> Answer<ZBox<ZendHashTable>> {
        let (run, by) = (read::run_id(runId)?, self.ordered(reason)?);
        let to = Some(to.text("$to")?).filter(|to| !to.is_empty());
        let to = to.map(|reference| Startable::Reference {
            reference: reference.to_owned(),
            kind: None,
        });
        to_php::table_of(&self.runtime.get()?.migrate(run, to, by, dryRun)?)
    }
}
