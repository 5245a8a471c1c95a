//! Writing transitions.

use super::connection::SqlParam::{self, Integer, Text};
use super::database::{Database, ROWS, rows_of_marks};
use super::fault::Fault;
use super::messages;
use super::stream;
use super::value::{fingerprint, maybe_text, maybe_time, time};
use crate::adapter::checksum::{log_checksum, snapshot_checksum};
use crate::adapter::row::{rank, signed};
use crate::port::{Commit, CommitOutcome, RunHead, TimerKey, TimerRow, Version};

pub(super) fn commit(
    database: &Database<'_>,
    commits: &[Commit],
) -> Result<Vec<CommitOutcome>, Fault> {
    commits.iter().map(|commit| one(database, commit)).collect()
}

fn one(database: &Database<'_>, commit: &Commit) -> Result<CommitOutcome, Fault> {
    let refused = match commit.expected {
        None => insert_head(database, &commit.head)?,
        Some(expected) => update_head(database, &commit.head, expected)?,
    };
    if let Some(refused) = refused {
        return Ok(refused);
    }
    append(database, commit)?;
    messages::remove_steps(database, &commit.settle)?;
    messages::insert(database, &commit.enqueue, commit.log.at)?;
    for (step, at) in &commit.reschedule {
        messages::reschedule_step(database, step, *at, commit.log.at)?;
    }
    clear_timers(database, &commit.clear_timers)?;
    set_timers(database, &commit.set_timers)?;
    stream::append(database, &commit.publish, commit.log.at)?;
    Ok(CommitOutcome::Committed)
}

fn insert_head(database: &Database<'_>, head: &RunHead) -> Result<Option<CommitOutcome>, Fault> {
    let run = head.run.to_string();
    let key = head.idempotency_key.as_deref();
    let start = key.map(|key| fingerprint(&[&head.workflow, key]));
    let correlation = head.correlation_id.as_deref().map(|id| fingerprint(&[id]));
    let labels = match &head.labels {
        labels if labels.is_empty() => None,
        // Names and values are text: nothing that JSON cannot hold.
        labels => serde_json::to_string(labels).ok(),
    };
    let is_new = database.insert_new(
        "INSERT INTO @runs (rid, version, workflow, plan, status, priority, idempotency_key,
            correlation_id, labels, progress, current_step, error, created_at, updated_at, ended_at,
            start_hash, correlation_hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            Text(&run),
            Integer(signed(head.version)),
            Text(&head.workflow),
            Text(&head.plan.0),
            Text(head.status.as_str()),
            Integer(rank(head.priority).into()),
            maybe_text(key),
            maybe_text(head.correlation_id.as_deref()),
            maybe_text(labels.as_deref()),
            Integer(head.progress.into()),
            maybe_text(head.current_step.as_deref()),
            maybe_text(head.error.as_deref()),
            time(head.created_at),
            time(head.updated_at),
            maybe_time(head.ended_at),
            maybe_text(start.as_deref()),
            maybe_text(correlation.as_deref()),
        ],
    )?;
    if is_new {
        insert_labels(database, head, &run)?;
        return Ok(None);
    }
    if let Some(found) = version(database, &run)? {
        return Ok(Some(CommitOutcome::Conflict { found: Some(found) }));
    }
    let same_start = database.first(
        "SELECT rid FROM @runs WHERE start_hash = ?",
        &[maybe_text(start.as_deref())],
    )?;
    match same_start {
        Some(mut row) => Ok(Some(CommitOutcome::Duplicate {
            existing: row.run_id(0)?,
        })),
        None => Err(Fault::conflict("the run that was in the way is gone again")),
    }
}

fn insert_labels(database: &Database<'_>, head: &RunHead, run: &str) -> Result<(), Fault> {
    if head.labels.is_empty() {
        return Ok(());
    }
    let params: Vec<_> = head
        .labels
        .iter()
        .flat_map(|(label, value)| [Text(label), Text(value), time(head.created_at), Text(run)])
        .collect();
    let marks = rows_of_marks(head.labels.len(), 4);
    let sql = format!("INSERT INTO @run_labels (label, value, at, rid) VALUES {marks}");
    database.execute(&sql, &params).map(drop)
}

fn update_head(
    database: &Database<'_>,
    head: &RunHead,
    expected: Version,
) -> Result<Option<CommitOutcome>, Fault> {
    let run = head.run.to_string();
    // The version changes in any case, so also databases that count changed rows only count this one.
    let updated = database.execute(
        "UPDATE @runs SET version = ?, plan = ?, status = ?, priority = ?, progress = ?,
            current_step = ?, error = ?, updated_at = ?, ended_at = ?
         WHERE rid = ? AND version = ?",
        &[
            Integer(signed(head.version)),
            Text(&head.plan.0),
            Text(head.status.as_str()),
            Integer(rank(head.priority).into()),
            Integer(head.progress.into()),
            maybe_text(head.current_step.as_deref()),
            maybe_text(head.error.as_deref()),
            time(head.updated_at),
            maybe_time(head.ended_at),
            Text(&run),
            Integer(signed(expected)),
        ],
    )?;
    if updated > 0 {
        return Ok(None);
    }
    let found = version(database, &run)?;
    Ok(Some(CommitOutcome::Conflict { found }))
}

