//! Messages as rows: publishing, claiming, looking at them.

use std::collections::HashMap;

use uuid::Uuid;

use super::connection::SqlParam::{self, Bytes, Integer, Null, Text};
use super::database::{Database, ROWS, marks, rows_of_marks};
use super::fault::Fault;
use super::value::{DELIVERY, Found, delivery, time};
use crate::adapter::row::{at_most, millis, rank};
use crate::port::{
    ClaimAnswer, Delivery, Lease, MessageId, NewMessage, Priority, QueueCounts, Receive, RunId,
    StepRef, Timestamp, turns,
};

/// One INSERT takes no more bytes of messages than this, or one message: databases have bounds on what they are sent.
const BYTES: usize = 1024 * 1024;

const INSERT: &str = "INSERT INTO @messages (id, queue, priority, visible_at, claimed, fence, \
    losses, published_at, headers, body, rid, scope, node, attempt, timeout) VALUES ";
const OF_STEP: &str = "rid = ? AND scope = ? AND node = ? AND attempt = ?";

/// A message with what its row needs besides.
struct Fresh<'a> {
    id: String,
    run: Option<String>,
    message: &'a NewMessage,
}

impl Fresh<'_> {
    fn params(&self, now: Timestamp) -> [SqlParam<'_>; 15] {
        let message = self.message;
        let step = message.step.as_ref();
        let number = |number: Option<u32>| number.map_or(Null, |number| Integer(number.into()));
        [
            Text(&self.id),
            Text(&message.queue),
            Integer(rank(message.priority).into()),
            time(message.available_at),
            Integer(0),
            Integer(0),
            Integer(0),
            time(now),
            Bytes(&message.headers),
            Bytes(&message.body),
            super::value::maybe_text(self.run.as_deref()),
            number(step.map(|item| item.step.scope)),
            number(step.map(|item| item.step.node)),
            number(step.map(|item| item.step.attempt)),
            step.map_or(Null, |item| Integer(millis(item.timeout))),
        ]
    }
}

/// Publishes; the ids are in the order of the messages. An attempt that has an item keeps it.
pub(super) fn insert(
    database: &Database<'_>,
    messages: &[NewMessage],
    now: Timestamp,
) -> Result<Vec<MessageId>, Fault> {
    let mut fresh: Vec<_> = messages
        .iter()
        .map(|message| Fresh {
            id: Uuid::now_v7().to_string(),
            run: message.step.map(|item| item.step.run.to_string()),
            message,
        })
        .collect();
    let (items, plain): (Vec<_>, Vec<_>) = fresh.iter().partition(|it| it.run.is_some());
    for batch in batches(&plain) {
        let sql = format!("{INSERT}{}", rows_of_marks(batch.len(), 15));
        let params: Vec<_> = batch.iter().flat_map(|it| it.params(now)).collect();
        database.execute(&sql, &params)?;
    }
    let mut there = HashMap::new();
    for item in items {
        let sql = format!("{INSERT}{}", rows_of_marks(1, 15));
        if !database.insert_new(&sql, &item.params(now))?
            && let Some(step) = &item.message.step
        {
            let found = find_step(database, &step.step, "")?
                .ok_or_else(|| Fault::conflict("the item that was in the way is gone again"))?;
            there.insert(item.id.clone(), found.delivery.receipt.id.0);
        }
    }
    for it in &mut fresh {
        if let Some(id) = there.remove(&it.id) {
            it.id = id;
        }
    }
    Ok(fresh.into_iter().map(|it| MessageId(it.id)).collect())
}

fn batches<'a, 'b>(messages: &'b [&'a Fresh<'a>]) -> Vec<&'b [&'a Fresh<'a>]> {
    let mut bytes = 0;
    let mut rows = 0;
    messages
        .chunk_by(|_, next| {
            let size = next.message.body.len() + next.message.headers.len();
            bytes += size;
            rows += 1;
            let goes_on = rows < ROWS && bytes <= BYTES;
            if !goes_on {
                bytes = size;
                rows = 0;
            }
            goes_on
        })
        .collect()
}

fn step_params<'a>(run: &'a str, step: &StepRef) -> [SqlParam<'a>; 4] {
    [
        Text(run),
        Integer(step.scope.into()),
        Integer(step.node.into()),
        Integer(step.attempt.into()),
    ]
}

pub(super) fn remove_steps(database: &Database<'_>, steps: &[StepRef]) -> Result<(), Fault> {
    for step in steps {
        let run = step.run.to_string();
        let sql = format!("DELETE FROM @messages WHERE {OF_STEP}");
        database.execute(&sql, &step_params(&run, step))?;
    }
    Ok(())
}

/// Has an item that nobody holds become visible at another time.
pub(super) fn reschedule_step(
    database: &Database<'_>,
    step: &StepRef,
    at: Timestamp,
    now: Timestamp,
) -> Result<(), Fault> {
    let run = step.run.to_string();
    // MySQL sees the new value of a column in the assignments after it: `losses` comes before `claimed`.
    let sql = format!(
        "UPDATE @messages SET visible_at = ?, losses = losses + claimed, claimed = 0,
            fence = fence + 1, deadline = NULL
         WHERE {OF_STEP} AND (claimed = 0 OR visible_at <= ?)"
    );
    let [run, scope, node, attempt] = step_params(&run, step);
    let params = [time(at), run, scope, node, attempt, time(now)];
    database.execute(&sql, &params).map(drop)
}

