//! Messages as rows: publishing, claiming, ending claims.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use tokio_postgres::Row;

use super::commit::of_steps;
use super::delivery::{delivery, delivery_columns, id, number};
use super::fault::Fault;
use super::front::{Fronts, START};
use super::session::{Call, Session};
use super::value::{count, get, maybe_time, text};
use crate::adapter::row::{at_most, millis, rank};
use crate::port::{
    ClaimAnswer, Delivery, Lease, MessageId, NewMessage, Receipt, Receive, StepRef, Timestamp,
    turns,
};

const INSERT: &str = "INSERT INTO ossa.messages (queue, priority, visible_at, claimed, fence, losses, published_at,
        run_id, scope, node, attempt, timeout, headers, body)
    SELECT new.queue, new.priority, new.visible_at, false, 0, 0, new.published_at, new.run_id, new.scope, new.node,
        new.attempt, new.timeout, new.headers, new.body
    FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::bigint[], $7::bigint[],
        $8::bigint[], $9::bigint[], $10::bytea[], $11::bytea[]) WITH ORDINALITY
        AS new (queue, priority, visible_at, published_at, run_id, scope, node, attempt, timeout, headers, body, place)
    ORDER BY new.place
    ON CONFLICT (run_id, scope, node, attempt) WHERE run_id IS NOT NULL DO NOTHING
    RETURNING id, run_id IS NULL";

const FIND_STEPS: &str = "SELECT item.place - 1, m.id
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
        AS item (run_id, scope, node, attempt, place)
    JOIN ossa.messages AS m ON m.run_id = item.run_id AND m.scope = item.scope AND m.node = item.node
        AND m.attempt = item.attempt";

/// The statement that stores messages, each with when it was published.
pub(super) fn insert<'a>(messages: &[(&'a NewMessage, Timestamp)]) -> Call<'a> {
    let all = || messages.iter().map(|(message, _)| *message);
    let items = || all().map(|it| it.step.as_ref());
    let steps = || items().map(|it| it.map(|it| &it.step));
    Call::new(INSERT)
        .column(all().map(|it| text(&it.queue)))
        .column(all().map(|it| i16::from(rank(it.priority))))
        .column(all().map(|it| it.available_at.as_millis()))
        .column(messages.iter().map(|(_, at)| at.as_millis()))
        .column(steps().map(|it| it.map(|it| it.run.as_uuid())))
        .column(steps().map(|it| it.map(|it| i64::from(it.scope))))
        .column(steps().map(|it| it.map(|it| i64::from(it.node))))
        .column(steps().map(|it| it.map(|it| i64::from(it.attempt))))
        .column(items().map(|it| it.map(|it| millis(it.timeout))))
        .column(all().map(|it| it.headers.as_slice()))
        .column(all().map(|it| it.body.as_slice()))
}

pub(super) fn publish(
    session: &mut Session,
    messages: &[NewMessage],
    now: Timestamp,
) -> Result<Vec<MessageId>, Fault> {
    let rows: Vec<_> = messages.iter().map(|it| (it, now)).collect();
    let steps: Vec<_> = messages
        .iter()
        .filter_map(|it| it.step.as_ref().map(|it| &it.step))
        .collect();
    if steps.is_empty() {
        return in_order(&session.durably(insert(&rows), true)?);
    }
    let mut answers = session.begin(&[insert(&rows)])?.into_iter();
    let ordinary = in_order(&answers.next().unwrap_or_default())?;
    let found = session.read(of_steps(FIND_STEPS, &steps))?;
    let mut by_place = HashMap::new();
    for row in found {
        by_place.insert(count(&row, 0)?, id(get(&row, 1)?));
    }
    let (mut ordinary, mut places) = (ordinary.into_iter(), 0..);
    let ids = messages.iter().map(|message| match message.step {
        None => ordinary.next(),
        Some(_) => places.next().and_then(|place| by_place.remove(&place)),
    });
    // An item that was there has been settled since: the next try stores the one given.
    let ids = ids.collect::<Option<_>>().ok_or(Fault::Overtaken)?;
    session.commit(&[], true)?;
    Ok(ids)
}

/// The ids of ordinary messages: they are given in the order of the rows.
fn in_order(rows: &[Row]) -> Result<Vec<MessageId>, Fault> {
    let mut ids = Vec::with_capacity(rows.len());
    for row in rows {
        if get(row, 1)? {
            ids.push(get::<i64>(row, 0)?);
        }
    }
    ids.sort_unstable();
    Ok(ids.into_iter().map(id).collect())
}

/// A statement that fills places by urgency, and one that fills places with the eldest.
pub(super) struct HandOut {
    pub(super) in_turn: String,
    pub(super) eldest: String,
}

