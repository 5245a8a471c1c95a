//! A message read from its row.

use std::time::Duration;

use rusqlite::Row;

use super::fault::Fault;
use super::value::{maybe_time, priority, run_id, time};
use crate::port::{Delivery, MessageId, Receipt, StepItem, StepRef};

/// The columns [`delivery`] reads, in its order.
macro_rules! delivery_columns {
    () => {
        "id, fence, queue, priority, published_at, visible_at, body, headers, rid, scope, node,
         attempt, timeout, deadline, losses"
    };
}
pub(super) use delivery_columns;

pub(super) fn delivery(row: &Row<'_>) -> Result<Delivery, Fault> {
    let rid: Option<[u8; 16]> = row.get(8)?;
    let step = match rid {
        None => None,
        Some(_) => Some(StepItem {
            step: StepRef {
                run: run_id(row, 8)?,
                scope: row.get(9)?,
                node: row.get(10)?,
                attempt: row.get(11)?,
            },
            timeout: Duration::from_millis(row.get::<_, i64>(12)?.cast_unsigned()),
        }),
    };
    Ok(Delivery {
        receipt: Receipt {
            id: id(row.get(0)?),
            fence: row.get::<_, i64>(1)?.cast_unsigned(),
        },
        queue: row.get(2)?,
        priority: priority(row, 3)?,
        published_at: time(row, 4)?,
        visible_at: time(row, 5)?,
        body: row.get(6)?,
        headers: row.get(7)?,
        step,
        deadline: maybe_time(row, 13)?,
        losses: row.get(14)?,
    })
}

pub(super) fn id(number: i64) -> MessageId {
    MessageId(number.to_string())
}

/// What is no number of ours names no message; neither does 0.
pub(super) fn number(id: &MessageId) -> i64 {
    id.0.parse().unwrap_or(0)
}
