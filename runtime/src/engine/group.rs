//! The records of concurrency groups, one entry each in the key-value space of the store, changed by compare-and-swap.

use std::time::Duration;

use super::change::busy;
use super::core::Core;
use super::errand::Errands;
use super::records::Change;
use crate::error::{Error, code};
use crate::policy::{Group, Member, Standing};
use crate::port::{Page, RunFilter, RunId, RunStatus};
use crate::run::{GROUP_LABEL, Input, group_label};

/// Where the records are.
const NAMESPACE: &str = "ossa.groups";
/// Others may change a record meanwhile.
const TRIES: u32 = 200;
/// A record of nobody is kept for so long; without it, it is made of the runs again.
const EMPTY_FOR: Duration = Duration::from_secs(3600);
/// Runs read at once when a record is made of them.
const PAGE: usize = 500;

impl Core {
    /// Brings the record of a run's group in line with the run; lets those begin that have a slot, and ends those that
    /// are superseded.
    pub(super) fn tend_group(&self, run: RunId, more: &mut Errands) -> Result<bool, Error> {
        let hot = self.current(run)?;
        let Some((name, member, standing)) = hot.state.member_to_note(&hot.plan) else {
            return Ok(false);
        };
        let group = self.change_group(name, run, |group| group.note(member, standing))?;
        let group = self.admit_holders((name, run), group, more)?;
        if standing == Standing::Waiting {
            if group.holds(run) {
                // It was told so, and that ended its errand.
                return Ok(true);
            }
            for other in group.superseded_by(run) {
                let close = Input::Close {
                    abort: false,
                    reason: format!("run {run} of the same concurrency group takes its place"),
                };
                let closed = self.answer(other, close, more);
                closed.or_else(|error| match error.code() {
                    code::RUN_NOT_FOUND => Ok(()),
                    _ => Err(error),
                })?;
            }
        }
        let ahead = group
            .place(run)
            .map_or(0, |place| place + group.holders.len());
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        self.answer(run, Input::GroupNoted { ahead }, more)
            .map(|()| true)
    }

    /// Has all runs begin that have a slot and have not begun; takes back the slots of those that have ended or are gone.
    fn admit_holders(
        &self,
        (name, run): (&str, RunId),
        mut group: Group,
        more: &mut Errands,
    ) -> Result<Group, Error> {
        for _ in 0..TRIES {
            let runs: Vec<_> = group.holders.iter().map(|member| member.run).collect();
            let heads = self.backend()?.heads(&runs)?;
            let mut gone = Vec::new();
            for (member, head) in group.holders.iter().zip(heads) {
                match head.map(|head| head.status) {
                    None => gone.push(*member),
                    Some(status) if status.is_terminal() => gone.push(*member),
                    // Held ones may have begun or not.
                    Some(RunStatus::Pending | RunStatus::Paused | RunStatus::Quarantined) => {
                        self.answer(member.run, Input::Admit, more)?;
                    }
                    Some(_) => {}
                }
            }
            if gone.is_empty() {
                return Ok(group);
            }
            group = self.change_group(name, run, |group| {
                for member in &gone {
                    group.note(*member, Standing::Ended);
                }
            })?;
        }
        Err(busy(run))
    }

    /// The record of a group as it is.
    pub(super) fn group(&self, name: &str) -> Result<Group, Error> {
        Ok(self.record(NAMESPACE, name)?.unwrap_or_default())
    }

    fn change_group(
        &self,
        name: &str,
        run: RunId,
        change: impl Fn(&mut Group),
    ) -> Result<Group, Error> {
        let changed = self.change_record(NAMESPACE, name, |known: Option<Group>, now| {
            let before = known.clone();
            let mut group = match known {
                Some(group) => group,
                None => self.rebuilt(name)?,
            };
            change(&mut group);
            if before.as_ref() == Some(&group) {
                return Ok(Change::Keep(group));
            }
            Ok(Change::Put {
                record: group.clone(),
                expires_at: group.is_empty().then(|| now.after(EMPTY_FOR)),
                answer: group,
            })
        })?;
        changed.ok_or_else(|| busy(run))
    }

    /// The record made of what the runs say: those that go on have their slots, the others wait.
    fn rebuilt(&self, name: &str) -> Result<Group, Error> {
        let backend = self.backend()?;
        let mut filter = RunFilter {
            statuses: vec![
                RunStatus::Pending,
                RunStatus::Running,
                RunStatus::Waiting,
                RunStatus::Paused,
                RunStatus::Quarantined,
            ],
            ..RunFilter::default()
        };
        let label = (GROUP_LABEL.to_owned(), group_label(name));
        filter.labels.extend([label]);
        let mut page = Page {
            after: None,
            limit: PAGE,
        };
        let mut members: Vec<(Member, Standing)> = Vec::new();
        loop {
            let found = backend.list_runs(&filter, &page)?;
            for head in &found.runs {
                match self.load(head.run) {
                    Ok(hot) => {
                        let member = hot.state.member(&hot.plan);
                        let member = member.filter(|(group, ..)| *group == name);
                        members.extend(member.map(|(_, member, standing)| (member, standing)));
                    }
                    Err(error) if error.is_retryable() => return Err(error),
                    // It cannot be read, and may go on once it can.
                    Err(_) => {
                        let member = Member {
                            run: head.run,
                            at: head.created_at,
                            limit: 1,
                            supersedes: false,
                        };
                        members.push((member, Standing::Holding));
                    }
                }
            }
            page.after = found.next;
            if page.after.is_none() {
                break;
            }
        }
        members.sort_by_key(|(member, standing)| {
            (*standing == Standing::Waiting, member.at, member.run)
        });
        let mut group = Group::default();
        for (member, standing) in members {
            group.note(member, standing);
        }
        Ok(group)
    }
}
