//! What a host does for transforms that are not the runtime's own.

use serde_json::Value;

use crate::manifest::model::TransformLanguage;

/// Transforms of a host: JSONata, and those that a manifest calls `custom`.
pub trait Callbacks {
    /// Whether the host has a callback of that name: `jsonata`, or what a `custom` transform names.
    fn has(&self, name: &str) -> bool;

    /// Calls it.
    ///
    /// # Errors
    /// Why there is no result; the message becomes a dead letter with this reason.
    fn call(&self, call: &Call<'_>) -> Result<Value, String>;
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

/// The callback that a transform needs; `None` = the runtime does it.
pub(super) fn needed(language: TransformLanguage, expression: &str) -> Option<&str> {
    match language {
        TransformLanguage::JmesPath | TransformLanguage::Template => None,
        TransformLanguage::Jsonata => Some(language.as_str()),
        TransformLanguage::Custom => Some(expression.trim()),
    }
}