/// What a claim does to a message. The time of an attempt runs from its first claim; $NOW stands for that moment.
const CLAIMED: &str = "claimed = true, fence = m.fence + 1, losses = m.losses + m.claimed::int,
    deadline = CASE WHEN m.run_id IS NOT NULL
        THEN coalesce(m.deadline, $NOW + least(m.timeout, 9223372036854775807 - $NOW)) END";
const POSTPONED: &str = "claimed = false, losses = m.losses + m.claimed::int";

pub(super) static CLAIM: LazyLock<HandOut> =
    LazyLock::new(|| HandOut::new("", &CLAIMED.replace("$NOW", "$3")));
pub(super) static RELAY: LazyLock<HandOut> =
    LazyLock::new(|| HandOut::new("AND run_id IS NOT NULL", POSTPONED));

impl HandOut {
    /// Of the queues and priorities $1 and $2, what is visible at $3, since $6 at the earliest, and `wanted`, at most $4,
    /// until $5. What others are just claiming is passed over.
    fn new(wanted: &str, set: &str) -> Self {
        let turns = "unnest($1::text[], $2::smallint[], $6::bigint[]) WITH ORDINALITY
            AS turn (queue, priority, front, place)";
        let front = format!(
            "SELECT id, visible_at FROM ossa.messages
            WHERE queue = turn.queue AND priority = turn.priority AND visible_at >= turn.front
                AND visible_at <= $3::bigint {wanted}
            ORDER BY visible_at, id LIMIT $4::bigint"
        );
        let hand_out = |picked: String| {
            format!(
                "WITH picked AS MATERIALIZED ({picked})
                UPDATE ossa.messages AS m SET visible_at = $5::bigint, {set} FROM picked WHERE m.id = picked.id
                RETURNING {}, picked.place, picked.since",
                delivery_columns!()
            )
        };
        Self {
            // One priority of one queue after the other, each the front of a part of the index, until there are enough.
            in_turn: hand_out(format!(
                "SELECT front.id, turn.place, front.visible_at AS since
                FROM {turns} CROSS JOIN LATERAL ({front} FOR UPDATE SKIP LOCKED) AS front LIMIT $4::bigint"
            )),
            // The eldest are among the fronts of all parts.
            eldest: hand_out(format!(
                "SELECT id, 0::bigint AS place, visible_at AS since FROM ossa.messages WHERE id = ANY (ARRAY (
                    SELECT front.id FROM {turns} CROSS JOIN LATERAL ({front}) AS front
                    ORDER BY front.visible_at, front.id LIMIT $4::bigint
                )) AND visible_at <= $3::bigint FOR UPDATE SKIP LOCKED"
            )),
        }
    }

    /// What is taken, each with when it became visible.
    fn take(
        &self,
        session: &mut Session,
        request: &Receive,
        fronts: &[i64],
    ) -> Result<Vec<(i64, Delivery)>, Fault> {
        let mut calls = Vec::new();
        for (sql, places) in [
            (&self.in_turn, request.in_turn()),
            (&self.eldest, request.max.min(request.eldest)),
        ] {
            if places > 0 {
                let call = Call::new(sql.as_str())
                    .column(request.turns().map(|(_, queue)| text(queue)))
                    .column(
                        request
                            .turns()
                            .map(|(priority, _)| i16::from(rank(priority))),
                    )
                    .with(request.lease.now.as_millis())
                    .with(at_most(places))
                    .with(request.lease.until().as_millis())
                    .column(fronts.iter().copied());
                calls.push(call);
            }
        }
        if calls.is_empty() || request.queues.is_empty() {
            return Ok(Vec::new());
        }
        let mut taken = Vec::new();
        for rows in session.quickly(&calls, false)? {
            let mut part = Vec::with_capacity(rows.len());
            for row in &rows {
                let delivery = delivery(row, 0)?;
                let order: (i64, i64) = (get(row, 15)?, get(row, 16)?);
                part.push((order, number(&delivery.receipt.id), delivery));
            }
            // The database returns them in any order.
            part.sort_unstable_by_key(|(order, number, _)| (*order, *number));
            taken.extend(part.into_iter().map(|((_, since), _, it)| (since, it)));
        }
        Ok(taken)
    }
}

pub(super) const HAS_VISIBLE: &str = "SELECT 1 FROM unnest($1::text[], $2::smallint[]) AS turn (queue, priority)
    CROSS JOIN LATERAL (SELECT 1 FROM ossa.messages WHERE queue = turn.queue AND priority = turn.priority
        AND visible_at <= $3::bigint ORDER BY visible_at, id LIMIT 1) AS front
    LIMIT 1";

