//! Values that a JSON Schema allows, made by chance.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Number, Value, json};

use super::chance::Chance;
use crate::plan::Schema;

/// How often a value is made anew when the schema does not take it.
const TRIES: u32 = 20;
/// Schemas that refer to themselves end here.
const MAX_DEPTH: u32 = 12;

/// A value made from a schema.
pub(super) struct Sample {
    pub(super) value: Value,
    /// Whether the schema takes it.
    pub(super) fits: bool,
}

/// A value that the schema takes, if one is found.
pub(super) fn of_schema(schema: &Schema, chance: &mut Chance) -> Sample {
    let mut value = Value::Null;
    for _ in 0..TRIES {
        let mut sampler = Sampler {
            root: schema.source(),
            chance,
        };
        value = sampler.sample(schema.source(), 0);
        schema.apply_defaults(&mut value);
        if schema.violations(&value).is_empty() {
            return Sample { value, fits: true };
        }
    }
    Sample { value, fits: false }
}

struct Sampler<'a, 'c> {
    root: &'a Value,
    chance: &'c mut Chance,
}

impl<'a> Sampler<'a, '_> {
    fn sample(&mut self, schema: &'a Value, depth: u32) -> Value {
        let Some(keywords) = schema.as_object().filter(|_| depth < MAX_DEPTH) else {
            return Value::Null;
        };
        if let Some(constant) = keywords.get("const") {
            return constant.clone();
        }
        for key in ["enum", "examples"] {
            if let Some(choices) = keywords.get(key).and_then(Value::as_array)
                && let Some(choice) = self.chance.pick(choices)
            {
                return choice.clone();
            }
        }
        if let Some(example) = keywords.get("example") {
            return example.clone();
        }
        if let Some(default) = keywords.get("default")
            && self.chance.one_in(0.5)
        {
            return default.clone();
        }
        if let Some(target) = self.referred(keywords) {
            return self.sample(target, depth + 1);
        }
        let base = self.of_type(keywords, depth);
        self.composed(keywords, base, depth)
    }

    fn referred(&self, keywords: &Map<String, Value>) -> Option<&'a Value> {
        let pointer = keywords.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    /// The value with what `allOf`, `oneOf` and `anyOf` add.
    fn composed(&mut self, keywords: &'a Map<String, Value>, base: Value, depth: u32) -> Value {
        let list = |key| keywords.get(key).and_then(Value::as_array);
        let mut parts: Vec<&'a Value> = list("allOf").into_iter().flatten().collect();
        for key in ["oneOf", "anyOf"] {
            if let Some(choices) = list(key) {
                parts.extend(self.chance.pick(choices));
            }
        }
        let mut value = base;
        for part in parts {
            value = match (value, self.sample(part, depth + 1)) {
                (Value::Object(mut members), Value::Object(more)) => {
                    members.extend(more);
                    Value::Object(members)
                }
                (value, Value::Null) => value,
                (_, part) => part,
            };
        }
        value
    }

    fn of_type(&mut self, keywords: &'a Map<String, Value>, depth: u32) -> Value {
        let named = match keywords.get("type") {
            Some(Value::String(name)) => Some(name.as_str()),
            Some(Value::Array(names)) => self.chance.pick(names).and_then(Value::as_str),
            _ => None,
        };
        let has = |key| keywords.contains_key(key);
        match named {
            Some("object") => self.object(keywords, depth),
            Some("array") => self.array(keywords, depth),
            Some("string") => Value::String(self.text(keywords)),
            Some("integer") => Value::from(self.integer(keywords)),
            Some("number") => self.number(keywords),
            Some("boolean") => Value::Bool(self.chance.one_in(0.5)),
            None if has("properties") || has("required") => self.object(keywords, depth),
            None if has("items") => self.array(keywords, depth),
            None if has("pattern") || has("format") => Value::String(self.text(keywords)),
            None if has("minimum") || has("maximum") => Value::from(self.integer(keywords)),
            _ => Value::Null,
        }
    }

    fn object(&mut self, keywords: &'a Map<String, Value>, depth: u32) -> Value {
        let required: Vec<&str> = keywords
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut members = Map::new();
        let properties = keywords.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            if required.contains(&name.as_str()) || self.chance.one_in(0.8) {
                members.insert(name.clone(), self.sample(property, depth + 1));
            }
        }
        for name in required {
            if !members.contains_key(name) {
                members.insert(name.to_owned(), Value::String(name.to_owned()));
            }
        }
        Value::Object(members)
    }

    fn array(&mut self, keywords: &'a Map<String, Value>, depth: u32) -> Value {
        let least = bound(keywords, "minItems").unwrap_or(0);
        let most = bound(keywords, "maxItems").unwrap_or(least.max(3));
        let count = self.chance.between(least.min(100), most.min(least.max(3)));
        let items = keywords.get("items");
        let elements = (0..count).map(|_| match items {
            Some(items) => self.sample(items, depth + 1),
            None => json!("element"),
        });
        elements.collect()
    }

    fn integer(&mut self, keywords: &Map<String, Value>) -> i64 {
        let least = bound(keywords, "minimum")
            .or_else(|| bound(keywords, "exclusiveMinimum").map(|it| it.saturating_add(1)));
        let most = bound(keywords, "maximum")
            .or_else(|| bound(keywords, "exclusiveMaximum").map(|it| it.saturating_sub(1)));
        let least = least.unwrap_or_else(|| most.unwrap_or(100).min(0));
        let most = most.unwrap_or_else(|| least.saturating_add(100));
        let number = self.chance.between(least, most);
        match bound(keywords, "multipleOf").filter(|step| *step > 1) {
            Some(step) => number.saturating_sub(number.rem_euclid(step)).max(least),
            None => number,
        }
    }

    fn number(&mut self, keywords: &Map<String, Value>) -> Value {
        let real = |key: &str| keywords.get(key).and_then(Value::as_f64);
        let least = real("minimum").or_else(|| real("exclusiveMinimum"));
        let most = real("maximum").or_else(|| real("exclusiveMaximum"));
        let least = least.unwrap_or_else(|| most.unwrap_or(100.0).min(0.0));
        let most = most.unwrap_or(least + 100.0);
        let drawn = self.chance.real(least, most);
        // Two decimals read better; a narrow range keeps what was drawn.
        let rounded = (drawn * 100.0).round() / 100.0;
        let number = if (least..=most).contains(&rounded) {
            rounded
        } else {
            drawn
        };
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }

    fn text(&mut self, keywords: &Map<String, Value>) -> String {
        let pattern = keywords.get("pattern").and_then(Value::as_str);
        if let Some(text) = pattern.and_then(|pattern| self.matching(pattern)) {
            return text;
        }
        let format = keywords.get("format").and_then(Value::as_str);
        let mut text = match format.unwrap_or_default() {
            "email" | "idn-email" => "ada@example.org",
            "date-time" => "2026-01-01T00:00:00Z",
            "date" => "2026-01-01",
            "time" => "00:00:00Z",
            "duration" => "PT1H",
            "uri" | "url" | "iri" | "uri-reference" => "https://example.org/",
            "hostname" => "example.org",
            "ipv4" => "192.0.2.1",
            "ipv6" => "2001:db8::1",
            "uuid" => "00000000-0000-4000-8000-000000000000",
            "regex" => ".*",
            "json-pointer" => "/a",
            _ => "text",
        }
        .to_owned();
        let least = bound(keywords, "minLength").unwrap_or(0).clamp(0, 10_000);
        let least = usize::try_from(least).unwrap_or(0);
        while text.chars().count() < least {
            text.push('x');
        }
        if let Some(most) = bound(keywords, "maxLength") {
            text = text
                .chars()
                .take(usize::try_from(most).unwrap_or(0))
                .collect();
        }
        text
    }

    /// A text that matches the regular expression; `None` when it cannot be read.
    fn matching(&mut self, pattern: &str) -> Option<String> {
        let pattern = regex_syntax::parse(pattern).ok()?;
        let mut text = String::new();
        self.write_match(&pattern, &mut text);
        Some(text)
    }

    fn write_match(&mut self, pattern: &Hir, text: &mut String) {
        match pattern.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
            HirKind::Class(class) => text.extend(first_of(class)),
            HirKind::Repetition(repetition) => {
                let least = repetition.min.min(1_000);
                let most = repetition.max.unwrap_or(u32::MAX).min(least.max(3));
                for _ in 0..self.chance.between(least.into(), most.into()) {
                    self.write_match(&repetition.sub, text);
                }
            }
            HirKind::Capture(capture) => self.write_match(&capture.sub, text),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.write_match(part, text)),
            HirKind::Alternation(choices) => {
                if let Some(choice) = self.chance.pick(choices) {
                    self.write_match(choice, text);
                }
            }
        }
    }
}

