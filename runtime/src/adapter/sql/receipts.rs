//! Ending and prolonging claims.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::connection::SqlParam;
use super::connection::SqlParam::{Bytes, Integer, Text};
use super::database::{Database, ROWS, marks};
use super::fault::Fault;
use super::value::time;
use crate::port::{Receipt, Timestamp};

/// What a receipt is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    Claim,
    /// Nobody has claimed the message since, but the claim was ended.
    Fence,
    Nothing,
}

/// Looks the receipts up, and locks their messages until the end of the transaction: databases that count only rows that
/// became different cannot tell whether an UPDATE found its row.
fn worths(database: &Database<'_>, receipts: &[&Receipt]) -> Result<Vec<Worth>, Fault> {
    let mut found: HashMap<String, (u64, bool)> = HashMap::with_capacity(receipts.len());
    for receipts in receipts.chunks(ROWS) {
        let params: Vec<_> = receipts.iter().map(|it| Text(&it.id.0)).collect();
        let sql = format!(
            "SELECT id, fence, claimed FROM @messages WHERE id IN ({}) ORDER BY id{}",
            marks(params.len()),
            database.dialect.for_update()
        );
        for mut row in database.query(&sql, &params)? {
            found.insert(row.text(0)?, (row.count(1)?, row.number(2)? != 0));
        }
    }
    Ok(receipts
        .iter()
        .map(|receipt| match found.get(&receipt.id.0) {
            Some((fence, claimed)) if *fence == receipt.fence => {
                if *claimed {
                    Worth::Claim
                } else {
                    Worth::Fence
                }
            }
            _ => Worth::Nothing,
        })
        .collect())
}

/// The ids of claims to be ended, each once, and for each receipt whether it is one of them.
fn claims_to_end(
    database: &Database<'_>,
    receipts: &[Receipt],
) -> Result<(Vec<String>, Vec<bool>), Fault> {
    let worths = worths(database, &receipts.iter().collect::<Vec<_>>())?;
    let mut seen = HashSet::with_capacity(receipts.len());
    let mut ids = Vec::with_capacity(receipts.len());
    let done = receipts
        .iter()
        .zip(worths)
        .map(|(receipt, worth)| {
            let ends = worth == Worth::Claim && seen.insert(&receipt.id);
            if ends {
                ids.push(receipt.id.0.clone());
            }
            ends
        })
        .collect();
    Ok((ids, done))
}

/// Runs `sql` with these parameters, followed by the ids.
fn each(
    database: &Database<'_>,
    sql: &str,
    params: &[SqlParam<'_>],
    ids: &[String],
) -> Result<(), Fault> {
    for ids in ids.chunks(ROWS) {
        let sql = format!("{sql} WHERE id IN ({})", marks(ids.len()));
        let ids = ids.iter().map(|id| Text(id));
        let params: Vec<_> = params.iter().copied().chain(ids).collect();
        database.execute(&sql, &params)?;
    }
    Ok(())
}

pub(super) fn ack(database: &Database<'_>, receipts: &[Receipt]) -> Result<Vec<bool>, Fault> {
    let (ids, done) = claims_to_end(database, receipts)?;
    each(database, "DELETE FROM @messages", &[], &ids)?;
    Ok(done)
}

/// The same for one, in one statement.
pub(super) fn ack_one(database: &Database<'_>, receipt: &Receipt) -> Result<bool, Fault> {
    let Ok(fence) = i64::try_from(receipt.fence) else {
        return Ok(false);
    };
    let removed = database.execute(
        "DELETE FROM @messages WHERE id = ? AND fence = ? AND claimed = 1",
        &[Text(&receipt.id.0), Integer(fence)],
    )?;
    Ok(removed > 0)
}

pub(super) fn release(
    database: &Database<'_>,
    releases: &[(Receipt, Timestamp)],
) -> Result<Vec<bool>, Fault> {
    let receipts: Vec<_> = releases.iter().map(|(receipt, _)| receipt).collect();
    let done: Vec<_> = worths(database, &receipts)?
        .into_iter()
        .map(|worth| worth != Worth::Nothing)
        .collect();
    let mut by_time: BTreeMap<Timestamp, Vec<String>> = BTreeMap::new();
    for ((receipt, at), done) in releases.iter().zip(&done) {
        if *done {
            by_time.entry(*at).or_default().push(receipt.id.0.clone());
        }
    }
    for (at, ids) in by_time {
        let sql = "UPDATE @messages SET visible_at = ?, claimed = 0, deadline = NULL";
        each(database, sql, &[time(at)], &ids)?;
    }
    Ok(done)
}

pub(super) fn extend(
    database: &Database<'_>,
    receipts: &[Receipt],
    until: Timestamp,
) -> Result<Vec<bool>, Fault> {
    let done: Vec<_> = worths(database, &receipts.iter().collect::<Vec<_>>())?
        .into_iter()
        .map(|worth| worth == Worth::Claim)
        .collect();
    let kept = receipts.iter().zip(&done).filter(|(_, done)| **done);
    let ids: Vec<_> = kept.map(|(receipt, _)| receipt.id.0.clone()).collect();
    let sql = "UPDATE @messages SET visible_at = ?";
    each(database, sql, &[time(until)], &ids)?;
    Ok(done)
}

pub(super) fn reject(
    database: &Database<'_>,
    receipts: &[Receipt],
    dead_letter_queue: &str,
    headers: Option<&[u8]>,
    now: Timestamp,
) -> Result<Vec<bool>, Fault> {
    let (ids, done) = claims_to_end(database, receipts)?;
    let mut sql = "UPDATE @messages SET queue = ?, visible_at = ?, claimed = 0, rid = NULL, \
        scope = NULL, node = NULL, attempt = NULL, timeout = NULL, deadline = NULL, losses = 0"
        .to_owned();
    let mut params = vec![Text(dead_letter_queue), time(now)];
    if let Some(headers) = headers {
        sql.push_str(", headers = ?");
        params.push(Bytes(headers));
    }
    each(database, &sql, &params, &ids)?;
    Ok(done)
}
