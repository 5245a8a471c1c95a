//! Concurrency groups: which runs of a group go on, and which wait for a slot.
//!
//! A [`Group`] is a cache of what the runs themselves say, and the order in which they came. It is brought in line with
//! one run at a time ([`Group::note`]), and may be lost: every run that belongs to it is noted again.

use serde::{Deserialize, Serialize};

use crate::port::{RunId, Timestamp};

/// The runs of a group that have not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Those that have a slot, in the order in which they got it.
    pub holders: Vec<Member>,
    /// Those that wait for one, oldest first.
    pub waiting: Vec<Member>,
}

/// A run in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The run.
    pub run: RunId,
    /// When it was created.
    pub at: Timestamp,
    /// How many runs may go on at once, its own workflow says.
    pub limit: u32,
    /// It does not wait for older runs: they are to end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub supersedes: bool,
}

/// What a run says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits for a slot.
    Waiting,
    /// It goes on, or is held on its way.
    Holding,
    /// It has ended, or is gone.
    Ended,
}

impl Member {
    const fn age(&self) -> (Timestamp, RunId) {
        (self.at, self.run)
    }
}

impl Group {
    /// Brings the group in line with what a run says of itself, then gives free slots to those that have waited longest.
    /// A run that goes on without a slot takes one beyond the limit.
    pub fn note(&mut self, member: Member, standing: Standing) {
        let is_it = |other: &Member| other.run == member.run;
        let holds = self.holders.iter().any(is_it);
        match standing {
            Standing::Waiting if holds || self.waiting.iter().any(is_it) => {}
            Standing::Waiting => {
                let after = |other: &Member| other.age() <= member.age();
                let place = self.waiting.partition_point(after);
                self.waiting.insert(place, member);
            }
            Standing::Holding => {
                self.waiting.retain(|other| !is_it(other));
                if !holds {
                    self.holders.push(member);
                }
            }
            Standing::Ended => {
                self.waiting.retain(|other| !is_it(other));
                self.holders.retain(|other| !is_it(other));
            }
        }
        self.grant();
    }

    /// Nobody overtakes: the first in line waits until there is a slot for it, and the others wait behind it.
    fn grant(&mut self) {
        while let Some(first) = self.waiting.first().copied() {
            let limit = usize::try_from(first.limit).unwrap_or(usize::MAX).max(1);
            if self.holders.len() >= limit {
                return;
            }
            self.waiting.remove(0);
            self.holders.push(first);
        }
    }

    /// Whether a run has a slot.
    #[must_use]
    pub fn holds(&self, run: RunId) -> bool {
        self.holders.iter().any(|member| member.run == run)
    }

    /// How many runs a waiting one stands behind, those that have a slot apart.
    #[must_use]
    pub fn place(&self, run: RunId) -> Option<usize> {
        self.waiting.iter().position(|member| member.run == run)
    }

    /// The runs that are to end so that a waiting one which supersedes them need not wait: all older ones in line, and of
    /// those that have a slot as many as it takes, oldest first.
    #[must_use]
    pub fn superseded_by(&self, run: RunId) -> Vec<RunId> {
        let Some((place, member)) = self
            .place(run)
            .and_then(|place| Some((place, *self.waiting.get(place)?)))
            .filter(|(_, member)| member.supersedes)
        else {
            return Vec::new();
        };
        let limit = usize::try_from(member.limit).unwrap_or(usize::MAX).max(1);
        let too_many = (self.holders.len() + 1).saturating_sub(limit);
        let mut older: Vec<Member> = self.holders.clone();
        older.retain(|other| other.age() < member.age());
        older.sort_by_key(Member::age);
        older.truncate(too_many);
        let in_line = self.waiting.iter().take(place);
        in_line.chain(&older).map(|other| other.run).collect()
    }

    /// Whether no run belongs to it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.holders.is_empty() && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn run(number: u32) -> RunId {
        RunId::from_uuid(Uuid::from_u128(number.into()))
    }

    fn member(number: u32, limit: u32) -> Member {
        Member {
            run: run(number),
            at: Timestamp::from_millis(number.into()),
            limit,
            supersedes: false,
        }
    }

    fn group(members: &[Member]) -> Group {
        let mut group = Group::default();
        for member in members {
            group.note(*member, Standing::Waiting);
        }
        group
    }

    fn numbers(members: &[Member]) -> Vec<u128> {
        let ids = members.iter().map(|it| it.run.as_uuid().as_u128());
        ids.collect()
    }

    #[test]
    fn slots_are_given_in_the_order_of_age_and_freed_ones_to_the_next_in_line() {
        let mut group = group(&[member(1, 2), member(2, 2), member(4, 2), member(3, 2)]);
        assert_eq!(numbers(&group.holders), [1, 2]);
        assert_eq!(numbers(&group.waiting), [3, 4]);
        group.note(member(2, 2), Standing::Ended);
        assert_eq!(numbers(&group.holders), [1, 3]);
        assert_eq!(group.place(run(4)), Some(0));
    }

    #[test]
    fn noting_the_same_again_changes_nothing() {
        let mut group = group(&[member(1, 1), member(2, 1)]);
        let before = group.clone();
        group.note(member(1, 1), Standing::Waiting);
        group.note(member(1, 1), Standing::Holding);
        group.note(member(2, 1), Standing::Waiting);
        group.note(member(9, 1), Standing::Ended);
        assert_eq!(group, before);
    }

    #[test]
    fn a_run_that_goes_on_anyway_takes_a_slot_beyond_the_limit() {
        let mut group = group(&[member(1, 1), member(2, 1)]);
        group.note(member(7, 1), Standing::Holding);
        assert_eq!(numbers(&group.holders), [1, 7]);
        group.note(member(1, 1), Standing::Ended);
        assert_eq!(numbers(&group.waiting), [2]);
        group.note(member(7, 1), Standing::Ended);
        assert_eq!(numbers(&group.holders), [2]);
    }

    #[test]
    fn each_run_waits_for_the_limit_of_its_own_workflow_and_nobody_overtakes() {
        let group = group(&[member(1, 3), member(2, 1), member(3, 3)]);
        assert_eq!(numbers(&group.holders), [1]);
        assert_eq!(numbers(&group.waiting), [2, 3]);
    }

    #[test]
    fn a_run_that_supersedes_others_ends_older_ones_only_and_no_more_than_it_must() {
        let newest = Member {
            supersedes: true,
            ..member(4, 2)
        };
        let mut group = group(&[member(1, 2), member(2, 2), member(3, 2), newest]);
        assert_eq!(group.superseded_by(run(4)), [run(3), run(1)]);
        assert_eq!(group.superseded_by(run(3)), []);
        let late = Member {
            supersedes: true,
            ..member(0, 2)
        };
        group.note(late, Standing::Waiting);
        assert_eq!(group.superseded_by(run(0)), []);
    }
}
