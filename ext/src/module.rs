//! The module as PHP sees it: name, version, life cycle, and its table in `phpinfo()`.

use std::ptr;
use std::sync::{Mutex, PoisonError};

use ext_php_rs::builders::ModuleBuilder;
use ext_php_rs::class::RegisteredClass as _;
use ext_php_rs::zend::ModuleEntry;
use ext_php_rs::{info_table_end, info_table_row, info_table_start};

use ossa_runtime::adapter;

use crate::class::engine::Engine;
use crate::class::transport::Transport;
use crate::exception;
use crate::process;
use crate::store;
use crate::zend::hide_parameter;

/// Version of the extension and of the engine built into it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Names the module and hooks it into PHP's life cycle.
pub(crate) fn describe(module: ModuleBuilder<'_>) -> ModuleBuilder<'_> {
    module
        .name("ossa")
        .version(VERSION)
        .constant(("Ossa\\Runtime\\VERSION", VERSION, &[]))
        .startup_function(startup)
        .request_startup_function(request_startup)
        .request_shutdown_function(request_shutdown)
        .info_function(info)
}

/// Registers what the macros cannot. Returns 0 when all went well, as PHP expects.
extern "C" fn startup(_kind: i32, _module: i32) -> i32 {
    process::count_forks();
    match exception::register().and_then(|()| store::register()) {
        Ok(()) => 0,
        Err(_) => -1,
    }
}

extern "C" fn request_shutdown(_kind: i32, _module: i32) -> i32 {
    store::forget_thrown();
    0
}

/// Hides DSNs from traces. The crate registers the classes after the module's startup function, so the start of a
/// request is the first occasion; a module that was started anew has new classes.
extern "C" fn request_startup(_kind: i32, _module: i32) -> i32 {
    static HIDDEN_IN: Mutex<usize> = Mutex::new(0);
    let (engine, transport) = (Engine::get_metadata(), Transport::get_metadata());
    if engine.has_ce() && transport.has_ce() {
        let class = engine.ce();
        let mut hidden_in = HIDDEN_IN.lock().unwrap_or_else(PoisonError::into_inner);
        if *hidden_in != ptr::from_ref(class).addr() {
            hide_parameter(class, "open", 0);
            hide_parameter(transport.ce(), "open", 0);
            hide_parameter(transport.ce(), "check", 0);
            *hidden_in = ptr::from_ref(class).addr();
        }
    }
    0
}

extern "C" fn info(_module: *mut ModuleEntry) {
    info_table_start!();
    info_table_row!("OSSA runtime", "enabled");
    info_table_row!("Version", VERSION);
    for (scheme, library) in adapter::backends() {
        info_table_row!(format!("Store {scheme}:"), library);
    }
    info_table_end!();
}
