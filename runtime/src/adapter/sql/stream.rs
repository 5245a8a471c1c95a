//! What was published on channels, as rows.

use super::SqlStore;
use super::connection::SqlParam::{Bytes, Integer, Text};
use super::database::{Database, ROWS, marks};
use super::fault::Fault;
use super::messages;
use super::value::{Row, maybe_time, time};
use crate::adapter::row::{at_most, last_with, place, slice};
use crate::port::{
    Appended, ChannelRange, ChannelSize, Position, Publication, ReadStream, Record, StoreError,
    Stream, StreamSlice, Timestamp, TrimStream,
};

const COLUMNS: &str = "position, channel, source, id, at, expires_at, body";

impl Stream for SqlStore {
    fn append(
        &self,
        publications: &[Publication],
        now: Timestamp,
    ) -> Result<Vec<Appended>, StoreError> {
        self.database().write("publish on a channel", |database| {
            append(database, publications, now)
        })
    }

    fn read_stream(&self, request: &ReadStream) -> Result<StreamSlice, StoreError> {
        self.database()
            .at_once("read a channel", |database| read(database, request))
    }

    fn records_at(&self, positions: &[Position]) -> Result<Vec<Record>, StoreError> {
        self.database().at_once("read a channel", |database| {
            let mut found = Vec::new();
            for positions in positions.chunks(ROWS) {
                let marks = marks(positions.len());
                let sql = format!("SELECT {COLUMNS} FROM @stream WHERE position IN ({marks})");
                let params: Vec<_> = positions.iter().map(|it| Integer(place(*it))).collect();
                let mut records = records(database.query(&sql, &params)?)?;
                records.sort_by_key(|it| positions.iter().position(|at| *at == it.position));
                found.append(&mut records);
            }
            Ok(found)
        })
    }

    fn find_record(&self, channel: &str, id: &str) -> Result<Option<Record>, StoreError> {
        self.database().at_once("read a channel", |database| {
            let sql = format!("SELECT {COLUMNS} FROM @stream WHERE channel = ? AND id = ?");
            let found = database.query(&sql, &[Text(channel), Text(id)])?;
            Ok(records(found)?.pop())
        })
    }

    fn position_before(&self, at: Timestamp) -> Result<Position, StoreError> {
        self.database().at_once("read a channel", |database| {
            let sql = "SELECT MIN(position) FROM @stream WHERE at >= ?";
            let first = database.first(sql, &[time(at)])?;
            match first.map(|row| row.maybe_number(0)).transpose()?.flatten() {
                Some(first) => Ok(first.cast_unsigned().saturating_sub(1)),
                None => end(database),
            }
        })
    }

    fn end_of_stream(&self) -> Result<Position, StoreError> {
        self.database().at_once("read a channel", end)
    }

    fn trim_stream(&self, trim: &TrimStream) -> Result<u64, StoreError> {
        self.database()
            .write("trim a channel", |database| remove(database, trim))
    }

    fn channels(&self) -> Result<Vec<ChannelSize>, StoreError> {
        self.database().at_once("list channels", |database| {
            let rows = database.query(
                "SELECT channel, COUNT(*), MIN(position), MAX(position) FROM @stream
                 GROUP BY channel ORDER BY channel",
                &[],
            )?;
            let sizes = rows.into_iter().map(|mut row| {
                Ok(ChannelSize {
                    channel: row.text(0)?,
                    records: row.count(1)?,
                    first: row.count(2)?,
                    last: row.count(3)?,
                })
            });
            sizes.collect()
        })
    }
}

/// Publishes at the end of a transaction. Drawing positions locks the one row they come from until it ends, so they become
/// visible in their order.
pub(super) fn append(
    database: &Database<'_>,
    publications: &[Publication],
    now: Timestamp,
) -> Result<Vec<Appended>, Fault> {
    if publications.is_empty() {
        return Ok(Vec::new());
    }
    let number = at_most(publications.len());
    database.execute(
        "UPDATE @stream_end SET position = position + ? WHERE name = 'stream'",
        &[Integer(number)],
    )?;
    let first = place(end(database)?) - number + 1;
    let publications = publications.iter().zip(first..);
    publications
        .map(|(publication, position)| append_one(database, publication, position, now))
        .collect()
}

