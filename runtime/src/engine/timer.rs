//! What time brings about: attempts whose time is up, and timers of runs.

use std::collections::HashSet;
use std::time::Duration;

use super::Engine;
use super::claim::timed_out;
use super::core::Core;
use crate::error::Error;
use crate::port::{StepRef, TimerRow};
use crate::run::{Answer, Input, RetryOwner};

/// At most so many are fired in one call.
const BATCH: usize = 64;
/// The longest time between two calls.
const INTERVAL: Duration = Duration::from_secs(1);

/// Due things that could not be fired, so that the same few do not keep all others waiting: of a run that is damaged, or
/// that another process is just firing.
#[derive(Debug, Default)]
pub(super) struct Stuck {
    steps: HashSet<StepRef>,
    timers: HashSet<(crate::port::TimerKey, u64)>,
}

impl Engine {
    /// Fires what is due: attempts whose time is up, deadlines of runs. Cheap when nothing is. Returns how long to wait
    /// before the next call, at most a second; zero when there is more to do.
    ///
    /// A [`Consumer`](super::Consumer) calls it by itself.
    ///
    /// # Errors
    /// What the store fails with. A damaged run does not keep others from being served.
    pub fn tick(&self) -> Result<Duration, Error> {
        self.core().tick()
    }
}

impl Core {
    pub(super) fn tick(&self) -> Result<Duration, Error> {
        let more_attempts = self.time_out()?;
        let more_timers = self.fire()?;
        Ok(if more_attempts || more_timers {
            Duration::ZERO
        } else {
            INTERVAL
        })
    }

    /// Ends attempts whose time is up; returns whether there may be more.
    fn time_out(&self) -> Result<bool, Error> {
        let known = self.stuck.lock().steps.len();
        let overdue = self.backend()?.overdue(self.now(), BATCH + known)?;
        let steps: Vec<_> = overdue
            .iter()
            .filter_map(|delivery| delivery.step.map(|item| item.step))
            .collect();
        let due = {
            let mut stuck = self.stuck.lock();
            stuck.steps.retain(|step| steps.contains(step));
            steps
                .into_iter()
                .filter(|step| !stuck.steps.contains(step))
                .collect::<Vec<_>>()
        };
        let inputs = due.iter().map(|step| {
            let input = Input::Failed {
                step: *step,
                error: timed_out(),
                retry_owner: RetryOwner::Engine,
            };
            (step.run, input)
        });
        let answers = self.change_many(inputs.collect());
        let mut fired = 0;
        for (step, answer) in due.iter().zip(answers) {
            match answer {
                Ok(changed) if matches!(changed.answer, Answer::Recorded { .. }) => {
                    self.claims.remove(step);
                    fired += 1;
                }
                Err(error) if error.is_retryable() => return Err(error),
                Ok(_) | Err(_) => drop(self.stuck.lock().steps.insert(*step)),
            }
        }
        Ok(fired >= BATCH)
    }

    /// Fires due timers; returns whether there may be more.
    fn fire(&self) -> Result<bool, Error> {
        let known = self.stuck.lock().timers.len();
        let rows = self.backend()?.due_timers(self.now(), BATCH + known)?;
        let due = {
            let mut stuck = self.stuck.lock();
            let keys: HashSet<_> = rows.iter().map(name).collect();
            stuck.timers.retain(|timer| keys.contains(timer));
            rows.into_iter()
                .filter(|row| !stuck.timers.contains(&name(row)))
                .collect::<Vec<_>>()
        };
        let inputs = due.iter().map(|row| {
            let input = Input::TimerFired {
                name: row.key.name.clone(),
                generation: row.generation,
            };
            (row.key.run, input)
        });
        let answers = self.change_many(inputs.collect());
        let mut fired = 0;
        for (row, answer) in due.iter().zip(answers) {
            match answer {
                Ok(changed) if matches!(changed.answer, Answer::Applied { .. }) => fired += 1,
                Err(error) if error.is_retryable() => return Err(error),
                Ok(_) | Err(_) => drop(self.stuck.lock().timers.insert(name(row))),
            }
        }
        Ok(fired >= BATCH)
    }
}

fn name(row: &TimerRow) -> (crate::port::TimerKey, u64) {
    (row.key.clone(), row.generation)
}
