use ossa_runtime::testing::queue_suite;

use crate::broker::{Broker, open, tell};

#[test]
fn rabbitmq_passes_the_queue_suite() {
    let Some(broker) = Broker::start() else {
        return;
    };
    queue_suite(|| open(&broker.fresh_dsn()));
}

#[test]
fn what_only_a_broker_can_get_wrong_is_right() {
    tell(&[
        crate::away::STORIES,
        crate::claims::STORIES,
        crate::topology::STORIES,
    ]);
}
