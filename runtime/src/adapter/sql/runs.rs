//! Reading runs.

use std::collections::HashMap;

use super::connection::SqlParam::{self, Integer, Text};
use super::database::{Database, ROWS, marks};
use super::fault::Fault;
use super::value::{HEAD, HEAD_COLUMNS, Row, fingerprint, head, time};
use crate::adapter::checksum::{log_checksum, snapshot_checksum};
use crate::adapter::row::{at_most, signed};
use crate::port::{
    LogRow, Retention, RunHead, RunId, Snapshot, StoredRun, TimerKey, TimerRow, Timestamp, Version,
};

/// What recovery needs of each run, in two queries for all: the rows of a log never change, so those up to the version of
/// the head that was read are the right ones, whatever is committed meanwhile.
pub(super) fn load(
    database: &Database<'_>,
    runs: &[RunId],
) -> Result<Vec<Option<StoredRun>>, Fault> {
    let mut found = HashMap::with_capacity(runs.len());
    let latest = database.latest()?;
    for runs in runs.chunks(ROWS) {
        read_stored(database, runs, latest, &mut found)?;
    }
    runs.iter()
        .map(|run| match found.get(run) {
            None => Ok(None),
            Some(stored) => {
                check_is_whole(stored)?;
                Ok(Some(stored.clone()))
            }
        })
        .collect()
}

fn read_stored(
    database: &Database<'_>,
    runs: &[RunId],
    latest: &str,
    found: &mut HashMap<RunId, StoredRun>,
) -> Result<(), Fault> {
    let ids: Vec<_> = runs.iter().map(ToString::to_string).collect();
    let params: Vec<_> = ids.iter().map(|id| Text(id)).collect();
    let sql = format!(
        "SELECT {HEAD}, s.version, s.crc, s.state FROM @runs r
         LEFT JOIN @snapshots s ON s.rid = r.rid WHERE r.rid IN ({}){latest}",
        marks(params.len())
    );
    let mut tails = Vec::new();
    for mut row in database.query(&sql, &params)? {
        let head = head(&mut row)?;
        let snapshot = snapshot(&mut row, &head.run)?;
        let after = snapshot.as_ref().map_or(Version(0), |it| it.version);
        if after < head.version {
            tails.push((head.run.to_string(), after, head.version));
        }
        let stored = StoredRun {
            head,
            snapshot,
            tail: Vec::new(),
        };
        found.insert(stored.head.run, stored);
    }
    if tails.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT version, at, crc, events, rid FROM @run_log WHERE {} ORDER BY rid, version{latest}",
        vec!["(rid = ? AND version > ? AND version <= ?)"; tails.len()].join(" OR ")
    );
    let params: Vec<_> = tails
        .iter()
        .flat_map(|(run, after, last)| [Text(run), Integer(signed(*after)), Integer(signed(*last))])
        .collect();
    for mut row in database.query(&sql, &params)? {
        let run = row.run_id(4)?;
        if let Some(stored) = found.get_mut(&run) {
            let entry = log_row(&mut row, &run)?;
            stored.tail.push(entry);
        }
    }
    Ok(())
}

fn check_is_whole(stored: &StoredRun) -> Result<(), Fault> {
    let snapshot = stored.snapshot.as_ref();
    let mut version = snapshot.map_or(Version(0), |it| it.version);
    for row in &stored.tail {
        if row.version != version.next() {
            break;
        }
        version = row.version;
    }
    if version == stored.head.version {
        Ok(())
    } else {
        Err(missing(&stored.head.run, version.next()))
    }
}

fn snapshot(row: &mut Row, run: &RunId) -> Result<Option<Snapshot>, Fault> {
    if row.maybe_number(HEAD_COLUMNS)?.is_none() {
        return Ok(None);
    }
    let snapshot = Snapshot {
        version: Version(row.count(HEAD_COLUMNS)?),
        state: row.text(HEAD_COLUMNS + 2)?,
    };
    let computed = snapshot_checksum(run, &snapshot);
    check(row, HEAD_COLUMNS + 1, computed, || {
        format!("the snapshot of run {run}")
    })?;
    Ok(Some(snapshot))
}

fn log_row(row: &mut Row, run: &RunId) -> Result<LogRow, Fault> {
    let entry = LogRow {
        version: Version(row.count(0)?),
        at: row.time(1)?,
        events: row.text(3)?,
    };
    check(row, 2, log_checksum(run, &entry), || {
        format!("log row {} of run {run}", entry.version)
    })?;
    Ok(entry)
}

fn check(row: &Row, column: usize, computed: u32, what: impl Fn() -> String) -> Result<(), Fault> {
    let stored = row.number(column)?;
    if stored == i64::from(computed) {
        return Ok(());
    }
    let reason = format!("its checksum is {computed:08x}, stored is {stored:08x}");
    Err(Fault::damaged(what(), reason))
}

fn missing(run: &RunId, version: Version) -> Fault {
    Fault::damaged(format!("log row {version} of run {run}"), "it is missing")
}

