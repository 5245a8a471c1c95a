//! Which places of a claim go to the messages visible for longest, so that what is urgent starves nobody for ever.

use std::sync::atomic::{AtomicUsize, Ordering};

/// One place of so many. A flood of urgent messages keeps most of a worker's time, and the oldest of the others is never
/// more than so many messages away.
const EVERY: usize = 16;

/// The places an engine has asked for.
#[derive(Debug, Default)]
pub(super) struct Turns(AtomicUsize);

impl Turns {
    /// How many of the next `max` places go to the eldest.
    pub(super) fn eldest_of(&self, max: usize) -> usize {
        let before = self.0.fetch_add(max, Ordering::Relaxed) % EVERY;
        before.saturating_add(max) / EVERY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_of_sixteen_goes_to_the_eldest_whatever_the_size_of_the_claims() {
        let turns = Turns::default();
        let single: Vec<_> = (0..32).map(|_| turns.eldest_of(1)).collect();
        let places: Vec<_> = (0..32).map(|it| usize::from(it % 16 == 15)).collect();
        assert_eq!(single, places);
        assert_eq!(
            [10, 10, 10, 2].map(|max| turns.eldest_of(max)),
            [0, 1, 0, 1]
        );
        assert_eq!(turns.eldest_of(100), 6);
    }
}
