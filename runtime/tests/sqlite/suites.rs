use std::sync::{Arc, Mutex};

use ossa_runtime::port::Backend;
use ossa_runtime::testing::{kv_suite, queue_suite, store_queue_suite, store_suite, stream_suite};

use crate::fixture::Folder;

/// Runs the suite on a new file for each case.
fn on_files(suite: impl Fn(&dyn Fn() -> Arc<dyn Backend>)) {
    let folders: Mutex<Vec<Folder>> = Mutex::default();
    suite(&|| {
        let folder = Folder::new();
        let store = Arc::new(folder.open());
        folders.lock().unwrap().push(folder);
        store
    });
}

#[test]
fn sqlite_passes_the_store_suite() {
    on_files(|open| store_suite(open));
}

#[test]
fn sqlite_passes_the_queue_suite() {
    on_files(|open| queue_suite(|| open()));
    on_files(|open| store_queue_suite(open));
}

#[test]
fn sqlite_passes_the_stream_suite() {
    on_files(|open| stream_suite(open));
}

#[test]
fn sqlite_passes_the_key_value_suite() {
    on_files(|open| kv_suite(open));
}