pub(super) fn has_visible(
    session: &mut Session,
    queues: &[String],
    now: Timestamp,
) -> Result<bool, Fault> {
    let call = Call::new(HAS_VISIBLE)
        .column(turns(queues).map(|(_, queue)| text(queue)))
        .column(turns(queues).map(|(priority, _)| i16::from(rank(priority))))
        .with(now.as_millis());
    Ok(!session.read(call)?.is_empty())
}

fn whole(request: &Receive) -> Vec<i64> {
    request.turns().map(|_| START).collect()
}

/// Claims what is next; see [`Fronts`].
pub(super) fn claim(
    session: &mut Session,
    request: &Receive,
    fronts: &Fronts,
) -> Result<Vec<Delivery>, Fault> {
    let known = fronts.of(request);
    let from = known.clone().unwrap_or_else(|| whole(request));
    let mut taken = CLAIM.take(session, request, &from)?;
    if taken.len() == request.max {
        for (since, delivery) in &taken {
            fronts.reached(delivery.priority, &delivery.queue, *since);
        }
    } else {
        fronts.forget();
        if known.is_some() {
            let rest = Receive {
                max: request.max.saturating_sub(taken.len()),
                eldest: 0,
                ..request.clone()
            };
            taken.extend(CLAIM.take(session, &rest, &whole(request))?);
        }
    }
    Ok(taken.into_iter().map(|(_, delivery)| delivery).collect())
}

/// Postpones step items that are next, for another transport to carry.
pub(super) fn relay(session: &mut Session, request: &Receive) -> Result<Vec<Delivery>, Fault> {
    let taken = RELAY.take(session, request, &whole(request))?;
    Ok(taken.into_iter().map(|(_, delivery)| delivery).collect())
}

/// Claims the one message `found`, unless it is held at $1; until $2.
fn claim_one(found: &str) -> String {
    let set = CLAIMED.replace("$NOW", "$1::bigint");
    format!(
        "WITH found AS MATERIALIZED (SELECT id, claimed, visible_at FROM ossa.messages WHERE {found} FOR UPDATE),
        done AS (
            UPDATE ossa.messages AS m SET visible_at = $2::bigint, {set} FROM found
            WHERE m.id = found.id AND found.visible_at < {} AND NOT (found.claimed AND found.visible_at > $1::bigint)
            RETURNING {}
        ) SELECT found.visible_at AS held_until, done.* FROM found LEFT JOIN done ON true",
        Timestamp::NEVER.as_millis(),
        delivery_columns!()
    )
}

pub(super) static CLAIM_STEP: LazyLock<String> =
    LazyLock::new(|| claim_one("run_id = $3 AND scope = $4 AND node = $5 AND attempt = $6"));
pub(super) static CLAIM_MESSAGE: LazyLock<String> =
    LazyLock::new(|| claim_one("id = $3 AND queue = $4 AND run_id IS NULL"));

pub(super) fn claim_step(
    session: &mut Session,
    step: &StepRef,
    lease: Lease,
) -> Result<ClaimAnswer, Fault> {
    let call = Call::new(CLAIM_STEP.as_str())
        .with(lease.now.as_millis())
        .with(lease.until().as_millis())
        .with(step.run.as_uuid())
        .with(i64::from(step.scope))
        .with(i64::from(step.node))
        .with(i64::from(step.attempt));
    claim_answer(session, call)
}

pub(super) fn claim_message(
    session: &mut Session,
    queue: &str,
    id: &MessageId,
    lease: Lease,
) -> Result<ClaimAnswer, Fault> {
    let call = Call::new(CLAIM_MESSAGE.as_str())
        .with(lease.now.as_millis())
        .with(lease.until().as_millis())
        .with(number(id))
        .with(text(queue));
    claim_answer(session, call)
}

fn claim_answer(session: &mut Session, call: Call<'_>) -> Result<ClaimAnswer, Fault> {
    let rows = session.quickly(&[call], false)?.pop().unwrap_or_default();
    let Some(row) = rows.first() else {
        return Ok(ClaimAnswer::Gone);
    };
    match get::<Option<i64>>(row, 1)? {
        Some(_) => Ok(ClaimAnswer::Claimed(delivery(row, 1)?)),
        None => Ok(ClaimAnswer::Held {
            until: maybe_time(row, 0)?.unwrap_or_default(),
        }),
    }
}

/// What a receipt must still be good for.
const HELD: &str = "AND m.claimed";

/// Does `change` to the messages that the receipts $1 and $2 are good for. `columns` are what else is given with each.
/// Their rows are locked in one order, so that two callers never wait for each other.
fn by_receipt(held: &str, arrays: &str, columns: &str, change: &str) -> String {
    format!(
        "WITH held AS MATERIALIZED (
            SELECT m.id, receipt.* FROM unnest($1::bigint[], $2::bigint[]{arrays}) WITH ORDINALITY
                AS receipt (number, fence{columns}, place)
            JOIN ossa.messages AS m ON m.id = receipt.number AND m.fence = receipt.fence {held}
            ORDER BY m.id FOR UPDATE OF m
        ) {change} RETURNING held.place - 1"
    )
}

