use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ossa_runtime::adapter;
use ossa_runtime::port::Backend;
use ossa_runtime::testing::{kv_suite, queue_suite, store_queue_suite, store_suite, stream_suite};

use crate::server::TestServer;

/// Runs the suite on a new schema for each case.
fn on_schemas(suite: impl Fn(&dyn Fn() -> Arc<dyn Backend>)) {
    let Some(server) = TestServer::start_with("postgresql", &["-c", "fsync=off"]) else {
        return;
    };
    let number = AtomicUsize::new(0);
    suite(&|| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        adapter::open(&format!("{}?schema=case_{number}", server.dsn)).unwrap()
    });
}

#[test]
fn postgres_passes_the_store_suite() {
    on_schemas(|open| store_suite(open));
}

#[test]
fn postgres_passes_the_queue_suite() {
    on_schemas(|open| queue_suite(|| open()));
    on_schemas(|open| store_queue_suite(open));
}

#[test]
fn postgres_passes_the_stream_suite() {
    on_schemas(|open| stream_suite(open));
}

#[test]
fn postgres_passes_the_key_value_suite() {
    on_schemas(|open| kv_suite(open));
}
