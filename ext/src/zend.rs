//! What the crate lacks of PHP's C interface.

#![allow(unsafe_code, reason = "each block says why it holds")]

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use ext_php_rs::convert::IntoZval;
use ext_php_rs::ffi::{zend_function, zend_hash_str_find_ptr_lc, zend_read_property};
use ext_php_rs::types::{ZendHashTable, ZendObject, ZendStr, Zval};
use ext_php_rs::zend::{ClassEntry, ExecutorGlobals, ce};

// SAFETY: exported by every PHP from 8.2 on with these signatures (`ext/spl/spl_exceptions.h`, `Zend/zend_API.h`,
// `Zend/zend_attributes.h`).
unsafe extern "C" {
    static spl_ce_RuntimeException: *mut ClassEntry;

    fn zend_update_property(
        scope: *mut ClassEntry,
        object: *mut ZendObject,
        name: *const c_char,
        name_length: usize,
        value: *mut Zval,
    );

    fn zend_add_attribute(
        attributes: *mut *mut ZendHashTable,
        name: *mut ZendStr,
        arguments: u32,
        flags: u32,
        offset: u32,
        line: u32,
    ) -> *mut c_void;
}

/// `ZEND_ATTRIBUTE_PERSISTENT`: the attribute lives as long as the module.
const PERSISTENT: u32 = 1;

/// Where a class that the extension registers by hand is found again.
pub(crate) struct ClassSlot(AtomicPtr<ClassEntry>);

impl ClassSlot {
    /// A slot before the module's start.
    pub(crate) const fn empty() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Keeps the class; a restart of the module in the same process registers it anew and replaces it.
    pub(crate) fn put(&self, class: &'static mut ClassEntry) {
        self.0.store(class, Ordering::Release);
    }

    /// The class, `None` before the module's start.
    pub(crate) fn get(&self) -> Option<&'static ClassEntry> {
        // SAFETY: the slot holds null or a class that PHP keeps until the module is unloaded, after which no code of the
        // module runs.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }
}

/// PHP's `RuntimeException`.
pub(crate) fn runtime_exception() -> &'static ClassEntry {
    // SAFETY: SPL is part of every PHP and registers its classes before any other module starts; the pointer is never
    // written again.
    unsafe { spl_ce_RuntimeException.as_ref() }.unwrap_or_else(ce::exception)
}

/// Writes a property as code of the class `scope` could. A value that cannot become a zval is left out.
pub(crate) fn set_property(
    scope: &ClassEntry,
    object: &mut ZendObject,
    name: &str,
    value: impl IntoZval,
) {
    let Ok(mut value) = value.into_zval(false) else {
        return;
    };
    // SAFETY: `scope` and `object` are live for the call, which writes to neither beyond the property; `name` is valid for
    // its length and copied; PHP takes a reference of its own to `value`.
    unsafe {
        zend_update_property(
            ptr::from_ref(scope).cast_mut(),
            object,
            name.as_ptr().cast(),
            name.len(),
            &raw mut value,
        );
    }
}

/// Reads a property as code of the class `scope` could; null when there is none.
pub(crate) fn property(scope: &ClassEntry, object: &ZendObject, name: &str) -> Zval {
    let mut scratch = Zval::new();
    // SAFETY: as above; the answer points into the object or to `scratch`, and is copied while both live.
    let found = unsafe {
        zend_read_property(
            ptr::from_ref(scope).cast_mut(),
            ptr::from_ref(object).cast_mut(),
            name.as_ptr().cast(),
            name.len(),
            true,
            &raw mut scratch,
        )
        .as_ref()
    };
    found.map_or_else(Zval::new, |value| value.dereference().shallow_clone())
}

/// The message of an exception or error.
pub(crate) fn message_of(exception: &ZendObject) -> String {
    let scope = if exception.instance_of(ce::error()) {
        ce::error()
    } else {
        ce::exception()
    };
    let message = property(scope, exception, "message");
    let message = message.zend_str().map(|text| text.as_bytes().to_vec());
    String::from_utf8_lossy(&message.unwrap_or_default()).into_owned()
}

/// Whether PHP code has called `exit`, which is on its way like an exception.
pub(crate) fn is_exiting() -> bool {
    let thrown = ExecutorGlobals::get();
    let thrown = thrown.exception();
    thrown.is_some_and(|thrown| !thrown.instance_of(ce::throwable()))
}

/// Gives a parameter (counted from 0) of a method `#[\SensitiveParameter]`: PHP then leaves its value out of traces.
///
/// Must run while no other thread looks at the class.
pub(crate) fn hide_parameter(class: &ClassEntry, method: &str, parameter: u32) {
    let mut attribute = ZendStr::new("SensitiveParameter", true);
    // SAFETY: the table belongs to the live class and `method` is valid for its length. A function found there is one of
    // this module's, whose attributes PHP keeps beside it; PHP takes a reference of its own to the name.
    unsafe {
        let function: *mut zend_function = zend_hash_str_find_ptr_lc(
            &raw const class.function_table,
            method.as_ptr().cast(),
            method.len(),
        )
        .cast();
        if let Some(function) = function.as_mut() {
            zend_add_attribute(
                &raw mut function.common.attributes,
                &raw mut *attribute,
                0,
                PERSISTENT,
                parameter + 1,
                0,
            );
        }
    }
}
