//! Where a step of a run stands.

use serde::{Deserialize, Serialize};

use super::event::SkipReason;
use crate::port::Timestamp;

/// Where a step stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waits for steps it depends on.
    #[default]
    Pending,
    /// Waits for a free slot.
    Ready,
    /// A block whose steps run.
    Open,
    /// A person, approvals or an event are awaited.
    Waiting,
    /// An attempt is in the queue or with a worker.
    Running,
    /// The child run of an attempt is at work.
    Child,
    /// The next attempt is in the queue, not visible before it is due; or its child run is started then.
    Retrying {
        /// When it is due.
        due: Timestamp,
    },
    /// Has an output.
    Completed,
    /// No attempt is left, or none is allowed.
    Failed {
        /// The run goes on as if it had completed with output null.
        continued: bool,
    },
    /// Did not run.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// Was in flight when the run ended.
    Canceled,
}

impl Phase {
    /// Nothing more happens to the step.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed { .. } | Self::Skipped { .. } | Self::Canceled
        )
    }

    /// An attempt is in the queue, with a worker, or the work of a child run.
    #[must_use]
    pub const fn is_in_flight(self) -> bool {
        matches!(self, Self::Running | Self::Child | Self::Retrying { .. })
    }

    /// Whether its turn has come and it is not settled yet.
    #[must_use]
    pub const fn has_begun(self) -> bool {
        matches!(self, Self::Ready | Self::Open | Self::Waiting) || self.is_in_flight()
    }

    /// The status as manifests, views and exports spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Open | Self::Running | Self::Child => "running",
            Self::Waiting => "waiting",
            Self::Retrying { .. } => "retrying",
            Self::Completed => "completed",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::Canceled => "canceled",
        }
    }

    pub(super) const fn is_pending(&self) -> bool {
        matches!(self, Self::Pending)
    }
}
