//! Encrypted connections, with a certificate for `localhost`.

use std::net::TcpListener;

use ossa_runtime::port::StoreError;

use crate::broker::{bodies, message, now, open, receive};
use crate::certificate::certify;
use crate::server::TestServer;

#[test]
fn an_encrypted_connection_is_to_the_broker_whose_certificate_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    if !certify(folder.path()) {
        println!("skipped: encryption because openssl is not installed");
        return;
    }
    let file = |name: &str| folder.path().join(name).display().to_string();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let listeners = format!("[{{\"127.0.0.1\", {port}}}]");
    let certificate = format!(
        "[{{certfile, \"{}\"}}, {{keyfile, \"{}\"}}]",
        file("server.crt"),
        file("server.key")
    );
    let arguments = [
        "-rabbit",
        "ssl_listeners",
        &listeners,
        "-rabbit",
        "ssl_options",
        &certificate,
    ];
    let Some(_broker) = TestServer::start_with("rabbitmq", &arguments) else {
        return;
    };
    let ca = file("server.crt");
    let queue = open(&format!("amqps://guest:guest@localhost:{port}/?ca={ca}"));
    queue.publish(&[message("secret")], now()).unwrap();
    assert_eq!(bodies(&receive(queue.as_ref(), 1)), ["secret"]);
    for stranger in [
        format!("amqps://guest:hunter2@localhost:{port}/"),
        // The certificate is for another name.
        format!("amqps://guest:hunter2@127.0.0.1:{port}/?ca={ca}"),
    ] {
        let error = open(&stranger).publish(&[message("m")], now()).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Unavailable { .. } | StoreError::Failed { .. }
            ),
            "{error:?}"
        );
        let words = error.to_string();
        assert!(words.to_lowercase().contains("certificate"), "{words}");
        assert!(!words.contains("hunter2"), "{words}");
    }
}
