//! JSON values, and the engine's own types, as PHP values.

use std::ffi::OsStr;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::convert::IntoZval;
use ext_php_rs::error::{Error, Result};
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, ZendObject, ZendStr, Zval};
use ext_php_rs::zend::{ClassEntry, ExecutorGlobals};
use ossa_runtime::port::Timestamp;
use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::error::{Answer, Fault};

/// The PHP value of a JSON value.
pub(crate) fn zval(value: &Value) -> Result<Zval> {
    match value {
        Value::Null => Ok(Zval::null()),
        Value::Bool(value) => value.into_zval(false),
        Value::Number(value) => number(value),
        Value::String(value) => value.as_str().into_zval(false),
        Value::Array(list) => self::list(list)?.into_zval(false),
        Value::Object(map) => object(map)?.into_zval(false),
    }
}

/// The PHP array of a list.
pub(crate) fn list(list: &[Value]) -> Result<ZBox<ZendHashTable>> {
    let mut table = with_capacity(list.len());
    for value in list {
        table.push(zval(value)?)?;
    }
    Ok(table)
}

/// The PHP array of an object's members, in order. Keys that are integers in PHP's spelling become integers.
pub(crate) fn object(map: &Map<String, Value>) -> Result<ZBox<ZendHashTable>> {
    let mut table = with_capacity(map.len());
    for (key, value) in map {
        table.insert(key.as_str(), zval(value)?)?;
    }
    Ok(table)
}

/// The PHP array of a list or a struct, by the names under which it is serialised.
pub(crate) fn table_of(value: &impl Serialize) -> Answer<ZBox<ZendHashTable>> {
    match serde_json::to_value(value) {
        Ok(Value::Array(entries)) => Ok(list(&entries)?),
        Ok(Value::Object(members)) => Ok(object(&members)?),
        Ok(_) => Ok(ZendHashTable::new()),
        Err(error) => Err(Fault::argument(format!(
            "the value cannot be shown: {error}"
        ))),
    }
}

/// A PHP array with room for `length` entries.
pub(crate) fn with_capacity(length: usize) -> ZBox<ZendHashTable> {
    ZendHashTable::with_capacity(u32::try_from(length).unwrap_or(0))
}

fn number(number: &Number) -> Result<Zval> {
    if let Some(integer) = number.as_i64() {
        integer.into_zval(false)
    } else if number.is_u64() {
        number.to_string().into_zval(false)
    } else {
        number.as_f64().into_zval(false)
    }
}

/// Bytes as a PHP string, whatever they are.
pub(crate) struct Binary<'a>(pub(crate) &'a [u8]);

impl<'a> From<&'a OsStr> for Binary<'a> {
    fn from(name: &'a OsStr) -> Self {
        Self(name.as_encoded_bytes())
    }
}

impl IntoZval for Binary<'_> {
    const TYPE: DataType = DataType::String;
    const NULLABLE: bool = false;

    fn set_zval(self, zval: &mut Zval, persistent: bool) -> Result<()> {
        zval.set_zend_string(ZendStr::new(self.0, persistent));
        Ok(())
    }
}

/// A point in time as a `DateTimeImmutable` in UTC.
pub(crate) struct DateTime(pub(crate) Timestamp);

impl IntoZval for DateTime {
    const TYPE: DataType = DataType::object("DateTimeImmutable");
    const NULLABLE: bool = false;

    fn set_zval(self, zval: &mut Zval, persistent: bool) -> Result<()> {
        let class = ClassEntry::try_find("DateTimeImmutable").ok_or(Error::InvalidScope)?;
        let object = ZendObject::new(class);
        // `Z` would make a zone named "Z" of it.
        let text = self.0.to_string().replace('Z', "+00:00");
        object.try_call_method("__construct", vec![&text])?;
        if ExecutorGlobals::has_exception() {
            return Err(Error::InvalidScope);
        }
        object.set_zval(zval, persistent)
    }
}
