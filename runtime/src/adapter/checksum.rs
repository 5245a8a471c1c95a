//! How a damaged log row or snapshot is noticed.

use crate::port::{LogRow, RunId, Snapshot, Version};

pub(crate) fn log_checksum(run: &RunId, row: &LogRow) -> u32 {
    let checksum = version_checksum(run, row.version);
    let checksum = crc32c::crc32c_append(checksum, &row.at.as_millis().to_le_bytes());
    crc32c::crc32c_append(checksum, row.events.as_bytes())
}

pub(crate) fn snapshot_checksum(run: &RunId, snapshot: &Snapshot) -> u32 {
    let checksum = version_checksum(run, snapshot.version);
    crc32c::crc32c_append(checksum, snapshot.state.as_bytes())
}

/// The run is part of the sum, so a row that turns up under another run is noticed too.
fn version_checksum(run: &RunId, version: Version) -> u32 {
    let checksum = crc32c::crc32c(run.as_uuid().as_bytes());
    crc32c::crc32c_append(checksum, &version.0.to_le_bytes())
}
