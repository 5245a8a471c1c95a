//! How values of the ports stand in columns.

use std::borrow::Cow;

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use super::fault::Fault;
use crate::adapter::row;
use crate::port::{Labels, PlanHash, Priority, RunHead, RunId, RunStatus, Timestamp, Version};

/// The columns [`head`] reads, in its order.
macro_rules! head_columns {
    () => {
        "run_id, version, workflow, plan, status, priority, idempotency_key, correlation_id, progress,
         current_step, error, created_at, updated_at, ended_at, labels"
    };
}
pub(super) use head_columns;

pub(super) fn head(row: &Row) -> Result<RunHead, Fault> {
    let run = run_id(row, 0)?;
    let status: String = get(row, 4)?;
    let status = RunStatus::parse(&status)
        .ok_or_else(|| Fault::damaged(format!("run {run}"), format!("no status is `{status}`")))?;
    let progress: i16 = get(row, 8)?;
    Ok(RunHead {
        run,
        version: Version(count(row, 1)?),
        workflow: get(row, 2)?,
        plan: PlanHash(get(row, 3)?),
        status,
        priority: priority(row, 5)?,
        idempotency_key: get(row, 6)?,
        correlation_id: get(row, 7)?,
        progress: u8::try_from(progress)
            .map_err(|_| Fault::damaged(format!("run {run}"), "no progress is that number"))?,
        current_step: get(row, 9)?,
        error: get(row, 10)?,
        created_at: time(row, 11)?,
        updated_at: time(row, 12)?,
        ended_at: maybe_time(row, 13)?,
        labels: labels(row, 14, run)?,
    })
}

fn labels(row: &Row, column: usize, run: RunId) -> Result<Labels, Fault> {
    let json: Option<String> = get(row, column)?;
    let Some(json) = json else {
        return Ok(Labels::new());
    };
    serde_json::from_str(&json)
        .map_err(|error| Fault::damaged(format!("the labels of run {run}"), error.to_string()))
}

/// A column's value.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, Fault> {
    row.try_get(column)
        .map_err(|error| Fault::damaged("a row", error.to_string()))
}

pub(super) fn run_id(row: &Row, column: usize) -> Result<RunId, Fault> {
    Ok(RunId::from_uuid(get::<Uuid>(row, column)?))
}

pub(super) fn time(row: &Row, column: usize) -> Result<Timestamp, Fault> {
    Ok(Timestamp::from_millis(get(row, column)?))
}

pub(super) fn maybe_time(row: &Row, column: usize) -> Result<Option<Timestamp>, Fault> {
    let millis: Option<i64> = get(row, column)?;
    Ok(millis.map(Timestamp::from_millis))
}

/// A number that is never negative.
pub(super) fn count(row: &Row, column: usize) -> Result<u64, Fault> {
    let number: i64 = get(row, column)?;
    u64::try_from(number)
        .map_err(|_| Fault::damaged("a row", format!("{number} stands where no negative may")))
}

/// The same, of a number known to be small.
pub(super) fn small(row: &Row, column: usize) -> Result<u32, Fault> {
    let number = count(row, column)?;
    u32::try_from(number)
        .map_err(|_| Fault::damaged("a row", format!("{number} is larger than it can be")))
}

pub(super) fn priority(row: &Row, column: usize) -> Result<Priority, Fault> {
    let rank: i16 = get(row, column)?;
    u8::try_from(rank)
        .ok()
        .and_then(row::priority)
        .ok_or_else(|| Fault::damaged("a row", format!("no priority is {rank}")))
}

/// Text as PostgreSQL takes it: it has no zero bytes.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}
