//! Transforms of message routing that are written in PHP.

use std::cell::Cell;

use ext_php_rs::error::Error as PhpError;
use ext_php_rs::types::{ZendCallable, ZendHashTable, Zval};
use ext_php_rs::zend::ExecutorGlobals;
use ossa_runtime::routing::{Call, Callbacks};
use serde_json::Value;

use crate::bound::Bound;
use crate::convert::argument::Table;
use crate::convert::{from_php, to_php};
use crate::error::{Answer, Fault};
use crate::zend;

/// Callables by the name of the transform.
pub(crate) struct PhpCallbacks {
    all: Vec<(String, ZendCallable<'static>)>,
    /// PHP code has thrown; its exception is on its way to the caller.
    has_thrown: Cell<bool>,
}

impl PhpCallbacks {
    /// Reads an array of callables; `argument` names it in a refusal.
    pub(crate) fn read(table: Option<&ZendHashTable>, argument: &str) -> Answer<Self> {
        let mut all = Vec::new();
        let mut entries = table.map(ZendHashTable::iter);
        while let Some((key, entry)) = entries.as_mut().and_then(|entries| entries.next_zval()) {
            let name = key.str().unwrap_or_default().to_owned();
            let callable = ZendCallable::new_owned(entry.dereference().shallow_clone())
                .map_err(|_| Fault::argument(format!("{argument}[{name:?}] is not callable")))?;
            all.push((name, callable));
        }
        Ok(Self {
            all,
            has_thrown: Cell::new(false),
        })
    }

    /// The same of an argument.
    pub(crate) fn of_argument(table: Table<'_>, argument: &str) -> Answer<Self> {
        Self::read(table.get(), argument)
    }

    /// Whether an exception is on its way since this was asked last.
    pub(crate) fn take_thrown(&self) -> bool {
        self.has_thrown.replace(false)
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

/// Callbacks of an engine, which may route on threads of its own: they are called on PHP's. What they throw is the reason of
/// a dead letter, and goes no further.
pub(crate) struct EngineCallbacks {
    callbacks: Bound<PhpCallbacks>,
    /// For those who ask on other threads.
    names: Vec<String>,
}

impl EngineCallbacks {
    pub(crate) fn new(callbacks: PhpCallbacks) -> Self {
        let names = callbacks.all.iter().map(|(name, _)| name.clone());
        Self {
            names: names.collect(),
            callbacks: Bound::new(callbacks),
        }
    }
}

impl Callbacks for EngineCallbacks {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|it| it == name)
    }

    fn call(&self, call: &Call<'_>) -> Result<Value, String> {
        let Some(callbacks) = self.callbacks.get() else {
            return Err("code of PHP can be called on its own thread only".to_owned());
        };
        if ExecutorGlobals::has_exception() {
            return Err("PHP code is just throwing an exception".to_owned());
        }
        let made = callbacks.call(call);
        callbacks.take_thrown();
        if zend::is_exiting() {
            // Not to be stopped: PHP code has called `exit`.
            return Err("PHP code has ended the process".to_owned());
        }
        match ExecutorGlobals::take_exception() {
            Some(exception) => Err(zend::message_of(&exception)),
            None => made,
        }
    }

    fn is_at_hand(&self) -> bool {
        // Without callbacks there is nothing to wait for.
        self.names.is_empty() || self.callbacks.is_here()
    }
}
