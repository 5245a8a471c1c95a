//! How much may be published in a time: evenly, with so much at once.
//!
//! A [`Throttle`] is one point in time, however many publish: when the next message would come if all came evenly. Who is
//! ahead of it by less than a burst may go on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::port::Timestamp;

/// So many messages in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublishRate {
    /// How many, at least 1.
    pub per_second: u32,
    /// How many at once after a pause, at least 1.
    pub burst: u32,
}

/// What was published lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// When the next message is due if all come evenly, in microseconds since the epoch.
    due_us: i64,
}

/// How many of the messages that somebody wants to publish may be published now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// The first so many.
    pub count: u32,
    /// After so long there is room for the next.
    pub next_in: Duration,
}

impl Throttle {
    /// Lets the first of `wanted` messages pass, as many as may.
    pub fn take(&mut self, rate: PublishRate, wanted: u32, now: Timestamp) -> Granted {
        let interval = 1_000_000 / i64::from(rate.per_second.max(1));
        let interval = interval.max(1);
        let burst = interval.saturating_mul(i64::from(rate.burst.max(1)));
        let now_us = now.as_millis().saturating_mul(1000);
        // A clock that was set back would leave a time that lies too far ahead.
        let due = self.due_us.clamp(now_us, now_us.saturating_add(burst));
        let room = (now_us.saturating_add(burst) - due) / interval;
        let count = u32::try_from(room).unwrap_or(u32::MAX).min(wanted);
        let due = due.saturating_add(interval.saturating_mul(i64::from(count)));
        self.due_us = due;
        // What is ahead of now, and never more than a burst.
        let ahead = due.saturating_sub(now_us);
        let wait = (ahead + interval - burst).max(0);
        Granted {
            count,
            next_in: Duration::from_micros(u64::try_from(wait).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: PublishRate = PublishRate {
        per_second: 10,
        burst: 3,
    };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_763_700_000_000 + millis)
    }

    #[test]
    fn a_burst_passes_at_once_and_the_rest_evenly() {
        let mut throttle = Throttle::default();
        let first = throttle.take(RATE, 5, at(0));
        assert_eq!(
            (first.count, first.next_in),
            (3, Duration::from_millis(100))
        );
        assert_eq!(throttle.take(RATE, 1, at(99)).count, 0);
        assert_eq!(throttle.take(RATE, 2, at(100)).count, 1);
        assert_eq!(throttle.take(RATE, 2, at(350)).count, 2);
        let none = throttle.take(RATE, 1, at(350));
        assert_eq!((none.count, none.next_in), (0, Duration::from_millis(50)));
    }

    #[test]
    fn a_pause_is_worth_a_burst_and_no_more() {
        let mut throttle = Throttle::default();
        throttle.take(RATE, 3, at(0));
        assert_eq!(throttle.take(RATE, 100, at(3_600_000)).count, 3);
    }

    #[test]
    fn in_every_second_no_more_pass_than_the_rate_and_a_burst() {
        let mut throttle = Throttle::default();
        let passed: u32 = (0..1000)
            .map(|ms| throttle.take(RATE, 4, at(ms)).count)
            .sum();
        assert_eq!(passed, 12);
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nobody_up_for_longer_than_a_burst_takes() {
        let mut throttle = Throttle::default();
        throttle.take(RATE, 3, at(3_600_000));
        let granted = throttle.take(RATE, 1, at(0));
        assert_eq!(
            (granted.count, granted.next_in),
            (0, Duration::from_millis(100))
        );
        assert_eq!(throttle.take(RATE, 1, at(100)).count, 1);
    }

    #[test]
    fn rates_of_any_size_are_carried_out() {
        for per_second in [0, 1, 7, u32::MAX] {
            for burst in [0, 1, u32::MAX] {
                let rate = PublishRate { per_second, burst };
                let mut throttle = Throttle::default();
                assert_eq!(throttle.take(rate, 1, at(0)).count, 1);
                throttle.take(rate, u32::MAX, Timestamp::from_millis(i64::MAX));
                throttle.take(rate, u32::MAX, Timestamp::from_millis(i64::MIN));
            }
        }
    }
}
