use super::message::{add_message, field};
use super::number::{at_most, damaged, millis, run_id};
use super::reply::Reply;
use super::run::{
    changing, code, fixed, marks, missing, pack_row, pack_snapshot, read_head, read_rows,
    read_snapshot, sets,
};
use super::seen::Stamp;
use super::server::Call;
use super::stream::add_publications;
use super::{RedisStore, listing, script};
use crate::adapter::check::check_commits;
use crate::port::{
    Commit, CommitOutcome, LogRow, Page, PlanHash, Retention, RunFilter, RunHead, RunId, RunPage,
    Store, StoreError, StoredRun, TimerKey, TimerRow, Timestamp, Version,
};

impl Store for RedisStore {
    fn commit(&self, commits: &[Commit]) -> Result<Vec<CommitOutcome>, StoreError> {
        check_commits(commits)?;
        if commits.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = self.server.call(&script::COMMIT);
        call.arg(commits.len());
        let mut stamps = Vec::with_capacity(commits.len());
        for commit in commits {
            let stamp = rand::random();
            self.add_commit(&mut call, commit, stamp)?;
            stamps.push(stamp);
        }
        let answers = self.write("commit", &call)?.list()?;
        let decided = commits.iter().zip(stamps).zip(answers);
        decided
            .map(|((commit, stamp), answer)| self.outcome(commit, stamp, answer))
            .collect()
    }

    fn load(&self, runs: &[RunId]) -> Result<Vec<Option<StoredRun>>, StoreError> {
        let mut call = self.server.call(&script::LOAD);
        for run in runs {
            call.arg(run.to_string());
        }
        let found = self.server.run("load runs", &call)?.list()?;
        let found = runs.iter().zip(found);
        found.map(|(run, reply)| self.stored(*run, reply)).collect()
    }

    fn heads(&self, runs: &[RunId]) -> Result<Vec<Option<RunHead>>, StoreError> {
        let mut call = self.server.call(&script::HEADS);
        for run in runs {
            call.arg(run.to_string());
        }
        let found = self.server.run("read runs", &call)?.list()?;
        let found = runs.iter().zip(found);
        found
            .map(|(run, reply)| Ok(read_head(*run, &reply.bytes()?)?.map(|it| it.head)))
            .collect()
    }

    fn find_by_key(
        &self,
        workflow: &str,
        idempotency_key: &str,
    ) -> Result<Option<RunId>, StoreError> {
        let mut call = self.server.call(&script::FIND_BY_KEY);
        call.arg(workflow).arg(idempotency_key);
        let found = self.server.run("find a run", &call)?.maybe_text()?;
        found.as_deref().map(run_id).transpose()
    }

    fn list_runs(&self, filter: &RunFilter, page: &Page) -> Result<RunPage, StoreError> {
        listing::list_runs(self, filter, page)
    }

