//! The subscribers that hosts have registered, one entry each in the key-value space of the store, and the table that is
//! made of them and the manifests.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::super::core::Core;
use super::Channels;
use super::assemble::check;
use super::follow;
use super::subscriber::Subscriber;
use super::table::Table;
use crate::error::{Category, Error, code};
use crate::manifest::model::Manifest;
use crate::policy::Follower;
use crate::port::{Position, QueueCounts};

const NAMESPACE: &str = "ossa.subscribers";
/// So long a table is used before the store is asked whether it is still right.
const FRESH: Duration = Duration::from_secs(1);

/// What is kept at hand.
#[derive(Debug, Default)]
pub(in crate::engine) struct Known {
    table: RwLock<Option<Made>>,
    making: Mutex<()>,
    dead_letters: Mutex<HashSet<String>>,
}

/// A table, with what it was made of.
#[derive(Debug)]
struct Made {
    table: Arc<Table>,
    manifests: Vec<Arc<Manifest>>,
    registered: Vec<Subscriber>,
    checked: Instant,
}

impl Made {
    fn is_of(&self, manifests: &[Arc<Manifest>], registered: &[Subscriber]) -> bool {
        let mut pairs = self.manifests.iter().zip(manifests);
        self.manifests.len() == manifests.len()
            && pairs.all(|(one, other)| Arc::ptr_eq(one, other))
            && self.registered == registered
    }
}

/// A subscriber and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriberView {
    /// What it is.
    pub subscriber: Arc<Subscriber>,
    /// What is in its queue.
    pub queue: QueueCounts,
    /// Where it stands in the stream, if it reads that by itself.
    pub stream: Option<StreamPlace>,
}

/// Where a subscriber stands in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamPlace {
    /// Everything up to here was looked at.
    pub read_to: Position,
    /// Records in hands, or to be handed out again.
    pub held: usize,
    /// Records that wait for their turn.
    pub waiting: usize,
}

impl Known {
    pub(super) fn has_dead_letters(&self, channel: &str) -> bool {
        self.dead_letters.lock().contains(channel)
    }

    pub(super) fn note_dead_letters(&self, channel: &str) {
        self.dead_letters.lock().insert(channel.to_owned());
    }

    /// Has the table made anew.
    pub(in crate::engine) fn forget(&self) {
        *self.table.write() = None;
        self.dead_letters.lock().clear();
    }
}

impl Channels {
    /// Registers a subscriber, or changes one: what is published from now on is for it, too. Durable when it returns; other
    /// processes know of it within a second.
    ///
    /// # Errors
    /// Category argument when something about it is wrong; what the store fails with.
    pub fn subscribe(&self, subscriber: &Subscriber) -> Result<(), Error> {
        check(subscriber)?;
        let core = &self.0;
        if subscriber.follows() {
            core.begin_to_follow(subscriber)?;
        }
        core.put_record(NAMESPACE, &subscriber.name, subscriber, None)?;
        core.channels.forget();
        Ok(())
    }

    /// Forgets a subscriber that was registered; `false` when there is none. What is in its queue stays.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn unsubscribe(&self, name: &str) -> Result<bool, Error> {
        let core = &self.0;
        let there = core.forget_record(NAMESPACE, name)?;
        core.forget_record(follow::NAMESPACE, name)?;
        core.channels.forget();
        Ok(there)
    }

    /// All subscribers, of manifests and registered ones, by name, with what is on its way to them.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn subscribers(&self) -> Result<Vec<SubscriberView>, Error> {
        let core = &self.0;
        let backend = core.backend()?;
        let table = core.table()?;
        let views = table.subscribers().map(|subscriber| {
            let stream = match subscriber.follows() {
                true => core.follower(&subscriber.name)?.map(place),
                false => None,
            };
            Ok(SubscriberView {
                subscriber: Arc::clone(subscriber),
                queue: backend.count(&subscriber.queue(), core.now())?,
                stream,
            })
        });
        views.collect()
    }

    /// What of the subscribers and rules cannot be used, and why: it is left out.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn problems(&self) -> Result<Vec<String>, Error> {
        Ok(self.0.table()?.problems.clone())
    }

    /// Has a registered subscriber read again from another place in the stream on.
    ///
    /// # Errors
    /// `OSSA-N025` when there is no such subscriber, or it does not read the stream by itself; what the store fails with.
    pub fn seek(&self, name: &str, after: Position) -> Result<(), Error> {
        let table = self.0.table()?;
        match table.subscriber(name) {
            Some(subscriber) if subscriber.follows() => self.0.move_follower(name, after),
            _ => Err(no_follower(name)),
        }
    }
}

impl Core {
    /// The table as it is, or was a moment ago.
    pub(super) fn table(&self) -> Result<Arc<Table>, Error> {
        if let Some(table) = self.table_at_hand() {
            return Ok(table);
        }
        let _making = self.channels.making.lock();
        if let Some(table) = self.table_at_hand() {
            return Ok(table);
        }
        let registered: Vec<Subscriber> = self.records(NAMESPACE, "", usize::MAX)?;
        let manifests = self.library.manifests();
        let mut slot = self.channels.table.write();
        if let Some(made) = slot.as_mut()
            && made.is_of(&manifests, &registered)
        {
            made.checked = Instant::now();
            return Ok(Arc::clone(&made.table));
        }
        let table = Arc::new(Table::new(
            &manifests,
            registered.clone(),
            &self.options.channels,
            &*self.options.callbacks,
        ));
        for subscriber in table.subscribers().filter(|it| it.follows()) {
            self.begin_to_follow(subscriber)?;
        }
        *slot = Some(Made {
            table: Arc::clone(&table),
            manifests,
            registered,
            checked: Instant::now(),
        });
        Ok(table)
    }

    fn table_at_hand(&self) -> Option<Arc<Table>> {
        let made = self.channels.table.read();
        let made = made.as_ref()?;
        (made.checked.elapsed() < FRESH).then(|| Arc::clone(&made.table))
    }
}

fn place(follower: Follower) -> StreamPlace {
    StreamPlace {
        read_to: follower.read_to,
        held: follower.held.len(),
        waiting: follower.waiting.len(),
    }
}

fn no_follower(name: &str) -> Error {
    let message = format!("`{name}` is no subscriber that reads the stream by itself");
    Error::new(Category::Engine, code::SUBSCRIBER_NOT_FOUND, message)
        .with_help("`ossa channel list` names the subscribers; give it an order, a limit or a place to begin at")
}
