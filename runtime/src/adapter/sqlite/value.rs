//! How values of the ports stand in columns.

use rusqlite::Row;
use uuid::Uuid;

use super::fault::Fault;
use crate::adapter::row;
use crate::port::{Labels, PlanHash, Priority, RunHead, RunId, RunStatus, Timestamp, Version};

/// The columns [`head`] reads, in its order.
macro_rules! head_columns {
    () => {
        "rid, version, workflow, plan, status, priority, idempotency_key, correlation_id, progress,
         current_step, error, created_at, updated_at, ended_at, labels"
    };
}
pub(super) use head_columns;

pub(super) fn head(row: &Row<'_>) -> Result<RunHead, Fault> {
    let run = run_id(row, 0)?;
    let status: String = row.get(4)?;
    let status = RunStatus::parse(&status)
        .ok_or_else(|| Fault::damaged(format!("run {run}"), format!("no status is `{status}`")))?;
    Ok(RunHead {
        run,
        version: Version(count(row, 1)?),
        workflow: row.get(2)?,
        plan: PlanHash(row.get(3)?),
        status,
        priority: priority(row, 5)?,
        idempotency_key: row.get(6)?,
        correlation_id: row.get(7)?,
        progress: row.get(8)?,
        current_step: row.get(9)?,
        error: row.get(10)?,
        created_at: time(row, 11)?,
        updated_at: time(row, 12)?,
        ended_at: maybe_time(row, 13)?,
        labels: labels(row, 14, run)?,
    })
}

fn labels(row: &Row<'_>, column: usize, run: RunId) -> Result<Labels, Fault> {
    let json: Option<String> = row.get(column)?;
    let Some(json) = json else {
        return Ok(Labels::new());
    };
    serde_json::from_str(&json)
        .map_err(|error| Fault::damaged(format!("the labels of run {run}"), error.to_string()))
}

pub(super) fn run_id(row: &Row<'_>, column: usize) -> Result<RunId, Fault> {
    let bytes: [u8; 16] = row.get(column)?;
    Ok(RunId::from_uuid(Uuid::from_bytes(bytes)))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp, Fault> {
    Ok(Timestamp::from_millis(row.get(column)?))
}

pub(super) fn maybe_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>, Fault> {
    let millis: Option<i64> = row.get(column)?;
    Ok(millis.map(Timestamp::from_millis))
}

/// A number that is never negative.
pub(super) fn count(row: &Row<'_>, column: usize) -> Result<u64, Fault> {
    let number: i64 = row.get(column)?;
    u64::try_from(number)
        .map_err(|_| Fault::damaged("a row", format!("{number} stands where no negative may")))
}

pub(super) fn priority(row: &Row<'_>, column: usize) -> Result<Priority, Fault> {
    let rank = row.get(column)?;
    row::priority(rank).ok_or_else(|| Fault::damaged("a row", format!("no priority is {rank}")))
}
