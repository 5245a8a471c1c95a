//! Looking at messages without claiming them, and picking one out.

use std::sync::Arc;

use super::fixture::{
    LEASE, at, bodies, item, lease, message, publish, receipts, receive_one, request, run_id, step,
    the_one, worker,
};
use super::{Case, cases};
use crate::port::{Backend, ClaimAnswer, MessageId, NewMessage, Priority, StoreError};

pub(super) const CASES: &[Case<dyn Backend>] = cases![
    messages_are_listed_and_found_without_a_claim,
    one_message_can_be_claimed_by_its_id,
    messages_are_listed_page_by_page_also_after_one_that_is_gone,
    a_dead_letter_is_listed_where_it_is_and_nowhere_else,
    what_was_acked_is_not_listed,
];

fn messages_are_listed_and_found_without_a_claim(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let low = NewMessage {
        priority: Priority::Low,
        available_at: at(1000),
        ..message("q", "first")
    };
    let urgent = NewMessage {
        priority: Priority::Critical,
        ..message("q", "second")
    };
    let ids = backend.publish(&[low, message("other", "other"), urgent], at(0))?;
    let claimed = receive_one(backend.as_ref(), "q", at(1))?;
    for _ in 0..2 {
        let listed = backend.list_messages("q", 9)?;
        assert_eq!(bodies(&listed), ["first", "second"]);
        let fences: Vec<_> = listed.iter().map(|it| it.receipt.fence).collect();
        assert_eq!(fences, [0, 1]);
        assert_eq!(listed.last(), Some(&claimed));
    }
    assert_eq!(bodies(&backend.list_messages("q", 1)?), ["first"]);
    assert_eq!(backend.list_messages("nowhere", 9)?, []);
    for (id, (queue, body)) in ids
        .iter()
        .zip([("q", "first"), ("other", "other"), ("q", "second")])
    {
        let found = backend.find_message(queue, id)?;
        assert_eq!(bodies(&Vec::from_iter(found)), [body]);
        assert_eq!(backend.find_message("nowhere", id)?, None);
    }
    let nonsense = MessageId("nonsense".to_owned());
    assert_eq!(backend.find_message("q", &nonsense)?, None);
    Ok(())
}

fn messages_are_listed_page_by_page_also_after_one_that_is_gone(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let all = ["a", "b", "elsewhere", "c", "d"].map(|body| {
        let queue = if body == "elsewhere" { body } else { "q" };
        message(queue, body)
    });
    let ids = backend.publish(&all, at(0))?;
    let page = |after, limit| Ok(bodies(&backend.list_messages_after("q", after, limit)?));
    assert_eq!(page(None, 2)?, ["a", "b"]);
    assert_eq!(page(ids.get(1), 2)?, ["c", "d"]);
    let claimed = backend.receive(&request(&["q"], 2, at(0)))?;
    backend.ack(&receipts(&claimed))?;
    assert_eq!(page(ids.get(1), 9)?, ["c", "d"]);
    assert_eq!(page(ids.get(3), 9)?, ["d"]);
    page(ids.get(4), 9).map(|after_the_last| assert_eq!(after_the_last, [""; 0]))
}

fn one_message_can_be_claimed_by_its_id(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let later = NewMessage {
        available_at: at(1000),
        ..message("q", "wanted")
    };
    let attempt = item("q", step(run_id(1), 1, 1));
    let ids = backend.publish(&[message("q", "before"), later, attempt], at(0))?;
    let claim = |queue: &str, id: &MessageId, now| {
        backend.claim_message(queue, id, &worker(), lease(at(now)))
    };
    let [_, wanted, step_item] = ids.as_slice() else {
        panic!("three were published");
    };
    for (queue, id) in [
        ("other", wanted),
        ("q", step_item),
        ("q", &MessageId("nonsense".to_owned())),
    ] {
        assert_eq!(claim(queue, id, 1)?, ClaimAnswer::Gone);
    }
    let ClaimAnswer::Claimed(claimed) = claim("q", wanted, 1)? else {
        panic!("nobody holds it");
    };
    assert_eq!(
        (claimed.body.as_slice(), claimed.receipt.fence),
        (b"wanted".as_slice(), 1)
    );
    let until = at(1).after(LEASE);
    assert_eq!(claim("q", wanted, 2)?, ClaimAnswer::Held { until });
    assert_eq!(backend.ack(&[claimed.receipt])?, [true]);
    assert_eq!(claim("q", wanted, 3)?, ClaimAnswer::Gone);
    assert_eq!(
        bodies(&backend.list_messages("q", 9)?),
        ["before", "step job"]
    );
    Ok(())
}

fn a_dead_letter_is_listed_where_it_is_and_nowhere_else(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let claimed = receive_one(backend.as_ref(), "q", at(0))?;
    let receipt = [claimed.receipt.clone()];
    assert_eq!(backend.reject(&receipt, "dead", None, at(7))?, [true]);
    assert_eq!(backend.list_messages("q", 9)?, []);
    let dead = the_one(backend.list_messages("dead", 9)?);
    assert_eq!(dead.receipt.id, claimed.receipt.id);
    assert_eq!((dead.queue.as_str(), dead.visible_at), ("dead", at(7)));
    Ok(())
}

fn what_was_acked_is_not_listed(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let sent: Vec<_> = ["a", "b", "c"].map(|body| message("q", body)).into();
    publish(backend.as_ref(), &sent)?;
    let mut receipts = receipts(&backend.receive(&request(&["q"], 9, at(0)))?);
    receipts.remove(1);
    assert_eq!(backend.ack(&receipts)?, [true, true]);
    assert_eq!(bodies(&backend.list_messages("q", 9)?), ["b"]);
    Ok(())
}
