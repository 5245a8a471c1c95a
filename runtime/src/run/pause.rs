//! Holding a run: nothing is dispatched until the hold is lifted.
//!
//! The items of attempts that no worker has claimed are taken out of sight in the same transaction, so an acknowledged
//! hold is not overtaken by a worker that reaches into the queue. What a worker holds may finish, and its result counts.

use super::event::Event;
use super::machine::Machine;
use super::state::{Hold, Phase};
use super::transition::Rejection;
use crate::port::Timestamp;

impl Machine<'_> {
    pub(super) fn pause(&mut self, by: String, reason: String) -> Result<(), Rejection> {
        self.may_hold("paused", self.state.paused())?;
        self.hold(Event::RunPaused { by, reason })
    }

    pub(super) fn quarantine(&mut self, by: String, reason: String) -> Result<(), Rejection> {
        self.may_hold("quarantined", self.state.quarantined())?;
        self.hold(Event::RunQuarantined { by, reason })
    }

    pub(super) fn resume(&mut self, by: String, reason: String) -> Result<(), Rejection> {
        if self.state.paused().is_none() {
            let remark = self.state.quarantined().map(ordered_by);
            return Err(self.not_steerable("resumed", remark.unwrap_or_default()));
        }
        self.record(Event::RunResumed { by, reason })?;
        self.go_on()
    }

    pub(super) fn release(&mut self, by: String, reason: String) -> Result<(), Rejection> {
        if self.state.quarantined().is_none() {
            let remark = self.state.paused().map(ordered_by);
            return Err(self.not_steerable("released", remark.unwrap_or_default()));
        }
        self.record(Event::RunReleased { by, reason })?;
        self.go_on()
    }

    fn may_hold(&self, order: &'static str, held: Option<&Hold>) -> Result<(), Rejection> {
        if let Some(hold) = held {
            return Err(self.not_steerable(order, ordered_by(hold)));
        }
        if self.status().is_terminal() {
            return Err(self.not_steerable(order, String::new()));
        }
        Ok(())
    }

    fn hold(&mut self, event: Event) -> Result<(), Rejection> {
        self.record(event)?;
        self.reschedule_items(|_| Timestamp::NEVER);
        Ok(())
    }

    /// Brings back what a hold took out of sight, unless there is another.
    pub(super) fn go_on(&mut self) -> Result<(), Rejection> {
        if self.state.is_held() {
            return Ok(());
        }
        let now = self.now;
        self.reschedule_items(|phase| match phase {
            Phase::Retrying { due } => due.max(now),
            _ => now,
        });
        self.advance()
    }

    fn reschedule_items(&mut self, at: impl Fn(Phase) -> Timestamp) {
        let in_flight = self
            .state
            .steps()
            .filter(|(_, step)| step.phase.is_in_flight());
        let items: Vec<_> = in_flight
            .map(|(place, step)| (place, step.attempt, at(step.phase)))
            .collect();
        for (place, attempt, at) in items {
            self.reschedule(place, attempt, at);
        }
    }
}

fn ordered_by(hold: &Hold) -> String {
    match (hold.by.as_str(), hold.reason.as_str()) {
        ("", "") => format!("since {}", hold.at),
        (by, "") => format!("by {by} since {}", hold.at),
        ("", reason) => format!("since {}: {reason}", hold.at),
        (by, reason) => format!("by {by} since {}: {reason}", hold.at),
    }
}
