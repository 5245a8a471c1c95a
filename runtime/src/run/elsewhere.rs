//! Large values, which a snapshot leaves to the log: it says which event has them. What a snapshot takes then does not grow
//! with what the run was given, and a list is written once, however often the loop over it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::data::{Data, Origin};
use super::replay::ReplayError;
use super::state::{Cursor, Place, RunState};
use crate::port::{LogRow, Snapshot, Version};

/// Values of less JSON than this are kept in the snapshot.
const LARGE: usize = 16 * 1024;
/// Log rows that a snapshot refers to at most.
const ROWS: usize = 8;

/// A value that is to be found in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Elsewhere {
    field: Field,
    /// The step it belongs to; none for what belongs to the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<Place>,
    /// The log row.
    version: Version,
    /// The event's position in it.
    event: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Field {
    /// The input of the run.
    Start,
    /// The input of a step.
    Input,
    /// The output of a step.
    Output,
    /// What a loop goes over.
    Items,
}

/// An event as far as it has values that a state keeps.
#[derive(Deserialize)]
struct Values {
    #[serde(default)]
    start: Option<Started>,
    #[serde(default)]
    input: Option<Data>,
    #[serde(default)]
    output: Option<Data>,
    #[serde(default)]
    items: Option<Data>,
}

#[derive(Deserialize)]
struct Started {
    input: Data,
}

/// The values of a log row, event by event.
#[derive(Clone, Default)]
pub struct RowValues(Vec<BTreeMap<Field, Data>>);

impl RowValues {
    /// Reads a log row.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn read(row: &LogRow) -> Result<Self, ReplayError> {
        let events: Vec<Values> =
            serde_json::from_str(&row.events).map_err(|error| ReplayError::Unreadable {
                what: format!("log row {}", row.version),
                reason: error.to_string(),
            })?;
        let values = (0..).zip(events).map(|(event, values)| {
            let origin = Origin {
                version: row.version,
                event,
            };
            let fields = [
                (Field::Start, values.start.map(|start| start.input)),
                (Field::Input, values.input),
                (Field::Output, values.output),
                (Field::Items, values.items),
            ];
            let fields = fields.into_iter();
            let found = fields.filter_map(|(field, data)| Some((field, data?.of(origin))));
            found.collect()
        });
        Ok(Self(values.collect()))
    }

    /// About how much memory they take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let values = self.0.iter().flat_map(BTreeMap::values);
        values.map(Data::bytes).sum()
    }

    fn get(&self, wanted: &Elsewhere) -> Option<&Data> {
        let event = usize::try_from(wanted.event).ok()?;
        self.0.get(event)?.get(&wanted.field)
    }
}

/// A snapshot, and what it takes to read it.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// How many log rows it refers to.
    pub rows: u64,
    /// About how much memory the whole state takes, in bytes of its JSON.
    pub bytes: usize,
}

impl RunState {
    /// The snapshot of this state. Large values are left to the log.
    #[must_use]
    pub fn take_snapshot(&self) -> Taken {
        let small = self.without_large_values();
        let (state, large) = small
            .as_ref()
            .map_or((self, 0), |(state, large)| (state, *large));
        // Strings, numbers and JSON values only: nothing that JSON cannot hold.
        let json = serde_json::to_string(state).unwrap_or_default();
        Taken {
            rows: u64::try_from(state.rows_elsewhere().len()).unwrap_or(u64::MAX),
            bytes: json.len() + large,
            snapshot: Snapshot {
                version: self.version(),
                state: json,
            },
        }
    }

    /// The state without its large values as far as those are in the log, and how much JSON they are. `None` when there
    /// are none.
    fn without_large_values(&self) -> Option<(Self, usize)> {
        let mut large: BTreeMap<Version, (usize, Vec<Elsewhere>)> = BTreeMap::new();
        for (field, step, data) in self.values() {
            let Some(origin) = data.origin().filter(|_| data.bytes() >= LARGE) else {
                continue;
            };
            let (bytes, found) = large.entry(origin.version).or_default();
            *bytes += data.bytes();
            found.push(Elsewhere {
                field,
                step,
                version: origin.version,
                event: origin.event,
            });
        }
        if large.is_empty() {
            return None;
        }
        let mut rows: Vec<_> = large.into_values().collect();
        rows.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        rows.truncate(ROWS);
        let bytes = rows.iter().map(|(bytes, _)| bytes).sum();
        let mut state = self.clone();
        let places: Vec<Place> = self.steps().map(|(place, _)| place).collect();
        for place in places {
            if let Some(cursor) = state.cursor_mut(place).filter(|it| it.of_input.is_some()) {
                cursor.items = Data::default();
            }
        }
        for wanted in rows.into_iter().flat_map(|(_, found)| found) {
            state.put(&wanted, None);
            state.elsewhere.push(wanted);
        }
        Some((state, bytes))
    }

