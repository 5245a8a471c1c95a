//! What was published on channels, as rows.

use tokio_postgres::Row;

use super::PostgresStore;
use super::fault::Fault;
use super::messages::insert;
use super::session::{Call, Session};
use super::value::{count, get, maybe_time, text, time};
use crate::adapter::row::{at_most, place, slice};
use crate::port::{
    Appended, ChannelRange, ChannelSize, NewMessage, Position, Publication, ReadStream, Record,
    StoreError, Stream, StreamSlice, Timestamp, TrimStream,
};

/// Draws positions for so many. From here on everybody else who publishes waits for the end of this transaction, and every
/// statement sees what those before have published.
const DRAW: &str = "UPDATE ossa.stream_end SET position = position + $1::bigint RETURNING position";

/// The publication at place n gets the n-th of the positions drawn; where a record is there, none.
const APPEND: &str = "INSERT INTO ossa.stream (position, channel, id, source, at, expires_at, body)
    SELECT (SELECT position FROM ossa.stream_end) - $7::bigint + new.place, new.channel, new.id, new.source, new.at,
        new.expires_at, new.body
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[]) WITH ORDINALITY
        AS new (channel, id, source, at, expires_at, body, place)
    ORDER BY new.place
    ON CONFLICT (channel, id) DO NOTHING";

/// Messages of those publications that got their position.
const DELIVER: &str = "INSERT INTO ossa.messages (queue, priority, visible_at, claimed, fence, losses, published_at,
        run_id, scope, node, attempt, timeout, headers, body)
    SELECT new.queue, new.priority, new.visible_at, false, 0, 0, new.published_at, new.run_id, new.scope, new.node,
        new.attempt, new.timeout, new.headers, new.body
    FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::bigint[], $7::bigint[],
        $8::bigint[], $9::bigint[], $10::bytea[], $11::bytea[], $12::bigint[]) WITH ORDINALITY
        AS new (queue, priority, visible_at, published_at, run_id, scope, node, attempt, timeout, headers, body,
            publication, place)
    JOIN ossa.stream ON stream.position = (SELECT position FROM ossa.stream_end) - $13::bigint + new.publication
    ORDER BY new.place
    ON CONFLICT (run_id, scope, node, attempt) WHERE run_id IS NOT NULL DO NOTHING";

const THERE: &str =
    "SELECT stream.position, stream.position = (SELECT position FROM ossa.stream_end) - $3::bigint + asked.place
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (channel, id, place)
    JOIN ossa.stream ON stream.channel = asked.channel AND stream.id = asked.id
    ORDER BY asked.place";

const COLUMNS: &str = "position, channel, source, id, at, expires_at, body";

const END: &str = "SELECT position FROM ossa.stream_end";

const TRIM: &str = "WITH gone AS (
        DELETE FROM ossa.stream WHERE position IN (
            SELECT position FROM ossa.stream
            WHERE at < $1 AND position <= $2 AND ($4::text IS NULL OR channel = $4)
            ORDER BY at, position LIMIT $3
        ) RETURNING 1
    ) SELECT count(*) FROM gone";

impl Stream for PostgresStore {
    fn append(
        &self,
        publications: &[Publication],
        now: Timestamp,
    ) -> Result<Vec<Appended>, StoreError> {
        if publications.is_empty() {
            return Ok(Vec::new());
        }
        let all: Vec<_> = publications.iter().map(|it| (it, now)).collect();
        let appended = self.pool.with("publish on a channel", |db| {
            let mut calls = statements(&all);
            calls.push(there(&all));
            let answers = db.transaction(&calls, true)?;
            answers.last().map_or(Ok(Vec::new()), |rows| {
                rows.iter().map(appended).collect::<Result<_, _>>()
            })
        })?;
        self.changes.announce();
        Ok(appended)
    }

    fn read_stream(&self, request: &ReadStream) -> Result<StreamSlice, StoreError> {
        self.pool.with("read a channel", |db| read(db, request))
    }

