use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ossa_runtime::adapter::open;
use ossa_runtime::port::Backend;

use crate::server::TestServer;

/// A server with an empty memory; `None`, and a line that says so, where Redis is not installed.
pub(crate) fn server(arguments: &[&str]) -> Option<TestServer> {
    TestServer::start_with("redis", arguments)
}

/// Another store on the same server.
pub(crate) fn fresh(dsn: &str) -> Arc<dyn Backend> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    open(&format!("{dsn}?prefix=test{number}")).unwrap()
}
