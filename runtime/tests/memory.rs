//! The memory backend does what every backend must.

use std::sync::Arc;

use ossa_runtime::adapter::MemoryStore;
use ossa_runtime::testing::{kv_suite, queue_suite, store_queue_suite, store_suite, stream_suite};

#[test]
fn memory_passes_the_store_suite() {
    store_suite(|| Arc::new(MemoryStore::new()));
}

#[test]
fn memory_passes_the_queue_suite() {
    queue_suite(|| Arc::new(MemoryStore::new()));
    store_queue_suite(|| Arc::new(MemoryStore::new()));
}

#[test]
fn memory_passes_the_stream_suite() {
    stream_suite(|| Arc::new(MemoryStore::new()));
}

#[test]
fn memory_passes_the_key_value_suite() {
    kv_suite(|| Arc::new(MemoryStore::new()));
}
