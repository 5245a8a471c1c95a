//! Messages that stand for an attempt of a step.

use std::sync::Arc;
use std::time::Duration;

use super::fixture::{
    LEASE, at, bodies, first, item, lease, message, publish, receipts, receive_one, request,
    run_id, step, the_one, worker,
};
use super::{Case, cases};
use crate::port::{
    Backend, ClaimAnswer, Delivery, Lease, NewMessage, Priority, StepItem, StepRef, StoreError,
    Timestamp,
};

pub(super) const CASES: &[Case<dyn Backend>] = cases![
    an_attempt_has_at_most_one_item,
    parts_of_an_attempt_s_identity_are_told_apart,
    an_item_is_claimed_by_its_attempt,
    an_item_not_yet_visible_can_be_claimed_by_its_attempt,
    an_item_that_is_held_says_until_when,
    an_item_whose_lease_ran_out_is_claimed_again_as_a_loss,
    the_time_of_an_attempt_runs_from_its_first_claim,
    a_release_stops_the_time_of_an_attempt,
    items_are_overdue_in_the_order_of_their_deadlines,
    a_timeout_too_long_to_add_is_never_over,
    a_timeout_counts_in_whole_milliseconds,
    a_rejected_item_is_an_ordinary_message,
    a_relay_passes_items_on_without_claiming_them,
    a_relay_takes_items_in_the_order_of_receiving,
    a_relayed_item_comes_back_at_the_end_of_the_lease,
    a_relayed_item_can_be_postponed_until_somebody_claims_it,
    relaying_an_item_whose_holder_was_lost_counts_the_loss,
];

fn claim(
    backend: &Arc<dyn Backend>,
    step: &StepRef,
    now: Timestamp,
) -> Result<Delivery, StoreError> {
    match backend.claim_step(step, &worker(), lease(now))? {
        ClaimAnswer::Claimed(delivery) => Ok(delivery),
        other => panic!("it should be there for the taking: {other:?}"),
    }
}

fn an_attempt_has_at_most_one_item(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    let other = NewMessage {
        body: b"other".to_vec(),
        ..item("elsewhere", attempt)
    };
    let ids = backend.publish(&[item("q", attempt), other.clone()], at(0))?;
    let (one, two) = ids.split_at(1);
    assert_eq!(one, two);
    let mut commit = first(1);
    commit.enqueue = vec![other];
    backend.commit(&[commit])?;
    assert_eq!(backend.list_messages("elsewhere", 9)?, []);
    assert_eq!(bodies(&backend.list_messages("q", 9)?), ["step job"]);
    Ok(())
}

fn parts_of_an_attempt_s_identity_are_told_apart(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let base = step(run_id(1), 1, 1);
    let others = [
        base,
        step(run_id(2), 1, 1),
        step(run_id(1), u32::MAX, 1),
        step(run_id(1), 1, u32::MAX),
        StepRef {
            scope: u32::MAX,
            ..base
        },
    ];
    publish(backend.as_ref(), &others.map(|it| item("q", it)))?;
    for other in others {
        let claimed = claim(backend, &other, at(0))?;
        assert_eq!(claimed.step.map(|it| it.step), Some(other));
    }
    Ok(())
}

fn an_item_is_claimed_by_its_attempt(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    publish(backend.as_ref(), &[item("q", attempt)])?;
    let claimed = claim(backend, &attempt, at(4))?;
    assert_eq!(claimed.receipt.fence, 1);
    assert_eq!(claimed.visible_at, at(4).after(LEASE));
    assert_eq!(claimed.body, b"step job");
    assert_eq!(backend.receive(&request(&["q"], 9, at(5)))?, []);
    assert_eq!(backend.ack(&[claimed.receipt])?, [true]);
    assert_eq!(
        backend.claim_step(&attempt, &worker(), lease(at(6)))?,
        ClaimAnswer::Gone
    );
    Ok(())
}

fn an_item_not_yet_visible_can_be_claimed_by_its_attempt(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    let delayed = NewMessage {
        available_at: at(1_000_000),
        ..item("q", attempt)
    };
    publish(backend.as_ref(), &[delayed])?;
    assert_eq!(claim(backend, &attempt, at(0))?.receipt.fence, 1);
    Ok(())
}

fn an_item_that_is_held_says_until_when(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    publish(backend.as_ref(), &[item("q", attempt)])?;
    receive_one(backend.as_ref(), "q", at(0))?;
    let until = at(0).after(LEASE);
    assert_eq!(
        backend.claim_step(&attempt, &worker(), lease(at(1)))?,
        ClaimAnswer::Held { until }
    );
    Ok(())
}

