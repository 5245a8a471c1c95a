use rusqlite::params;

use super::{Batch, SqliteStore, listing, runs};
use crate::adapter::check::check_commits;
use crate::port::{
    Commit, CommitOutcome, LogRow, Page, PlanHash, Retention, RunFilter, RunHead, RunId, RunPage,
    Store, StoreError, StoredRun, TimerRow, Timestamp, Version,
};

impl Store for SqliteStore {
    fn commit(&self, commits: &[Commit]) -> Result<Vec<CommitOutcome>, StoreError> {
        check_commits(commits)?;
        let batch = Batch {
            commits: commits.into(),
            ..Batch::default()
        };
        Ok(self.write("commit", &batch)?.outcomes)
    }

    fn load(&self, runs: &[RunId]) -> Result<Vec<Option<StoredRun>>, StoreError> {
        self.readers.read("load runs", |db| {
            runs.iter().map(|run| runs::load(db, run)).collect()
        })
    }

    fn heads(&self, runs: &[RunId]) -> Result<Vec<Option<RunHead>>, StoreError> {
        self.readers.read("read runs", |db| {
            let heads = runs.iter().map(|run| runs::find(db, run));
            heads
                .map(|found| Ok(found?.map(|(_, head)| head)))
                .collect()
        })
    }

    fn find_by_key(
        &self,
        workflow: &str,
        idempotency_key: &str,
    ) -> Result<Option<RunId>, StoreError> {
        self.readers.read("find a run", |db| {
            runs::find_by_key(db, workflow, idempotency_key)
        })
    }

    fn list_runs(&self, filter: &RunFilter, page: &Page) -> Result<RunPage, StoreError> {
        self.readers
            .read("list runs", |db| listing::list_runs(db, filter, page))
    }

    fn history(
        &self,
        run: &RunId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<LogRow>, StoreError> {
        self.readers
            .read("read a history", |db| match runs::find(db, run)? {
                None => Ok(Vec::new()),
                Some((id, _)) => runs::log(db, run, id, after, limit),
            })
    }

    fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<TimerRow>, StoreError> {
        self.readers
            .read("find due timers", |db| runs::due_timers(db, now, limit))
    }

    fn timers_of(&self, run: &RunId) -> Result<Vec<TimerRow>, StoreError> {
        self.readers
            .read("read timers", |db| runs::timers_of(db, run))
    }

    fn save_plan(&self, hash: &PlanHash, plan: &str) -> Result<(), StoreError> {
        if self.load_plan(hash)?.is_some() {
            return Ok(());
        }
        self.writer.durably("save a plan", |db| {
            db.prepare_cached(
                "INSERT INTO plans (hash, plan) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING",
            )?
            .execute(params![hash.0, plan])?;
            Ok(())
        })
    }

    fn load_plan(&self, hash: &PlanHash) -> Result<Option<String>, StoreError> {
        self.readers.read("load a plan", |db| {
            let mut select = db.prepare_cached("SELECT plan FROM plans WHERE hash = ?1")?;
            let mut rows = select.query([&hash.0])?;
            Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
        })
    }

    fn signing_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.writer.durably("read the signing key", |db| {
            db.execute(
                "INSERT INTO meta (name, value) VALUES ('signing_key', ?1) ON CONFLICT DO NOTHING",
                [fresh],
            )?;
            let kept = db.query_row(
                "SELECT value FROM meta WHERE name = 'signing_key'",
                [],
                |row| row.get(0),
            )?;
            Ok(kept)
        })
    }

    fn expired_runs(
        &self,
        retention: &Retention,
        limit: usize,
    ) -> Result<Vec<RunHead>, StoreError> {
        self.readers.read("find expired runs", |db| {
            runs::expired(db, retention, limit)
        })
    }

    fn remove_runs(&self, runs: &[RunId]) -> Result<u64, StoreError> {
        self.writer
            .durably("remove runs", |db| runs::remove(db, runs))
    }
}
