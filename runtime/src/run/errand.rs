//! What is to be done outside of a run because of what happened in it.
//!
//! Two runs never change in one commit: a store may keep them apart. So what one asks of another is written down as a
//! durable timer, due at once, in the transition that decided it; it is carried out after the commit, and the timer goes
//! when that is done. A crash in between leaves the timer, and whoever fires it carries the errand out again: each is
//! such that doing it twice is doing it once.

use super::state::{Place, ScopeId};
use crate::plan::NodeId;
use crate::port::{RunId, StepRef};

/// An errand of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Errand {
    /// Start the child run of an attempt.
    StartChild(StepRef),
    /// End the child run of an attempt that nobody waits for any more.
    CloseChild(StepRef),
    /// Tell the parent run how this one ended.
    TellParent,
    /// Bring the record of the concurrency group in line with this run.
    Group(RunId),
}

const START: &str = "child";
const CLOSE: &str = "close";
const PARENT: &str = "parent";
const GROUP: &str = "group";

impl Errand {
    /// The errand that a timer stands for; `None` for a timer that is one.
    #[must_use]
    pub fn of(run: RunId, timer: &str, generation: u64) -> Option<Self> {
        if timer == PARENT {
            return Some(Self::TellParent);
        }
        if timer == GROUP {
            return Some(Self::Group(run));
        }
        let (kind, place) = timer.split_once('/')?;
        let attempt = |place: &str, attempt: u32| {
            let (scope, node) = place.split_once('/')?;
            Some(StepRef {
                run,
                scope: scope.parse().ok()?,
                node: node.parse().ok()?,
                attempt,
            })
        };
        match kind {
            START => Some(Self::StartChild(attempt(
                place,
                u32::try_from(generation).ok()?,
            )?)),
            CLOSE => {
                let (place, number) = place.rsplit_once('/')?;
                Some(Self::CloseChild(attempt(place, number.parse().ok()?)?))
            }
            _ => None,
        }
    }

    /// The name of its timer.
    pub(super) fn timer(self) -> String {
        match self {
            Self::StartChild(step) => format!("{START}/{}/{}", step.scope, step.node),
            Self::CloseChild(step) => {
                format!("{CLOSE}/{}/{}/{}", step.scope, step.node, step.attempt)
            }
            Self::TellParent => PARENT.to_owned(),
            Self::Group(_) => GROUP.to_owned(),
        }
    }

    /// The generation of its timer.
    pub(super) fn generation(self) -> u64 {
        match self {
            Self::StartChild(step) => step.attempt.into(),
            Self::CloseChild(_) | Self::TellParent | Self::Group(_) => 1,
        }
    }
}

/// Where an attempt's step stands.
pub(super) const fn place_of(step: &StepRef) -> Place {
    Place {
        scope: ScopeId(step.scope),
        node: NodeId(step.node),
    }
}
