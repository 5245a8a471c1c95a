//! Listing runs.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::fault::Fault;
use super::runs::find;
use super::value::{head, head_columns};
use crate::adapter::listing::{self, position};
use crate::adapter::part::{Age, Part, parts};
use crate::adapter::row::at_most;
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
    for part in parts(filter) {
        select(db, filter, part, after, wanted, &mut runs)?;
    }
    Ok(listing::page(runs, page.limit))
}

fn select(
    db: &Connection,
    filter: &RunFilter,
    part: Part,
    after: Option<(Timestamp, RunId)>,
    limit: usize,
    found: &mut Vec<RunHead>,
) -> Result<(), Fault> {
    let (sql, mut values) = statement(filter, part, after);
    values.push(at_most(limit).into());
    let mut select = db.prepare_cached(&sql)?;
    let mut rows = select.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        found.push(head(row)?);
    }
    Ok(())
}

/// A `WHERE` in the making.
struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }
}

/// The statement and its values, but for the limit, which comes last.
pub(super) fn statement(
    filter: &RunFilter,
    part: Part,
    after: Option<(Timestamp, RunId)>,
) -> (String, Vec<Value>) {
    // A business case has few runs. Labels are often shared by most of them, and so is being completed; every other
    // status is rare.
    let by_case = filter.correlation_id.is_some();
    let common = matches!(part.status, None | Some(RunStatus::Completed));
    let by_label = common && part.age != Age::Ended && !filter.labels.is_empty() && !by_case;
    let source = match part.age {
        Age::Ended => "runs INDEXED BY runs_by_change WHERE ended_at IS NOT NULL",
        _ if by_case => "runs INDEXED BY runs_by_correlation WHERE true",
        _ if by_label => "run_labels CROSS JOIN runs ON rid = run WHERE true",
        _ if filter.workflow.is_some() && part.status.is_some() => {
            "runs INDEXED BY runs_by_workflow_status WHERE true"
        }
        _ => "runs WHERE true",
    };
    let (created, rid) = if by_label {
        ("at", "run")
    } else {
        ("created_at", "rid")
    };
    let mut where_ = Statement {
        sql: format!(concat!("SELECT ", head_columns!(), " FROM {}"), source),
        values: Vec::new(),
    };
    let mut labels = filter.labels.iter();
    if by_label && let Some((label, value)) = labels.next() {
        let values = [label.clone().into(), value.clone().into()];
        where_.and("label = ? AND value = ?", values);
    }
    for (label, value) in labels {
        let values = [label.clone().into(), value.clone().into()];
        where_.and(
            "EXISTS (SELECT 1 FROM run_labels AS other WHERE other.label = ? AND other.value = ?
                AND other.at = created_at AND other.run = rid)",
            values,
        );
    }
    if let Some(status) = part.status {
        where_.and("status = ?", [status.as_str().to_owned().into()]);
    }
    if let Some(workflow) = &filter.workflow {
        where_.and("workflow = ?", [workflow.clone().into()]);
    }
    if let Some(correlation_id) = &filter.correlation_id {
        where_.and("correlation_id = ?", [correlation_id.clone().into()]);
    }
    let young = filter.updated_from.filter(|_| part.age == Age::Young);
    if let Some(from) = filter.created_from.max(young) {
        where_.and(&format!("{created} >= ?"), [from.as_millis().into()]);
    }
    // Nothing changes before it is created.
    let old = filter
        .updated_from
        .filter(|_| matches!(part.age, Age::Ended | Age::Live));
    let ends = [filter.created_before, filter.updated_before, old];
    if let Some(before) = ends.into_iter().flatten().min() {
        where_.and(&format!("{created} < ?"), [before.as_millis().into()]);
    }
    if let Some(from) = old {
        where_.and("updated_at >= ?", [from.as_millis().into()]);
    }
    if let Some(before) = filter.updated_before {
        where_.and("updated_at < ?", [before.as_millis().into()]);
    }
    if let Some((created_at, run)) = after {
        let position = [
            created_at.as_millis().into(),
            run.as_uuid().as_bytes().to_vec().into(),
        ];
        where_.and(&format!("({created}, {rid}) < (?, ?)"), position);
    }
    where_
        .sql
        .push_str(&format!(" ORDER BY {created} DESC, {rid} DESC LIMIT ?"));
    (where_.sql, where_.values)
}
