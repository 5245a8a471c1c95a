//! Text made by interpolation, `join` and `tojson`, under one bound.

use std::io;

use serde_json::Value;

use super::error::{Code, EvaluationError};
use super::limits::{Budget, MAX_TEXT_BYTES};

#[derive(Default)]
pub(super) struct BoundedText {
    text: String,
}

impl BoundedText {
    pub(super) fn push(&mut self, part: &str) -> Result<(), EvaluationError> {
        if part.len() > MAX_TEXT_BYTES.saturating_sub(self.text.len()) {
            return Err(too_long());
        }
        self.text.push_str(part);
        Ok(())
    }

    /// Appends a value as text: nothing for null, a string as it is, JSON for the rest.
    pub(super) fn push_value(
        &mut self,
        value: &Value,
        budget: &Budget,
    ) -> Result<(), EvaluationError> {
        match value {
            Value::Null => Ok(()),
            Value::String(text) => {
                budget.take_text(text)?;
                self.push(text)
            }
            value => self.push_json(value, budget),
        }
    }

    pub(super) fn push_json(
        &mut self,
        value: &Value,
        budget: &Budget,
    ) -> Result<(), EvaluationError> {
        budget.take_value(value)?;
        // A JSON value has nothing that cannot be written, so only the bound can fail.
        serde_json::to_writer(self, value).map_err(|_| too_long())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn into_value(self) -> Value {
        Value::String(self.text)
    }
}

fn too_long() -> EvaluationError {
    EvaluationError::new(
        Code::TextTooLong,
        format!("the text grows longer than {MAX_TEXT_BYTES} bytes"),
        "pass the data as a value of its own instead of inside a text",
    )
}

/// `serde_json` writes whole characters, so each piece is valid UTF-8.
impl io::Write for BoundedText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.push(part).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