fn an_item_whose_lease_ran_out_is_claimed_again_as_a_loss(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    publish(backend.as_ref(), &[item("q", attempt)])?;
    let lost = claim(backend, &attempt, at(0))?;
    let again = claim(backend, &attempt, at(0).after(LEASE))?;
    assert_eq!((again.receipt.fence, again.losses), (2, 1));
    assert_eq!(backend.ack(&[lost.receipt])?, [false]);
    Ok(())
}

fn the_time_of_an_attempt_runs_from_its_first_claim(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    publish(backend.as_ref(), &[item("q", attempt)])?;
    let listed = the_one(backend.list_messages("q", 9)?);
    assert_eq!(listed.deadline, None);
    let deadline = Some(at(5).after(Duration::from_secs(60)));
    let claimed = receive_one(backend.as_ref(), "q", at(5))?;
    assert_eq!(claimed.deadline, deadline);
    backend.extend(&[claimed.receipt], at(40_000))?;
    assert_eq!(claim(backend, &attempt, at(40_000))?.deadline, deadline);
    Ok(())
}

fn a_release_stops_the_time_of_an_attempt(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    publish(backend.as_ref(), &[item("q", attempt)])?;
    let claimed = claim(backend, &attempt, at(0))?;
    backend.release(&[(claimed.receipt, at(1))], at(1))?;
    assert_eq!(backend.overdue(at(100_000), 9)?, []);
    let again = claim(backend, &attempt, at(100_000))?;
    assert_eq!(
        again.deadline,
        Some(at(100_000).after(Duration::from_secs(60)))
    );
    assert_eq!(again.losses, 0);
    Ok(())
}

fn items_are_overdue_in_the_order_of_their_deadlines(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let run = run_id(1);
    let timed = |node, millis| NewMessage {
        step: Some(StepItem {
            step: step(run, node, 1),
            timeout: Duration::from_millis(millis),
        }),
        ..message("q", &format!("node {node}"))
    };
    publish(
        backend.as_ref(),
        &[
            timed(1, 300),
            timed(2, 100),
            timed(3, 300),
            timed(4, 10),
            message("q", "no step"),
        ],
    )?;
    for node in 1..=3 {
        claim(backend, &step(run, node, 1), at(0))?;
    }
    // Node 4 was never claimed: its time does not run.
    assert_eq!(backend.overdue(at(99), 9)?, []);
    assert_eq!(bodies(&backend.overdue(at(100), 9)?), ["node 2"]);
    let expected = ["node 2", "node 1", "node 3"];
    assert_eq!(bodies(&backend.overdue(at(300), 9)?), expected);
    assert_eq!(bodies(&backend.overdue(at(300), 2)?), ["node 2", "node 1"]);
    let late = the_one(backend.overdue(at(300), 1)?);
    assert_eq!(backend.ack(&[late.receipt])?, [true]);
    assert_eq!(bodies(&backend.overdue(at(300), 9)?), ["node 1", "node 3"]);
    Ok(())
}

fn a_timeout_too_long_to_add_is_never_over(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    let endless = NewMessage {
        step: Some(StepItem {
            step: attempt,
            timeout: Duration::from_millis(u64::MAX),
        }),
        ..message("q", "endless")
    };
    publish(backend.as_ref(), &[endless])?;
    let claimed = claim(backend, &attempt, at(0))?;
    assert_eq!(claimed.deadline, Some(Timestamp::from_millis(i64::MAX)));
    let forever = Lease {
        now: at(1),
        duration: Duration::MAX,
    };
    backend.release(&[(claimed.receipt, at(1))], at(1))?;
    let ClaimAnswer::Claimed(claimed) = backend.claim_step(&attempt, &worker(), forever)? else {
        panic!("it should be there for the taking")
    };
    assert_eq!(claimed.visible_at, Timestamp::from_millis(i64::MAX));
    Ok(())
}

fn a_timeout_counts_in_whole_milliseconds(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    let precise = NewMessage {
        step: Some(StepItem {
            step: attempt,
            timeout: Duration::from_micros(1999),
        }),
        ..message("q", "m")
    };
    publish(backend.as_ref(), &[precise])?;
    let claimed = claim(backend, &attempt, at(0))?;
    assert_eq!(
        claimed.step.map(|it| it.timeout),
        Some(Duration::from_millis(1))
    );
    assert_eq!(claimed.deadline, Some(at(1)));
    Ok(())
}

