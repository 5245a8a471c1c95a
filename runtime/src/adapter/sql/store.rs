use super::{SqlStore, commit, listing, runs};
use crate::adapter::check::check_commits;
use crate::port::{
    Commit, CommitOutcome, LogRow, Page, PlanHash, Retention, RunFilter, RunHead, RunId, RunPage,
    Store, StoreError, StoredRun, TimerRow, Timestamp, Version,
};

impl Store for SqlStore {
    fn is_provisional(&self) -> bool {
        // Where it cannot be asked nothing is certain.
        self.connection.is_transaction_active().unwrap_or(true)
    }

    fn commit(&self, commits: &[Commit]) -> Result<Vec<CommitOutcome>, StoreError> {
        check_commits(commits)?;
        self.database()
            .write("commit", |database| commit::commit(database, commits))
    }

    fn load(&self, runs: &[RunId]) -> Result<Vec<Option<StoredRun>>, StoreError> {
        self.database()
            .at_once("load runs", |database| runs::load(database, runs))
    }

    fn heads(&self, runs: &[RunId]) -> Result<Vec<Option<RunHead>>, StoreError> {
        self.database()
            .at_once("read runs", |database| runs::heads(database, runs))
    }

    fn find_by_key(
        &self,
        workflow: &str,
        idempotency_key: &str,
    ) -> Result<Option<RunId>, StoreError> {
        self.database().at_once("find a run", |database| {
            runs::find_by_key(database, workflow, idempotency_key)
        })
    }

    fn list_runs(&self, filter: &RunFilter, page: &Page) -> Result<RunPage, StoreError> {
        self.database().at_once("list runs", |database| {
            listing::list_runs(database, filter, page)
        })
    }

    fn history(
        &self,
        run: &RunId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<LogRow>, StoreError> {
        self.database().at_once("read a history", |database| {
            runs::history(database, run, after, limit)
        })
    }

    fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<TimerRow>, StoreError> {
        self.database().at_once("find due timers", |database| {
            runs::due_timers(database, now, limit)
        })
    }

    fn timers_of(&self, run: &RunId) -> Result<Vec<TimerRow>, StoreError> {
        self.database()
            .at_once("read timers", |database| runs::timers_of(database, run))
    }

    fn save_plan(&self, hash: &PlanHash, plan: &str) -> Result<(), StoreError> {
        self.database().at_once("save a plan", |database| {
            commit::save_plan(database, &hash.0, plan)
        })
    }

    fn load_plan(&self, hash: &PlanHash) -> Result<Option<String>, StoreError> {
        self.database()
            .at_once("load a plan", |database| runs::load_plan(database, &hash.0))
    }

    fn signing_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let operation = "read the signing key";
        let database = self.database();
        let kept = match database.at_once(operation, commit::kept_key)? {
            Some(kept) => Some(kept),
            None if self.is_provisional() => {
                // Tokens signed with a key that is then undone would be worthless.
                return Err(StoreError::Failed {
                    operation,
                    reason: "there is none yet, and a transaction of the application is open; run \
                             `ossa:store:setup` beforehand"
                        .to_owned(),
                });
            }
            None => {
                let fresh = hexadecimal(&fresh);
                database.at_once(operation, |database| commit::signing_key(database, &fresh))?
            }
        };
        kept.as_deref()
            .and_then(bytes)
            .ok_or_else(|| StoreError::Corrupt {
                what: "the signing key".to_owned(),
                reason: "it is not 32 bytes in hexadecimal".to_owned(),
            })
    }

    fn expired_runs(
        &self,
        retention: &Retention,
        limit: usize,
    ) -> Result<Vec<RunHead>, StoreError> {
        self.database().at_once("find expired runs", |database| {
            runs::expired(database, retention, limit)
        })
    }

    fn remove_runs(&self, runs: &[RunId]) -> Result<u64, StoreError> {
        let runs: Vec<_> = runs.iter().map(ToString::to_string).collect();
        self.database().write("remove runs", |database| {
            commit::remove_runs(database, &runs)
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        let digits = text.get(2 * index..2 * index + 2)?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}
