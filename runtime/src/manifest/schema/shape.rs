//! Words to write JSON Schemas with.

use serde_json::{Map, Value, json};

/// Any object.
pub(super) fn mapping() -> Value {
    json!({"type": "object"})
}

/// An object with these members, and with others.
pub(super) fn open<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members: Map<String, Value> = members
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    json!({"type": "object", "properties": members})
}

/// An object with these members and no others.
pub(super) fn closed<const N: usize>(members: [(&str, Value); N]) -> Value {
    with(open(members), "additionalProperties", json!(false))
}

/// `schema`, in which the members `names` must be there.
pub(super) fn requires(names: &[&str], schema: Value) -> Value {
    with(schema, "required", json!(names))
}

/// An object whose members all obey `schema`.
pub(super) fn map_of(schema: Value) -> Value {
    json!({"type": "object", "additionalProperties": schema})
}

pub(super) fn list_of(schema: Value) -> Value {
    json!({"type": "array", "items": schema})
}

/// A list without repetition.
pub(super) fn set_of(schema: Value) -> Value {
    with(list_of(schema), "uniqueItems", json!(true))
}

/// A list with at least one element.
pub(super) fn some_of(schema: Value) -> Value {
    with(list_of(schema), "minItems", json!(1))
}

pub(super) fn text() -> Value {
    json!({"type": "string"})
}

/// Text of at most so many characters.
pub(super) fn short_text(most: u64) -> Value {
    json!({"type": "string", "maxLength": most})
}

pub(super) fn matching(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

pub(super) fn word(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

pub(super) fn flag() -> Value {
    json!({"type": "boolean"})
}

pub(super) fn at_least(least: u64) -> Value {
    json!({"type": "integer", "minimum": least})
}

pub(super) fn between(least: u64, most: u64) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": most})
}

/// What `$defs` calls by that name; blocks of steps hold steps.
pub(super) fn named(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

pub(super) fn with(mut schema: Value, keyword: &str, value: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(keyword.to_owned(), value);
    }
    schema
}
