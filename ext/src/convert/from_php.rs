//! PHP values as JSON values.

use std::fmt::Write as _;

use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, ZendObject, ZendStr, Zval};
use ext_php_rs::zend::{ClassEntry, ExecutorGlobals, ce};
use serde_json::{Map, Number, Value};

use super::MAX_DEPTH;
use crate::error::{Answer, Fault};
use crate::zend::property;

/// The value of `zval`; `argument` names it in a refusal.
pub(crate) fn value(zval: &Zval, argument: &str) -> Answer<Value> {
    walk(zval, 0).map_err(|refusal| refusal.into_fault(argument))
}

/// The value of `zval`, where an empty array means an object without members.
pub(crate) fn value_or_empty_object(zval: &Zval, argument: &str) -> Answer<Value> {
    match zval.array() {
        Some(table) if table.is_empty() => Ok(Value::Object(Map::new())),
        _ => value(zval, argument),
    }
}

/// The array as an object, whatever its keys.
pub(crate) fn object(table: Option<&ZendHashTable>, argument: &str) -> Answer<Map<String, Value>> {
    table.map_or_else(
        || Ok(Map::new()),
        |table| members(table, 0).map_err(|refusal| refusal.into_fault(argument)),
    )
}

/// Why a value cannot cross, and where it is; the path grows from the inside out.
enum Refusal {
    Thrown,
    At { path: Vec<String>, reason: String },
}

type Walk<T> = Result<T, Refusal>;

impl Refusal {
    fn because(reason: impl Into<String>) -> Self {
        Self::At {
            path: Vec::new(),
            reason: reason.into(),
        }
    }

    fn below(mut self, key: impl FnOnce() -> String) -> Self {
        if let Self::At { path, .. } = &mut self {
            path.push(key());
        }
        self
    }

    fn into_fault(self, argument: &str) -> Fault {
        let Self::At { path, reason } = self else {
            return Fault::Thrown;
        };
        let mut place = argument.to_owned();
        // A path as deep as the bound says nothing more than its beginning does.
        for key in path.iter().rev().take(8) {
            let _ = write!(place, "[{key}]");
        }
        if path.len() > 8 {
            place.push('…');
        }
        Fault::argument(format!("{place} {reason}"))
    }
}

fn walk(zval: &Zval, depth: usize) -> Walk<Value> {
    let zval = zval.dereference();
    match zval.get_type() {
        DataType::Undef | DataType::Null => Ok(Value::Null),
        DataType::True => Ok(Value::Bool(true)),
        DataType::False => Ok(Value::Bool(false)),
        DataType::Long => Ok(zval.long().into()),
        DataType::Double => float(zval.double().unwrap_or_default()),
        DataType::String => zval.zend_str().map_or(Ok(Value::Null), |text| {
            utf8(text).map(|text| Value::String(text.to_owned()))
        }),
        DataType::Array => zval
            .array()
            .map_or(Ok(Value::Null), |table| array(table, depth)),
        DataType::Object(_) => zval
            .object()
            .map_or(Ok(Value::Null), |object| instance(object, depth)),
        other => Err(Refusal::because(format!("is a {other}, not a value"))),
    }
}

fn float(number: f64) -> Walk<Value> {
    Number::from_f64(number)
        .map(Value::Number)
        .ok_or_else(|| Refusal::because(format!("is {number}, which JSON cannot express")))
}

fn utf8(text: &ZendStr) -> Walk<&str> {
    text.as_str().map_err(|_| {
        Refusal::because("is a string that is not UTF-8: encode it, for example as base64")
    })
}

fn deeper(depth: usize) -> Walk<usize> {
    if depth < MAX_DEPTH {
        Ok(depth + 1)
    } else {
        Err(Refusal::because(format!(
            "is nested deeper than {MAX_DEPTH} levels"
        )))
    }
}

fn array(table: &ZendHashTable, depth: usize) -> Walk<Value> {
    if !is_list(table) {
        return members(table, depth).map(Value::Object);
    }
    let depth = deeper(depth)?;
    let mut list = Vec::with_capacity(table.len());
    let mut entries = table.iter();
    while let Some((_, zval)) = entries.next_zval() {
        let element = walk(zval, depth).map_err(|refusal| refusal.below(|| list.len().to_string()));
        list.push(element?);
    }
    Ok(Value::Array(list))
}

/// Whether the keys are 0…n-1 in order. `iter()` as an iterator panics on keys that are not UTF-8; `next_zval()` does not.
fn is_list(table: &ZendHashTable) -> bool {
    let mut entries = table.iter();
    let mut expected = 0;
    while let Some((key, _)) = entries.next_zval() {
        if key.long() != Some(expected) {
            return false;
        }
        expected += 1;
    }
    true
}

fn members(table: &ZendHashTable, depth: usize) -> Walk<Map<String, Value>> {
    let depth = deeper(depth)?;
    let mut map = Map::with_capacity(table.len());
    let mut entries = table.iter();
    while let Some((key, zval)) = entries.next_zval() {
        let name = match (key.long(), key.zend_str()) {
            (Some(index), _) => index.to_string(),
            (None, Some(text)) => text
                .as_str()
                .map_err(|_| Refusal::because("has a key that is not UTF-8"))?
                .to_owned(),
            (None, None) => continue,
        };
        let member = walk(zval, depth).map_err(|refusal| refusal.below(|| name.clone()))?;
        map.insert(name, member);
    }
    Ok(map)
}

fn instance(object: &ZendObject, depth: usize) -> Walk<Value> {
    let depth = deeper(depth)?;
    if std::ptr::eq(object.get_class_entry(), ce::stdclass()) {
        return match object.get_properties() {
            Ok(table) => members(table, depth).map(Value::Object),
            Err(_) => Err(Refusal::because("has no readable properties")),
        };
    }
    if is_a(object, "JsonSerializable") {
        return walk(&call(object, "jsonserialize", None)?, depth);
    }
    if is_a(object, "BackedEnum") {
        return walk(&property(object.get_class_entry(), object, "value"), depth);
    }
    if is_a(object, "DateTimeInterface") {
        return walk(&call(object, "format", Some("Y-m-d\\TH:i:s.uP"))?, depth);
    }
    let class = object.get_class_name().unwrap_or_default();
    Err(Refusal::because(format!(
        "is an object of class {class}: pass an array, a backed enum, or implement JsonSerializable"
    )))
}

fn is_a(object: &ZendObject, class: &str) -> bool {
    ClassEntry::try_find(class).is_some_and(|class| object.instance_of(class))
}

fn call(object: &ZendObject, method: &str, argument: Option<&'static str>) -> Walk<Zval> {
    let arguments = argument
        .iter()
        .map(|argument| argument as &dyn ext_php_rs::convert::IntoZvalDyn)
        .collect();
    let answer = object.try_call_method(method, arguments);
    if ExecutorGlobals::has_exception() {
        return Err(Refusal::Thrown);
    }
    answer.map_err(|error| Refusal::because(format!("cannot be converted: {error}")))
}