fn append_one(
    database: &Database<'_>,
    publication: &Publication,
    position: i64,
    now: Timestamp,
) -> Result<Appended, Fault> {
    let is_new = database.insert_new(
        "INSERT INTO @stream (position, channel, id, source, at, expires_at, body)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        &[
            Integer(position),
            Text(&publication.channel),
            Text(&publication.id),
            Text(&publication.source),
            time(now),
            maybe_time(publication.expires_at),
            Bytes(&publication.body),
        ],
    )?;
    if is_new {
        messages::insert(database, &publication.deliver, now)?;
        return Ok(Appended::New(position.cast_unsigned()));
    }
    let sql = format!(
        "SELECT position FROM @stream WHERE channel = ? AND id = ?{}",
        database.latest()?
    );
    let there = database.first(&sql, &[Text(&publication.channel), Text(&publication.id)])?;
    match there {
        Some(row) => Ok(Appended::Duplicate(row.count(0)?)),
        None => Err(Fault::conflict(
            "the record that was in the way is gone again",
        )),
    }
}

fn read(database: &Database<'_>, request: &ReadStream) -> Result<StreamSlice, Fault> {
    // First, so that nothing before it is missing from what is read after.
    let end = end(database)?;
    let (within, from, to) = match &request.channels {
        ChannelRange::All => ("", None, None),
        ChannelRange::One(channel) => (" AND channel = ?", Some(channel.clone()), None),
        ChannelRange::Prefix(prefix) => (
            " AND channel >= ? AND channel <= ?",
            Some(prefix.clone()),
            Some(last_with(prefix)),
        ),
    };
    let mut params = vec![Integer(place(request.after)), Integer(place(end))];
    params.extend(from.iter().chain(&to).map(|name| Text(name)));
    params.push(Integer(at_most(request.limit.max(1))));
    let sql = format!(
        "SELECT {COLUMNS} FROM @stream WHERE position > ? AND position <= ?{within} ORDER BY position LIMIT ?"
    );
    let found = records(database.query(&sql, &params)?)?;
    Ok(slice(found, request, end))
}

fn remove(database: &Database<'_>, trim: &TrimStream) -> Result<u64, Fault> {
    let within = trim.channel.as_ref().map_or("", |_| " AND channel = ?");
    let mut params = vec![time(trim.before), Integer(place(trim.up_to))];
    params.extend(trim.channel.iter().map(|channel| Text(channel)));
    params.push(Integer(at_most(trim.limit)));
    let sql = format!(
        "SELECT position FROM @stream WHERE at < ? AND position <= ?{within} ORDER BY at, position LIMIT ?"
    );
    let old = database.query(&sql, &params)?;
    let old: Vec<i64> = old
        .iter()
        .map(|row| row.number(0))
        .collect::<Result<_, _>>()?;
    let mut removed = 0;
    for positions in old.chunks(ROWS) {
        let marks = marks(positions.len());
        let params: Vec<_> = positions.iter().map(|it| Integer(*it)).collect();
        let sql = format!("DELETE FROM @stream WHERE position IN ({marks})");
        removed += database.execute(&sql, &params)?;
    }
    Ok(removed)
}

fn end(database: &Database<'_>) -> Result<Position, Fault> {
    let sql = "SELECT position FROM @stream_end WHERE name = 'stream'";
    database.first(sql, &[])?.map_or(Ok(0), |row| row.count(0))
}

fn records(rows: Vec<Row>) -> Result<Vec<Record>, Fault> {
    let records = rows.into_iter().map(|mut row| {
        Ok(Record {
            position: row.count(0)?,
            channel: row.text(1)?,
            source: row.text(2)?,
            id: row.text(3)?,
            at: row.time(4)?,
            expires_at: row.maybe_time(5)?,
            body: row.bytes(6),
        })
    });
    records.collect()
}
