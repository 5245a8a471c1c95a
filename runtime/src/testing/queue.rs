//! Publishing, receiving in order, visibility, looking without claiming, waiting.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::fixture::{
    LEASE, at, bodies, first, item, lease, message, publish, receipts, receive_one, request,
    run_id, step, the_one, worker,
};
use super::{Case, cases};
use crate::port::{
    Backend, ClaimAnswer, Delivery, MessageId, NewMessage, Priority, QueueCounts, Receipt, Receive,
    StoreError,
};

pub(super) const CASES: &[Case] = cases![
    a_message_is_received_as_it_was_published,
    a_body_may_be_any_bytes,
    messages_of_a_mebibyte_are_kept,
    a_thousand_messages_are_published_and_received_in_order,
    publishing_nothing_and_receiving_nothing_are_fine,
    the_most_urgent_come_first_then_the_earlier_queue_then_the_oldest,
    places_for_the_eldest_go_to_those_visible_for_longest,
    no_priority_starves_the_others,
    a_message_given_back_waits_behind_those_visible_before,
    a_delayed_message_is_invisible_until_its_time,
    many_delayed_messages_do_not_hide_a_visible_one,
    a_leased_message_is_invisible_until_the_lease_runs_out,
    each_claim_raises_the_fence,
    only_the_queues_asked_for_are_looked_at,
    a_message_is_in_one_place_at_a_time,
    messages_are_listed_and_found_without_a_claim,
    one_message_can_be_claimed_by_its_id,
    ids_are_never_given_twice,
    a_change_wakes_those_who_wait,
    waiting_for_nothing_ends,
];

