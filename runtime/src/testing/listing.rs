//! Listing runs: order, slices, filters.

use std::sync::Arc;

use super::fixture::{after, at, ending, first, run_id};
use super::{Case, cases};
use crate::port::{Backend, Commit, Page, RunFilter, RunId, RunStatus, StoreError};

pub(super) const CASES: &[Case<dyn Backend>] = cases![
    runs_are_listed_newest_first,
    slices_follow_one_another_without_gap_or_overlap,
    a_slice_goes_on_after_a_run_that_was_pruned,
    each_filter_restricts,
    filters_restrict_together,
    several_statuses_are_listed_in_one_order,
    runs_are_found_by_their_labels,
    labels_are_those_of_the_first_commit,
    runs_are_found_by_when_they_changed,
];

fn list(
    backend: &Arc<dyn Backend>,
    filter: &RunFilter,
    after: Option<RunId>,
    limit: usize,
) -> Result<(Vec<RunId>, Option<RunId>), StoreError> {
    let page = backend.list_runs(filter, &Page { after, limit })?;
    Ok((page.runs.iter().map(|head| head.run).collect(), page.next))
}

fn all(backend: &Arc<dyn Backend>, filter: &RunFilter) -> Result<Vec<RunId>, StoreError> {
    let (runs, next) = list(backend, filter, None, 100)?;
    assert_eq!(next, None);
    Ok(runs)
}

fn ids<const N: usize>(numbers: [u32; N]) -> Vec<RunId> {
    numbers.map(run_id).to_vec()
}

fn runs_are_listed_newest_first(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    backend.commit(&[first(2), first(3), first(1)])?;
    let mut same_moment = first(5);
    same_moment.head.created_at = at(2);
    backend.commit(&[same_moment.clone()])?;
    assert_eq!(
        all(backend, &RunFilter::default())?,
        ids([3, 5, 2, 1]),
        "of runs created at the same moment the higher id is the newer one"
    );
    let page = Page {
        after: Some(run_id(3)),
        limit: 1,
    };
    let page = backend.list_runs(&RunFilter::default(), &page)?;
    assert_eq!(page.runs, [same_moment.head]);
    Ok(())
}

fn slices_follow_one_another_without_gap_or_overlap(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let commits: Vec<_> = (1..=7).map(first).collect();
    backend.commit(&commits)?;
    let everything = RunFilter::default();
    assert_eq!(
        list(backend, &everything, None, 3)?,
        (ids([7, 6, 5]), Some(run_id(5)))
    );
    assert_eq!(
        list(backend, &everything, Some(run_id(5)), 3)?,
        (ids([4, 3, 2]), Some(run_id(2)))
    );
    assert_eq!(
        list(backend, &everything, Some(run_id(2)), 3)?,
        (ids([1]), None)
    );
    assert_eq!(
        list(backend, &everything, Some(run_id(1)), 3)?,
        (vec![], None)
    );
    assert_eq!(list(backend, &everything, None, 7)?.1, None);
    assert_eq!(list(backend, &everything, None, 0)?.0, []);
    Ok(())
}

fn a_slice_goes_on_after_a_run_that_was_pruned(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    backend.commit(&[first(1), first(2), first(3)])?;
    backend.commit(&[ending(&first(2), at(5))])?;
    assert_eq!(backend.remove_runs(&[run_id(2)])?, 1);
    assert_eq!(
        list(backend, &RunFilter::default(), Some(run_id(2)), 9)?,
        (ids([1]), None)
    );
    Ok(())
}

fn each_filter_restricts(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let mut one = first(1);
    one.head.workflow = "billing".to_owned();
    let mut two = first(2);
    two.head.correlation_id = Some("case".to_owned());
    let mut three = first(3);
    three.head.status = RunStatus::Waiting;
    backend.commit(&[one, two, three, first(4)])?;

    let everything = RunFilter::default;
    let by_workflow = RunFilter {
        workflow: Some("billing".to_owned()),
        ..everything()
    };
    assert_eq!(all(backend, &by_workflow)?, ids([1]));
    let by_correlation = RunFilter {
        correlation_id: Some("case".to_owned()),
        ..everything()
    };
    assert_eq!(all(backend, &by_correlation)?, ids([2]));
    let by_status = RunFilter {
        statuses: vec![RunStatus::Waiting],
        ..everything()
    };
    assert_eq!(all(backend, &by_status)?, ids([3]));
    let from = RunFilter {
        created_from: Some(at(3)),
        ..everything()
    };
    assert_eq!(all(backend, &from)?, ids([4, 3]));
    let before = RunFilter {
        created_before: Some(at(3)),
        ..everything()
    };
    assert_eq!(all(backend, &before)?, ids([2, 1]));
    let nothing = RunFilter {
        workflow: Some("bill".to_owned()),
        ..everything()
    };
    assert_eq!(all(backend, &nothing)?, []);
    Ok(())
}

