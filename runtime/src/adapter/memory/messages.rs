//! The messages of all queues and the order in which they are claimed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::port::{
    ClaimAnswer, Delivery, Lease, MessageId, NewMessage, Priority, QueueCounts, Receipt, Receive,
    RunId, StepRef, Timestamp, turns,
};

#[derive(Debug, Default)]
pub(super) struct Messages {
    /// By number, which is the order of publication; never given twice.
    all: BTreeMap<u64, Message>,
    by_step: HashMap<StepRef, u64>,
    /// Per queue, in the order of claiming.
    order: HashMap<String, BTreeSet<(Priority, Timestamp, u64)>>,
    last: u64,
}

#[derive(Debug)]
struct Message {
    new: NewMessage,
    published_at: Timestamp,
    visible_at: Timestamp,
    fence: u64,
    claimed: bool,
    deadline: Option<Timestamp>,
    losses: u32,
}

impl Messages {
    pub(super) fn publish(&mut self, new: &NewMessage, now: Timestamp) -> MessageId {
        let there = new.step.and_then(|item| self.by_step.get(&item.step));
        if let Some(number) = there {
            return id(*number);
        }
        self.last = self.last.saturating_add(1);
        let mut new = new.clone();
        if let Some(item) = &mut new.step {
            item.timeout = whole_milliseconds(item.timeout);
            self.by_step.insert(item.step, self.last);
        }
        let message = Message {
            published_at: now,
            visible_at: new.available_at,
            fence: 0,
            claimed: false,
            deadline: None,
            losses: 0,
            new,
        };
        self.insert(self.last, message);
        id(self.last)
    }

    pub(super) fn receive(&mut self, request: &Receive) -> Vec<Delivery> {
        self.visible(request, |_| true)
            .into_iter()
            .filter_map(|number| self.claim(number, request.lease))
            .collect()
    }

    pub(super) fn relay(&mut self, request: &Receive) -> Vec<Delivery> {
        self.visible(request, |message| message.new.step.is_some())
            .into_iter()
            .filter_map(|number| self.postpone(number, request.lease))
            .collect()
    }

    /// The first visible messages that are wanted, in the order of claiming.
    fn visible(&self, request: &Receive, wanted: impl Fn(&Message) -> bool) -> Vec<u64> {
        let mut numbers = self.in_turn(request, &wanted);
        if numbers.len() == request.in_turn() && request.eldest > 0 {
            let mut rest: Vec<_> = self
                .all
                .iter()
                .filter(|(number, message)| {
                    message.visible_at <= request.lease.now
                        && request.queues.contains(&message.new.queue)
                        && wanted(message)
                        && !numbers.contains(number)
                })
                .map(|(number, message)| (message.visible_at, *number))
                .collect();
            rest.sort_unstable();
            let places = request.max - numbers.len();
            numbers.extend(rest.iter().take(places).map(|(_, number)| number));
        }
        numbers
    }

    /// Those that get their places by their urgency.
    fn in_turn(&self, request: &Receive, wanted: impl Fn(&Message) -> bool) -> Vec<u64> {
        let mut numbers = Vec::new();
        for (priority, queue) in request.turns() {
            for number in self.front(priority, queue, request.lease.now) {
                if numbers.len() == request.in_turn() {
                    return numbers;
                }
                if self.all.get(&number).is_some_and(&wanted) {
                    numbers.push(number);
                }
            }
        }
        numbers
    }

