//! Making transitions durable.
//!
//! A batch takes two journeys to the server, whatever its size: one locks its runs and tells their versions, the other
//! writes what goes through and commits. Statements take arrays, a row for each element.

use std::collections::HashMap;

use super::fault::Fault;
use super::messages::insert;
use super::session::{Call, Session};
use super::stream;
use super::value::{count, get, run_id, text};
use crate::adapter::checksum::{log_checksum, snapshot_checksum};
use crate::adapter::row::{rank, signed};
use crate::port::{Commit, CommitOutcome, RunId, StepRef, TimerKey, TimerRow, Timestamp, Version};

/// In the order of their ids, so that batches with the same runs wait for one another rather than each for the other.
const LOCK: &str =
    "SELECT run_id, version FROM ossa.runs WHERE run_id = ANY($1) ORDER BY run_id FOR UPDATE";

const KEYS: &str = "SELECT asked.place - 1, runs.run_id
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (workflow, key, place)
    JOIN ossa.runs ON runs.workflow = asked.workflow AND runs.idempotency_key = asked.key";

const CREATE: &str = "INSERT INTO ossa.runs (run_id, version, workflow, plan, status, priority, idempotency_key,
        correlation_id, labels, progress, current_step, error, created_at, updated_at, ended_at, settled_at)
    SELECT new.*, CASE WHEN new.ended_at IS NOT NULL THEN new.updated_at END
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::text[], $8::text[],
        $9::text[], $10::smallint[], $11::text[], $12::text[], $13::bigint[], $14::bigint[], $15::bigint[])
        AS new (run_id, version, workflow, plan, status, priority, idempotency_key, correlation_id, labels, progress,
            current_step, error, created_at, updated_at, ended_at)
    ORDER BY new.workflow, new.idempotency_key";

const LABEL: &str = "INSERT INTO ossa.run_labels (label, value, at, run_id)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::uuid[])";

pub(super) const ADVANCE: &str = "UPDATE ossa.runs SET version = new.version, plan = new.plan, status = new.status,
        priority = new.priority, progress = new.progress, current_step = new.current_step, error = new.error,
        updated_at = new.updated_at, ended_at = new.ended_at,
        settled_at = CASE WHEN new.ended_at IS NOT NULL THEN new.updated_at END
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::smallint[], $6::smallint[], $7::text[],
        $8::text[], $9::bigint[], $10::bigint[])
        AS new (run_id, version, plan, status, priority, progress, current_step, error, updated_at, ended_at)
    WHERE runs.run_id = new.run_id";

const LOG: &str = "INSERT INTO ossa.run_log (run_id, version, at, crc, events)
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[])";

const SNAPSHOT: &str = "INSERT INTO ossa.snapshots (run_id, version, crc, state)
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[])
    ON CONFLICT (run_id) DO UPDATE SET version = excluded.version, crc = excluded.crc, state = excluded.state";

pub(super) const SETTLE: &str = "DELETE FROM ossa.messages AS m
    USING unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[]) AS item (run_id, scope, node, attempt)
    WHERE m.run_id = item.run_id AND m.scope = item.scope AND m.node = item.node AND m.attempt = item.attempt";

const RESCHEDULE: &str = "UPDATE ossa.messages AS m SET visible_at = item.at, losses = m.losses + m.claimed::int,
        claimed = false, fence = m.fence + 1, deadline = NULL
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
        AS item (run_id, scope, node, attempt, at, now)
    WHERE m.run_id = item.run_id AND m.scope = item.scope AND m.node = item.node AND m.attempt = item.attempt
        AND (NOT m.claimed OR m.visible_at <= item.now)";

const CLEAR: &str =
    "DELETE FROM ossa.timers USING unnest($1::uuid[], $2::text[]) AS old (run_id, name)
    WHERE timers.run_id = old.run_id AND timers.name = old.name";

const SET: &str = "INSERT INTO ossa.timers (run_id, name, generation, due)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[])
    ON CONFLICT (run_id, name) DO UPDATE SET generation = excluded.generation, due = excluded.due";

/// Whether something may become visible by them.
pub(super) fn publishes(commits: &[Commit]) -> bool {
    commits.iter().any(Commit::announces)
}

