//! What goes wrong in the background: tried again after growing pauses, and told to the host when that is no use.

use std::time::{Duration, Instant};

use crate::error::Error;

/// The pause after a first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Pauses stay below this part of the patience, so that leases are not lost to a pause.
const LONGEST_PAUSE: u32 = 6;

/// What is done in the background, each with failures of its own: that one works again says nothing about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    Write,
    Fetch,
    Beat,
    Tick,
}

/// Duties that fail at present.
#[derive(Debug)]
pub(super) struct Troubles {
    /// Failures that may pass are kept from the host for so long.
    patience: Duration,
    streaks: Vec<Streak>,
}

/// Failures of a duty without a success in between.
#[derive(Debug)]
struct Streak {
    duty: Duty,
    since: Instant,
    pause: Duration,
    untold: Option<Error>,
}

impl Troubles {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            streaks: Vec::new(),
        }
    }

    /// Notes a failure at `now`; returns how long to wait before the next try.
    pub(super) fn failed(&mut self, duty: Duty, error: Error, now: Instant) -> Duration {
        let longest = self.patience / LONGEST_PAUSE;
        let place = self.streaks.iter().position(|streak| streak.duty == duty);
        let mut streak = match place {
            Some(place) => self.streaks.swap_remove(place),
            None => Streak {
                duty,
                since: now,
                pause: FIRST_PAUSE.min(longest),
                untold: None,
            },
        };
        let pause = streak.pause;
        let persists = now.saturating_duration_since(streak.since) >= self.patience;
        if persists || !error.is_retryable() {
            streak.untold = Some(error);
        }
        streak.pause = (pause * 2).min(longest);
        self.streaks.push(streak);
        pause
    }

    /// Notes that it worked: what it met before is of no interest any more.
    pub(super) fn worked(&mut self, duty: Duty) {
        self.streaks.retain(|streak| streak.duty != duty);
    }

    /// Whether it failed the last time.
    pub(super) fn is_in(&self, duty: Duty) -> bool {
        self.streaks.iter().any(|streak| streak.duty == duty)
    }

    /// Whether the host is to be told of something.
    pub(super) fn has_untold(&self) -> bool {
        self.streaks.iter().any(|streak| streak.untold.is_some())
    }

    /// What the host is to be told, once.
    pub(super) fn take(&mut self) -> Option<Error> {
        self.streaks
            .iter_mut()
            .find_map(|streak| streak.untold.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Category, code};

    const PATIENCE: Duration = Duration::from_secs(30);

    fn passing() -> Error {
        lasting().retryable()
    }

    fn lasting() -> Error {
        Error::new(Category::Transport, code::RUN_BUSY, "no")
    }

    #[test]
    fn a_failure_that_may_pass_is_told_when_it_has_gone_on_for_long() {
        let mut troubles = Troubles::new(PATIENCE);
        let start = Instant::now();
        let mut now = start;
        while now < start + PATIENCE {
            now += troubles.failed(Duty::Tick, passing(), now);
            assert_eq!(troubles.take(), None);
        }
        troubles.failed(Duty::Tick, passing(), now);
        assert_eq!(troubles.take(), Some(passing()));
        assert_eq!(troubles.take(), None, "once for each failure");
    }

    #[test]
    fn pauses_grow_up_to_a_bound_and_begin_anew_after_a_success() {
        let mut troubles = Troubles::new(PATIENCE);
        let now = Instant::now();
        let mut pauses =
            || [(); 7].map(|()| troubles.failed(Duty::Beat, passing(), now).as_millis());
        assert_eq!(pauses(), [200, 400, 800, 1600, 3200, 5000, 5000]);
        troubles.worked(Duty::Beat);
        assert_eq!(troubles.failed(Duty::Beat, passing(), now), FIRST_PAUSE);
    }

    #[test]
    fn a_failure_that_will_not_pass_is_told_at_once() {
        let mut troubles = Troubles::new(PATIENCE);
        troubles.failed(Duty::Fetch, lasting(), Instant::now());
        assert_eq!(troubles.take(), Some(lasting()));
    }

    #[test]
    fn a_success_is_about_its_own_duty_only() {
        let mut troubles = Troubles::new(PATIENCE);
        for duty in [Duty::Write, Duty::Fetch, Duty::Beat, Duty::Tick] {
            troubles.failed(duty, lasting(), Instant::now());
        }
        troubles.worked(Duty::Write);
        let told = std::iter::from_fn(|| troubles.take()).count();
        assert_eq!(told, 3);
    }
}
