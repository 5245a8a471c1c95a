//! `ossa doctor` on real files.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use ossa_runtime::engine::{Engine, EngineOptions, OutgoingMessage};
use ossa_runtime::port::Priority;
use std::time::Duration;
use tempfile::TempDir;

const GREET: &str = "apiVersion: ossa/v0.3.0
kind: Task
metadata: {name: greet}
spec: {execution: {type: idempotent}, capabilities: [greet]}
";

struct Installation(TempDir);

impl Installation {
    fn new() -> Self {
        let installation = Self(tempfile::tempdir().unwrap());
        fs::create_dir(installation.manifests()).unwrap();
        fs::write(installation.manifests().join("greet.yaml"), GREET).unwrap();
        installation.engine().count("default").unwrap();
        installation
    }

    fn manifests(&self) -> std::path::PathBuf {
        self.0.path().join("manifests")
    }

    fn engine(&self) -> Engine {
        Engine::open(&dsn(self.0.path()), EngineOptions::default()).unwrap()
    }

    fn examined(&self, code: i32) -> String {
        let output = doctor()
            .args(["--store", &dsn(self.0.path()), "--manifests"])
            .arg(self.manifests())
            .assert()
            .code(code);
        String::from_utf8(output.get_output().stdout.clone()).unwrap()
    }
}

fn doctor() -> Command {
    let mut command = Command::cargo_bin("ossa").unwrap();
    command.env_remove("OSSA_STORE").arg("doctor");
    command
}

fn dsn(folder: &Path) -> String {
    format!("sqlite://{}/ossa.db", folder.display())
}

#[test]
fn a_sound_installation_is_fine_and_nothing_is_left_in_its_store() {
    let installation = Installation::new();

    let told = installation.examined(0);

    assert!(
        told.contains("fine     store      it can be read and written"),
        "{told}"
    );
    assert!(told.contains("fine     manifests  1, all valid"), "{told}");
    let kept = installation
        .engine()
        .kv_keys("ossa.doctor", "", 10)
        .unwrap();
    assert!(kept.is_empty(), "{kept:?}");
}

#[test]
fn a_wrong_manifest_is_broken_and_told_with_its_place() {
    let installation = Installation::new();
    fs::write(
        installation.manifests().join("bad.yaml"),
        "apiVersion: ossa/v0.3.0\nkind: Task\n",
    )
    .unwrap();

    let told = installation.examined(2);

    assert!(told.contains("broken   manifests"), "{told}");
    assert!(told.contains("bad.yaml:"), "{told}");
}

#[test]
fn dead_letters_are_a_warning() {
    let installation = Installation::new();
    let dead = OutgoingMessage {
        queue: "default.dead".to_owned(),
        priority: Priority::Normal,
        delay: Duration::ZERO,
        body: Vec::new(),
        headers: Vec::new(),
    };
    installation.engine().send(vec![dead]).unwrap();

    let told = installation.examined(1);

    assert!(told.contains("`default.dead` holds 1 messages"), "{told}");
}

#[test]
fn a_store_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();

    doctor()
        .args(["--store", &dsn(folder.path())])
        .assert()
        .code(2);

    assert!(!folder.path().join("ossa.db").exists());
}
