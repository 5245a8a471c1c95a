//! The same promises with several threads at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::json;

use super::fixture::{
    PATIENCE, after, at, first, item, message, publish, receipts, receive_all, request, run_id,
    step, the_one,
};
use super::{Case, cases};
use crate::port::{Backend, Commit, CommitOutcome, KvWrite, MessageId, Queue, StoreError, Version};

pub(super) const STORE: &[Case<dyn Backend>] = cases![
    of_several_commits_on_a_version_one_wins,
    commits_of_many_threads_get_their_own_outcomes,
    an_item_is_never_missing_between_two_attempts,
];
pub(super) const QUEUE: &[Case<dyn Queue>] = cases![
    claimants_never_hold_the_same_message,
    messages_of_many_threads_all_arrive,
];
pub(super) const STORE_QUEUE: &[Case<dyn Backend>] = cases![
    messages_neither_vanish_nor_double_while_they_change_hands,
    what_a_thread_published_is_there_for_it,
];
pub(super) const KEY_VALUE: &[Case<dyn Backend>] = cases![no_compare_and_swap_is_lost];

/// Runs `body` in so many threads, given their numbers, and gives what they found.
pub(super) fn in_threads<T: Send>(
    threads: u32,
    body: impl Fn(u32) -> Result<T, StoreError> + Sync,
) -> Result<Vec<T>, StoreError> {
    thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|number| {
                let body = &body;
                scope.spawn(move || body(number))
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| match handle.join() {
                Ok(found) => found,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

fn of_several_commits_on_a_version_one_wins(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let created = first(1);
    backend.commit(std::slice::from_ref(&created))?;
    let wins = in_threads(4, |_| {
        let mut wins = 0_u64;
        let mut previous = created.clone();
        for _ in 0..25 {
            let next = after(&previous);
            match the_one(backend.commit(std::slice::from_ref(&next))?) {
                CommitOutcome::Committed => {
                    wins += 1;
                    previous = next;
                }
                CommitOutcome::Conflict { found: Some(found) } => {
                    previous.head.version = found;
                }
                other => panic!("{other:?}"),
            }
        }
        Ok(wins)
    })?;
    let versions: Vec<_> = backend
        .history(&run_id(1), Version(0), usize::MAX)?
        .iter()
        .map(|row| row.version.0)
        .collect();
    let last = 1 + wins.iter().sum::<u64>();
    assert_eq!(versions, (1..=last).collect::<Vec<_>>());
    Ok(())
}

fn commits_of_many_threads_get_their_own_outcomes(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    in_threads(8, |thread| {
        for turn in 0..12 {
            let number = thread * 100 + turn;
            let mut good = first(number);
            good.head.idempotency_key = Some(format!("key {number}"));
            let unknown = after(&first(number + 50_000));
            let (one, two) = if turn % 2 == 0 {
                (good, unknown)
            } else {
                (unknown, good)
            };
            let outcomes = backend.commit(&[one, two])?;
            let committed: Vec<_> = outcomes
                .iter()
                .map(|it| *it == CommitOutcome::Committed)
                .collect();
            assert_eq!(committed, [turn % 2 == 0, turn % 2 == 1]);
            let found = backend.find_by_key("onboarding", &format!("key {number}"))?;
            assert_eq!(found, Some(run_id(number)), "own writes are visible");
        }
        Ok(())
    })
    .map(drop)
}

/// One commit settles an attempt and enqueues the next: nobody may see both or neither.
fn an_item_is_never_missing_between_two_attempts(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let run = run_id(1);
    let mut created = first(1);
    created.enqueue = vec![item("q", step(run, 1, 1))];
    backend.commit(std::slice::from_ref(&created))?;
    let done = AtomicBool::new(false);
    in_threads(3, |thread| {
        if thread == 0 {
            let mut previous: Commit = created.clone();
            for attempt in 1..60 {
                let mut next = after(&previous);
                next.settle = vec![step(run, 1, attempt)];
                next.enqueue = vec![item("q", step(run, 1, attempt + 1))];
                previous = next.clone();
                backend.commit(&[next])?;
            }
            done.store(true, Ordering::Release);
        }
        while !done.load(Ordering::Acquire) {
            let counts = backend.count("q", at(0))?;
            assert_eq!(counts.ready + counts.delayed + counts.leased, 1);
        }
        Ok(())
    })
    .map(drop)
}

fn claimants_never_hold_the_same_message(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let sent: Vec<_> = (0..400).map(|it| message("q", &it.to_string())).collect();
    publish(queue.as_ref(), &sent)?;
    let missing = AtomicUsize::new(sent.len());
    let since = Instant::now();
    let claimed = in_threads(4, |thread| {
        let mut claimed: Vec<MessageId> = Vec::new();
        while missing.load(Ordering::Acquire) > 0 && since.elapsed() < PATIENCE {
            let request = request(&["q"], 1 + thread as usize * 3, at(0));
            let deliveries = queue.receive(&request)?;
            missing.fetch_sub(deliveries.len(), Ordering::AcqRel);
            claimed.extend(deliveries.into_iter().map(|it| it.receipt.id));
        }
        Ok(claimed)
    })?;
    let all: Vec<_> = claimed.into_iter().flatten().collect();
    assert_eq!(all.len(), sent.len());
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), sent.len());
    Ok(())
}

fn messages_neither_vanish_nor_double_while_they_change_hands(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let sent: Vec<_> = (0..40).map(|it| message("q", &it.to_string())).collect();
    publish(backend.as_ref(), &sent)?;
    let working = AtomicUsize::new(2);
    in_threads(3, |thread| {
        if thread < 2 {
            for _ in 0..40 {
                let held = backend.receive(&request(&["q"], 7, at(0)))?;
                backend.extend(&receipts(&held), at(90_000))?;
                let releases: Vec<_> = receipts(&held)
                    .into_iter()
                    .map(|receipt| (receipt, at(0)))
                    .collect();
                backend.release(&releases, at(0))?;
            }
            working.fetch_sub(1, Ordering::AcqRel);
            return Ok(());
        }
        while working.load(Ordering::Acquire) > 0 {
            let counts = backend.count("q", at(0))?;
            assert_eq!(counts.ready + counts.delayed + counts.leased, 40);
            assert_eq!(backend.list_messages("q", 99)?.len(), 40);
        }
        Ok(())
    })?;
    assert_eq!(backend.count("q", at(0))?.ready, 40);
    Ok(())
}

fn messages_of_many_threads_all_arrive(queue: &Arc<dyn Queue>) -> Result<(), StoreError> {
    let sent = in_threads(8, |thread| {
        (0..20)
            .map(|turn| {
                let body = format!("{thread}/{turn}");
                let id = the_one(queue.publish(&[message("q", &body)], at(0))?);
                Ok((id, body.into_bytes()))
            })
            .collect::<Result<Vec<_>, StoreError>>()
    })?;
    let sent: HashSet<_> = sent.into_iter().flatten().collect();
    let received = receive_all(queue.as_ref(), &request(&["q"], 160, at(0)))?;
    let received: HashSet<_> = received
        .into_iter()
        .map(|it| (it.receipt.id, it.body))
        .collect();
    assert!(received == sent, "an id is that of another message");
    Ok(())
}

fn what_a_thread_published_is_there_for_it(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    in_threads(8, |thread| {
        for turn in 0..20 {
            let body = format!("{thread}/{turn}");
            let id = the_one(backend.publish(&[message("q", &body)], at(0))?);
            let found = backend.find_message("q", &id)?;
            assert_eq!(found.map(|it| it.body), Some(body.into_bytes()));
        }
        Ok(())
    })?;
    assert_eq!(backend.count("q", at(0))?.ready, 160);
    Ok(())
}

fn no_compare_and_swap_is_lost(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    in_threads(4, |_| {
        for _ in 0..20 {
            loop {
                let entry = backend.kv_get("ns", "counter", at(0))?;
                let count = entry.as_ref().and_then(|it| it.value.as_u64()).unwrap_or(0);
                let write = KvWrite {
                    expected: Some(entry.map_or(0, |it| it.version)),
                    ..super::key_value::write("counter", json!(count + 1))
                };
                if backend.kv_write(&write, at(0))?.is_some() {
                    break;
                }
            }
        }
        Ok(())
    })?;
    let entry = backend.kv_get("ns", "counter", at(0))?;
    assert_eq!(entry.map(|it| it.value), Some(json!(80)));
    Ok(())
}
