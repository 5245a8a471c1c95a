//! One step into a JSON value.

use std::borrow::Cow;

use serde_json::{Number, Value};

use super::scope::Segment;

/// The member of `value` at `segment`; `None` when there is none. An owned value is taken apart, a borrowed
/// one stays where it is.
pub(super) fn member<'a>(value: Cow<'a, Value>, segment: Segment<'_>) -> Option<Cow<'a, Value>> {
    match (value, segment) {
        (Cow::Borrowed(Value::Object(members)), Segment::Key(key)) => match members.get(key) {
            Some(member) => Some(Cow::Borrowed(member)),
            None => length_member(members.len(), key),
        },
        (Cow::Owned(Value::Object(mut members)), Segment::Key(key)) => {
            match members.swap_remove(key) {
                Some(member) => Some(Cow::Owned(member)),
                None => length_member(members.len(), key),
            }
        }
        (
            value @ (Cow::Borrowed(Value::Object(_)) | Cow::Owned(Value::Object(_))),
            Segment::Index(index),
        ) => member(value, Segment::Key(&index.to_string())),
        (Cow::Borrowed(Value::Array(items)), Segment::Index(index)) => {
            items.get(offset(items.len(), index)?).map(Cow::Borrowed)
        }
        (Cow::Owned(Value::Array(mut items)), Segment::Index(index)) => {
            let offset = offset(items.len(), index)?;
            (offset < items.len()).then(|| Cow::Owned(items.swap_remove(offset)))
        }
        (value, Segment::Key(key)) => match value.as_ref() {
            Value::Array(items) => match key.parse() {
                Ok(index) => member(value, Segment::Index(index)),
                Err(_) => length_member(items.len(), key),
            },
            Value::String(text) if key == "length" => {
                Some(Cow::Owned(length(text.chars().count())))
            }
            _ => None,
        },
        _ => None,
    }
}

fn length_member<'a>(count: usize, key: &str) -> Option<Cow<'a, Value>> {
    (key == "length").then(|| Cow::Owned(length(count)))
}

fn offset(count: usize, index: i64) -> Option<usize> {
    match usize::try_from(index) {
        Ok(offset) => Some(offset),
        Err(_) => count.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

/// A length as a JSON number.
pub(super) fn length(count: usize) -> Value {
    Value::Number(Number::from(count))
}
