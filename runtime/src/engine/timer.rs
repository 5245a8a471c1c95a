//! What time brings about: attempts whose time is up, and timers of runs.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;

use super::Engine;
use super::claim::timed_out;
use super::core::Core;
use super::errand::Errands;
use super::unreadable::is_unreadable;
use crate::error::Error;
use crate::port::{RunId, StepRef, TimerKey, Timestamp};
use crate::run::{Answer, Errand, Input, RetryOwner};

/// At most so many are fired in one call.
const BATCH: usize = 64;
/// The longest time between two calls.
const INTERVAL: Duration = Duration::from_secs(1);
/// What could not be fired is left alone for so long.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// A run that cannot be read so many times is put in quarantine.
const TRIES: u32 = 3;

/// Due things that could not be fired, so that the same few do not keep all others waiting: of a run that is damaged, or
/// that another process is just firing.
#[derive(Debug)]
pub(super) struct Stuck<K>(Mutex<HashMap<K, Again>>);

/// When something stuck is tried again, and how often it was before.
#[derive(Debug, Clone, Copy)]
struct Again {
    at: Timestamp,
    tries: u32,
}

/// A setting of a timer.
pub(super) type Setting = (TimerKey, u64);

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
        if !self.has_store() {
            self.pass_on_in_background()?;
            return Ok(INTERVAL);
        }
        // One after the other, whatever becomes of the first.
        let more_attempts = self.time_out();
        let more_timers = self.fire_timers();
        let more_messages = self.start_delivered();
        let more_commands = self.time_out_commands();
        Ok(
            if more_attempts? || more_timers? || more_messages? || more_commands? {
                Duration::ZERO
            } else {
                INTERVAL
            },
        )
    }

    /// Ends attempts whose time is up; returns whether there may be more.
    fn time_out(&self) -> Result<bool, Error> {
        let limit = BATCH + self.stuck_steps.len();
        let overdue = self.backend()?.overdue(self.now(), limit)?;
        let steps = overdue
            .iter()
            .filter_map(|delivery| delivery.step.map(|item| item.step));
        let steps = self.stuck_steps.leave_out(steps.collect(), self.now());
        for item in &overdue {
            if let Some(guarded) = self.guarded_item(item)
                && item.step.is_some_and(|item| steps.contains(&item.step))
            {
                self.note_attempt(&guarded, Some(&timed_out()));
            }
        }
        self.fire(&self.stuck_steps, steps)
    }

    /// Fires due timers; returns whether there may be more.
    fn fire_timers(&self) -> Result<bool, Error> {
        let limit = BATCH + self.stuck_timers.len();
        let rows = self.backend()?.due_timers(self.now(), limit)?;
        let settings = rows.into_iter().map(|row| (row.key, row.generation));
        let settings = self.stuck_timers.leave_out(settings.collect(), self.now());
        let errand = |(key, generation): &Setting| Errand::of(key.run, &key.name, *generation);
        let (errands, timers): (Vec<_>, Vec<_>) = settings
            .into_iter()
            .partition(|setting| errand(setting).is_some());
        // One after the other, whatever becomes of the first.
        let more_timers = self.fire(&self.stuck_timers, timers);
        let more_errands = self.fire_errands(errands);
        Ok(more_timers? || more_errands?)
    }

    /// Carries out errands that were left; returns whether there may be more.
    fn fire_errands(&self, due: Vec<Setting>) -> Result<bool, Error> {
        let now = self.now();
        let stuck = &self.stuck_timers;
        let mut fired = 0;
        let mut failure = None;
        let mut more = Errands::new();
        for setting in due {
            let (key, generation) = &setting;
            let run = key.run;
            let Some(errand) = Errand::of(run, &key.name, *generation) else {
                continue;
            };
            match self.run_errand(run, errand, &mut more) {
                Ok(true) => fired += 1,
                Err(error) if error.is_retryable() => failure = Some(error),
                // Of another run that cannot be read, that run's own timers tell.
                Err(error) if is_unreadable(&error) && error.run() == Some(run) => {
                    if stuck.put(setting, now.after(AGAIN_AFTER)) >= TRIES {
                        self.quarantine_unreadable(run, &error)?;
                    }
                }
                Ok(false) | Err(_) => {
                    stuck.put(setting, now.after(AGAIN_AFTER));
                }
            }
        }
        self.carry_out(more);
        failure.map_or(Ok(fired >= BATCH), Err)
    }

    /// Fires what is due, all of it in one commit, and what that fails for one by one: one that cannot be written must
    /// not keep the others from being so.
    fn fire<K: Due>(&self, stuck: &Stuck<K>, due: Vec<K>) -> Result<bool, Error> {
        let now = self.now();
        let answers = self.change_many(due.iter().map(Due::input).collect());
        let alone = due.len() == 1;
        let mut fired = 0;
        let mut failure = None;
        for (due, mut answer) in due.into_iter().zip(answers) {
            if !alone && answer.as_ref().is_err_and(|error| !error.is_retryable()) {
                let (run, input) = due.input();
                answer = self.change(run, input);
            }
            match answer {
                Ok(changed) if due.is_done_by(changed.answer) => {
                    due.forget(self);
                    fired += 1;
                }
                Err(error) if error.is_retryable() => failure = Some(error),
                Err(error) if is_unreadable(&error) => {
                    let (run, _) = due.input();
                    if stuck.put(due, now.after(AGAIN_AFTER)) >= TRIES {
                        self.quarantine_unreadable(run, &error)?;
                    }
                }
                Ok(_) | Err(_) => {
                    stuck.put(due, now.after(AGAIN_AFTER));
                }
            }
        }
        failure.map_or(Ok(fired >= BATCH), Err)
    }
}

impl<K: Eq + Hash> Stuck<K> {
    fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Of what is due, what is to be fired now. What is no longer due is forgotten.
    fn leave_out(&self, due: Vec<K>, now: Timestamp) -> Vec<K> {
        let mut stuck = self.0.lock();
        let named: HashSet<_> = due.iter().collect();
        stuck.retain(|key, _| named.contains(key));
        due.into_iter()
            .filter(|key| stuck.get(key).is_none_or(|again| again.at <= now))
            .collect()
    }

    /// Returns how often it was tried.
    fn put(&self, key: K, at: Timestamp) -> u32 {
        let mut stuck = self.0.lock();
        let again = stuck.entry(key).or_insert(Again { at, tries: 0 });
        again.at = at;
        again.tries = again.tries.saturating_add(1);
        again.tries
    }
}

impl<K> Default for Stuck<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// Something that is due.
trait Due: Eq + Hash {
    fn input(&self) -> (RunId, Input);
    fn is_done_by(&self, answer: Answer) -> bool;
    fn forget(&self, _: &Core) {}
}

impl Due for StepRef {
    fn input(&self) -> (RunId, Input) {
        let input = Input::Failed {
            step: *self,
            error: timed_out(),
            retry_owner: RetryOwner::Engine,
        };
        (self.run, input)
    }

    fn is_done_by(&self, answer: Answer) -> bool {
        matches!(answer, Answer::Recorded { .. })
    }

    fn forget(&self, core: &Core) {
        core.claims.remove(self);
    }
}

impl Due for Setting {
    fn input(&self) -> (RunId, Input) {
        let (key, generation) = self;
        let input = Input::TimerFired {
            name: key.name.clone(),
            generation: *generation,
        };
        (key.run, input)
    }

    fn is_done_by(&self, answer: Answer) -> bool {
        matches!(answer, Answer::Applied { .. })
    }
}
