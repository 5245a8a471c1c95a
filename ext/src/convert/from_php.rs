//! PHP values as JSON values.

use std::fmt::{self, Write as _};

use ext_php_rs::flags::DataType;
use ext_php_rs::types::array::Iter;
use ext_php_rs::types::{ZendHashTable, ZendObject, ZendStr, Zval};
use ext_php_rs::zend::{ClassEntry, ExecutorGlobals, ce};
use ossa_runtime::run::Data;
use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::MAX_DEPTH;
use crate::error::{Answer, Fault};
use crate::zend::property;

/// The value of `zval`; `argument` names it in a refusal.
pub(crate) fn value(zval: &Zval, argument: &str) -> Answer<Value> {
    read(Source::Value(zval), argument)
}

/// The value of `zval`, where an empty array means an object without members.
pub(crate) fn value_or_empty_object(zval: &Zval, argument: &str) -> Answer<Value> {
    match zval.array() {
        Some(table) if table.is_empty() => Ok(Value::Object(Map::new())),
        _ => value(zval, argument),
    }
}

/// Whether the value is the same in JSON, and would come back the same: no object, reference or text of other bytes in it.
pub(crate) fn is_plain(zval: &Zval) -> bool {
    plain(zval, 0)
}

fn plain(zval: &Zval, depth: usize) -> bool {
    match zval.get_type() {
        DataType::Null | DataType::True | DataType::False | DataType::Long | DataType::Double => {
            true
        }
        DataType::String => zval.str().is_some(),
        DataType::Array if depth < MAX_DEPTH => zval.array().is_some_and(|table| {
            let mut entries = table.iter();
            while let Some((_, entry)) = entries.next_zval() {
                if !plain(entry, depth + 1) {
                    return false;
                }
            }
            true
        }),
        _ => false,
    }
}

/// The array as an object, whatever its keys.
pub(crate) fn object(table: Option<&ZendHashTable>, argument: &str) -> Answer<Map<String, Value>> {
    table.map_or_else(
        || Ok(Map::new()),
        |table| read(Source::Members(table), argument),
    )
}

/// The array as an object, whatever its keys; long lists in it go from PHP's memory into their text, an element at a time.
pub(crate) fn data(table: Option<&ZendHashTable>, argument: &str) -> Answer<Data> {
    table.map_or_else(
        || Ok(Value::Object(Map::new()).into()),
        |table| read(Source::Members(table), argument),
    )
}

fn read<'a, T: Deserialize<'a>>(source: Source<'a>, argument: &str) -> Answer<T> {
    let read = T::deserialize(Php { source, depth: 0 });
    read.map_err(|refusal| refusal.into_fault(argument))
}

/// Why a value cannot cross, and where it is; the path grows from the inside out.
#[derive(Debug)]
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

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thrown => f.write_str("PHP threw"),
            Self::At { reason, .. } => f.write_str(reason),
        }
    }
}

impl std::error::Error for Refusal {}

impl serde::de::Error for Refusal {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::because(reason.to_string())
    }
}

/// What is read.
enum Source<'a> {
    Value(&'a Zval),
    /// An array that is an object, whatever its keys.
    Members(&'a ZendHashTable),
}

/// A value of PHP that JSON values can be read from.
struct Php<'a> {
    source: Source<'a>,
    /// How many levels are around it.
    depth: usize,
}

impl<'a> Php<'a> {
    const fn value(zval: &'a Zval, depth: usize) -> Self {
        let source = Source::Value(zval);
        Self { source, depth }
    }
}

