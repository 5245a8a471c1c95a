//! JSON Schemas of inputs and outputs: compiled once, kept beside the plan, never part of its JSON.

use std::fmt;
use std::sync::OnceLock;

use jsonschema::paths::LocationSegment;
use jsonschema::{Draft, PatternOptions, Validator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// At most so many violations are reported of one value.
const MAX_VIOLATIONS: usize = 20;

/// Longest text of one violation, in characters.
const MAX_VIOLATION_CHARS: usize = 300;

/// A regular expression of a schema may take so much memory once compiled, in bytes.
const MAX_PATTERN_BYTES: usize = 256 * 1024;

/// A regular expression of a schema may backtrack so often on one value.
const MAX_BACKTRACKS: usize = 100_000;

/// A JSON Schema (draft 7 unless it names another) and, from its first use on, its compiled form.
///
/// Schemas stand for themselves: a `$ref` that leaves the schema is an error, nothing is fetched.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    source: Value,
    #[serde(skip)]
    compiled: OnceLock<Result<Box<Compiled>, String>>,
}

#[derive(Clone)]
struct Compiled {
    validator: Validator,
    has_defaults: bool,
}

impl Schema {
    /// The schema with this source, compiled.
    ///
    /// # Errors
    /// What is wrong with the schema, with the place in it.
    pub fn new(source: Value) -> Result<Self, String> {
        let schema = Self {
            source,
            compiled: OnceLock::new(),
        };
        match schema.compiled() {
            Ok(_) => Ok(schema),
            Err(reason) => Err(reason.to_owned()),
        }
    }

    /// The schema as written.
    #[must_use]
    pub const fn source(&self) -> &Value {
        &self.source
    }

    /// Names of the top-level properties, in document order.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        let properties = self.source.get("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flat_map(|properties| properties.keys().map(String::as_str))
    }

    /// How `value` breaks the schema: each violation with its JSON path, the values themselves left out. Empty when
    /// it does not. At most 20. The placeholder of a secret fits everywhere: its value is not known here.
    #[must_use]
    pub fn violations(&self, value: &Value) -> Vec<String> {
        let validator = match self.compiled() {
            Ok(compiled) => &compiled.validator,
            Err(reason) => return vec![format!("$: the schema cannot be used: {reason}")],
        };
        if validator.is_valid(value) {
            return Vec::new();
        }
        validator
            .iter_errors(value)
            .filter(|error| !is_secret(error.instance()))
            .take(MAX_VIOLATIONS)
            .map(|error| {
                let path = json_path(error.instance_path().iter());
                shortened(&format!("{path}: {}", error.masked()))
            })
            .collect()
    }

    /// Adds to `value` what it lacks and the schema has a `default` for, in nested objects and array elements too.
    pub fn apply_defaults(&self, value: &mut Value) {
        if self.compiled().is_ok_and(|compiled| compiled.has_defaults) {
            fill(&self.source, value, 0);
        }
    }

    fn compiled(&self) -> Result<&Compiled, &str> {
        let compiled = self.compiled.get_or_init(|| {
            jsonschema::options()
                .with_draft(Draft::Draft7.detect(&self.source))
                .should_validate_formats(true)
                .with_pattern_options(
                    PatternOptions::fancy_regex()
                        .backtrack_limit(MAX_BACKTRACKS)
                        .size_limit(MAX_PATTERN_BYTES)
                        .dfa_size_limit(MAX_PATTERN_BYTES),
                )
                .build(&self.source)
                .map(|validator| {
                    Box::new(Compiled {
                        validator,
                        has_defaults: has_defaults(&self.source, 0),
                    })
                })
                .map_err(|error| {
                    let path = json_path(error.instance_path().iter());
                    shortened(&format!("{path}: {error}"))
                })
        });
        compiled.as_deref().map_err(String::as_str)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.source).finish()
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// Schemas nest; what is nested deeper than any author writes is left alone.
const MAX_DEFAULTS_DEPTH: usize = 64;

fn fill(schema: &Value, value: &mut Value, depth: usize) {
    if depth > MAX_DEFAULTS_DEPTH {
        return;
    }
    match value {
        Value::Object(members) => {
            let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
                return;
            };
            for (name, property) in properties {
                if let Some(member) = members.get_mut(name) {
                    fill(property, member, depth + 1);
                } else if let Some(default) = property.get("default") {
                    members.insert(name.clone(), default.clone());
                }
            }
        }
        Value::Array(elements) => {
            if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
                for element in elements {
                    fill(items, element, depth + 1);
                }
            }
        }
        _ => {}
    }
}

fn has_defaults(schema: &Value, depth: usize) -> bool {
    if depth > MAX_DEFAULTS_DEPTH {
        return false;
    }
    let in_properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .is_some_and(|properties| {
            properties.values().any(|property| {
                property.get("default").is_some() || has_defaults(property, depth + 1)
            })
        });
    in_properties
        || schema
            .get("items")
            .is_some_and(|items| has_defaults(items, depth + 1))
}

/// The one key of a placeholder that the host replaces by a secret's value. Reserved: data from outside must not have it.
pub(crate) const SECRET_KEY: &str = "$secret";

fn is_secret(value: &Value) -> bool {
    value.get(SECRET_KEY).is_some()
}

