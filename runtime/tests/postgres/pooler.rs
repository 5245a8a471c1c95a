//! Through PgBouncer.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ossa_runtime::adapter;
use postgres::{Client, NoTls};
use tempfile::TempDir;

use crate::fixture::{message, request};
use crate::sample::at;
use crate::server::TestServer;
use crate::server_or_return;

/// A pooler before the server, which goes with the value, also when the test is killed.
struct Pooler {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Pooler {
    /// `None`, and a line that says so, where PgBouncer is not installed.
    fn before(server: &TestServer, mode: &str) -> Option<Self> {
        if !Command::new("pgbouncer")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|it| it.success())
        {
            println!("skipped: {mode} pooling because pgbouncer is not installed");
            return None;
        }
        // It refuses to run as root, and reads its file as somebody else.
        let folder = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()
            .unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=ossa password=ossa\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n\
             ignore_startup_parameters = options\n",
            server.port
        );
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, settings).unwrap();
        let process = Command::new("sh")
            .arg("-c")
            .arg("[ $(id -u) -ne 0 ] || user='-u postgres'; pgbouncer -q $user \"$0\" >/dev/null 2>&1 & cat; kill -9 $!")
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pooler = Self {
            process,
            port,
            _folder: folder,
        };
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "it does not start"
            );
            thread::sleep(Duration::from_millis(50));
        }
        Some(pooler)
    }

    fn dsn(&self) -> String {
        format!("postgresql://ossa@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

#[test]
fn session_pooling_works_as_without_a_pooler() {
    let server = server_or_return!();
    let Some(pooler) = Pooler::before(&server, "session") else {
        return;
    };
    let store = adapter::open(&pooler.dsn()).unwrap();
    let seen = store.wait_for_change(0, Duration::ZERO).unwrap();
    let other = adapter::open(&pooler.dsn()).unwrap();
    other.publish(&[message("m")], at(0)).unwrap();
    let since = Instant::now();
    while store.wait_for_change(seen, Duration::from_secs(1)).unwrap() == seen {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "nothing wakes it"
        );
    }
    let claimed = store.receive(&request(1)).unwrap();
    assert_eq!(store.ack(&[claimed[0].receipt.clone()]).unwrap(), [true]);
}

/// From PgBouncer 1.21 on it works where it is told to keep prepared statements.
#[test]
fn transaction_pooling_without_prepared_statements_is_refused_with_what_to_do() {
    let server = server_or_return!();
    let Some(pooler) = Pooler::before(&server, "transaction") else {
        return;
    };
    // Another process has named its statements as we do, and its connection of the pooler's is ours now.
    let statements: Vec<_> = (0..500)
        .map(|number| format!("PREPARE s{number} AS SELECT 1"))
        .collect();
    Client::connect(&pooler.dsn(), NoTls)
        .unwrap()
        .batch_execute(&statements.join(";"))
        .unwrap();
    let refused = adapter::open(&pooler.dsn()).map(drop);
    let words = refused.unwrap_err().to_string();
    assert!(
        words.contains("session pooling") && words.contains("max_prepared_statements"),
        "{words}"
    );
}
