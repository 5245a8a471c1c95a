//! Messages as rows: publishing, claiming, ending claims.

use rusqlite::{Connection, Rows, params};

use super::delivery::{delivery, delivery_columns, id, number};
use super::fault::Fault;
use crate::adapter::row::{at_most, millis, rank};
use crate::port::{
    ClaimAnswer, Delivery, Lease, MessageId, NewMessage, Priority, Receipt, Receive, StepRef,
    Timestamp, turns,
};

pub(super) fn insert_message(
    db: &Connection,
    message: &NewMessage,
    now: Timestamp,
) -> Result<MessageId, Fault> {
    let Some(item) = &message.step else {
        db.prepare_cached(
            "INSERT INTO messages (queue, priority, visible_at, claimed, fence, losses,
                published_at, headers, body)
             VALUES (?1, ?2, ?3, 0, 0, 0, ?4, ?5, ?6)",
        )?
        .execute(params![
            message.queue,
            rank(message.priority),
            message.available_at.as_millis(),
            now.as_millis(),
            message.headers,
            message.body,
        ])?;
        return Ok(id(db.last_insert_rowid()));
    };
    let step = &item.step;
    let inserted = db
        .prepare_cached(
            "INSERT INTO messages (queue, priority, visible_at, claimed, fence, losses,
                published_at, headers, body, rid, scope, node, attempt, timeout)
             VALUES (?1, ?2, ?3, 0, 0, 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (rid, scope, node, attempt) WHERE rid IS NOT NULL DO NOTHING",
        )?
        .execute(params![
            message.queue,
            rank(message.priority),
            message.available_at.as_millis(),
            now.as_millis(),
            message.headers,
            message.body,
            step.run.as_uuid().as_bytes(),
            step.scope,
            step.node,
            step.attempt,
            millis(item.timeout),
        ])?;
    if inserted == 1 {
        return Ok(id(db.last_insert_rowid()));
    }
    let there = db
        .prepare_cached(
            "SELECT id FROM messages WHERE rid = ?1 AND scope = ?2 AND node = ?3 AND attempt = ?4",
        )?
        .query_row(
            params![
                step.run.as_uuid().as_bytes(),
                step.scope,
                step.node,
                step.attempt
            ],
            |row| row.get(0),
        )?;
    Ok(id(there))
}

pub(super) fn remove_step(db: &Connection, step: &StepRef) -> Result<(), Fault> {
    db.prepare_cached(
        "DELETE FROM messages WHERE rid = ?1 AND scope = ?2 AND node = ?3 AND attempt = ?4",
    )?
    .execute(params![
        step.run.as_uuid().as_bytes(),
        step.scope,
        step.node,
        step.attempt
    ])?;
    Ok(())
}

/// Has an item that nobody holds become visible at another time.
pub(super) fn reschedule_step(
    db: &Connection,
    step: &StepRef,
    at: Timestamp,
    now: Timestamp,
) -> Result<(), Fault> {
    db.prepare_cached(
        "UPDATE messages SET visible_at = ?5, losses = losses + claimed, claimed = 0,
            fence = fence + 1, deadline = NULL
         WHERE rid = ?1 AND scope = ?2 AND node = ?3 AND attempt = ?4
            AND (claimed = 0 OR visible_at <= ?6)",
    )?
    .execute(params![
        step.run.as_uuid().as_bytes(),
        step.scope,
        step.node,
        step.attempt,
        at.as_millis(),
        now.as_millis(),
    ])?;
    Ok(())
}

