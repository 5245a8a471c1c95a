//! How much to prefetch: as much as the host handles in a moment, so that fast handlers never wait for the store and slow
//! ones do not sit on messages that another worker could run.

use std::time::{Duration, Instant};

/// Prefetched messages wait about this long at most, while handlers keep their pace.
const MOMENT: Duration = Duration::from_millis(25);

#[derive(Debug)]
pub(super) struct Window {
    limit: usize,
    /// Time the host takes for a message, smoothed; `None` before the first one.
    pace: Option<Duration>,
    handed: Option<(Instant, u32)>,
}

impl Window {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            pace: None,
            handed: None,
        }
    }

    /// The host got `count` messages at `now`.
    pub(super) fn handed_out(&mut self, count: usize, now: Instant) {
        self.handed = u32::try_from(count).ok().map(|count| (now, count.max(1)));
    }

    /// The host asks for more at `now`: it is done with what it got.
    pub(super) fn returned(&mut self, now: Instant) {
        if let Some((at, count)) = self.handed.take() {
            let sample = now.saturating_duration_since(at) / count;
            self.pace = Some(smoothed(self.pace, sample));
        }
    }

    /// How long the host takes for a message; `None` before the first one.
    pub(super) const fn pace(&self) -> Option<Duration> {
        self.pace
    }

    /// Since when the host has been busy with what it got.
    pub(super) fn busy_since(&self) -> Option<Instant> {
        self.handed.map(|(at, _)| at)
    }

    /// How many messages to have at hand: 1 = fetch only on demand.
    pub(super) fn target(&self) -> usize {
        let Some(pace) = self.pace else { return 1 };
        let fits = MOMENT.as_nanos() / pace.as_nanos().max(1);
        usize::try_from(fits)
            .unwrap_or(usize::MAX)
            .clamp(1, self.limit)
    }
}

/// What a thing takes usually, given what it took before and what it took now.
pub(super) fn smoothed(before: Option<Duration>, sample: Duration) -> Duration {
    before.map_or(sample, |before| (before * 3 + sample) / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_messages_of(handling: Duration) -> Window {
        let mut window = Window::new(100);
        let mut now = Instant::now();
        for _ in 0..20 {
            window.handed_out(1, now);
            now += handling;
            window.returned(now);
        }
        window
    }

    #[test]
    fn the_first_message_is_fetched_alone() {
        assert_eq!(Window::new(100).target(), 1);
    }

    #[test]
    fn fast_handlers_get_as_much_as_is_allowed() {
        assert_eq!(after_messages_of(Duration::from_micros(20)).target(), 100);
        assert_eq!(after_messages_of(Duration::ZERO).target(), 100);
    }

    #[test]
    fn handlers_of_a_millisecond_get_what_fits_into_a_moment() {
        assert_eq!(after_messages_of(Duration::from_millis(1)).target(), 25);
    }

    #[test]
    fn slow_handlers_fetch_only_what_they_start() {
        assert_eq!(after_messages_of(Duration::from_millis(30)).target(), 1);
    }

    #[test]
    fn handlers_that_become_slow_stop_prefetching_after_a_few_messages() {
        let mut window = after_messages_of(Duration::from_micros(20));
        let mut now = Instant::now();
        for _ in 0..4 {
            window.handed_out(1, now);
            now += Duration::from_millis(200);
            window.returned(now);
        }
        assert_eq!(window.target(), 1);
    }

    #[test]
    fn a_batch_counts_as_many_messages() {
        let mut window = Window::new(100);
        let now = Instant::now();
        window.handed_out(10, now);
        window.returned(now + Duration::from_millis(10));
        assert_eq!(window.target(), 25);
    }
}
