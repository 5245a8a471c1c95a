//! `Ossa\Runtime\Run`

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendHashTable, Zval};
use ossa_runtime::engine::RunDetails;

use crate::convert::to_php::{self, DateTime};
use crate::error::{Answer, Fault};

/// A run with its steps and timeline, as of the moment it was read.
#[php_class]
#[php(name = "Ossa\\Runtime\\Run", flags = ClassFlags::Final)]
pub(crate) struct Run(RunDetails);

impl From<RunDetails> for Run {
    fn from(details: RunDetails) -> Self {
        Self(details)
    }
}

#[php_impl]
impl Run {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    fn get_id(&self) -> String {
        self.0.run.run.to_string()
    }

    fn get_workflow(&self) -> &str {
        &self.0.run.workflow
    }

    fn get_status(&self) -> &str {
        self.0.run.status.as_str()
    }

    fn is_terminal(&self) -> bool {
        self.0.run.status.is_terminal()
    }

    fn get_progress(&self) -> u8 {
        self.0.run.progress
    }

    fn get_correlation_id(&self) -> Option<&str> {
        self.0.run.correlation_id.as_deref()
    }

    fn get_parent(&self) -> Answer<Option<ZBox<ZendHashTable>>> {
        self.0.run.parent.as_ref().map(to_php::table_of).transpose()
    }

    fn get_concurrency_group(&self) -> Option<&str> {
        self.0.run.group.as_deref()
    }

    fn get_labels(&self) -> Answer<ZBox<ZendHashTable>> {
        to_php::table_of(&self.0.run.labels)
    }

    fn get_input(&self) -> Answer<Zval> {
        Ok(to_php::zval(&self.0.run.input)?)
    }

    fn get_output(&self) -> Answer<Zval> {
        let output = self.0.run.output.as_ref().map(to_php::zval).transpose()?;
        Ok(output.unwrap_or_else(Zval::null))
    }

    fn get_error(&self) -> Answer<Option<ZBox<ZendHashTable>>> {
        self.0.run.error.as_ref().map(to_php::table_of).transpose()
    }

    fn get_variables(&self) -> Answer<ZBox<ZendHashTable>> {
        Ok(to_php::object(&self.0.run.variables)?)
    }

    fn get_steps(&self) -> Answer<ZBox<ZendHashTable>> {
        to_php::table_of(&self.0.run.steps)
    }

    fn get_events(&self) -> Answer<ZBox<ZendHashTable>> {
        to_php::table_of(&self.0.events)
    }

    fn get_created_at(&self) -> DateTime {
        DateTime(self.0.run.created_at)
    }

    fn get_ended_at(&self) -> Option<DateTime> {
        self.0.run.ended_at.map(DateTime)
    }
}
