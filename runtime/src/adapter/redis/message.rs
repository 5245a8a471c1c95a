//! A message as it is packed: what does not change as one string, what claims leave behind as another.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::{Cmd, Pipeline, cmd};
use uuid::Uuid;

use super::number::{Reader, damaged, maybe_timestamp, millis, run_id, timestamp};
use super::reply::Reply;
use super::server::Call;
use crate::adapter::row::{self, rank};
use crate::port::{
    ClaimAnswer, Delivery, MessageId, NewMessage, Priority, Receipt, StepItem, StepRef, StoreError,
    Timestamp,
};

/// What scripts answer for the first claim of a message that is no step item: nothing is written down for it.
const FIRST_CLAIM: &[u8] = b"1";

/// The arguments of a new message, as `insert.lua` takes them.
pub(super) fn add_message(
    call: &mut Call,
    message: &NewMessage,
    now: Timestamp,
) -> Result<(), StoreError> {
    let step = message.step.map(|item| item.step);
    call.arg(new_id())
        .arg(millis(message.available_at))
        .arg(format!("{}:{}", rank(message.priority), message.queue))
        .arg(&message.queue)
        .arg(step.map(|it| it.run.to_string()).unwrap_or_default())
        .arg(step.as_ref().map(field).unwrap_or_default())
        .arg(record(message, now)?);
    Ok(())
}

/// The transaction that publishes messages that are no step items, and their ids. It is what `publish.lua` does; only a
/// script can look whether an attempt has an item already, and costs the server several times as much.
pub(super) fn publication(
    key: impl Fn(&str) -> String,
    messages: &[NewMessage],
    now: Timestamp,
) -> Result<(Pipeline, Vec<MessageId>), StoreError> {
    let mut ids = Vec::with_capacity(messages.len());
    let mut records = cmd("MSET");
    let mut sets: BTreeMap<String, Cmd> = BTreeMap::new();
    for message in messages {
        let id = new_id();
        records
            .arg(key(&format!("m:{id}")))
            .arg(record(message, now)?);
        let place = format!("w:{}:{}", rank(message.priority), message.queue);
        for (set, score) in [
            (place, millis(message.available_at)),
            (format!("q:{}", message.queue), 0),
        ] {
            let name = key(&set);
            let add = sets.entry(set).or_insert_with(|| {
                let mut add = cmd("ZADD");
                add.arg(name);
                add
            });
            add.arg(score).arg(&id);
        }
        ids.push(MessageId(id));
    }
    let mut wake = cmd("XADD");
    wake.arg(key("wake"));
    wake.arg(&["MAXLEN", "~", "1000", "*", "n", "1"]);
    let mut transaction = Pipeline::new();
    transaction.atomic().add_command(records);
    for add in sets.into_values() {
        transaction.add_command(add);
    }
    transaction.add_command(wake);
    Ok((transaction, ids))
}

/// Drawn here: in the order of time, as the ids of runs are, and never given again, also by a server that has lost its last
/// writes.
fn new_id() -> String {
    Uuid::now_v7().simple().to_string()
}

/// What does not change of a message. Scripts read it up to the headers.
fn record(message: &NewMessage, now: Timestamp) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(128 + message.headers.len() + message.body.len());
    bytes.push(u8::from(message.step.is_some()));
    bytes.push(rank(message.priority));
    bytes.extend(now.as_millis().to_be_bytes());
    bytes.extend(length::<u16>(message.queue.len(), "the queue's name")?.to_be_bytes());
    bytes.extend(message.queue.as_bytes());
    if let Some(item) = &message.step {
        let millis = u64::try_from(item.timeout.as_millis()).unwrap_or(u64::MAX);
        bytes.extend(millis.to_be_bytes());
        bytes.extend(item.step.run.to_string().as_bytes());
        let field = field(&item.step);
        bytes.push(length::<u8>(field.len(), "the step")?);
        bytes.extend(field.as_bytes());
    }
    bytes.extend(length::<u32>(message.headers.len(), "the headers")?.to_be_bytes());
    bytes.extend(&message.headers);
    bytes.extend(&message.body);
    Ok(bytes)
}

