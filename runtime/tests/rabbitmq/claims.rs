//! What becomes of claims when their connection ends.

use std::time::Duration;

use ossa_runtime::port::QueueCounts;

use crate::broker::{Story, bodies, eventually, message, now, open, receive};

pub const STORIES: &[Story] = &[
    (
        "messages_of_a_worker_that_ends_are_another_s_and_count_as_lost",
        messages_of_a_worker_that_ends_are_another_s_and_count_as_lost,
    ),
    (
        "a_receipt_of_another_connection_is_worthless_and_disturbs_nobody",
        a_receipt_of_another_connection_is_worthless_and_disturbs_nobody,
    ),
    (
        "what_was_brought_and_is_not_asked_for_is_given_back_without_a_loss",
        what_was_brought_and_is_not_asked_for_is_given_back_without_a_loss,
    ),
    (
        "what_was_brought_is_given_back_on_close",
        what_was_brought_is_given_back_on_close,
    ),
    (
        "a_message_that_arrives_wakes_a_worker_of_another_connection",
        a_message_that_arrives_wakes_a_worker_of_another_connection,
    ),
    (
        "counts_are_the_same_to_everyone_but_for_what_others_hold",
        counts_are_the_same_to_everyone_but_for_what_others_hold,
    ),
];

fn messages_of_a_worker_that_ends_are_another_s_and_count_as_lost(dsn: &str) {
    let (dying, living) = (open(dsn), open(dsn));
    dying.publish(&[message("m")], now()).unwrap();
    let lost = receive(dying.as_ref(), 1).remove(0);
    drop(dying);
    let again = receive(living.as_ref(), 1).remove(0);
    assert_eq!(again.receipt.id, lost.receipt.id);
    assert_eq!((again.receipt.fence, again.losses), (2, 1));
}

fn a_receipt_of_another_connection_is_worthless_and_disturbs_nobody(dsn: &str) {
    let (one, two) = (open(dsn), open(dsn));
    one.publish(&[message("m")], now()).unwrap();
    let receipt = [receive(one.as_ref(), 1).remove(0).receipt];
    assert_eq!(two.ack(&receipt).unwrap(), [false]);
    assert_eq!(two.extend(&receipt, now()).unwrap(), [false]);
    let releases = [(receipt[0].clone(), now())];
    assert_eq!(two.release(&releases, now()).unwrap(), [false]);
    assert_eq!(one.ack(&receipt).unwrap(), [true]);
}

fn what_was_brought_and_is_not_asked_for_is_given_back_without_a_loss(dsn: &str) {
    let (busy, idle) = (open(dsn), open(dsn));
    let sent: Vec<_> = (0..40).map(|it| message(&it.to_string())).collect();
    busy.publish(&sent, now()).unwrap();
    // Asks for a few, is brought more, and then is busy with them.
    let held = receive(busy.as_ref(), 4);
    let rest = receive(idle.as_ref(), 36);
    assert_eq!((held.len(), rest.len()), (4, 36));
    assert!(
        rest.iter()
            .all(|it| it.losses == 0 && it.receipt.fence == 1)
    );
    let receipts: Vec<_> = held.iter().map(|it| it.receipt.clone()).collect();
    assert_eq!(
        busy.ack(&receipts).unwrap(),
        [true; 4],
        "they are still held"
    );
}

fn what_was_brought_is_given_back_on_close(dsn: &str) {
    let closing = open(dsn);
    let sent: Vec<_> = (0..20).map(|it| message(&it.to_string())).collect();
    closing.publish(&sent, now()).unwrap();
    let taken = receive(closing.as_ref(), 2);
    let receipts: Vec<_> = taken.iter().map(|it| it.receipt.clone()).collect();
    assert_eq!(closing.ack(&receipts).unwrap(), [true, true]);
    drop(closing);
    let rest = receive(open(dsn).as_ref(), 18);
    assert_eq!(rest.len(), 18);
    assert!(rest.iter().all(|it| it.losses == 0));
}

fn a_message_that_arrives_wakes_a_worker_of_another_connection(dsn: &str) {
    let (sender, waiting) = (open(dsn), open(dsn));
    assert!(receive_now(waiting.as_ref()).is_empty());
    let seen = waiting.wait_for_change(0, Duration::ZERO).unwrap();
    sender.publish(&[message("wake up")], now()).unwrap();
    let mut seen = seen;
    let mut received = Vec::new();
    for _ in 0..100 {
        seen = waiting
            .wait_for_change(seen, Duration::from_secs(60))
            .unwrap();
        received.extend(receive_now(waiting.as_ref()));
        if !received.is_empty() {
            break;
        }
    }
    assert_eq!(bodies(&received), ["wake up"]);
}

fn receive_now(queue: &dyn ossa_runtime::port::Queue) -> Vec<ossa_runtime::port::Delivery> {
    queue.receive(&crate::broker::request(1)).unwrap()
}

fn counts_are_the_same_to_everyone_but_for_what_others_hold(dsn: &str) {
    let (one, two) = (open(dsn), open(dsn));
    let mut later = message("later");
    later.available_at = now().after(Duration::from_secs(4_000));
    one.publish(&[message("a"), message("b"), later], now())
        .unwrap();
    receive(one.as_ref(), 1);
    let counts = |ready, delayed, leased| QueueCounts {
        ready,
        delayed,
        leased,
    };
    assert!(eventually(
        || one.count("q", now()).unwrap() == counts(1, 1, 1)
    ));
    assert!(eventually(
        || two.count("q", now()).unwrap() == counts(1, 1, 0)
    ));
}
