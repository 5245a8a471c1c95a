//! Argument types the crate does not have: bytes, text with a clear refusal, and arrays that default to empty.

#[cfg(unix)]
use std::ffi::OsStr;
use std::path::PathBuf;

use ext_php_rs::convert::{FromZval, StubLiteral};
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, Zval};

use crate::error::Fault;

/// A PHP string as it is: any bytes, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// The bytes.
    pub(crate) const fn as_slice(self) -> &'a [u8] {
        self.0
    }

    /// The bytes as UTF-8; `argument` names them in the refusal.
    pub(crate) fn text(self, argument: &str) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.0).map_err(|error| {
            Fault::argument(format!(
                "{argument} is not UTF-8 (first wrong byte at offset {})",
                error.valid_up_to()
            ))
        })
    }
}

impl Bytes<'_> {
    /// The bytes as the name of a file, which on Unix is any bytes.
    #[cfg(unix)]
    pub(crate) fn path(self) -> PathBuf {
        use std::os::unix::ffi::OsStrExt as _;
        PathBuf::from(OsStr::from_bytes(self.0))
    }

    /// The bytes as the name of a file.
    #[cfg(not(unix))]
    pub(crate) fn path(self) -> PathBuf {
        PathBuf::from(String::from_utf8_lossy(self.0).into_owned())
    }
}

impl<'a> From<&'a str> for Bytes<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl<'a> FromZval<'a> for Bytes<'a> {
    const TYPE: DataType = DataType::String;

    fn from_zval(zval: &'a Zval) -> Option<Self> {
        zval.zend_str().map(|text| Self(text.as_bytes()))
    }
}

impl StubLiteral for Bytes<'_> {
    fn stub_literal(&self) -> String {
        String::from_utf8_lossy(self.0).stub_literal()
    }
}

/// A PHP array, borrowed; empty when the caller gave none.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a>(Option<&'a ZendHashTable>);

impl<'a> Table<'a> {
    /// The default of an optional array parameter.
    pub(crate) const EMPTY: Self = Self(None);

    /// The array, `None` when it was left out.
    pub(crate) const fn get(self) -> Option<&'a ZendHashTable> {
        self.0
    }
}

impl<'a> FromZval<'a> for Table<'a> {
    const TYPE: DataType = DataType::Array;

    fn from_zval(zval: &'a Zval) -> Option<Self> {
        zval.array().map(|table| Self(Some(table)))
    }
}

impl StubLiteral for Table<'_> {
    fn stub_literal(&self) -> String {
        "[]".to_owned()
    }
}
