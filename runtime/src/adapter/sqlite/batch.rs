//! What one caller wants written durably, and writing it.

use std::borrow::Cow;

use rusqlite::{Connection, params};

use super::fault::Fault;
use super::messages::{insert_message, remove_step, reschedule_step};
use super::stream;
use super::value::{count, maybe_time, run_id};
use crate::adapter::checksum::{log_checksum, snapshot_checksum};
use crate::adapter::row::{rank, signed};
use crate::port::{
    Appended, Commit, CommitOutcome, MessageId, NewMessage, Publication, RunStatus, Snapshot,
    Timestamp, Version,
};

#[derive(Debug, Default)]
pub(super) struct Batch<'a> {
    pub(super) commits: Cow<'a, [Commit]>,
    pub(super) messages: Cow<'a, [NewMessage]>,
    pub(super) publications: Cow<'a, [Publication]>,
    /// When messages and publications are published.
    pub(super) now: Timestamp,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) outcomes: Vec<CommitOutcome>,
    pub(super) ids: Vec<MessageId>,
    pub(super) appended: Vec<Appended>,
}

impl Batch<'_> {
    pub(super) fn to_owned(&self) -> Batch<'static> {
        Batch {
            commits: Cow::Owned(self.commits.to_vec()),
            messages: Cow::Owned(self.messages.to_vec()),
            publications: Cow::Owned(self.publications.to_vec()),
            now: self.now,
        }
    }

    pub(super) fn write(&self, db: &Connection) -> Result<Written, Fault> {
        let outcomes = self.commits.iter().map(|commit| write_commit(db, commit));
        let outcomes = outcomes.collect::<Result<_, _>>()?;
        let ids = self
            .messages
            .iter()
            .map(|message| insert_message(db, message, self.now));
        let ids = ids.collect::<Result<_, _>>()?;
        let appended = self
            .publications
            .iter()
            .map(|publication| stream::append(db, publication, self.now));
        Ok(Written {
            outcomes,
            ids,
            appended: appended.collect::<Result<_, _>>()?,
        })
    }

    /// Whether something may become visible by it.
    pub(super) fn publishes(&self) -> bool {
        !self.messages.is_empty()
            || !self.publications.is_empty()
            || self.commits.iter().any(Commit::announces)
    }
}

/// A run as far as a commit needs to know it.
struct Found {
    id: i64,
    version: Version,
    status: Option<RunStatus>,
    ended_at: Option<Timestamp>,
}

fn write_commit(db: &Connection, commit: &Commit) -> Result<CommitOutcome, Fault> {
    let found = find(db, commit)?;
    let version = found.as_ref().map(|it| it.version);
    if version != commit.expected {
        return Ok(CommitOutcome::Conflict { found: version });
    }
    let id = match found {
        Some(found) => {
            update_head(db, commit, &found)?;
            found.id
        }
        None => match insert_head(db, commit)? {
            Ok(id) => id,
            Err(duplicate) => return Ok(duplicate),
        },
    };
    append(db, commit, id)?;
    for step in &commit.settle {
        remove_step(db, step)?;
    }
    for message in &commit.enqueue {
        insert_message(db, message, commit.log.at)?;
    }
    for (step, at) in &commit.reschedule {
        reschedule_step(db, step, *at, commit.log.at)?;
    }
    write_timers(db, commit)?;
    for publication in &commit.publish {
        stream::append(db, publication, commit.log.at)?;
    }
    Ok(CommitOutcome::Committed)
}

fn find(db: &Connection, commit: &Commit) -> Result<Option<Found>, Fault> {
    let mut select =
        db.prepare_cached("SELECT id, version, status, ended_at FROM runs WHERE rid = ?1")?;
    let mut rows = select.query([commit.head.run.as_uuid().as_bytes()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Found {
        id: row.get(0)?,
        version: Version(count(row, 1)?),
        status: RunStatus::parse(row.get_ref(2)?.as_str().unwrap_or_default()),
        ended_at: maybe_time(row, 3)?,
    }))
}

