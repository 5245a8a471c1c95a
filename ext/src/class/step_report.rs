//! `Ossa\Runtime\StepReport`

use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ossa_runtime::engine::{Reported, StepReport as Report};
use ossa_runtime::port::{Clock as _, SystemClock};
use ossa_runtime::run::Next;

use crate::error::{Answer, Fault};

/// What became of a reported result.
#[php_class]
#[php(name = "Ossa\\Runtime\\StepReport", flags = ClassFlags::Final)]
pub(crate) struct StepReport(Report);

impl From<Report> for StepReport {
    fn from(report: Report) -> Self {
        Self(report)
    }
}

#[php_impl]
impl StepReport {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    fn get_status(&self) -> &str {
        match self.0.result {
            Reported::Recorded(_) => "recorded",
            Reported::Duplicate => "duplicate",
            Reported::Late => "late",
        }
    }

    fn get_next(&self) -> &str {
        match self.0.result {
            Reported::Recorded(Next::Retry { .. }) => "retry",
            Reported::Recorded(Next::Final) => "final",
            // Whoever's result counted was told what follows.
            Reported::Recorded(Next::Handled) | Reported::Duplicate | Reported::Late => "handled",
        }
    }

    fn get_retry_delay_ms(&self) -> Option<u64> {
        let Reported::Recorded(Next::Retry { at, .. }) = self.0.result else {
            return None;
        };
        u64::try_from(at.since(SystemClock.now()).as_millis()).ok()
    }

    fn get_run_status(&self) -> &str {
        self.0.run_status.as_str()
    }
}
