//! Looking at queues without claiming.

use rusqlite::{Connection, Params, params};

use super::delivery::{delivery, delivery_columns, number};
use super::fault::Fault;
use super::value::count;
use crate::adapter::row::at_most;
use crate::port::{Delivery, MessageId, QueueCounts, RunId, Timestamp};

pub(super) fn overdue(
    db: &Connection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Delivery>, Fault> {
    deliveries(
        db,
        concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM messages WHERE deadline <= ?1 ORDER BY deadline, id LIMIT ?2"
        ),
        params![now.as_millis(), at_most(limit)],
    )
}

pub(super) fn list(
    db: &Connection,
    queue: &str,
    after: Option<&MessageId>,
    limit: usize,
) -> Result<Vec<Delivery>, Fault> {
    // Finding the ids first, in the index, keeps an empty queue from being looked for among another's many messages.
    deliveries(
        db,
        concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM messages WHERE id IN (
                SELECT id FROM messages INDEXED BY messages_by_turn WHERE queue = ?1 AND id > ?2
                ORDER BY id LIMIT ?3
             ) ORDER BY id"
        ),
        params![queue, after.map_or(0, number), at_most(limit)],
    )
}

pub(super) fn items_of(db: &Connection, run: &RunId) -> Result<Vec<Delivery>, Fault> {
    deliveries(
        db,
        concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM messages WHERE rid = ?1 ORDER BY id"
        ),
        params![run.as_uuid().as_bytes()],
    )
}

pub(super) fn find(
    db: &Connection,
    queue: &str,
    id: &MessageId,
) -> Result<Option<Delivery>, Fault> {
    let found = deliveries(
        db,
        concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM messages WHERE id = ?1 AND queue = ?2"
        ),
        params![number(id), queue],
    )?;
    Ok(found.into_iter().next())
}

fn deliveries(db: &Connection, sql: &str, params: impl Params) -> Result<Vec<Delivery>, Fault> {
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(delivery(row)?);
    }
    Ok(found)
}

pub(super) fn counts(db: &Connection, queue: &str, now: Timestamp) -> Result<QueueCounts, Fault> {
    let mut select = db.prepare_cached(
        "SELECT count(*) FILTER (WHERE visible_at <= ?2),
            count(*) FILTER (WHERE visible_at > ?2 AND claimed = 0),
            count(*) FILTER (WHERE visible_at > ?2 AND claimed = 1)
         FROM messages INDEXED BY messages_by_turn WHERE queue = ?1",
    )?;
    let mut rows = select.query(params![queue, now.as_millis()])?;
    match rows.next()? {
        None => Ok(QueueCounts::default()),
        Some(row) => Ok(QueueCounts {
            ready: count(row, 0)?,
            delayed: count(row, 1)?,
            leased: count(row, 2)?,
        }),
    }
}
