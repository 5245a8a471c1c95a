//! A model of what a backend promises: compare-and-swap on runs, a log with snapshots, step items under leases, timers,
//! and a difference between what is written and what is on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::port::{LogRow, RunId, Snapshot, StepRef, TimerKey, TimerRow, Timestamp, Version};

/// One transition to make durable.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The run.
    pub run: RunId,
    /// Version the run must have; `None` creates the run.
    pub expected: Option<Version>,
    /// The log row.
    pub row: LogRow,
    /// State to keep for recovery, when it is time for one.
    pub snapshot: Option<Snapshot>,
    /// Attempts whose items are removed; done before `enqueue`.
    pub settle: Vec<StepRef>,
    /// Attempts to put into the queue.
    pub enqueue: Vec<NewItem>,
    /// Attempts whose items become visible at another time, unless a worker holds them; done after `enqueue`.
    pub reschedule: Vec<(StepRef, Timestamp)>,
    /// Timers to remove; done before `set_timers`.
    pub clear_timers: Vec<TimerKey>,
    /// Timers to set or replace.
    pub set_timers: Vec<TimerRow>,
}

/// An attempt to put into the queue.
#[derive(Debug, Clone, Copy)]
pub struct NewItem {
    /// The attempt.
    pub step: StepRef,
    /// Not visible before.
    pub visible_at: Timestamp,
    /// Bound on the attempt once claimed.
    pub timeout: Duration,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is written; durable after the next sync.
    Written,
    /// The run has another version; nothing was written.
    Conflict {
        /// The version found; `None` when the run does not exist.
        found: Option<Version>,
    },
}

/// What recovery reads of a run.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The run's version.
    pub version: Version,
    /// The latest snapshot.
    pub snapshot: Option<Snapshot>,
    /// The rows after it.
    pub tail: Vec<LogRow>,
}

/// A claim of a step item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) step: StepRef,
    /// Which claim of the item it is.
    pub(super) fence: u64,
    /// When the attempt's time is up.
    pub(super) deadline: Timestamp,
    pub(super) timeout: Duration,
    /// How many claims of the item ended because their lease ran out.
    pub(super) losses: u32,
}

/// Answer to a claim of one step item.
pub(super) enum Claimed {
    Yes(Claim),
    Held { until: Timestamp },
    Gone,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    timeout: Duration,
    visible_at: Timestamp,
    fence: u64,
    claimed: bool,
    deadline: Option<Timestamp>,
    losses: u32,
}

#[derive(Debug, Default)]
struct Run {
    log: Vec<LogRow>,
    snapshot: Option<Snapshot>,
}

/// What a power cut takes back, latest first.
#[derive(Debug)]
enum Undo {
    Row(RunId),
    Snapshot(RunId, Option<Snapshot>),
    Item(StepRef, Option<Item>),
    Timer(TimerKey, Option<TimerRow>),
}

/// The model of a store and its queue.
#[derive(Debug, Default)]
pub struct ModelStore {
    runs: BTreeMap<RunId, Run>,
    items: BTreeMap<StepRef, Item>,
    timers: BTreeMap<TimerKey, TimerRow>,
    /// Items in the order in which they become visible.
    visible: BTreeSet<(Timestamp, StepRef)>,
    /// Claimed items in the order in which their time is up.
    deadlines: BTreeSet<(Timestamp, StepRef)>,
    /// Timers in the order in which they are due.
    due: BTreeSet<(Timestamp, TimerKey)>,
    /// What was written since the last sync.
    unsynced: Vec<Undo>,
}

