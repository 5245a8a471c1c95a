//! Step items on their way to another transport.
//!
//! The store's queue is the outbox: an item is published in the transaction of the transition that made it, whatever
//! transport the host uses. A relay hands items out and confirms them once the other transport has stored them; until
//! a worker claims one, it stays in the queue and comes again, after longer and longer intervals. So a relay may
//! repeat an item, and never skips one.

use std::time::Duration;

use super::Engine;
use super::claim::unreadable;
use super::options::check_queue;
use crate::error::Error;
use crate::port::{Lease, Priority, Receipt, Receive, Timestamp};
use crate::run::StepJob;

/// Unconfirmed items come again after this time: long enough to publish a batch, short enough after a crash.
const CONFIRM_WITHIN: Duration = Duration::from_secs(30);

/// However long an item has waited for a worker, it comes again after this time.
const LONGEST_INTERVAL: Duration = Duration::from_secs(3600);

/// A step item to publish on another transport.
#[derive(Debug, Clone, PartialEq)]
pub struct StepDispatch {
    /// What the worker claims with.
    pub token: String,
    /// What the worker will be asked to do.
    pub job: StepJob,
    /// The queue of the step item.
    pub queue: String,
    /// How urgent it is.
    pub priority: Priority,
    receipt: Receipt,
    published_at: Timestamp,
}

impl Engine {
    /// Up to `max` items from `queues` to publish elsewhere. Confirm them with [`relayed`](Self::relayed).
    ///
    /// # Errors
    /// Category argument for a bad queue name; what the store fails with.
    pub fn relay(&self, queues: &[&str], max: usize) -> Result<Vec<StepDispatch>, Error> {
        for queue in queues {
            check_queue(queue)?;
        }
        let core = self.core();
        let backend = core.backend()?;
        if backend.is_provisional() {
            // Another transport would have them before the runs they are of are there, or although these never will be.
            return Ok(Vec::new());
        }
        let deliveries = backend.relay(&Receive {
            queues: queues.iter().map(|&queue| queue.to_owned()).collect(),
            worker: core.worker.clone(),
            max,
            eldest: core.turns.eldest_of(max),
            lease: Lease {
                now: core.now(),
                duration: CONFIRM_WITHIN,
            },
        })?;
        let signer = &core.opened()?.signer;
        let mut dispatches = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let Some(item) = delivery.step else { continue };
            match serde_json::from_slice(&delivery.body) {
                Ok(job) => dispatches.push(StepDispatch {
                    token: signer.sign(&item.step),
                    job,
                    queue: delivery.queue,
                    priority: delivery.priority,
                    receipt: delivery.receipt,
                    published_at: delivery.published_at,
                }),
                // Nobody could run it; the run must not wait for it.
                Err(error) => {
                    let error = unreadable(&error.to_string());
                    if let Err(error) = core.give_up(item.step, error) {
                        core.set_back(&delivery, &error);
                    }
                }
            }
        }
        Ok(dispatches)
    }

    /// Confirms that relayed items are stored by the other transport. Those that are not confirmed come again after
    /// 30 s. Those that are come again when nobody has claimed them within the dispatch deadline; while that goes on,
    /// each time after twice as long, up to an hour: a transport whose workers are down is not flooded with copies.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn relayed(&self, dispatches: &[StepDispatch]) -> Result<(), Error> {
        let core = self.core();
        let now = core.now();
        let deadline = core.options.dispatch_deadline;
        let longest = LONGEST_INTERVAL.max(deadline);
        // As long again as it has waited already doubles the interval, and needs no counter that survives a restart.
        self.postpone(dispatches, now, |dispatch| {
            now.since(dispatch.published_at).clamp(deadline, longest)
        })
    }

    /// Has relayed items come again at once: the other transport did not take them.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn not_relayed(&self, dispatches: &[StepDispatch]) -> Result<(), Error> {
        self.postpone(dispatches, self.core().now(), |_| Duration::ZERO)
    }

    fn postpone(
        &self,
        dispatches: &[StepDispatch],
        now: Timestamp,
        by: impl Fn(&StepDispatch) -> Duration,
    ) -> Result<(), Error> {
        if dispatches.is_empty() {
            return Ok(());
        }
        let releases: Vec<_> = dispatches
            .iter()
            .map(|dispatch| (dispatch.receipt.clone(), now.after(by(dispatch))))
            .collect();
        // `false` where a worker was faster and has claimed the item already: all the better.
        self.core().backend()?.release(&releases, now)?;
        Ok(())
    }
}
