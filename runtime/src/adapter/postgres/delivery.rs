//! A message read from its row.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::fault::Fault;
use super::value::{get, maybe_time, priority, run_id, small, time};
use crate::port::{Delivery, MessageId, Receipt, StepItem, StepRef};

/// The columns of a message `m` that [`delivery`] reads, in its order.
macro_rules! delivery_columns {
    () => {
        "m.id, m.fence, m.queue, m.priority, m.published_at, m.visible_at, m.body, m.headers, m.run_id, m.scope, m.node,
         m.attempt, m.timeout, m.deadline, m.losses"
    };
}
pub(super) use delivery_columns;

/// The message whose columns begin with this one.
pub(super) fn delivery(row: &Row, first: usize) -> Result<Delivery, Fault> {
    let run: Option<Uuid> = get(row, first + 8)?;
    let step = match run {
        None => None,
        Some(_) => Some(StepItem {
            step: StepRef {
                run: run_id(row, first + 8)?,
                scope: small(row, first + 9)?,
                node: small(row, first + 10)?,
                attempt: small(row, first + 11)?,
            },
            timeout: Duration::from_millis(get::<i64>(row, first + 12)?.cast_unsigned()),
        }),
    };
    Ok(Delivery {
        receipt: Receipt {
            id: id(get(row, first)?),
            fence: get::<i64>(row, first + 1)?.cast_unsigned(),
        },
        queue: get(row, first + 2)?,
        priority: priority(row, first + 3)?,
        published_at: time(row, first + 4)?,
        visible_at: time(row, first + 5)?,
        body: get(row, first + 6)?,
        headers: get(row, first + 7)?,
        step,
        deadline: maybe_time(row, first + 13)?,
        losses: small(row, first + 14)?,
    })
}

pub(super) fn id(number: i64) -> MessageId {
    MessageId(number.to_string())
}

/// What is no number of ours names no message; neither does 0.
pub(super) fn number(id: &MessageId) -> i64 {
    id.0.parse().unwrap_or(0)
}
