//! Visibility, leases and wake-ups of a store's queue, which goes by the clock that it is given.

use std::sync::Arc;
use std::time::Duration;

use super::fixture::{
    LEASE, at, bodies, first, item, message, publish, receive_one, request, run_id, step, the_one,
    wakes,
};
use super::{Case, cases};
use crate::port::{Backend, NewMessage, Priority, QueueCounts, Receive, StoreError};

pub(super) const CASES: &[Case<dyn Backend>] = cases![
    the_most_urgent_come_first_then_the_earlier_queue_then_the_oldest,
    places_for_the_eldest_go_to_those_visible_for_longest,
    a_delayed_message_is_invisible_until_its_time,
    a_leased_message_is_invisible_until_the_lease_runs_out,
    each_claim_raises_the_fence,
    a_message_is_in_one_place_at_a_time,
    a_message_is_the_same_after_a_lost_claim,
    a_receipt_is_good_after_its_lease_as_long_as_nobody_else_claimed,
    a_receipt_from_before_another_claim_is_worthless,
    an_extended_claim_holds_until_the_new_end,
    a_claim_can_be_shortened,
    a_dead_letter_has_lost_nobody_yet,
    a_released_message_is_visible_at_the_given_instant,
    an_acked_message_does_not_come_back_after_its_lease,
    a_commit_wakes_those_who_wait,
];

fn the_most_urgent_come_first_then_the_earlier_queue_then_the_oldest(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let urgent = |queue, body, priority| NewMessage {
        priority,
        ..message(queue, body)
    };
    let aged = |queue, body, millis| NewMessage {
        available_at: at(millis),
        ..message(queue, body)
    };
    publish(
        backend.as_ref(),
        &[
            urgent("a", "a low", Priority::Low),
            aged("b", "b 9", 9),
            aged("a", "a 9 first", 9),
            aged("a", "a 9 second", 9),
            aged("a", "a 8", 8),
            urgent("b", "b critical", Priority::Critical),
            urgent("a", "a high", Priority::High),
            urgent("b", "b high", Priority::High),
        ],
    )?;
    let expected = [
        "b critical",
        "a high",
        "b high",
        "a 8",
        "a 9 first",
        "a 9 second",
        "b 9",
        "a low",
    ];
    // In slices, so that a slice ends within a priority and within a queue.
    let mut received = Vec::new();
    for _ in 0..3 {
        received.extend(backend.receive(&request(&["a", "b", "a"], 3, at(10)))?);
    }
    assert_eq!(bodies(&received), expected);
    Ok(())
}

fn places_for_the_eldest_go_to_those_visible_for_longest(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let aged = |queue, priority, millis: i64| NewMessage {
        priority,
        available_at: at(millis),
        ..message(queue, &format!("{} {millis}", Priority::as_str(priority)))
    };
    publish(
        backend.as_ref(),
        &[
            aged("a", Priority::Low, 2),
            aged("b", Priority::Low, 1),
            aged("a", Priority::Normal, 3),
            aged("a", Priority::Critical, 5),
            aged("b", Priority::Critical, 4),
            aged("a", Priority::Critical, 6),
            aged("a", Priority::Low, 99),
        ],
    )?;
    let receive = |max, eldest, now| {
        let claimed = backend.receive(&Receive {
            eldest,
            ..request(&["a", "b", "a"], max, at(now))
        })?;
        Ok::<_, StoreError>(bodies(&claimed))
    };
    assert_eq!(receive(2, 1, 10)?, ["critical 5", "low 1"]);
    assert_eq!(receive(1, 1, 10)?, ["low 2"]);
    assert_eq!(receive(1, 0, 10)?, ["critical 6"]);
    assert_eq!(receive(9, 2, 10)?, ["critical 4", "normal 3"]);
    assert_eq!(receive(9, 9, 10)?, [""; 0]);
    Ok(())
}

