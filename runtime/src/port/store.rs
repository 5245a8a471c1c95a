//! Runs: a head with the columns lists are made from, an append-only log, and a snapshot now and then.
//!
//! One commit per transition: compare-and-swap on the head's version, one log row, and in the same transaction the
//! step items, timers and settlements of that transition. Recovery reads one snapshot and the log rows after it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    NewMessage, PlanHash, Priority, Publication, RunId, StepRef, StoreError, Timestamp, Version,
};

/// Where a run stands. Accepted aliases at the edges: `succeeded` (completed), `aborted`, `cancelled` (canceled).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Created, not started.
    Pending,
    /// At least one step is ready, in flight or due for a retry.
    Running,
    /// Nothing to do until a person, a signal, a child or a timer answers.
    Waiting,
    /// Held by an operator or a budget.
    Paused,
    /// Ended well.
    Completed,
    /// Ended with an error.
    Failed,
    /// Ended on request.
    Canceled,
    /// Set aside for an operator because of damage or repeated worker deaths.
    Quarantined,
}

impl RunStatus {
    /// Whether the run has ended.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled)
    }

    /// The canonical name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Quarantined => "quarantined",
        }
    }

    /// The status with this name or alias.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "waiting" => Self::Waiting,
            "paused" => Self::Paused,
            "completed" | "succeeded" => Self::Completed,
            "failed" => Self::Failed,
            "canceled" | "cancelled" | "aborted" => Self::Canceled,
            "quarantined" => Self::Quarantined,
            _ => return None,
        })
    }
}

/// Names and values by which runs are found.
pub type Labels = BTreeMap<String, String>;

/// The columns by which runs are found and listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHead {
    /// The run.
    pub run: RunId,
    /// Its version after the latest commit.
    pub version: Version,
    /// Name of the workflow or task (`metadata.name`).
    pub workflow: String,
    /// The plan it runs on, for its whole life.
    pub plan: PlanHash,
    /// Where it stands.
    pub status: RunStatus,
    /// How urgent it is.
    pub priority: Priority,
    /// Starting again with the same workflow and key gives this run.
    pub idempotency_key: Option<String>,
    /// Ties together what belongs to one business case.
    pub correlation_id: Option<String>,
    /// Names and values to find it by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Share of steps settled, 0–100.
    pub progress: u8,
    /// Id of a step now in flight or ready, for display.
    pub current_step: Option<String>,
    /// Code and message of the error that ended it.
    pub error: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// One transition in a run's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// The version this transition made.
    pub version: Version,
    /// When it was made.
    pub at: Timestamp,
    /// JSON array of the transition's events.
    pub events: String,
}

/// A run's state at a version, as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The version it shows: that of the commit it came with.
    pub version: Version,
    /// JSON of the state.
    pub state: String,
}

/// All that recovery needs: the head, the latest snapshot, and the log rows after it (at most 16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// The head.
    pub head: RunHead,
    /// The latest snapshot, if one was taken.
    pub snapshot: Option<Snapshot>,
    /// Rows after the snapshot, in order, without a gap; checksums verified.
    pub tail: Vec<LogRow>,
}

/// Names a timer of a run; setting it again replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TimerKey {
    /// The run.
    pub run: RunId,
    /// The timer's name within the run: `deadline`…
    pub name: String,
}

/// A durable timer. `generation` lets a stale firing be told from the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerRow {
    /// Its name.
    pub key: TimerKey,
    /// Which setting of the timer this is.
    pub generation: u64,
    /// When it is due.
    pub due: Timestamp,
}

/// One transition to make durable.
///
/// The head's `workflow`, `idempotency_key`, `correlation_id`, `labels` and `created_at` are those of the first commit;
/// later ones do not change them.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Version the run must have; `None` creates the run.
    pub expected: Option<Version>,
    /// The head after the transition; its version is the one after `expected`.
    pub head: RunHead,
    /// The log row; its version is the head's.
    pub log: LogRow,
    /// State to keep for recovery, when it is time for one.
    pub snapshot: Option<Snapshot>,
    /// Step items to publish; `log.at` is when they were.
    pub enqueue: Vec<NewMessage>,
    /// Attempts whose items are to be removed, whoever holds them; done before `enqueue`.
    pub settle: Vec<StepRef>,
    /// Attempts whose items are to become visible at another time, unless a claim holds them; done after `enqueue`. At
    /// [`Timestamp::NEVER`] an item is out of sight: also [`claim_step`](super::StepQueue::claim_step) does not get it. Older
    /// receipts are worth nothing any more, a claim that had run out counts as lost, and the time of the attempt stops.
    pub reschedule: Vec<(StepRef, Timestamp)>,
    /// Timers to set or replace.
    pub set_timers: Vec<TimerRow>,
    /// Timers to remove; done before `set_timers`.
    pub clear_timers: Vec<TimerKey>,
    /// What the transition publishes, at `log.at`; what is there already is left out.
    pub publish: Vec<Publication>,
}

