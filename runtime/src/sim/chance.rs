//! Chance from a seed: the only source of it in a simulation.

use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

use super::fault::{Fault, Faults};

/// A generator whose numbers follow from its seed alone, and the count of the faults it drew.
#[derive(Debug)]
pub(super) struct Chance {
    generator: Xoshiro256PlusPlus,
    faults: Faults,
    counts: FaultCounts,
}

/// How often each fault happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultCounts {
    counts: [u64; Fault::ALL.len()],
}

impl FaultCounts {
    /// How often this fault happened.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u64 {
        self.counts.get(fault.index()).copied().unwrap_or(0)
    }

    /// How many faults happened.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    fn note(&mut self, fault: Fault) {
        if let Some(count) = self.counts.get_mut(fault.index()) {
            *count += 1;
        }
    }
}

impl Chance {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        Self {
            generator: Xoshiro256PlusPlus::seed_from_u64(seed),
            faults,
            counts: FaultCounts::default(),
        }
    }

    pub(super) const fn counts(&self) -> &FaultCounts {
        &self.counts
    }

    /// Whether the fault happens now; counted when it does.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        let strikes = self.one_in(self.faults.chance(fault.kind()));
        if strikes {
            self.counts.note(fault);
        }
        strikes
    }

    /// Notes a fault that was decided otherwise than by [`strikes`](Self::strikes).
    pub(super) fn note(&mut self, fault: Fault) {
        self.counts.note(fault);
    }

    /// True with this probability.
    pub(super) fn one_in(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.generator.random::<f64>() < probability
    }

    /// A number from 0 up to `count`, exclusive; 0 for an empty range.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.generator.random_range(0..count.max(1))
    }

    /// A number of these bounds, both inclusive.
    pub(super) fn between(&mut self, least: i64, most: i64) -> i64 {
        self.generator.random_range(least..=most.max(least))
    }

    /// A real number of these bounds.
    pub(super) fn real(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.generator.random::<f64>()
    }

    /// A duration between these, in whole milliseconds.
    pub(super) fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.generator.random_range(least..=most.max(least)))
    }

    /// One of them; `None` when there is none.
    pub(super) fn pick<'t, T>(&mut self, choices: &'t [T]) -> Option<&'t T> {
        choices.get(self.below(choices.len()))
    }
}
