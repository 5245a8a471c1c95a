//! The key-value space.

use std::sync::Arc;

use serde_json::{Value, json};

use super::fixture::at;
use super::{Case, cases};
use crate::port::{Backend, KvEntry, KvVersion, KvWrite, StoreError, Timestamp};

pub(super) const CASES: &[Case<dyn Backend>] = cases![
    a_key_that_was_never_written_is_absent,
    any_json_value_is_kept,
    each_write_raises_the_version,
    a_write_with_another_version_changes_nothing,
    a_write_that_expects_absence_creates_once,
    a_deleted_key_is_absent,
    a_delete_can_expect_a_version,
    an_expired_key_is_absent,
    an_expired_key_can_be_created_again,
    a_version_held_from_before_a_delete_matches_nothing,
    keys_are_listed_sorted_by_prefix,
    namespaces_are_apart,
    pruning_removes_what_is_expired,
];

/// An unconditional write without expiry.
pub(super) fn write(key: &str, value: Value) -> KvWrite {
    KvWrite {
        namespace: "ns".to_owned(),
        key: key.to_owned(),
        value: Some(value),
        expires_at: None,
        expected: None,
    }
}

fn expecting(expected: KvVersion, write: KvWrite) -> KvWrite {
    KvWrite {
        expected: Some(expected),
        ..write
    }
}

fn deleting(key: &str) -> KvWrite {
    KvWrite {
        value: None,
        ..write(key, Value::Null)
    }
}

fn expiring(at: Timestamp, write: KvWrite) -> KvWrite {
    KvWrite {
        expires_at: Some(at),
        ..write
    }
}

/// Writes and gives the new version; the write must be accepted.
fn put(backend: &Arc<dyn Backend>, write: &KvWrite) -> Result<KvVersion, StoreError> {
    match backend.kv_write(write, at(0))? {
        Some(version) => Ok(version),
        None => panic!("refused: {write:?}"),
    }
}

fn value(
    backend: &Arc<dyn Backend>,
    key: &str,
    now: Timestamp,
) -> Result<Option<Value>, StoreError> {
    Ok(backend.kv_get("ns", key, now)?.map(|entry| entry.value))
}

fn a_key_that_was_never_written_is_absent(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    assert_eq!(backend.kv_get("ns", "k", at(0))?, None);
    assert_eq!(backend.kv_keys("ns", "", at(0), 9)?, [""; 0]);
    Ok(())
}

fn any_json_value_is_kept(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let values = [
        Value::Null,
        json!(true),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.1),
        json!(""),
        json!("ünïcode \u{0} \" \\ \u{1f980}"),
        json!([]),
        json!({"z": [1, {"a": null}], "a": {}}),
    ];
    for value in values {
        let version = put(backend, &write("k", value.clone()))?;
        let expected = KvEntry {
            value,
            version,
            expires_at: None,
        };
        assert_eq!(backend.kv_get("ns", "k", at(0))?, Some(expected));
    }
    Ok(())
}

fn each_write_raises_the_version(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let one = put(backend, &write("k", json!(1)))?;
    assert!(one >= 1);
    let two = put(backend, &write("k", json!(2)))?;
    let three = put(backend, &expecting(two, write("k", json!(3))))?;
    assert!(one < two && two < three, "{one} {two} {three}");
    let Some(entry) = backend.kv_get("ns", "k", at(0))? else {
        panic!("the key is gone")
    };
    assert_eq!((entry.value, entry.version), (json!(3), three));
    Ok(())
}

fn a_write_with_another_version_changes_nothing(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let version = put(backend, &write("k", json!("kept")))?;
    for wrong in [0, version + 1, u64::MAX] {
        let refused = expecting(wrong, write("k", json!("no")));
        assert_eq!(backend.kv_write(&refused, at(0))?, None);
        assert_eq!(
            backend.kv_write(&expecting(wrong, deleting("k")), at(0))?,
            None
        );
    }
    assert_eq!(value(backend, "k", at(0))?, Some(json!("kept")));
    let refused = expecting(version, write("absent", json!("no")));
    assert_eq!(backend.kv_write(&refused, at(0))?, None);
    assert_eq!(value(backend, "absent", at(0))?, None);
    Ok(())
}

fn a_write_that_expects_absence_creates_once(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    put(backend, &expecting(0, write("k", json!("first"))))?;
    let second = expecting(0, write("k", json!("second")));
    assert_eq!(backend.kv_write(&second, at(0))?, None);
    assert_eq!(value(backend, "k", at(0))?, Some(json!("first")));
    Ok(())
}

