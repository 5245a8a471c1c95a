//! `Ossa\Runtime\Engine`

#![allow(
    non_snake_case,
    reason = "parameters have PHP's names, for named arguments"
)]

use std::sync::Arc;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendClassObject, ZendHashTable, Zval};
use ossa_runtime::adapter::SqlStore;
use ossa_runtime::engine::{
    ClaimOutcome, Engine as Runtime, OrderedBy, Rehearsal, StepDispatch as RelayedItem,
};
use ossa_runtime::port::{Backend, Version};
use serde_json::Value;

use super::channels::Channels;
use super::circuit_breakers::CircuitBreakers;
use super::dead_letters::DeadLetters;
use super::engine_options::{self as read, Opened};
use super::key_value_store::KeyValueStore;
use super::manifest::Manifest;
use super::operator::Operator;
use super::run::Run;
use super::run_options;
use super::run_summary::RunSummary;
use super::started_run::StartedRun;
use super::step_claim::StepClaim;
use super::step_dispatch::StepDispatch;
use super::step_report::StepReport;
use super::transport::Transport;
use crate::convert::argument::{Bytes, Table};
use crate::convert::{from_php, to_php};
use crate::error::{Answer, Fault};
use crate::fork;
use crate::process::Owned;
use crate::store::{ConnectionArgument, PhpConnection};

/// Durable runs of OSSA tasks and workflows on one store.
#[php_class]
#[php(name = "Ossa\\Runtime\\Engine", flags = ClassFlags::Final)]
pub(crate) struct Engine {
    runtime: Owned<Runtime>,
    queue: String,
}

impl Engine {
    /// What it wraps.
    pub(super) fn runtime(&self) -> Answer<&Runtime> {
        self.runtime.get()
    }
}

#[php_impl]
impl Engine {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    #[php(defaults(options = Table::EMPTY))]
    fn open(dsn: Bytes<'_>, options: Table<'_>) -> Answer<Self> {
        fork::prepare();
        let Opened { options, queue } = read::open(options)?;
        Ok(Self {
            runtime: Owned::new(Runtime::open(dsn.text("$dsn")?, options)?),
            queue,
        })
    }

    #[php(defaults(options = Table::EMPTY))]
    fn over(connection: ConnectionArgument<'_>, options: Table<'_>) -> Answer<Self> {
        let (Opened { options, queue }, store) = read::over(options)?;
        let connection = PhpConnection::new(connection);
        let open = move || {
            let connection = Box::new(connection.clone());
            let store = SqlStore::open(connection, store.clone())?;
            Ok(Arc::new(store) as Arc<dyn Backend>)
        };
        Ok(Self {
            runtime: Owned::new(Runtime::on_this_thread(open, options)?),
            queue,
        })
    }

    #[php(defaults(input = Table::EMPTY, options = Table::EMPTY))]
    fn start(
        &self,
        reference: Bytes<'_>,
        input: Table<'_>,
        options: Table<'_>,
    ) -> Answer<StartedRun> {
        let request = read::start(reference.text("$reference")?, input, options)?;
        Ok(self.runtime.get()?.start(request)?.into())
    }

    fn claim(&self, token: Bytes<'_>) -> Answer<Option<StepClaim>> {
        Ok(match self.runtime.get()?.claim(token.text("$token")?)? {
            ClaimOutcome::Claimed(claim) => Some(claim.into()),
            ClaimOutcome::Held { .. } | ClaimOutcome::Settled => None,
        })
    }

    fn complete(&self, token: Bytes<'_>, output: &Zval) -> Answer<StepReport> {
        let output = from_php::value_or_empty_object(output, "$output")?;
        let runtime = self.runtime.get()?;
        Ok(runtime.complete(token.text("$token")?, output)?.into())
    }

    fn fail(&self, token: Bytes<'_>, error: Table<'_>) -> Answer<StepReport> {
        let error = read::step_error("$error of Engine::fail()", error)?;
        let runtime = self.runtime.get()?;
        Ok(runtime.fail(token.text("$token")?, error)?.into())
    }

