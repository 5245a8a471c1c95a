use std::sync::{Arc, Mutex};

use ossa_runtime::port::Backend;
use ossa_runtime::testing::{
    cases_of_one_thread, kv_suite, queue_suite, run_case, store_queue_suite, store_suite,
    stream_suite,
};

use crate::connections::Database;

/// Runs the suite on a new database for each case.
fn on_databases(suite: impl Fn(&dyn Fn() -> Arc<dyn Backend>)) {
    let databases: Mutex<Vec<Database>> = Mutex::default();
    suite(&|| {
        let database = Database::new();
        let store = database.store();
        databases.lock().unwrap().push(database);
        store
    });
}

#[test]
fn it_passes_the_store_suite() {
    on_databases(|open| store_suite(open));
}

#[test]
fn it_passes_the_queue_suite() {
    on_databases(|open| queue_suite(|| open()));
}

#[test]
fn it_passes_the_suite_of_stores_queues() {
    on_databases(|open| store_queue_suite(open));
}

#[test]
fn it_passes_the_stream_suite() {
    on_databases(|open| stream_suite(open));
}

#[test]
fn it_passes_the_key_value_suite() {
    on_databases(|open| kv_suite(open));
}

#[test]
fn a_case_is_run_by_its_name() {
    let database = Database::new();
    let store: Arc<dyn Backend> = database.store();
    let names: Vec<_> = cases_of_one_thread().collect();
    let name = "kv/namespaces_are_apart";
    assert!(names.iter().any(|it| it == name), "{names:?}");
    assert_eq!(run_case(name, &store), Ok(()));
    // On a store that is not empty any more, a case that counts fails and says so.
    let first = "kv/a_key_that_was_never_written_is_absent";
    assert!(run_case(first, &store).is_err());
    assert!(run_case("kv/no_such_case", &store).is_err());
}
