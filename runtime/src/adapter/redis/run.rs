//! A run as it is packed: what scripts need to know, what is fixed at creation, the rest of the head; log rows; snapshots.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::number::{Reader, damaged, maybe_millis, millis};
use super::seen::Stamp;
use crate::adapter::checksum::{log_checksum, snapshot_checksum};
use crate::port::{
    Commit, Labels, LogRow, PlanHash, Priority, RunHead, RunId, RunStatus, Snapshot, StoreError,
    Timestamp, Version,
};

/// What the first commit decides for good.
#[derive(Serialize, Deserialize)]
struct Fixed {
    workflow: String,
    idempotency_key: Option<String>,
    correlation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    labels: Labels,
    created_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Changing {
    plan: PlanHash,
    status: RunStatus,
    priority: Priority,
    progress: u8,
    current_step: Option<String>,
    error: Option<String>,
    updated_at: Timestamp,
    ended_at: Option<Timestamp>,
}

/// A head with the stamp of the commit that made it.
pub(super) struct Stamped {
    pub(super) head: RunHead,
    pub(super) stamp: Stamp,
}

pub(super) fn fixed(head: &RunHead) -> String {
    json(&Fixed {
        workflow: head.workflow.clone(),
        idempotency_key: head.idempotency_key.clone(),
        correlation_id: head.correlation_id.clone(),
        labels: head.labels.clone(),
        created_at: head.created_at,
    })
}

pub(super) fn changing(head: &RunHead) -> String {
    json(&Changing {
        plan: head.plan.clone(),
        status: head.status,
        priority: head.priority,
        progress: head.progress,
        current_step: head.current_step.clone(),
        error: head.error.clone(),
        updated_at: head.updated_at,
        ended_at: head.ended_at,
    })
}

fn json(part: &impl Serialize) -> String {
    // Names and scalars only: there is nothing in them that JSON could not express.
    serde_json::to_value(part)
        .unwrap_or(Value::Null)
        .to_string()
}

/// The head a script answers with; `None` when it is empty: there is no such run.
pub(super) fn read_head(run: RunId, record: &[u8]) -> Result<Option<Stamped>, StoreError> {
    if record.is_empty() {
        return Ok(None);
    }
    let mut read = Reader::new(record, "a run");
    let version = Version(read.u64()?);
    let stamp = read.u64()?.to_be_bytes();
    // Status, creation and end: for scripts.
    read.bytes(17)?;
    let length = usize::try_from(read.u32()?).unwrap_or(usize::MAX);
    let fixed = read.bytes(length)?;
    let wrong = |error: serde_json::Error| damaged(format!("run {run}"), error.to_string());
    let fixed: Fixed = serde_json::from_slice(fixed).map_err(wrong)?;
    let changing: Changing = serde_json::from_slice(read.rest()).map_err(wrong)?;
    let head = RunHead {
        run,
        version,
        workflow: fixed.workflow,
        plan: changing.plan,
        status: changing.status,
        priority: changing.priority,
        idempotency_key: fixed.idempotency_key,
        correlation_id: fixed.correlation_id,
        labels: fixed.labels,
        progress: changing.progress,
        current_step: changing.current_step,
        error: changing.error,
        created_at: fixed.created_at,
        updated_at: changing.updated_at,
        ended_at: changing.ended_at,
    };
    Ok(Some(Stamped { head, stamp }))
}

/// The sets that list a run, apart from those its status and end decide on.
pub(super) fn sets(head: &RunHead) -> Vec<String> {
    let mut sets = vec![ALL.to_owned(), of_workflow(&head.workflow)];
    sets.extend(head.correlation_id.as_deref().map(of_correlation));
    let labels = head.labels.iter();
    sets.extend(labels.map(|(label, value)| of_label(label, value)));
    sets
}

/// All runs.
pub(super) const ALL: &str = "x";
/// Those that have ended, by when they last changed.
pub(super) const CHANGED: &str = "u";

pub(super) fn of_workflow(workflow: &str) -> String {
    format!("x:w:{workflow}")
}

pub(super) fn of_correlation(id: &str) -> String {
    format!("x:c:{id}")
}

pub(super) fn of_label(label: &str, value: &str) -> String {
    format!("x:l:{}:{label}:{value}", label.len())
}

pub(super) fn of_status(status: RunStatus) -> String {
    format!("x:s:{}", code(status))
}

/// How scripts know a status.
pub(super) const fn code(status: RunStatus) -> u8 {
    match status {
        RunStatus::Pending => 0,
        RunStatus::Running => 1,
        RunStatus::Waiting => 2,
        RunStatus::Paused => 3,
        RunStatus::Completed => 4,
        RunStatus::Failed => 5,
        RunStatus::Canceled => 6,
        RunStatus::Quarantined => 7,
    }
}

pub(super) fn pack_row(run: &RunId, row: &LogRow) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(20 + row.events.len());
    bytes.extend(row.version.0.to_be_bytes());
    bytes.extend(row.at.as_millis().to_be_bytes());
    bytes.extend(log_checksum(run, row).to_be_bytes());
    bytes.extend(row.events.as_bytes());
    bytes
}

