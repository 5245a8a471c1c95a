//! Reading runs.

use std::collections::HashMap;

use tokio_postgres::Row;

use super::fault::Fault;
use super::session::{Call, Session};
use super::value::{count, get, head, head_columns, run_id, text, time};
use crate::adapter::checksum::{log_checksum, snapshot_checksum};
use crate::adapter::row::{at_most, signed};
use crate::port::{
    LogRow, Retention, RunHead, RunId, Snapshot, StoredRun, TimerKey, TimerRow, Timestamp, Version,
};

const HEADS: &str = concat!(
    "SELECT ",
    head_columns!(),
    " FROM ossa.runs WHERE run_id = ANY($1)"
);

const SNAPSHOTS: &str =
    "SELECT run_id, version, crc, state FROM ossa.snapshots WHERE run_id = ANY($1)";

const TAILS: &str = "SELECT log.run_id, log.version, log.at, log.crc, log.events
    FROM unnest($1::uuid[]) AS asked (run_id)
    LEFT JOIN ossa.snapshots ON snapshots.run_id = asked.run_id
    JOIN ossa.run_log AS log ON log.run_id = asked.run_id AND log.version > coalesce(snapshots.version, 0)
    ORDER BY log.run_id, log.version";

const HISTORY: &str = "SELECT run_id, version, at, crc, events FROM ossa.run_log
    WHERE run_id = $1 AND version > $2 ORDER BY version LIMIT $3";

pub(super) const DUE: &str = "SELECT run_id, name, generation, due FROM ossa.timers WHERE due <= $1
    ORDER BY due, run_id, name LIMIT $2";

const TIMERS: &str =
    "SELECT run_id, name, generation, due FROM ossa.timers WHERE run_id = $1 ORDER BY name";

const BY_KEY: &str = "SELECT run_id FROM ossa.runs WHERE workflow = $1 AND idempotency_key = $2";

pub(super) const TOO_MANY: &str = "SELECT ended_at, run_id FROM ossa.runs
    WHERE status = $1 AND ended_at IS NOT NULL ORDER BY ended_at DESC, run_id DESC LIMIT 1 OFFSET $2";

/// Those up to the last one that is not kept.
pub(super) const EXPIRED: &str = concat!(
    "SELECT ",
    head_columns!(),
    " FROM ossa.runs WHERE status = $1 AND ended_at IS NOT NULL AND (ended_at, run_id) <= ($2, $3)
     ORDER BY ended_at, run_id LIMIT $4"
);

const ENDED: &str = "SELECT run_id FROM ossa.runs WHERE run_id = ANY($1) AND ended_at IS NOT NULL
    ORDER BY run_id FOR UPDATE";

/// All that belongs to runs.
const REMOVE: [&str; 6] = [
    "DELETE FROM ossa.messages WHERE run_id = ANY($1)",
    "DELETE FROM ossa.timers WHERE run_id = ANY($1)",
    "DELETE FROM ossa.snapshots WHERE run_id = ANY($1)",
    "DELETE FROM ossa.run_log WHERE run_id = ANY($1)",
    "DELETE FROM ossa.run_labels WHERE run_id = ANY($1)",
    "DELETE FROM ossa.runs WHERE run_id = ANY($1)",
];

fn of_runs<'a>(sql: &'a str, runs: &'a [RunId]) -> Call<'a> {
    Call::new(sql).column(runs.iter().map(RunId::as_uuid))
}

pub(super) fn load(session: &mut Session, runs: &[RunId]) -> Result<Vec<Option<StoredRun>>, Fault> {
    let calls = [HEADS, SNAPSHOTS, TAILS].map(|sql| of_runs(sql, runs));
    let mut answers = session.snapshot(&calls)?.into_iter();
    let mut answer = || answers.next().unwrap_or_default();
    let mut heads = by_run(&answer(), head)?;
    let mut snapshots = by_run(&answer(), snapshot)?;
    let mut tails: HashMap<RunId, Vec<LogRow>> = HashMap::new();
    for row in answer() {
        let run = run_id(&row, 0)?;
        let tail = tails.entry(run).or_default();
        let before = match tail.last() {
            Some(last) => last.version,
            None => snapshots.get(&run).map_or(Version(0), |it| it.version),
        };
        tail.push(log_row(&row, before)?);
    }
    let mut load = |run: &RunId| {
        // One asked for twice is not told twice from the same rows.
        let Some(head) = heads.remove(run) else {
            return Ok(None);
        };
        let snapshot = snapshots.remove(run);
        let tail = tails.remove(run).unwrap_or_default();
        let after = snapshot.as_ref().map_or(Version(0), |it| it.version);
        let found = tail.last().map_or(after, |row| row.version);
        match found == head.version {
            true => Ok(Some(StoredRun {
                head,
                snapshot,
                tail,
            })),
            false => Err(missing(run, found.next())),
        }
    };
    let mut stored: HashMap<RunId, StoredRun> = HashMap::new();
    for run in runs {
        if let Some(found) = load(run)? {
            stored.insert(*run, found);
        }
    }
    Ok(runs.iter().map(|run| stored.get(run).cloned()).collect())
}

pub(super) fn heads(session: &mut Session, runs: &[RunId]) -> Result<Vec<Option<RunHead>>, Fault> {
    let heads = by_run(&session.read(of_runs(HEADS, runs))?, head)?;
    Ok(runs.iter().map(|run| heads.get(run).cloned()).collect())
}

