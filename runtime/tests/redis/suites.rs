use ossa_runtime::testing::{kv_suite, queue_suite, store_queue_suite, store_suite, stream_suite};

use crate::fixture::{fresh, server};

#[test]
fn redis_passes_the_store_suite() {
    let Some(server) = server(&[]) else { return };
    store_suite(|| fresh(&server.dsn));
}

#[test]
fn redis_passes_the_queue_suite() {
    let Some(server) = server(&[]) else { return };
    queue_suite(|| fresh(&server.dsn));
    store_queue_suite(|| fresh(&server.dsn));
}

#[test]
fn redis_passes_the_stream_suite() {
    let Some(server) = server(&[]) else { return };
    stream_suite(|| fresh(&server.dsn));
}

#[test]
fn redis_passes_the_key_value_suite() {
    let Some(server) = server(&[]) else { return };
    kv_suite(|| fresh(&server.dsn));
}
