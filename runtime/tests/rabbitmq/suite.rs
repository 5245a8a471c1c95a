use ossa_runtime::testing::queue_suite;

use crate::broker::{fresh_dsn, open};

#[test]
fn rabbitmq_passes_the_queue_suite() {
    if fresh_dsn().is_some() {
        queue_suite(|| open(&fresh_dsn().unwrap()));
    }
}