impl<'de> Deserializer<'de> for Php<'_> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Walk<V::Value> {
        let depth = self.depth;
        let zval = match self.source {
            Source::Members(table) => return members(table, depth, visitor),
            Source::Value(zval) => zval.dereference(),
        };
        match zval.get_type() {
            DataType::Undef | DataType::Null => visitor.visit_unit(),
            DataType::True => visitor.visit_bool(true),
            DataType::False => visitor.visit_bool(false),
            DataType::Long => visitor.visit_i64(zval.long().unwrap_or_default()),
            DataType::Double => visitor.visit_f64(finite(zval.double().unwrap_or_default())?),
            DataType::String => match zval.zend_str() {
                Some(text) => visitor.visit_str(utf8(text)?),
                None => visitor.visit_unit(),
            },
            DataType::Array => match zval.array() {
                Some(table) if is_list(table) => elements(table, depth, visitor),
                Some(table) => members(table, depth, visitor),
                None => visitor.visit_unit(),
            },
            DataType::Object(_) => match zval.object() {
                Some(object) => instance(object, depth, visitor),
                None => visitor.visit_unit(),
            },
            other => Err(Refusal::because(format!("is a {other}, not a value"))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

fn finite(number: f64) -> Walk<f64> {
    if number.is_finite() {
        return Ok(number);
    }
    Err(Refusal::because(format!(
        "is {number}, which JSON cannot express"
    )))
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

fn elements<'de, V: Visitor<'de>>(
    table: &ZendHashTable,
    depth: usize,
    visitor: V,
) -> Walk<V::Value> {
    visitor.visit_seq(Elements {
        entries: table.iter(),
        depth: deeper(depth)?,
        position: 0,
    })
}

struct Elements<'a> {
    entries: Iter<'a>,
    depth: usize,
    position: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Walk<Option<T::Value>> {
        let Some((_, zval)) = self.entries.next_zval() else {
            return Ok(None);
        };
        let element = seed.deserialize(Php::value(zval, self.depth));
        let element = element.map_err(|refusal| refusal.below(|| self.position.to_string()))?;
        self.position += 1;
        Ok(Some(element))
    }
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

fn members<'de, V: Visitor<'de>>(
    table: &ZendHashTable,
    depth: usize,
    visitor: V,
) -> Walk<V::Value> {
    visitor.visit_map(Members {
        entries: table.iter(),
        depth: deeper(depth)?,
        member: None,
    })
}

struct Members<'a> {
    entries: Iter<'a>,
    depth: usize,
    /// Key and value of the member whose name was read.
    member: Option<(Zval, &'a Zval)>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Walk<Option<K::Value>> {
        while let Some((key, zval)) = self.entries.next_zval() {
            let name = match (key.long(), key.zend_str()) {
                (Some(index), _) => seed.deserialize(index.to_string().into_deserializer())?,
                (None, Some(text)) => {
                    let text = text
                        .as_str()
                        .map_err(|_| Refusal::because("has a key that is not UTF-8"))?;
                    let text: StrDeserializer<'_, Refusal> = text.into_deserializer();
                    seed.deserialize(text)?
                }
                (None, None) => continue,
            };
            self.member = Some((key, zval));
            return Ok(Some(name));
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Walk<T::Value> {
        let (key, zval) = self
            .member
            .take()
            .ok_or_else(|| Refusal::because("has a member without a name"))?;
        let member = seed.deserialize(Php::value(zval, self.depth));
        member.map_err(|refusal| refusal.below(|| text_of_key(&key)))
    }
}

/// The name of a member; a key that has been read is a number or UTF-8.
fn text_of_key(key: &Zval) -> String {
    match key.long() {
        Some(index) => index.to_string(),
        None => key.str().unwrap_or_default().to_owned(),
    }
}

fn instance<'de, V: Visitor<'de>>(object: &ZendObject, depth: usize, visitor: V) -> Walk<V::Value> {
    let depth = deeper(depth)?;
    let stands_for = |zval: &Zval, visitor: V| Php::value(zval, depth).deserialize_any(visitor);
    if std::ptr::eq(object.get_class_entry(), ce::stdclass()) {
        return match object.get_properties() {
            Ok(table) => members(table, depth, visitor),
            Err(_) => Err(Refusal::because("has no readable properties")),
        };
    }
    if is_a(object, "JsonSerializable") {
        return stands_for(&call(object, "jsonserialize", None)?, visitor);
    }
    if is_a(object, "BackedEnum") {
        let value = property(object.get_class_entry(), object, "value");
        return stands_for(&value, visitor);
    }
    if is_a(object, "DateTimeInterface") {
        let text = call(object, "format", Some("Y-m-d\\TH:i:s.uP"))?;
        return stands_for(&text, visitor);
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