fn insert_head(db: &Connection, commit: &Commit) -> Result<Result<i64, CommitOutcome>, Fault> {
    let head = &commit.head;
    if let Some(key) = &head.idempotency_key {
        let mut select =
            db.prepare_cached("SELECT rid FROM runs WHERE workflow = ?1 AND idempotency_key = ?2")?;
        let mut rows = select.query(params![head.workflow, key])?;
        if let Some(row) = rows.next()? {
            let existing = run_id(row, 0)?;
            return Ok(Err(CommitOutcome::Duplicate { existing }));
        }
    }
    let labels = match &head.labels {
        labels if labels.is_empty() => None,
        // Names and values are text: nothing that JSON cannot hold.
        labels => serde_json::to_string(labels).ok(),
    };
    db.prepare_cached(
        "INSERT INTO runs (rid, version, workflow, plan, status, priority, idempotency_key,
            correlation_id, progress, current_step, error, created_at, updated_at, ended_at, labels)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?
    .execute(params![
        head.run.as_uuid().as_bytes(),
        signed(head.version),
        head.workflow,
        head.plan.0,
        head.status.as_str(),
        rank(head.priority),
        head.idempotency_key,
        head.correlation_id,
        head.progress,
        head.current_step,
        head.error,
        head.created_at.as_millis(),
        head.updated_at.as_millis(),
        head.ended_at.map(Timestamp::as_millis),
        labels,
    ])?;
    let id = db.last_insert_rowid();
    for (label, value) in &head.labels {
        db.prepare_cached(
            "INSERT INTO run_labels (label, value, at, run) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            label,
            value,
            head.created_at.as_millis(),
            head.run.as_uuid().as_bytes(),
        ])?;
    }
    Ok(Ok(id))
}

fn update_head(db: &Connection, commit: &Commit, found: &Found) -> Result<(), Fault> {
    let head = &commit.head;
    db.prepare_cached(
        "UPDATE runs SET version = ?2, plan = ?3, priority = ?4, progress = ?5, current_step = ?6,
            error = ?7, updated_at = ?8 WHERE id = ?1",
    )?
    .execute(params![
        found.id,
        signed(head.version),
        head.plan.0,
        rank(head.priority),
        head.progress,
        head.current_step,
        head.error,
        head.updated_at.as_millis(),
    ])?;
    // Apart, because these two are in indexes and seldom change: naming them costs the index its update.
    if found.status != Some(head.status) || found.ended_at != head.ended_at {
        db.prepare_cached("UPDATE runs SET status = ?2, ended_at = ?3 WHERE id = ?1")?
            .execute(params![
                found.id,
                head.status.as_str(),
                head.ended_at.map(Timestamp::as_millis),
            ])?;
    }
    Ok(())
}

fn append(db: &Connection, commit: &Commit, id: i64) -> Result<(), Fault> {
    let run = &commit.head.run;
    let row = &commit.log;
    db.prepare_cached(
        "INSERT INTO run_log (run, version, at, crc, events) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        id,
        signed(row.version),
        row.at.as_millis(),
        log_checksum(run, row),
        row.events,
    ])?;
    if let Some(snapshot) = &commit.snapshot {
        let Snapshot { version, state } = snapshot;
        db.prepare_cached(
            "INSERT INTO snapshots (run, version, crc, state) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (run) DO UPDATE SET version = ?2, crc = ?3, state = ?4",
        )?
        .execute(params![
            id,
            signed(*version),
            snapshot_checksum(run, snapshot),
            state,
        ])?;
    }
    Ok(())
}

fn write_timers(db: &Connection, commit: &Commit) -> Result<(), Fault> {
    for key in &commit.clear_timers {
        db.prepare_cached("DELETE FROM timers WHERE rid = ?1 AND name = ?2")?
            .execute(params![key.run.as_uuid().as_bytes(), key.name])?;
    }
    for timer in &commit.set_timers {
        db.prepare_cached(
            "INSERT INTO timers (rid, name, generation, due) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (rid, name) DO UPDATE SET generation = ?3, due = ?4",
        )?
        .execute(params![
            timer.key.run.as_uuid().as_bytes(),
            timer.key.name,
            timer.generation.cast_signed(),
            timer.due.as_millis(),
        ])?;
    }
    Ok(())
}
