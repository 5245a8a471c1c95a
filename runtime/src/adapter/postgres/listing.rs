//! Listing runs.

use super::fault::Fault;
use super::runs::heads;
use super::session::{Call, Session};
use super::value::{head, head_columns, text};
use crate::adapter::listing::{self, position};
use crate::adapter::part::{Age, Part, parts};
use crate::adapter::row::at_most;
use crate::port::{Page, RunFilter, RunHead, RunId, RunPage, RunStatus, Timestamp};

pub(super) fn list_runs(
    session: &mut Session,
    filter: &RunFilter,
    page: &Page,
) -> Result<RunPage, Fault> {
    let after = match page.after {
        None => None,
        Some(run) => {
            let found = heads(session, &[run])?.pop().flatten();
            match position(run, found.map(|head| head.created_at)) {
                Some(position) => Some(position),
                None => return Ok(RunPage::default()),
            }
        }
    };
    // One more than asked for tells whether there is a next slice.
    let wanted = page.limit.saturating_add(1);
    let calls: Vec<_> = parts(filter)
        .into_iter()
        .map(|part| statement(filter, part, after, wanted))
        .collect();
    let mut runs: Vec<RunHead> = Vec::new();
    for rows in session.snapshot(&calls)? {
        for row in &rows {
            runs.push(head(row)?);
        }
    }
    Ok(listing::page(runs, page.limit))
}

/// A `WHERE` in the making.
struct Statement<'a> {
    sql: String,
    call: Call<'a>,
    values: usize,
}

impl<'a> Statement<'a> {
    /// Adds a condition, in which `?` stands for the value.
    fn and(&mut self, condition: &str, value: impl tokio_postgres::types::ToSql + Sync + 'a) {
        self.sql.push_str(" AND ");
        let place = self.value(value);
        self.sql.push_str(&condition.replace('?', &place));
    }

    /// Adds a value; returns its placeholder.
    fn value(&mut self, value: impl tokio_postgres::types::ToSql + Sync + 'a) -> String {
        self.values += 1;
        self.call.push(value);
        format!("${}", self.values)
    }
}

/// The part of the listing, newest first.
pub(super) fn statement<'a>(
    filter: &'a RunFilter,
    part: Part,
    after: Option<(Timestamp, RunId)>,
    limit: usize,
) -> Call<'a> {
    // Labels are often shared by most runs, and so is being completed; every other status is rare.
    let common = matches!(part.status, None | Some(RunStatus::Completed));
    let by_label = common && part.age != Age::Ended && !filter.labels.is_empty();
    let source = match by_label {
        true => "ossa.run_labels AS l JOIN ossa.runs AS r ON r.run_id = l.run_id WHERE true",
        false => "ossa.runs AS r WHERE true",
    };
    let (created, id) = match by_label {
        true => ("l.at", "l.run_id"),
        false => ("r.created_at", "r.run_id"),
    };
    let columns: Vec<_> = head_columns!()
        .split(',')
        .map(|column| format!("r.{}", column.trim()))
        .collect();
    let mut where_ = Statement {
        sql: format!("SELECT {} FROM {source}", columns.join(", ")),
        call: Call::new(""),
        values: 0,
    };
    let mut labels = filter.labels.iter();
    if by_label && let Some((label, value)) = labels.next() {
        where_.and("l.label = ?", text(label));
        where_.and("l.value = ?", text(value));
    }
    for (label, value) in labels {
        let label = where_.value(text(label));
        // With an offset it stays a condition of each run, and the order is that of the index.
        let condition = format!(
            "EXISTS (SELECT 1 FROM ossa.run_labels AS other WHERE other.label = {label} AND other.value = ?
                AND other.at = r.created_at AND other.run_id = r.run_id OFFSET 0)"
        );
        where_.and(&condition, text(value));
    }
    if let Some(status) = part.status {
        where_.and("r.status = ?", status.as_str());
    }
    if let Some(workflow) = &filter.workflow {
        where_.and("r.workflow = ?", text(workflow));
    }
    if let Some(correlation_id) = &filter.correlation_id {
        where_.and("r.correlation_id = ?", text(correlation_id));
    }
    let young = filter.updated_from.filter(|_| part.age == Age::Young);
    if let Some(from) = filter.created_from.max(young) {
        where_.and(&format!("{created} >= ?"), from.as_millis());
    }
    // Nothing changes before it is created.
    let old = filter
        .updated_from
        .filter(|_| matches!(part.age, Age::Ended | Age::Live));
    let ends = [filter.created_before, filter.updated_before, old];
    if let Some(before) = ends.into_iter().flatten().min() {
        where_.and(&format!("{created} < ?"), before.as_millis());
    }
    if let Some(from) = old {
        let changed = match part.age {
            Age::Ended => "r.settled_at >= ?",
            _ => "r.updated_at >= ?",
        };
        where_.and(changed, from.as_millis());
    }
    if let Some(before) = filter.updated_before {
        where_.and("r.updated_at < ?", before.as_millis());
    }
    if let Some((created_at, run)) = after {
        let created_at = where_.value(created_at.as_millis());
        let condition = format!("({created}, {id}) < ({created_at}, ?)");
        where_.and(&condition, *run.as_uuid());
    }
    let limit = where_.value(at_most(limit));
    let order = format!(" ORDER BY {created} DESC, {id} DESC LIMIT {limit}");
    where_.call.say(where_.sql + &order)
}