pub(super) fn write(
    session: &mut Session,
    commits: &[Commit],
) -> Result<Vec<CommitOutcome>, Fault> {
    let runs = commits.iter().map(|it| it.head.run.as_uuid());
    let mut questions = vec![Call::new(LOCK).column(runs)];
    let keys: Vec<_> = commits.iter().filter_map(new_key).collect();
    if !keys.is_empty() {
        let call = Call::new(KEYS)
            .column(keys.iter().map(|(workflow, _)| text(workflow)))
            .column(keys.iter().map(|(_, key)| text(key)));
        questions.push(call);
    }
    let mut answers = session.begin(&questions)?.into_iter();
    let mut there = There::default();
    for row in answers.next().unwrap_or_default() {
        there
            .versions
            .insert(run_id(&row, 0)?, Version(count(&row, 1)?));
    }
    for row in answers.next().unwrap_or_default() {
        let place = usize::try_from(get::<i64>(&row, 0)?).unwrap_or(usize::MAX);
        if let Some(key) = keys.get(place) {
            there.keys.insert(*key, run_id(&row, 1)?);
        }
    }
    let mut outcomes = Vec::with_capacity(commits.len());
    let mut rounds: Vec<Vec<&Commit>> = Vec::new();
    for commit in commits {
        let outcome = there.decide(commit);
        if outcome == CommitOutcome::Committed {
            let round = there.note(commit);
            match rounds.get_mut(round) {
                Some(others) => others.push(commit),
                None => rounds.push(vec![commit]),
            }
        }
        outcomes.push(outcome);
    }
    if !rounds.is_empty() {
        let mut calls: Vec<_> = rounds.iter().flat_map(|round| statements(round)).collect();
        let written = rounds.iter().flatten();
        let published: Vec<_> = written
            .flat_map(|commit| commit.publish.iter().map(|it| (it, commit.log.at)))
            .collect();
        if !published.is_empty() {
            calls.append(&mut stream::statements(&published));
        }
        session.commit(&calls, publishes(commits))?;
    }
    Ok(outcomes)
}

/// The key under which a commit creates its run.
fn new_key(commit: &Commit) -> Option<(&str, &str)> {
    let key = commit.head.idempotency_key.as_deref()?;
    commit
        .expected
        .is_none()
        .then_some((commit.head.workflow.as_str(), key))
}

/// What is known of the runs of a batch, whose rows are locked.
#[derive(Default)]
struct There<'a> {
    versions: HashMap<RunId, Version>,
    keys: HashMap<(&'a str, &'a str), RunId>,
    /// How many commits of each run went through.
    done: HashMap<RunId, usize>,
}

impl<'a> There<'a> {
    fn decide(&self, commit: &Commit) -> CommitOutcome {
        let found = self.versions.get(&commit.head.run).copied();
        if found != commit.expected {
            return CommitOutcome::Conflict { found };
        }
        match new_key(commit).and_then(|key| self.keys.get(&key)) {
            Some(existing) => CommitOutcome::Duplicate {
                existing: *existing,
            },
            None => CommitOutcome::Committed,
        }
    }

    /// Takes a commit that goes through for written. Those of one run build on one another, so each is written after
    /// the one before: returns how many that are.
    fn note(&mut self, commit: &'a Commit) -> usize {
        let run = commit.head.run;
        self.versions.insert(run, commit.head.version);
        if let Some(key) = new_key(commit) {
            self.keys.insert(key, run);
        }
        let done = self.done.entry(run).or_default();
        *done += 1;
        *done - 1
    }
}

/// What writes commits of different runs.
fn statements<'a>(commits: &[&'a Commit]) -> Vec<Call<'a>> {
    let (new, old): (Vec<&Commit>, Vec<&Commit>) =
        commits.iter().partition(|it| it.expected.is_none());
    let calls = [
        (!new.is_empty()).then(|| create(&new)),
        label(&new),
        (!old.is_empty()).then(|| advance(&old)),
        Some(log(commits)),
        snapshots(commits),
        settle(commits),
        enqueue(commits),
        reschedule(commits),
        clear(commits),
        set(commits),
    ];
    calls.into_iter().flatten().collect()
}

fn create<'a>(commits: &[&'a Commit]) -> Call<'a> {
    let heads = || commits.iter().map(|it| &it.head);
    Call::new(CREATE)
        .column(heads().map(|it| it.run.as_uuid()))
        .column(heads().map(|it| signed(it.version)))
        .column(heads().map(|it| text(&it.workflow)))
        .column(heads().map(|it| it.plan.0.as_str()))
        .column(heads().map(|it| it.status.as_str()))
        .column(heads().map(|it| i16::from(rank(it.priority))))
        .column(heads().map(|it| it.idempotency_key.as_deref().map(text)))
        .column(heads().map(|it| it.correlation_id.as_deref().map(text)))
        .column(heads().map(|it| match &it.labels {
            labels if labels.is_empty() => None,
            // Names and values are text: nothing that JSON cannot hold.
            labels => serde_json::to_string(labels).ok(),
        }))
        .column(heads().map(|it| i16::from(it.progress)))
        .column(heads().map(|it| it.current_step.as_deref().map(text)))
        .column(heads().map(|it| it.error.as_deref().map(text)))
        .column(heads().map(|it| it.created_at.as_millis()))
        .column(heads().map(|it| it.updated_at.as_millis()))
        .column(heads().map(|it| it.ended_at.map(Timestamp::as_millis)))
}

fn label<'a>(commits: &[&'a Commit]) -> Option<Call<'a>> {
    let heads = commits.iter().map(|it| &it.head);
    let labels: Vec<_> = heads
        .flat_map(|head| head.labels.iter().map(move |label| (label, head)))
        .collect();
    if labels.is_empty() {
        return None;
    }
    let call = Call::new(LABEL)
        .column(labels.iter().map(|((name, _), _)| text(name)))
        .column(labels.iter().map(|((_, value), _)| text(value)))
        .column(labels.iter().map(|(_, head)| head.created_at.as_millis()))
        .column(labels.iter().map(|(_, head)| head.run.as_uuid()));
    Some(call)
}

