//! Bindings as PHP arrays: `array{capability: string, host: ?string, service: ?string, method: ?string, config: mixed}`.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::types::{ZendHashTable, Zval};
use ossa_runtime::manifest::model::Binding;

use crate::convert::to_php;
use crate::error::Answer;

/// The list of bindings.
pub(crate) fn table(bindings: &[Binding]) -> Answer<ZBox<ZendHashTable>> {
    let mut list = to_php::with_capacity(bindings.len());
    for binding in bindings {
        let mut entry = to_php::with_capacity(5);
        entry.insert("capability", binding.capability.as_str())?;
        entry.insert("host", binding.host.as_deref())?;
        entry.insert("service", binding.service.as_deref())?;
        entry.insert("method", binding.method.as_deref())?;
        let config = binding.config.as_ref().map(to_php::zval).transpose()?;
        entry.insert("config", config.unwrap_or_else(Zval::null))?;
        list.push(entry)?;
    }
    Ok(list)
}
