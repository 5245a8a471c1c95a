//! Arrays of options: every key known, every value of its type, or a refusal that says what is allowed.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ext_php_rs::convert::FromZval as _;
use ext_php_rs::types::{ZendHashTable, Zval};
use serde_json::{Map, Value};

use super::argument::{Bytes, Table};
use super::from_php;
use crate::error::{Answer, Fault};

/// The options of one call.
pub(crate) struct Options<'a> {
    /// Names the array in a refusal: `options of Engine::open()`.
    of: &'static str,
    table: Option<&'a ZendHashTable>,
}

impl<'a> Options<'a> {
    /// Reads `table`, which may hold only the keys in `known`.
    pub(crate) fn read(of: &'static str, table: Table<'a>, known: &[&str]) -> Answer<Self> {
        Self::of_table(of, table.get(), known)
    }

    fn of_table(
        of: &'static str,
        table: Option<&'a ZendHashTable>,
        known: &[&str],
    ) -> Answer<Self> {
        let mut entries = table.map(ZendHashTable::iter);
        while let Some((key, _)) = entries.as_mut().and_then(|entries| entries.next_zval()) {
            if !key.str().is_some_and(|key| known.contains(&key)) {
                return Err(unknown(of, &key, known));
            }
        }
        Ok(Self { of, table })
    }

    /// A UTF-8 string.
    pub(crate) fn text(&self, key: &str) -> Answer<Option<&'a str>> {
        self.typed(key, "a UTF-8 string", Zval::str)
    }

    /// A string of any bytes.
    pub(crate) fn bytes(&self, key: &str) -> Answer<Option<Bytes<'a>>> {
        self.typed(key, "a string", Bytes::from_zval)
    }

    /// A string out of `allowed`.
    pub(crate) fn one_of(&self, key: &str, allowed: &[&str]) -> Answer<Option<&'a str>> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        if allowed.contains(&text) {
            return Ok(Some(text));
        }
        Err(self.refuse(
            key,
            &format!("must be one of {}, not \"{text}\"", allowed.join(", ")),
        ))
    }

    /// A boolean.
    pub(crate) fn boolean(&self, key: &str) -> Answer<Option<bool>> {
        self.typed(key, "true or false", Zval::bool)
    }

    /// An integer within `range`.
    pub(crate) fn integer(&self, key: &str, range: RangeInclusive<u64>) -> Answer<Option<u64>> {
        let expected = format!("an integer from {} to {}", range.start(), range.end());
        self.typed(key, &expected, |zval| {
            zval.long()
                .and_then(|number| u64::try_from(number).ok())
                .filter(|number| range.contains(number))
        })
    }

    /// A number within `range`.
    pub(crate) fn number(&self, key: &str, range: RangeInclusive<f64>) -> Answer<Option<f64>> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.typed(key, &expected, |zval| {
            #[allow(clippy::cast_precision_loss, reason = "bounds keep it far below 2^53")]
            let number = zval.double().or_else(|| zval.long().map(|n| n as f64));
            number.filter(|number| range.contains(number))
        })
    }

    /// A list of UTF-8 strings.
    pub(crate) fn texts(&self, key: &str) -> Answer<Option<Vec<String>>> {
        self.typed(key, "a list of UTF-8 strings", |zval| {
            let mut entries = zval.array()?.iter();
            let mut texts = Vec::new();
            while let Some((_, entry)) = entries.next_zval() {
                texts.push(entry.str()?.to_owned());
            }
            Some(texts)
        })
    }

    /// A list of strings of any bytes.
    pub(crate) fn all_bytes(&self, key: &str) -> Answer<Option<Vec<Bytes<'a>>>> {
        self.typed(key, "a list of strings", |zval| {
            let mut entries = zval.array()?.iter();
            let mut all = Vec::new();
            while let Some((_, entry)) = entries.next_zval() {
                all.push(Bytes::from_zval(entry)?);
            }
            Some(all)
        })
    }

    /// A string or a list of them.
    pub(crate) fn text_or_texts(&self, key: &str) -> Answer<Vec<String>> {
        match self.find(key) {
            Some(zval) if zval.is_string() => {
                Ok(self.text(key)?.map(str::to_owned).into_iter().collect())
            }
            _ => Ok(self.texts(key)?.unwrap_or_default()),
        }
    }

    /// Any value.
    pub(crate) fn value(&self, key: &str) -> Answer<Option<Value>> {
        self.find(key)
            .map(|zval| from_php::value(zval, &self.name(key)))
            .transpose()
    }

    /// An object.
    pub(crate) fn object(&self, key: &str) -> Answer<Option<Map<String, Value>>> {
        self.typed(key, "an array", Zval::array)?
            .map(|table| from_php::object(Some(table), &self.name(key)))
            .transpose()
    }

    /// An array, as it is.
    pub(crate) fn table(&self, key: &str) -> Answer<Option<&'a ZendHashTable>> {
        self.typed(key, "an array", Zval::array)
    }

    /// An array of options within this one.
    pub(crate) fn nested(&self, key: &'static str, known: &[&str]) -> Answer<Option<Self>> {
        self.typed(key, "an array", Zval::array)?
            .map(|table| Self::of_table(key, Some(table), known))
            .transpose()
    }

    /// An array of arrays of options, by names; empty when it is not given.
    pub(crate) fn each<T>(
        &self,
        key: &'static str,
        known: &[&str],
        read: impl Fn(&Self) -> Answer<T>,
    ) -> Answer<BTreeMap<String, T>> {
        let mut all = BTreeMap::new();
        let table = self.typed(key, "an array", Zval::array)?;
        let mut entries = table.map(ZendHashTable::iter);
        while let Some((name, entry)) = entries.as_mut().and_then(|entries| entries.next_zval()) {
            let name = text_of_key(&name);
            let Some(table) = entry.array() else {
                return Err(self.refuse(key, &format!("must hold an array under \"{name}\"")));
            };
            all.insert(name, read(&Self::of_table(key, Some(table), known)?)?);
        }
        Ok(all)
    }

    /// A refusal of the value under `key`.
    pub(crate) fn refuse(&self, key: &str, reason: &str) -> Fault {
        Fault::argument(format!("{} {reason}", self.name(key)))
    }

    fn name(&self, key: &str) -> String {
        format!("\"{key}\" in {}", self.of)
    }

    /// The entry, unless it is null: null stands for "not given".
    fn find(&self, key: &str) -> Option<&'a Zval> {
        let zval = self.table?.get(key)?.dereference();
        (!zval.is_null()).then_some(zval)
    }

    fn typed<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'a Zval) -> Option<T>,
    ) -> Answer<Option<T>> {
        let Some(zval) = self.find(key) else {
            return Ok(None);
        };
        read(zval)
            .map(Some)
            .ok_or_else(|| self.refuse(key, &format!("must be {expected}")))
    }
}

fn text_of_key(key: &Zval) -> String {
    match (key.long(), key.zend_str()) {
        (Some(index), _) => index.to_string(),
        (None, Some(text)) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        (None, None) => String::new(),
    }
}

fn unknown(of: &str, key: &Zval, known: &[&str]) -> Fault {
    let name = text_of_key(key);
    Fault::argument(format!("\"{name}\" is not known in {of}"))
        .with_help(format!("known are: {}", known.join(", ")))
}
