//! Publishing, receiving in order, delays, waiting: what any queue does, a broker's included.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fixture::{
    LEASE, LOOK_EVERY, PATIENCE, assert_counts, at, bodies, message, publish, receipts,
    receive_all, receive_one, request, the_one, wakes,
};
use super::{Case, cases};
use crate::port::{Delivery, NewMessage, Priority, Queue, Receipt, Receive, StoreError};

pub(super) const CASES: &[Case<dyn Queue>] = cases![
    a_message_is_received_as_it_was_published,
    a_body_may_be_any_bytes,
    headers_may_be_long,
    messages_of_a_mebibyte_are_kept,
    a_thousand_messages_are_published_and_received_in_order,
    publishing_nothing_and_receiving_nothing_are_fine,
    the_most_urgent_come_first_then_the_earlier_queue_then_the_one_published_first,
    no_priority_starves_the_others,
    a_message_given_back_waits_behind_those_visible_before,
    a_message_that_is_due_in_the_past_is_visible_at_once,
    a_delayed_message_is_invisible,
    a_delayed_message_comes_when_it_is_due,
    many_delayed_messages_do_not_hide_a_visible_one,
    a_claimed_message_is_nobody_elses,
    that_something_is_visible_is_told_without_taking_it,
    only_the_queues_asked_for_are_looked_at,
    ids_are_never_given_twice,
    a_change_wakes_those_who_wait,
    waiting_for_nothing_ends,
];

fn a_message_is_received_as_it_was_published(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let sent = NewMessage {
        priority: Priority::High,
        available_at: at(3),
        headers: br#"{"type":"App\\Message"}"#.to_vec(),
        ..message("mails", "hello – ünïcode")
    };
    let id = the_one(queue.publish(std::slice::from_ref(&sent), at(2))?);
    let received = receive_one(queue.as_ref(), "mails", at(5))?;
    assert_eq!(
        received,
        Delivery {
            receipt: Receipt { id, fence: 1 },
            queue: sent.queue,
            priority: sent.priority,
            published_at: at(2),
            visible_at: at(5).after(LEASE),
            body: sent.body,
            headers: sent.headers,
            step: None,
            deadline: None,
            losses: 0,
        }
    );
    Ok(())
}

fn a_body_may_be_any_bytes(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    for body in [every_byte, vec![0; 3], vec![0xff, 0xfe], Vec::new()] {
        let sent = NewMessage {
            body: body.clone(),
            headers: body.iter().rev().copied().collect(),
            ..message("q", "")
        };
        publish(queue.as_ref(), std::slice::from_ref(&sent))?;
        let received = receive_one(queue.as_ref(), "q", at(0))?;
        assert_eq!(received.body, sent.body);
        assert_eq!(received.headers, sent.headers);
    }
    Ok(())
}

fn headers_may_be_long(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let sent = NewMessage {
        headers: (0..=u8::MAX).cycle().take(300_000).collect(),
        ..message("q", "a stack trace, for one")
    };
    publish(queue.as_ref(), std::slice::from_ref(&sent))?;
    let received = receive_one(queue.as_ref(), "q", at(0))?;
    assert!(
        received.headers == sent.headers,
        "the headers came back changed"
    );
    assert_eq!(received.body, sent.body);
    Ok(())
}

fn messages_of_a_mebibyte_are_kept(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let large = NewMessage {
        body: (0..=u8::MAX).cycle().take(1 << 20).collect(),
        ..message("q", "")
    };
    publish(queue.as_ref(), &[large.clone(), large.clone()])?;
    for delivery in receive_all(queue.as_ref(), &request(&["q"], 2, at(0)))? {
        assert!(delivery.body == large.body, "the body came back changed");
    }
    Ok(())
}

fn a_thousand_messages_are_published_and_received_in_order(
    queue: &Arc<dyn Queue>,
) -> Result<(), StoreError> {
    let sent: Vec<_> = (0..1000)
        .map(|number| message("q", &format!("message {number}")))
        .collect();
    let ids = queue.publish(&sent, at(0))?;
    let received = receive_all(queue.as_ref(), &request(&["q"], 1000, at(0)))?;
    let received_ids: Vec<_> = received.iter().map(|it| it.receipt.id.clone()).collect();
    assert_eq!(received_ids, ids);
    let received_bodies: Vec<_> = received.iter().map(|it| &it.body).collect();
    let sent_bodies: Vec<_> = sent.iter().map(|it| &it.body).collect();
    assert_eq!(received_bodies, sent_bodies);
    assert_eq!(queue.ack(&receipts(&received))?, vec![true; 1000]);
    assert_counts(queue.as_ref(), "q", at(0), (0, 0, 0))
}

