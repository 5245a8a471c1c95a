//! What a run takes from outside, kept within bounds: whatever is recorded can be read back.

use std::borrow::Cow;

use serde_json::Value;

use super::data::Data;
use super::input::StepError;
use crate::plan::{SECRET_KEY, Schema};

/// Deepest nesting of an input, output or variable. JSON readers, ours included, stop at 128 levels, and a run's data
/// stands some levels deep in its log and snapshots.
pub const MAX_DATA_DEPTH: usize = 100;

/// Longest message of an error that is kept, in bytes; the rest is cut off.
pub const MAX_ERROR_MESSAGE_BYTES: usize = 8 * 1024;

/// How `value`, made here, breaks its bounds and its schema.
pub(super) fn violations(schema: Option<&Schema>, value: &Value) -> Vec<String> {
    if is_too_deep(value) {
        return vec![too_deep()];
    }
    schema
        .map(|schema| schema.violations(value))
        .unwrap_or_default()
}

/// How `value`, which comes from outside, breaks its bounds and its schema. What looks like the placeholder of a secret
/// is refused: the host would put the secret's value in its place.
pub(super) fn foreign_violations(schema: Option<&Schema>, value: &Value) -> Vec<String> {
    if !is_too_deep(value) && has_key(value, SECRET_KEY) {
        return vec![reserved()];
    }
    violations(schema, value)
}

/// How data that comes from outside breaks its bounds.
pub(super) fn foreign_violations_of_data(data: &Data) -> Vec<String> {
    let parts = || std::iter::once((0, Cow::Borrowed(data.frame()))).chain(data.nested_elements());
    if parts().any(|(depth, part)| exceeds(&part, MAX_DATA_DEPTH.saturating_sub(depth))) {
        return vec![too_deep()];
    }
    if parts().any(|(_, part)| has_key(&part, SECRET_KEY)) {
        return vec![reserved()];
    }
    Vec::new()
}

/// Whether `value` nests deeper than [`MAX_DATA_DEPTH`].
pub(super) fn is_too_deep(value: &Value) -> bool {
    exceeds(value, MAX_DATA_DEPTH)
}

fn too_deep() -> String {
    format!("$: nests deeper than {MAX_DATA_DEPTH} levels")
}

fn reserved() -> String {
    format!("$: the key `{SECRET_KEY}` is reserved")
}

fn exceeds(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        return matches!(value, Value::Array(_) | Value::Object(_));
    };
    match value {
        Value::Array(elements) => elements.iter().any(|element| exceeds(element, below)),
        Value::Object(members) => members.values().any(|member| exceeds(member, below)),
        _ => false,
    }
}

fn has_key(value: &Value, key: &str) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| has_key(element, key)),
        Value::Object(members) => members
            .iter()
            .any(|(name, member)| name == key || has_key(member, key)),
        _ => false,
    }
}

impl StepError {
    /// This error, short enough to be kept.
    pub(super) fn bounded(mut self) -> Self {
        if self.message.len() > MAX_ERROR_MESSAGE_BYTES {
            let end = self.message.floor_char_boundary(MAX_ERROR_MESSAGE_BYTES);
            self.message.truncate(end);
            self.message.push('…');
        }
        self.details = self
            .details
            .filter(|details| !details.is_null() && !is_too_deep(details));
        self
    }
}
