//! Certificates for servers of tests.

use std::path::Path;
use std::process::Command;

/// Puts a certificate for `localhost` that vouches for itself into `server.crt`, and its key into `server.key`; `false` where `openssl` is not installed.
pub(crate) fn certify(folder: &Path) -> bool {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .arg("-keyout")
        .arg(folder.join("server.key"))
        .arg("-out")
        .arg(folder.join("server.crt"))
        .output();
    made.is_ok_and(|it| it.status.success())
}
