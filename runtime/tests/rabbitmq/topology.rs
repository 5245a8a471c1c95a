//! Queues at the broker that others made.

use ossa_runtime::port::StoreError;
use tokio::runtime::Builder;

use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;

use crate::broker::{Story, message, now, open};

pub const STORIES: &[Story] = &[
    (
        "a_classic_queue_in_place_of_ours_is_refused_with_what_to_do_and_found",
        a_classic_queue_in_place_of_ours_is_refused_with_what_to_do_and_found,
    ),
    (
        "a_queue_that_somebody_deleted_is_made_again",
        a_queue_that_somebody_deleted_is_made_again,
    ),
    (
        "a_sound_installation_has_no_findings",
        a_sound_installation_has_no_findings,
    ),
];

/// Does something to the queue `q` of these, by its name at the broker, as any other client could.
fn meddle(dsn: &str, meddle: impl AsyncFnOnce(&lapin::Channel, String) -> lapin::Result<()>) {
    let (uri, options) = dsn.split_once('?').unwrap();
    let prefix = options.strip_prefix("prefix=").unwrap();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let connection = lapin::Connection::connect(uri, Default::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        meddle(&channel, format!("{prefix}q")).await.unwrap();
        connection.close(200, "done".into()).await.unwrap();
    });
}

fn a_classic_queue_in_place_of_ours_is_refused_with_what_to_do_and_found(dsn: &str) {
    meddle(dsn, async |channel, name| {
        let durable = QueueDeclareOptions::durable();
        let made = channel.queue_declare(name.into(), durable, FieldTable::default());
        made.await.map(drop)
    });
    let queue = open(dsn);
    let error = queue.publish(&[message("m")], now()).unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    let words = error.to_string();
    assert!(
        words.contains("x-queue-type") && words.contains("delete it"),
        "{words}"
    );
    let findings = queue.findings().unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(
        findings[0].found.ends_with("(it is no quorum queue)"),
        "{findings:?}"
    );
}

fn a_queue_that_somebody_deleted_is_made_again(dsn: &str) {
    let queue = open(dsn);
    queue
        .publish(&[message("gone with the queue")], now())
        .unwrap();
    meddle(dsn, async |channel, name| {
        let deleted = channel.queue_delete(name.into(), QueueDeleteOptions::default());
        deleted.await.map(drop)
    });
    queue.publish(&[message("kept")], now()).unwrap();
    let received = crate::broker::receive(queue.as_ref(), 1);
    assert_eq!(crate::broker::bodies(&received), ["kept"]);
}

fn a_sound_installation_has_no_findings(dsn: &str) {
    let queue = open(dsn);
    queue.publish(&[message("m")], now()).unwrap();
    assert_eq!(queue.findings().unwrap(), []);
}
