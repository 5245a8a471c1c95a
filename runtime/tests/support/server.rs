//! Throw-away servers for tests, started by `scripts/server` and gone with the value, even when the test is killed.
//!
//! `TestServer::start("redis")` is `None` where the server is not installed: the test then says so and is over. With
//! `OSSA_REQUIRE_SERVERS=1` in the environment it fails instead.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Exit code of `scripts/server` when the server is not installed.
const NOT_INSTALLED: i32 = 69;

/// A running server of this test alone.
pub(crate) struct TestServer {
    name: &'static str,
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    process: Child,
    /// How a client reaches it, with user and password.
    pub(crate) dsn: String,
    /// On 127.0.0.1; kept over a restart.
    pub(crate) port: u16,
    pid: u32,
}

impl TestServer {
    /// Starts `redis`, `redis-cluster`, `postgresql`, `rabbitmq` or `mariadb` with an empty data folder.
    pub(crate) fn start(name: &'static str) -> Option<Self> {
        Self::start_with(name, &[])
    }

    /// The same with arguments for the server.
    pub(crate) fn start_with(name: &'static str, arguments: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        match launch(name, folder.path(), None, &arguments) {
            Ok((process, started)) => Some(Self {
                name,
                folder,
                arguments,
                process,
                dsn: started.dsn,
                port: started.port,
                pid: started.pid,
            }),
            Err(Some(NOT_INSTALLED)) if std::env::var_os("OSSA_REQUIRE_SERVERS").is_none() => {
                let test = std::thread::current().name().unwrap_or("test").to_owned();
                println!("skipped: {test} because {name} is not installed");
                None
            }
            Err(code) => panic!("{name} did not start (exit code {code:?})"),
        }
    }

    /// Kills the server as a power cut would: no chance to finish anything. `restart` brings it back.
    pub(crate) fn kill(&mut self) {
        let status = Command::new("kill")
            .args(["-9", &self.pid.to_string()])
            .status()
            .unwrap();
        assert!(status.success());
        self.process.wait().unwrap();
    }

    /// Where it keeps its data.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The environment it runs in, for its own tools to find it.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let environment = std::fs::read_to_string(format!("/proc/{}/environ", self.pid)).unwrap();
        environment
            .split('\0')
            .filter_map(|variable| variable.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Has it stand still (`STOP`), or go on (`CONT`).
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.pid.to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Starts it again on the same port with the data it had.
    pub(crate) fn restart(&mut self) {
        let (process, started) = launch(
            self.name,
            self.folder.path(),
            Some(self.port),
            &self.arguments,
        )
        .unwrap_or_else(|code| panic!("{} did not restart ({code:?})", self.name));
        self.process = process;
        self.pid = started.pid;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

#[derive(serde::Deserialize)]
struct Started {
    dsn: String,
    port: u16,
    pid: u32,
}

fn launch(
    name: &str,
    folder: &Path,
    port: Option<u16>,
    arguments: &[String],
) -> Result<(Child, Started), Option<i32>> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scripts/server");
    let mut command = Command::new(script);
    command.arg(name).arg("--dir").arg(folder);
    if let Some(port) = port {
        command.arg("--port").arg(port.to_string());
    }
    let mut process = command
        .arg("--")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    match serde_json::from_str(&line) {
        Ok(started) => Ok((process, started)),
        Err(_) => Err(process.wait().unwrap().code()),
    }
}