    fn history(
        &self,
        run: &RunId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<LogRow>, StoreError> {
        let Ok(first) = i64::try_from(after.0) else {
            return Ok(Vec::new());
        };
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut call = self.server.call(&script::HISTORY);
        call.arg(run.to_string())
            .arg(first)
            .arg(first.saturating_add(at_most(limit) - 1));
        let rows = rows(self.server.run("read a history", &call)?)?;
        read_rows(*run, after, rows)
    }

    fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<TimerRow>, StoreError> {
        let mut call = self.server.call(&script::DUE_TIMERS);
        call.arg(millis(now)).arg(at_most(limit));
        let found = self.server.run("find due timers", &call)?.list()?;
        let mut values = found.into_iter();
        let mut due = Vec::new();
        while let (Some(name), Some(kept)) = (values.next(), values.next()) {
            let name = name.text()?;
            let Some((run, name)) = name.split_at_checked(36) else {
                return Err(damaged("a timer", format!("no run has `{name}`")));
            };
            due.push(timer(run_id(run)?, name, &kept.text()?)?);
        }
        Ok(due)
    }

    fn timers_of(&self, run: &RunId) -> Result<Vec<TimerRow>, StoreError> {
        let mut call = self.server.call(&script::TIMERS_OF);
        call.arg(run.to_string());
        let found = self.server.run("read timers", &call)?.list()?;
        let mut values = found.into_iter();
        let mut timers = Vec::new();
        while let (Some(name), Some(kept)) = (values.next(), values.next()) {
            timers.push(timer(*run, &name.text()?, &kept.text()?)?);
        }
        timers.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(timers)
    }

    fn save_plan(&self, hash: &PlanHash, plan: &str) -> Result<(), StoreError> {
        if self.load_plan(hash)?.is_some() {
            return Ok(());
        }
        let mut call = self.server.call(&script::SAVE_PLAN);
        call.arg(&hash.0).arg(plan);
        self.write("save a plan", &call).map(drop)
    }

    fn load_plan(&self, hash: &PlanHash) -> Result<Option<String>, StoreError> {
        let mut call = self.server.call(&script::LOAD_PLAN);
        call.arg(&hash.0);
        self.server.run("load a plan", &call)?.maybe_text()
    }

    fn signing_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let mut call = self.server.call(&script::SIGNING_KEY);
        call.arg(&fresh[..]);
        let kept = self.write("read the signing key", &call)?.bytes()?;
        let length = kept.len();
        kept.try_into()
            .map_err(|_| damaged("the signing key", format!("it has {length} bytes")))
    }

    fn expired_runs(
        &self,
        retention: &Retention,
        limit: usize,
    ) -> Result<Vec<RunHead>, StoreError> {
        let before = retention.ended_before.map(|it| millis(it).to_string());
        let keep = retention.keep.map(|it| it.to_string());
        let mut call = self.server.call(&script::EXPIRED);
        call.arg(code(retention.status))
            .arg(before.as_deref().unwrap_or("-inf"))
            .arg(keep.unwrap_or_default())
            .arg(at_most(limit));
        let found = self.server.run("find expired runs", &call)?;
        listing::heads(found)
    }

    fn remove_runs(&self, runs: &[RunId]) -> Result<u64, StoreError> {
        let mut call = self.server.call(&script::REMOVE_RUNS);
        let mut any = false;
        for head in self.heads(runs)?.into_iter().flatten() {
            any = true;
            let sets = sets(&head);
            call.arg(head.run.to_string())
                .arg(head.workflow)
                .arg(head.idempotency_key.unwrap_or_default())
                .arg(sets.len());
            for set in sets {
                call.arg(set);
            }
        }
        if !any {
            return Ok(0);
        }
        self.write("remove runs", &call)?.count()
    }
}

impl RedisStore {
    /// The arguments of one commit, as `commit.lua` takes them.
    fn add_commit(&self, call: &mut Call, commit: &Commit, stamp: Stamp) -> Result<(), StoreError> {
        let head = &commit.head;
        let run = head.run;
        let expected = commit.expected;
        let known = expected.and_then(|version| self.seen.stamp(run, version));
        let (status, created_at, ended_at, updated_at) = marks(commit);
        call.arg(run.to_string())
            .arg(expected.map(|it| it.0.to_string()).unwrap_or_default())
            .arg(head.version.0)
            .arg(known.as_ref().map_or(&[][..], |it| it))
            .arg(&stamp[..])
            .arg(status)
            .arg(created_at)
            .arg(ended_at)
            .arg(updated_at)
            .arg(changing(head))
            .arg(pack_row(&run, &commit.log));
        match &commit.snapshot {
            Some(snapshot) => call.arg(pack_snapshot(&run, snapshot)),
            None => call.arg(""),
        };
        if expected.is_none() {
            let sets = sets(head);
            call.arg(fixed(head))
                .arg(&head.workflow)
                .arg(head.idempotency_key.as_deref().unwrap_or_default())
                .arg(sets.len());
            for set in sets {
                call.arg(set);
            }
        } else {
            call.arg("").arg("").arg("").arg(0);
        }
        call.arg(commit.settle.len());
        for step in &commit.settle {
            call.arg(step.run.to_string()).arg(field(step));
        }
        call.arg(commit.enqueue.len());
        for message in &commit.enqueue {
            add_message(call, message, commit.log.at)?;
        }
        call.arg(commit.reschedule.len());
        for (step, at) in &commit.reschedule {
            call.arg(step.run.to_string())
                .arg(field(step))
                .arg(millis(*at));
        }
        call.arg(commit.clear_timers.len());
        for key in &commit.clear_timers {
            call.arg(key.run.to_string()).arg(&key.name);
        }
        call.arg(commit.set_timers.len());
        for timer in &commit.set_timers {
            call.arg(timer.key.run.to_string())
                .arg(&timer.key.name)
                .arg(millis(timer.due))
                .arg(format!("{} {}", timer.generation, timer.due.as_millis()));
        }
        call.arg(millis(commit.log.at));
        add_publications(call, &commit.publish, commit.log.at)
    }

