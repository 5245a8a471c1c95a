//! `Ossa\Runtime\Router`

use std::sync::Arc;
use std::time::SystemTime;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendHashTable, Zval};
use ossa_runtime::error::{Category, Error};
use ossa_runtime::manifest::{self, Loaded};
use ossa_runtime::port::Timestamp;
use ossa_runtime::routing::{Context, Delivery, Envelope, Host, Refusal, Routed, Rules};
use serde_json::Value;

use super::diagnostic::Diagnostic;
use crate::callbacks::PhpCallbacks;
use crate::convert::argument::{Bytes, Table};
use crate::convert::options::Options;
use crate::convert::{from_php, to_php};
use crate::error::{Answer, Fault};

/// The rules of message routing, ready to say where a message goes.
#[php_class]
#[php(name = "Ossa\\Runtime\\Router", flags = ClassFlags::Final)]
pub(crate) struct Router {
    rules: Rules,
    warnings: Vec<manifest::Diagnostic>,
    callbacks: PhpCallbacks,
}

#[php_impl]
impl Router {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    #[php(defaults(callbacks = Table::EMPTY))]
    fn load(files: Vec<String>, callbacks: Table<'_>) -> Answer<Self> {
        let mut loaded = Vec::with_capacity(files.len());
        for file in files {
            let options = manifest::Options::default();
            loaded.push(manifest::load_file(file.as_ref(), &options)?);
        }
        Self::compile(loaded, callbacks)
    }

    #[php(defaults(callbacks = Table::EMPTY))]
    fn parse(yaml: Bytes<'_>, callbacks: Table<'_>) -> Answer<Self> {
        let options = manifest::Options::default();
        Self::compile(
            vec![manifest::load_str(yaml.text("$yaml")?, &options)],
            callbacks,
        )
    }

    fn get_warnings(&self) -> Vec<Diagnostic> {
        self.warnings
            .iter()
            .cloned()
            .map(Diagnostic::from)
            .collect()
    }

    #[php(defaults(options = Table::EMPTY))]
    fn route(&self, message: Table<'_>, options: Table<'_>) -> Answer<ZBox<ZendHashTable>> {
        self.with(message, options, |envelope, context| {
            routed(message, envelope, &self.rules.route(envelope, context))
        })
    }

    #[php(defaults(options = Table::EMPTY))]
    fn explain(&self, message: Table<'_>, options: Table<'_>) -> Answer<ZBox<ZendHashTable>> {
        self.with(message, options, |envelope, context| {
            let explained = self.rules.explain(envelope, context);
            let mut table = routed(message, envelope, &explained.routed)?;
            table.insert("rules", to_php::table_of(&explained.rules)?)?;
            Ok(table)
        })
    }
}

impl Router {
    fn compile(mut files: Vec<Loaded>, callbacks: Table<'_>) -> Answer<Self> {
        let callbacks = PhpCallbacks::of_argument(callbacks, "$callbacks")?;
        let host = Host {
            callbacks: &callbacks,
            ..Host::default()
        };
        let rules = Rules::of_files(&mut files, &host);
        let diagnostics = files.iter().flat_map(Loaded::diagnostics).cloned();
        match rules {
            Some(rules) => Ok(Self {
                rules,
                warnings: diagnostics.collect(),
                callbacks,
            }),
            None => Err(refused(diagnostics.collect())),
        }
    }

    fn with(
        &self,
        message: Table<'_>,
        options: Table<'_>,
        work: impl FnOnce(&Envelope, &Context<'_>) -> Answer<ZBox<ZendHashTable>>,
    ) -> Answer<ZBox<ZendHashTable>> {
        let options = Options::read("$options of Router", options, &["agents"])?;
        let agents = options.texts("agents")?.unwrap_or_default();
        let now = now();
        let message = Value::Object(from_php::object(message.get(), "$message")?);
        let message = Envelope::read(message, now)
            .map_err(|error| Error::new(Category::Input, error.code(), error.to_string()))?;
        let context = Context {
            now,
            agents: &agents,
            callbacks: &self.callbacks,
        };
        let made = work(&message, &context);
        if self.callbacks.take_thrown() {
            return Err(Fault::Thrown);
        }
        made
    }
}

/// What becomes of a message, by the names that [`Routed::to_json`] uses.
fn routed(given: Table<'_>, message: &Envelope, routed: &Routed) -> Answer<ZBox<ZendHashTable>> {
    // A payload that is delivered as it came is not made anew.
    let own = given.get().and_then(|table| table.get("payload"));
    let own = own.filter(|payload| from_php::is_plain(payload));
    let mut deliveries = to_php::with_capacity(routed.deliveries.len());
    for it in &routed.deliveries {
        let payload = match own {
            Some(own) if Arc::ptr_eq(&it.payload, &message.payload) => own.shallow_clone(),
            _ => to_php::zval(&it.payload)?,
        };
        deliveries.push(delivery(it, payload)?)?;
    }
    let mut refusals = to_php::with_capacity(routed.refusals.len());
    for it in &routed.refusals {
        refusals.push(refusal(it)?)?;
    }
    let mut table = to_php::with_capacity(4);
    table.insert("outcome", routed.outcome.as_str())?;
    table.insert("deliveries", deliveries)?;
    table.insert("refusals", refusals)?;
    Ok(table)
}

fn delivery(delivery: &Delivery, payload: Zval) -> Answer<ZBox<ZendHashTable>> {
    let mut table = to_php::with_capacity(6);
    table.insert("target", delivery.target.to_string())?;
    table.insert("priority", delivery.priority.as_str())?;
    table.insert("rules", texts(&delivery.rules)?)?;
    table.insert("transform", delivery.transform.as_deref())?;
    table.insert("failover", texts(&delivery.failover)?)?;
    table.insert("payload", payload)?;
    Ok(table)
}

fn refusal(refusal: &Refusal) -> Answer<ZBox<ZendHashTable>> {
    let mut table = to_php::with_capacity(4);
    table.insert("reason", refusal.reason.as_str())?;
    table.insert("detail", refusal.detail.as_str())?;
    table.insert("rule", refusal.rule.as_deref())?;
    table.insert("targets", texts(&refusal.targets)?)?;
    Ok(table)
}

fn texts(all: &[impl ToString]) -> Answer<ZBox<ZendHashTable>> {
    let mut list = to_php::with_capacity(all.len());
    for text in all {
        list.push(text.to_string())?;
    }
    Ok(list)
}

/// What is wrong with the documents, as one exception named after the first error.
fn refused(diagnostics: Vec<manifest::Diagnostic>) -> Fault {
    let first = diagnostics.iter().find(|diagnostic| diagnostic.is_error());
    let (code, message) = match first {
        Some(first) => (first.code, first.message.clone()),
        None => (manifest::code::EMPTY, "there are no rules".to_owned()),
    };
    Error::new(Category::Manifest, code, message)
        .with_diagnostics(diagnostics)
        .into()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp::EPOCH.after(since.unwrap_or_default())
}
