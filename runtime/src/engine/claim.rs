//! Taking the right to run an attempt, and giving it back.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::breaker::Guarded;
use super::claims::Held;
use super::core::Core;
use super::options::check_queue;
use crate::error::{Category, Error, code};
use crate::plan::NodeId;
use crate::port::{ClaimAnswer, Delivery, MessageId, Priority, Receive, StepRef, Timestamp};
use crate::run::{Phase, Place, RetryOwner, ScopeId, StepError, StepJob};

/// Code of what happened to an attempt or a message that has lost too many workers.
pub(super) const WORKER_LOST: &str = "WORKER_LOST";

/// One attempt to run, claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct StepClaim {
    /// Names this attempt when its result is reported. Not always the token that was claimed: where the host keeps retry
    /// delays, the token of a failed attempt leads to the next one.
    pub token: String,
    /// What to do.
    pub job: StepJob,
    /// When the attempt's time is up.
    pub deadline: Timestamp,
    /// How urgent it is.
    pub priority: Priority,
    /// The queue of the step item.
    pub queue: String,
    /// The message that is the step item.
    pub message: MessageId,
    /// How many workers lost this attempt before.
    pub losses: u32,
}

impl StepClaim {
    /// The attempt.
    #[must_use]
    pub fn step_ref(&self) -> StepRef {
        step_of(&self.job)
    }
}

/// How much earlier than due the host may bring a retry: its delays are rounded, and its clock is its own.
const EARLY: Duration = Duration::from_secs(1);

/// How long the item of a held run that came back is put off. The end of the hold makes it visible at once.
const HELD_BACK: Duration = Duration::from_secs(60);

/// Answer to a claim by token.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimOutcome {
    /// Run it and report the result.
    Claimed(Arc<StepClaim>),
    /// Not now: another worker runs it, or it is a retry that is not due yet.
    Held {
        /// When that worker's lease ends, unless it is prolonged; or when the retry is due.
        until: Timestamp,
    },
    /// Nothing to do: the result is in, or the run has ended.
    Settled,
}

/// A message that may be handed to a worker; an attempt when `claim` is set.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) delivery: Delivery,
    pub(super) claim: Option<Arc<StepClaim>>,
}

impl Admitted {
    /// Whether a worker died holding it: it is run alone, so that it takes no other message with it should it be the
    /// cause.
    pub(super) fn is_suspect(&self) -> bool {
        self.delivery.losses > 0
    }
}

/// Whether a delivery may be handed to a worker.
enum Verdict {
    /// It may; as an attempt when it is one.
    Passes(Option<Arc<StepClaim>>),
    /// It may not, and was dealt with.
    TurnedAway,
}

/// A delivery that could neither pass nor be turned away.
struct Stopped {
    delivery: Delivery,
    error: Error,
}

/// What a receive brought.
pub(super) struct Fetched {
    pub(super) admitted: Vec<Admitted>,
    /// How many messages the store gave, before any was turned away.
    pub(super) claimed: usize,
}

impl Engine {
    /// Claims the attempt a token names. If that attempt failed and the host was to redeliver its message for the
    /// retry, claims the next attempt instead.
    ///
    /// # Errors
    /// Category token; `OSSA-N001` when the store has no such run; what the store fails with.
    pub fn claim(&self, token: &str) -> Result<ClaimOutcome, Error> {
        let step = self.core().read_token(token)?;
        let outcome = self.core().claim(step)?;
        if matches!(outcome, ClaimOutcome::Claimed(_)) {
            self.core().keep_leases()?;
        }
        Ok(outcome)
    }

    /// Claims up to `max` attempts from `queues`, for a worker that runs them one after the other or side by side.
    /// Ordinary messages are not taken into account: use a [`Consumer`](super::Consumer) for queues that hold such.
    ///
    /// An attempt that has lost a worker before comes alone.
    ///
    /// # Errors
    /// Category argument for a bad queue name; what the store fails with.
    pub fn receive(&self, queues: &[&str], max: usize) -> Result<Vec<Arc<StepClaim>>, Error> {
        for queue in queues {
            check_queue(queue)?;
        }
        let core = self.core();
        let request = Receive {
            queues: queues.iter().map(|&queue| queue.to_owned()).collect(),
            worker: core.worker.clone(),
            max,
            eldest: core.turns.eldest_of(max),
            lease: core.lease(),
        };
        // What is turned away is out of sight, and must not look like an empty queue.
        let fetched = loop {
            let fetched = core.receive_admitted(&request)?;
            if fetched.claimed == 0 || !fetched.admitted.is_empty() {
                break fetched;
            }
        };
        let mut attempts = Vec::with_capacity(fetched.admitted.len());
        let mut rest = Vec::new();
        let alone = fetched.admitted.first().is_some_and(Admitted::is_suspect);
        for admitted in fetched.admitted {
            let full = alone && !attempts.is_empty();
            let apart = !alone && admitted.is_suspect();
            match admitted.claim {
                Some(claim) if !full && !apart => {
                    core.hold(&claim, &admitted.delivery);
                    attempts.push(claim);
                }
                _ => rest.push((admitted.delivery.receipt, core.now())),
            }
        }
        if !attempts.is_empty() {
            core.keep_leases()?;
        }
        if !rest.is_empty() {
            // What cannot be given back comes again at the end of its lease; the others are run all the same.
            let _ = core.backend()?.release(&rest, core.now());
        }
        Ok(attempts)
    }