/// Whether any message of these queues is visible. Lets an idle consumer ask without taking the write lock.
pub(super) fn has_visible(
    db: &Connection,
    queues: &[String],
    now: Timestamp,
) -> Result<bool, Fault> {
    let mut select = db.prepare_cached(
        "SELECT 1 FROM messages WHERE queue = ?1 AND priority = ?2 AND visible_at <= ?3",
    )?;
    for (priority, queue) in turns(queues) {
        if select.exists(params![queue, rank(priority), now.as_millis()])? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn receive(db: &Connection, request: &Receive) -> Result<Vec<Delivery>, Fault> {
    hand_out(db, request, ANY, claim)
}

pub(super) fn relay(db: &Connection, request: &Receive) -> Result<Vec<Delivery>, Fault> {
    hand_out(db, request, STEPS, postpone)
}

fn hand_out(
    db: &Connection,
    request: &Receive,
    select: &str,
    to_caller: fn(&Connection, Found, Lease) -> Result<Delivery, Fault>,
) -> Result<Vec<Delivery>, Fault> {
    let mut taken: Vec<Delivery> = Vec::new();
    for found in visible(db, request, select)? {
        taken.push(to_caller(db, found, request.lease)?);
    }
    if taken.len() == request.in_turn() && request.max > taken.len() {
        for found in eldest(db, request, select, request.max - taken.len())? {
            // A lease of no length leaves those handed out visible.
            let id = &found.delivery.receipt.id;
            if taken.iter().any(|it| it.receipt.id == *id) {
                continue;
            }
            taken.push(to_caller(db, found, request.lease)?);
        }
    }
    Ok(taken)
}

pub(super) fn claim_step(
    db: &Connection,
    step: &StepRef,
    lease: Lease,
) -> Result<ClaimAnswer, Fault> {
    match find_step(db, step)? {
        Some(found) if found.delivery.visible_at == Timestamp::NEVER => Ok(ClaimAnswer::Held {
            until: found.delivery.visible_at,
        }),
        found => claim_unless_held(db, found, lease),
    }
}

pub(super) fn claim_message(
    db: &Connection,
    queue: &str,
    id: &MessageId,
    lease: Lease,
) -> Result<ClaimAnswer, Fault> {
    claim_unless_held(db, find_message(db, queue, id)?, lease)
}

fn claim_unless_held(
    db: &Connection,
    found: Option<Found>,
    lease: Lease,
) -> Result<ClaimAnswer, Fault> {
    match found {
        None => Ok(ClaimAnswer::Gone),
        Some(found) if found.claimed && found.delivery.visible_at > lease.now => {
            Ok(ClaimAnswer::Held {
                until: found.delivery.visible_at,
            })
        }
        Some(found) => claim(db, found, lease).map(ClaimAnswer::Claimed),
    }
}

/// A message as it stands in the table.
struct Found {
    delivery: Delivery,
    claimed: bool,
}

pub(super) const ANY: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    ", claimed FROM messages WHERE queue = ?1 AND priority = ?2 AND visible_at <= ?3
     ORDER BY visible_at, id LIMIT ?4"
);

pub(super) const STEPS: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    ", claimed FROM messages WHERE queue = ?1 AND priority = ?2 AND visible_at <= ?3
        AND rid IS NOT NULL
     ORDER BY visible_at, id LIMIT ?4"
);

/// The visible messages in the order of claiming, one priority of one queue at a time: each is then the front of a part
/// of the index, however much lies behind it.
fn visible(db: &Connection, request: &Receive, select: &str) -> Result<Vec<Found>, Fault> {
    let mut visible = Vec::new();
    for (priority, queue) in request.turns() {
        let limit = request.in_turn() - visible.len();
        front(db, request, select, (priority, queue), limit, &mut visible)?;
    }
    Ok(visible)
}

/// The messages visible for longest: they are among the fronts of all parts.
fn eldest(
    db: &Connection,
    request: &Receive,
    select: &str,
    limit: usize,
) -> Result<Vec<Found>, Fault> {
    let mut eldest = Vec::new();
    for turn in request.turns() {
        front(db, request, select, turn, limit, &mut eldest)?;
    }
    eldest.sort_by_key(|found| {
        let delivery = &found.delivery;
        (delivery.visible_at, number(&delivery.receipt.id))
    });
    eldest.truncate(limit);
    Ok(eldest)
}

fn front(
    db: &Connection,
    request: &Receive,
    select: &str,
    (priority, queue): (Priority, &str),
    limit: usize,
    found: &mut Vec<Found>,
) -> Result<(), Fault> {
    if limit == 0 {
        return Ok(());
    }
    let now = request.lease.now.as_millis();
    let mut select = db.prepare_cached(select)?;
    let mut rows = select.query(params![queue, rank(priority), now, at_most(limit)])?;
    while let Some(row) = rows.next()? {
        found.push(Found {
            delivery: delivery(row)?,
            claimed: row.get(15)?,
        });
    }
    Ok(())
}

fn find_step(db: &Connection, step: &StepRef) -> Result<Option<Found>, Fault> {
    let mut select = db.prepare_cached(concat!(
        "SELECT ",
        delivery_columns!(),
        ", claimed FROM messages WHERE rid = ?1 AND scope = ?2 AND node = ?3 AND attempt = ?4"
    ))?;
    found(select.query(params![
        step.run.as_uuid().as_bytes(),
        step.scope,
        step.node,
        step.attempt
    ])?)
}

