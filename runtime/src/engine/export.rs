//! A whole run as one text: to look at elsewhere, to keep, or to import into another store.
//!
//! The text is JSON: `format`, `checksum` (SHA-256 of the compact JSON of `run`, in hexadecimal) and `run`. Events, snapshot and
//! plan are texts within it, exactly as the store has them, so that nothing is lost on the way through a JSON parser.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Engine;
use super::core::Core;
use super::stored::not_found;
use crate::error::{Category, Error, code};
use crate::port::{Delivery, Priority, RunHead, RunId, Timestamp, Version};

/// The format this build writes, and the newest it reads.
pub(super) const FORMAT: u32 = 1;
/// Times a run that changes meanwhile is read again.
const TRIES: u32 = 20;

#[derive(Serialize, Deserialize)]
pub(super) struct File {
    pub(super) format: u32,
    pub(super) checksum: String,
    pub(super) run: Exported,
}

/// All that a store has of a run.
#[derive(Serialize, Deserialize)]
pub(super) struct Exported {
    pub(super) exported_at: Timestamp,
    pub(super) head: RunHead,
    pub(super) plan: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) snapshot: Option<Kept>,
    pub(super) log: Vec<Row>,
    pub(super) timers: Vec<Timer>,
    pub(super) items: Vec<Item>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) version: Version,
    pub(super) state: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) version: Version,
    pub(super) at: Timestamp,
    pub(super) events: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Timer {
    pub(super) name: String,
    pub(super) generation: u64,
    pub(super) due: Timestamp,
}

/// An attempt in flight.
#[derive(Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) queue: String,
    pub(super) priority: Priority,
    pub(super) available_at: Timestamp,
    pub(super) scope: u32,
    pub(super) node: u32,
    pub(super) attempt: u32,
    pub(super) timeout_ms: u64,
    pub(super) job: String,
}

impl Engine {
    /// The run as one text: head, plan, snapshot, log, timers and attempts in flight, with a checksum. The run goes on;
    /// pause it before if it is to move.
    ///
    /// # Errors
    /// `OSSA-N001` when there is no such run, `OSSA-N004` when it changes too fast to be read; what the store fails with.
    pub fn export(&self, run: RunId) -> Result<String, Error> {
        let run = self.core().read_whole(run)?;
        let file = File {
            format: FORMAT,
            checksum: run.checksum()?,
            run,
        };
        serde_json::to_string_pretty(&file).map_err(|error| unwritable(&error))
    }
}

impl Core {
    /// Everything of a run as of one version.
    fn read_whole(&self, run: RunId) -> Result<Exported, Error> {
        let backend = self.backend()?;
        for _ in 0..TRIES {
            let stored = backend.load(&[run])?.pop().flatten();
            let stored = stored.ok_or_else(|| not_found(run))?;
            let plan = self.plans.of_hash(&stored.head.plan, &*backend)?;
            let log = backend.history(&run, Version(0), usize::MAX)?;
            let timers = backend.timers_of(&run)?;
            let items = backend.step_items(&run)?;
            let head = backend.heads(&[run])?.pop().flatten();
            if head.is_none_or(|head| head.version != stored.head.version) {
                continue;
            }
            let now = self.now();
            let rows = log.into_iter().map(|row| Row {
                version: row.version,
                at: row.at,
                events: row.events,
            });
            let timers = timers.into_iter().map(|timer| Timer {
                name: timer.key.name,
                generation: timer.generation,
                due: timer.due,
            });
            return Ok(Exported {
                exported_at: now,
                head: stored.head,
                plan: plan.to_json(),
                snapshot: stored.snapshot.map(|snapshot| Kept {
                    version: snapshot.version,
                    state: snapshot.state,
                }),
                log: rows.collect(),
                timers: timers.collect(),
                items: items
                    .into_iter()
                    .filter_map(|item| Item::of(item, now).transpose())
                    .collect::<Result<_, _>>()?,
            });
        }
        let message = format!("run {run} changed each time it was read");
        Err(Error::new(Category::Engine, code::RUN_BUSY, message)
            .with_help("pause it first")
            .retryable()
            .of_run(run))
    }
}

impl Item {
    fn of(delivery: Delivery, now: Timestamp) -> Result<Option<Self>, Error> {
        let Some(item) = delivery.step else {
            return Ok(None);
        };
        let job = String::from_utf8(delivery.body).map_err(|error| {
            let message = format!("the step item cannot be read: {error}");
            Error::new(Category::Engine, code::ITEM_UNREADABLE, message).of_run(item.step.run)
        })?;
        // What a worker holds here is nobody's there.
        let claimed = delivery.deadline.is_some();
        Ok(Some(Self {
            queue: delivery.queue,
            priority: delivery.priority,
            available_at: if claimed { now } else { delivery.visible_at },
            scope: item.step.scope,
            node: item.step.node,
            attempt: item.step.attempt,
            timeout_ms: u64::try_from(item.timeout.as_millis()).unwrap_or(u64::MAX),
            job,
        }))
    }
}

impl Exported {
    pub(super) fn checksum(&self) -> Result<String, Error> {
        let json = serde_json::to_vec(self).map_err(|error| unwritable(&error))?;
        let mut text = String::with_capacity(64);
        for byte in Sha256::digest(json) {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Ok(text)
    }
}

fn unwritable(error: &serde_json::Error) -> Error {
    let message = format!("the run cannot be written as JSON: {error}");
    Error::new(Category::Engine, code::RUN_UNREADABLE, message)
}