    /// Prolongs a claim at once; `false` when it is lost and the work is someone else's now. Leases are kept without
    /// it: this tells whether it is still worth going on.
    ///
    /// # Errors
    /// Category token; what the store fails with.
    pub fn heartbeat(&self, token: &str) -> Result<bool, Error> {
        let core = self.core();
        let step = core.read_token(token)?;
        let Some(held) = core.claims.get(&step) else {
            return Ok(false);
        };
        if held.lost {
            return Ok(false);
        }
        let until = core.lease().until();
        let kept = core
            .backend()?
            .extend(std::slice::from_ref(&held.receipt), until)?;
        let kept = kept.first() == Some(&true);
        core.claims.note(&step, &held.receipt, kept, until);
        Ok(kept)
    }

    /// Gives a claimed attempt back unrun; another worker may take it at once. Does nothing when it is not held.
    ///
    /// # Errors
    /// Category token; what the store fails with.
    pub fn give_back(&self, token: &str) -> Result<(), Error> {
        let core = self.core();
        let step = core.read_token(token)?;
        if let Some(held) = core.claims.remove(&step) {
            let now = core.now();
            core.backend()?.release(&[(held.receipt, now)], now)?;
        }
        Ok(())
    }
}

impl Core {
    fn claim(self: &Arc<Self>, step: StepRef) -> Result<ClaimOutcome, Error> {
        if let Some(held) = self.claims.get(&step)
            && !held.lost
        {
            return Ok(ClaimOutcome::Claimed(held.claim));
        }
        let mut step = step;
        // Twice at most: the attempt of the token, then the one that follows it.
        loop {
            match self
                .backend()?
                .claim_step(&step, &self.worker, self.lease())?
            {
                ClaimAnswer::Claimed(delivery) => {
                    let admitted = self.admit(delivery).map_err(|stopped| {
                        self.set_back(&stopped.delivery, &stopped.error);
                        stopped.error
                    })?;
                    if let Some(Admitted { delivery, claim }) = admitted
                        && let Some(claim) = claim
                    {
                        self.hold(&claim, &delivery);
                        return Ok(ClaimOutcome::Claimed(claim));
                    }
                    return Ok(ClaimOutcome::Settled);
                }
                ClaimAnswer::Held { until } => return Ok(ClaimOutcome::Held { until }),
                ClaimAnswer::Gone => match self.attempt_after(&step)? {
                    // A copy of the failed attempt's message that comes early must not cut the delay short.
                    Some((_, due)) if due > self.now().after(EARLY) => {
                        return Ok(ClaimOutcome::Held { until: due });
                    }
                    Some((next, _)) => step = next,
                    None => return Ok(ClaimOutcome::Settled),
                },
            }
        }
    }

    /// The attempt that waits in place of a failed one, when the host was to redeliver the failed one's message.
    /// With it, when it is due.
    fn attempt_after(&self, step: &StepRef) -> Result<Option<(StepRef, Timestamp)>, Error> {
        if self.options.retry_owner != RetryOwner::Host {
            return Ok(None);
        }
        let hot = self.current(step.run)?;
        let place = place_of(step);
        let state = hot.state.step(place);
        let Some(state) = state.filter(|state| state.attempt > step.attempt) else {
            return Ok(None);
        };
        let due = match state.phase {
            Phase::Retrying { due } => due,
            Phase::Running => self.now(),
            _ => return Ok(None),
        };
        Ok(Some((place.attempt(step.run, state.attempt), due)))
    }

    /// Notes that this process holds an attempt, so that its lease is kept and its token answered from memory.
    pub(super) fn hold(&self, claim: &Arc<StepClaim>, delivery: &Delivery) {
        let held = Held {
            claim: Arc::clone(claim),
            receipt: delivery.receipt.clone(),
            lease_until: delivery.visible_at,
            lost: false,
        };
        self.claims.insert(claim.step_ref(), held);
    }

    /// Receives messages and turns away those that must not reach a worker.
    pub(super) fn receive_admitted(&self, request: &Receive) -> Result<Fetched, Error> {
        let deliveries = self.queue()?.receive(request)?;
        if !self.has_store() {
            self.refuse_steps(&deliveries)?;
        }
        let claimed = deliveries.len();
        let mut admitted = Vec::with_capacity(claimed);
        for delivery in deliveries {
            match self.admit(delivery) {
                Ok(passed) => admitted.extend(passed),
                Err(stopped) => self.set_back(&stopped.delivery, &stopped.error),
            }
        }
        Ok(Fetched { admitted, claimed })
    }

