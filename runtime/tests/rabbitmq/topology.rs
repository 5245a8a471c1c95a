//! Queues at the broker that others made.

use ossa_runtime::port::StoreError;
use tokio::runtime::Builder;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;

use crate::broker::{fresh_dsn, message, now, open};

/// Makes a classic queue, as somebody else would.
fn make_classic(dsn: &str, name: &str) {
    let (uri, _) = dsn.split_once('?').unwrap();
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
        let durable = QueueDeclareOptions::durable();
        channel
            .queue_declare(name.into(), durable, FieldTable::default())
            .await
            .unwrap();
        connection.close(200, "done".into()).await.unwrap();
    });
}

#[test]
fn a_classic_queue_in_place_of_ours_is_refused_with_what_to_do_and_found() {
    let Some(dsn) = fresh_dsn() else { return };
    let prefix = dsn.split_once("prefix=").unwrap().1;
    make_classic(&dsn, &format!("{prefix}q"));
    let queue = open(&dsn);
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

#[test]
fn a_queue_that_somebody_deleted_is_made_again() {
    let Some(dsn) = fresh_dsn() else { return };
    let prefix = dsn.split_once("prefix=").unwrap().1;
    let queue = open(&dsn);
    queue
        .publish(&[message("gone with the queue")], now())
        .unwrap();
    let (uri, _) = dsn.split_once('?').unwrap();
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
        let name = format!("{prefix}q");
        channel
            .queue_delete(name.as_str().into(), Default::default())
            .await
            .unwrap();
    });
    queue.publish(&[message("kept")], now()).unwrap();
    let received = crate::broker::receive(queue.as_ref(), 1);
    assert_eq!(crate::broker::bodies(&received), ["kept"]);
}

#[test]
fn a_sound_installation_has_no_findings() {
    let Some(dsn) = fresh_dsn() else { return };
    let queue = open(&dsn);
    queue.publish(&[message("m")], now()).unwrap();
    assert_eq!(queue.findings().unwrap(), []);
}
