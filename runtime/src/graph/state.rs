//! Where a step of a run stands, and how that looks.

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for other steps, or has not begun.
    Pending,
    /// It is in the queue, with a worker, or waits for a retry or an answer.
    Active,
    /// It completed.
    Completed,
    /// It failed.
    Failed,
    /// It was skipped or canceled.
    Skipped,
}

impl State {
    /// All states, in the order in which a step passes them.
    pub(super) const ALL: [Self; 5] = [
        Self::Pending,
        Self::Active,
        Self::Completed,
        Self::Failed,
        Self::Skipped,
    ];

    /// The state behind a status as views of runs name it; one that is not known is in between.
    #[must_use]
    pub fn of_status(status: &str) -> Self {
        match status {
            "pending" => Self::Pending,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "skipped" | "canceled" => Self::Skipped,
            _ => Self::Active,
        }
    }

    /// One lower-case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// Background and border; text on it is dark.
    pub(super) const fn colours(self) -> Colours {
        match self {
            Self::Pending => Colours::PLAIN,
            Self::Active => Colours {
                fill: "#dbeafe",
                stroke: "#2563eb",
            },
            Self::Completed => Colours {
                fill: "#dcfce7",
                stroke: "#15803d",
            },
            Self::Failed => Colours {
                fill: "#fee2e2",
                stroke: "#b91c1c",
            },
            Self::Skipped => Colours {
                fill: "#f3f4f6",
                stroke: "#9ca3af",
            },
        }
    }
}

/// How a box is painted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colours {
    pub(super) fill: &'static str,
    pub(super) stroke: &'static str,
}

impl Colours {
    /// Without a state.
    pub(super) const PLAIN: Self = Self {
        fill: "#ffffff",
        stroke: "#374151",
    };

    pub(super) fn of(state: Option<State>) -> Self {
        state.map_or(Self::PLAIN, State::colours)
    }
}
