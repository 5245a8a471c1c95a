//! `ossa breaker` on a real file.

#![cfg(all(feature = "cli", feature = "sqlite"))]
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;
use ossa_runtime::engine::{BreakerKey, Engine, EngineOptions};
use ossa_runtime::run::StepError;
use serde_json::Value;
use tempfile::TempDir;

/// A store in which `crm` failed five times for a tenant.
fn store() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&dsn(&folder), EngineOptions::default()).unwrap();
    let key = BreakerKey {
        name: "crm".to_owned(),
        tenant: Some("acme".to_owned()),
    };
    let down = StepError::new("CRM_DOWN", "no answer");
    for _ in 0..5 {
        engine.note_call(&key, "test", Some(&down)).unwrap();
    }
    folder
}

fn dsn(folder: &TempDir) -> String {
    format!("sqlite://{}/ossa.db", folder.path().display())
}

fn ossa(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("ossa").unwrap();
    command.env("OSSA_STORE", dsn(folder)).arg("breaker");
    let output = command.args(arguments).output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn breakers_are_listed_for_people_and_programs() {
    let store = store();
    let (code, text, _) = ossa(&store, &["list"]);
    let line = text.lines().nth(1).unwrap();
    assert_eq!(code, 0);
    assert!(
        line.starts_with("`crm` for tenant `acme`  open              5  "),
        "{text}"
    );
    assert!(line.ends_with("CRM_DOWN: no answer"), "{text}");
    let (_, json, _) = ossa(&store, &["list", "--format=json"]);
    let view: Value = serde_json::from_str(json.trim()).unwrap();
    let said = |pointer| view.pointer(pointer).and_then(Value::as_str).unwrap();
    assert_eq!(
        (said("/name"), said("/tenant"), said("/state")),
        ("crm", "acme", "open")
    );
}

#[test]
fn a_breaker_is_closed_by_its_name_and_tenant() {
    let store = store();
    let (code, _, told) = ossa(&store, &["reset", "crm"]);
    assert_eq!(
        (code, told.trim()),
        (1, "ossa: the breaker of `crm` saw no failure")
    );
    let (code, _, told) = ossa(&store, &["reset", "crm", "--tenant=acme"]);
    assert_eq!(
        (code, told.trim()),
        (0, "the breaker of `crm` for tenant `acme` is closed")
    );
    assert_eq!(ossa(&store, &["list"]).1.lines().count(), 1);
}
