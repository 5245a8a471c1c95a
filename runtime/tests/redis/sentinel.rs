//! A primary that dies, with sentinels that name another one.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ossa_runtime::adapter::{exists, open};
use ossa_runtime::port::StoreError;
use tempfile::TempDir;

use crate::fixture::{client, server};
use crate::sample::{at, message, request};

/// A sentinel, which goes with the value, also when the test is killed.
struct Sentinel {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Sentinel {
    fn of(primary: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let settings = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor shop 127.0.0.1 {primary} 1\n\
             sentinel down-after-milliseconds shop 500\nsentinel failover-timeout shop 5000\n",
            folder.path().display()
        );
        let file = folder.path().join("sentinel.conf");
        fs::write(&file, settings).unwrap();
        let process = Command::new("sh")
            .arg("-c")
            .arg("redis-server \"$0\" --sentinel >/dev/null 2>&1 & cat; kill -9 $!")
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            port,
            _folder: folder,
        }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Asks again until it is so, for a minute at most.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < Duration::from_secs(60), "never: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn work_goes_on_at_the_server_that_the_sentinels_name_once_the_primary_is_dead() {
    let Some(mut primary) = server(&[]) else {
        return;
    };
    let of_primary = format!("127.0.0.1 {}", primary.port);
    let Some(replica) = server(&["--replicaof", &of_primary]) else {
        return;
    };
    let sentinel = Sentinel::of(primary.port);
    let dsn = format!("redis://127.0.0.1:{}/0?sentinel=shop", sentinel.port);
    eventually("the sentinel answers", || exists(&dsn).is_ok());
    eventually("a replica has it", || {
        let safe = open(&format!("{dsn}&replicas=1"));
        safe.is_ok_and(|it| it.publish(&[message("q", "m")], at(0)).is_ok())
    });
    eventually("the sentinel knows the replica", || {
        let mut ask = redis::cmd("SENTINEL");
        let known: Vec<redis::Value> = ask
            .arg("REPLICAS")
            .arg("shop")
            .query(&mut client(sentinel.port))
            .unwrap();
        known.len() == 1
    });

    let store = open(&dsn).unwrap();
    let before = store.count("q", at(0)).unwrap().ready;
    primary.kill();
    let mut refused = 0;
    eventually("another primary", || {
        match store.publish(&[message("q", "after")], at(0)) {
            Ok(_) => true,
            Err(error) => {
                assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
                refused += 1;
                false
            }
        }
    });
    assert!(refused > 0);
    assert_eq!(store.count("q", at(0)).unwrap().ready, before + 1);
    assert!(!store.receive(&request("q", 1, at(0))).unwrap().is_empty());
    drop(replica);
}

#[test]
fn a_name_that_the_sentinels_do_not_know_is_told() {
    let Some(primary) = server(&[]) else { return };
    let sentinel = Sentinel::of(primary.port);
    let dsn = format!("redis://127.0.0.1:{}?sentinel", sentinel.port);
    eventually("the sentinel answers", || {
        exists(&format!("{dsn}=shop")).is_ok()
    });
    let error = open(&format!("{dsn}=stock")).map(drop).unwrap_err();
    assert!(error.to_string().contains("`stock`"), "{error}");
}
