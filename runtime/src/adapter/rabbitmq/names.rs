//! What things are called at the broker.
//!
//! A queue `mails` is there as `mails` for normal messages and as `mails/critical`, `mails/high` and `mails/low` for the
//! others; messages that are not due wait in `mails/delay/1000` and the like. A `/` cannot be in the name of a queue of
//! ours, so none of these collides with another queue.

use crate::port::Priority;

/// How long the queues for messages that are not due hold them, in milliseconds. A message waits in the longest that is
/// not too long, and again for what is left: a bounded set of queues for whatever delays.
pub(super) const DELAYS: [u32; 16] = [
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    30_000,
    60_000,
    300_000,
    900_000,
    3_600_000,
    10_800_000,
    43_200_000,
    86_400_000,
    604_800_000,
];

/// The queue at the broker of one priority.
pub(super) fn part(prefix: &str, queue: &str, priority: Priority) -> String {
    match priority {
        Priority::Normal => format!("{prefix}{queue}"),
        other => format!("{prefix}{queue}/{}", other.as_str()),
    }
}

/// The queue, and the exchange in front of it, in which messages of `queue` wait for so many milliseconds.
pub(super) fn delay(prefix: &str, queue: &str, millis: u32) -> String {
    format!("{prefix}{queue}/delay/{millis}")
}

/// The longest of [`DELAYS`] that a message still has to wait; `None` when it is due.
pub(super) fn next_delay(remaining: i64) -> Option<u32> {
    let [shortest, ..] = DELAYS;
    if remaining <= 0 {
        return None;
    }
    let fitting = DELAYS
        .iter()
        .rev()
        .find(|delay| i64::from(**delay) <= remaining);
    Some(*fitting.unwrap_or(&shortest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_priority_has_a_queue_of_its_own() {
        let names = Priority::ALL.map(|it| part("app.", "mails", it));
        let expected = [
            "app.mails/critical",
            "app.mails/high",
            "app.mails",
            "app.mails/low",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_message_never_comes_early_and_hardly_late_whatever_its_delay() {
        for delay in (0..2_000).chain((2_000..100_000_000).step_by(999_983)) {
            let mut remaining = delay;
            let mut hops = 0;
            while let Some(step) = next_delay(remaining) {
                remaining -= i64::from(step);
                hops += 1;
            }
            assert!((-99..=0).contains(&remaining), "{delay}: {remaining}");
            assert!(hops < 24, "{delay}: {hops}");
        }
    }
}