    /// Gives deliveries back when one of them is an attempt of a step: without a store nobody knows its run.
    fn refuse_steps(&self, deliveries: &[Delivery]) -> Result<(), Error> {
        if deliveries.iter().all(|delivery| delivery.step.is_none()) {
            return Ok(());
        }
        let now = self.now();
        let releases = deliveries.iter().map(|it| (it.receipt.clone(), now));
        self.queue()?.release(&releases.collect::<Vec<_>>(), now)?;
        let message = "there are steps of runs in this queue: only their engine can run them";
        Err(
            Error::new(Category::Transport, code::BAD_ARGUMENT, message).with_help(
                "consume the queue through its engine (`ossa://default`), or use another queue",
            ),
        )
    }

    /// Lets a message pass, or ends an attempt that must not be run once more: it has lost too many workers, its time
    /// is up, or what it says cannot be read.
    fn admit(&self, delivery: Delivery) -> Result<Option<Admitted>, Box<Stopped>> {
        match self.claim_of(&delivery) {
            Ok(Verdict::Passes(claim)) => Ok(Some(Admitted { delivery, claim })),
            Ok(Verdict::TurnedAway) => Ok(None),
            Err(error) => Err(Box::new(Stopped { delivery, error })),
        }
    }

    fn claim_of(&self, delivery: &Delivery) -> Result<Verdict, Error> {
        let Some(item) = delivery.step else {
            return Ok(Verdict::Passes(None));
        };
        if self.is_held_back(delivery)? {
            return Ok(Verdict::TurnedAway);
        }
        let refused = match self.refuse(delivery) {
            Some(error) => {
                if let Some(guarded) = self.guarded_item(delivery) {
                    self.note_attempt(&guarded, Some(&error));
                }
                error
            }
            None => match serde_json::from_slice::<StepJob>(&delivery.body) {
                Ok(job) if step_of(&job) == item.step => {
                    let claim = StepClaim {
                        token: self.opened()?.signer.sign(&item.step),
                        job,
                        deadline: delivery
                            .deadline
                            .unwrap_or_else(|| self.now().after(item.timeout)),
                        priority: delivery.priority,
                        queue: delivery.queue.clone(),
                        message: delivery.receipt.id.clone(),
                        losses: delivery.losses,
                    };
                    return match self.guarded(&claim.job) {
                        Some(guarded) => self.past_breakers(delivery, item.step, claim, &guarded),
                        None => Ok(Verdict::Passes(Some(Arc::new(claim)))),
                    };
                }
                Ok(_) => unreadable("it names another attempt"),
                Err(error) => unreadable(&error.to_string()),
            },
        };
        self.give_up(item.step, refused)?;
        Ok(Verdict::TurnedAway)
    }

    /// Lets an attempt pass the breakers that guard it, or puts it off until it may ask again; one whose task has a fallback
    /// for that case fails instead.
    fn past_breakers(
        &self,
        delivery: &Delivery,
        step: StepRef,
        claim: StepClaim,
        guarded: &Guarded,
    ) -> Result<Verdict, Error> {
        let Some(until) = self.parked_until(guarded)? else {
            return Ok(Verdict::Passes(Some(Arc::new(claim))));
        };
        match self.breaker_error(&step, guarded)? {
            Some(error) => drop(self.give_up(step, error)?),
            None => {
                let later = (delivery.receipt.clone(), until);
                self.backend()?.release(&[later], self.now())?;
            }
        }
        Ok(Verdict::TurnedAway)
    }

    /// Puts off an attempt of a run that is held. Such items are out of sight, but for those that a worker held when the
    /// run was paused and gave back, or lost: only what was handed out before needs a look.
    fn is_held_back(&self, delivery: &Delivery) -> Result<bool, Error> {
        let again = delivery.receipt.fence > 1;
        let Some(item) = delivery.step.filter(|_| again) else {
            return Ok(false);
        };
        let hot = self.current(item.step.run)?;
        let step = hot.state.step(place_of(&item.step));
        let held = hot.state.is_held() && step.is_none_or(|step| !step.executed);
        if held {
            let now = self.now();
            let later = (delivery.receipt.clone(), now.after(HELD_BACK));
            self.backend()?.release(&[later], now)?;
        }
        Ok(held)
    }

    /// Why the attempt of a delivery must not be run once more.
    pub(super) fn refuse(&self, delivery: &Delivery) -> Option<StepError> {
        if delivery.losses >= self.options.max_losses {
            let message = format!("{} workers were lost while running it", delivery.losses);
            return Some(StepError::new(WORKER_LOST, message));
        }
        let over = delivery
            .deadline
            .is_some_and(|deadline| deadline <= self.now());
        over.then(timed_out)
    }
}

pub(super) const fn place_of(step: &StepRef) -> Place {
    Place {
        scope: ScopeId(step.scope),
        node: NodeId(step.node),
    }
}

fn step_of(job: &StepJob) -> StepRef {
    StepRef {
        run: job.run,
        scope: job.scope,
        node: job.node,
        attempt: job.attempt,
    }
}

/// The error of an attempt whose time is up.
pub(super) fn timed_out() -> StepError {
    StepError::new("TIMEOUT", "the attempt did not report a result in time")
}

pub(super) fn unreadable(reason: &str) -> StepError {
    StepError::new(
        code::ITEM_UNREADABLE,
        format!("the step item cannot be read: {reason}"),
    )
}
