use std::cmp::Reverse;

use super::{MemoryStore, Run, State};
use crate::adapter::check::check_commits;
use crate::adapter::listing::{self, matches, position};
use crate::port::{
    Commit, CommitOutcome, LogRow, Page, PlanHash, Retention, RunFilter, RunHead, RunId, RunPage,
    Store, StoreError, StoredRun, TimerRow, Timestamp, Version,
};

impl Store for MemoryStore {
    fn commit(&self, commits: &[Commit]) -> Result<Vec<CommitOutcome>, StoreError> {
        check_commits(commits)?;
        let mut state = self.state();
        let outcomes = commits.iter().map(|commit| state.commit(commit)).collect();
        self.announce(state);
        Ok(outcomes)
    }

    fn load(&self, runs: &[RunId]) -> Result<Vec<Option<StoredRun>>, StoreError> {
        let state = self.state();
        Ok(runs
            .iter()
            .map(|run| state.runs.get(run).map(Run::stored))
            .collect())
    }

    fn heads(&self, runs: &[RunId]) -> Result<Vec<Option<RunHead>>, StoreError> {
        let state = self.state();
        Ok(runs
            .iter()
            .map(|run| state.runs.get(run).map(|it| it.head.clone()))
            .collect())
    }

    fn find_by_key(
        &self,
        workflow: &str,
        idempotency_key: &str,
    ) -> Result<Option<RunId>, StoreError> {
        let key = (workflow.to_owned(), idempotency_key.to_owned());
        Ok(self.state().runs_by_key.get(&key).copied())
    }

    fn list_runs(&self, filter: &RunFilter, page: &Page) -> Result<RunPage, StoreError> {
        let state = self.state();
        let after = match page.after {
            None => None,
            Some(run) => match position(run, state.runs.get(&run).map(|it| it.head.created_at)) {
                Some(position) => Some(position),
                None => return Ok(RunPage::default()),
            },
        };
        let mut found: Vec<&RunHead> = state
            .runs
            .values()
            .map(|run| &run.head)
            .filter(|head| matches(filter, head))
            .filter(|head| after.is_none_or(|after| (head.created_at, head.run) < after))
            .collect();
        found.sort_by_key(|head| Reverse((head.created_at, head.run)));
        // One more than asked for tells whether there is a next slice.
        let wanted = page.limit.saturating_add(1);
        let runs = found.into_iter().take(wanted).cloned().collect();
        Ok(listing::page(runs, page.limit))
    }

    fn history(
        &self,
        run: &RunId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<LogRow>, StoreError> {
        Ok(self.state().runs.get(run).map_or_else(Vec::new, |run| {
            run.log
                .iter()
                .filter(|row| row.version > after)
                .take(limit)
                .cloned()
                .collect()
        }))
    }

    fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<TimerRow>, StoreError> {
        let state = self.state();
        let mut due: Vec<_> = state
            .timers
            .values()
            .filter(|timer| timer.due <= now)
            .cloned()
            .collect();
        // Stable: timers due at the same instant stay in the order of their keys.
        due.sort_by_key(|timer| timer.due);
        due.truncate(limit);
        Ok(due)
    }

    fn timers_of(&self, run: &RunId) -> Result<Vec<TimerRow>, StoreError> {
        let state = self.state();
        let timers = state.timers.values().filter(|timer| timer.key.run == *run);
        Ok(timers.cloned().collect())
    }

    fn save_plan(&self, hash: &PlanHash, plan: &str) -> Result<(), StoreError> {
        self.state()
            .plans
            .entry(hash.clone())
            .or_insert_with(|| plan.to_owned());
        Ok(())
    }

    fn load_plan(&self, hash: &PlanHash) -> Result<Option<String>, StoreError> {
        Ok(self.state().plans.get(hash).cloned())
    }

    fn signing_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        Ok(*self.state().signing_key.get_or_insert(fresh))
    }

