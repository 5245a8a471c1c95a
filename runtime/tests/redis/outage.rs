//! Servers that are away, slow, full or new.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use ossa_runtime::adapter::{exists, open};
use ossa_runtime::port::{KvWrite, StoreError};

use crate::fixture::{check, client, receipts, send, server};
use crate::sample::{advanced, at, created, message, request, run_id};

#[test]
fn a_server_that_is_away_is_named_with_its_port_and_nothing_secret() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let dsn = format!("redis://app:hunter2@127.0.0.1:{port}/0");
    for error in [open(&dsn).map(drop).unwrap_err(), exists(&dsn).unwrap_err()] {
        let words = error.to_string();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{words}");
        assert!(words.contains(&format!("127.0.0.1:{port}")), "{words}");
        assert!(
            !words.contains("hunter2") && !words.contains("app"),
            "{words}"
        );
    }
}

#[test]
fn a_wrong_password_is_told_without_repeating_it() {
    let Some(server) = server(&["--requirepass", "right"]) else {
        return;
    };
    let dsn = format!("redis://:hunter2@127.0.0.1:{}/0", server.port);
    let error = open(&dsn).map(drop).unwrap_err();
    assert!(!error.is_retryable());
    let words = error.to_string();
    assert!(words.to_lowercase().contains("password"), "{words}");
    assert!(!words.contains("hunter2"), "{words}");
    open(&format!("redis://:right@127.0.0.1:{}/0", server.port)).unwrap();
}

#[test]
fn a_server_that_does_not_answer_is_given_up_after_a_while() {
    let Some(server) = server(&[]) else { return };
    let store = open(&format!("{}?response_timeout=200ms", server.dsn)).unwrap();
    server.signal("STOP");
    let refused = store.publish(&[message("q", "m")], at(0)).unwrap_err();
    server.signal("CONT");
    assert!(
        matches!(refused, StoreError::Unavailable { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("not known"), "{refused}");
    // A late answer is not taken for that of another question.
    assert_eq!(store.count("other", at(0)).unwrap().ready, 0);
    store.publish(&[message("other", "m")], at(0)).unwrap();
    assert_eq!(store.count("other", at(0)).unwrap().ready, 1);
}

#[test]
fn work_goes_on_when_the_server_is_back_without_anybody_reconnecting() {
    let Some(mut server) = server(&[]) else {
        return;
    };
    let store = open(&server.dsn).unwrap();
    store.publish(&[message("q", "m")], at(0)).unwrap();
    let first = created(run_id(1));
    store.commit(std::slice::from_ref(&first)).unwrap();
    server.kill();
    let refused = store.count("q", at(0)).unwrap_err();
    assert!(
        matches!(refused, StoreError::Unavailable { .. }),
        "{refused}"
    );
    assert!(store.wait_for_change(0, Duration::from_secs(60)).is_err());
    server.restart();
    assert_eq!(store.count("q", at(0)).unwrap().ready, 1);
    store.commit(&[advanced(&first)]).unwrap();
    assert_eq!(check(store.as_ref()), 1);
}

/// A connection that died unnoticed is found out before anything is sent over it.
#[test]
fn a_connection_that_was_closed_meanwhile_loses_no_call() {
    let Some(server) = server(&[]) else { return };
    let store = open(&server.dsn).unwrap();
    for _ in 0..3 {
        store.publish(&[message("q", "m")], at(0)).unwrap();
        send(
            &mut client(server.port),
            "CLIENT KILL TYPE normal SKIPME yes",
        );
        thread::sleep(Duration::from_millis(250));
    }
    assert_eq!(store.count("q", at(0)).unwrap().ready, 3);
}

#[test]
fn a_wait_survives_the_loss_of_its_connection() {
    let Some(server) = server(&[]) else { return };
    let store = open(&server.dsn).unwrap();
    let seen = store.wait_for_change(0, Duration::ZERO).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            loop {
                let now = store
                    .wait_for_change(seen, Duration::from_secs(60))
                    .unwrap();
                if now != seen {
                    break;
                }
            }
        });
        let mut client = client(server.port);
        while !format!("{:?}", send(&mut client, "CLIENT LIST")).contains("cmd=xread") {
            thread::sleep(Duration::from_millis(5));
        }
        send(&mut client, "CLIENT KILL TYPE normal SKIPME yes");
        open(&server.dsn)
            .unwrap()
            .publish(&[message("q", "m")], at(0))
            .unwrap();
        waiting.join().unwrap();
    });
}

#[test]
fn scripts_that_the_server_forgot_are_loaded_again() {
    let Some(server) = server(&[]) else { return };
    let store = open(&server.dsn).unwrap();
    store.publish(&[message("q", "m")], at(0)).unwrap();
    send(&mut client(server.port), "SCRIPT FLUSH");
    store.publish(&[message("q", "m")], at(0)).unwrap();
    assert_eq!(receipts(store.as_ref(), 9).unwrap().len(), 2);
}

