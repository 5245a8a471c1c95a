//! What a receipt is good for, and until when.

use std::sync::Arc;
use std::time::Duration;

use super::fixture::{
    LEASE, at, bodies, message, publish, receipts, receive_one, request, the_one,
};
use super::{Case, cases};
use crate::port::{Backend, MessageId, NewMessage, QueueCounts, Receipt, StoreError};

pub(super) const CASES: &[Case] = cases![
    an_acked_message_is_gone_for_good,
    a_receipt_acks_once,
    a_receipt_is_good_after_its_lease_as_long_as_nobody_else_claimed,
    a_receipt_from_before_another_claim_is_worthless,
    a_receipt_that_was_never_given_is_worthless,
    a_released_message_is_visible_at_the_given_instant,
    a_release_ends_the_claim_and_is_no_loss,
    an_extended_claim_holds_until_the_new_end,
    a_claim_can_be_shortened,
    a_rejected_message_is_a_dead_letter_and_nowhere_else,
    a_dead_letter_is_received_and_acked_like_any_message,
    a_dead_letter_has_lost_nobody_yet,
    a_dead_letter_may_be_given_other_headers,
    one_bad_receipt_does_not_spoil_the_others,
];

fn an_acked_message_is_gone_for_good(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
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

fn a_receipt_acks_once(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let receipt = receive_one(backend.as_ref(), "q", at(0))?.receipt;
    assert_eq!(
        backend.ack(&[receipt.clone(), receipt.clone()])?,
        [true, false]
    );
    assert_eq!(backend.ack(&[receipt])?, [false]);
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
    assert_eq!(backend.release(&[(receipt, now)])?, [false]);
    assert_eq!(backend.reject(&stale, "dead", None, now)?, [false]);
    assert_eq!(the_one(backend.list_messages("q", 9)?), current);
    assert_eq!(backend.list_messages("dead", 9)?, []);
    assert_eq!(backend.ack(&[current.receipt])?, [true]);
    Ok(())
}

fn a_receipt_that_was_never_given_is_worthless(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let id = the_one(backend.publish(&[message("q", "m")], at(0))?);
    let invented = |id: &str, fence| Receipt {
        id: MessageId(id.to_owned()),
        fence,
    };
    let receipts = [
        invented(&id.0, 0),
        invented(&id.0, 1),
        invented(&id.0, u64::MAX),
        invented("nonsense", 1),
        invented("", 1),
        invented("999999999999999999999999", 1),
        invented("-1", 1),
    ];
    assert_eq!(backend.ack(&receipts)?, [false; 7]);
    assert_eq!(backend.extend(&receipts, at(9))?, [false; 7]);
    assert_eq!(backend.reject(&receipts, "dead", None, at(9))?, [false; 7]);
    assert_eq!(backend.count("q", at(0))?.ready, 1);
    Ok(())
}

fn a_released_message_is_visible_at_the_given_instant(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let claimed = receive_one(backend.as_ref(), "q", at(0))?;
    assert_eq!(backend.release(&[(claimed.receipt, at(50))])?, [true]);
    assert_eq!(backend.receive(&request(&["q"], 9, at(49)))?, []);
    assert_eq!(receive_one(backend.as_ref(), "q", at(50))?.body, b"m");
    Ok(())
}

fn a_release_ends_the_claim_and_is_no_loss(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let receipt = receive_one(backend.as_ref(), "q", at(0))?.receipt;
    backend.release(&[(receipt.clone(), at(1))])?;
    let ended = [receipt];
    assert_eq!(backend.ack(&ended)?, [false]);
    assert_eq!(backend.extend(&ended, at(99))?, [false]);
    assert_eq!(backend.reject(&ended, "dead", None, at(1))?, [false]);
    let again = receive_one(backend.as_ref(), "q", at(1))?;
    assert_eq!((again.receipt.fence, again.losses), (2, 0));
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

fn a_rejected_message_is_a_dead_letter_and_nowhere_else(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let claimed = receive_one(backend.as_ref(), "q", at(0))?;
    let receipt = [claimed.receipt.clone()];
    assert_eq!(backend.reject(&receipt, "dead", None, at(7))?, [true]);
    assert_eq!(backend.reject(&receipt, "dead", None, at(7))?, [false]);
    assert_eq!(backend.ack(&receipt)?, [false]);
    assert_eq!(backend.list_messages("q", 9)?, []);
    let dead = the_one(backend.list_messages("dead", 9)?);
    assert_eq!(dead.receipt.id, claimed.receipt.id);
    assert_eq!(dead.queue, "dead");
    assert_eq!(dead.visible_at, at(7));
    assert_eq!(dead.published_at, claimed.published_at);
    assert_eq!((dead.body, dead.headers), (claimed.body, claimed.headers));
    Ok(())
}

fn a_dead_letter_is_received_and_acked_like_any_message(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    publish(backend.as_ref(), &[message("q", "m")])?;
    let claimed = receive_one(backend.as_ref(), "q", at(0))?;
    backend.reject(&[claimed.receipt], "dead", None, at(7))?;
    let dead = receive_one(backend.as_ref(), "dead", at(7))?;
    assert_eq!(dead.receipt.fence, 2);
    assert_eq!(backend.ack(&[dead.receipt])?, [true]);
    assert_eq!(backend.list_messages("dead", 9)?, []);
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

fn a_dead_letter_may_be_given_other_headers(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let with_headers = NewMessage {
        headers: b"{}".to_vec(),
        ..message("q", "m")
    };
    publish(backend.as_ref(), &[with_headers.clone(), with_headers])?;
    for headers in [None, Some(&b"why"[..])] {
        let receipt = receive_one(backend.as_ref(), "q", at(0))?.receipt;
        assert_eq!(backend.reject(&[receipt], "dead", headers, at(1))?, [true]);
    }
    let dead = backend.list_messages("dead", 9)?;
    let headers: Vec<_> = dead.iter().map(|it| it.headers.as_slice()).collect();
    assert_eq!(headers, [&b"{}"[..], b"why"]);
    Ok(())
}

fn one_bad_receipt_does_not_spoil_the_others(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let sent: Vec<_> = ["a", "b", "c"].map(|body| message("q", body)).into();
    publish(backend.as_ref(), &sent)?;
    let claimed = backend.receive(&request(&["q"], 9, at(0)))?;
    let mut receipts = receipts(&claimed);
    if let Some(middle) = receipts.get_mut(1) {
        middle.fence = 7;
    }
    assert_eq!(backend.ack(&receipts)?, [true, false, true]);
    assert_eq!(bodies(&backend.list_messages("q", 9)?), ["b"]);
    Ok(())
}
