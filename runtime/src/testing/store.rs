//! Commits, recovery, history, timers, plans, keys, pruning.

use std::sync::Arc;

use super::fixture::{
    after, at, ending, first, item, lease, log_row, message, request, run_id, snapshot, step,
    the_one, timer, worker,
};
use super::{Case, cases};
use crate::port::{
    Backend, ClaimAnswer, CommitOutcome, Page, PlanHash, Priority, QueueCounts, Retention,
    RunFilter, RunId, RunPage, RunStatus, StoreError, Version,
};

pub(super) const CASES: &[Case<dyn Backend>] = cases![
    a_run_is_loaded_as_it_was_committed,
    every_status_and_priority_is_kept,
    runs_are_loaded_in_the_order_asked_for,
    a_commit_on_another_version_is_a_conflict_and_writes_nothing,
    creating_a_run_that_exists_is_a_conflict,
    a_second_run_with_the_same_key_is_a_duplicate_and_writes_nothing,
    a_key_counts_within_its_workflow,
    a_conflict_does_not_undo_its_neighbours,
    commits_of_one_call_build_on_one_another,
    a_commit_that_skips_a_version_is_refused_with_all_of_its_call,
    what_is_fixed_at_creation_stays,
    recovery_reads_the_snapshot_and_the_rows_after_it,
    history_has_every_row_in_order,
    a_log_row_of_a_mebibyte_is_kept,
    a_commit_publishes_settles_and_sets_timers_at_once,
    settling_removes_an_item_whoever_holds_it,
    a_commit_settles_before_it_enqueues,
    timers_are_due_in_order_until_they_are_cleared,
    setting_a_timer_again_replaces_it,
    a_plan_is_kept_as_first_saved,
    the_signing_key_is_the_first_one_given,
    expired_runs_are_found_longest_ended_first,
    only_runs_that_have_ended_are_removed,
    pruning_removes_all_that_belongs_to_a_run,
];

fn a_run_is_loaded_as_it_was_committed(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let mut created = first(1);
    created.head.idempotency_key = Some("order-7".to_owned());
    created.head.correlation_id = Some("case-é".to_owned());
    created.head.current_step = Some("validate".to_owned());
    assert_eq!(
        backend.commit(std::slice::from_ref(&created))?,
        [CommitOutcome::Committed]
    );
    let mut failed = after(&created);
    failed.head.status = RunStatus::Failed;
    failed.head.progress = 40;
    failed.head.current_step = None;
    failed.head.error = Some("HANDLER_ERROR: no".to_owned());
    failed.head.ended_at = Some(at(9));
    failed.head.priority = Priority::High;
    failed.head.plan = PlanHash("cd".repeat(32));
    failed.snapshot = Some(snapshot(2));
    backend.commit(std::slice::from_ref(&failed))?;

    let stored = the_one(backend.load(&[run_id(1)])?);
    let Some(stored) = stored else {
        panic!("the run is gone")
    };
    assert_eq!(stored.head, failed.head);
    assert_eq!(stored.snapshot, failed.snapshot);
    assert_eq!(stored.tail, []);
    assert_eq!(the_one(backend.heads(&[run_id(1)])?), Some(failed.head));
    assert_eq!(
        backend.history(&run_id(1), Version(0), 10)?,
        [created.log, failed.log]
    );
    Ok(())
}

fn every_status_and_priority_is_kept(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let statuses = [
        RunStatus::Pending,
        RunStatus::Running,
        RunStatus::Waiting,
        RunStatus::Paused,
        RunStatus::Completed,
        RunStatus::Failed,
        RunStatus::Canceled,
        RunStatus::Quarantined,
    ];
    for ((status, priority), number) in statuses
        .into_iter()
        .zip(Priority::ALL.into_iter().cycle())
        .zip(1..)
    {
        let mut commit = first(number);
        commit.head.status = status;
        commit.head.priority = priority;
        backend.commit(std::slice::from_ref(&commit))?;
        assert_eq!(
            the_one(backend.heads(&[run_id(number)])?),
            Some(commit.head)
        );
    }
    Ok(())
}

fn runs_are_loaded_in_the_order_asked_for(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    backend.commit(&[first(1), first(2)])?;
    let asked = [run_id(2), run_id(9), run_id(1)];
    let expected = [Some(run_id(2)), None, Some(run_id(1))];
    let loaded = backend.load(&asked)?;
    let loaded: Vec<_> = loaded
        .iter()
        .map(|run| run.as_ref().map(|it| it.head.run))
        .collect();
    assert_eq!(loaded, expected);
    let heads = backend.heads(&asked)?;
    let heads: Vec<_> = heads
        .iter()
        .map(|head| head.as_ref().map(|it| it.run))
        .collect();
    assert_eq!(heads, expected);
    Ok(())
}

