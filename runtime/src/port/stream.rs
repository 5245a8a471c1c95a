//! The stream: one append-only log of what was published on channels.
//!
//! A record's position is its place in the log. Positions grow in the order of the commits: who has read up to a
//! position never finds a record below it later, however many publish at once. So a reader needs to keep no more than
//! one number, and misses nothing. Positions may have gaps, and none is ever given twice.
//!
//! A publication comes with the messages that deliver it: record and messages become durable together, or not at all.

use super::{NewMessage, StoreError, Timestamp};

/// A record's place in the stream, from 1; 0 stands before the first.
pub type Position = u64;

/// Something to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The channel.
    pub channel: String,
    /// Who publishes it.
    pub source: String,
    /// Its identity within the channel: as long as a record with it is kept, another one is not written.
    pub id: String,
    /// When it is worth nothing any more; kept for readers, the store does not act on it.
    pub expires_at: Option<Timestamp>,
    /// Opaque.
    pub body: Vec<u8>,
    /// Messages that deliver it. They are not written either when the record is not.
    pub deliver: Vec<NewMessage>,
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place.
    pub position: Position,
    /// The channel.
    pub channel: String,
    /// Who published it.
    pub source: String,
    /// Its identity within the channel.
    pub id: String,
    /// When it was published.
    pub at: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Option<Timestamp>,
    /// The body as published.
    pub body: Vec<u8>,
}

/// What became of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the stream, and its messages are in their queues.
    New(Position),
    /// A record of the same channel and id is there, at this position; nothing of this publication was written.
    Duplicate(Position),
}

/// Which channels to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelRange {
    /// All of them.
    All,
    /// This one.
    One(String),
    /// All whose names begin so.
    Prefix(String),
}

impl ChannelRange {
    /// Whether the channel is in it.
    #[must_use]
    pub fn contains(&self, channel: &str) -> bool {
        match self {
            Self::All => true,
            Self::One(name) => channel == name,
            Self::Prefix(prefix) => channel.starts_with(prefix.as_str()),
        }
    }
}

/// Where to read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadStream {
    /// Records after this position.
    pub after: Position,
    /// Of these channels.
    pub channels: ChannelRange,
    /// At most this many, and at least one.
    pub limit: usize,
}

/// A part of the stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamSlice {
    /// The records in the order of their positions.
    pub records: Vec<Record>,
    /// Up to where was read: nothing of the channels asked for lies between the position asked for and this one that is
    /// not in `records`. Read on after it. When it is the position that was asked for, there was nothing.
    pub read_to: Position,
}

/// Which records are no longer kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrimStream {
    /// Those published before.
    pub before: Timestamp,
    /// Of this channel; `None` = of all.
    pub channel: Option<String>,
    /// No record after this position goes: somebody has not read it.
    pub up_to: Position,
    /// At most this many, those that were published first.
    pub limit: usize,
}

/// What there is of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSize {
    /// The channel.
    pub channel: String,
    /// How many records.
    pub records: u64,
    /// Position of the first.
    pub first: Position,
    /// Position of the last.
    pub last: Position,
}

/// A durable log of what was published. Who waits with [`wait_for_change`](super::Queue::wait_for_change) is told of new records.
pub trait Stream: Send + Sync {
    /// Publishes all of them in one transaction before it returns; answers are in the order of the arguments. Of several
    /// with one channel and id the first is written.
    fn append(
        &self,
        publications: &[Publication],
        now: Timestamp,
    ) -> Result<Vec<Appended>, StoreError>;

    /// Records in the order of their positions. May return fewer than are asked for and none at all although more
    /// follow, as long as [`StreamSlice::read_to`] moves on.
    fn read_stream(&self, request: &ReadStream) -> Result<StreamSlice, StoreError>;

    /// The records at these positions, in their order; those that are gone are left out.
    fn records_at(&self, positions: &[Position]) -> Result<Vec<Record>, StoreError>;

    /// The record with this id.
    fn find_record(&self, channel: &str, id: &str) -> Result<Option<Record>, StoreError>;

    /// After which position to read to see what was published at `time` and later: the one before the first such record,
    /// or the end of the stream when there is none.
    fn position_before(&self, time: Timestamp) -> Result<Position, StoreError>;

    /// The position of the latest record ever written; 0 when none was.
    fn end_of_stream(&self) -> Result<Position, StoreError>;

    /// Removes records; returns how many. With a record, its id becomes free.
    fn trim_stream(&self, trim: &TrimStream) -> Result<u64, StoreError>;

    /// What there is, channel by channel, by name.
    fn channels(&self) -> Result<Vec<ChannelSize>, StoreError>;
}
