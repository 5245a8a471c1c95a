//! A broker that is away, refuses, or takes no messages.

use std::net::TcpListener;
use std::process::Command;

use ossa_runtime::adapter;
use ossa_runtime::port::StoreError;

use crate::broker::{Story, bodies, eventually, message, now, open, receive, request};
use crate::server::TestServer;

pub const STORIES: &[Story] = &[(
    "wrong_credentials_and_an_unknown_virtual_host_are_refused_by_name",
    wrong_credentials_and_an_unknown_virtual_host_are_refused_by_name,
)];

#[test]
fn a_broker_that_is_away_is_one_clear_error_without_credentials() {
    // Nobody listens on a port that was just let go.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let queue = open(&format!("amqp://app:hunter2@127.0.0.1:{port}/v"));
    let sent = queue.publish(&[message("m")], now()).unwrap_err();
    let received = queue.receive(&request(1)).unwrap_err();
    for error in [sent, received] {
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(&format!("127.0.0.1:{port}")), "{shown}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("app:"),
            "{shown}"
        );
    }
}

#[test]
fn a_host_that_accepts_and_says_nothing_is_given_up_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let queue = open(&format!("amqp://127.0.0.1:{port}/?timeout=200ms"));
    let error = queue.publish(&[message("m")], now()).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
}

fn wrong_credentials_and_an_unknown_virtual_host_are_refused_by_name(dsn: &str) {
    let wrong_password = dsn.replace("guest:guest", "guest:hunter2");
    let error = open(&wrong_password)
        .publish(&[message("m")], now())
        .unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    assert!(
        error.to_string().contains("check user, password"),
        "{error}"
    );
    assert!(!error.to_string().contains("hunter2"));
    let unknown_vhost = dsn.replace("/%2f", "/nowhere");
    let error = open(&unknown_vhost)
        .publish(&[message("m")], now())
        .unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    assert!(error.to_string().contains("virtual host"), "{error}");
}

#[test]
fn a_broker_is_no_store() {
    let error = adapter::open("amqp://rabbit").map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("as a transport"), "{error}");
}

#[test]
fn while_an_alarm_lasts_sending_fails_clearly_and_the_rest_goes_on() {
    // More free space than any disk has.
    let alarmed = ["-rabbit", "disk_free_limit", "1000000000000000000"];
    let Some(broker) = TestServer::start_with("rabbitmq", &alarmed) else {
        return;
    };
    let queue = open(&broker.dsn);
    for _ in 0..2 {
        let error = queue.publish(&[message("m")], now()).unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        assert!(error.to_string().contains("alarm"), "{error}");
    }
    assert_eq!(queue.receive(&request(1)).unwrap(), []);
    assert_eq!(queue.count("q", now()).unwrap().ready, 0);
}

#[test]
fn of_what_is_tried_while_an_alarm_lasts_one_message_at_most_comes_when_it_is_over() {
    let alarmed = ["-rabbit", "disk_free_limit", "1000000000000000000"];
    let Some(broker) = TestServer::start_with("rabbitmq", &alarmed) else {
        return;
    };
    let queue = open(&broker.dsn);
    let batch: Vec<_> = (0..50).map(|it| message(&it.to_string())).collect();
    for _ in 0..5 {
        queue.publish(&batch, now()).unwrap_err();
    }
    order(&broker, &["set_disk_free_limit", "1000000"]);
    assert!(eventually(|| queue.publish(&batch, now()).is_ok()));
    let ready = queue.count("q", now()).unwrap().ready;
    assert!((50..=51).contains(&ready), "{ready}");
}

/// Has the broker carry out an order of its administrator.
fn order(broker: &TestServer, words: &[&str]) {
    let done = Command::new("/usr/lib/rabbitmq/bin/rabbitmqctl")
        .env_clear()
        .envs(broker.environment())
        .args(words)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn once_an_alarm_is_over_sending_goes_on_by_itself() {
    let Some(broker) = TestServer::start("rabbitmq") else {
        return;
    };
    let queue = open(&broker.dsn);
    queue.publish(&[message("before")], now()).unwrap();
    order(&broker, &["set_vm_memory_high_watermark", "absolute", "1"]);
    let refused = || match queue.publish(&[message("meanwhile")], now()) {
        Err(error) => error.to_string().contains("alarm"),
        Ok(_) => false,
    };
    assert!(eventually(refused));
    assert_eq!(bodies(&receive(queue.as_ref(), 1)), ["before"]);
    order(&broker, &["set_vm_memory_high_watermark", "0.9"]);
    assert!(eventually(|| queue
        .publish(&[message("after")], now())
        .is_ok()));
    let received = eventually(|| {
        let received = queue.receive(&request(9)).unwrap();
        bodies(&received).contains(&"after".to_owned())
    });
    assert!(received);
}
