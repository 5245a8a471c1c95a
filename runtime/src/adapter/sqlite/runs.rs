//! Reading runs.

use rusqlite::{Connection, OptionalExtension as _, Row, Rows, params};

use super::fault::Fault;
use super::value::{count, head, head_columns, run_id, time};
use crate::adapter::checksum::{log_checksum, snapshot_checksum};
use crate::adapter::row::{at_most, signed};
use crate::port::{
    LogRow, Retention, RunHead, RunId, Snapshot, StoredRun, TimerKey, TimerRow, Timestamp, Version,
};

pub(super) fn load(db: &Connection, run: &RunId) -> Result<Option<StoredRun>, Fault> {
    let Some((id, head)) = find(db, run)? else {
        return Ok(None);
    };
    let snapshot = snapshot(db, run, id)?;
    let after = snapshot.as_ref().map_or(Version(0), |it| it.version);
    let tail = log(db, run, id, after, usize::MAX)?;
    let found = tail.last().map_or(after, |row| row.version);
    if found != head.version {
        return Err(missing(run, found.next()));
    }
    Ok(Some(StoredRun {
        head,
        snapshot,
        tail,
    }))
}

pub(super) fn find(db: &Connection, run: &RunId) -> Result<Option<(i64, RunHead)>, Fault> {
    let mut select = db.prepare_cached(concat!(
        "SELECT ",
        head_columns!(),
        ", id FROM runs WHERE rid = ?1"
    ))?;
    let mut rows = select.query([run.as_uuid().as_bytes()])?;
    match rows.next()? {
        None => Ok(None),
        Some(row) => Ok(Some((row.get(15)?, head(row)?))),
    }
}

fn snapshot(db: &Connection, run: &RunId, id: i64) -> Result<Option<Snapshot>, Fault> {
    let mut select =
        db.prepare_cached("SELECT version, crc, state FROM snapshots WHERE run = ?1")?;
    let mut rows = select.query([id])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let what = || format!("the snapshot of run {run}");
    let snapshot = Snapshot {
        version: Version(count(row, 0)?),
        state: text(row, 2, what)?,
    };
    check(row, 1, snapshot_checksum(run, &snapshot), what)?;
    Ok(Some(snapshot))
}

pub(super) fn log(
    db: &Connection,
    run: &RunId,
    id: i64,
    after: Version,
    limit: usize,
) -> Result<Vec<LogRow>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT version, at, crc, events FROM run_log WHERE run = ?1 AND version > ?2
         ORDER BY version LIMIT ?3",
    )?;
    let mut rows = select.query(params![id, signed(after), at_most(limit)])?;
    let mut log = Vec::new();
    let mut expected = after.next();
    while let Some(row) = rows.next()? {
        let version = Version(count(row, 0)?);
        if version != expected {
            return Err(missing(run, expected));
        }
        let what = || format!("log row {version} of run {run}");
        let entry = LogRow {
            version,
            at: time(row, 1)?,
            events: text(row, 3, what)?,
        };
        check(row, 2, log_checksum(run, &entry), what)?;
        log.push(entry);
        expected = expected.next();
    }
    Ok(log)
}

fn missing(run: &RunId, version: Version) -> Fault {
    Fault::damaged(format!("log row {version} of run {run}"), "it is missing")
}

fn text(row: &Row<'_>, column: usize, what: impl Fn() -> String) -> Result<String, Fault> {
    row.get(column)
        .map_err(|error| Fault::damaged(what(), error.to_string()))
}

fn check(
    row: &Row<'_>,
    column: usize,
    computed: u32,
    what: impl Fn() -> String,
) -> Result<(), Fault> {
    let stored: i64 = row.get(column)?;
    if stored != i64::from(computed) {
        return Err(Fault::damaged(
            what(),
            format!("its checksum is {computed:08x}, stored is {stored:08x}"),
        ));
    }
    Ok(())
}

pub(super) fn due_timers(
    db: &Connection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<TimerRow>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT rid, name, generation, due FROM timers WHERE due <= ?1
         ORDER BY due, rid, name LIMIT ?2",
    )?;
    timers(select.query(params![now.as_millis(), at_most(limit)])?)
}