    fn check_output(&self, token: Bytes<'_>, output: &Zval) -> Answer<Option<String>> {
        let output = from_php::value_or_empty_object(output, "$output")?;
        let runtime = self.runtime.get()?;
        Ok(match runtime.rehearse(token.text("$token")?, output)? {
            Rehearsal::Accepted => None,
            Rehearsal::Refused(error) => Some(format!("{}: {}", error.code, error.message)),
            Rehearsal::Superseded => Some("the attempt is over".to_owned()),
        })
    }

    fn heartbeat(&self, token: Bytes<'_>) -> Answer<bool> {
        Ok(self.runtime.get()?.heartbeat(token.text("$token")?)?)
    }

    fn give_back(&self, token: Bytes<'_>) -> Answer<()> {
        Ok(self.runtime.get()?.give_back(token.text("$token")?)?)
    }

    fn retry_step(&self, runId: Bytes<'_>, step: Bytes<'_>) -> Answer<String> {
        let runtime = self.runtime.get()?;
        let (run, step) = (read::run_id(runId)?, step.text("$step")?);
        Ok(runtime.retry_step(run, step, OrderedBy::default())?)
    }

    #[php(defaults(payload = Table::EMPTY))]
    fn signal(
        &self,
        runId: Bytes<'_>,
        name: Bytes<'_>,
        payload: Table<'_>,
    ) -> Answer<&'static str> {
        let payload = Value::Object(from_php::object(payload.get(), "$payload")?);
        let runtime = self.runtime.get()?;
        let status = runtime.signal(read::run_id(runId)?, name.text("$name")?, payload)?;
        Ok(status.as_str())
    }

    fn describe(&self, token: Bytes<'_>) -> Answer<ZBox<ZendHashTable>> {
        let attempt = self.runtime.get()?.describe(token.text("$token")?)?;
        to_php::table_of(&attempt)
    }

    #[php(defaults(reason = Bytes::from("")))]
    fn cancel(&self, runId: Bytes<'_>, reason: Bytes<'_>) -> Answer<()> {
        let runtime = self.runtime.get()?;
        let by = OrderedBy::default().because(reason.text("$reason")?);
        runtime.cancel(read::run_id(runId)?, by)?;
        Ok(())
    }

    #[php(defaults(by = Bytes::from("")))]
    fn operator(&self, by: Bytes<'_>) -> Answer<Operator> {
        Ok(Operator::over(self.runtime.get()?, by.text("$by")?))
    }

    fn run(&self, runId: Bytes<'_>) -> Answer<Option<Run>> {
        let runtime = self.runtime.get()?;
        let Some(run) = read::known_run_id(runId) else {
            return Ok(None);
        };
        Ok(runtime.run(run)?.map(Run::from))
    }

    #[php(defaults(filter = Table::EMPTY))]
    fn runs(&self, filter: Table<'_>) -> Answer<Vec<RunSummary>> {
        let (filter, page) = run_options::runs(filter)?;
        let found = self.runtime.get()?.runs(&filter, &page)?;
        Ok(found.runs.into_iter().map(RunSummary::from).collect())
    }

    fn why(&self, runId: Bytes<'_>) -> Answer<ZBox<ZendHashTable>> {
        let runtime = self.runtime.get()?;
        to_php::table_of(&runtime.why(read::run_id(runId)?)?)
    }

    #[php(defaults(after = 0, limit = 1000))]
    fn events(&self, runId: Bytes<'_>, after: i64, limit: i64) -> Answer<ZBox<ZendHashTable>> {
        let after = u64::try_from(after).map_err(|_| Fault::argument("$after is negative"))?;
        let limit = read::count(limit, "$limit")?;
        let runtime = self.runtime.get()?;
        to_php::table_of(&runtime.events(read::run_id(runId)?, Version(after), limit)?)
    }

    fn export(&self, runId: Bytes<'_>) -> Answer<String> {
        let runtime = self.runtime.get()?;
        Ok(runtime.export(read::run_id(runId)?)?)
    }

    fn import(&self, export: Bytes<'_>) -> Answer<StartedRun> {
        let imported = self.runtime.get()?.import(export.text("$export")?)?;
        Ok(imported.into())
    }

    #[php(defaults(dryRun = false, limit = 100_000))]
    fn prune(&self, rules: Table<'_>, dryRun: bool, limit: i64) -> Answer<Vec<RunSummary>> {
        let rules = run_options::prune_rules(rules)?;
        let limit = read::count(limit, "$limit")?;
        let pruned = self.runtime.get()?.prune(&rules, limit, dryRun)?;
        Ok(pruned.runs.into_iter().map(RunSummary::from).collect())
    }

    fn tick(&self) -> Answer<u64> {
        let next = self.runtime.get()?.tick()?;
        Ok(u64::try_from(next.as_millis()).unwrap_or(0))
    }

    #[php(defaults(max = 100))]
    fn relay(&self, max: i64) -> Answer<Vec<StepDispatch>> {
        let max = read::count(max, "$max")?;
        let items = self.runtime.get()?.relay(&[self.queue.as_str()], max)?;
        Ok(items.into_iter().map(StepDispatch::from).collect())
    }

    fn relayed(&self, dispatches: Table<'_>) -> Answer<()> {
        Ok(self.runtime.get()?.relayed(&items(dispatches)?)?)
    }

    fn not_relayed(&self, dispatches: Table<'_>) -> Answer<()> {
        Ok(self.runtime.get()?.not_relayed(&items(dispatches)?)?)
    }

    fn manifests(&self) -> Answer<Vec<Manifest>> {
        let documents = self.runtime.get()?.manifests();
        Ok(documents.into_iter().map(Manifest::from).collect())
    }

    fn examine(&self) -> Answer<ZBox<ZendHashTable>> {
        to_php::table_of(&self.runtime.get()?.examine())
    }

    fn findings(&self) -> Answer<ZBox<ZendHashTable>> {
        to_php::table_of(&self.runtime.get()?.findings()?)
    }

    fn needed_handlers(&self) -> Answer<ZBox<ZendHashTable>> {
        to_php::table_of(&self.runtime.get()?.needed_handlers())
    }

    #[php(defaults(options = Table::EMPTY))]
    fn transport(&self, options: Table<'_>) -> Answer<Transport> {
        Transport::over(self.runtime.get()?, &self.queue, options)
    }

    fn channels(&self) -> Answer<Channels> {
        Ok(Channels::over(self.runtime.get()?))
    }

    #[php(defaults(by = Bytes::from("")))]
    fn dead_letters(&self, by: Bytes<'_>) -> Answer<DeadLetters> {
        Ok(DeadLetters::over(self.runtime.get()?, by.text("$by")?))
    }

    fn key_value(&self, namespace: Bytes<'_>) -> Answer<KeyValueStore> {
        let namespace = namespace.text("$namespace")?;
        Ok(KeyValueStore::over(self.runtime.get()?, namespace))
    }

    fn circuit_breakers(&self) -> Answer<CircuitBreakers> {
        Ok(CircuitBreakers::over(self.runtime.get()?))
    }

    fn close(&self) -> Answer<()> {
        self.runtime.get()?.close();
        Ok(())
    }
}

/// The items of a list of `StepDispatch` objects.
fn items(dispatches: Table<'_>) -> Answer<Vec<RelayedItem>> {
    let mut items = Vec::new();
    let mut entries = dispatches.get().map(ZendHashTable::iter);
    while let Some((_, entry)) = entries.as_mut().and_then(|entries| entries.next_zval()) {
        let item = entry.extract::<&ZendClassObject<StepDispatch>>();
        let item = item.ok_or_else(|| {
            Fault::argument("$dispatches must be a list of Ossa\\Runtime\\StepDispatch")
        })?;
        items.push(item.item().clone());
    }
    Ok(items)
}
