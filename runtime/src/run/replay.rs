//! A run from what is stored of it.

use thiserror::Error;

use super::elsewhere::RowValues;
use super::event::Event;
use super::evolve::Unfitting;
use super::state::RunState;
use crate::plan::Plan;
use crate::port::{LogRow, RunId, Snapshot, StoredRun, Timestamp, Version};

/// Why a stored run cannot be brought back. The run is to be quarantined, others are not affected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// Neither a snapshot nor a first log row.
    #[error("nothing is stored of the run")]
    Empty,
    /// A version is missing between two rows, or between the last one and the head.
    #[error("log row {expected} is missing: what follows is version {found}")]
    Gap {
        /// The version that should follow.
        expected: Version,
        /// The version found.
        found: Version,
    },
    /// A snapshot or row is not what this software writes.
    #[error("{what} cannot be read: {reason}")]
    Unreadable {
        /// `the snapshot`, `log row 7`.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// An event does not fit the run or its plan.
    #[error("log row {version} does not fit the run: {reason}")]
    Unfitting {
        /// The row.
        version: Version,
        /// What does not fit.
        reason: String,
    },
    /// The plan given is not the one the run is pinned to.
    #[error("run {run} is pinned to another plan")]
    WrongPlan {
        /// The run.
        run: RunId,
    },
}

impl ReplayError {
    /// The stable error code, documented in `runtime/errors/`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "OSSA-R009"
    }
}

impl RunState {
    /// The state of a stored run: its snapshot, if it has one, and the rows after it. `row` gives the values of an earlier
    /// row, should the snapshot refer to one.
    ///
    /// # Errors
    /// When what is stored is damaged or belongs to another plan.
    pub fn restore(
        plan: &Plan,
        stored: &StoredRun,
        row: impl FnMut(Version) -> Option<RowValues>,
    ) -> Result<Self, ReplayError> {
        let state = stored
            .snapshot
            .as_ref()
            .map(|snapshot| Self::from_snapshot(plan, snapshot, row))
            .transpose()?;
        let state = Self::replay(plan, state, &stored.tail)?;
        if state.version() == stored.head.version {
            Ok(state)
        } else {
            Err(ReplayError::Gap {
                expected: state.version().next(),
                found: stored.head.version,
            })
        }
    }

    /// The state a snapshot shows. `row` gives the values of the log rows that it refers to.
    ///
    /// # Errors
    /// When the snapshot is damaged or belongs to another plan, or what it refers to is missing.
    pub fn from_snapshot(
        plan: &Plan,
        snapshot: &Snapshot,
        row: impl FnMut(Version) -> Option<RowValues>,
    ) -> Result<Self, ReplayError> {
        let mut state: Self =
            serde_json::from_str(&snapshot.state).map_err(|error| ReplayError::Unreadable {
                what: "the snapshot".to_owned(),
                reason: error.to_string(),
            })?;
        if state.plan() != plan.hash() {
            return Err(ReplayError::WrongPlan { run: state.run() });
        }
        state.complete(row)?;
        match state.structural_damage(plan) {
            None => Ok(state),
            Some(reason) => Err(ReplayError::Unreadable {
                what: "the snapshot".to_owned(),
                reason,
            }),
        }
    }

    /// The snapshot of this state, see [`take_snapshot`](Self::take_snapshot).
    #[must_use]
    pub fn to_snapshot(&self) -> Snapshot {
        self.take_snapshot().snapshot
    }

    /// The state after these rows, which follow `state`; without a state they begin with the first.
    ///
    /// # Errors
    /// When a row is missing, damaged, or belongs to another run or plan.
    pub fn replay(plan: &Plan, state: Option<Self>, rows: &[LogRow]) -> Result<Self, ReplayError> {
        let mut state = state;
        for row in rows {
            let events: Vec<Event> =
                serde_json::from_str(&row.events).map_err(|error| ReplayError::Unreadable {
                    what: format!("log row {}", row.version),
                    reason: error.to_string(),
                })?;
            state = Some(Self::after_row(plan, state, row, &events)?);
        }
        state.ok_or(ReplayError::Empty)
    }

    /// The state after a row, whose events these are.
    pub(crate) fn after_row(
        plan: &Plan,
        state: Option<Self>,
        row: &LogRow,
        events: &[Event],
    ) -> Result<Self, ReplayError> {
        let before = state.as_ref().map_or(Version::default(), Self::version);
        let expected = before.next();
        if row.version != expected {
            return Err(ReplayError::Gap {
                expected,
                found: row.version,
            });
        }
        let after = Self::after(plan, state, events, row.version, row.at);
        after.map_err(|unfitting| ReplayError::Unfitting {
            version: row.version,
            reason: unfitting.reason,
        })
    }

    /// The state after one transition's events.
    pub(crate) fn after(
        plan: &Plan,
        state: Option<Self>,
        events: &[Event],
        version: Version,
        at: Timestamp,
    ) -> Result<Self, Unfitting> {
        let mut events = events.iter();
        let mut state = match (state, events.as_slice().first()) {
            (Some(state), _) => state,
            (None, Some(first)) => {
                events.next();
                Self::create(plan, first, at)?
            }
            (None, None) => {
                return Err(Unfitting {
                    reason: "the first row has no events".to_owned(),
                });
            }
        };
        for event in events {
            state.evolve(plan, event, at)?;
        }
        state.commit(version, at);
        Ok(state)
    }
}