pub(super) fn timers_of(db: &Connection, run: &RunId) -> Result<Vec<TimerRow>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT rid, name, generation, due FROM timers WHERE rid = ?1 ORDER BY name",
    )?;
    timers(select.query([run.as_uuid().as_bytes()])?)
}

fn timers(mut rows: Rows<'_>) -> Result<Vec<TimerRow>, Fault> {
    let mut timers = Vec::new();
    while let Some(row) = rows.next()? {
        timers.push(TimerRow {
            key: TimerKey {
                run: run_id(row, 0)?,
                name: row.get(1)?,
            },
            generation: row.get::<_, i64>(2)?.cast_unsigned(),
            due: time(row, 3)?,
        });
    }
    Ok(timers)
}

pub(super) fn find_by_key(
    db: &Connection,
    workflow: &str,
    key: &str,
) -> Result<Option<RunId>, Fault> {
    let mut select =
        db.prepare_cached("SELECT rid FROM runs WHERE workflow = ?1 AND idempotency_key = ?2")?;
    let mut rows = select.query(params![workflow, key])?;
    rows.next()?.map(|row| run_id(row, 0)).transpose()
}

/// Runs that ended in one way and are no longer kept, longest ended first.
pub(super) fn expired(
    db: &Connection,
    retention: &Retention,
    limit: usize,
) -> Result<Vec<RunHead>, Fault> {
    let status = retention.status.as_str();
    // The first run that is too many, counted from the one that ended last; it and those before it are not kept.
    let too_many: Option<(i64, [u8; 16])> = match retention.keep {
        None => None,
        Some(keep) => db
            .prepare_cached(TOO_MANY)?
            .query_row(
                params![status, i64::try_from(keep).unwrap_or(i64::MAX)],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?,
    };
    let too_old = retention
        .ended_before
        .map(|before| (before.as_millis().saturating_sub(1), [u8::MAX; 16]));
    let Some((at, run)) = too_many.max(too_old) else {
        return Ok(Vec::new());
    };
    let mut select = db.prepare_cached(EXPIRED)?;
    let mut rows = select.query(params![status, at, run, at_most(limit)])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        heads.push(head(row)?);
    }
    Ok(heads)
}

pub(super) const TOO_MANY: &str = "SELECT ended_at, rid FROM runs
     WHERE status = ?1 AND ended_at IS NOT NULL ORDER BY ended_at DESC, rid DESC LIMIT 1 OFFSET ?2";

/// Those up to the last one that is not kept.
pub(super) const EXPIRED: &str = concat!(
    "SELECT ",
    head_columns!(),
    " FROM runs WHERE status = ?1 AND ended_at IS NOT NULL AND (ended_at, rid) <= (?2, ?3)
     ORDER BY ended_at, rid LIMIT ?4"
);

/// Removes runs that have ended, with all that belongs to them.
pub(super) fn remove(db: &Connection, runs: &[RunId]) -> Result<u64, Fault> {
    let mut removed = 0;
    for run in runs {
        let Some((id, head)) = find(db, run)? else {
            continue;
        };
        if head.ended_at.is_none() {
            continue;
        }
        let rid = run.as_uuid().as_bytes();
        for (label, value) in &head.labels {
            db.prepare_cached(
                "DELETE FROM run_labels WHERE label = ?1 AND value = ?2 AND at = ?3 AND run = ?4",
            )?
            .execute(params![label, value, head.created_at.as_millis(), rid])?;
        }
        for sql in [
            "DELETE FROM run_log WHERE run = ?1",
            "DELETE FROM snapshots WHERE run = ?1",
            "DELETE FROM runs WHERE id = ?1",
        ] {
            db.prepare_cached(sql)?.execute([id])?;
        }
        for sql in [
            "DELETE FROM timers WHERE rid = ?1",
            "DELETE FROM messages WHERE rid = ?1",
        ] {
            db.prepare_cached(sql)?.execute([rid])?;
        }
        removed += 1;
    }
    Ok(removed)
}