fn a_message_is_received_as_it_was_published(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let sent = NewMessage {
        priority: Priority::High,
        available_at: at(3),
        headers: br#"{"type":"App\\Message"}"#.to_vec(),
        ..message("mails", "hello – ünïcode")
    };
    let id = the_one(backend.publish(std::slice::from_ref(&sent), at(2))?);
    let received = receive_one(backend.as_ref(), "mails", at(5))?;
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

fn a_body_may_be_any_bytes(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    for body in [every_byte, vec![0; 3], vec![0xff, 0xfe], Vec::new()] {
        let sent = NewMessage {
            body: body.clone(),
            headers: body.iter().rev().copied().collect(),
            ..message("q", "")
        };
        publish(backend.as_ref(), std::slice::from_ref(&sent))?;
        let received = receive_one(backend.as_ref(), "q", at(0))?;
        assert_eq!(received.body, sent.body);
        assert_eq!(received.headers, sent.headers);
    }
    Ok(())
}

fn messages_of_a_mebibyte_are_kept(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let large = NewMessage {
        body: (0..=u8::MAX).cycle().take(1 << 20).collect(),
        ..message("q", "")
    };
    publish(backend.as_ref(), &[large.clone(), large.clone()])?;
    for delivery in backend.receive(&request(&["q"], 9, at(0)))? {
        assert!(delivery.body == large.body, "the body came back changed");
    }
    let again = receive_one(backend.as_ref(), "q", at(0).after(LEASE))?;
    assert!(again.body == large.body, "a claim changed the body");
    Ok(())
}

fn a_thousand_messages_are_published_and_received_in_order(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let sent: Vec<_> = (0..1000)
        .map(|number| message("q", &format!("message {number}")))
        .collect();
    let ids = backend.publish(&sent, at(0))?;
    let received = backend.receive(&request(&["q"], 2000, at(0)))?;
    let received_ids: Vec<_> = received.iter().map(|it| it.receipt.id.clone()).collect();
    assert_eq!(received_ids, ids);
    let received_bodies: Vec<_> = received.iter().map(|it| &it.body).collect();
    let sent_bodies: Vec<_> = sent.iter().map(|it| &it.body).collect();
    assert_eq!(received_bodies, sent_bodies);
    assert_eq!(backend.ack(&receipts(&received))?, vec![true; 1000]);
    assert_eq!(backend.count("q", at(0))?, QueueCounts::default());
    Ok(())
}

fn publishing_nothing_and_receiving_nothing_are_fine(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    assert_eq!(backend.publish(&[], at(0))?, []);
    publish(backend.as_ref(), &[message("q", "m")])?;
    assert_eq!(backend.receive(&request(&["q"], 0, at(0)))?, []);
    assert_eq!(backend.receive(&request(&[], 9, at(0)))?, []);
    assert_eq!(backend.receive(&request(&["other"], 9, at(0)))?, []);
    assert_eq!(backend.ack(&[])?, [false; 0]);
    assert_eq!(backend.release(&[])?, [false; 0]);
    assert_eq!(backend.extend(&[], at(0))?, [false; 0]);
    assert_eq!(backend.reject(&[], "dead", None, at(0))?, [false; 0]);
    assert_eq!(receive_one(backend.as_ref(), "q", at(0))?.body, b"m");
    Ok(())
}

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

fn no_priority_starves_the_others(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let urgent = |priority, millis| NewMessage {
        priority,
        available_at: at(millis),
        ..message("q", Priority::as_str(priority))
    };
    let patient = [Priority::Low, Priority::Normal, Priority::High];
    publish(backend.as_ref(), &patient.map(|it| urgent(it, 0)))?;
    let mut claimed = Vec::new();
    // A flood: as many critical ones come as are claimed.
    for place in 0..16 {
        let now = 1 + place;
        let flood = [
            urgent(Priority::Critical, now),
            urgent(Priority::Critical, now),
        ];
        publish(backend.as_ref(), &flood)?;
        let request = Receive {
            eldest: usize::from(place % 4 == 3),
            ..request(&["q"], 1, at(now))
        };
        claimed.extend(bodies(&backend.receive(&request)?));
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
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    publish(
        backend.as_ref(),
        &[message("q", "one"), message("q", "two")],
    )?;
    let one = receive_one(backend.as_ref(), "q", at(1))?;
    backend.release(&[(one.receipt, at(2))])?;
    let both = backend.receive(&request(&["q"], 9, at(3)))?;
    assert_eq!(bodies(&both), ["two", "one"]);
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

fn many_delayed_messages_do_not_hide_a_visible_one(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let mut messages: Vec<_> = (0..500)
        .map(|number| NewMessage {
            available_at: at(1000 + number),
            ..message("q", "later")
        })
        .collect();
    messages.push(message("q", "now"));
    publish(backend.as_ref(), &messages)?;
    let received = backend.receive(&request(&["q"], 9, at(0)))?;
    assert_eq!(bodies(&received), ["now"]);
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

fn only_the_queues_asked_for_are_looked_at(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    publish(
        backend.as_ref(),
        &[message("a", "a"), message("b", "b"), message("A", "A")],
    )?;
    let received = backend.receive(&request(&["b", "nowhere"], 9, at(0)))?;
    assert_eq!(bodies(&received), ["b"]);
    assert_eq!(backend.count("a", at(0))?.ready, 1);
    assert_eq!(backend.count("A", at(0))?.ready, 1);
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
    backend.release(&[(one.receipt, at(500))])?;
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

fn ids_are_never_given_twice(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let mut seen = Vec::new();
    for _ in 0..5 {
        publish(backend.as_ref(), &[message("q", "m")])?;
        let claimed = receive_one(backend.as_ref(), "q", at(0))?;
        assert!(!seen.contains(&claimed.receipt.id));
        assert_eq!(backend.ack(std::slice::from_ref(&claimed.receipt))?, [true]);
        seen.push(claimed.receipt.id);
    }
    Ok(())
}

fn a_change_wakes_those_who_wait(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    wakes(backend, || publish(backend.as_ref(), &[message("q", "m")]))?;
    let claimed = receive_one(backend.as_ref(), "q", at(0))?;
    let releases = [(claimed.receipt, at(0))];
    wakes(backend, || backend.release(&releases).map(drop))?;
    let mut commit = first(1);
    commit.enqueue = vec![item("q", step(run_id(1), 1, 1))];
    wakes(backend, || backend.commit(&[commit]).map(drop))
}

fn wakes(
    backend: &Arc<dyn Backend>,
    change: impl FnOnce() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let seen = backend.wait_for_change(0, Duration::ZERO)?;
    thread::scope(|scope| {
        let waits: Vec<_> = (0..3)
            .map(|_| scope.spawn(move || wait_until_it_is_not(seen, backend)))
            .collect();
        change()?;
        waits.into_iter().try_for_each(|wait| match wait.join() {
            Ok(waited) => waited,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

/// Waiting may end for nothing; it may not go on for ever.
fn wait_until_it_is_not(seen: u64, backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let since = Instant::now();
    let long = Duration::from_secs(60);
    while backend.wait_for_change(seen, long)? == seen {
        assert!(since.elapsed() < long, "the change was not noticed");
    }
    Ok(())
}

fn waiting_for_nothing_ends(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let seen = backend.wait_for_change(0, Duration::ZERO)?;
    backend.wait_for_change(seen, Duration::from_millis(20))?;
    Ok(())
}
