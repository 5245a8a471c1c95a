//! `Ossa\Runtime\RunSummary`

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::ZendHashTable;
use ossa_runtime::port::RunHead;

use crate::convert::to_php::{self, DateTime};
use crate::error::{Answer, Fault};

/// A run in a list.
#[php_class]
#[php(name = "Ossa\\Runtime\\RunSummary", flags = ClassFlags::Final)]
pub(crate) struct RunSummary(RunHead);

impl From<RunHead> for RunSummary {
    fn from(head: RunHead) -> Self {
        Self(head)
    }
}

#[php_impl]
impl RunSummary {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    fn get_id(&self) -> String {
        self.0.run.to_string()
    }

    fn get_workflow(&self) -> &str {
        &self.0.workflow
    }

    fn get_status(&self) -> &str {
        self.0.status.as_str()
    }

    fn get_progress(&self) -> u8 {
        self.0.progress
    }

    fn get_current_step(&self) -> Option<&str> {
        self.0.current_step.as_deref()
    }

    fn get_error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    fn get_correlation_id(&self) -> Option<&str> {
        self.0.correlation_id.as_deref()
    }

    fn get_labels(&self) -> Answer<ZBox<ZendHashTable>> {
        to_php::table_of(&self.0.labels)
    }

    fn get_created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    fn get_updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    fn get_ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(DateTime)
    }
}