    fn expired_runs(
        &self,
        retention: &Retention,
        limit: usize,
    ) -> Result<Vec<RunHead>, StoreError> {
        let state = self.state();
        let heads = state.runs.values().map(|run| &run.head);
        let mut ended: Vec<_> = heads
            .filter(|head| head.status == retention.status)
            .filter_map(|head| head.ended_at.map(|at| (at, head)))
            .collect();
        ended.sort_unstable_by_key(|(at, head)| (*at, head.run));
        let beyond = match retention.keep {
            Some(keep) => ended
                .len()
                .saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX)),
            None => 0,
        };
        let too_old = |at: Timestamp| retention.ended_before.is_some_and(|before| at < before);
        Ok(ended
            .iter()
            .enumerate()
            .filter(|(place, (at, _))| *place < beyond || too_old(*at))
            .map(|(_, (_, head))| (*head).clone())
            .take(limit)
            .collect())
    }

    fn remove_runs(&self, runs: &[RunId]) -> Result<u64, StoreError> {
        let mut state = self.state();
        let mut removed = 0;
        for run in runs {
            let ended = state
                .runs
                .get(run)
                .is_some_and(|it| it.head.ended_at.is_some());
            if ended {
                state.remove(run);
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl State {
    fn commit(&mut self, commit: &Commit) -> CommitOutcome {
        let run = commit.head.run;
        let found = self.runs.get(&run).map(|it| it.head.version);
        if found != commit.expected {
            return CommitOutcome::Conflict { found };
        }
        match self.runs.get_mut(&run) {
            Some(stored) => stored.advance(commit),
            None => {
                if let Some(key) = &commit.head.idempotency_key {
                    let key = (commit.head.workflow.clone(), key.clone());
                    if let Some(existing) = self.runs_by_key.get(&key) {
                        return CommitOutcome::Duplicate {
                            existing: *existing,
                        };
                    }
                    self.runs_by_key.insert(key, run);
                }
                self.runs.insert(run, Run::first(commit));
            }
        }
        for step in &commit.settle {
            self.messages.settle(step);
        }
        for message in &commit.enqueue {
            self.messages.publish(message, commit.log.at);
        }
        for (step, at) in &commit.reschedule {
            self.messages.reschedule(step, *at, commit.log.at);
        }
        for key in &commit.clear_timers {
            self.timers.remove(key);
        }
        for timer in &commit.set_timers {
            self.timers.insert(timer.key.clone(), timer.clone());
        }
        for publication in &commit.publish {
            self.append(publication, commit.log.at);
        }
        CommitOutcome::Committed
    }

    fn remove(&mut self, run: &RunId) {
        if let Some(Run { head, .. }) = self.runs.remove(run)
            && let Some(key) = head.idempotency_key
        {
            self.runs_by_key.remove(&(head.workflow, key));
        }
        self.timers.retain(|key, _| key.run != *run);
        self.messages.remove_run(run);
    }
}

impl Run {
    fn first(commit: &Commit) -> Self {
        Self {
            head: commit.head.clone(),
            log: vec![commit.log.clone()],
            snapshot: commit.snapshot.clone(),
        }
    }

    fn advance(&mut self, commit: &Commit) {
        let mut head = commit.head.clone();
        head.workflow.clone_from(&self.head.workflow);
        head.idempotency_key.clone_from(&self.head.idempotency_key);
        head.correlation_id.clone_from(&self.head.correlation_id);
        head.labels.clone_from(&self.head.labels);
        head.created_at = self.head.created_at;
        self.head = head;
        self.log.push(commit.log.clone());
        if commit.snapshot.is_some() {
            self.snapshot.clone_from(&commit.snapshot);
        }
    }

    fn stored(&self) -> StoredRun {
        let after = self.snapshot.as_ref().map_or(Version(0), |it| it.version);
        StoredRun {
            head: self.head.clone(),
            snapshot: self.snapshot.clone(),
            tail: self
                .log
                .iter()
                .filter(|row| row.version > after)
                .cloned()
                .collect(),
        }
    }
}
