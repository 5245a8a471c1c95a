//! What the server answers, as the type that is expected.

use redis::Value;

use super::number::damaged;
use crate::port::StoreError;

/// An answer.
#[derive(Debug)]
pub(super) struct Reply(pub(super) Value);

impl From<Vec<Reply>> for Reply {
    fn from(all: Vec<Reply>) -> Self {
        Self(Value::Array(all.into_iter().map(|it| it.0).collect()))
    }
}

impl Reply {
    pub(super) fn list(self) -> Result<Vec<Self>, StoreError> {
        match self.0 {
            Value::Array(values) => Ok(values.into_iter().map(Self).collect()),
            Value::Nil => Ok(Vec::new()),
            other => Err(unexpected("a list", &other)),
        }
    }

    pub(super) fn bytes(self) -> Result<Vec<u8>, StoreError> {
        match self.0 {
            Value::BulkString(bytes) => Ok(bytes),
            other => Err(unexpected("bytes", &other)),
        }
    }

    pub(super) fn maybe_bytes(self) -> Result<Option<Vec<u8>>, StoreError> {
        match self.0 {
            Value::Nil => Ok(None),
            _ => self.bytes().map(Some),
        }
    }

    pub(super) fn text(self) -> Result<String, StoreError> {
        match self.0 {
            Value::SimpleString(text) => Ok(text),
            other => String::from_utf8(Self(other).bytes()?)
                .map_err(|error| damaged("an answer", error.to_string())),
        }
    }

    pub(super) fn maybe_text(self) -> Result<Option<String>, StoreError> {
        match self.0 {
            Value::Nil => Ok(None),
            _ => self.text().map(Some),
        }
    }

    pub(super) fn number(self) -> Result<i64, StoreError> {
        if let Value::Int(number) = self.0 {
            return Ok(number);
        }
        let text = self.text()?;
        let number = text.parse();
        number.map_err(|_| damaged("an answer", format!("`{text}` is no whole number")))
    }

    pub(super) fn count(self) -> Result<u64, StoreError> {
        Ok(u64::try_from(self.number()?).unwrap_or_default())
    }

    /// One yes or no for each argument.
    pub(super) fn flags(self) -> Result<Vec<bool>, StoreError> {
        let flags = self.list()?.into_iter();
        flags.map(|it| Ok(it.number()? == 1)).collect()
    }
}

fn unexpected(wanted: &str, found: &Value) -> StoreError {
    let found = match found {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) => "bytes",
        Value::Array(_) => "a list",
        _ => "something else",
    };
    damaged("an answer", format!("it is {found} instead of {wanted}"))
}
