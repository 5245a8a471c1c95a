//! What a receipt is good for: in any queue, a broker's included.

use std::sync::Arc;

use super::fixture::{
    assert_counts, at, message, publish, receipts, receive_all, receive_one, request, the_one,
};
use super::{Case, cases};
use crate::port::{MessageId, NewMessage, Queue, Receipt, StoreError};

pub(super) const CASES: &[Case<dyn Queue>] = cases![
    an_acked_message_is_gone_for_good,
    a_receipt_acks_once,
    a_receipt_that_was_never_given_is_worthless,
    a_released_message_comes_back_when_it_is_due,
    a_release_ends_the_claim_and_is_no_loss,
    a_rejected_message_is_a_dead_letter_and_nowhere_else,
    a_dead_letter_is_received_and_acked_like_any_message,
    a_dead_letter_may_be_given_other_headers,
    one_bad_receipt_does_not_spoil_the_others,
];

fn an_acked_message_is_gone_for_good(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    publish(queue.as_ref(), &[message("q", "m")])?;
    let claimed = receive_one(queue.as_ref(), "q", at(0))?;
    assert_eq!(queue.ack(&[claimed.receipt])?, [true]);
    assert_eq!(queue.receive(&request(&["q"], 9, at(1)))?, []);
    assert_counts(queue.as_ref(), "q", at(1), (0, 0, 0))
}

fn a_receipt_acks_once(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    publish(queue.as_ref(), &[message("q", "m")])?;
    let receipt = receive_one(queue.as_ref(), "q", at(0))?.receipt;
    assert_eq!(
        queue.ack(&[receipt.clone(), receipt.clone()])?,
        [true, false]
    );
    assert_eq!(queue.ack(&[receipt])?, [false]);
    Ok(())
}

fn a_receipt_that_was_never_given_is_worthless(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let id = the_one(queue.publish(&[message("q", "m")], at(0))?);
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
    assert_eq!(queue.ack(&receipts)?, [false; 7]);
    assert_eq!(queue.extend(&receipts, at(9))?, [false; 7]);
    assert_eq!(queue.reject(&receipts, "dead", None, at(9))?, [false; 7]);
    assert_counts(queue.as_ref(), "q", at(0), (1, 0, 0))
}

fn a_released_message_comes_back_when_it_is_due(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    publish(queue.as_ref(), &[message("q", "one"), message("q", "two")])?;
    let claimed = receive_all(queue.as_ref(), &request(&["q"], 2, at(0)))?;
    let releases: Vec<_> = receipts(&claimed)
        .into_iter()
        .zip([at(40), at(600_000)])
        .collect();
    assert_eq!(queue.release(&releases, at(0))?, [true, true]);
    assert_eq!(receive_one(queue.as_ref(), "q", at(40))?.body, b"one");
    assert_eq!(queue.receive(&request(&["q"], 9, at(40)))?, []);
    assert_counts(queue.as_ref(), "q", at(40), (0, 1, 1))
}

fn a_release_ends_the_claim_and_is_no_loss(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    publish(queue.as_ref(), &[message("q", "m")])?;
    for fence in 1..=5 {
        let claimed = receive_one(queue.as_ref(), "q", at(0))?;
        assert_eq!((claimed.receipt.fence, claimed.losses), (fence, 0));
        let receipt = claimed.receipt;
        assert_eq!(queue.release(&[(receipt.clone(), at(0))], at(0))?, [true]);
        let ended = [receipt.clone()];
        assert_eq!(queue.ack(&ended)?, [false]);
        assert_eq!(queue.extend(&ended, at(99))?, [false]);
        assert_eq!(queue.reject(&ended, "dead", None, at(1))?, [false]);
    }
    assert_counts(queue.as_ref(), "q", at(0), (1, 0, 0))?;
    assert_counts(queue.as_ref(), "dead", at(0), (0, 0, 0))
}

fn a_rejected_message_is_a_dead_letter_and_nowhere_else(
    queue: &Arc<dyn Queue>,
) -> Result<(), StoreError> {
    publish(queue.as_ref(), &[message("q", "m")])?;
    let claimed = receive_one(queue.as_ref(), "q", at(0))?;
    let receipt = [claimed.receipt.clone()];
    assert_eq!(queue.reject(&receipt, "dead", None, at(7))?, [true]);
    assert_eq!(queue.reject(&receipt, "dead", None, at(7))?, [false]);
    assert_eq!(queue.ack(&receipt)?, [false]);
    assert_counts(queue.as_ref(), "q", at(7), (0, 0, 0))?;
    let dead = receive_one(queue.as_ref(), "dead", at(7))?;
    assert_eq!(dead.receipt.id, claimed.receipt.id);
    assert_eq!(dead.queue, "dead");
    assert_eq!(dead.published_at, claimed.published_at);
    assert_eq!((dead.body, dead.headers), (claimed.body, claimed.headers));
    Ok(())
}

fn a_dead_letter_is_received_and_acked_like_any_message(
    queue: &Arc<dyn Queue>,
) -> Result<(), StoreError> {
    publish(queue.as_ref(), &[message("q", "m")])?;
    let claimed = receive_one(queue.as_ref(), "q", at(0))?;
    queue.reject(&[claimed.receipt], "dead", None, at(7))?;
    let dead = receive_one(queue.as_ref(), "dead", at(7))?;
    assert_eq!(dead.receipt.fence, 2);
    assert_eq!(queue.ack(&[dead.receipt])?, [true]);
    assert_counts(queue.as_ref(), "dead", at(7), (0, 0, 0))
}

fn a_dead_letter_may_be_given_other_headers(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let with_headers = NewMessage {
        headers: b"{}".to_vec(),
        ..message("q", "m")
    };
    publish(queue.as_ref(), &[with_headers.clone(), with_headers])?;
    for headers in [None, Some(&b"why"[..])] {
        let receipt = receive_one(queue.as_ref(), "q", at(0))?.receipt;
        assert_eq!(queue.reject(&[receipt], "dead", headers, at(1))?, [true]);
    }
    let dead = receive_all(queue.as_ref(), &request(&["dead"], 2, at(1)))?;
    let headers: Vec<_> = dead.iter().map(|it| it.headers.as_slice()).collect();
    assert_eq!(headers, [&b"{}"[..], b"why"]);
    Ok(())
}

fn one_bad_receipt_does_not_spoil_the_others(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let sent: Vec<_> = ["a", "b", "c"].map(|body| message("q", body)).into();
    publish(queue.as_ref(), &sent)?;
    let claimed = receive_all(queue.as_ref(), &request(&["q"], 3, at(0)))?;
    let right = receipts(&claimed);
    let mut receipts = right.clone();
    if let Some(middle) = receipts.get_mut(1) {
        middle.fence = 7;
    }
    assert_eq!(queue.ack(&receipts)?, [true, false, true]);
    assert_eq!(queue.ack(&right)?, [false, true, false]);
    Ok(())
}
