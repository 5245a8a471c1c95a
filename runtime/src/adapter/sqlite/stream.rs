//! What was published on channels, as rows. One connection writes at a time, so positions grow in the order of commits.

use rusqlite::{Connection, Params, Row, params};

use super::fault::Fault;
use super::messages::insert_message;
use super::value::{count, maybe_time, time};
use super::{Batch, SqliteStore};
use crate::adapter::row::{at_most, last_with, place, slice};
use crate::port::{
    Appended, ChannelRange, ChannelSize, Position, Publication, ReadStream, Record, StoreError,
    Stream, StreamSlice, Timestamp, TrimStream,
};

/// The columns [`record`] reads, in its order.
macro_rules! columns {
    () => {
        "position, channel, source, id, at, expires_at, body"
    };
}

impl Stream for SqliteStore {
    fn append(
        &self,
        publications: &[Publication],
        now: Timestamp,
    ) -> Result<Vec<Appended>, StoreError> {
        let batch = Batch {
            publications: publications.into(),
            now,
            ..Batch::default()
        };
        Ok(self.write("publish on a channel", &batch)?.appended)
    }

    fn read_stream(&self, request: &ReadStream) -> Result<StreamSlice, StoreError> {
        self.readers.read("read a channel", |db| read(db, request))
    }

    fn records_at(&self, positions: &[Position]) -> Result<Vec<Record>, StoreError> {
        self.readers.read("read a channel", |db| {
            let sql = concat!("SELECT ", columns!(), " FROM stream WHERE position = ?1");
            let mut found = Vec::new();
            for position in positions {
                found.extend(records(db, sql, [place(*position)])?);
            }
            Ok(found)
        })
    }

    fn find_record(&self, channel: &str, id: &str) -> Result<Option<Record>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM stream WHERE channel = ?1 AND id = ?2"
        );
        self.readers.read("read a channel", |db| {
            Ok(records(db, sql, [channel, id])?.pop())
        })
    }

    fn position_before(&self, time: Timestamp) -> Result<Position, StoreError> {
        self.readers.read("read a channel", |db| {
            let first = db
                .prepare_cached("SELECT min(position) FROM stream WHERE at >= ?1")?
                .query_row([time.as_millis()], |row| row.get::<_, Option<i64>>(0))?;
            match first {
                Some(first) => Ok(first.cast_unsigned().saturating_sub(1)),
                None => end(db),
            }
        })
    }

    fn end_of_stream(&self) -> Result<Position, StoreError> {
        self.readers.read("read a channel", end)
    }

    fn trim_stream(&self, trim: &TrimStream) -> Result<u64, StoreError> {
        self.writer.durably("trim a channel", |db| {
            let within = match trim.channel {
                Some(_) => "INDEXED BY stream_by_channel WHERE channel = ?4 AND at < ?1",
                None => "WHERE ?4 IS NULL AND at < ?1",
            };
            let sql = format!(
                "DELETE FROM stream WHERE position IN (
                    SELECT position FROM stream {within} AND position <= ?2 ORDER BY at, position LIMIT ?3
                 )"
            );
            let gone = db.prepare_cached(&sql)?.execute(params![
                trim.before.as_millis(),
                place(trim.up_to),
                at_most(trim.limit),
                trim.channel,
            ])?;
            Ok(gone as u64)
        })
    }

    fn channels(&self) -> Result<Vec<ChannelSize>, StoreError> {
        self.readers.read("list channels", |db| {
            let mut select = db.prepare_cached(
                "SELECT channel, count(*), min(position), max(position)
                 FROM stream INDEXED BY stream_by_channel GROUP BY channel ORDER BY channel",
            )?;
            let mut rows = select.query([])?;
            let mut sizes = Vec::new();
            while let Some(row) = rows.next()? {
                sizes.push(ChannelSize {
                    channel: row.get(0)?,
                    records: count(row, 1)?,
                    first: count(row, 2)?,
                    last: count(row, 3)?,
                });
            }
            Ok(sizes)
        })
    }
}

pub(super) fn append(
    db: &Connection,
    publication: &Publication,
    now: Timestamp,
) -> Result<Appended, Fault> {
    let written = db
        .prepare_cached(
            "INSERT INTO stream (channel, id, source, at, expires_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (channel, id) DO NOTHING",
        )?
        .execute(params![
            publication.channel,
            publication.id,
            publication.source,
            now.as_millis(),
            publication.expires_at.map(Timestamp::as_millis),
            publication.body,
        ])?;
    if written == 0 {
        let there = db
            .prepare_cached("SELECT position FROM stream WHERE channel = ?1 AND id = ?2")?
            .query_row([&publication.channel, &publication.id], |row| {
                row.get::<_, i64>(0)
            })?;
        return Ok(Appended::Duplicate(there.cast_unsigned()));
    }
    let position = db.last_insert_rowid().cast_unsigned();
    for message in &publication.deliver {
        insert_message(db, message, now)?;
    }
    Ok(Appended::New(position))
}

fn read(db: &Connection, request: &ReadStream) -> Result<StreamSlice, Fault> {
    let (after, limit) = (place(request.after), at_most(request.limit.max(1)));
    let found = match &request.channels {
        ChannelRange::All => records(
            db,
            concat!(
                "SELECT ",
                columns!(),
                " FROM stream WHERE position > ?1 ORDER BY position LIMIT ?2"
            ),
            [after, limit],
        ),
        ChannelRange::One(channel) => records(
            db,
            concat!(
                "SELECT ",
                columns!(),
                " FROM stream WHERE channel = ?3 AND position > ?1 ORDER BY position LIMIT ?2"
            ),
            params![after, limit, channel],
        ),
        // In the order of positions: those of the index would have to be sorted, all of them.
        ChannelRange::Prefix(prefix) => records(
            db,
            concat!(
                "SELECT ",
                columns!(),
                " FROM stream WHERE position > ?1 AND +channel BETWEEN ?3 AND ?4
                 ORDER BY position LIMIT ?2"
            ),
            params![after, limit, prefix, last_with(prefix)],
        ),
    };
    Ok(slice(found?, request, end(db)?))
}

fn record(row: &Row<'_>) -> Result<Record, Fault> {
    Ok(Record {
        position: count(row, 0)?,
        channel: row.get(1)?,
        source: row.get(2)?,
        id: row.get(3)?,
        at: time(row, 4)?,
        expires_at: maybe_time(row, 5)?,
        body: row.get(6)?,
    })
}

fn records(db: &Connection, sql: &str, params: impl Params) -> Result<Vec<Record>, Fault> {
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(record(row)?);
    }
    Ok(found)
}

fn end(db: &Connection) -> Result<Position, Fault> {
    let mut select = db.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'stream'")?;
    let mut rows = select.query([])?;
    rows.next()?.map_or(Ok(0), |row| count(row, 0))
}
