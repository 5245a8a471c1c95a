//! The ways of step items: from the queue to a worker, on the way over a transport of the host, or given up.

use std::time::Duration;

use super::engine::{Outcome, Process};
use super::fault::Fault;
use super::store::{Claim, Claimed, StoreAccess};
use super::worker::{LEASE, Named, place_of};
use super::world::{Happening, Transport, World};
use crate::port::{RunId, StepRef, Timestamp};
use crate::run::{Answer, Errand, Input, Phase, RetryOwner, RunState, StepError};

/// When an item comes again that was handed to another transport.
const DISPATCH_DEADLINE: Duration = Duration::from_secs(300);
/// An attempt that lost so many workers fails.
const MAX_LOSSES: u32 = 5;
/// How much earlier than due the host may bring a retry.
const EARLY: Duration = Duration::from_secs(1);
/// How long the item of a held run that came back is put off.
const HELD_BACK: Duration = Duration::from_secs(60);

impl<A: StoreAccess> World<'_, A> {
    /// A process does all that is due by its clock.
    pub(super) fn wake_up(&mut self, process: Process) {
        let now = self.clock(process);
        while !self.is_broken() {
            let carried_out = if let Some(step) = self.store.overdue(now) {
                self.give_up(process, step, timed_out())
            } else if let Some(timer) = self.store.due_timer(now) {
                let run = timer.key.run;
                match Errand::of(run, &timer.key.name, timer.generation) {
                    Some(errand) => self.run_errand(process, run, errand),
                    None => {
                        let input = Input::TimerFired {
                            name: timer.key.name.clone(),
                            generation: timer.generation,
                        };
                        self.fire(process, run, input)
                    }
                }
            } else if let Some(step) = self.store.first_visible(now) {
                self.hand_out(process, step);
                true
            } else {
                return;
            };
            if !carried_out {
                // The process died on it; another one goes on.
                return;
            }
        }
    }

    fn fire(&mut self, process: Process, run: RunId, input: Input) -> bool {
        match self.change(process, run, input) {
            Outcome::Unanswered => false,
            Outcome::Answered(Answer::Applied { .. } | Answer::Recorded { .. }) => true,
            other => {
                self.broken(format!("a due timer leads to nothing: {other:?}"));
                false
            }
        }
    }

    /// The engine ends an attempt by itself.
    fn give_up(&mut self, process: Process, step: StepRef, error: StepError) -> bool {
        let input = Input::Failed {
            step,
            error,
            retry_owner: RetryOwner::Engine,
        };
        match self.change(process, step.run, input) {
            Outcome::Unanswered => false,
            Outcome::Answered(Answer::Recorded { .. }) => true,
            other => {
                self.broken(format!(
                    "{} has an item and cannot be ended: {other:?}",
                    Named(&step)
                ));
                false
            }
        }
    }

    /// Gives a visible item to a worker, or to the other transport.
    fn hand_out(&mut self, process: Process, step: StepRef) {
        let now = self.clock(process);
        match self.transport {
            Transport::Native => {
                if let Claimed::Yes(claim) = self.store.claim(step, now, LEASE) {
                    self.admit(process, claim);
                }
            }
            Transport::Relayed => {
                self.store.postpone(step, now.after(DISPATCH_DEADLINE));
                self.publish(step, Duration::ZERO);
            }
        }
    }

    /// The transport of the host takes a message.
    pub(super) fn publish(&mut self, step: StepRef, delay: Duration) {
        let mut copies = 1;
        if self.chance.strikes(Fault::DuplicateDelivery) {
            copies += 1;
        }
        for _ in 0..copies {
            if self.chance.strikes(Fault::LostMessage) {
                self.note(format_args!(
                    "{}: {}",
                    Fault::LostMessage.as_str(),
                    Named(&step)
                ));
                continue;
            }
            let after = delay + self.latency();
            self.plan(after, Happening::Deliver(step));
        }
    }

    /// A worker got a message and claims the attempt it names, or the one that follows it.
    pub(super) fn deliver(&mut self, step: StepRef) {
        let process = self.process_for(step.run);
        let now = self.clock(process);
        let mut step = step;
        loop {
            match self.store.claim(step, now, LEASE) {
                Claimed::Yes(claim) => return self.admit(process, claim),
                // The end of the hold brings the item back.
                Claimed::Held { until } if until == Timestamp::NEVER => return,
                Claimed::Held { until } => {
                    let after = until.since(now);
                    return self.plan(after, Happening::Deliver(step));
                }
                Claimed::Gone => match self.attempt_after(&step, now) {
                    Some((_, due)) if due > now.after(EARLY) => {
                        return self.plan(due.since(now), Happening::Deliver(step));
                    }
                    Some((next, _)) => step = next,
                    None => return,
                },
            }
        }
    }

    /// The attempt that waits in place of a failed one, when the host redelivers the failed one's message.
    fn attempt_after(&self, step: &StepRef, now: Timestamp) -> Option<(StepRef, Timestamp)> {
        if self.retry_owner != RetryOwner::Host {
            return None;
        }
        let place = place_of(step);
        let state = self.ledgers.get(&step.run)?.shadow.as_ref()?.step(place)?;
        let due = match state.phase {
            Phase::Retrying { due } => due,
            Phase::Running => now,
            _ => return None,
        };
        (state.attempt > step.attempt).then(|| (place.attempt(step.run, state.attempt), due))
    }

    /// Lets a claimed attempt be run, puts it off, or ends it when it must not be run.
    fn admit(&mut self, process: Process, claim: Claim) {
        let now = self.clock(process);
        if self.is_held_back(&claim) {
            if claim.fence == 1 {
                self.broken(format!(
                    "{} is handed out of a held run",
                    Named(&claim.step)
                ));
            }
            self.store.release(claim.step, now.after(HELD_BACK));
        } else if claim.losses >= MAX_LOSSES {
            let message = format!("{} workers were lost while running it", claim.losses);
            self.give_up(process, claim.step, StepError::new("WORKER_LOST", message));
        } else if claim.deadline <= now {
            self.give_up(process, claim.step, timed_out());
        } else {
            self.execute(process, claim);
        }
    }

    /// Whether the run is held, and nobody had this attempt executed in spite of it.
    fn is_held_back(&self, claim: &Claim) -> bool {
        let ledger = self.ledgers.get(&claim.step.run);
        let state = ledger.and_then(|ledger| ledger.shadow.as_ref());
        let executed = |state: &RunState| {
            let step = state.step(place_of(&claim.step));
            step.is_some_and(|step| step.executed)
        };
        state.is_some_and(|state| state.is_held() && !executed(state))
    }
}

fn timed_out() -> StepError {
    StepError::new("TIMEOUT", "the attempt did not report a result in time")
}
