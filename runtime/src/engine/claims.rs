//! The attempts this process holds: what they are, and how long their leases still last.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::StepClaim;
use crate::port::{Receipt, StepRef, Timestamp};

/// A held attempt.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) claim: Arc<StepClaim>,
    pub(super) receipt: Receipt,
    pub(super) lease_until: Timestamp,
    /// A heartbeat found that someone else has claimed it since.
    pub(super) lost: bool,
}

/// All held attempts of an engine.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<HashMap<StepRef, Held>>);

/// A held attempt whose lease is to be prolonged.
pub(super) struct Beat {
    pub(super) step: StepRef,
    pub(super) receipt: Receipt,
}

impl Claims {
    pub(super) fn insert(&self, step: StepRef, held: Held) {
        self.0.lock().insert(step, held);
    }

    pub(super) fn get(&self, step: &StepRef) -> Option<Held> {
        self.0.lock().get(step).cloned()
    }

    pub(super) fn remove(&self, step: &StepRef) -> Option<Held> {
        self.0.lock().remove(step)
    }

    /// What to prolong at `now`: all that has less than two thirds of `lease` left. Attempts whose time is up are
    /// forgotten instead: whatever becomes of them is decided by their timeout, not by this process.
    pub(super) fn due(&self, now: Timestamp, lease: Duration) -> Vec<Beat> {
        let mut held = self.0.lock();
        held.retain(|_, held| held.claim.deadline > now);
        held.iter()
            .filter(|(_, held)| !held.lost && held.lease_until.since(now) < lease * 2 / 3)
            .map(|(step, held)| Beat {
                step: *step,
                receipt: held.receipt.clone(),
            })
            .collect()
    }

    /// Notes the answer to a heartbeat, unless the attempt was claimed anew meanwhile.
    pub(super) fn note(&self, step: &StepRef, receipt: &Receipt, kept: bool, until: Timestamp) {
        if let Some(held) = self.0.lock().get_mut(step)
            && held.receipt == *receipt
        {
            held.lost = !kept;
            if kept {
                held.lease_until = until;
            }
        }
    }
}
