use std::time::{Duration, Instant};

use super::fault::{self, refused};
use super::hands::{Arrived, Claim};
use super::intake::{self, Open, Part};
use super::wire::Message;
use super::{Inner, RabbitMqQueue, clock, names, topology};
use crate::port::{
    Delivery, Finding, MessageId, NewMessage, Priority, Queue, QueueCounts, Receipt, Receive,
    StoreError, Timestamp, turns,
};

/// Queues for delays that are not there are looked for again after this.
const ABSENT_FOR: Duration = Duration::from_secs(5);

impl Queue for RabbitMqQueue {
    fn publish(
        &self,
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<Vec<MessageId>, StoreError> {
        const OPERATION: &str = "publish";
        let inner = &self.inner;
        if messages.iter().any(|message| message.step.is_some()) {
            let reason = "steps of runs are in the queue of their engine's store, not at a broker";
            return Err(refused(&inner.options, OPERATION, reason));
        }
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        inner.use_of(messages.iter().map(|message| &message.queue));
        let now_here = clock();
        let copies: Vec<_> = messages
            .iter()
            .map(|message| Message::new(message, now, now_here))
            .collect();
        self.run(inner.publish(OPERATION, &copies))?;
        inner.hands.announce(inner.hands.lock());
        Ok(copies.into_iter().map(|message| message.id).collect())
    }

    fn receive(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        if request.max == 0 || request.queues.is_empty() {
            return Ok(Vec::new());
        }
        self.inner.use_of(&request.queues);
        self.run(self.inner.receive(request))
    }

    fn has_visible(&self, queues: &[String], _now: Timestamp) -> Result<bool, StoreError> {
        self.inner.use_of(queues);
        self.run(self.inner.has_visible(queues))
    }

    fn ack(&self, receipts: &[Receipt]) -> Result<Vec<bool>, StoreError> {
        let ended = |receipt: &Receipt| self.inner.hands.lock().end(receipt);
        self.run(async {
            let mut intake = self.inner.intake.lock().await;
            // Looks whether the channel is up: if it is not, nothing is claimed.
            let open = intake.current();
            let claims: Vec<_> = receipts.iter().map(ended).collect();
            if let Some(open) = open {
                // An ack that gets lost on the way is as good as none: the message comes again.
                let _ = self.inner.settle(open, claims.iter().flatten()).await;
            }
            Ok(claims.iter().map(Option::is_some).collect())
        })
    }

    fn release(
        &self,
        releases: &[(Receipt, Timestamp)],
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        let now_here = clock();
        let moves = releases.iter().map(|(receipt, at)| {
            let wait = at.as_millis().saturating_sub(now.as_millis());
            let copy = move |claim: &Claim| Message {
                due: (wait > 0).then(|| now_here.saturating_add(wait)),
                claims: claim.fence,
                ..claim.arrived.message.clone()
            };
            (receipt, copy)
        });
        self.run(self.inner.copy_and_ack("release", moves.collect()))
    }

    fn extend(&self, receipts: &[Receipt], _until: Timestamp) -> Result<Vec<bool>, StoreError> {
        self.run(async {
            // A claim lasts as long as its channel.
            self.inner.intake.lock().await.current();
            let held = self.inner.hands.lock();
            let valid = receipts.iter().map(|receipt| held.claim(receipt).is_some());
            Ok(valid.collect())
        })
    }

    fn reject(
        &self,
        receipts: &[Receipt],
        dead_letter_queue: &str,
        headers: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        let _ = now;
        let moves = receipts.iter().map(|receipt| {
            let copy = |claim: &Claim| {
                let message = claim.arrived.message.clone();
                Message {
                    queue: dead_letter_queue.to_owned(),
                    due: None,
                    claims: claim.fence,
                    losses: 0,
                    rejected_from: Some(message.queue.clone()),
                    headers: headers.map_or(message.headers, <[u8]>::to_vec),
                    ..message
                }
            };
            (receipt, copy)
        });
        self.run(self.inner.copy_and_ack("reject", moves.collect()))
    }

    fn count(&self, queue: &str, _now: Timestamp) -> Result<QueueCounts, StoreError> {
        self.inner.use_of([&queue.to_owned()]);
        self.run(self.inner.count(queue))
    }

    fn wait_for_change(&self, seen: u64, timeout: Duration) -> Result<u64, StoreError> {
        Ok(self.inner.hands.wait(seen, timeout))
    }

    fn findings(&self) -> Result<Vec<Finding>, StoreError> {
        let used: Vec<_> = self.inner.used.lock().iter().cloned().collect();
        self.run(async {
            let mut findings = Vec::new();
            for queue in &used {
                let Err(error) = self.inner.count(queue).await else {
                    continue;
                };
                let StoreError::Failed { reason, .. } = &error else {
                    return Err(error);
                };
                let Some(found) = fault::different_queue(reason) else {
                    return Err(error);
                };
                findings.push(Finding {
                    found: found.to_owned(),
                    risk: "what is not kept by a durable quorum queue is lost with its node"
                        .to_owned(),
                    remedy: fault::HOW_TO_REPLACE.to_owned(),
                });
            }
            Ok(findings)
        })
    }
}

impl Inner {
    fn use_of<'a>(&self, queues: impl IntoIterator<Item = &'a String>) {
        let mut used = self.used.lock();
        for queue in queues {
            if !used.contains(queue) {
                used.insert(queue.clone());
            }
        }
    }

