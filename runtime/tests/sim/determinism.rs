//! Everything follows from the seed.

use ossa_runtime::sim::{Faults, Scenario};

use crate::fixture::{ORDER, compile, sound};

fn order(faults: Faults) -> Scenario {
    Scenario {
        faults,
        keep_log: true,
        ..Scenario::of(compile(ORDER))
    }
}

#[test]
fn the_same_seed_gives_the_same_log_byte_for_byte() {
    let first = sound(order(Faults::all()).simulate(42, 40));
    let second = sound(order(Faults::all()).simulate(42, 40));
    assert_eq!(first.log, second.log);
    assert_eq!(first, second);
}

#[test]
fn another_seed_gives_another_log() {
    let scenario = order(Faults::all());
    assert_ne!(scenario.simulate(1, 1).hash, scenario.simulate(2, 1).hash);
}

#[test]
fn one_run_of_many_is_seen_again_by_its_own_seed() {
    let scenario = order(Faults::all());
    let many = scenario.simulate(100, 3).log;
    let third = scenario.simulate(102, 1).log;
    assert!(third.len() > 5);
    assert!(many.ends_with(&third));
}

#[test]
fn a_log_that_is_not_kept_has_the_same_hash() {
    let kept = order(Faults::all());
    let not_kept = Scenario {
        keep_log: false,
        ..kept.clone()
    };
    assert_eq!(kept.simulate(5, 5).hash, not_kept.simulate(5, 5).hash);
    assert!(not_kept.simulate(5, 5).log.is_empty());
}
