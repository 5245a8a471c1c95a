//! The bounds that keep a hostile expression, or a hostile value, from taking the process with it.

use std::cell::Cell;

use serde_json::Value;

use super::error::{Code, EvaluationError};

/// Longest text of one expression, in bytes.
pub const MAX_SOURCE_BYTES: usize = 8 * 1024;

/// Deepest nesting of brackets, prefix operators, ternaries and wildcards in one expression.
pub const MAX_DEPTH: usize = 64;

/// Deepest nesting of a JSON value that is parsed as a template, compared, copied or written as text.
pub const MAX_VALUE_DEPTH: usize = 256;

/// Steps one evaluation, or one rendering of a template, may take.
///
/// A step is an operation, a visited element, a copied JSON node, 64 bytes of copied or compared text, or a
/// byte of text matched against a regular expression, times the size of the compiled expression in units of
/// 16 KiB. Compiling a regular expression that is not literal takes 20,000 steps. The bound thus caps time
/// and memory together.
pub const MAX_STEPS: u32 = 1_000_000;

/// Longest text made by interpolation, `join` or `tojson`, in bytes.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// Longest text that is matched against a regular expression, in bytes.
pub const MAX_MATCHED_BYTES: usize = 64 * 1024;

/// Memory one compiled regular expression may take, in bytes.
pub const MAX_PATTERN_BYTES: usize = 1024 * 1024;

/// Memory all literal regular expressions of one expression or one template may take together, in bytes.
pub const MAX_PATTERNS_BYTES: usize = 4 * MAX_PATTERN_BYTES;

/// The steps left to one evaluation.
pub(super) struct Budget {
    left: Cell<u32>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            left: Cell::new(MAX_STEPS),
        }
    }

    /// Takes `steps` from the budget.
    pub(super) fn take(&self, steps: usize) -> Result<(), EvaluationError> {
        let left = u32::try_from(steps)
            .ok()
            .and_then(|steps| self.left.get().checked_sub(steps));
        match left {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(EvaluationError::new(
                Code::TooManySteps,
                format!("the evaluation takes more than {MAX_STEPS} steps"),
                "reduce the data first: let a task select or aggregate it, and refer to its output",
            )),
        }
    }

    /// Pays for copying or comparing `text`.
    pub(super) fn take_text(&self, text: &str) -> Result<(), EvaluationError> {
        self.take(1 + text.len() / 64)
    }

    /// Pays for a copy of `value`, and refuses one too deep to be walked by recursion.
    pub(super) fn take_value(&self, value: &Value) -> Result<(), EvaluationError> {
        self.take_nested(value, 0)
    }

    fn take_nested(&self, value: &Value, depth: usize) -> Result<(), EvaluationError> {
        check_value_depth(depth)?;
        match value {
            Value::String(text) => self.take_text(text),
            Value::Array(items) => {
                self.take(1)?;
                items
                    .iter()
                    .try_for_each(|item| self.take_nested(item, depth + 1))
            }
            Value::Object(members) => {
                self.take(1)?;
                members.iter().try_for_each(|(key, member)| {
                    self.take_text(key)?;
                    self.take_nested(member, depth + 1)
                })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => self.take(1),
        }
    }
}

pub(super) fn check_value_depth(depth: usize) -> Result<(), EvaluationError> {
    if depth > MAX_VALUE_DEPTH {
        return Err(EvaluationError::new(
            Code::ValueTooDeep,
            format!("a value nests deeper than {MAX_VALUE_DEPTH} levels"),
            "pass flatter data, or pass the deep part as text",
        ));
    }
    Ok(())
}