/// The queues and priorities that have something visible, in the order of claiming. A consumer that finds none locks
/// nothing.
pub(super) fn visible(
    database: &Database<'_>,
    queues: &[String],
    now: Timestamp,
    only_steps: bool,
) -> Result<Vec<(Priority, String)>, Fault> {
    let places: Vec<_> = turns(queues).collect();
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let condition = turn(only_steps);
    let exists = format!("EXISTS (SELECT 1 FROM @messages WHERE {condition})");
    let sql = format!("SELECT {}", vec![exists; places.len()].join(", "));
    let now = time(now);
    let params: Vec<_> = places
        .iter()
        .flat_map(|(priority, queue)| [Text(queue), Integer(rank(*priority).into()), now])
        .collect();
    let Some(row) = database.first(&sql, &params)? else {
        return Ok(Vec::new());
    };
    let mut visible = Vec::new();
    for (column, (priority, queue)) in places.into_iter().enumerate() {
        if row.number(column)? != 0 {
            visible.push((priority, queue.to_owned()));
        }
    }
    Ok(visible)
}

const fn turn(only_steps: bool) -> &'static str {
    if only_steps {
        "queue = ? AND priority = ? AND visible_at <= ? AND rid IS NOT NULL"
    } else {
        "queue = ? AND priority = ? AND visible_at <= ?"
    }
}

/// What to do with visible messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    /// Claim them, whatever they are.
    Claim,
    /// Put off step items, for a relay.
    Relay,
}

/// Takes what is visible in these places: most urgent first, then those visible for longest.
pub(super) fn take(
    database: &Database<'_>,
    request: &Receive,
    places: &[(Priority, String)],
    taking: Taking,
) -> Result<Vec<Delivery>, Fault> {
    let mut found = Vec::new();
    for place in places {
        let limit = request.in_turn() - found.len();
        front(database, request, place, taking, limit, &mut found)?;
    }
    let mut taken = hand_out(database, found, request.lease, taking)?;
    let left = request.max.saturating_sub(taken.len());
    if taken.len() < request.in_turn() || left == 0 {
        return Ok(taken);
    }
    // They are among the fronts of all places.
    let mut eldest = Vec::new();
    for place in places {
        front(database, request, place, taking, left, &mut eldest)?;
    }
    // A lease of no length leaves those handed out visible.
    eldest.retain(|found| {
        let id = &found.delivery.receipt.id;
        !taken.iter().any(|it| it.receipt.id == *id)
    });
    eldest.sort_by_key(|found| {
        let delivery = &found.delivery;
        (delivery.visible_at, delivery.receipt.id.clone())
    });
    eldest.truncate(left);
    taken.extend(hand_out(database, eldest, request.lease, taking)?);
    Ok(taken)
}

fn front(
    database: &Database<'_>,
    request: &Receive,
    (priority, queue): &(Priority, String),
    taking: Taking,
    limit: usize,
    found: &mut Vec<Found>,
) -> Result<(), Fault> {
    if limit == 0 {
        return Ok(());
    }
    let sql = format!(
        "SELECT {DELIVERY} FROM @messages WHERE {} ORDER BY visible_at, id LIMIT ?{}",
        turn(taking == Taking::Relay),
        database.dialect.for_update_of_free()
    );
    let params = [
        Text(queue),
        Integer(rank(*priority).into()),
        time(request.lease.now),
        Integer(at_most(limit)),
    ];
    for mut row in database.query(&sql, &params)? {
        found.push(delivery(&mut row)?);
    }
    Ok(())
}

/// Notes that these messages are taken.
fn hand_out(
    database: &Database<'_>,
    found: Vec<Found>,
    lease: Lease,
    taking: Taking,
) -> Result<Vec<Delivery>, Fault> {
    // As above, `losses` and `deadline` see what was.
    let (change, params) = match taking {
        Taking::Claim => (
            "losses = losses + claimed, claimed = 1, fence = fence + 1, visible_at = ?,
             deadline = CASE WHEN rid IS NULL THEN NULL WHEN deadline IS NOT NULL THEN deadline
                WHEN timeout > ? THEN ? ELSE timeout + ? END",
            vec![
                time(lease.until()),
                Integer(i64::MAX.saturating_sub(lease.now.as_millis())),
                time(Timestamp::NEVER),
                time(lease.now),
            ],
        ),
        Taking::Relay => (
            "losses = losses + claimed, claimed = 0, visible_at = ?",
            vec![time(lease.until())],
        ),
    };
    for found in found.chunks(ROWS) {
        let ids = found.iter().map(|it| Text(&it.delivery.receipt.id.0));
        let params: Vec<_> = params.iter().copied().chain(ids).collect();
        let marks = marks(found.len());
        let sql = format!("UPDATE @messages SET {change} WHERE id IN ({marks})");
        database.execute(&sql, &params)?;
    }
    Ok(found
        .into_iter()
        .map(|found| found.handed_out(lease, taking))
        .collect())
}

