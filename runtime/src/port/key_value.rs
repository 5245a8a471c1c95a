//! A small namespaced key-value space with versions and expiry.

use serde_json::Value;

use super::{StoreError, Timestamp};

/// Raised by each write of a key and never the same twice, even after a delete, so that a version held for long cannot
/// match someone else's later entry; 0 stands for "absent".
pub type KvVersion = u64;

/// A stored value.
#[derive(Debug, Clone, PartialEq)]
pub struct KvEntry {
    /// The value.
    pub value: Value,
    /// Its version, at least 1.
    pub version: KvVersion,
    /// When it stops being there; `None` = never.
    pub expires_at: Option<Timestamp>,
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub struct KvWrite {
    /// The namespace.
    pub namespace: String,
    /// The key.
    pub key: String,
    /// The new value, or `None` to delete.
    pub value: Option<Value>,
    /// When it stops being there; `None` = never.
    pub expires_at: Option<Timestamp>,
    /// Write only if the current version is this one (0 = absent); `None` = unconditionally.
    pub expected: Option<KvVersion>,
}

/// A key-value space.
pub trait KeyValue: Send + Sync {
    /// The value, or `None` when absent or expired at `now`.
    fn kv_get(
        &self,
        namespace: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KvEntry>, StoreError>;

    /// Writes; returns the new version (0 after a delete), or `None` when the expected version was not found and
    /// nothing changed. An expired entry (`expires_at <= now`) counts as absent.
    fn kv_write(&self, write: &KvWrite, now: Timestamp) -> Result<Option<KvVersion>, StoreError>;

    /// Keys of the namespace that start with `prefix`, sorted, at most `limit`.
    fn kv_keys(
        &self,
        namespace: &str,
        prefix: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;

    /// Removes what is expired at `now`; returns how many.
    fn kv_prune(&self, now: Timestamp) -> Result<u64, StoreError>;
}