impl ModelStore {
    /// Writes a transition if the run has the version it expects.
    pub fn commit(&mut self, commit: Commit) -> Committed {
        let run = commit.run;
        let now = commit.row.at;
        let found = self.version(run);
        if found != commit.expected {
            return Committed::Conflict { found };
        }
        let stored = self.runs.entry(run).or_default();
        stored.log.push(commit.row);
        self.unsynced.push(Undo::Row(run));
        if let Some(snapshot) = commit.snapshot {
            let old = stored.snapshot.replace(snapshot);
            self.unsynced.push(Undo::Snapshot(run, old));
        }
        for step in commit.settle {
            self.put_item(step, None);
        }
        for new in commit.enqueue {
            let item = Item {
                timeout: new.timeout,
                visible_at: new.visible_at,
                fence: 0,
                claimed: false,
                deadline: None,
                losses: 0,
            };
            self.put_item(new.step, Some(item));
        }
        for (step, at) in commit.reschedule {
            self.reschedule(step, at, now);
        }
        for key in commit.clear_timers {
            self.put_timer(key, None);
        }
        for timer in commit.set_timers {
            self.put_timer(timer.key.clone(), Some(timer));
        }
        Committed::Written
    }

    /// What recovery reads of a run; `None` when there is no such run.
    #[must_use]
    pub fn load(&self, run: RunId) -> Option<Stored> {
        let stored = self.runs.get(&run)?;
        let snapshot = stored.snapshot.clone();
        let after = snapshot.as_ref().map_or(Version(0), |it| it.version);
        let skipped = usize::try_from(after.0).unwrap_or(usize::MAX);
        Some(Stored {
            version: self.version(run)?,
            snapshot,
            tail: stored.log.iter().skip(skipped).cloned().collect(),
        })
    }

    /// The version of a run; `None` when there is no such run.
    #[must_use]
    pub fn version(&self, run: RunId) -> Option<Version> {
        let latest = self.runs.get(&run)?.log.last()?;
        Some(latest.version)
    }

    /// The log row that made this version.
    pub(super) fn row(&self, run: RunId, version: Version) -> Option<&LogRow> {
        let position = usize::try_from(version.0.checked_sub(1)?).ok()?;
        self.runs.get(&run)?.log.get(position)
    }

    /// All that was written becomes durable.
    pub fn sync(&mut self) {
        self.unsynced.clear();
    }

    /// All that was written since the last sync is gone.
    pub fn cut_power(&mut self) {
        while let Some(undo) = self.unsynced.pop() {
            match undo {
                Undo::Row(run) => {
                    if let Some(stored) = self.runs.get_mut(&run) {
                        stored.log.pop();
                        if stored.log.is_empty() {
                            self.runs.remove(&run);
                        }
                    }
                }
                Undo::Snapshot(run, old) => {
                    if let Some(stored) = self.runs.get_mut(&run) {
                        stored.snapshot = old;
                    }
                }
                Undo::Item(step, old) => drop(self.exchange_item(step, old)),
                Undo::Timer(key, old) => drop(self.exchange_timer(key, old)),
            }
        }
    }

    /// The first item that may be claimed at `now`.
    pub(super) fn first_visible(&self, now: Timestamp) -> Option<StepRef> {
        let (at, step) = self.visible.first()?;
        (*at <= now).then_some(*step)
    }

    /// Claims the item of an attempt if nobody holds it, visible or not yet.
    pub(super) fn claim(&mut self, step: StepRef, now: Timestamp, lease: Duration) -> Claimed {
        let Some(mut item) = self.items.get(&step).copied() else {
            return Claimed::Gone;
        };
        if item.visible_at == Timestamp::NEVER || (item.claimed && item.visible_at > now) {
            let until = item.visible_at;
            return Claimed::Held { until };
        }
        item.losses += u32::from(item.claimed);
        item.claimed = true;
        item.fence += 1;
        item.visible_at = now.after(lease);
        let deadline = *item.deadline.get_or_insert(now.after(item.timeout));
        self.put_item(step, Some(item));
        Claimed::Yes(Claim {
            step,
            fence: item.fence,
            deadline,
            timeout: item.timeout,
            losses: item.losses,
        })
    }

    /// Has an item become visible at another time, unless a worker holds it.
    fn reschedule(&mut self, step: StepRef, at: Timestamp, now: Timestamp) {
        if let Some(mut item) = self.items.get(&step).copied()
            && (!item.claimed || item.visible_at <= now)
        {
            item.losses += u32::from(item.claimed);
            item.claimed = false;
            item.fence += 1;
            item.visible_at = at;
            item.deadline = None;
            self.put_item(step, Some(item));
        }
    }