    async fn receive(&self, request: &Receive) -> Result<Vec<Delivery>, StoreError> {
        let mut intake = self.intake.lock().await;
        let open = intake.opened().await?;
        self.hands.lock().asked();
        let parts = intake::parts(&self.options.prefix, request.turns());
        let taken = self.take(open, &parts, request).await;
        let taken = match taken {
            Ok(taken) => taken,
            Err(error) => {
                // What was fetched for an answer that is not given would be nobody's: the broker gives it out again.
                intake.lose();
                return Err(error);
            }
        };
        self.hands.lock().asked();
        Ok(self.hand_out(taken, request))
    }

    /// Whether one was brought to us. What is asked for is that one from each queue is.
    async fn has_visible(&self, queues: &[String]) -> Result<bool, StoreError> {
        let parts = intake::parts(&self.options.prefix, turns(queues));
        let mut intake = self.intake.lock().await;
        let open = intake.opened().await?;
        open.prepare(&parts).await?;
        open.bring(&parts, 1).await?;
        let mut held = self.hands.lock();
        held.asked();
        Ok(parts.iter().any(|part| held.buffered(&part.name) > 0))
    }

    async fn take(
        &self,
        open: &mut Open,
        parts: &[Part],
        request: &Receive,
    ) -> Result<Vec<Arrived>, StoreError> {
        open.prepare(parts).await?;
        let mut taken = Vec::new();
        let mut early = Vec::new();
        let urgent_first = parts.iter().map(|part| (part, request.in_turn()));
        let places_left = parts.iter().rev().map(|part| (part, request.max));
        for (part, places) in urgent_first.chain(places_left) {
            while taken.len() < places {
                let Some(arrived) = self.next(open, part).await? else {
                    break;
                };
                if arrived.message.remaining(clock()) > 0 {
                    early.push(arrived);
                } else {
                    taken.push(arrived);
                }
            }
        }
        self.postpone(open, early).await?;
        if request.max == 1 && !taken.is_empty() {
            open.slow_down().await?;
        } else if taken.is_empty() {
            // One from each queue is brought, to wake whoever waits.
            open.bring(parts, 1).await?;
        } else {
            let ahead = request.max.saturating_mul(2).min(1_000);
            open.bring(parts, u16::try_from(ahead).unwrap_or(u16::MAX))
                .await?;
        }
        Ok(taken)
    }

    async fn next(&self, open: &mut Open, part: &Part) -> Result<Option<Arrived>, StoreError> {
        if let Some(arrived) = self.hands.lock().pop(&part.name) {
            return Ok(Some(arrived));
        }
        if open.is_brought(part) {
            return Ok(None);
        }
        open.fetch(part).await
    }

    /// Has messages that are not due wait for what is left.
    async fn postpone(&self, open: &Open, early: Vec<Arrived>) -> Result<(), StoreError> {
        if early.is_empty() {
            return Ok(());
        }
        let copies: Vec<_> = early.iter().map(|it| it.message.clone()).collect();
        self.publish("delay", &copies).await?;
        let tags: Vec<_> = early.iter().map(|it| it.tag).collect();
        let acks = self.hands.lock().acks(&tags);
        open.ack(acks).await
    }

