//! The log of a simulation: what happened when, in the order in which it happened, and its hash.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

use crate::port::Timestamp;

/// Writes lines, hashes each, and keeps them when asked to.
#[derive(Debug)]
pub(super) struct Trace {
    line: String,
    hash: Sha256,
    kept: Option<Vec<String>>,
}

impl Trace {
    pub(super) fn new(keep: bool) -> Self {
        Self {
            line: String::new(),
            hash: Sha256::new(),
            kept: keep.then(Vec::new),
        }
    }

    /// A line: virtual milliseconds, then what happened.
    pub(super) fn note(&mut self, at: Timestamp, what: fmt::Arguments<'_>) {
        self.line.clear();
        // A `String` takes whatever is written to it.
        let _ = writeln!(self.line, "{} {what}", at.as_millis());
        self.hash.update(self.line.as_bytes());
        if let Some(kept) = &mut self.kept {
            kept.push(self.line.trim_end().to_owned());
        }
    }

    /// The hash of all lines, and the lines if they were kept.
    pub(super) fn finish(self) -> ([u8; 32], Vec<String>) {
        (self.hash.finalize().into(), self.kept.unwrap_or_default())
    }
}

/// SHA-256 of the hashes of several logs, in lower-case hexadecimal.
pub(super) fn combined(hashes: impl IntoIterator<Item = [u8; 32]>) -> String {
    let mut all = Sha256::new();
    for hash in hashes {
        all.update(hash);
    }
    let digest = all.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