    /// Makes a claimed item nobody's: visible at this time, its attempt not begun.
    pub(super) fn release(&mut self, step: StepRef, at: Timestamp) {
        if let Some(mut item) = self.items.get(&step).copied() {
            item.claimed = false;
            item.visible_at = at;
            item.deadline = None;
            self.put_item(step, Some(item));
        }
    }

    /// Takes an item for another transport: nobody's, visible again at `until`.
    pub(super) fn postpone(&mut self, step: StepRef, until: Timestamp) {
        if let Some(mut item) = self.items.get(&step).copied() {
            item.losses += u32::from(item.claimed);
            item.claimed = false;
            item.visible_at = until;
            self.put_item(step, Some(item));
        }
    }

    /// Prolongs a claim; `false` when it is no longer this one's.
    pub(super) fn extend(&mut self, step: StepRef, fence: u64, until: Timestamp) -> bool {
        match self.items.get(&step).copied() {
            Some(mut item) if item.claimed && item.fence == fence => {
                item.visible_at = until;
                self.put_item(step, Some(item));
                true
            }
            _ => false,
        }
    }

    /// Whether another worker has claimed the attempt since this claim.
    pub(super) fn was_reclaimed(&self, step: StepRef, fence: u64) -> bool {
        self.items.get(&step).is_some_and(|item| item.fence > fence)
    }

    /// An attempt whose time is up.
    pub(super) fn overdue(&self, now: Timestamp) -> Option<StepRef> {
        let (deadline, step) = self.deadlines.first()?;
        (*deadline <= now).then_some(*step)
    }

    /// The timer that has been due for longest.
    pub(super) fn due_timer(&self, now: Timestamp) -> Option<&TimerRow> {
        let (due, key) = self.due.first()?;
        self.timers.get(key).filter(|_| *due <= now)
    }

    /// When something is to be done next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let visible = self.visible.first().map(|(at, _)| *at);
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let timer = self.due.first().map(|(at, _)| *at);
        let next = [visible, deadline, timer].into_iter().flatten().min();
        next.filter(|at| *at < Timestamp::NEVER)
    }

    /// The attempts of a run that have an item, in order.
    pub(super) fn items_of(&self, run: RunId) -> impl Iterator<Item = StepRef> {
        let bound = |number| StepRef {
            run,
            scope: number,
            node: number,
            attempt: number,
        };
        let items = self.items.range(bound(0)..=bound(u32::MAX));
        items.map(|(step, _)| *step)
    }

    /// The timers of a run.
    pub(super) fn timers_of(&self, run: RunId) -> impl Iterator<Item = &TimerRow> {
        let first = TimerKey {
            run,
            name: String::new(),
        };
        let timers = self.timers.range(first..);
        timers
            .map(|(_, timer)| timer)
            .take_while(move |timer| timer.key.run == run)
    }

    fn put_item(&mut self, step: StepRef, item: Option<Item>) {
        let old = self.exchange_item(step, item);
        self.unsynced.push(Undo::Item(step, old));
    }

    fn exchange_item(&mut self, step: StepRef, item: Option<Item>) -> Option<Item> {
        let old = match item {
            Some(item) => {
                let old = self.items.insert(step, item);
                self.visible.insert((item.visible_at, step));
                if let Some(deadline) = item.deadline {
                    self.deadlines.insert((deadline, step));
                }
                old
            }
            None => self.items.remove(&step),
        };
        if let Some(old) = old {
            if item.is_none_or(|item| item.visible_at != old.visible_at) {
                self.visible.remove(&(old.visible_at, step));
            }
            if let Some(deadline) = old.deadline
                && item.is_none_or(|item| item.deadline != old.deadline)
            {
                self.deadlines.remove(&(deadline, step));
            }
        }
        old
    }

    fn put_timer(&mut self, key: TimerKey, timer: Option<TimerRow>) {
        let old = self.exchange_timer(key.clone(), timer);
        self.unsynced.push(Undo::Timer(key, old));
    }

    fn exchange_timer(&mut self, key: TimerKey, timer: Option<TimerRow>) -> Option<TimerRow> {
        let old = self.timers.remove(&key);
        if let Some(old) = &old {
            self.due.remove(&(old.due, key.clone()));
        }
        if let Some(timer) = timer {
            self.due.insert((timer.due, key.clone()));
            self.timers.insert(key, timer);
        }
        old
    }
}