#[test]
fn a_store_of_a_newer_build_is_refused_before_anything_is_touched() {
    let Some(server) = server(&[]) else { return };
    let mut client = client(server.port);
    send(&mut client, "SET {ossa}:schema 99");
    let refused = open(&server.dsn).map(drop).unwrap_err();
    assert_eq!(
        refused,
        StoreError::TooNew {
            found: 99,
            known: 1
        }
    );
    assert_eq!(send(&mut client, "DBSIZE"), redis::Value::Int(1));
}

#[test]
fn a_store_is_there_once_it_was_opened() {
    let Some(server) = server(&[]) else { return };
    assert!(!exists(&server.dsn).unwrap());
    open(&server.dsn).unwrap();
    assert!(exists(&server.dsn).unwrap());
    assert!(!exists(&format!("{}?prefix=other", server.dsn)).unwrap());
}

/// With no memory left everything is refused that would need some, before it has done half; what frees memory works.
#[test]
fn at_maxmemory_nothing_is_lost_and_nothing_half_done() {
    let Some(server) = server(&["--maxmemory", "3mb"]) else {
        return;
    };
    let store = open(&server.dsn).unwrap();
    let body = "x".repeat(5_000);
    let mut runs: Vec<_> = (1..=3).map(|number| created(run_id(number))).collect();
    let mut published = 0;
    let full = loop {
        match store.publish(&vec![message("q", &body); 3], at(0)) {
            Ok(ids) => published += ids.len(),
            Err(error) => break error,
        }
        for commit in &mut runs {
            if store.commit(std::slice::from_ref(commit)).is_ok() {
                *commit = advanced(commit);
            }
        }
    };
    assert!(matches!(full, StoreError::Full { .. }), "{full}");
    assert!(
        full.is_retryable() && full.to_string().contains("maxmemory"),
        "{full}"
    );
    // Whatever the server frees in passing, there is not enough.
    send(&mut client(server.port), "CONFIG SET maxmemory 1mb");
    for commit in &mut runs {
        let refused = store.commit(std::slice::from_ref(commit));
        assert!(
            matches!(refused, Err(StoreError::Full { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(check(store.as_ref()), 3);
    assert_eq!(store.count("q", at(0)).unwrap().ready, published as u64);

    // Workers empty it.
    let claimed = store.receive(&request("q", published / 2, at(0))).unwrap();
    assert_eq!(claimed.len(), published / 2);
    let mut receipts: Vec<_> = claimed.into_iter().map(|it| it.receipt).collect();
    assert!(
        store
            .extend(&receipts, at(90_000))
            .unwrap()
            .iter()
            .all(|it| *it)
    );
    let rejected = store
        .reject(&receipts.split_off(2), "dead", None, at(1))
        .unwrap();
    assert!(rejected.iter().all(|it| *it));
    assert_eq!(store.ack(&receipts[..1]).unwrap(), [true]);
    assert_eq!(
        store
            .release(&[(receipts[1].clone(), at(1))], at(1))
            .unwrap(),
        [true]
    );
    check(store.as_ref());

    send(&mut client(server.port), "CONFIG SET maxmemory 100mb");
    store.publish(&[message("q", &body)], at(0)).unwrap();
    for commit in &mut runs {
        store.commit(std::slice::from_ref(commit)).unwrap();
    }
    check(store.as_ref());
}

#[test]
fn a_write_counts_once_the_replicas_have_it() {
    let (Some(primary), Some(lone)) = (server(&[]), server(&[])) else {
        return;
    };
    let dsn = format!("{}?replicas=1&response_timeout=500ms", primary.dsn);
    let refused = open(&dsn).map(drop).unwrap_err();
    assert!(
        matches!(refused, StoreError::Unavailable { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("replica"), "{refused}");

    let mut replica = client(lone.port);
    send(
        &mut replica,
        &format!("REPLICAOF 127.0.0.1 {}", primary.port),
    );
    while !format!("{:?}", send(&mut replica, "ROLE")).contains("connected") {
        thread::sleep(Duration::from_millis(20));
    }
    let patient = open(&format!("{}?replicas=1&response_timeout=60s", primary.dsn)).unwrap();
    patient.publish(&[message("q", "m")], at(0)).unwrap();
    let store = open(&dsn).unwrap();
    lone.signal("STOP");
    let refused = store.publish(&[message("q", "m")], at(0)).unwrap_err();
    assert!(refused.to_string().contains("not known"), "{refused}");
    lone.signal("CONT");
    // Whoever is sent to the replica alone is told so.
    let refused = open(&lone.dsn)
        .unwrap()
        .publish(&[message("q", "m")], at(0));
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
}

#[test]
fn settings_that_break_the_promise_are_found() {
    let Some(server) = server(&[]) else { return };
    let found = |options: &str| -> Vec<String> {
        let store = open(&format!("{}{options}", server.dsn)).unwrap();
        let findings = store.findings().unwrap().into_iter();
        findings.map(|it| it.found).collect()
    };
    assert_eq!(found(""), [""; 0]);
    let strict = found("?mode=strict");
    assert!(
        strict.len() == 1 && strict[0].contains("everysec"),
        "{strict:?}"
    );
    let mut client = client(server.port);
    send(&mut client, "CONFIG SET appendfsync always");
    assert_eq!(found("?mode=strict"), [""; 0]);
    send(&mut client, "CONFIG SET maxmemory-policy allkeys-lru");
    send(&mut client, "CONFIG SET appendonly no");
    let all = found("").join("; ");
    assert!(
        all.contains("allkeys-lru") && all.contains("appendonly"),
        "{all}"
    );
}

#[test]
fn a_lease_of_a_worker_that_is_gone_is_taken_over_by_another_process() {
    let Some(server) = server(&[]) else { return };
    let (one, other) = (open(&server.dsn).unwrap(), open(&server.dsn).unwrap());
    one.publish(&[message("q", "m")], at(0)).unwrap();
    let lost = receipts(one.as_ref(), 9).unwrap();
    assert_eq!(receipts(other.as_ref(), 9).unwrap(), []);
    let later = at(30_000);
    let taken = other.receive(&request("q", 9, later)).unwrap();
    assert_eq!((taken.len(), taken[0].losses), (1, 1));
    assert_eq!(one.ack(&lost).unwrap(), [false]);
    assert_eq!(other.ack(&[taken[0].receipt.clone()]).unwrap(), [true]);
}

#[test]
fn values_are_kept_over_a_restart_and_versions_never_come_again() {
    let Some(mut server) = server(&["--appendfsync", "always"]) else {
        return;
    };
    let store = open(&server.dsn).unwrap();
    let write = KvWrite {
        namespace: "n".to_owned(),
        key: "k".to_owned(),
        value: Some(1.into()),
        expected: None,
        expires_at: None,
    };
    let before = store.kv_write(&write, at(0)).unwrap();
    server.kill();
    server.restart();
    let kept = store.kv_get("n", "k", at(0)).unwrap().unwrap();
    assert_eq!(Some(kept.version), before);
    // As if all had been lost.
    send(&mut client(server.port), "FLUSHALL");
    assert!(store.kv_write(&write, at(0)).unwrap() > before);
}

#[test]
fn a_user_with_few_rights_is_enough() {
    let Some(server) = server(&[]) else { return };
    let rights = "ACL SETUSER shop on >secret ~{ossa}:* resetchannels -@all +@read +@write +@scripting +@transaction \
                  +@connection +time +wait +config|get";
    send(&mut client(server.port), rights);
    let dsn = format!("redis://shop:secret@127.0.0.1:{}/0", server.port);
    let store = open(&dsn).unwrap();
    store.publish(&[message("q", "m")], at(0)).unwrap();
    store.commit(&[created(run_id(1))]).unwrap();
    assert_eq!(store.findings().unwrap(), []);
    assert_ne!(store.wait_for_change(0, Duration::ZERO).unwrap(), 0);
    assert_eq!(check(store.as_ref()), 1);
    let error = open(&format!("{dsn}?prefix=other")).map(drop).unwrap_err();
    assert!(!error.is_retryable(), "{error}");
}

/// Encrypted, with the certificate of a stranger refused and that of one's own authority taken.
#[test]
fn a_connection_is_encrypted_and_the_server_s_certificate_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (key, certificate) = (path("key.pem"), path("cert.pem"));
    let made = std::process::Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
        ])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &key, "-out", &certificate])
        .output();
    if !made.is_ok_and(|it| it.status.success()) {
        println!("skipped: an encrypted connection because openssl is not installed");
        return;
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let tls_port = port.to_string();
    let arguments = [
        "--tls-port",
        &tls_port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
    ];
    let Some(_server) = server(&arguments) else {
        return;
    };
    let stranger = open(&format!("rediss://127.0.0.1:{port}"))
        .map(drop)
        .unwrap_err();
    assert!(stranger.to_string().contains("certificate"), "{stranger}");
    let store = open(&format!("rediss://127.0.0.1:{port}?ca={certificate}")).unwrap();
    store.publish(&[message("q", "m")], at(0)).unwrap();
    assert_eq!(store.count("q", at(0)).unwrap().ready, 1);
}