impl Found {
    /// The message as the statement of [`hand_out`] leaves it. One that is handed out while it counts as claimed was lost
    /// by its holder.
    fn handed_out(self, lease: Lease, taking: Taking) -> Delivery {
        let mut delivery = self.delivery;
        delivery.losses = delivery.losses.saturating_add(self.claimed.into());
        delivery.visible_at = lease.until();
        if taking == Taking::Claim {
            delivery.receipt.fence = delivery.receipt.fence.saturating_add(1);
            if let Some(item) = &delivery.step {
                delivery
                    .deadline
                    .get_or_insert(lease.now.after(item.timeout));
            }
        }
        delivery
    }
}

pub(super) fn claim_step(
    database: &Database<'_>,
    step: &StepRef,
    lease: Lease,
) -> Result<ClaimAnswer, Fault> {
    match find_step(database, step, database.dialect.for_update())? {
        Some(found) if found.delivery.visible_at == Timestamp::NEVER => Ok(ClaimAnswer::Held {
            until: found.delivery.visible_at,
        }),
        found => claim_unless_held(database, found, lease),
    }
}

pub(super) fn claim_message(
    database: &Database<'_>,
    queue: &str,
    id: &MessageId,
    lease: Lease,
) -> Result<ClaimAnswer, Fault> {
    let sql = format!(
        "SELECT {DELIVERY} FROM @messages WHERE id = ? AND queue = ? AND rid IS NULL{}",
        database.dialect.for_update()
    );
    let row = database.first(&sql, &[Text(&id.0), Text(queue)])?;
    let found = row.map(|mut row| delivery(&mut row)).transpose()?;
    claim_unless_held(database, found, lease)
}

fn claim_unless_held(
    database: &Database<'_>,
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
        Some(found) => {
            let claimed = hand_out(database, vec![found], lease, Taking::Claim)?;
            let claimed = claimed.into_iter().next();
            Ok(claimed.map_or(ClaimAnswer::Gone, ClaimAnswer::Claimed))
        }
    }
}

fn find_step(database: &Database<'_>, step: &StepRef, lock: &str) -> Result<Option<Found>, Fault> {
    let run = step.run.to_string();
    let sql = format!("SELECT {DELIVERY} FROM @messages WHERE {OF_STEP}{lock}");
    let row = database.first(&sql, &step_params(&run, step))?;
    row.map(|mut row| delivery(&mut row)).transpose()
}

fn deliveries(
    database: &Database<'_>,
    rest: &str,
    params: &[SqlParam<'_>],
) -> Result<Vec<Delivery>, Fault> {
    let sql = format!("SELECT {DELIVERY} FROM @messages WHERE {rest}");
    let rows = database.query(&sql, params)?.into_iter();
    rows.map(|mut row| Ok(delivery(&mut row)?.delivery))
        .collect()
}

pub(super) fn overdue(
    database: &Database<'_>,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Delivery>, Fault> {
    let params = [time(now), Integer(at_most(limit))];
    deliveries(
        database,
        "deadline <= ? ORDER BY deadline, id LIMIT ?",
        &params,
    )
}

pub(super) fn list(
    database: &Database<'_>,
    queue: &str,
    after: Option<&MessageId>,
    limit: usize,
) -> Result<Vec<Delivery>, Fault> {
    let after = after.map_or("", |id| id.0.as_str());
    let params = [Text(queue), Text(after), Integer(at_most(limit))];
    deliveries(
        database,
        "queue = ? AND id > ? ORDER BY id LIMIT ?",
        &params,
    )
}

pub(super) fn items_of(database: &Database<'_>, run: &RunId) -> Result<Vec<Delivery>, Fault> {
    deliveries(database, "rid = ? ORDER BY id", &[Text(&run.to_string())])
}

pub(super) fn find(
    database: &Database<'_>,
    queue: &str,
    id: &MessageId,
) -> Result<Option<Delivery>, Fault> {
    let found = deliveries(
        database,
        "id = ? AND queue = ?",
        &[Text(&id.0), Text(queue)],
    )?;
    Ok(found.into_iter().next())
}

pub(super) fn counts(
    database: &Database<'_>,
    queue: &str,
    now: Timestamp,
) -> Result<QueueCounts, Fault> {
    let sum = |condition| format!("COALESCE(SUM(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)");
    let sql = format!(
        "SELECT {}, {}, {} FROM @messages WHERE queue = ?",
        sum("visible_at <= ?"),
        sum("visible_at > ? AND claimed = 0"),
        sum("visible_at > ? AND claimed = 1"),
    );
    let now = time(now);
    match database.first(&sql, &[now, now, now, Text(queue)])? {
        None => Ok(QueueCounts::default()),
        Some(row) => Ok(QueueCounts {
            ready: row.count(0)?,
            delayed: row.count(1)?,
            leased: row.count(2)?,
        }),
    }
}