fn version(database: &Database<'_>, run: &str) -> Result<Option<Version>, Fault> {
    let found = database.first("SELECT version FROM @runs WHERE rid = ?", &[Text(run)])?;
    found.map(|row| row.count(0).map(Version)).transpose()
}

fn append(database: &Database<'_>, commit: &Commit) -> Result<(), Fault> {
    let run = commit.head.run.to_string();
    let row = &commit.log;
    database.execute(
        "INSERT INTO @run_log (rid, version, at, crc, events) VALUES (?, ?, ?, ?, ?)",
        &[
            Text(&run),
            Integer(signed(row.version)),
            time(row.at),
            Integer(log_checksum(&commit.head.run, row).into()),
            Text(&row.events),
        ],
    )?;
    let Some(snapshot) = &commit.snapshot else {
        return Ok(());
    };
    let or_replace = database
        .dialect
        .or_replace("rid", &["version", "crc", "state"]);
    let sql = format!(
        "INSERT INTO @snapshots (rid, version, crc, state) VALUES (?, ?, ?, ?){or_replace}"
    );
    let crc = snapshot_checksum(&commit.head.run, snapshot);
    let params = [
        Text(&run),
        Integer(signed(snapshot.version)),
        Integer(crc.into()),
        Text(&snapshot.state),
    ];
    database.execute(&sql, &params).map(drop)
}

fn clear_timers(database: &Database<'_>, timers: &[TimerKey]) -> Result<(), Fault> {
    for key in timers {
        let run = key.run.to_string();
        database.execute(
            "DELETE FROM @timers WHERE rid = ? AND name = ?",
            &[Text(&run), Text(&key.name)],
        )?;
    }
    Ok(())
}

fn set_timers(database: &Database<'_>, timers: &[TimerRow]) -> Result<(), Fault> {
    let or_replace = database
        .dialect
        .or_replace("rid, name", &["generation", "due"]);
    for timer in timers {
        let run = timer.key.run.to_string();
        let sql = format!(
            "INSERT INTO @timers (rid, name, generation, due) VALUES (?, ?, ?, ?){or_replace}"
        );
        let params: [SqlParam<'_>; 4] = [
            Text(&run),
            Text(&timer.key.name),
            Integer(timer.generation.cast_signed()),
            time(timer.due),
        ];
        database.execute(&sql, &params)?;
    }
    Ok(())
}

/// Keeps a plan, unless it is kept already.
pub(super) fn save_plan(database: &Database<'_>, hash: &str, plan: &str) -> Result<(), Fault> {
    database
        .insert_new(
            "INSERT INTO @plans (hash, plan) VALUES (?, ?)",
            &[Text(hash), Text(plan)],
        )
        .map(drop)
}

/// Removes those of the runs that have ended, with all that belongs to them.
pub(super) fn remove_runs(database: &Database<'_>, runs: &[String]) -> Result<u64, Fault> {
    let mut removed = 0;
    for runs in runs.chunks(ROWS) {
        let marks = super::database::marks(runs.len());
        let params: Vec<_> = runs.iter().map(|run| Text(run)).collect();
        let sql = format!(
            "SELECT rid FROM @runs WHERE rid IN ({marks}) AND ended_at IS NOT NULL{}",
            database.dialect.for_update()
        );
        let ended = database.query(&sql, &params)?;
        let ended = ended.into_iter().map(|mut row| row.text(0));
        let ended = ended.collect::<Result<Vec<_>, _>>()?;
        if ended.is_empty() {
            continue;
        }
        let marks = super::database::marks(ended.len());
        let params: Vec<_> = ended.iter().map(|run| Text(run)).collect();
        for table in [
            "run_labels",
            "run_log",
            "snapshots",
            "timers",
            "messages",
            "runs",
        ] {
            let sql = format!("DELETE FROM @{table} WHERE rid IN ({marks})");
            database.execute(&sql, &params)?;
        }
        removed += ended.len() as u64;
    }
    Ok(removed)
}

/// The key under which tokens are signed: the one that is kept, or `fresh` from now on.
pub(super) fn signing_key(database: &Database<'_>, fresh: &str) -> Result<Option<String>, Fault> {
    database.insert_new(
        "INSERT INTO @meta (name, value) VALUES ('signing_key', ?)",
        &[Text(fresh)],
    )?;
    kept_key(database)
}

pub(super) fn kept_key(database: &Database<'_>) -> Result<Option<String>, Fault> {
    let kept = database.first("SELECT value FROM @meta WHERE name = 'signing_key'", &[])?;
    kept.map(|mut row| row.text(0)).transpose()
}