fn a_rejected_item_is_an_ordinary_message(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    publish(backend.as_ref(), &[item("q", attempt)])?;
    let claimed = claim(backend, &attempt, at(0))?;
    backend.reject(&[claimed.receipt], "dead", None, at(1))?;
    assert_eq!(
        backend.claim_step(&attempt, &worker(), lease(at(2)))?,
        ClaimAnswer::Gone
    );
    assert_eq!(backend.overdue(at(1_000_000), 9)?, []);
    let dead = the_one(backend.list_messages("dead", 9)?);
    assert_eq!((dead.step, dead.deadline), (None, None));
    // The attempt is free again, and settling it leaves the dead letter alone.
    publish(backend.as_ref(), &[item("q", attempt)])?;
    let mut commit = first(1);
    commit.settle = vec![attempt];
    backend.commit(&[commit])?;
    assert_eq!(backend.list_messages("q", 9)?, []);
    assert_eq!(backend.list_messages("dead", 9)?.len(), 1);
    Ok(())
}

fn a_relay_passes_items_on_without_claiming_them(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    publish(
        backend.as_ref(),
        &[message("q", "no step"), item("q", attempt)],
    )?;
    let relayed = the_one(backend.relay(&request(&["q"], 9, at(0)))?);
    assert_eq!(relayed.step.map(|it| it.step), Some(attempt));
    assert_eq!((relayed.receipt.fence, relayed.deadline), (0, None));
    assert_eq!(relayed.visible_at, at(0).after(LEASE));
    assert_eq!(backend.relay(&request(&["q"], 9, at(1)))?, []);
    let counts = backend.count("q", at(1))?;
    assert_eq!((counts.ready, counts.delayed, counts.leased), (1, 1, 0));
    let claimed = claim(backend, &attempt, at(1))?;
    assert_eq!((claimed.receipt.fence, claimed.losses), (1, 0));
    assert_eq!(claimed.deadline, Some(at(1).after(Duration::from_secs(60))));
    Ok(())
}

fn a_relay_takes_items_in_the_order_of_receiving(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let run = run_id(1);
    let named = |queue, node, priority| NewMessage {
        priority,
        body: format!("{node}").into_bytes(),
        ..item(queue, step(run, node, 1))
    };
    publish(
        backend.as_ref(),
        &[
            named("b", 3, Priority::Normal),
            named("a", 2, Priority::Normal),
            named("b", 1, Priority::High),
            message("a", "no step"),
            named("a", 4, Priority::Low),
        ],
    )?;
    let relayed = backend.relay(&request(&["a", "b"], 2, at(0)))?;
    assert_eq!(bodies(&relayed), ["1", "2"]);
    let relayed = backend.relay(&request(&["a", "b"], 9, at(0)))?;
    assert_eq!(bodies(&relayed), ["3", "4"]);
    Ok(())
}

fn a_relayed_item_comes_back_at_the_end_of_the_lease(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    publish(backend.as_ref(), &[item("q", attempt)])?;
    let relayed = backend.relay(&request(&["q"], 9, at(0)))?;
    assert_eq!(
        backend.ack(&receipts(&relayed))?,
        [false],
        "a relay has no claim to end"
    );
    let again = the_one(backend.relay(&request(&["q"], 9, at(0).after(LEASE)))?);
    assert_eq!((again.receipt.fence, again.losses), (0, 0));
    Ok(())
}

fn a_relayed_item_can_be_postponed_until_somebody_claims_it(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    publish(backend.as_ref(), &[item("q", attempt)])?;
    let relayed = the_one(backend.relay(&request(&["q"], 9, at(0)))?);
    let postpone = [(relayed.receipt.clone(), at(90_000))];
    assert_eq!(backend.release(&postpone, at(1))?, [true]);
    assert_eq!(backend.relay(&request(&["q"], 9, at(89_999)))?, []);
    claim(backend, &attempt, at(1))?;
    assert_eq!(backend.release(&postpone, at(1))?, [false]);
    Ok(())
}

fn relaying_an_item_whose_holder_was_lost_counts_the_loss(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let attempt = step(run_id(1), 1, 1);
    publish(backend.as_ref(), &[item("q", attempt)])?;
    let lost = claim(backend, &attempt, at(0))?;
    let now = at(0).after(LEASE);
    let relayed = the_one(backend.relay(&request(&["q"], 9, now))?);
    assert_eq!((relayed.receipt.fence, relayed.losses), (1, 1));
    assert_eq!(relayed.deadline, lost.deadline);
    assert_eq!(backend.ack(&[lost.receipt])?, [false]);
    assert_eq!(claim(backend, &attempt, now)?.losses, 1);
    Ok(())
}