fn a_delayed_message_is_invisible_until_its_time(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let delayed = NewMessage {
        available_at: at(100),
        ..message("q", "later")
    };
    publish(backend.as_ref(), &[delayed])?;
    assert_eq!(backend.receive(&request(&["q"], 9, at(99)))?, []);
    assert_eq!(
        backend.count("q", at(99))?,
        QueueCounts {
            delayed: 1,
            ..QueueCounts::default()
        }
    );
    assert_eq!(
        backend.count("q", at(100))?,
        QueueCounts {
            ready: 1,
            ..QueueCounts::default()
        }
    );
    assert_eq!(receive_one(backend.as_ref(), "q", at(100))?.body, b"later");
    Ok(())
}

fn a_leased_message_is_invisible_until_the_lease_runs_out(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let first = receive_one(backend.as_ref(), "q", at(0))?;
    let end = at(0).after(LEASE);
    let before_end = end.after(Duration::ZERO).as_millis() - 1;
    let before_end = crate::port::Timestamp::from_millis(before_end);
    assert_eq!(backend.receive(&request(&["q"], 9, before_end))?, []);
    assert_eq!(
        backend.count("q", before_end)?,
        QueueCounts {
            leased: 1,
            ..QueueCounts::default()
        }
    );
    let second = receive_one(backend.as_ref(), "q", end)?;
    assert_eq!(second.receipt.id, first.receipt.id);
    assert_eq!(second.body, first.body);
    Ok(())
}

fn each_claim_raises_the_fence(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let mut now = at(0);
    for fence in 1..=300 {
        let claimed = receive_one(backend.as_ref(), "q", now)?;
        assert_eq!(claimed.receipt.fence, fence);
        assert_eq!(u64::from(claimed.losses), fence - 1, "its leases ran out");
        now = now.after(LEASE);
    }
    Ok(())
}

fn a_message_is_in_one_place_at_a_time(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let counts = |ready, delayed, leased| QueueCounts {
        ready,
        delayed,
        leased,
    };
    let delayed = NewMessage {
        available_at: at(1000),
        ..message("q", "delayed")
    };
    publish(
        backend.as_ref(),
        &[message("q", "one"), message("q", "two"), delayed],
    )?;
    assert_eq!(backend.count("q", at(1))?, counts(2, 1, 0));
    let one = receive_one(backend.as_ref(), "q", at(1))?;
    assert_eq!(backend.count("q", at(1))?, counts(1, 1, 1));
    let two = receive_one(backend.as_ref(), "q", at(1))?;
    backend.release(&[(one.receipt, at(500))], at(1))?;
    assert_eq!(backend.count("q", at(1))?, counts(0, 2, 1));
    backend.reject(&[two.receipt], "dead", None, at(2))?;
    assert_eq!(backend.count("q", at(2))?, counts(0, 2, 0));
    assert_eq!(backend.count("dead", at(2))?, counts(1, 0, 0));
    let back = receive_one(backend.as_ref(), "q", at(500))?;
    assert_eq!(backend.count("q", at(500))?, counts(0, 1, 1));
    assert_eq!(backend.count("q", at(500).after(LEASE))?, counts(2, 0, 0));
    backend.ack(&[back.receipt])?;
    assert_eq!(backend.count("q", at(500))?, counts(0, 1, 0));
    Ok(())
}

fn a_message_is_the_same_after_a_lost_claim(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let large = NewMessage {
        body: (0..=u8::MAX).cycle().take(1 << 20).collect(),
        ..message("q", "")
    };
    publish(backend.as_ref(), std::slice::from_ref(&large))?;
    receive_one(backend.as_ref(), "q", at(0))?;
    let again = receive_one(backend.as_ref(), "q", at(0).after(LEASE))?;
    assert!(again.body == large.body, "a claim changed the body");
    Ok(())
}

