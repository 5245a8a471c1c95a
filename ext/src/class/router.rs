//! `Ossa\Runtime\Router`

use std::cell::Cell;
use std::time::SystemTime;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::error::Error as PhpError;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendCallable, ZendHashTable, Zval};
use ossa_runtime::error::{Category, Error};
use ossa_runtime::manifest::{self, Loaded};
use ossa_runtime::port::Timestamp;
use ossa_runtime::routing::{Call, Callbacks, Context, Envelope, Host, Rules};
use serde_json::{Map, Value};

use super::diagnostic::Diagnostic;
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
        self.with(message, options, |message, context| {
            self.rules.route(message, context).to_json()
        })
    }

    #[php(defaults(options = Table::EMPTY))]
    fn explain(&self, message: Table<'_>, options: Table<'_>) -> Answer<ZBox<ZendHashTable>> {
        self.with(message, options, |message, context| {
            self.rules.explain(message, context).to_json()
        })
    }
}

impl Router {
    fn compile(mut files: Vec<Loaded>, callbacks: Table<'_>) -> Answer<Self> {
        let callbacks = PhpCallbacks::read(callbacks)?;
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
        work: impl FnOnce(&Envelope, &Context<'_>) -> Value,
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
        if self.callbacks.has_thrown.replace(false) {
            return Err(Fault::Thrown);
        }
        Ok(to_php::object(made.as_object().unwrap_or(&Map::new()))?)
    }
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

/// Transforms written in PHP.
struct PhpCallbacks {
    all: Vec<(String, ZendCallable<'static>)>,
    /// PHP code has thrown; its exception is on its way to the caller.
    has_thrown: Cell<bool>,
}

impl PhpCallbacks {
    fn read(table: Table<'_>) -> Answer<Self> {
        let mut all = Vec::new();
        let mut entries = table.get().map(ZendHashTable::iter);
        while let Some((key, entry)) = entries.as_mut().and_then(|entries| entries.next_zval()) {
            let name = key.str().unwrap_or_default().to_owned();
            let callable = ZendCallable::new_owned(entry.shallow_clone())
                .map_err(|_| Fault::argument(format!("$callbacks[{name:?}] is not callable")))?;
            all.push((name, callable));
        }
        Ok(Self {
            all,
            has_thrown: Cell::new(false),
        })
    }

    fn find(&self, name: &str) -> Option<&ZendCallable<'static>> {
        let mut all = self.all.iter();
        all.find(|(it, _)| it == name).map(|(_, callable)| callable)
    }
}

impl Callbacks for PhpCallbacks {
    fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn call(&self, call: &Call<'_>) -> Result<Value, String> {
        let name = call.name;
        let Some(callable) = self.find(name) else {
            return Err(format!("there is no callback `{name}`"));
        };
        if self.has_thrown.get() {
            return Err("an exception is on its way".to_owned());
        }
        let unusable = || format!("what callback `{name}` returns is no JSON value");
        let message: Zval = to_php::zval(call.message).map_err(|error| error.to_string())?;
        match callable.try_call(vec![&call.expression, &message, &call.transform]) {
            Ok(made) => from_php::value(&made, "the result").map_err(|fault| {
                self.has_thrown.set(matches!(fault, Fault::Thrown));
                unusable()
            }),
            Err(PhpError::ExceptionPending { .. }) => {
                self.has_thrown.set(true);
                Err("an exception is on its way".to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}