fn a_commit_on_another_version_is_a_conflict_and_writes_nothing(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let one = first(1);
    let two = after(&one);
    backend.commit(&[one.clone(), two.clone()])?;
    let before = backend.load(&[run_id(1)])?;

    let mut late = after(&one);
    late.head.status = RunStatus::Canceled;
    late.snapshot = Some(snapshot(2));
    late.enqueue = vec![message("q", "late")];
    late.set_timers = vec![timer(run_id(1), "deadline", 1, at(0))];
    let early = after(&after(&two));
    let mut unknown = after(&first(5));
    unknown.enqueue = vec![message("q", "unknown")];
    let outcomes = backend.commit(&[late, early, unknown])?;

    let found = Some(Version(2));
    assert_eq!(
        outcomes,
        [
            CommitOutcome::Conflict { found },
            CommitOutcome::Conflict { found },
            CommitOutcome::Conflict { found: None },
        ]
    );
    assert_eq!(backend.load(&[run_id(1)])?, before);
    assert_eq!(backend.count("q", at(0))?, QueueCounts::default());
    assert_eq!(backend.due_timers(at(9), 9)?, []);
    Ok(())
}

fn creating_a_run_that_exists_is_a_conflict(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    backend.commit(&[first(1)])?;
    assert_eq!(
        backend.commit(&[first(1)])?,
        [CommitOutcome::Conflict {
            found: Some(Version(1))
        }]
    );
    assert_eq!(backend.history(&run_id(1), Version(0), 9)?.len(), 1);
    Ok(())
}

fn a_second_run_with_the_same_key_is_a_duplicate_and_writes_nothing(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let mut one = first(1);
    one.head.idempotency_key = Some("order-7".to_owned());
    let mut two = first(2);
    two.head.idempotency_key = Some("order-7".to_owned());
    two.enqueue = vec![message("q", "twice")];
    assert_eq!(
        backend.commit(&[one, two])?,
        [
            CommitOutcome::Committed,
            CommitOutcome::Duplicate {
                existing: run_id(1)
            }
        ]
    );
    assert_eq!(backend.load(&[run_id(2)])?, [None]);
    assert_eq!(backend.count("q", at(0))?, QueueCounts::default());
    assert_eq!(
        backend.find_by_key("onboarding", "order-7")?,
        Some(run_id(1))
    );
    Ok(())
}

fn a_key_counts_within_its_workflow(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let mut one = first(1);
    one.head.idempotency_key = Some("k".to_owned());
    let mut two = first(2);
    two.head.idempotency_key = Some("k".to_owned());
    two.head.workflow = "billing".to_owned();
    assert_eq!(
        backend.commit(&[one, two])?,
        [CommitOutcome::Committed, CommitOutcome::Committed]
    );
    assert_eq!(backend.find_by_key("billing", "k")?, Some(run_id(2)));
    assert_eq!(backend.find_by_key("billing", "other")?, None);
    assert_eq!(backend.find_by_key("other", "k")?, None);
    Ok(())
}

fn a_conflict_does_not_undo_its_neighbours(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let outcomes = backend.commit(&[first(1), after(&first(2)), first(3)])?;
    assert_eq!(
        outcomes,
        [
            CommitOutcome::Committed,
            CommitOutcome::Conflict { found: None },
            CommitOutcome::Committed
        ]
    );
    let heads = backend.heads(&[run_id(1), run_id(2), run_id(3)])?;
    let there: Vec<_> = heads.iter().map(Option::is_some).collect();
    assert_eq!(there, [true, false, true]);
    Ok(())
}

fn commits_of_one_call_build_on_one_another(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let one = first(1);
    let two = after(&one);
    let three = after(&two);
    let outcomes = backend.commit(&[one, two, three.clone()])?;
    assert_eq!(outcomes, vec![CommitOutcome::Committed; 3]);
    assert_eq!(the_one(backend.heads(&[run_id(1)])?), Some(three.head));
    Ok(())
}