impl Commit {
    /// Whether something may become visible by it for which others wait.
    #[must_use]
    pub const fn announces(&self) -> bool {
        !self.enqueue.is_empty() || !self.reschedule.is_empty() || !self.publish.is_empty()
    }
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Durable.
    Committed,
    /// The run has another version, or one that was to be created exists; nothing of this commit was written. Load,
    /// apply again, commit again.
    Conflict {
        /// The version found; `None` when the run does not exist.
        found: Option<Version>,
    },
    /// A run of this workflow with this idempotency key exists; nothing of this commit was written.
    Duplicate {
        /// That run.
        existing: RunId,
    },
}

/// Which runs to list. Empty fields do not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Any of these.
    pub statuses: Vec<RunStatus>,
    /// This workflow.
    pub workflow: Option<String>,
    /// This correlation id.
    pub correlation_id: Option<String>,
    /// All of these.
    pub labels: Labels,
    /// Created at or after.
    pub created_from: Option<Timestamp>,
    /// Created before.
    pub created_before: Option<Timestamp>,
    /// Last changed at or after.
    pub updated_from: Option<Timestamp>,
    /// Last changed before.
    pub updated_before: Option<Timestamp>,
}

/// Which of the runs that ended in one way are no longer kept. Without any bound, none is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// How they ended: [`Completed`](RunStatus::Completed), [`Failed`](RunStatus::Failed) or
    /// [`Canceled`](RunStatus::Canceled); of any other status none has ended.
    pub status: RunStatus,
    /// Not kept if they ended before.
    pub ended_before: Option<Timestamp>,
    /// Not kept beyond this many, those that ended last counted first.
    pub keep: Option<u64>,
}

/// A slice of a listing, newest run first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Continue after this run; `None` = from the newest.
    pub after: Option<RunId>,
    /// At most this many.
    pub limit: usize,
}

/// Runs found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunPage {
    /// The runs, newest first.
    pub runs: Vec<RunHead>,
    /// Pass as [`Page::after`] for the next slice; `None` when there is none.
    pub next: Option<RunId>,
}

/// A durable store of runs.
pub trait Store: Send + Sync {
    /// Whether what is written and read now belongs to a transaction that the caller holds open and may yet undo. Nothing
    /// of it may then be remembered: after a rollback another state can come to have the same version.
    fn is_provisional(&self) -> bool {
        false
    }

    /// Makes the transitions durable in one transaction before it returns. Each commit stands for itself: a conflict
    /// of one does not undo another. Outcomes are in the order of the arguments. After an error none of them was
    /// written, unless the backend cannot tell; the versions decide when the call is repeated.
    fn commit(&self, commits: &[Commit]) -> Result<Vec<CommitOutcome>, StoreError>;

    /// What recovery needs of each run, in order; `None` where there is no such run.
    fn load(&self, runs: &[RunId]) -> Result<Vec<Option<StoredRun>>, StoreError>;

    /// The heads, in order; `None` where there is no such run.
    fn heads(&self, runs: &[RunId]) -> Result<Vec<Option<RunHead>>, StoreError>;

    /// The run started with this key, if any.
    fn find_by_key(
        &self,
        workflow: &str,
        idempotency_key: &str,
    ) -> Result<Option<RunId>, StoreError>;

    /// Runs that match, newest first: by `created_at`, then by id.
    fn list_runs(&self, filter: &RunFilter, page: &Page) -> Result<RunPage, StoreError>;

    /// Log rows with a version above `after`, in order, at most `limit`.
    fn history(&self, run: &RunId, after: Version, limit: usize)
    -> Result<Vec<LogRow>, StoreError>;

    /// Timers due at `now`, earliest first. They stay until a commit replaces or clears them.
    fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<TimerRow>, StoreError>;

    /// The timers of a run, by name.
    fn timers_of(&self, run: &RunId) -> Result<Vec<TimerRow>, StoreError>;

    /// Keeps a compiled plan; keeping the same hash again changes nothing.
    fn save_plan(&self, hash: &PlanHash, plan: &str) -> Result<(), StoreError>;

    /// A kept plan.
    fn load_plan(&self, hash: &PlanHash) -> Result<Option<String>, StoreError>;

    /// 32 random bytes created with the store and kept in it: the key under which step tokens are signed. `fresh` is
    /// kept when there is none yet.
    fn signing_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError>;

    /// Runs that are no longer kept, longest ended first, at most `limit`.
    fn expired_runs(&self, retention: &Retention, limit: usize)
    -> Result<Vec<RunHead>, StoreError>;

    /// Removes those of the runs that have ended, with all that belongs to them (log, snapshot, timers, labels, step items,
    /// idempotency key), in one transaction. Returns how many.
    fn remove_runs(&self, runs: &[RunId]) -> Result<u64, StoreError>;
}