fn a_receipt_is_good_after_its_lease_as_long_as_nobody_else_claimed(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let receipt = receive_one(backend.as_ref(), "q", at(0))?.receipt;
    let later = at(0).after(LEASE).after(LEASE);
    assert_eq!(backend.count("q", later)?.ready, 1);
    assert_eq!(
        backend.extend(std::slice::from_ref(&receipt), later)?,
        [true]
    );
    assert_eq!(backend.ack(&[receipt])?, [true]);
    Ok(())
}

fn a_receipt_from_before_another_claim_is_worthless(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let stale = [receive_one(backend.as_ref(), "q", at(0))?.receipt];
    let now = at(0).after(LEASE);
    let current = receive_one(backend.as_ref(), "q", now)?;
    let [receipt] = stale.clone();
    assert_eq!(backend.ack(&stale)?, [false]);
    assert_eq!(backend.extend(&stale, now)?, [false]);
    assert_eq!(backend.release(&[(receipt, now)], now)?, [false]);
    assert_eq!(backend.reject(&stale, "dead", None, now)?, [false]);
    assert_eq!(the_one(backend.list_messages("q", 9)?), current);
    assert_eq!(backend.list_messages("dead", 9)?, []);
    assert_eq!(backend.ack(&[current.receipt])?, [true]);
    Ok(())
}

fn an_extended_claim_holds_until_the_new_end(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let receipt = receive_one(backend.as_ref(), "q", at(0))?.receipt;
    let end = at(0).after(LEASE).after(Duration::from_millis(5));
    assert_eq!(
        backend.extend(&[receipt.clone(), receipt], end)?,
        [true, true]
    );
    let old_end = at(0).after(LEASE);
    assert_eq!(backend.receive(&request(&["q"], 9, old_end))?, []);
    assert_eq!(receive_one(backend.as_ref(), "q", end)?.receipt.fence, 2);
    Ok(())
}

fn a_claim_can_be_shortened(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let receipt = receive_one(backend.as_ref(), "q", at(0))?.receipt;
    assert_eq!(backend.extend(&[receipt], at(3))?, [true]);
    assert_eq!(receive_one(backend.as_ref(), "q", at(3))?.receipt.fence, 2);
    Ok(())
}

fn a_dead_letter_has_lost_nobody_yet(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    receive_one(backend.as_ref(), "q", at(0))?;
    let later = at(0).after(LEASE);
    let again = receive_one(backend.as_ref(), "q", later)?;
    assert_eq!(again.losses, 1);
    backend.reject(&[again.receipt], "dead", None, later)?;
    // Whoever replays it is not to be told that it kills its workers, before it has killed one.
    assert_eq!(receive_one(backend.as_ref(), "dead", later)?.losses, 0);
    Ok(())
}

fn a_released_message_is_visible_at_the_given_instant(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let claimed = receive_one(backend.as_ref(), "q", at(0))?;
    assert_eq!(
        backend.release(&[(claimed.receipt, at(50))], at(0))?,
        [true]
    );
    assert_eq!(backend.receive(&request(&["q"], 9, at(49)))?, []);
    assert_eq!(receive_one(backend.as_ref(), "q", at(50))?.body, b"m");
    Ok(())
}

fn an_acked_message_does_not_come_back_after_its_lease(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let claimed = receive_one(backend.as_ref(), "q", at(0))?;
    let id = claimed.receipt.id.clone();
    assert_eq!(backend.ack(&[claimed.receipt])?, [true]);
    assert_eq!(backend.find_message("q", &id)?, None);
    let later = at(0).after(LEASE).after(LEASE);
    assert_eq!(backend.receive(&request(&["q"], 9, later))?, []);
    assert_eq!(backend.count("q", later)?, QueueCounts::default());
    Ok(())
}

fn a_commit_wakes_those_who_wait(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let mut commit = first(1);
    commit.enqueue = vec![item("q", step(run_id(1), 1, 1))];
    wakes(backend, || backend.commit(&[commit]).map(drop))
}
