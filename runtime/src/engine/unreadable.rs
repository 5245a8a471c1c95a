//! Runs that stay unreadable: damaged in the store, or pinned to a plan that this build cannot read.

use super::core::Core;
use crate::error::{Category, Error, code};
use crate::port::{Commit, Delivery, LogRow, RunId, RunStatus, Timestamp};
use crate::run::Event;

/// Who orders a quarantine that nobody ordered.
const BY: &str = "engine";

/// Whether it says that a run cannot be read.
pub(super) fn is_unreadable(error: &Error) -> bool {
    matches!(
        error.code(),
        "OSSA-S005" | code::PLAN_UNREADABLE | code::RUN_UNREADABLE | "OSSA-R008"
    )
}

impl Core {
    /// Puts a run in quarantine for being unreadable, as an operator could. It takes a log row, and no state: once the run
    /// can be read again, that row is a part of its history like any other, and a release has it go on.
    pub(super) fn quarantine_unreadable(&self, run: RunId, error: &Error) -> Result<(), Error> {
        let backend = self.backend()?;
        let Some(mut head) = backend.heads(&[run])?.pop().flatten() else {
            return Ok(());
        };
        if head.status == RunStatus::Quarantined || head.status.is_terminal() {
            return Ok(());
        }
        let now = self.now();
        let expected = head.version;
        let reason = format!("{}: {}", error.code(), error.message());
        let event = Event::RunQuarantined {
            by: BY.to_owned(),
            reason: reason.clone(),
        };
        let events = serde_json::to_string(&[event]).map_err(|error| {
            Error::new(Category::Engine, code::RUN_UNREADABLE, error.to_string()).of_run(run)
        })?;
        head.version = expected.next();
        head.status = RunStatus::Quarantined;
        head.error = Some(reason);
        head.updated_at = now;
        let version = head.version;
        let at = now;
        self.states.remove(&run);
        // Should the run have changed meanwhile, somebody can read it.
        backend.commit(&[Commit {
            expected: Some(expected),
            head,
            log: LogRow {
                version,
                at,
                events,
            },
            snapshot: None,
            enqueue: Vec::new(),
            settle: Vec::new(),
            reschedule: Vec::new(),
            set_timers: Vec::new(),
            clear_timers: Vec::new(),
            publish: Vec::new(),
        }])?;
        Ok(())
    }

    /// Puts the run of a delivery in quarantine, and the delivery out of sight until the run is released.
    pub(super) fn set_aside(
        &self,
        delivery: &Delivery,
        run: RunId,
        error: &Error,
    ) -> Result<(), Error> {
        self.quarantine_unreadable(run, error)?;
        let release = (delivery.receipt.clone(), Timestamp::NEVER);
        self.backend()?.release(&[release], self.now())?;
        Ok(())
    }
}
