use super::message::add_message;
use super::number::{Reader, at_most, maybe_millis, maybe_timestamp, millis};
use super::reply::Reply;
use super::server::Call;
use super::{RedisStore, script};
use crate::port::{
    Appended, ChannelRange, ChannelSize, Position, Publication, ReadStream, Record, StoreError,
    Stream, StreamSlice, Timestamp, TrimStream,
};

impl Stream for RedisStore {
    fn append(
        &self,
        publications: &[Publication],
        now: Timestamp,
    ) -> Result<Vec<Appended>, StoreError> {
        if publications.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = self.server.call(&script::APPEND);
        add_publications(&mut call, publications, now)?;
        let answers = self.write("publish on a channel", &call)?.list()?;
        let mut answers = answers.into_iter();
        let mut appended = Vec::with_capacity(publications.len());
        while let (Some(is_new), Some(position)) = (answers.next(), answers.next()) {
            let position = position.count()?;
            appended.push(match is_new.number()? {
                1 => Appended::New(position),
                _ => Appended::Duplicate(position),
            });
        }
        Ok(appended)
    }

    fn read_stream(&self, request: &ReadStream) -> Result<StreamSlice, StoreError> {
        let channel = match &request.channels {
            ChannelRange::One(channel) => channel.as_str(),
            ChannelRange::All | ChannelRange::Prefix(_) => "",
        };
        let mut call = self.server.call(&script::READ_STREAM);
        call.arg(channel)
            .arg(position(request.after))
            .arg(at_most(request.limit.max(1)));
        let mut values = self
            .server
            .run("read a channel", &call)?
            .list()?
            .into_iter();
        let read_to = values.next().map_or(Ok(0), Reply::count)?;
        let mut records = records(values)?;
        records.retain(|record| request.channels.contains(&record.channel));
        Ok(StreamSlice {
            records,
            read_to: read_to.max(request.after),
        })
    }

    fn records_at(&self, positions: &[Position]) -> Result<Vec<Record>, StoreError> {
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = self.server.call(&script::RECORDS_AT);
        for it in positions {
            call.arg(position(*it));
        }
        let found = self.server.run("read a channel", &call)?.list()?;
        records(found.into_iter())
    }

    fn find_record(&self, channel: &str, id: &str) -> Result<Option<Record>, StoreError> {
        let mut call = self.server.call(&script::FIND_RECORD);
        call.arg(channel).arg(id);
        let found = self.server.run("read a channel", &call)?.list()?;
        Ok(records(found.into_iter())?.pop())
    }

    fn position_before(&self, time: Timestamp) -> Result<Position, StoreError> {
        let mut call = self.server.call(&script::POSITION_BEFORE);
        call.arg(millis(time));
        self.server.run("read a channel", &call)?.count()
    }

    fn end_of_stream(&self) -> Result<Position, StoreError> {
        let call = self.server.call(&script::END_OF_STREAM);
        self.server.run("read a channel", &call)?.count()
    }

    fn trim_stream(&self, trim: &TrimStream) -> Result<u64, StoreError> {
        let mut call = self.server.call(&script::TRIM_STREAM);
        call.arg(trim.channel.as_deref().unwrap_or_default())
            .arg(millis(trim.before))
            .arg(position(trim.up_to))
            .arg(at_most(trim.limit));
        self.write("trim a channel", &call)?.count()
    }

    fn channels(&self) -> Result<Vec<ChannelSize>, StoreError> {
        let call = self.server.call(&script::CHANNELS);
        let mut values = self.server.run("list channels", &call)?.list()?.into_iter();
        let mut sizes = Vec::new();
        while let (Some(channel), Some(records), Some(first), Some(last)) =
            (values.next(), values.next(), values.next(), values.next())
        {
            sizes.push(ChannelSize {
                channel: channel.text()?,
                records: records.count()?,
                first: first.count()?,
                last: last.count()?,
            });
        }
        sizes.sort_by(|one, other| one.channel.cmp(&other.channel));
        Ok(sizes)
    }
}

/// The arguments of publications, as `stream.lua` takes them.
pub(super) fn add_publications(
    call: &mut Call,
    publications: &[Publication],
    now: Timestamp,
) -> Result<(), StoreError> {
    call.arg(publications.len());
    for publication in publications {
        call.arg(&publication.channel)
            .arg(&publication.id)
            .arg(millis(now))
            .arg(packed(publication, now)?)
            .arg(publication.deliver.len());
        for message in &publication.deliver {
            add_message(call, message, now)?;
        }
    }
    Ok(())
}

/// Scripts read it up to the channel.
fn packed(publication: &Publication, now: Timestamp) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(96 + publication.body.len());
    bytes.extend(now.as_millis().to_be_bytes());
    bytes.extend(maybe_millis(publication.expires_at).to_be_bytes());
    for text in [&publication.channel, &publication.id, &publication.source] {
        let length = u16::try_from(text.len()).map_err(|_| StoreError::Failed {
            operation: "publish on a channel",
            reason: format!("a name is too long: {} bytes", text.len()),
        })?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.extend(&publication.body);
    Ok(bytes)
}

/// Records as scripts answer with them: two values each.
fn records(mut values: impl Iterator<Item = Reply>) -> Result<Vec<Record>, StoreError> {
    let mut records = Vec::new();
    while let (Some(position), Some(packed)) = (values.next(), values.next()) {
        let packed = packed.bytes()?;
        let mut read = Reader::new(&packed, "a record");
        let at = Timestamp::from_millis(read.i64()?);
        let expires_at = maybe_timestamp(read.i64()?);
        let mut text = || -> Result<String, StoreError> {
            let length = read.u16()?;
            Ok(read.text(length.into())?.to_owned())
        };
        records.push(Record {
            position: position.count()?,
            channel: text()?,
            id: text()?,
            source: text()?,
            at,
            expires_at,
            body: read.rest().to_vec(),
        });
    }
    Ok(records)
}

/// Positions are whole numbers that a script's doubles have.
fn position(position: Position) -> u64 {
    position.min((1 << 53) - 1)
}