    /// The log rows that values are to be taken from.
    fn rows_elsewhere(&self) -> BTreeSet<Version> {
        self.elsewhere.iter().map(|it| it.version).collect()
    }

    /// Puts the values back that the snapshot left to the log.
    pub(super) fn complete(
        &mut self,
        mut row: impl FnMut(Version) -> Option<RowValues>,
    ) -> Result<(), ReplayError> {
        if self.elsewhere.is_empty() {
            return Ok(());
        }
        for version in self.rows_elsewhere() {
            let found = version <= self.version();
            let values = row(version).filter(|_| found).unwrap_or_default();
            let wanted = self.elsewhere.iter().filter(|it| it.version == version);
            for wanted in wanted.copied().collect::<Vec<_>>() {
                let data = values.get(&wanted).cloned();
                if data.is_none() || !self.put(&wanted, data) {
                    let reason = format!("a value of it is not in log row {version}");
                    return Err(unreadable(reason));
                }
            }
        }
        self.elsewhere.clear();
        self.share_lists()
    }

    /// Every value that an event of the log has.
    fn values(&self) -> impl Iterator<Item = (Field, Option<Place>, &Data)> {
        let start = (Field::Start, None, &self.start.input);
        let steps = self.steps().flat_map(|(place, step)| {
            let cursor = step.block.as_deref().and_then(|it| it.cursor.as_ref());
            let fields = [
                (Field::Input, step.input.as_ref()),
                (Field::Output, step.output.as_ref()),
                (Field::Items, cursor.map(|cursor| &cursor.items)),
            ];
            let fields = fields.into_iter();
            fields.filter_map(move |(field, data)| Some((field, Some(place), data?)))
        });
        std::iter::once(start).chain(steps)
    }

    /// Puts a value where it belongs, or nothing in its place; `false` when there is no such place.
    fn put(&mut self, to: &Elsewhere, data: Option<Data>) -> bool {
        let Some(place) = to.step else {
            let start = std::sync::Arc::make_mut(&mut self.start);
            start.input = data.unwrap_or_default();
            return to.field == Field::Start;
        };
        let Ok(step) = self.step_mut(place) else {
            return false;
        };
        match to.field {
            Field::Start => return false,
            Field::Input => step.input = data,
            Field::Output => step.output = data,
            Field::Items => {
                let Some(cursor) = self.cursor_mut(place) else {
                    return false;
                };
                cursor.items = data.unwrap_or_default();
            }
        }
        true
    }

    fn cursor_mut(&mut self, place: Place) -> Option<&mut Cursor> {
        let block = self.step_mut(place).ok()?.block.as_deref_mut();
        block.and_then(|block| block.cursor.as_mut())
    }

    /// A list that a loop goes over and that is a part of the run's or the loop's input is in memory once.
    fn share_lists(&mut self) -> Result<(), ReplayError> {
        let places: Vec<Place> = self.steps().map(|(place, _)| place).collect();
        let start = std::sync::Arc::clone(&self.start);
        for place in places {
            let Ok(step) = self.step_mut(place) else {
                continue;
            };
            let input = step.input.clone().unwrap_or_default();
            let Some(cursor) = self.cursor_mut(place) else {
                continue;
            };
            cursor.items = match &cursor.of_input {
                Some(way) => start.input.list_at(way).ok_or_else(|| {
                    unreadable("a loop goes over a list that the input does not have".to_owned())
                })?,
                None => {
                    let items = std::mem::take(&mut cursor.items);
                    items.shared_with(&input).shared_with(&start.input)
                }
            };
        }
        Ok(())
    }
}

fn unreadable(reason: String) -> ReplayError {
    let what = "the snapshot".to_owned();
    ReplayError::Unreadable { what, reason }
}