fn a_deleted_key_is_absent(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    put(backend, &write("k", json!(1)))?;
    assert_eq!(backend.kv_write(&deleting("k"), at(0))?, Some(0));
    assert_eq!(value(backend, "k", at(0))?, None);
    assert_eq!(
        backend.kv_write(&deleting("k"), at(0))?,
        Some(0),
        "deleting what is absent is fine"
    );
    Ok(())
}

fn a_delete_can_expect_a_version(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let version = put(backend, &write("k", json!(1)))?;
    let delete = expecting(version, deleting("k"));
    assert_eq!(backend.kv_write(&delete, at(0))?, Some(0));
    assert_eq!(backend.kv_write(&delete, at(0))?, None);
    Ok(())
}

fn an_expired_key_is_absent(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    put(backend, &expiring(at(10), write("k", json!(1))))?;
    let Some(entry) = backend.kv_get("ns", "k", at(9))? else {
        panic!("it is there until it expires")
    };
    assert_eq!(entry.expires_at, Some(at(10)));
    assert_eq!(value(backend, "k", at(10))?, None);
    assert_eq!(backend.kv_keys("ns", "", at(10), 9)?, [""; 0]);
    put(backend, &write("k", json!(2)))?;
    assert_eq!(
        value(backend, "k", at(10))?,
        Some(json!(2)),
        "a later write without expiry stays"
    );
    Ok(())
}

fn an_expired_key_can_be_created_again(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let old = put(backend, &expiring(at(10), write("lock", json!("a"))))?;
    let other = expecting(0, expiring(at(99), write("lock", json!("b"))));
    assert_eq!(backend.kv_write(&other, at(9))?, None);
    let stale = expecting(old, write("lock", json!("a")));
    assert_eq!(backend.kv_write(&stale, at(10))?, None);
    assert!(backend.kv_write(&other, at(10))?.is_some());
    assert_eq!(value(backend, "lock", at(10))?, Some(json!("b")));
    Ok(())
}

fn a_version_held_from_before_a_delete_matches_nothing(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let old = put(backend, &expiring(at(10), write("lock", json!("a"))))?;
    assert_eq!(backend.kv_prune(at(10))?, 1);
    put(backend, &expecting(0, write("lock", json!("b"))))?;
    let stale = expecting(old, deleting("lock"));
    assert_eq!(backend.kv_write(&stale, at(11))?, None);
    backend.kv_write(&deleting("lock"), at(11))?;
    put(backend, &expecting(0, write("lock", json!("c"))))?;
    assert_eq!(backend.kv_write(&stale, at(11))?, None);
    assert_eq!(value(backend, "lock", at(11))?, Some(json!("c")));
    Ok(())
}

fn keys_are_listed_sorted_by_prefix(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    for key in ["b", "a/2", "a/10", "a%", "a_", "a", "A/1", "é", "a/é"] {
        put(backend, &write(key, json!(key)))?;
    }
    let keys = |prefix, limit| backend.kv_keys("ns", prefix, at(0), limit);
    assert_eq!(
        keys("", 99)?,
        ["A/1", "a", "a%", "a/10", "a/2", "a/é", "a_", "b", "é"]
    );
    assert_eq!(keys("a/", 99)?, ["a/10", "a/2", "a/é"]);
    assert_eq!(keys("a/", 2)?, ["a/10", "a/2"]);
    assert_eq!(keys("a%", 99)?, ["a%"]);
    assert_eq!(keys("a_", 99)?, ["a_"]);
    assert_eq!(keys("é", 99)?, ["é"]);
    assert_eq!(keys("zz", 99)?, [""; 0]);
    Ok(())
}

fn namespaces_are_apart(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    put(backend, &write("k", json!(1)))?;
    let elsewhere = KvWrite {
        namespace: "ns2".to_owned(),
        ..expecting(0, write("k", json!(2)))
    };
    put(backend, &elsewhere)?;
    assert_eq!(value(backend, "k", at(0))?, Some(json!(1)));
    assert_eq!(backend.kv_keys("ns2", "", at(0), 9)?, ["k"]);
    assert_eq!(backend.kv_get("", "k", at(0))?, None);
    Ok(())
}

fn pruning_removes_what_is_expired(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    put(backend, &write("stays", json!(1)))?;
    put(backend, &expiring(at(10), write("goes", json!(1))))?;
    put(backend, &expiring(at(11), write("goes later", json!(1))))?;
    assert_eq!(backend.kv_prune(at(9))?, 0);
    assert_eq!(backend.kv_prune(at(10))?, 1);
    assert_eq!(
        backend.kv_keys("ns", "", at(0), 9)?,
        ["goes later", "stays"]
    );
    Ok(())
}
