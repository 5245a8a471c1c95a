//! Step items that a commit has become visible at another time.

use std::sync::Arc;

use super::fixture::{
    LEASE, after, at, first, item, lease, receive_one, request, run_id, step, the_one, worker,
};
use super::{Case, cases};
use crate::port::{Backend, ClaimAnswer, Commit, StepRef, StoreError, Timestamp};

pub(super) const CASES: &[Case<dyn Backend>] = cases![
    an_item_is_visible_from_the_new_time_on,
    an_item_put_off_for_ever_is_out_of_everyone_s_sight,
    a_held_item_stays_where_it_is,
    an_item_whose_holder_was_lost_is_put_off_and_counts_the_loss,
    older_receipts_do_not_bring_an_item_back,
    the_items_of_a_run_are_listed_wherever_they_are,
];

fn attempt() -> StepRef {
    step(run_id(1), 1, 1)
}

/// A run with an item that is visible from `at(0)` on.
fn begun(backend: &Arc<dyn Backend>) -> Result<Commit, StoreError> {
    let mut commit = first(1);
    commit.enqueue = vec![item("q", attempt())];
    backend.commit(std::slice::from_ref(&commit))?;
    Ok(commit)
}

fn reschedule(
    backend: &Arc<dyn Backend>,
    previous: &Commit,
    to: Timestamp,
    now: Timestamp,
) -> Result<Commit, StoreError> {
    let mut commit = after(previous);
    commit.log.at = now;
    commit.reschedule = vec![(attempt(), to)];
    backend.commit(std::slice::from_ref(&commit))?;
    Ok(commit)
}

fn an_item_is_visible_from_the_new_time_on(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let begun = begun(backend)?;
    reschedule(backend, &begun, at(50), at(1))?;
    assert_eq!(backend.receive(&request(&["q"], 1, at(49)))?, []);
    let delivery = receive_one(backend.as_ref(), "q", at(50))?;
    assert_eq!(delivery.losses, 0);
    Ok(())
}

fn an_item_put_off_for_ever_is_out_of_everyone_s_sight(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let begun = begun(backend)?;
    let hidden = reschedule(backend, &begun, Timestamp::NEVER, at(1))?;
    let late = at(1_000_000_000);
    assert_eq!(backend.receive(&request(&["q"], 1, late))?, []);
    assert_eq!(backend.relay(&request(&["q"], 1, late))?, []);
    let until = Timestamp::NEVER;
    assert_eq!(
        backend.claim_step(&attempt(), &worker(), lease(late))?,
        ClaimAnswer::Held { until }
    );
    reschedule(backend, &hidden, at(60), at(60))?;
    receive_one(backend.as_ref(), "q", at(60))?;
    Ok(())
}

fn a_held_item_stays_where_it_is(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let begun = begun(backend)?;
    let held = receive_one(backend.as_ref(), "q", at(1))?;
    reschedule(backend, &begun, Timestamp::NEVER, at(2))?;
    let until = at(1).after(LEASE);
    assert_eq!(
        backend.claim_step(&attempt(), &worker(), lease(at(3)))?,
        ClaimAnswer::Held { until }
    );
    assert_eq!(backend.extend(&[held.receipt], at(40_000))?, [true]);
    Ok(())
}

fn an_item_whose_holder_was_lost_is_put_off_and_counts_the_loss(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let begun = begun(backend)?;
    let lost = receive_one(backend.as_ref(), "q", at(1))?;
    let now = at(1).after(LEASE);
    reschedule(backend, &begun, now.after(LEASE), now)?;
    assert_eq!(backend.extend(&[lost.receipt], at(90_000))?, [false]);
    assert_eq!(
        backend.overdue(at(1_000_000), 9)?,
        [],
        "its time does not run"
    );
    let again = receive_one(backend.as_ref(), "q", now.after(LEASE))?;
    assert_eq!(again.losses, 1);
    Ok(())
}

fn older_receipts_do_not_bring_an_item_back(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let begun = begun(backend)?;
    let relayed = the_one(backend.relay(&request(&["q"], 1, at(0)))?);
    reschedule(backend, &begun, Timestamp::NEVER, at(1))?;
    assert_eq!(
        backend.release(&[(relayed.receipt, at(2))], at(2))?,
        [false]
    );
    assert_eq!(backend.receive(&request(&["q"], 1, at(3)))?, []);
    Ok(())
}

fn the_items_of_a_run_are_listed_wherever_they_are(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let other = item("q", step(run_id(2), 1, 1));
    let mut commit = first(1);
    commit.enqueue = vec![
        item("q", attempt()),
        item("p", step(run_id(1), 2, 1)),
        other,
    ];
    backend.commit(&[commit])?;
    receive_one(backend.as_ref(), "p", at(1))?;
    let items = backend.step_items(&run_id(1))?;
    let nodes: Vec<_> = items
        .iter()
        .filter_map(|it| it.step)
        .map(|it| it.step.node)
        .collect();
    assert_eq!(nodes, [1, 2]);
    assert_eq!(backend.step_items(&run_id(3))?, []);
    Ok(())
}