    fn outcome(
        &self,
        commit: &Commit,
        stamp: Stamp,
        answer: Reply,
    ) -> Result<CommitOutcome, StoreError> {
        let run = commit.head.run;
        let mut answer = answer.list()?.into_iter();
        let kind = answer.next().map(Reply::number).transpose()?;
        let value = answer.next().map(Reply::text).transpose()?;
        match (kind, value) {
            (Some(1), _) => {
                self.seen.note(run, commit.head.version, stamp);
                Ok(CommitOutcome::Committed)
            }
            (Some(2), found) => {
                self.seen.forget(&run);
                let found = found.map(|it| it.parse().map(Version)).transpose();
                let found = found.map_err(|error| damaged("an answer", error.to_string()))?;
                Ok(CommitOutcome::Conflict { found })
            }
            (Some(3), Some(existing)) => Ok(CommitOutcome::Duplicate {
                existing: run_id(&existing)?,
            }),
            other => Err(damaged("an answer", format!("{other:?} is no outcome"))),
        }
    }

    fn stored(&self, run: RunId, reply: Reply) -> Result<Option<StoredRun>, StoreError> {
        let mut parts = reply.list()?.into_iter();
        let (Some(record), Some(snapshot), Some(tail)) = (parts.next(), parts.next(), parts.next())
        else {
            return Ok(None);
        };
        let Some(stamped) = read_head(run, &record.bytes()?)? else {
            return Ok(None);
        };
        let snapshot = read_snapshot(run, &snapshot.bytes()?)?;
        let after = snapshot.as_ref().map_or(Version(0), |it| it.version);
        let tail = read_rows(run, after, rows(tail)?)?;
        let found = tail.last().map_or(after, |row| row.version);
        if found != stamped.head.version {
            return Err(missing(run, found.next()));
        }
        self.seen.note(run, found, stamped.stamp);
        Ok(Some(StoredRun {
            head: stamped.head,
            snapshot,
            tail,
        }))
    }
}

fn rows(reply: Reply) -> Result<Vec<Vec<u8>>, StoreError> {
    reply.list()?.into_iter().map(Reply::bytes).collect()
}

fn timer(run: RunId, name: &str, kept: &str) -> Result<TimerRow, StoreError> {
    let numbers = kept.split_once(' ').and_then(|(generation, due)| {
        let due = due.parse().ok().map(Timestamp::from_millis)?;
        Some((generation.parse().ok()?, due))
    });
    let Some((generation, due)) = numbers else {
        return Err(damaged(
            format!("timer `{name}` of run {run}"),
            format!("`{kept}` is not what it should be"),
        ));
    };
    Ok(TimerRow {
        key: TimerKey {
            run,
            name: name.to_owned(),
        },
        generation,
        due,
    })
}
