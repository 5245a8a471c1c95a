//! Removing runs that have ended and are no longer wanted.

use std::collections::HashSet;
use std::time::Duration;

use super::Engine;
use super::core::Core;
use crate::error::{Category, Error, code};
use crate::port::{Retention, RunHead, RunStatus, Timestamp};
use crate::run::{GROUP_LABEL, PARENT_LABEL};

/// Runs removed in one transaction: few enough for others to write in between.
const BATCH: usize = 100;

/// Which runs that ended in one way are no longer wanted: those that are too old, and those that are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneRule {
    /// `completed`, `failed` or `canceled`.
    pub status: RunStatus,
    /// Removed when they ended longer ago than this.
    pub max_age: Option<Duration>,
    /// Removed beyond this many, those that ended last counted first.
    pub max_count: Option<u64>,
}

/// What was removed, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The runs, longest ended first within each rule.
    pub runs: Vec<RunHead>,
    /// There are more than were asked for.
    pub more: bool,
}

impl Engine {
    /// Removes runs that the rules no longer want, at most `limit`, with all that belongs to them. A dry run only says
    /// which. What has not ended is never removed, and a run that is reopened meanwhile stays; so does one whose parent,
    /// children or concurrency group do not know yet that it has ended.
    ///
    /// # Errors
    /// Category argument for a rule without a bound, or for a status in which no run has ended; what the store fails with.
    /// What was removed before stays removed.
    pub fn prune(&self, rules: &[PruneRule], limit: usize, dry: bool) -> Result<Pruned, Error> {
        let core = self.core();
        let backend = core.backend()?;
        let now = core.now();
        let mut pruned = Pruned::default();
        for rule in rules {
            let retention = rule.at(now)?;
            let mut busy = HashSet::new();
            loop {
                let left = limit.saturating_sub(pruned.runs.len());
                let batch = if dry { left } else { left.min(BATCH) };
                let asked = batch.saturating_add(busy.len()).saturating_add(1);
                let mut expired = backend.expired_runs(&retention, asked)?;
                expired.retain(|head| !busy.contains(&head.run));
                let more = expired.len() > batch;
                expired.truncate(batch);
                for head in &expired {
                    if core.has_errands(head)? {
                        busy.insert(head.run);
                    }
                }
                expired.retain(|head| !busy.contains(&head.run));
                let runs: Vec<_> = expired.iter().map(|head| head.run).collect();
                if !dry && !runs.is_empty() {
                    backend.remove_runs(&runs)?;
                    for run in &runs {
                        core.states.remove(run);
                    }
                }
                pruned.runs.extend(expired);
                let full = pruned.runs.len() >= limit;
                pruned.more |= more && full;
                if dry || !more || full {
                    break;
                }
            }
        }
        Ok(pruned)
    }
}

impl Core {
    /// Whether a run that has ended is still to tell others: its parent, its children, its concurrency group.
    fn has_errands(&self, head: &RunHead) -> Result<bool, Error> {
        let backend = self.backend()?;
        let alone = !head.labels.contains_key(PARENT_LABEL)
            && self
                .plans
                .of_hash(&head.plan, &*backend)
                .is_ok_and(|plan| plan.subflows().next().is_none())
            && !head.labels.contains_key(GROUP_LABEL);
        Ok(!alone && !backend.timers_of(&head.run)?.is_empty())
    }
}

impl PruneRule {
    fn at(self, now: Timestamp) -> Result<Retention, Error> {
        let wrong = |message: String, help: &str| {
            Err(Error::new(Category::Argument, code::BAD_ARGUMENT, message).with_help(help))
        };
        if !self.status.is_terminal() {
            return wrong(
                format!("no run that is {} has ended", self.status.as_str()),
                "prune completed, failed or canceled runs",
            );
        }
        if self.max_age.is_none() && self.max_count.is_none() {
            return wrong(
                format!("nothing bounds the {} runs to keep", self.status.as_str()),
                "say how old they may become, or how many may be kept",
            );
        }
        let ended_before = self.max_age.map(|age| {
            let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            Timestamp::from_millis(now.as_millis().saturating_sub(millis))
        });
        Ok(Retention {
            status: self.status,
            ended_before,
            keep: self.max_count,
        })
    }
}
