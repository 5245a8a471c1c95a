//! What a host does for transforms that are not the runtime's own.

use serde_json::Value;

use crate::manifest::model::{Transform, TransformLanguage};

/// Transforms of a host: JSONata, and those that a manifest calls `custom`.
pub trait Callbacks {
    /// Whether the host has a callback of that name: `jsonata`, or what a `custom` transform names.
    fn has(&self, name: &str) -> bool;

    /// Calls it.
    ///
    /// # Errors
    /// Why there is no result; the message becomes a dead letter with this reason.
    fn call(&self, call: &Call<'_>) -> Result<Value, String>;

    /// Whether they can be called here and now: code of a host may belong to one thread.
    fn is_at_hand(&self) -> bool {
        true
    }

    /// Whether they are called elsewhere: then what needs one is delivered as it is, and
    /// [marked](super::Delivery::pending) as to be [transformed](super::Rules::transformed) later.
    fn is_elsewhere(&self) -> bool {
        false
    }
}

/// One call of a callback.
#[derive(Debug)]
pub struct Call<'c> {
    /// The callback: `jsonata`, or what a `custom` transform names.
    pub name: &'c str,
    /// The name of the transform.
    pub transform: &'c str,
    /// Its expression as written.
    pub expression: &'c str,
    /// The envelope in its plain form with `targets` and `routing_rule_id`.
    pub message: &'c Value,
}

/// A host without callbacks.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCallbacks;

impl Callbacks for NoCallbacks {
    fn has(&self, _: &str) -> bool {
        false
    }

    fn call(&self, call: &Call<'_>) -> Result<Value, String> {
        Err(format!("there is no callback `{}`", call.name))
    }
}

/// Callbacks that the host of a message's receiver has.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    names: Option<Vec<String>>,
}

impl Elsewhere {
    /// Whatever is asked for.
    #[must_use]
    pub const fn any() -> Self {
        Self { names: None }
    }

    /// These.
    #[must_use]
    pub const fn named(names: Vec<String>) -> Self {
        Self { names: Some(names) }
    }
}

impl Callbacks for Elsewhere {
    fn has(&self, name: &str) -> bool {
        let names = self.names.as_ref();
        names.is_none_or(|names| names.iter().any(|it| it == name))
    }

    fn call(&self, call: &Call<'_>) -> Result<Value, String> {
        Err(format!("callback `{}` is not called here", call.name))
    }

    fn is_at_hand(&self) -> bool {
        false
    }

    fn is_elsewhere(&self) -> bool {
        true
    }
}

/// The callback that a transform needs and the host does not have.
pub(crate) fn missing<'t>(transform: &'t Transform, callbacks: &dyn Callbacks) -> Option<&'t str> {
    let needed = needed(transform.language, &transform.expression);
    needed.filter(|name| !callbacks.has(name))
}

/// The callback that a transform needs; `None` = the runtime does it.
pub(super) fn needed(language: TransformLanguage, expression: &str) -> Option<&str> {
    match language {
        TransformLanguage::JmesPath | TransformLanguage::Template => None,
        TransformLanguage::Jsonata => Some(language.as_str()),
        TransformLanguage::Custom => Some(expression.trim()),
    }
}