    fn records_at(&self, positions: &[Position]) -> Result<Vec<Record>, StoreError> {
        self.pool.with("read a channel", |db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (position, place)
                 JOIN ossa.stream USING (position) ORDER BY asked.place"
            );
            let call = Call::new(sql).column(positions.iter().map(|it| place(*it)));
            db.read(call)?.iter().map(record).collect()
        })
    }

    fn find_record(&self, channel: &str, id: &str) -> Result<Option<Record>, StoreError> {
        self.pool.with("read a channel", |db| {
            let sql = format!("SELECT {COLUMNS} FROM ossa.stream WHERE channel = $1 AND id = $2");
            let call = Call::new(sql).with(text(channel)).with(text(id));
            db.read(call)?.first().map(record).transpose()
        })
    }

    fn position_before(&self, time: Timestamp) -> Result<Position, StoreError> {
        self.pool.with("read a channel", |db| {
            let sql = "SELECT coalesce((SELECT min(position) - 1 FROM ossa.stream WHERE at >= $1),
                (SELECT position FROM ossa.stream_end))";
            one(&db.read(Call::new(sql).with(time.as_millis()))?)
        })
    }

    fn end_of_stream(&self) -> Result<Position, StoreError> {
        self.pool
            .with("read a channel", |db| one(&db.read(Call::new(END))?))
    }

    fn trim_stream(&self, trim: &TrimStream) -> Result<u64, StoreError> {
        self.pool.with("trim a channel", |db| {
            let call = Call::new(TRIM)
                .with(trim.before.as_millis())
                .with(place(trim.up_to))
                .with(at_most(trim.limit))
                .with(trim.channel.as_deref().map(text));
            one(&db.durably(call, false)?)
        })
    }

    fn channels(&self) -> Result<Vec<ChannelSize>, StoreError> {
        self.pool.with("list channels", |db| {
            let rows = db.read(Call::new(
                "SELECT channel, count(*), min(position), max(position) FROM ossa.stream
                 GROUP BY channel ORDER BY channel",
            ))?;
            let sizes = rows.iter().map(|row| {
                Ok(ChannelSize {
                    channel: get(row, 0)?,
                    records: count(row, 1)?,
                    first: count(row, 2)?,
                    last: count(row, 3)?,
                })
            });
            sizes.collect()
        })
    }
}

/// What publishes them, at the end of a transaction: each with when it was.
pub(super) fn statements<'a>(all: &[(&'a Publication, Timestamp)]) -> Vec<Call<'a>> {
    let number = at_most(all.len());
    let mut calls = vec![Call::new(DRAW).with(number), append(all).with(number)];
    let mut messages: Vec<(&NewMessage, Timestamp)> = Vec::new();
    let mut places: Vec<i64> = Vec::new();
    for ((publication, now), place) in all.iter().zip(1..) {
        messages.extend(publication.deliver.iter().map(|it| (it, *now)));
        places.resize(messages.len(), place);
    }
    if !messages.is_empty() {
        let deliver = insert(&messages)
            .column(places.into_iter())
            .with(number)
            .say(DELIVER.to_owned());
        calls.push(deliver);
    }
    calls
}

fn append<'a>(all: &[(&'a Publication, Timestamp)]) -> Call<'a> {
    let each = || all.iter().map(|(publication, _)| *publication);
    Call::new(APPEND)
        .column(each().map(|it| text(&it.channel)))
        .column(each().map(|it| text(&it.id)))
        .column(each().map(|it| text(&it.source)))
        .column(all.iter().map(|(_, now)| now.as_millis()))
        .column(each().map(|it| it.expires_at.map(Timestamp::as_millis)))
        .column(each().map(|it| it.body.as_slice()))
}

fn there<'a>(all: &[(&'a Publication, Timestamp)]) -> Call<'a> {
    let each = || all.iter().map(|(publication, _)| *publication);
    Call::new(THERE)
        .column(each().map(|it| text(&it.channel)))
        .column(each().map(|it| text(&it.id)))
        .with(at_most(all.len()))
}

fn appended(row: &Row) -> Result<Appended, Fault> {
    let position = count(row, 0)?;
    Ok(match get(row, 1)? {
        true => Appended::New(position),
        false => Appended::Duplicate(position),
    })
}

fn read(session: &mut Session, request: &ReadStream) -> Result<StreamSlice, Fault> {
    let (within, name) = match &request.channels {
        ChannelRange::All => ("$3::text IS NULL", None),
        ChannelRange::One(channel) => ("channel = $3", Some(text(channel))),
        ChannelRange::Prefix(prefix) => (
            "channel >= $3 AND starts_with(channel, $3)",
            Some(text(prefix)),
        ),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM ossa.stream WHERE position > $1 AND {within} ORDER BY position LIMIT $2"
    );
    let call = Call::new(sql)
        .with(place(request.after))
        .with(at_most(request.limit.max(1)))
        .with(name);
    let answers = session.snapshot(&[call, Call::new(END)])?;
    let mut answers = answers.iter();
    let records = answers.next().into_iter().flatten().map(record);
    let records = records.collect::<Result<_, _>>()?;
    let end = answers.next().map_or(Ok(0), |rows| one(rows))?;
    Ok(slice(records, request, end))
}

fn record(row: &Row) -> Result<Record, Fault> {
    Ok(Record {
        position: count(row, 0)?,
        channel: get(row, 1)?,
        source: get(row, 2)?,
        id: get(row, 3)?,
        at: time(row, 4)?,
        expires_at: maybe_time(row, 5)?,
        body: get(row, 6)?,
    })
}

fn one(rows: &[Row]) -> Result<u64, Fault> {
    rows.first().map_or(Ok(0), |row| count(row, 0))
}
