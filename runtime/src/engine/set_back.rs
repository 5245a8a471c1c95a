//! Deliveries that cannot be let pass. Each stands for itself: the others of its batch are not held up, and it comes
//! back after longer and longer pauses. What will never pass is set aside.

use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use parking_lot::Mutex;

use super::core::Core;
use super::dead_letter::with_reason;
use super::unreadable::is_unreadable;
use crate::error::{Error, code};
use crate::port::{ClaimAnswer, Delivery, MessageId, StepRef};

/// The pause after the first time; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Set back so many times, which takes about half a minute, a delivery is set aside if it cannot be mended by waiting.
const TRIES: u32 = 5;
/// Deliveries remembered; one that is forgotten is counted anew.
const KEPT: NonZeroUsize = NonZeroUsize::new(1024).expect("1024 is not zero");

/// How often each delivery was set back by this process.
pub(super) struct SetBacks(Mutex<LruCache<MessageId, u32>>);

impl Default for SetBacks {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl SetBacks {
    /// Counts one more.
    fn count(&self, message: &MessageId) -> u32 {
        let mut counts = self.0.lock();
        let count = counts.get_or_insert_mut_ref(message, || 0);
        *count = count.saturating_add(1);
        *count
    }
}

impl Core {
    /// Has a delivery come again later, or sets it aside, after `error` kept it from passing.
    pub(super) fn set_back(&self, delivery: &Delivery, error: &Error) {
        // Should this fail as well, the message is still claimed, and comes again at the end of its lease.
        let _ = self.try_set_back(delivery, error);
    }

    fn try_set_back(&self, delivery: &Delivery, error: &Error) -> Result<(), Error> {
        let times = self.set_backs.count(&delivery.receipt.id);
        if times > TRIES
            && let Some(item) = delivery.step
        {
            if is_orphaned(error) {
                return self.bury(delivery, item.step, error);
            }
            if is_unreadable(error) {
                return self.set_aside(delivery, item.step.run, error);
            }
        }
        let receipt = delivery.receipt.clone();
        let now = self.now();
        let until = now.after(pause(times));
        let backend = self.backend()?;
        // A release would have the time and the losses of an attempt that is over begin anew.
        if self.refuse(delivery).is_some() {
            backend.extend(&[receipt], until)?;
        } else {
            backend.release(&[(receipt, until)], now)?;
        }
        Ok(())
    }

    /// Makes a step item a dead letter that says why.
    fn bury(&self, delivery: &Delivery, step: StepRef, error: &Error) -> Result<(), Error> {
        let backend = self.backend()?;
        let dead_letters = format!("{}.dlq", delivery.queue);
        let headers = with_reason(&delivery.headers, error.code(), error.message());
        let bury = |receipt| backend.reject(&[receipt], &dead_letters, Some(&headers), self.now());
        let buried = bury(delivery.receipt.clone())?;
        if buried.first() != Some(&true)
            && let ClaimAnswer::Claimed(delivery) =
                backend.claim_step(&step, &self.worker, self.lease())?
        {
            // A relay has no claim to end.
            bury(delivery.receipt)?;
        }
        Ok(())
    }
}

/// Whether no run waits for the attempt.
fn is_orphaned(error: &Error) -> bool {
    matches!(error.code(), code::RUN_NOT_FOUND | "OSSA-R005")
}

fn pause(times: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(times.saturating_sub(1));
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let seconds: Vec<_> = (1..=11).map(|times| pause(times).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