fn advance<'a>(commits: &[&'a Commit]) -> Call<'a> {
    let heads = || commits.iter().map(|it| &it.head);
    Call::new(ADVANCE)
        .column(heads().map(|it| it.run.as_uuid()))
        .column(heads().map(|it| signed(it.version)))
        .column(heads().map(|it| it.plan.0.as_str()))
        .column(heads().map(|it| it.status.as_str()))
        .column(heads().map(|it| i16::from(rank(it.priority))))
        .column(heads().map(|it| i16::from(it.progress)))
        .column(heads().map(|it| it.current_step.as_deref().map(text)))
        .column(heads().map(|it| it.error.as_deref().map(text)))
        .column(heads().map(|it| it.updated_at.as_millis()))
        .column(heads().map(|it| it.ended_at.map(Timestamp::as_millis)))
}

fn log<'a>(commits: &[&'a Commit]) -> Call<'a> {
    let rows = || commits.iter().map(|it| &it.log);
    Call::new(LOG)
        .column(commits.iter().map(|it| it.head.run.as_uuid()))
        .column(rows().map(|it| signed(it.version)))
        .column(rows().map(|it| it.at.as_millis()))
        .column(
            commits
                .iter()
                .map(|it| i64::from(log_checksum(&it.head.run, &it.log))),
        )
        .column(rows().map(|it| it.events.as_str()))
}

fn snapshots<'a>(commits: &[&'a Commit]) -> Option<Call<'a>> {
    let taken: Vec<_> = commits
        .iter()
        .filter_map(|it| {
            it.snapshot
                .as_ref()
                .map(|snapshot| (&it.head.run, snapshot))
        })
        .collect();
    if taken.is_empty() {
        return None;
    }
    let call = Call::new(SNAPSHOT)
        .column(taken.iter().map(|(run, _)| run.as_uuid()))
        .column(taken.iter().map(|(_, it)| signed(it.version)))
        .column(
            taken
                .iter()
                .map(|(run, it)| i64::from(snapshot_checksum(run, it))),
        )
        .column(taken.iter().map(|(_, it)| it.state.as_str()));
    Some(call)
}

/// The statement with the four columns that name an attempt.
pub(super) fn of_steps<'a>(sql: &'a str, steps: &[&'a StepRef]) -> Call<'a> {
    Call::new(sql)
        .column(steps.iter().map(|it| it.run.as_uuid()))
        .column(steps.iter().map(|it| i64::from(it.scope)))
        .column(steps.iter().map(|it| i64::from(it.node)))
        .column(steps.iter().map(|it| i64::from(it.attempt)))
}

fn settle<'a>(commits: &[&'a Commit]) -> Option<Call<'a>> {
    let steps: Vec<_> = commits.iter().flat_map(|it| &it.settle).collect();
    (!steps.is_empty()).then(|| of_steps(SETTLE, &steps))
}

fn enqueue<'a>(commits: &[&'a Commit]) -> Option<Call<'a>> {
    let messages: Vec<_> = commits
        .iter()
        .flat_map(|commit| commit.enqueue.iter().map(|it| (it, commit.log.at)))
        .collect();
    (!messages.is_empty()).then(|| insert(&messages))
}

fn reschedule<'a>(commits: &[&'a Commit]) -> Option<Call<'a>> {
    // Of several for one attempt the last counts.
    let mut items: HashMap<&StepRef, (Timestamp, Timestamp)> = HashMap::new();
    for commit in commits {
        items.extend(
            commit
                .reschedule
                .iter()
                .map(|(step, at)| (step, (*at, commit.log.at))),
        );
    }
    if items.is_empty() {
        return None;
    }
    let (steps, times): (Vec<_>, Vec<_>) = items.into_iter().unzip();
    let call = of_steps(RESCHEDULE, &steps)
        .column(times.iter().map(|(at, _)| at.as_millis()))
        .column(times.iter().map(|(_, now)| now.as_millis()));
    Some(call)
}

fn clear<'a>(commits: &[&'a Commit]) -> Option<Call<'a>> {
    let keys: Vec<_> = commits.iter().flat_map(|it| &it.clear_timers).collect();
    if keys.is_empty() {
        return None;
    }
    let call = Call::new(CLEAR)
        .column(keys.iter().map(|it| it.run.as_uuid()))
        .column(keys.iter().map(|it| text(&it.name)));
    Some(call)
}

fn set<'a>(commits: &[&'a Commit]) -> Option<Call<'a>> {
    // Of several for one timer the last counts.
    let timers = commits.iter().flat_map(|it| &it.set_timers);
    let timers: HashMap<&TimerKey, &TimerRow> = timers.map(|it| (&it.key, it)).collect();
    if timers.is_empty() {
        return None;
    }
    let call = Call::new(SET)
        .column(timers.keys().map(|it| it.run.as_uuid()))
        .column(timers.keys().map(|it| text(&it.name)))
        .column(timers.values().map(|it| it.generation.cast_signed()))
        .column(timers.values().map(|it| it.due.as_millis()));
    Some(call)
}
