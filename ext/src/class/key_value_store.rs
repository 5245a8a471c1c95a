//! `Ossa\Runtime\KeyValueStore`

#![allow(
    non_snake_case,
    reason = "parameters have PHP's names, for named arguments"
)]

use std::time::Duration;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendHashTable, Zval};
use ossa_runtime::engine::Engine;

use super::engine_options::count;
use crate::convert::argument::Bytes;
use crate::convert::{from_php, to_php};
use crate::error::{Answer, Fault};
use crate::process::Owned;

/// A namespace of values by key, in the engine's store.
#[php_class]
#[php(name = "Ossa\\Runtime\\KeyValueStore", flags = ClassFlags::Final)]
pub(crate) struct KeyValueStore {
    engine: Owned<Engine>,
    namespace: String,
}

impl KeyValueStore {
    pub(super) fn over(engine: &Engine, namespace: &str) -> Self {
        Self {
            engine: Owned::new(engine.clone()),
            namespace: namespace.to_owned(),
        }
    }
}

#[php_impl]
impl KeyValueStore {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    fn get(&self, key: Bytes<'_>, default: Option<&Zval>) -> Answer<Zval> {
        let engine = self.engine.get()?;
        Ok(match engine.kv_get(&self.namespace, key.text("$key")?)? {
            Some(entry) => to_php::zval(&entry.value)?,
            None => default.map_or_else(Zval::null, Zval::shallow_clone),
        })
    }

    fn get_versioned(&self, key: Bytes<'_>) -> Answer<Option<ZBox<ZendHashTable>>> {
        let engine = self.engine.get()?;
        let Some(entry) = engine.kv_get(&self.namespace, key.text("$key")?)? else {
            return Ok(None);
        };
        let mut table = to_php::with_capacity(2);
        table.insert("value", to_php::zval(&entry.value)?)?;
        table.insert("version", entry.version)?;
        Ok(Some(table))
    }

    fn set(&self, key: Bytes<'_>, value: &Zval, ttlSeconds: Option<i64>) -> Answer<u64> {
        let written = self.write(key, value, ttlSeconds, None)?;
        // Without an expected version there is none to be missed.
        Ok(written.unwrap_or_default())
    }

    fn delete(&self, key: Bytes<'_>) -> Answer<bool> {
        Ok(self
            .engine
            .get()?
            .kv_delete(&self.namespace, key.text("$key")?)?)
    }

    fn compare_and_swap(
        &self,
        key: Bytes<'_>,
        expectedVersion: i64,
        value: &Zval,
        ttlSeconds: Option<i64>,
    ) -> Answer<Option<u64>> {
        let expected = u64::try_from(expectedVersion)
            .map_err(|_| Fault::argument("$expectedVersion must be 0 or more"))?;
        self.write(key, value, ttlSeconds, Some(expected))
    }

    #[php(defaults(prefix = Bytes::from(""), limit = 1000))]
    fn keys(&self, prefix: Bytes<'_>, limit: i64) -> Answer<Vec<String>> {
        let limit = count(limit, "$limit")?;
        let engine = self.engine.get()?;
        Ok(engine.kv_keys(&self.namespace, prefix.text("$prefix")?, limit)?)
    }
}

impl KeyValueStore {
    fn write(
        &self,
        key: Bytes<'_>,
        value: &Zval,
        ttl_seconds: Option<i64>,
        expected: Option<u64>,
    ) -> Answer<Option<u64>> {
        let ttl = match ttl_seconds {
            None => None,
            Some(seconds) => Some(Duration::from_secs(
                u64::try_from(seconds)
                    .ok()
                    .filter(|seconds| *seconds > 0)
                    .ok_or_else(|| Fault::argument("$ttlSeconds must be at least 1"))?,
            )),
        };
        let value = from_php::value(value, "$value")?;
        let engine = self.engine.get()?;
        let key = key.text("$key")?;
        Ok(engine.kv_write(&self.namespace, key, Some(value), ttl, expected)?)
    }
}