fn publishing_nothing_and_receiving_nothing_are_fine(
    queue: &Arc<dyn Queue>,
) -> Result<(), StoreError> {
    assert_eq!(queue.publish(&[], at(0))?, []);
    publish(queue.as_ref(), &[message("q", "m")])?;
    assert_eq!(queue.receive(&request(&["q"], 0, at(0)))?, []);
    assert_eq!(queue.receive(&request(&[], 9, at(0)))?, []);
    assert_eq!(queue.receive(&request(&["other"], 9, at(0)))?, []);
    assert_eq!(queue.ack(&[])?, [false; 0]);
    assert_eq!(queue.release(&[], at(0))?, [false; 0]);
    assert_eq!(queue.extend(&[], at(0))?, [false; 0]);
    assert_eq!(queue.reject(&[], "dead", None, at(0))?, [false; 0]);
    assert_eq!(receive_one(queue.as_ref(), "q", at(0))?.body, b"m");
    Ok(())
}

fn the_most_urgent_come_first_then_the_earlier_queue_then_the_one_published_first(
    queue: &Arc<dyn Queue>,
) -> Result<(), StoreError> {
    let urgent = |queue, body, priority| NewMessage {
        priority,
        ..message(queue, body)
    };
    publish(
        queue.as_ref(),
        &[
            urgent("a", "a low", Priority::Low),
            message("b", "b"),
            message("a", "a first"),
            message("a", "a second"),
            urgent("b", "b critical", Priority::Critical),
            urgent("a", "a high", Priority::High),
            urgent("b", "b high", Priority::High),
        ],
    )?;
    let received = receive_all(queue.as_ref(), &request(&["a", "b", "a"], 7, at(10)))?;
    let expected = [
        "b critical",
        "a high",
        "b high",
        "a first",
        "a second",
        "b",
        "a low",
    ];
    assert_eq!(bodies(&received), expected);
    Ok(())
}

fn no_priority_starves_the_others(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let urgent = |priority| NewMessage {
        priority,
        ..message("q", Priority::as_str(priority))
    };
    let patient = [Priority::Low, Priority::Normal, Priority::High];
    publish(queue.as_ref(), &patient.map(urgent))?;
    let mut claimed = Vec::new();
    // A flood: as many critical ones come as are claimed.
    for place in 0..16 {
        let flood = [Priority::Critical, Priority::Critical].map(urgent);
        publish(queue.as_ref(), &flood)?;
        let request = Receive {
            eldest: usize::from(place % 4 == 3),
            ..request(&["q"], 1, at(1))
        };
        claimed.extend(bodies(&receive_all(queue.as_ref(), &request)?));
    }
    assert_eq!(claimed.iter().filter(|it| *it == "critical").count(), 13);
    for priority in patient {
        assert!(
            claimed.iter().any(|it| it == priority.as_str()),
            "{claimed:?}"
        );
    }
    Ok(())
}

fn a_message_given_back_waits_behind_those_visible_before(
    queue: &Arc<dyn Queue>,
) -> Result<(), StoreError> {
    publish(queue.as_ref(), &[message("q", "one"), message("q", "two")])?;
    let one = receive_one(queue.as_ref(), "q", at(1))?;
    queue.release(&[(one.receipt, at(2))], at(2))?;
    let both = receive_all(queue.as_ref(), &request(&["q"], 2, at(3)))?;
    assert_eq!(bodies(&both), ["two", "one"]);
    Ok(())
}

fn a_message_that_is_due_in_the_past_is_visible_at_once(
    queue: &Arc<dyn Queue>,
) -> Result<(), StoreError> {
    let overdue = NewMessage {
        available_at: at(-60_000),
        ..message("q", "overdue")
    };
    publish(queue.as_ref(), &[overdue])?;
    assert_eq!(receive_one(queue.as_ref(), "q", at(0))?.body, b"overdue");
    Ok(())
}

fn a_delayed_message_is_invisible(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let delayed = NewMessage {
        available_at: at(600_000),
        ..message("q", "later")
    };
    publish(queue.as_ref(), &[delayed])?;
    assert_eq!(queue.receive(&request(&["q"], 9, at(0)))?, []);
    assert_counts(queue.as_ref(), "q", at(0), (0, 1, 0))
}