static ACK: LazyLock<String> = LazyLock::new(|| {
    by_receipt(
        HELD,
        "",
        "",
        "DELETE FROM ossa.messages AS m USING held WHERE m.id = held.id",
    )
});
static RELEASE: LazyLock<String> = LazyLock::new(|| {
    let change =
        "UPDATE ossa.messages AS m SET visible_at = held.at, claimed = false, deadline = NULL
        FROM held WHERE m.id = held.id";
    by_receipt("", ", $3::bigint[]", ", at", change)
});
static EXTEND: LazyLock<String> = LazyLock::new(|| {
    let change =
        "UPDATE ossa.messages AS m SET visible_at = $3::bigint FROM held WHERE m.id = held.id";
    by_receipt(HELD, "", "", change)
});
static REJECT: LazyLock<String> = LazyLock::new(|| {
    let change = "UPDATE ossa.messages AS m SET queue = $3::text, visible_at = $4::bigint, claimed = false,
        run_id = NULL, scope = NULL, node = NULL, attempt = NULL, timeout = NULL, deadline = NULL, losses = 0,
        headers = coalesce($5::bytea, m.headers) FROM held WHERE m.id = held.id";
    by_receipt(HELD, "", "", change)
});

#[cfg(test)]
pub(super) fn by_receipts() -> [&'static str; 4] {
    [&ACK, &RELEASE, &EXTEND, &REJECT].map(|it| it.as_str())
}

/// Receipts each once, with the places they have among those given.
struct Receipts<'a> {
    each: Vec<&'a Receipt>,
    places: Vec<usize>,
}

impl<'a> Receipts<'a> {
    fn new(receipts: impl Iterator<Item = &'a Receipt>) -> Self {
        let mut known = HashMap::new();
        let mut each = Vec::new();
        let places = receipts.map(|receipt| {
            *known.entry(receipt).or_insert_with(|| {
                each.push(receipt);
                each.len() - 1
            })
        });
        Self {
            places: places.collect(),
            each,
        }
    }

    fn call(&self, sql: &'a str) -> Call<'a> {
        Call::new(sql)
            .column(self.each.iter().map(|it| number(&it.id)))
            .column(self.each.iter().map(|it| it.fence.cast_signed()))
    }

    /// Which of those given were still good. Where a change ends the claim, only the first of equal ones was.
    fn good(&self, rows: &[Row], ends: bool) -> Result<Vec<bool>, Fault> {
        let mut good = HashSet::new();
        for row in rows {
            good.insert(usize::try_from(count(row, 0)?).unwrap_or(usize::MAX));
        }
        let good = self.places.iter().map(|place| match ends {
            true => good.remove(place),
            false => good.contains(place),
        });
        Ok(good.collect())
    }
}

pub(super) fn ack(session: &mut Session, receipts: &[Receipt]) -> Result<Vec<bool>, Fault> {
    let receipts = Receipts::new(receipts.iter());
    let rows = session.quickly(&[receipts.call(&ACK)], false)?.pop();
    receipts.good(&rows.unwrap_or_default(), true)
}

pub(super) fn release(
    session: &mut Session,
    releases: &[(Receipt, Timestamp)],
) -> Result<Vec<bool>, Fault> {
    // Of several for one message the last counts.
    let times: HashMap<_, _> = releases
        .iter()
        .map(|(it, at)| (it, at.as_millis()))
        .collect();
    let receipts = Receipts::new(releases.iter().map(|(it, _)| it));
    let at = receipts.each.iter().map(|it| times.get(it).copied());
    let call = receipts.call(&RELEASE).column(at);
    let rows = session.quickly(&[call], true)?.pop();
    receipts.good(&rows.unwrap_or_default(), false)
}

pub(super) fn extend(
    session: &mut Session,
    receipts: &[Receipt],
    until: Timestamp,
) -> Result<Vec<bool>, Fault> {
    let receipts = Receipts::new(receipts.iter());
    let call = receipts.call(&EXTEND).with(until.as_millis());
    let rows = session.quickly(&[call], false)?.pop();
    receipts.good(&rows.unwrap_or_default(), false)
}

pub(super) fn reject(
    session: &mut Session,
    receipts: &[Receipt],
    dead_letter_queue: &str,
    headers: Option<&[u8]>,
    now: Timestamp,
) -> Result<Vec<bool>, Fault> {
    let receipts = Receipts::new(receipts.iter());
    let call = receipts
        .call(&REJECT)
        .with(text(dead_letter_queue))
        .with(now.as_millis())
        .with(headers);
    let rows = session.durably(call, true)?;
    receipts.good(&rows, true)
}