fn a_commit_that_skips_a_version_is_refused_with_all_of_its_call(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let mut good = first(1);
    good.enqueue = vec![message("q", "good")];
    good.set_timers = vec![timer(run_id(1), "deadline", 1, at(0))];
    let mut wrong_head = first(2);
    wrong_head.head.version = Version(2);
    let mut wrong_log = first(2);
    wrong_log.log = log_row(3, at(0));
    let mut wrong_snapshot = first(2);
    wrong_snapshot.snapshot = Some(snapshot(2));
    for wrong in [wrong_head, wrong_log, wrong_snapshot] {
        let refused = backend.commit(&[good.clone(), wrong]);
        assert!(
            matches!(refused, Err(StoreError::Failed { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(backend.load(&[run_id(1), run_id(2)])?, [None, None]);
    assert_eq!(backend.count("q", at(0))?, QueueCounts::default());
    assert_eq!(backend.due_timers(at(9), 9)?, []);
    Ok(())
}

fn what_is_fixed_at_creation_stays(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let mut created = first(1);
    created.head.idempotency_key = Some("k".to_owned());
    created.head.correlation_id = Some("c".to_owned());
    let mut changed = after(&created);
    changed.head.workflow = "other".to_owned();
    changed.head.idempotency_key = None;
    changed.head.correlation_id = None;
    changed.head.created_at = at(77);
    backend.commit(&[created.clone(), changed.clone()])?;

    let mut expected = changed.head;
    expected.workflow = created.head.workflow;
    expected.idempotency_key = created.head.idempotency_key;
    expected.correlation_id = created.head.correlation_id;
    expected.created_at = created.head.created_at;
    assert_eq!(the_one(backend.heads(&[run_id(1)])?), Some(expected));
    assert_eq!(backend.find_by_key("onboarding", "k")?, Some(run_id(1)));
    Ok(())
}

fn recovery_reads_the_snapshot_and_the_rows_after_it(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let mut commit = first(1);
    backend.commit(std::slice::from_ref(&commit))?;
    for version in 2..=40 {
        commit = after(&commit);
        if version % 16 == 0 {
            commit.snapshot = Some(snapshot(version));
        }
        backend.commit(std::slice::from_ref(&commit))?;
        let Some(stored) = the_one(backend.load(&[run_id(1)])?) else {
            panic!("the run is gone")
        };
        let taken = version / 16 * 16;
        assert_eq!(stored.snapshot, (taken > 0).then(|| snapshot(taken)));
        let tail: Vec<_> = stored.tail.iter().map(|row| row.version.0).collect();
        assert_eq!(tail, (taken + 1..=version).collect::<Vec<_>>());
        assert_eq!(stored.head.version, Version(version));
    }
    Ok(())
}

fn history_has_every_row_in_order(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let mut commit = first(1);
    let mut rows = vec![commit.log.clone()];
    backend.commit(std::slice::from_ref(&commit))?;
    for _ in 2..=20 {
        commit = after(&commit);
        commit.snapshot = Some(snapshot(commit.head.version.0));
        rows.push(commit.log.clone());
        backend.commit(std::slice::from_ref(&commit))?;
    }
    assert_eq!(backend.history(&run_id(1), Version(0), usize::MAX)?, rows);
    let slice: Vec<_> = rows.iter().skip(5).take(7).cloned().collect();
    assert_eq!(backend.history(&run_id(1), Version(5), 7)?, slice);
    assert_eq!(backend.history(&run_id(1), Version(20), 7)?, []);
    assert_eq!(backend.history(&run_id(1), Version(u64::MAX), 7)?, []);
    assert_eq!(backend.history(&run_id(1), Version(0), 0)?, []);
    assert_eq!(backend.history(&run_id(2), Version(0), 7)?, []);
    Ok(())
}

fn a_log_row_of_a_mebibyte_is_kept(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let mut commit = first(1);
    commit.log.events = format!(r#"["{}"]"#, "long ".repeat(1 << 18));
    backend.commit(std::slice::from_ref(&commit))?;
    let history = backend.history(&run_id(1), Version(0), 1)?;
    assert!(history == [commit.log], "the row came back changed");
    Ok(())
}

fn a_commit_publishes_settles_and_sets_timers_at_once(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let run = run_id(1);
    let mut one = first(1);
    one.enqueue = vec![item("q", step(run, 1, 1)), item("q", step(run, 2, 1))];
    one.set_timers = vec![timer(run, "deadline", 1, at(100))];
    let mut two = after(&one);
    two.settle = vec![step(run, 1, 1)];
    two.enqueue = vec![item("q", step(run, 3, 1))];
    two.clear_timers = one.set_timers.iter().map(|it| it.key.clone()).collect();
    backend.commit(std::slice::from_ref(&one))?;
    backend.commit(std::slice::from_ref(&two))?;

    let messages = backend.list_messages("q", 9)?;
    let steps: Vec<_> = messages
        .iter()
        .filter_map(|it| it.step.map(|it| it.step))
        .collect();
    assert_eq!(steps, [step(run, 2, 1), step(run, 3, 1)]);
    let published: Vec<_> = messages.iter().map(|it| it.published_at).collect();
    assert_eq!(published, [one.log.at, two.log.at]);
    assert_eq!(backend.due_timers(at(1000), 9)?, []);
    Ok(())
}

fn settling_removes_an_item_whoever_holds_it(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let run = run_id(1);
    let mut one = first(1);
    one.enqueue = vec![item("q", step(run, 1, 1))];
    backend.commit(std::slice::from_ref(&one))?;
    let held = the_one(backend.receive(&request(&["q"], 9, at(5)))?);
    let mut two = after(&one);
    // Settling what is not there is no error.
    two.settle = vec![step(run, 1, 1), step(run, 8, 1)];
    backend.commit(&[two])?;

    assert_eq!(backend.ack(&[held.receipt])?, [false]);
    assert_eq!(
        backend.claim_step(&step(run, 1, 1), &worker(), lease(at(6)))?,
        ClaimAnswer::Gone
    );
    assert_eq!(backend.count("q", at(6))?, QueueCounts::default());
    Ok(())
}

fn a_commit_settles_before_it_enqueues(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let run = run_id(1);
    let mut one = first(1);
    one.enqueue = vec![item("q", step(run, 1, 1))];
    one.set_timers = vec![timer(run, "deadline", 1, at(10))];
    let mut two = after(&one);
    two.settle = vec![step(run, 1, 1)];
    two.enqueue = vec![item("other", step(run, 1, 1))];
    two.clear_timers = one.set_timers.iter().map(|it| it.key.clone()).collect();
    two.set_timers = vec![timer(run, "deadline", 2, at(20))];
    backend.commit(&[one, two.clone()])?;
    assert_eq!(backend.list_messages("q", 9)?, []);
    assert_eq!(backend.list_messages("other", 9)?.len(), 1);
    assert_eq!(backend.due_timers(at(20), 9)?, two.set_timers);
    Ok(())
}

fn timers_are_due_in_order_until_they_are_cleared(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let (early, late) = (run_id(1), run_id(2));
    let mut one = first(1);
    one.set_timers = vec![
        timer(early, "b", 1, at(20)),
        timer(early, "a", u64::MAX, at(20)),
        timer(early, "c", 1, at(30)),
    ];
    let mut two = first(2);
    two.set_timers = vec![timer(late, "a", 1, at(10)), timer(late, "d", 1, at(20))];
    backend.commit(&[one.clone(), two])?;

    assert_eq!(backend.due_timers(at(9), 9)?, []);
    let due = [
        timer(late, "a", 1, at(10)),
        timer(early, "a", u64::MAX, at(20)),
        timer(early, "b", 1, at(20)),
        timer(late, "d", 1, at(20)),
    ];
    assert_eq!(backend.due_timers(at(20), 9)?, due);
    assert_eq!(backend.due_timers(at(20), 9)?, due, "they stay");
    assert_eq!(backend.due_timers(at(20), 1)?, due.split_at(1).0);

    let mut three = after(&one);
    three.clear_timers = vec![
        timer(early, "a", 0, at(0)).key,
        timer(late, "a", 0, at(0)).key,
    ];
    backend.commit(&[three])?;
    assert_eq!(backend.due_timers(at(20), 9)?, due.split_at(2).1);
    Ok(())
}

fn setting_a_timer_again_replaces_it(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let run = run_id(1);
    let mut one = first(1);
    one.set_timers = vec![timer(run, "deadline", 1, at(10))];
    let mut two = after(&one);
    two.set_timers = vec![timer(run, "deadline", 2, at(30))];
    backend.commit(&[one, two.clone()])?;
    assert_eq!(backend.due_timers(at(29), 9)?, []);
    assert_eq!(backend.due_timers(at(30), 9)?, two.set_timers);
    Ok(())
}

fn a_plan_is_kept_as_first_saved(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let hash = PlanHash("ab".repeat(32));
    assert_eq!(backend.load_plan(&hash)?, None);
    backend.save_plan(&hash, r#"{"nodes":[]}"#)?;
    backend.save_plan(&hash, "something else")?;
    assert_eq!(
        backend.load_plan(&hash)?.as_deref(),
        Some(r#"{"nodes":[]}"#)
    );
    Ok(())
}

fn the_signing_key_is_the_first_one_given(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    assert_eq!(backend.signing_key([7; 32])?, [7; 32]);
    assert_eq!(backend.signing_key([8; 32])?, [7; 32]);
    Ok(())
}

fn expired_runs_are_found_longest_ended_first(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    for (number, ended_at) in [(1, Some(30)), (2, Some(10)), (3, None), (4, Some(20))] {
        let created = first(number);
        let next = match ended_at {
            Some(millis) => ending(&created, at(millis)),
            None => after(&created),
        };
        backend.commit(&[created, next])?;
    }
    let mut failed = ending(&first(5), at(5));
    failed.head.status = RunStatus::Failed;
    backend.commit(&[first(5), failed])?;
    let expired = |ended_before: Option<i64>, keep, limit| -> Result<Vec<RunId>, StoreError> {
        let retention = Retention {
            status: RunStatus::Completed,
            ended_before: ended_before.map(at),
            keep,
        };
        let heads = backend.expired_runs(&retention, limit)?;
        Ok(heads.iter().map(|head| head.run).collect())
    };
    let ids = |numbers: &[u32]| numbers.iter().map(|it| run_id(*it)).collect::<Vec<_>>();
    assert_eq!(expired(None, None, 9)?, ids(&[]), "without a bound");
    assert_eq!(
        expired(Some(10), None, 9)?,
        ids(&[]),
        "`before` is exclusive"
    );
    assert_eq!(expired(Some(30), None, 9)?, ids(&[2, 4]));
    assert_eq!(expired(Some(30), None, 1)?, ids(&[2]));
    assert_eq!(expired(None, Some(1), 9)?, ids(&[2, 4]));
    assert_eq!(expired(None, Some(3), 9)?, ids(&[]));
    assert_eq!(expired(None, Some(0), 9)?, ids(&[2, 4, 1]));
    assert_eq!(expired(Some(11), Some(2), 9)?, ids(&[2]));
    assert_eq!(expired(Some(11), Some(1), 9)?, ids(&[2, 4]));
    Ok(())
}

fn only_runs_that_have_ended_are_removed(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    backend.commit(&[first(1), ending(&first(1), at(1)), first(2)])?;
    let removed = backend.remove_runs(&[run_id(1), run_id(2), run_id(3)])?;
    assert_eq!(removed, 1);
    let heads = backend.heads(&[run_id(1), run_id(2)])?;
    assert_eq!(
        heads.iter().map(Option::is_some).collect::<Vec<_>>(),
        [false, true]
    );
    Ok(())
}

fn pruning_removes_all_that_belongs_to_a_run(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let run = run_id(1);
    let mut created = first(1);
    created.head.idempotency_key = Some("k".to_owned());
    created.head.labels = [("team".to_owned(), "blue".to_owned())].into();
    created.enqueue = vec![item("q", step(run, 1, 1)), message("q", "not a step")];
    created.set_timers = vec![timer(run, "deadline", 1, at(0))];
    let mut ended = ending(&created, at(1));
    ended.snapshot = Some(snapshot(2));
    backend.commit(&[created, ended])?;
    assert_eq!(backend.remove_runs(&[run])?, 1);

    assert_eq!(backend.load(&[run])?, [None]);
    assert_eq!(backend.history(&run, Version(0), 9)?, []);
    assert_eq!(backend.due_timers(at(9), 9)?, []);
    assert_eq!(backend.find_by_key("onboarding", "k")?, None);
    let labelled = RunFilter {
        labels: [("team".to_owned(), "blue".to_owned())].into(),
        ..RunFilter::default()
    };
    let page = Page {
        after: None,
        limit: 9,
    };
    assert_eq!(backend.list_runs(&labelled, &page)?, RunPage::default());
    let left = the_one(backend.list_messages("q", 9)?);
    assert_eq!(left.step, None, "other messages stay");

    let mut again = first(1);
    again.head.idempotency_key = Some("k".to_owned());
    assert_eq!(
        backend.commit(std::slice::from_ref(&again))?,
        [CommitOutcome::Committed]
    );
    let Some(stored) = the_one(backend.load(&[run])?) else {
        panic!("the new run is not there")
    };
    assert_eq!(stored.snapshot, None);
    assert_eq!(stored.tail, [again.log]);
    Ok(())
}