fn a_delayed_message_comes_when_it_is_due(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let delayed = |millis: i64| NewMessage {
        available_at: at(millis),
        ..message("q", &format!("after {millis}"))
    };
    publish(queue.as_ref(), &[delayed(330), delayed(30)])?;
    let received = receive_all(queue.as_ref(), &request(&["q"], 2, at(330)))?;
    assert_eq!(bodies(&received), ["after 30", "after 330"]);
    let fences: Vec<_> = received.iter().map(|it| it.receipt.fence).collect();
    assert_eq!(fences, [1, 1], "waiting is no claim");
    Ok(())
}

fn many_delayed_messages_do_not_hide_a_visible_one(
    queue: &Arc<dyn Queue>,
) -> Result<(), StoreError> {
    let mut messages: Vec<_> = (0..500)
        .map(|number| NewMessage {
            available_at: at(600_000 + number),
            ..message("q", "later")
        })
        .collect();
    messages.push(message("q", "now"));
    publish(queue.as_ref(), &messages)?;
    let received = receive_one(queue.as_ref(), "q", at(0))?;
    assert_eq!(received.body, b"now");
    Ok(())
}

fn a_claimed_message_is_nobody_elses(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    publish(queue.as_ref(), &[message("q", "m")])?;
    let claimed = receive_one(queue.as_ref(), "q", at(0))?;
    assert_eq!(queue.receive(&request(&["q"], 9, at(1)))?, []);
    assert_counts(queue.as_ref(), "q", at(1), (0, 0, 1))?;
    assert_eq!(
        queue.extend(std::slice::from_ref(&claimed.receipt), at(90_000))?,
        [true]
    );
    assert_eq!(queue.receive(&request(&["q"], 9, at(60_000)))?, []);
    assert_eq!(queue.ack(&[claimed.receipt])?, [true]);
    Ok(())
}

fn that_something_is_visible_is_told_without_taking_it(
    queue: &Arc<dyn Queue>,
) -> Result<(), StoreError> {
    let queues = ["q".to_owned(), "r".to_owned()];
    let delayed = NewMessage {
        available_at: at(600_000),
        ..message("q", "later")
    };
    publish(queue.as_ref(), &[delayed, message("elsewhere", "m")])?;
    assert!(!queue.has_visible(&queues, at(0))?);
    assert!(!queue.has_visible(&[], at(0))?);
    let low = NewMessage {
        priority: Priority::Low,
        ..message("r", "low")
    };
    publish(queue.as_ref(), &[low])?;
    let since = Instant::now();
    while !queue.has_visible(&queues, at(0))? {
        assert!(since.elapsed() < PATIENCE, "it is not found");
        queue.wait_for_change(0, LOOK_EVERY)?;
    }
    assert_eq!(receive_one(queue.as_ref(), "r", at(0))?.body, b"low");
    assert!(!queue.has_visible(&queues, at(1))?);
    Ok(())
}

fn only_the_queues_asked_for_are_looked_at(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    publish(
        queue.as_ref(),
        &[message("a", "a"), message("b", "b"), message("A", "A")],
    )?;
    let received = queue.receive(&request(&["b", "nowhere"], 9, at(0)))?;
    assert_eq!(bodies(&received), ["b"]);
    assert_counts(queue.as_ref(), "a", at(0), (1, 0, 0))?;
    assert_counts(queue.as_ref(), "A", at(0), (1, 0, 0))
}

fn ids_are_never_given_twice(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let mut seen = Vec::new();
    for _ in 0..5 {
        publish(queue.as_ref(), &[message("q", "m")])?;
        let claimed = receive_one(queue.as_ref(), "q", at(0))?;
        assert!(!seen.contains(&claimed.receipt.id));
        assert_eq!(queue.ack(std::slice::from_ref(&claimed.receipt))?, [true]);
        seen.push(claimed.receipt.id);
    }
    Ok(())
}

fn a_change_wakes_those_who_wait(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    assert_eq!(queue.receive(&request(&["q"], 1, at(0)))?, []);
    wakes(queue, || publish(queue.as_ref(), &[message("q", "m")]))?;
    let claimed = receive_one(queue.as_ref(), "q", at(0))?;
    let releases = [(claimed.receipt, at(0))];
    wakes(queue, || queue.release(&releases, at(0)).map(drop))
}

fn waiting_for_nothing_ends(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let seen = queue.wait_for_change(0, Duration::ZERO)?;
    queue.wait_for_change(seen, Duration::from_millis(20))?;
    Ok(())
}
