//! Listing runs.

use super::connection::SqlParam::{self, Integer};
use super::database::{Database, marks};
use super::fault::Fault;
use super::runs;
use super::value::{HEAD, fingerprint, head};
use crate::adapter::listing::{self, position};
use crate::adapter::row::at_most;
use crate::port::{Page, RunFilter, RunPage};

/// A value of the statement, owned by it.
enum Value {
    Number(i64),
    Text(String),
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

pub(super) fn list_runs(
    database: &Database<'_>,
    filter: &RunFilter,
    page: &Page,
) -> Result<RunPage, Fault> {
    let mut statement = matching(filter);
    if let Some(run) = page.after {
        let head = runs::heads(database, &[run])?.pop().flatten();
        let Some((created_at, run)) = position(run, head.map(|head| head.created_at)) else {
            return Ok(RunPage::default());
        };
        let at = || Value::Number(created_at.as_millis());
        let values = [at(), at(), Value::Text(run.to_string())];
        statement.and(
            "r.created_at <= ? AND (r.created_at < ? OR r.rid < ?)",
            values,
        );
    }
    // One more than asked for tells whether there is a next slice.
    let wanted = page.limit.saturating_add(1);
    statement
        .sql
        .push_str(" ORDER BY r.created_at DESC, r.rid DESC LIMIT ?");
    statement.values.push(Value::Number(at_most(wanted)));
    let params: Vec<_> = statement
        .values
        .iter()
        .map(|value| match value {
            Value::Number(number) => Integer(*number),
            Value::Text(text) => SqlParam::Text(text),
        })
        .collect();
    let rows = database.query(&statement.sql, &params)?.into_iter();
    let found: Vec<_> = rows
        .map(|mut row| head(&mut row))
        .collect::<Result<_, _>>()?;
    Ok(listing::page(found, page.limit))
}

fn matching(filter: &RunFilter) -> Statement {
    let mut statement = Statement {
        sql: format!("SELECT {HEAD} FROM @runs r WHERE 1 = 1"),
        values: Vec::new(),
    };
    if !filter.statuses.is_empty() {
        let statuses = filter.statuses.iter();
        statement.and(
            &format!("r.status IN ({})", marks(filter.statuses.len())),
            statuses.map(|status| Value::Text(status.as_str().to_owned())),
        );
    }
    if let Some(workflow) = &filter.workflow {
        statement.and("r.workflow = ?", [Value::Text(workflow.clone())]);
    }
    if let Some(correlation_id) = &filter.correlation_id {
        let hash = fingerprint(&[correlation_id]);
        statement.and("r.correlation_hash = ?", [Value::Text(hash)]);
    }
    for (label, value) in &filter.labels {
        statement.and(
            "EXISTS (SELECT 1 FROM @run_labels l WHERE l.label = ? AND l.value = ?
                AND l.at = r.created_at AND l.rid = r.rid)",
            [Value::Text(label.clone()), Value::Text(value.clone())],
        );
    }
    // Nothing changes before it is created.
    let bounds = [
        ("r.created_at >= ?", filter.created_from),
        ("r.created_at < ?", filter.created_before),
        ("r.updated_at >= ?", filter.updated_from),
        ("r.updated_at < ?", filter.updated_before),
        ("r.created_at < ?", filter.updated_before),
    ];
    for (condition, bound) in bounds {
        if let Some(bound) = bound {
            statement.and(condition, [Value::Number(bound.as_millis())]);
        }
    }
    statement
}