/// Reads rows that follow the version; one that is missing is noticed.
pub(super) fn read_rows(
    run: RunId,
    after: Version,
    rows: Vec<Vec<u8>>,
) -> Result<Vec<LogRow>, StoreError> {
    let mut expected = after;
    let mut log = Vec::with_capacity(rows.len());
    for packed in rows {
        expected = expected.next();
        let what = format!("log row {expected} of run {run}");
        let row = read_row(&packed).map_err(|error| renamed(error, &what))?;
        if row.row.version != expected {
            return Err(missing(run, expected));
        }
        check(row.checksum, log_checksum(&run, &row.row), what)?;
        log.push(row.row);
    }
    Ok(log)
}

struct Row {
    row: LogRow,
    checksum: u32,
}

fn read_row(packed: &[u8]) -> Result<Row, StoreError> {
    let mut read = Reader::new(packed, "a log row");
    let version = Version(read.u64()?);
    let at = Timestamp::from_millis(read.i64()?);
    let checksum = read.u32()?;
    let events = read.rest_as_text()?.to_owned();
    Ok(Row {
        row: LogRow {
            version,
            at,
            events,
        },
        checksum,
    })
}

pub(super) fn pack_snapshot(run: &RunId, snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(12 + snapshot.state.len());
    bytes.extend(snapshot.version.0.to_be_bytes());
    bytes.extend(snapshot_checksum(run, snapshot).to_be_bytes());
    bytes.extend(snapshot.state.as_bytes());
    bytes
}

pub(super) fn read_snapshot(run: RunId, packed: &[u8]) -> Result<Option<Snapshot>, StoreError> {
    if packed.is_empty() {
        return Ok(None);
    }
    let what = format!("the snapshot of run {run}");
    let mut read = Reader::new(packed, "a snapshot");
    let version = Version(read.u64()?);
    let checksum = read.u32()?;
    let state = read
        .rest_as_text()
        .map_err(|error| renamed(error, &what))?
        .to_owned();
    let snapshot = Snapshot { version, state };
    check(checksum, snapshot_checksum(&run, &snapshot), what)?;
    Ok(Some(snapshot))
}

pub(super) fn missing(run: RunId, version: Version) -> StoreError {
    damaged(format!("log row {version} of run {run}"), "it is missing")
}

fn renamed(error: StoreError, what: &str) -> StoreError {
    match error {
        StoreError::Corrupt { reason, .. } => damaged(what, reason),
        other => other,
    }
}

fn check(stored: u32, computed: u32, what: String) -> Result<(), StoreError> {
    if stored == computed {
        return Ok(());
    }
    Err(damaged(
        what,
        format!("its checksum is {computed:08x}, stored is {stored:08x}"),
    ))
}

/// The numbers of a commit that scripts work with: status, creation, end, last change.
pub(super) fn marks(commit: &Commit) -> (u8, i64, i64, i64) {
    let head = &commit.head;
    (
        code(head.status),
        millis(head.created_at),
        maybe_millis(head.ended_at),
        millis(head.updated_at),
    )
}