/// What was read of each run; its id is the first column.
fn by_run<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, Fault>,
) -> Result<HashMap<RunId, T>, Fault> {
    rows.iter()
        .map(|row| Ok((run_id(row, 0)?, read(row)?)))
        .collect()
}

fn snapshot(row: &Row) -> Result<Snapshot, Fault> {
    let run = run_id(row, 0)?;
    let snapshot = Snapshot {
        version: Version(count(row, 1)?),
        state: get(row, 3)?,
    };
    let what = || format!("the snapshot of run {run}");
    check(row, 2, snapshot_checksum(&run, &snapshot), what)?;
    Ok(snapshot)
}

/// A row of the log, which must follow this version.
fn log_row(row: &Row, before: Version) -> Result<LogRow, Fault> {
    let run = run_id(row, 0)?;
    let entry = LogRow {
        version: Version(count(row, 1)?),
        at: time(row, 2)?,
        events: get(row, 4)?,
    };
    if entry.version != before.next() {
        return Err(missing(&run, before.next()));
    }
    let what = || format!("log row {} of run {run}", entry.version);
    check(row, 3, log_checksum(&run, &entry), what)?;
    Ok(entry)
}

fn missing(run: &RunId, version: Version) -> Fault {
    Fault::damaged(format!("log row {version} of run {run}"), "it is missing")
}

fn check(row: &Row, column: usize, computed: u32, what: impl Fn() -> String) -> Result<(), Fault> {
    let stored: i64 = get(row, column)?;
    if stored != i64::from(computed) {
        return Err(Fault::damaged(
            what(),
            format!("its checksum is {computed:08x}, stored is {stored:08x}"),
        ));
    }
    Ok(())
}

pub(super) fn history(
    session: &mut Session,
    run: &RunId,
    after: Version,
    limit: usize,
) -> Result<Vec<LogRow>, Fault> {
    let call = Call::new(HISTORY)
        .with(run.as_uuid())
        .with(signed(after))
        .with(at_most(limit));
    let mut before = after;
    let mut log = Vec::new();
    for row in session.read(call)? {
        let entry = log_row(&row, before)?;
        before = entry.version;
        log.push(entry);
    }
    Ok(log)
}

pub(super) fn due_timers(
    session: &mut Session,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<TimerRow>, Fault> {
    let call = Call::new(DUE).with(now.as_millis()).with(at_most(limit));
    timers(session, call)
}

pub(super) fn timers_of(session: &mut Session, run: &RunId) -> Result<Vec<TimerRow>, Fault> {
    timers(session, Call::new(TIMERS).with(run.as_uuid()))
}

fn timers(session: &mut Session, call: Call<'_>) -> Result<Vec<TimerRow>, Fault> {
    let rows = session.read(call)?;
    let timer = |row: &Row| {
        Ok(TimerRow {
            key: TimerKey {
                run: run_id(row, 0)?,
                name: get(row, 1)?,
            },
            generation: get::<i64>(row, 2)?.cast_unsigned(),
            due: time(row, 3)?,
        })
    };
    rows.iter().map(timer).collect()
}

pub(super) fn find_by_key(
    session: &mut Session,
    workflow: &str,
    key: &str,
) -> Result<Option<RunId>, Fault> {
    let rows = session.read(Call::new(BY_KEY).with(text(workflow)).with(text(key)))?;
    rows.first().map(|row| run_id(row, 0)).transpose()
}

/// Runs that ended in one way and are no longer kept, longest ended first.
pub(super) fn expired(
    session: &mut Session,
    retention: &Retention,
    limit: usize,
) -> Result<Vec<RunHead>, Fault> {
    let status = retention.status.as_str();
    // The first run that is too many, counted from the one that ended last; it and those before it are not kept.
    let mut too_many = None;
    if let Some(keep) = retention.keep {
        let keep = i64::try_from(keep).unwrap_or(i64::MAX);
        let rows = session.read(Call::new(TOO_MANY).with(status).with(keep))?;
        if let Some(row) = rows.first() {
            too_many = Some((get::<i64>(row, 0)?, *run_id(row, 1)?.as_uuid()));
        }
    }
    let too_old = retention
        .ended_before
        .map(|before| (before.as_millis().saturating_sub(1), uuid::Uuid::max()));
    let Some((at, run)) = too_many.max(too_old) else {
        return Ok(Vec::new());
    };
    let call = Call::new(EXPIRED)
        .with(status)
        .with(at)
        .with(run)
        .with(at_most(limit));
    session.read(call)?.iter().map(head).collect()
}

/// Removes runs that have ended, with all that belongs to them.
pub(super) fn remove(session: &mut Session, runs: &[RunId]) -> Result<u64, Fault> {
    let ended = session.begin(&[of_runs(ENDED, runs)])?.pop();
    let ended: Vec<_> = ended
        .unwrap_or_default()
        .iter()
        .map(|row| run_id(row, 0))
        .collect::<Result<_, _>>()?;
    if !ended.is_empty() {
        let calls = REMOVE.map(|sql| of_runs(sql, &ended));
        session.commit(&calls, false)?;
    }
    Ok(ended.len() as u64)
}