/// A character of the class, one that reads well if it has such.
fn first_of(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else {
        return Some('a');
    };
    let has = |wanted: char| {
        let mut ranges = class.iter();
        ranges.any(|range| (range.start()..=range.end()).contains(&wanted))
    };
    let readable = ['a', 'A', '1', '-', '_', '.'].into_iter();
    let first = class.iter().next().map(|range| range.start());
    readable.into_iter().find(|wanted| has(*wanted)).or(first)
}

/// A bound as a whole number.
fn bound(keywords: &Map<String, Value>, key: &str) -> Option<i64> {
    let value = keywords.get(key)?;
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a bound beyond all whole numbers becomes the last of them"
    )]
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|real| real as i64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::sim::Faults;

    fn samples(source: Value) -> Vec<Value> {
        let schema = Schema::new(source).unwrap();
        let sampled = (0..50).map(|seed| {
            let mut chance = Chance::new(seed, Faults::none());
            let sample = of_schema(&schema, &mut chance);
            assert!(
                sample.fits,
                "{}: {:?}",
                sample.value,
                schema.violations(&sample.value)
            );
            sample.value
        });
        sampled.collect()
    }

    #[test]
    fn what_is_made_fits_its_schema() {
        samples(json!({
            "type": "object",
            "required": ["id", "mail", "total", "lines", "state", "sku", "other"],
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "mail": {"type": "string", "format": "email", "minLength": 20, "maxLength": 40},
                "total": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5},
                "count": {"type": "integer", "minimum": 3, "maximum": 9, "multipleOf": 3},
                "lines": {"type": "array", "minItems": 2, "items": {"$ref": "#/definitions/line"}},
                "state": {"enum": ["new", "paid"]},
                "sku": {"type": "string", "pattern": "^[A-Z]{3}-\\d{2,4}(-(x|y))?$"},
                "note": {"type": ["string", "null"]},
                "choice": {"oneOf": [{"type": "boolean"}, {"type": "integer", "minimum": 5}]},
                "both": {"allOf": [
                    {"type": "object", "required": ["a"], "properties": {"a": {"const": 1}}},
                    {"type": "object", "required": ["b"], "properties": {"b": {"const": 2}}},
                ]},
            },
            "definitions": {"line": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}},
        }));
    }

    #[test]
    fn what_is_left_open_varies() {
        let booleans = samples(json!({"type": "boolean"}));
        assert!(booleans.contains(&json!(true)) && booleans.contains(&json!(false)));
        let states = samples(json!({"enum": ["a", "b", "c"]}));
        assert!(
            ["a", "b", "c"]
                .iter()
                .all(|state| states.contains(&json!(state)))
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        samples(json!({"type": "object", "properties": {"next": {"$ref": "#"}}}));
    }

    #[test]
    fn a_schema_that_nothing_fits_is_told_apart() {
        let schema = Schema::new(json!({"type": "string", "not": {"type": "string"}})).unwrap();
        let mut chance = Chance::new(1, Faults::none());
        assert!(!of_schema(&schema, &mut chance).fits);
    }
}
