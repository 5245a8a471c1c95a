use super::session::{Call, Session};
use super::value::get;
use super::{PostgresStore, commit, listing, runs};
use crate::adapter::check::check_commits;
use crate::port::{
    Commit, CommitOutcome, LogRow, Page, PlanHash, Retention, RunFilter, RunHead, RunId, RunPage,
    Store, StoreError, StoredRun, TimerRow, Timestamp, Version,
};

impl Store for PostgresStore {
    fn commit(&self, commits: &[Commit]) -> Result<Vec<CommitOutcome>, StoreError> {
        check_commits(commits)?;
        let outcomes = self.pool.with("commit", |db| commit::write(db, commits))?;
        if commit::publishes(commits) {
            for commit in commits {
                self.fronts.published(&commit.enqueue);
                if !commit.reschedule.is_empty() {
                    self.fronts.forget();
                }
            }
            self.changes.announce();
        }
        Ok(outcomes)
    }

    fn load(&self, runs: &[RunId]) -> Result<Vec<Option<StoredRun>>, StoreError> {
        self.pool.with("load runs", |db| runs::load(db, runs))
    }

    fn heads(&self, runs: &[RunId]) -> Result<Vec<Option<RunHead>>, StoreError> {
        self.pool.with("read runs", |db| runs::heads(db, runs))
    }

    fn find_by_key(
        &self,
        workflow: &str,
        idempotency_key: &str,
    ) -> Result<Option<RunId>, StoreError> {
        self.pool.with("find a run", |db| {
            runs::find_by_key(db, workflow, idempotency_key)
        })
    }

    fn list_runs(&self, filter: &RunFilter, page: &Page) -> Result<RunPage, StoreError> {
        self.pool
            .with("list runs", |db| listing::list_runs(db, filter, page))
    }

    fn history(
        &self,
        run: &RunId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<LogRow>, StoreError> {
        self.pool
            .with("read a history", |db| runs::history(db, run, after, limit))
    }

    fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<TimerRow>, StoreError> {
        self.pool
            .with("find due timers", |db| runs::due_timers(db, now, limit))
    }

    fn timers_of(&self, run: &RunId) -> Result<Vec<TimerRow>, StoreError> {
        self.pool.with("read timers", |db| runs::timers_of(db, run))
    }

    fn save_plan(&self, hash: &PlanHash, plan: &str) -> Result<(), StoreError> {
        self.pool.with("save a plan", |db| {
            let call = Call::new(
                "INSERT INTO ossa.plans (hash, plan) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            )
            .with(&hash.0)
            .with(plan);
            db.durably(call, false).map(drop)
        })
    }

    fn load_plan(&self, hash: &PlanHash) -> Result<Option<String>, StoreError> {
        self.pool.with("load a plan", |db| {
            let call = Call::new("SELECT plan FROM ossa.plans WHERE hash = $1").with(&hash.0);
            db.read(call)?.first().map(|row| get(row, 0)).transpose()
        })
    }

    fn signing_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let kept: Vec<u8> = self.pool.with("read the signing key", |db| {
            if let Some(kept) = signing_key(db)? {
                return Ok(kept);
            }
            let keep = "INSERT INTO ossa.meta (name, value) VALUES ('signing_key', $1) ON CONFLICT DO NOTHING";
            db.durably(Call::new(keep).with(fresh.as_slice()), false)?;
            Ok(signing_key(db)?.unwrap_or_default())
        })?;
        kept.try_into().map_err(|_| StoreError::Corrupt {
            what: "the signing key".to_owned(),
            reason: "it does not have 32 bytes".to_owned(),
        })
    }

    fn expired_runs(
        &self,
        retention: &Retention,
        limit: usize,
    ) -> Result<Vec<RunHead>, StoreError> {
        self.pool.with("find expired runs", |db| {
            runs::expired(db, retention, limit)
        })
    }

    fn remove_runs(&self, runs: &[RunId]) -> Result<u64, StoreError> {
        self.pool.with("remove runs", |db| runs::remove(db, runs))
    }
}

fn signing_key(session: &mut Session) -> Result<Option<Vec<u8>>, super::fault::Fault> {
    let rows = session.read(Call::new(
        "SELECT value FROM ossa.meta WHERE name = 'signing_key'",
    ))?;
    rows.first().map(|row| get(row, 0)).transpose()
}
