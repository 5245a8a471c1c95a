//! `Ossa\Runtime\CircuitBreakers`

#![allow(
    non_snake_case,
    reason = "parameters have PHP's names, for named arguments"
)]

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::ZendHashTable;
use ossa_runtime::engine::{BreakerKey, Engine};
use ossa_runtime::policy::Admission;

use super::engine_options::step_error;
use crate::convert::argument::{Bytes, Table};
use crate::convert::to_php;
use crate::error::{Answer, Fault};
use crate::process::Owned;

/// The circuit breakers of an engine's store.
#[php_class]
#[php(name = "Ossa\\Runtime\\CircuitBreakers", flags = ClassFlags::Final)]
pub(crate) struct CircuitBreakers {
    engine: Owned<Engine>,
}

impl CircuitBreakers {
    pub(super) fn over(engine: &Engine) -> Self {
        Self {
            engine: Owned::new(engine.clone()),
        }
    }
}

#[php_impl]
impl CircuitBreakers {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    fn all(&self) -> Answer<ZBox<ZendHashTable>> {
        to_php::table_of(&self.engine.get()?.breakers()?)
    }

    fn reset(&self, name: Bytes<'_>, tenant: Option<Bytes<'_>>) -> Answer<bool> {
        Ok(self.engine.get()?.reset_breaker(&key(name, tenant)?)?)
    }

    fn admit(
        &self,
        name: Bytes<'_>,
        holder: Bytes<'_>,
        tenant: Option<Bytes<'_>>,
    ) -> Answer<Option<i64>> {
        let engine = self.engine.get()?;
        let admission = engine.admit_call(&key(name, tenant)?, holder.text("$holder")?)?;
        Ok(match admission {
            Admission::Passes | Admission::Probes => None,
            Admission::Parked { until } => Some(until.as_millis()),
        })
    }

    fn succeeded(
        &self,
        name: Bytes<'_>,
        holder: Bytes<'_>,
        tenant: Option<Bytes<'_>>,
    ) -> Answer<()> {
        let engine = self.engine.get()?;
        Ok(engine.note_call(&key(name, tenant)?, holder.text("$holder")?, None)?)
    }

    fn failed(
        &self,
        name: Bytes<'_>,
        holder: Bytes<'_>,
        error: Table<'_>,
        tenant: Option<Bytes<'_>>,
    ) -> Answer<()> {
        let engine = self.engine.get()?;
        let error = step_error("$error of CircuitBreakers::failed()", error)?;
        Ok(engine.note_call(&key(name, tenant)?, holder.text("$holder")?, Some(&error))?)
    }
}

fn key(name: Bytes<'_>, tenant: Option<Bytes<'_>>) -> Answer<BreakerKey> {
    let tenant = tenant.map(|tenant| tenant.text("$tenant")).transpose()?;
    Ok(BreakerKey {
        name: name.text("$name")?.to_owned(),
        tenant: tenant.map(str::to_owned),
    })
}