fn json_path<'a>(segments: impl Iterator<Item = LocationSegment<'a>>) -> String {
    segments.fold("$".to_owned(), |path, segment| match segment {
        LocationSegment::Property(name) => {
            let plain = name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            if plain {
                format!("{path}.{name}")
            } else {
                format!("{path}['{name}']")
            }
        }
        LocationSegment::Index(index) => format!("{path}[{index}]"),
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_VIOLATION_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use serde_json::json;

    use super::*;

    fn schema(source: Value) -> Schema {
        Schema::new(source).unwrap()
    }

    #[test]
    fn violations_carry_their_json_path_and_not_the_value() {
        let schema = schema(json!({
            "type": "object",
            "properties": {"to": {"type": "array", "items": {"type": "string", "format": "email"}}},
            "required": ["subject"]
        }));
        let found = schema.violations(&json!({"to": ["a@example.org", "p4ssw0rd"]}));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found.iter().any(|v| v.starts_with("$.to[1]: ")),
            "{found:?}"
        );
        assert!(
            found
                .iter()
                .any(|v| v.starts_with("$: ") && v.contains("subject"))
        );
        assert!(found.iter().all(|v| !v.contains("p4ssw0rd")), "{found:?}");
    }

    #[test]
    fn defaults_fill_missing_members_in_nested_objects_and_elements() {
        let schema = schema(json!({
            "properties": {
                "source": {"default": "web"},
                "options": {"properties": {"locale": {"default": "en"}}},
                "items": {"items": {"properties": {"count": {"default": 1}}}},
            }
        }));
        let mut value = json!({"source": null, "options": {}, "items": [{}, {"count": 2}]});
        schema.apply_defaults(&mut value);
        assert_eq!(
            value,
            json!({"source": null, "options": {"locale": "en"}, "items": [{"count": 1}, {"count": 2}]})
        );
    }

    #[test]
    fn a_broken_schema_is_refused_with_the_place() {
        let reason = Schema::new(json!({"properties": {"a": {"type": "strin"}}})).unwrap_err();
        assert!(reason.starts_with("$.properties.a.type"), "{reason}");
    }

    #[test]
    fn a_reference_out_of_the_schema_is_refused() {
        assert!(Schema::new(json!({"$ref": "https://example.org/schema.json"})).is_err());
        assert!(Schema::new(json!({"$ref": "file:///etc/passwd"})).is_err());
    }

    #[test]
    fn the_placeholder_of_a_secret_fits_everywhere() {
        let schema = schema(json!({
            "properties": {"token": {"type": "string", "minLength": 8}, "n": {"type": "integer"}}
        }));
        let value = json!({"token": {"$secret": "TOKEN"}, "n": "x"});
        assert_eq!(schema.violations(&value).len(), 1);
        assert_eq!(
            schema.violations(&json!({"token": {"$secret": "TOKEN"}})),
            [""; 0]
        );
    }

    #[test]
    fn many_violations_are_cut_off() {
        let schema = schema(json!({"items": {"type": "string"}}));
        assert_eq!(
            schema.violations(&json!(vec![1; 1000])).len(),
            MAX_VIOLATIONS
        );
    }

    /// A schema whose default stands `levels` properties deep, and a value that lacks it.
    fn nested(levels: usize) -> (Schema, Value) {
        let innermost = json!({"properties": {"d": {"default": 1}}});
        let source = (0..levels).fold(innermost, |inner, _| json!({"properties": {"k": inner}}));
        let value = (0..levels).fold(json!({}), |inner, _| json!({"k": inner}));
        (schema(source), value)
    }

    #[test]
    fn defaults_are_filled_as_deep_as_authors_write_and_no_deeper() {
        for (levels, filled) in [
            (1, true),
            (MAX_DEFAULTS_DEPTH, true),
            (MAX_DEFAULTS_DEPTH + 1, false),
        ] {
            let (schema, mut value) = nested(levels);
            let without = value.clone();
            schema.apply_defaults(&mut value);
            assert_eq!(value != without, filled, "{levels}");
        }
    }

    #[test]
    fn a_default_that_stands_too_deep_is_left_out_beside_others() {
        let (deep, mut value) = nested(MAX_DEFAULTS_DEPTH + 1);
        let mut source = deep.source().clone();
        source["properties"]["top"] = json!({"default": 1});
        schema(source).apply_defaults(&mut value);
        assert_eq!(value["top"], 1);
        assert!(!value.to_string().contains("\"d\""));

        let elements = (0..=MAX_DEFAULTS_DEPTH).fold(
            json!({"properties": {"d": {"default": 1}}}),
            |inner, _| json!({"items": inner}),
        );
        let list = (0..=MAX_DEFAULTS_DEPTH).fold(json!({}), |inner, _| json!([inner]));
        let source = json!({"properties": {"top": {"default": 1}, "list": elements}});
        let mut value = json!({"list": list});
        schema(source).apply_defaults(&mut value);
        assert_eq!(value["top"], 1);
        assert!(!value.to_string().contains("\"d\""));
    }

    #[test]
    fn a_path_quotes_names_that_are_not_plain() {
        let schema = schema(json!({"additionalProperties": {"type": "integer"}}));
        for (name, path) in [
            ("a_b", "$.a_b: "),
            ("a-b1", "$.a-b1: "),
            ("a b", "$['a b']: "),
        ] {
            let found = schema.violations(&json!({name: "x"}));
            assert!(
                found.iter().all(|it| it.starts_with(path)) && found.len() == 1,
                "{found:?}"
            );
        }
    }
}