    /// What is visible of one priority of one queue, in the order of claiming.
    fn front(
        &self,
        priority: Priority,
        queue: &str,
        now: Timestamp,
    ) -> impl Iterator<Item = u64> + '_ {
        let earliest = (priority, Timestamp::from_millis(i64::MIN), 0);
        let latest = (priority, now, u64::MAX);
        let order = self.order.get(queue).into_iter();
        let visible = order.flat_map(move |it| it.range(earliest..=latest));
        visible.map(|(_, _, number)| *number)
    }

    pub(super) fn has_visible(&self, queues: &[String], now: Timestamp) -> bool {
        turns(queues).any(|(priority, queue)| self.front(priority, queue, now).next().is_some())
    }

    pub(super) fn claim_step(&mut self, step: &StepRef, lease: Lease) -> ClaimAnswer {
        let Some(number) = self.by_step.get(step).copied() else {
            return ClaimAnswer::Gone;
        };
        match self.all.get(&number) {
            Some(message) if message.visible_at == Timestamp::NEVER => ClaimAnswer::Held {
                until: message.visible_at,
            },
            _ => self.claim_unless_held(number, lease),
        }
    }

    pub(super) fn reschedule(&mut self, step: &StepRef, at: Timestamp, now: Timestamp) {
        let Some(number) = self.by_step.get(step).copied() else {
            return;
        };
        let Some(mut message) = self.take(number) else {
            return;
        };
        if !message.claimed || message.visible_at <= now {
            message.note_loss();
            message.fence = message.fence.saturating_add(1);
            message.visible_at = at;
            message.deadline = None;
        }
        self.insert(number, message);
    }

    pub(super) fn claim_message(
        &mut self,
        queue: &str,
        wanted: &MessageId,
        lease: Lease,
    ) -> ClaimAnswer {
        let ordinary = |message: &Message| message.new.queue == queue && message.new.step.is_none();
        match number(wanted) {
            Some(number) if self.all.get(&number).is_some_and(ordinary) => {
                self.claim_unless_held(number, lease)
            }
            _ => ClaimAnswer::Gone,
        }
    }

    fn claim_unless_held(&mut self, number: u64, lease: Lease) -> ClaimAnswer {
        match self.all.get(&number) {
            Some(message) if message.claimed && message.visible_at > lease.now => {
                ClaimAnswer::Held {
                    until: message.visible_at,
                }
            }
            _ => self
                .claim(number, lease)
                .map_or(ClaimAnswer::Gone, ClaimAnswer::Claimed),
        }
    }

    fn claim(&mut self, number: u64, lease: Lease) -> Option<Delivery> {
        let mut message = self.take(number)?;
        message.note_loss();
        message.fence = message.fence.saturating_add(1);
        message.claimed = true;
        message.visible_at = lease.until();
        if let Some(item) = &message.new.step {
            let first = lease.now.after(item.timeout);
            message.deadline.get_or_insert(first);
        }
        let delivery = message.delivery(number);
        self.insert(number, message);
        Some(delivery)
    }

    fn postpone(&mut self, number: u64, lease: Lease) -> Option<Delivery> {
        let mut message = self.take(number)?;
        message.note_loss();
        message.visible_at = lease.until();
        let delivery = message.delivery(number);
        self.insert(number, message);
        Some(delivery)
    }

    pub(super) fn ack(&mut self, receipt: &Receipt) -> bool {
        self.held(receipt).is_some_and(|number| {
            self.remove(number);
            true
        })
    }

    pub(super) fn release(&mut self, receipt: &Receipt, at: Timestamp) -> bool {
        let Some(number) = number(&receipt.id) else {
            return false;
        };
        match self.take(number) {
            None => false,
            Some(mut message) => {
                let current = message.fence == receipt.fence;
                if current {
                    message.claimed = false;
                    message.visible_at = at;
                    message.deadline = None;
                }
                self.insert(number, message);
                current
            }
        }
    }

    pub(super) fn extend(&mut self, receipt: &Receipt, until: Timestamp) -> bool {
        self.change(receipt, |message| message.visible_at = until)
    }

    pub(super) fn reject(
        &mut self,
        receipt: &Receipt,
        queue: &str,
        headers: Option<&[u8]>,
        now: Timestamp,
    ) -> bool {
        if let Some(number) = self.held(receipt)
            && let Some(message) = self.all.get(&number)
            && let Some(item) = &message.new.step
        {
            self.by_step.remove(&item.step);
        }
        self.change(receipt, |message| {
            queue.clone_into(&mut message.new.queue);
            message.new.step = None;
            message.claimed = false;
            message.visible_at = now;
            message.deadline = None;
            message.losses = 0;
            if let Some(headers) = headers {
                message.new.headers = headers.to_vec();
            }
        })
    }

    pub(super) fn settle(&mut self, step: &StepRef) {
        if let Some(number) = self.by_step.get(step).copied() {
            self.remove(number);
        }
    }

    pub(super) fn remove_run(&mut self, run: &RunId) {
        self.by_step
            .keys()
            .filter(|step| step.run == *run)
            .copied()
            .collect::<Vec<_>>()
            .iter()
            .for_each(|step| self.settle(step));
    }

    pub(super) fn overdue(&self, now: Timestamp, limit: usize) -> Vec<Delivery> {
        let mut late: Vec<_> = self
            .all
            .iter()
            .filter(|(_, message)| message.deadline.is_some_and(|deadline| deadline <= now))
            .map(|(number, message)| message.delivery(*number))
            .collect();
        // Stable: equal deadlines stay in the order of publication.
        late.sort_by_key(|delivery| delivery.deadline);
        late.truncate(limit);
        late
    }

    pub(super) fn count(&self, queue: &str, now: Timestamp) -> QueueCounts {
        let mut counts = QueueCounts::default();
        for message in self.all.values().filter(|it| it.new.queue == queue) {
            let place = match (message.visible_at > now, message.claimed) {
                (false, _) => &mut counts.ready,
                (true, false) => &mut counts.delayed,
                (true, true) => &mut counts.leased,
            };
            *place = place.saturating_add(1);
        }
        counts
    }

    pub(super) fn list(
        &self,
        queue: &str,
        after: Option<&MessageId>,
        limit: usize,
    ) -> Vec<Delivery> {
        let after = after.and_then(number).unwrap_or(0);
        self.all
            .range(after.saturating_add(1)..)
            .filter(|(_, message)| message.new.queue == queue)
            .take(limit)
            .map(|(number, message)| message.delivery(*number))
            .collect()
    }

    pub(super) fn items_of(&self, run: &RunId) -> Vec<Delivery> {
        let of_run = |message: &Message| message.new.step.is_some_and(|item| item.step.run == *run);
        let items = self.all.iter().filter(|(_, message)| of_run(message));
        items
            .map(|(number, message)| message.delivery(*number))
            .collect()
    }

    pub(super) fn find(&self, queue: &str, wanted: &MessageId) -> Option<Delivery> {
        let number = number(wanted)?;
        let message = self.all.get(&number)?;
        (message.new.queue == queue).then(|| message.delivery(number))
    }

    /// The number of the message, if the receipt is still good for it.
    fn held(&self, receipt: &Receipt) -> Option<u64> {
        let number = number(&receipt.id)?;
        let message = self.all.get(&number)?;
        (message.claimed && message.fence == receipt.fence).then_some(number)
    }

    fn change(&mut self, receipt: &Receipt, change: impl FnOnce(&mut Message)) -> bool {
        let Some(number) = self.held(receipt) else {
            return false;
        };
        let Some(mut message) = self.take(number) else {
            return false;
        };
        change(&mut message);
        self.insert(number, message);
        true
    }

    fn insert(&mut self, number: u64, message: Message) {
        self.order
            .entry(message.new.queue.clone())
            .or_default()
            .insert((message.new.priority, message.visible_at, number));
        self.all.insert(number, message);
    }

    fn take(&mut self, number: u64) -> Option<Message> {
        let message = self.all.remove(&number)?;
        if let Some(order) = self.order.get_mut(&message.new.queue) {
            order.remove(&(message.new.priority, message.visible_at, number));
        }
        Some(message)
    }

    fn remove(&mut self, number: u64) {
        if let Some(message) = self.take(number)
            && let Some(item) = &message.new.step
        {
            self.by_step.remove(&item.step);
        }
    }
}

impl Message {
    /// A message that is handed out while it counts as claimed was lost by its holder.
    fn note_loss(&mut self) {
        if self.claimed {
            self.claimed = false;
            self.losses = self.losses.saturating_add(1);
        }
    }

    fn delivery(&self, number: u64) -> Delivery {
        Delivery {
            receipt: Receipt {
                id: id(number),
                fence: self.fence,
            },
            queue: self.new.queue.clone(),
            priority: self.new.priority,
            published_at: self.published_at,
            visible_at: self.visible_at,
            body: self.new.body.clone(),
            headers: self.new.headers.clone(),
            step: self.new.step,
            deadline: self.deadline,
            losses: self.losses,
        }
    }
}

fn id(number: u64) -> MessageId {
    MessageId(number.to_string())
}

fn number(id: &MessageId) -> Option<u64> {
    id.0.parse().ok()
}

fn whole_milliseconds(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