pub(super) fn heads(
    database: &Database<'_>,
    runs: &[RunId],
) -> Result<Vec<Option<RunHead>>, Fault> {
    let mut found = HashMap::with_capacity(runs.len());
    for runs in runs.chunks(ROWS) {
        let ids: Vec<_> = runs.iter().map(ToString::to_string).collect();
        let params: Vec<_> = ids.iter().map(|id| Text(id)).collect();
        let marks = marks(params.len());
        let sql = format!("SELECT {HEAD} FROM @runs r WHERE r.rid IN ({marks})");
        for mut row in database.query(&sql, &params)? {
            let head = head(&mut row)?;
            found.insert(head.run, head);
        }
    }
    Ok(runs.iter().map(|run| found.get(run).cloned()).collect())
}

pub(super) fn find_by_key(
    database: &Database<'_>,
    workflow: &str,
    key: &str,
) -> Result<Option<RunId>, Fault> {
    let start = fingerprint(&[workflow, key]);
    let found = database.first(
        "SELECT rid FROM @runs WHERE start_hash = ?",
        &[Text(&start)],
    )?;
    found.map(|mut row| row.run_id(0)).transpose()
}

pub(super) fn history(
    database: &Database<'_>,
    run: &RunId,
    after: Version,
    limit: usize,
) -> Result<Vec<LogRow>, Fault> {
    let id = run.to_string();
    let rows = database.query(
        "SELECT version, at, crc, events FROM @run_log WHERE rid = ? AND version > ?
         ORDER BY version LIMIT ?",
        &[Text(&id), Integer(signed(after)), Integer(at_most(limit))],
    )?;
    let mut log = Vec::with_capacity(rows.len());
    let mut expected = after.next();
    for mut row in rows {
        let entry = log_row(&mut row, run)?;
        if entry.version != expected {
            return Err(missing(run, expected));
        }
        expected = expected.next();
        log.push(entry);
    }
    Ok(log)
}

pub(super) fn due_timers(
    database: &Database<'_>,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<TimerRow>, Fault> {
    timers(
        database,
        "SELECT rid, name, generation, due FROM @timers WHERE due <= ?
         ORDER BY due, rid, name LIMIT ?",
        &[time(now), Integer(at_most(limit))],
    )
}

pub(super) fn timers_of(database: &Database<'_>, run: &RunId) -> Result<Vec<TimerRow>, Fault> {
    timers(
        database,
        "SELECT rid, name, generation, due FROM @timers WHERE rid = ? ORDER BY name",
        &[Text(&run.to_string())],
    )
}

fn timers(
    database: &Database<'_>,
    sql: &str,
    params: &[SqlParam<'_>],
) -> Result<Vec<TimerRow>, Fault> {
    let rows = database.query(sql, params)?.into_iter();
    rows.map(|mut row| {
        Ok(TimerRow {
            key: TimerKey {
                run: row.run_id(0)?,
                name: row.text(1)?,
            },
            generation: row.number(2)?.cast_unsigned(),
            due: row.time(3)?,
        })
    })
    .collect()
}

pub(super) fn load_plan(database: &Database<'_>, hash: &str) -> Result<Option<String>, Fault> {
    let found = database.first("SELECT plan FROM @plans WHERE hash = ?", &[Text(hash)])?;
    found.map(|mut row| row.text(0)).transpose()
}

/// Runs that ended in one way and are no longer kept, longest ended first.
pub(super) fn expired(
    database: &Database<'_>,
    retention: &Retention,
    limit: usize,
) -> Result<Vec<RunHead>, Fault> {
    let status = Text(retention.status.as_str());
    // The first run that is too many, counted from the one that ended last; it and those before it are not kept.
    let too_many = match retention.keep {
        None => None,
        Some(keep) => database.first(
            "SELECT ended_at, rid FROM @runs WHERE status = ? AND ended_at IS NOT NULL
             ORDER BY ended_at DESC, rid DESC LIMIT 1 OFFSET ?",
            &[status, Integer(i64::try_from(keep).unwrap_or(i64::MAX))],
        )?,
    };
    let too_many = match too_many {
        None => None,
        Some(mut row) => Some((row.number(0)?, row.text(1)?)),
    };
    // No id comes after this one.
    let last = "g".to_owned();
    let too_old = retention
        .ended_before
        .map(|before| (before.as_millis().saturating_sub(1), last));
    let Some((at, run)) = too_many.max(too_old) else {
        return Ok(Vec::new());
    };
    let sql = format!(
        "SELECT {HEAD} FROM @runs r WHERE status = ? AND ended_at <= ?
            AND (ended_at < ? OR rid <= ?) ORDER BY ended_at, rid LIMIT ?"
    );
    let limit = Integer(at_most(limit));
    let params = [status, Integer(at), Integer(at), Text(&run), limit];
    let rows = database.query(&sql, &params)?.into_iter();
    rows.map(|mut row| head(&mut row)).collect()
}