fn filters_restrict_together(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    for number in 1..=16 {
        let mut commit = first(number);
        if number % 2 == 0 {
            commit.head.workflow = "billing".to_owned();
        }
        if number % 4 < 2 {
            commit.head.correlation_id = Some("case".to_owned());
        }
        backend.commit(std::slice::from_ref(&commit))?;
        if number % 8 < 4 {
            backend.commit(&[ending(&commit, at(50))])?;
        } else {
            backend.commit(&[after(&commit)])?;
        }
    }
    let filter = RunFilter {
        statuses: vec![RunStatus::Completed],
        workflow: Some("billing".to_owned()),
        correlation_id: Some("case".to_owned()),
        created_from: Some(at(2)),
        created_before: Some(at(16)),
        ..RunFilter::default()
    };
    assert_eq!(all(backend, &filter)?, ids([8]));
    let filter = RunFilter {
        statuses: vec![RunStatus::Running],
        created_from: None,
        ..filter
    };
    assert_eq!(all(backend, &filter)?, ids([12, 4]));
    Ok(())
}

fn several_statuses_are_listed_in_one_order(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let statuses = [RunStatus::Running, RunStatus::Failed, RunStatus::Paused];
    for (number, status) in (1..=9).zip(statuses.into_iter().cycle()) {
        let mut commit = first(number);
        commit.head.status = status;
        backend.commit(&[commit])?;
    }
    let filter = RunFilter {
        // One twice: that does not list its runs twice.
        statuses: vec![RunStatus::Paused, RunStatus::Running, RunStatus::Paused],
        ..RunFilter::default()
    };
    assert_eq!(
        list(backend, &filter, None, 4)?,
        (ids([9, 7, 6, 4]), Some(run_id(4)))
    );
    assert_eq!(
        list(backend, &filter, Some(run_id(4)), 4)?,
        (ids([3, 1]), None)
    );
    Ok(())
}

fn labelled(number: u32, labels: &[(&str, &str)]) -> Commit {
    let mut commit = first(number);
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    commit.head.labels = labels.collect();
    commit
}

fn runs_are_found_by_their_labels(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let blue = labelled(1, &[("team", "blue")]);
    backend.commit(&[
        blue.clone(),
        labelled(2, &[("team", "red")]),
        labelled(3, &[("team", "blue"), ("tier", "gold")]),
        first(4),
        labelled(5, &[("team", "blue"), ("tier", "gold")]),
        labelled(6, &[("tier", "blue")]),
    ])?;
    backend.commit(&[ending(&blue, at(9))])?;
    let by = |labels: &[(&str, &str)], statuses: &[RunStatus]| RunFilter {
        labels: labelled(0, labels).head.labels,
        statuses: statuses.to_vec(),
        ..RunFilter::default()
    };
    let blue = [("team", "blue")];
    assert_eq!(all(backend, &by(&blue, &[]))?, ids([5, 3, 1]));
    assert_eq!(
        all(backend, &by(&[("team", "blue"), ("tier", "gold")], &[]))?,
        ids([5, 3])
    );
    assert_eq!(
        all(backend, &by(&blue, &[RunStatus::Running]))?,
        ids([5, 3])
    );
    assert_eq!(all(backend, &by(&blue, &[RunStatus::Completed]))?, ids([1]));
    assert_eq!(all(backend, &by(&[("team", "bl")], &[]))?, []);
    assert_eq!(
        list(backend, &by(&blue, &[]), None, 2)?,
        (ids([5, 3]), Some(run_id(3)))
    );
    assert_eq!(
        list(backend, &by(&blue, &[]), Some(run_id(3)), 2)?,
        (ids([1]), None)
    );
    let head = backend.heads(&[run_id(3)])?.pop().flatten();
    let gold = labelled(3, &[("team", "blue"), ("tier", "gold")])
        .head
        .labels;
    assert_eq!(head.map(|head| head.labels), Some(gold));
    Ok(())
}

fn labels_are_those_of_the_first_commit(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let created = labelled(1, &[("team", "blue")]);
    let mut next = after(&created);
    next.head.labels = labelled(1, &[("team", "red")]).head.labels;
    backend.commit(&[created.clone(), next])?;
    let head = backend.heads(&[run_id(1)])?.pop().flatten();
    assert_eq!(head.map(|head| head.labels), Some(created.head.labels));
    Ok(())
}

fn runs_are_found_by_when_they_changed(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    for number in 1..=12 {
        let created = first(number);
        let mut next = match number % 3 {
            0 => after(&created),
            _ => ending(&created, at(0)),
        };
        // 1 → 13, 2 → 26, 3 → 39…
        next.head.updated_at = at(i64::from(number) * 13 % 60);
        if number % 3 != 0 {
            next.head.ended_at = Some(next.head.updated_at);
        }
        backend.commit(&[created, next])?;
    }
    let updated = |number: u32| i64::from(number) * 13 % 60;
    for (from, before) in [
        (None, Some(30)),
        (Some(5), None),
        (Some(20), Some(45)),
        (Some(70), None),
    ] {
        let wanted = |number: &u32| {
            from.is_none_or(|from| updated(*number) >= from)
                && before.is_none_or(|before| updated(*number) < before)
        };
        for statuses in [
            vec![],
            vec![RunStatus::Completed],
            vec![RunStatus::Running, RunStatus::Completed],
        ] {
            let running = |number: &u32| number.is_multiple_of(3);
            let filter = RunFilter {
                updated_from: from.map(at),
                updated_before: before.map(at),
                statuses: statuses.clone(),
                ..RunFilter::default()
            };
            let expected: Vec<_> = (1..=12)
                .rev()
                .filter(wanted)
                .filter(|number| statuses.len() != 1 || !running(number))
                .map(run_id)
                .collect();
            assert_eq!(all(backend, &filter)?, expected, "{filter:?}");
        }
    }
    Ok(())
}