fn length<T: TryFrom<usize>>(length: usize, what: &str) -> Result<T, StoreError> {
    T::try_from(length).map_err(|_| StoreError::Failed {
        operation: "publish",
        reason: format!("{what} is too long: {length} bytes"),
    })
}

/// A step within its run.
pub(super) fn field(step: &StepRef) -> String {
    format!("{}/{}/{}", step.scope, step.node, step.attempt)
}

/// Deliveries as scripts answer with them: four values each.
pub(super) fn deliveries(reply: Reply) -> Result<Vec<Delivery>, StoreError> {
    let mut values = reply.list()?.into_iter();
    let mut found = Vec::with_capacity(values.len() / 4);
    while let (Some(id), Some(at), Some(claim), Some(record)) =
        (values.next(), values.next(), values.next(), values.next())
    {
        let (at, claim, record) = (at.number()?, claim.bytes()?, record.bytes()?);
        found.push(delivery(
            MessageId(id.text()?),
            timestamp(at),
            &claim,
            &record,
        )?);
    }
    Ok(found)
}

/// What a script answers to the claim of one message.
pub(super) fn claim_answer(reply: Reply) -> Result<ClaimAnswer, StoreError> {
    let mut values = reply.list()?;
    if values.len() > 1 {
        let claimed = deliveries(Reply::from(values))?.pop();
        return Ok(claimed.map_or(ClaimAnswer::Gone, ClaimAnswer::Claimed));
    }
    match values.pop() {
        None => Ok(ClaimAnswer::Gone),
        Some(until) => Ok(ClaimAnswer::Held {
            until: timestamp(until.number()?),
        }),
    }
}

fn delivery(
    id: MessageId,
    visible_at: Timestamp,
    claim: &[u8],
    record: &[u8],
) -> Result<Delivery, StoreError> {
    let mut read = Reader::new(record, "a message");
    let is_step = read.u8()? == 1;
    let rank = read.u8()?;
    let published_at = Timestamp::from_millis(read.i64()?);
    let queue_length = read.u16()?;
    let queue = read.text(queue_length.into())?.to_owned();
    let step = if is_step {
        Some(step_item(&mut read)?)
    } else {
        None
    };
    let headers_length = usize::try_from(read.u32()?).unwrap_or(usize::MAX);
    let headers = read.bytes(headers_length)?.to_vec();
    let (fence, losses, deadline) = if claim.is_empty() {
        (0, 0, None)
    } else if claim == FIRST_CLAIM {
        (1, 0, None)
    } else {
        let mut read = Reader::new(claim, "a claim");
        let (fence, losses) = (read.u64()?, read.u32()?);
        // Whether it is claimed, is a step item, and its priority: for scripts.
        read.bytes(3)?;
        (fence, losses, maybe_timestamp(read.i64()?))
    };
    Ok(Delivery {
        receipt: Receipt { id, fence },
        queue,
        priority: priority(rank)?,
        published_at,
        visible_at,
        body: read.rest().to_vec(),
        headers,
        step,
        deadline,
        losses,
    })
}

fn step_item(read: &mut Reader<'_>) -> Result<StepItem, StoreError> {
    let timeout = Duration::from_millis(read.u64()?);
    let run = run_id(read.text(36)?)?;
    let length = read.u8()?;
    let field = read.text(length.into())?;
    let mut numbers = field.split('/').map(str::parse);
    let (Some(Ok(scope)), Some(Ok(node)), Some(Ok(attempt))) =
        (numbers.next(), numbers.next(), numbers.next())
    else {
        return Err(read.damaged(format!("no step is `{field}`")));
    };
    Ok(StepItem {
        step: StepRef {
            run,
            scope,
            node,
            attempt,
        },
        timeout,
    })
}

fn priority(rank: u8) -> Result<Priority, StoreError> {
    row::priority(rank).ok_or_else(|| damaged("a priority", format!("none is {rank}")))
}