    fn hand_out(&self, taken: Vec<Arrived>, request: &Receive) -> Vec<Delivery> {
        let mut held = self.hands.lock();
        let handed_out = taken.into_iter().map(|arrived| {
            let fence = arrived.message.claims.saturating_add(1);
            let Message {
                id,
                queue,
                priority,
                published_at,
                losses,
                headers,
                body,
                ..
            } = arrived.message.clone();
            held.claims.insert(id.clone(), Claim { fence, arrived });
            Delivery {
                receipt: Receipt { id, fence },
                queue,
                priority,
                published_at,
                visible_at: request.lease.until(),
                body,
                headers,
                step: None,
                deadline: None,
                losses,
            }
        });
        handed_out.collect()
    }

    /// Publishes a copy of each claimed message, and acks what it is a copy of once that is confirmed: a crash in between
    /// leaves both.
    async fn copy_and_ack(
        &self,
        operation: &'static str,
        moves: Vec<(&Receipt, impl FnOnce(&Claim) -> Message)>,
    ) -> Result<Vec<bool>, StoreError> {
        let mut intake = self.intake.lock().await;
        let open = intake.current();
        let mut claims: Vec<Option<Claim>> = Vec::with_capacity(moves.len());
        let mut copies = Vec::with_capacity(moves.len());
        {
            let held = self.hands.lock();
            for (receipt, copy) in moves {
                let again = claims
                    .iter()
                    .flatten()
                    .any(|claim: &Claim| claim.arrived.message.id == receipt.id);
                let claim = held.claim(receipt).filter(|_| !again).cloned();
                copies.extend(claim.as_ref().map(copy));
                claims.push(claim);
            }
        }
        let Some(open) = open.filter(|_| !copies.is_empty()) else {
            return Ok(vec![false; claims.len()]);
        };
        self.publish(operation, &copies).await?;
        {
            let mut held = self.hands.lock();
            for claim in claims.iter().flatten() {
                held.claims.remove(&claim.arrived.message.id);
            }
        }
        let _ = self.settle(open, claims.iter().flatten()).await;
        self.hands.announce(self.hands.lock());
        Ok(claims.iter().map(Option::is_some).collect())
    }

    async fn settle(
        &self,
        open: &Open,
        claims: impl Iterator<Item = &Claim>,
    ) -> Result<(), StoreError> {
        let tags: Vec<_> = claims.map(|claim| claim.arrived.tag).collect();
        let acks = self.hands.lock().acks(&tags);
        if acks.is_empty() {
            return Ok(());
        }
        open.ack(acks).await
    }

    async fn count(&self, queue: &str) -> Result<QueueCounts, StoreError> {
        const OPERATION: &str = "count";
        let mut intake = self.intake.lock().await;
        let open = intake.opened().await?;
        let turns = Priority::ALL.map(|priority| (priority, queue));
        let parts = intake::parts(&self.options.prefix, turns.into_iter());
        let mut counts = QueueCounts::default();
        let channel = open.link.channel(OPERATION).await?;
        for part in &parts {
            let declared = topology::declare(&channel, &part.name);
            let declared = open.link.answer(OPERATION, declared).await?;
            counts.ready += u64::from(declared.message_count());
        }
        for wait in names::DELAYS {
            let name = names::delay(&self.options.prefix, queue, wait);
            counts.delayed += self.count_delayed(open, name).await?;
        }
        let held = self.hands.lock();
        for part in &parts {
            counts.ready += u64::try_from(held.buffered(&part.name)).unwrap_or(0);
        }
        let leased = held.claims.values();
        let leased = leased.filter(|claim| claim.arrived.message.queue == queue);
        counts.leased = u64::try_from(leased.count()).unwrap_or(0);
        Ok(counts)
    }

    async fn count_delayed(&self, open: &Open, name: String) -> Result<u64, StoreError> {
        let known_absent = |at: &Instant| at.elapsed() < ABSENT_FOR;
        if self.absent.lock().get(&name).is_some_and(known_absent) {
            return Ok(0);
        }
        // A queue that is not there ends the channel it was asked for on.
        let channel = open.link.channel("count").await?;
        match topology::peek(&channel, &name).await {
            Some(count) => {
                let _ = channel.close(200, "done".into()).await;
                Ok(count)
            }
            None => {
                self.absent.lock().insert(name, Instant::now());
                Ok(0)
            }
        }
    }
}