/// What stands between the simulated engines and the model of their store. A test puts a defect there.
pub trait StoreAccess {
    /// Writes a transition.
    fn commit(&mut self, store: &mut ModelStore, commit: Commit) -> Committed {
        store.commit(commit)
    }

    /// Reads a run.
    fn load(&mut self, store: &ModelStore, run: RunId) -> Option<Stored> {
        store.load(run)
    }
}

/// A store without a defect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sound;

impl StoreAccess for Sound {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use uuid::Uuid;

    use super::*;

    const RUN: RunId = RunId::from_uuid(Uuid::from_u128(1));
    const STEP: StepRef = StepRef {
        run: RUN,
        scope: 0,
        node: 3,
        attempt: 1,
    };
    const LEASE: Duration = Duration::from_secs(30);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn commit(expected: Option<Version>, version: u64) -> Commit {
        Commit {
            run: RUN,
            expected,
            row: LogRow {
                version: Version(version),
                at: at(0),
                events: "[]".to_owned(),
            },
            snapshot: None,
            settle: Vec::new(),
            enqueue: Vec::new(),
            reschedule: Vec::new(),
            clear_timers: Vec::new(),
            set_timers: Vec::new(),
        }
    }

    fn with_an_item() -> ModelStore {
        let mut store = ModelStore::default();
        let mut first = commit(None, 1);
        first.enqueue.push(NewItem {
            step: STEP,
            visible_at: at(0),
            timeout: Duration::from_secs(60),
        });
        assert_eq!(store.commit(first), Committed::Written);
        store.sync();
        store
    }

    #[test]
    fn a_commit_on_another_version_changes_nothing() {
        let mut store = with_an_item();
        let found = Some(Version(1));
        assert_eq!(store.commit(commit(None, 1)), Committed::Conflict { found });
        assert_eq!(
            store.commit(commit(Some(Version(2)), 3)),
            Committed::Conflict { found }
        );
        assert_eq!(store.load(RUN).unwrap().tail.len(), 1);
    }

    #[test]
    fn an_item_is_one_workers_until_its_lease_runs_out() {
        let mut store = with_an_item();
        let Claimed::Yes(first) = store.claim(STEP, at(0), LEASE) else {
            panic!("it is free");
        };
        assert!(matches!(
            store.claim(STEP, at(29_999), LEASE),
            Claimed::Held { .. }
        ));
        assert_eq!(store.first_visible(at(30_000)), Some(STEP));
        let Claimed::Yes(second) = store.claim(STEP, at(30_000), LEASE) else {
            panic!("the lease has run out");
        };
        assert_eq!((second.fence, second.losses), (2, 1));
        assert_eq!(
            second.deadline, first.deadline,
            "the attempt's time goes on"
        );
        assert!(
            !store.extend(STEP, first.fence, at(99_000)),
            "the claim is lost"
        );
        assert_eq!(store.overdue(first.deadline), Some(STEP));
    }

    #[test]
    fn a_power_cut_takes_back_what_was_not_synced() {
        let mut store = with_an_item();
        let mut second = commit(Some(Version(1)), 2);
        second.settle.push(STEP);
        let key = TimerKey {
            run: RUN,
            name: "deadline".to_owned(),
        };
        second.set_timers.push(TimerRow {
            key,
            generation: 1,
            due: at(5),
        });
        store.claim(STEP, at(0), LEASE);
        assert_eq!(store.commit(second), Committed::Written);
        assert_eq!(store.items_of(RUN).count(), 0);
        assert_eq!(store.timers_of(RUN).count(), 1);
        store.cut_power();
        assert_eq!(store.version(RUN), Some(Version(1)));
        assert_eq!(store.timers_of(RUN).count(), 0);
        assert_eq!(store.next_due(), Some(at(0)), "the claim is gone, too");
        assert_eq!(store.first_visible(at(0)), Some(STEP));
    }
}
