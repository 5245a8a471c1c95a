//! How values of the ports stand in columns.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::connection::{SqlField, SqlParam};
use super::fault::Fault;
use crate::adapter::row;
use crate::port::{
    Delivery, Labels, MessageId, PlanHash, Priority, Receipt, RunHead, RunId, RunStatus, StepItem,
    StepRef, Timestamp, Version,
};

/// The columns [`head`] reads, in its order.
pub(super) const HEAD: &str = "r.rid, r.version, r.workflow, r.plan, r.status, r.priority, \
    r.idempotency_key, r.correlation_id, r.progress, r.current_step, r.error, r.created_at, \
    r.updated_at, r.ended_at, r.labels";
/// How many they are.
pub(super) const HEAD_COLUMNS: usize = 15;

/// The columns [`delivery`] reads, in its order.
pub(super) const DELIVERY: &str = "id, fence, queue, priority, published_at, visible_at, body, \
    headers, rid, scope, node, attempt, timeout, deadline, losses, claimed";

/// A row of an answer.
#[derive(Debug)]
pub(super) struct Row(pub(super) Vec<SqlField>);

impl Row {
    pub(super) fn maybe_number(&self, column: usize) -> Result<Option<i64>, Fault> {
        match self.0.get(column) {
            None | Some(SqlField::Null) => Ok(None),
            Some(SqlField::Integer(number)) => Ok(Some(*number)),
            Some(SqlField::Bytes(text)) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse().ok())
                .map(Some)
                .ok_or_else(|| Fault::damaged("a row", "there is text where a number belongs")),
        }
    }

    pub(super) fn number(&self, column: usize) -> Result<i64, Fault> {
        self.maybe_number(column)?
            .ok_or_else(|| Fault::damaged("a row", "a number is missing"))
    }

    /// A number that is never negative.
    pub(super) fn count<T: TryFrom<i64>>(&self, column: usize) -> Result<T, Fault> {
        let number = self.number(column)?;
        T::try_from(number)
            .map_err(|_| Fault::damaged("a row", format!("{number} stands where it cannot")))
    }

    pub(super) fn time(&self, column: usize) -> Result<Timestamp, Fault> {
        self.number(column).map(Timestamp::from_millis)
    }

    pub(super) fn maybe_time(&self, column: usize) -> Result<Option<Timestamp>, Fault> {
        Ok(self.maybe_number(column)?.map(Timestamp::from_millis))
    }

    pub(super) fn bytes(&mut self, column: usize) -> Vec<u8> {
        match self.0.get_mut(column) {
            Some(SqlField::Bytes(bytes)) => std::mem::take(bytes),
            _ => Vec::new(),
        }
    }

    pub(super) fn maybe_text(&mut self, column: usize) -> Result<Option<String>, Fault> {
        match self.0.get_mut(column) {
            None | Some(SqlField::Null) => Ok(None),
            Some(SqlField::Integer(number)) => Ok(Some(number.to_string())),
            Some(SqlField::Bytes(text)) => String::from_utf8(std::mem::take(text))
                .map(Some)
                .map_err(|error| Fault::damaged("a row", error.to_string())),
        }
    }

    pub(super) fn text(&mut self, column: usize) -> Result<String, Fault> {
        self.maybe_text(column)?
            .ok_or_else(|| Fault::damaged("a row", "a text is missing"))
    }

    pub(super) fn run_id(&mut self, column: usize) -> Result<RunId, Fault> {
        let text = self.text(column)?;
        text.parse()
            .map_err(|_| Fault::damaged("a row", format!("`{text}` is no run")))
    }

    pub(super) fn priority(&self, column: usize) -> Result<Priority, Fault> {
        let rank = self.count(column)?;
        row::priority(rank).ok_or_else(|| Fault::damaged("a row", format!("no priority is {rank}")))
    }
}

pub(super) fn head(row: &mut Row) -> Result<RunHead, Fault> {
    let run = row.run_id(0)?;
    let status = row.text(4)?;
    let status = RunStatus::parse(&status)
        .ok_or_else(|| Fault::damaged(format!("run {run}"), format!("no status is `{status}`")))?;
    Ok(RunHead {
        run,
        version: Version(row.count(1)?),
        workflow: row.text(2)?,
        plan: PlanHash(row.text(3)?),
        status,
        priority: row.priority(5)?,
        idempotency_key: row.maybe_text(6)?,
        correlation_id: row.maybe_text(7)?,
        progress: row.count(8)?,
        current_step: row.maybe_text(9)?,
        error: row.maybe_text(10)?,
        created_at: row.time(11)?,
        updated_at: row.time(12)?,
        ended_at: row.maybe_time(13)?,
        labels: match row.maybe_text(14)? {
            None => Labels::new(),
            Some(json) => serde_json::from_str(&json).map_err(|error| {
                Fault::damaged(format!("the labels of run {run}"), error.to_string())
            })?,
        },
    })
}

/// A message as it stands in its table.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) delivery: Delivery,
    pub(super) claimed: bool,
}

pub(super) fn delivery(row: &mut Row) -> Result<Found, Fault> {
    let step = match row.maybe_text(8)? {
        None => None,
        Some(run) => Some(StepItem {
            step: StepRef {
                run: run
                    .parse()
                    .map_err(|_| Fault::damaged("a message", format!("`{run}` is no run")))?,
                scope: row.count(9)?,
                node: row.count(10)?,
                attempt: row.count(11)?,
            },
            timeout: Duration::from_millis(row.count(12)?),
        }),
    };
    Ok(Found {
        delivery: Delivery {
            receipt: Receipt {
                id: MessageId(row.text(0)?),
                fence: row.count(1)?,
            },
            queue: row.text(2)?,
            priority: row.priority(3)?,
            published_at: row.time(4)?,
            visible_at: row.time(5)?,
            body: row.bytes(6),
            headers: row.bytes(7),
            step,
            deadline: row.maybe_time(13)?,
            losses: row.count(14)?,
        },
        claimed: row.number(15)? != 0,
    })
}

pub(super) fn maybe_text(text: Option<&str>) -> SqlParam<'_> {
    text.map_or(SqlParam::Null, SqlParam::Text)
}

pub(super) fn maybe_time(time: Option<Timestamp>) -> SqlParam<'static> {
    time.map_or(SqlParam::Null, self::time)
}

pub(super) const fn time(time: Timestamp) -> SqlParam<'static> {
    SqlParam::Integer(time.as_millis())
}

/// What unlimited text is found by, as indexes take only so much of it.
pub(super) fn fingerprint(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
