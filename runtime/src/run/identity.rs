//! Numbers that look random and are the same whenever they are computed again.

use uuid::Uuid;

use super::state::Place;
use crate::port::{RunId, StepRef};

/// The run that is the child of an attempt: the same whoever starts it, however often.
#[must_use]
pub fn child_run(attempt: &StepRef) -> RunId {
    let StepRef {
        run,
        scope,
        node,
        attempt,
    } = attempt;
    let name = format!("child/{scope}/{node}/{attempt}");
    RunId::from_uuid(Uuid::new_v5(run.as_uuid(), name.as_bytes()))
}

/// Where the delay after this attempt lies within its jitter, 0–1: spreads the retries of many runs, repeats exactly.
pub(super) fn sample(run: RunId, place: Place, attempt: u32) -> f64 {
    let hash = crc32c::crc32c(run.as_uuid().as_bytes());
    let hash = crc32c::crc32c_append(hash, &place.scope.0.to_le_bytes());
    let hash = crc32c::crc32c_append(hash, &place.node.0.to_le_bytes());
    let hash = crc32c::crc32c_append(hash, &attempt.to_le_bytes());
    f64::from(hash) / f64::from(u32::MAX)
}
