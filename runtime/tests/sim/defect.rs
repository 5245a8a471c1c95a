//! A simulator that finds nothing may be blind: each of these defects of a store must be found.

use ossa_runtime::port::RunId;
use ossa_runtime::sim::{
    Breach, Commit, Committed, Faults, ModelStore, Scenario, StoreAccess, Stored,
};

use crate::fixture::{ORDER, compile};

/// What the store does wrong with its seventh commit, or with every read.
#[derive(Clone, Copy, PartialEq)]
enum Defect {
    ForgetsACommit,
    LosesAStepItem,
    KeepsASettledItem,
    TearsARow,
    LosesATimer,
    ReadsAnOldVersion,
    OverwritesANewerVersion,
}

struct Defective {
    defect: Defect,
    commits: u32,
}

impl StoreAccess for Defective {
    fn commit(&mut self, store: &mut ModelStore, mut commit: Commit) -> Committed {
        self.commits += 1;
        if self.defect == Defect::OverwritesANewerVersion {
            commit.expected = store.version(commit.run);
        }
        if self.commits == 3 {
            match self.defect {
                Defect::ForgetsACommit => return Committed::Written,
                Defect::LosesAStepItem => commit.enqueue.clear(),
                Defect::KeepsASettledItem => commit.settle.clear(),
                Defect::TearsARow => commit.row.events.truncate(20),
                _ => {}
            }
        }
        if self.defect == Defect::LosesATimer {
            commit.set_timers.clear();
        }
        store.commit(commit)
    }

    fn load(&mut self, store: &ModelStore, run: RunId) -> Option<Stored> {
        let mut stored = store.load(run)?;
        if self.defect == Defect::ReadsAnOldVersion && stored.tail.len() > 1 {
            stored.tail.pop();
            stored.version.0 -= 1;
        }
        Some(stored)
    }
}

fn found(defect: Defect) -> Vec<Breach> {
    let scenario = Scenario {
        faults: Faults::infrastructure(),
        ..Scenario::of(compile(ORDER))
    };
    let report = scenario.simulate_on(1, 60, || Defective { defect, commits: 0 });
    assert!(!report.is_sound());
    report.breaches
}

#[test]
fn a_store_that_forgets_a_commit_is_found() {
    let breaches = found(Defect::ForgetsACommit);
    assert!(
        breaches[0].what.contains("the store does not have it"),
        "{breaches:#?}"
    );
}

#[test]
fn a_store_that_loses_or_keeps_a_step_item_is_found() {
    for defect in [Defect::LosesAStepItem, Defect::KeepsASettledItem] {
        let breaches = found(defect);
        assert!(
            breaches[0].what.contains("items in the queue differ"),
            "{breaches:#?}"
        );
    }
}

#[test]
fn a_store_that_tears_a_row_is_found() {
    let breaches = found(Defect::TearsARow);
    assert!(
        breaches[0].what.contains("the store has another row"),
        "{breaches:#?}"
    );
}

#[test]
fn a_store_that_loses_a_timer_is_found() {
    let breaches = found(Defect::LosesATimer);
    assert!(
        breaches[0].what.contains("no timer for it"),
        "{breaches:#?}"
    );
}

#[test]
fn a_store_that_reads_an_old_version_or_lets_it_overwrite_a_newer_one_is_found() {
    found(Defect::ReadsAnOldVersion);
    found(Defect::OverwritesANewerVersion);
}

#[test]
fn the_seed_of_a_breach_shows_it_again() {
    let defect = Defect::TearsARow;
    let breach = found(defect).remove(0);
    let scenario = Scenario {
        faults: Faults::infrastructure(),
        ..Scenario::of(compile(ORDER))
    };
    let again = scenario.simulate_on(breach.seed, 1, || Defective { defect, commits: 0 });
    assert_eq!(again.breaches, [breach]);
}