fn find_message(db: &Connection, queue: &str, id: &MessageId) -> Result<Option<Found>, Fault> {
    let mut select = db.prepare_cached(concat!(
        "SELECT ",
        delivery_columns!(),
        ", claimed FROM messages WHERE id = ?1 AND queue = ?2 AND rid IS NULL"
    ))?;
    found(select.query(params![number(id), queue])?)
}

fn found(mut rows: Rows<'_>) -> Result<Option<Found>, Fault> {
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Found {
        delivery: delivery(row)?,
        claimed: row.get(15)?,
    }))
}

fn claim(db: &Connection, found: Found, lease: Lease) -> Result<Delivery, Fault> {
    let mut delivery = found.handed_out(lease);
    delivery.receipt.fence = delivery.receipt.fence.saturating_add(1);
    if let Some(item) = &delivery.step {
        let first = lease.now.after(item.timeout);
        delivery.deadline.get_or_insert(first);
    }
    db.prepare_cached(
        "UPDATE messages SET visible_at = ?2, claimed = 1, fence = ?3, losses = ?4, deadline = ?5
         WHERE id = ?1",
    )?
    .execute(params![
        number(&delivery.receipt.id),
        delivery.visible_at.as_millis(),
        delivery.receipt.fence.cast_signed(),
        delivery.losses,
        delivery.deadline.map(Timestamp::as_millis),
    ])?;
    Ok(delivery)
}

fn postpone(db: &Connection, found: Found, lease: Lease) -> Result<Delivery, Fault> {
    let delivery = found.handed_out(lease);
    db.prepare_cached(
        "UPDATE messages SET visible_at = ?2, claimed = 0, losses = ?3 WHERE id = ?1",
    )?
    .execute(params![
        number(&delivery.receipt.id),
        delivery.visible_at.as_millis(),
        delivery.losses,
    ])?;
    Ok(delivery)
}

impl Found {
    /// A message that is handed out while it counts as claimed was lost by its holder.
    fn handed_out(self, lease: Lease) -> Delivery {
        let mut delivery = self.delivery;
        delivery.losses = delivery.losses.saturating_add(self.claimed.into());
        delivery.visible_at = lease.until();
        delivery
    }
}

pub(super) fn ack(db: &Connection, receipt: &Receipt) -> Result<bool, Fault> {
    let removed = db
        .prepare_cached("DELETE FROM messages WHERE id = ?1 AND fence = ?2 AND claimed = 1")?
        .execute(params![number(&receipt.id), receipt.fence.cast_signed()])?;
    Ok(removed == 1)
}

pub(super) fn release(db: &Connection, receipt: &Receipt, at: Timestamp) -> Result<bool, Fault> {
    let released = db
        .prepare_cached(
            "UPDATE messages SET visible_at = ?3, claimed = 0, deadline = NULL
             WHERE id = ?1 AND fence = ?2",
        )?
        .execute(params![
            number(&receipt.id),
            receipt.fence.cast_signed(),
            at.as_millis()
        ])?;
    Ok(released == 1)
}

pub(super) fn extend(db: &Connection, receipt: &Receipt, until: Timestamp) -> Result<bool, Fault> {
    let extended = db
        .prepare_cached(
            "UPDATE messages SET visible_at = ?3 WHERE id = ?1 AND fence = ?2 AND claimed = 1",
        )?
        .execute(params![
            number(&receipt.id),
            receipt.fence.cast_signed(),
            until.as_millis()
        ])?;
    Ok(extended == 1)
}

pub(super) fn reject(
    db: &Connection,
    receipt: &Receipt,
    dead_letter_queue: &str,
    headers: Option<&[u8]>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rejected = db
        .prepare_cached(
            "UPDATE messages SET queue = ?3, visible_at = ?4, claimed = 0, rid = NULL, scope = NULL,
                node = NULL, attempt = NULL, timeout = NULL, deadline = NULL, losses = 0,
                headers = coalesce(?5, headers)
             WHERE id = ?1 AND fence = ?2 AND claimed = 1",
        )?
        .execute(params![
            number(&receipt.id),
            receipt.fence.cast_signed(),
            dead_letter_queue,
            now.as_millis(),
            headers,
        ])?;
    Ok(rejected == 1)
}
