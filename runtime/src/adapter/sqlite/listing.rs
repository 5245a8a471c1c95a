//! Listing runs.

use std::cmp::Reverse;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::fault::Fault;
use super::runs::find;
use super::value::{at_most, head, head_columns};
use crate::adapter::listing::position;
use crate::port::{Page, RunFilter, RunHead, RunId, RunPage, RunStatus, Timestamp};

pub(super) fn list_runs(
    db: &Connection,
    filter: &RunFilter,
    page: &Page,
) -> Result<RunPage, Fault> {
    let after = match page.after {
        None => None,
        Some(run) => {
            let created_at = find(db, &run)?.map(|(_, head)| head.created_at);
            match position(run, created_at) {
                Some(position) => Some(position),
                None => return Ok(RunPage::default()),
            }
        }
    };
    // One more than asked for tells whether there is a next slice.
    let wanted = page.limit.saturating_add(1);
    let mut runs = Vec::new();
    if filter.statuses.is_empty() {
        select(db, filter, None, after, wanted, &mut runs)?;
    }
    // Each status is a part of the index in the right order; all of them together are not.
    for (index, status) in filter.statuses.iter().enumerate() {
        if !filter.statuses.iter().take(index).any(|it| it == status) {
            select(db, filter, Some(*status), after, wanted, &mut runs)?;
        }
    }
    runs.sort_by_key(|head| Reverse((head.created_at, head.run)));
    let more = runs.len() > page.limit;
    runs.truncate(page.limit);
    let next = runs.last().filter(|_| more).map(|head| head.run);
    Ok(RunPage { runs, next })
}

fn select(
    db: &Connection,
    filter: &RunFilter,
    status: Option<RunStatus>,
    after: Option<(Timestamp, RunId)>,
    limit: usize,
    found: &mut Vec<RunHead>,
) -> Result<(), Fault> {
    let (sql, mut values) = statement(filter, status, after);
    values.push(at_most(limit).into());
    let mut select = db.prepare_cached(&sql)?;
    let mut rows = select.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        found.push(head(row)?);
    }
    Ok(())
}

/// The statement and its values, but for the limit, which comes last.
pub(super) fn statement(
    filter: &RunFilter,
    status: Option<RunStatus>,
    after: Option<(Timestamp, RunId)>,
) -> (String, Vec<Value>) {
    let mut sql = String::from(concat!("SELECT ", head_columns!(), " FROM runs WHERE true"));
    let mut values: Vec<Value> = Vec::new();
    if let Some(status) = status {
        sql.push_str(" AND status = ?");
        values.push(status.as_str().to_owned().into());
    }
    if let Some(workflow) = &filter.workflow {
        sql.push_str(" AND workflow = ?");
        values.push(workflow.clone().into());
    }
    if let Some(correlation_id) = &filter.correlation_id {
        sql.push_str(" AND correlation_id = ?");
        values.push(correlation_id.clone().into());
    }
    if let Some(from) = filter.created_from {
        sql.push_str(" AND created_at >= ?");
        values.push(from.as_millis().into());
    }
    if let Some(before) = filter.created_before {
        sql.push_str(" AND created_at < ?");
        values.push(before.as_millis().into());
    }
    if let Some((created_at, run)) = after {
        sql.push_str(" AND (created_at, rid) < (?, ?)");
        values.push(created_at.as_millis().into());
        values.push(run.as_uuid().as_bytes().to_vec().into());
    }
    sql.push_str(" ORDER BY created_at DESC, rid DESC LIMIT ?");
    (sql, values)
}
