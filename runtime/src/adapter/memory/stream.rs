use std::collections::{BTreeMap, HashMap};

use super::{MemoryStore, State};
use crate::port::{
    Appended, ChannelSize, Position, Publication, ReadStream, Record, StoreError, Stream,
    StreamSlice, Timestamp, TrimStream,
};

/// What was published, by position.
#[derive(Debug, Default)]
pub(super) struct Log {
    records: BTreeMap<Position, Record>,
    by_id: HashMap<(String, String), Position>,
    last: Position,
}

impl Stream for MemoryStore {
    fn append(
        &self,
        publications: &[Publication],
        now: Timestamp,
    ) -> Result<Vec<Appended>, StoreError> {
        let mut state = self.state();
        let appended = publications.iter().map(|it| state.append(it, now));
        let appended = appended.collect();
        self.announce(state);
        Ok(appended)
    }

    fn read_stream(&self, request: &ReadStream) -> Result<StreamSlice, StoreError> {
        let state = self.state();
        let log = &state.log;
        let from = request.after.saturating_add(1);
        let mut found = log.records.range(from..).map(|(_, record)| record);
        let mut slice = StreamSlice {
            records: Vec::new(),
            read_to: request.after.max(log.last),
        };
        for record in found.by_ref() {
            if request.channels.contains(&record.channel) {
                slice.records.push(record.clone());
            }
            if slice.records.len() >= request.limit.max(1) {
                slice.read_to = record.position;
                break;
            }
        }
        Ok(slice)
    }

    fn records_at(&self, positions: &[Position]) -> Result<Vec<Record>, StoreError> {
        let state = self.state();
        let found = positions.iter().filter_map(|it| state.log.records.get(it));
        Ok(found.cloned().collect())
    }

    fn find_record(&self, channel: &str, id: &str) -> Result<Option<Record>, StoreError> {
        let state = self.state();
        let position = state.log.by_id.get(&(channel.to_owned(), id.to_owned()));
        Ok(position.and_then(|it| state.log.records.get(it)).cloned())
    }

    fn position_before(&self, time: Timestamp) -> Result<Position, StoreError> {
        let state = self.state();
        let mut records = state.log.records.values();
        let first = records.find(|record| record.at >= time);
        Ok(first.map_or(state.log.last, |record| record.position - 1))
    }

    fn end_of_stream(&self) -> Result<Position, StoreError> {
        Ok(self.state().log.last)
    }

    fn trim_stream(&self, trim: &TrimStream) -> Result<u64, StoreError> {
        let mut state = self.state();
        let log = &mut state.log;
        let old = log.records.range(..=trim.up_to).map(|(_, record)| record);
        let mut old: Vec<_> = old
            .filter(|it| it.at < trim.before)
            .filter(|it| trim.channel.as_ref().is_none_or(|name| it.channel == *name))
            .map(|it| (it.at, it.position))
            .collect();
        old.sort_unstable();
        old.truncate(trim.limit);
        for (_, position) in &old {
            if let Some(record) = log.records.remove(position) {
                log.by_id.remove(&(record.channel, record.id));
            }
        }
        Ok(old.len() as u64)
    }

    fn channels(&self) -> Result<Vec<ChannelSize>, StoreError> {
        let state = self.state();
        let mut sizes: BTreeMap<&str, ChannelSize> = BTreeMap::new();
        for record in state.log.records.values() {
            let size = sizes.entry(&record.channel).or_insert_with(|| ChannelSize {
                channel: record.channel.clone(),
                records: 0,
                first: record.position,
                last: 0,
            });
            size.records += 1;
            size.last = record.position;
        }
        Ok(sizes.into_values().collect())
    }
}

impl State {
    pub(super) fn append(&mut self, publication: &Publication, now: Timestamp) -> Appended {
        let key = (publication.channel.clone(), publication.id.clone());
        if let Some(position) = self.log.by_id.get(&key) {
            return Appended::Duplicate(*position);
        }
        self.log.last += 1;
        let position = self.log.last;
        self.log.by_id.insert(key, position);
        let record = Record {
            position,
            channel: publication.channel.clone(),
            source: publication.source.clone(),
            id: publication.id.clone(),
            at: now,
            expires_at: publication.expires_at,
            body: publication.body.clone(),
        };
        self.log.records.insert(position, record);
        for message in &publication.deliver {
            self.messages.publish(message, now);
        }
        Appended::New(position)
    }
}
