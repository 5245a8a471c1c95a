//! Encrypted connections.

/// Names the implementation of ciphers, unless the process has named one.
pub(super) fn prepare() {
    drop(rustls::crypto::ring::default_provider().install_default());
}
