//! From where on queues with a backlog are looked through.
//!
//! What was claimed leaves a dead entry at the front of the index until the database clears it away, once a minute at best:
//! hundreds of thousands behind a fast worker, and each claim would have to pass over all of them. So as long as claims get all
//! they ask for, each begins where the one before it ended. What becomes visible before that, as a lease of another worker's
//! that runs out, is found within [`WHOLE`], and at once when there is no backlog.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::port::{NewMessage, Priority, Receive};

/// How often the whole of a queue is looked through.
const WHOLE: Duration = Duration::from_millis(800);

/// Before everything.
pub(super) const START: i64 = i64::MIN;

/// How far claims have got.
#[derive(Debug)]
pub(super) struct Fronts(Mutex<Known>);

#[derive(Debug)]
struct Known {
    /// Milliseconds since the epoch, by priority and queue.
    reached: HashMap<Priority, HashMap<String, i64>>,
    whole: Instant,
}

impl Fronts {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Known {
            reached: HashMap::new(),
            whole: Instant::now(),
        }))
    }

    /// For each of the request's turns when a message must be visible at the earliest; `None` = the whole is to be looked at.
    pub(super) fn of(&self, request: &Receive) -> Option<Vec<i64>> {
        let mut known = self.0.lock();
        if known.whole.elapsed() >= WHOLE {
            known.whole = Instant::now();
            known.reached.clear();
        }
        let front = |(priority, queue): (Priority, &str)| {
            known
                .reached
                .get(&priority)
                .and_then(|queues| queues.get(queue))
                .copied()
                .unwrap_or(START)
        };
        let fronts: Vec<_> = request.turns().map(front).collect();
        fronts.iter().any(|it| *it > START).then_some(fronts)
    }

    /// A claim took everything of the queue that was visible up to then.
    pub(super) fn reached(&self, priority: Priority, queue: &str, since: i64) {
        let mut known = self.0.lock();
        let queues = known.reached.entry(priority).or_default();
        match queues.get_mut(queue) {
            Some(front) => *front = since.max(*front),
            None => {
                queues.insert(queue.to_owned(), since);
            }
        }
    }

    /// New messages may be visible before those that were claimed last.
    pub(super) fn published(&self, messages: &[NewMessage]) {
        let mut known = self.0.lock();
        for message in messages {
            let queues = known.reached.get_mut(&message.priority);
            if let Some(front) = queues.and_then(|it| it.get_mut(&message.queue)) {
                *front = message.available_at.as_millis().min(*front);
            }
        }
    }

    /// The next claim looks at the whole.
    pub(super) fn forget(&self) {
        self.0.lock().reached.clear();
    }
}
