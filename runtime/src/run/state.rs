//! A run as data.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::child::Closing;
use super::data::Data;
use super::elsewhere::Elsewhere;
use super::event::RunError;
use super::group::GroupState;
use super::input::{Start, StepError};
pub use super::phase::Phase;
use crate::plan::{BlockId, Join, NodeId};
use crate::port::{PlanHash, RunId, RunStatus, StepRef, Timestamp, Version};

/// Identifies a scope of a run. Scope 0 is the run itself.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ScopeId(pub u32);

impl ScopeId {
    /// The scope of the top-level steps.
    pub const ROOT: Self = Self(0);
}

/// One instance of a step: a node in a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The scope.
    pub scope: ScopeId,
    /// The node.
    pub node: NodeId,
}

impl Place {
    /// An attempt at this place.
    #[must_use]
    pub const fn attempt(self, run: RunId, attempt: u32) -> StepRef {
        StepRef {
            run,
            scope: self.scope.0,
            node: self.node.0,
            attempt,
        }
    }
}

/// Everything a run is at one version: the fold of its events. Its JSON is the snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    pub(super) version: Version,
    pub(super) workflow: String,
    pub(super) plan: PlanHash,
    /// Where its steps stand, whether or not it is held.
    pub(super) status: RunStatus,
    pub(super) start: Arc<Start>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) variables: Map<String, Value>,
    pub(super) scopes: BTreeMap<ScopeId, ScopeState>,
    /// Number of the scope to be opened next: a number is never used twice.
    #[serde(default = "first_scope")]
    pub(super) next_scope: u32,
    /// Scopes that undo something, in the order in which they were opened. The end of the run waits for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) undo: Vec<ScopeId>,
    /// The run is to fail when everything is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failing: Option<Failing>,
    /// Steps that only wait for a free slot, in the order in which they became ready.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub(super) ready: VecDeque<Place>,
    /// Attempts in the queue or with a worker, those waiting for a retry and those of child runs included.
    #[serde(default)]
    pub(super) in_flight: u32,
    /// Steps that wait for a person, approvals or an event.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) waiting: u32,
    /// Steps in flight whose child run is at work.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) children: u32,
    /// Child runs that are to end because nobody waits for them any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) closing: Vec<Closing>,
    /// The group whose slots it shares with other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<GroupState>,
    /// It has ended, and its parent is still to be told.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) untold: bool,
    /// How often a step has begun to wait: tells the timers of one wait from those of another.
    #[serde(default)]
    pub(super) waits: u64,
    /// Signals that came before a step waited for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) signals: Vec<Signal>,
    /// The first failure, from when it happened on; what ended the run once it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<RunError>,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) output: Option<Arc<Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) paused: Option<Hold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) quarantined: Option<Hold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deadline: Option<Timestamp>,
    /// How often the deadline was set: older firings of its timer are ignored.
    #[serde(default)]
    pub(super) deadline_generation: u64,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ended_at: Option<Timestamp>,
    /// Where values are that a snapshot leaves to the log; none in a state that is complete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) elsewhere: Vec<Elsewhere>,
    /// Events folded since the last version.
    #[serde(skip)]
    pub(super) folded: u32,
}

/// Keeps a run from dispatching anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who ordered it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// A block of the plan while it runs: the run itself, a branch, an iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScopeState {
    /// The scope this one was opened in; `None` for the run itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ScopeId>,
    /// The node of the parent scope that opened it; `None` for the run itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// The block it is an instance of.
    pub block: BlockId,
    /// Which iteration of a loop it is, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<usize>,
    /// When it is done.
    #[serde(default)]
    pub join: Join,
    /// The first node of the block; `steps` begins with it.
    pub first: NodeId,
    /// Steps not settled that its end waits for.
    pub pending: u32,
    /// The steps, in the order of the block's nodes.
    pub steps: Vec<StepState>,
}

impl ScopeState {
    pub(super) fn position(&self, node: NodeId) -> Option<usize> {
        usize::try_from(node.0.checked_sub(self.first.0)?).ok()
    }
}

/// An event that was sent to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// What it says.
    pub payload: Arc<Value>,
}

/// A step that waits, or has waited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitState {
    /// Which wait of the run it is.
    pub generation: u64,
    /// Who is to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Value>,
    /// Fields of the event's payload and what they must be.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub expects: Map<String, Value>,
    /// When it fails without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// When people are told that it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalates: Option<Timestamp>,
    /// Approvals and rejections so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// Who answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
}

/// An approval or a rejection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who.
    pub by: String,
    /// Approved, or rejected.
    pub approved: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A run that is to fail, or to be canceled, when everything is undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failing {
    /// With what.
    pub error: RunError,
    /// The scope of the workflow's compensation steps, once it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<ScopeId>,
    /// It is to be canceled; the error says why.
    #[serde(default, skip_serializing_if = "is_false")]
    pub canceled: bool,
}

/// One instance of a step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Phase::is_pending")]
    pub phase: Phase,
    /// Steps it depends on that are not settled.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unmet: u32,
    /// The latest attempt; 0 when none was made.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// Attempts that do not count under the policy in force: those before the fallback took over, and canceled ones.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub discounted: u32,
    /// The fallback task runs instead of the step's own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fallback: bool,
    /// An operator had the attempt executed: that the run is held does not hold it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub executed: bool,
    /// An operator has it skipped when its turn comes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub to_skip: bool,
    /// The rendered input, fixed when the step became ready.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub input: Option<Data>,
    /// The output; null for a step whose failure was ignored.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub output: Option<Data>,
    /// It runs because of a failure before it, which does not keep it from running.
    #[serde(default, skip_serializing_if = "is_false")]
    pub jumped_to: bool,
    /// What it waits for, once it has begun to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Box<WaitState>>,
    /// What a block has open or keeps, once it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<Box<BlockState>>,
    /// The child run of the latest attempt, once it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<RunId>,
    /// The error of the latest attempt that failed; gone once an attempt succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<StepError>>,
    /// When its first attempt was dispatched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

impl StepState {
    /// Whether the child run of the latest attempt was started.
    pub(super) const fn has_child(&self) -> bool {
        self.child.is_some()
    }
}

/// A block that was opened.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BlockState {
    /// Its scopes, in the order in which they were opened. They are kept when they are done, for expressions to read;
    /// iterations of a loop only when they failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<ScopeId>,
    /// The branch that was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// How far a loop is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// How far a loop is. Its size does not depend on how many iterations are finished, unless it collects their results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// What it goes over.
    pub items: Data,
    /// The members of the run's input that lead to them, when they are a long list in it: a snapshot that leaves the input
    /// to the log has them neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) of_input: Option<Vec<String>>,
    /// The iteration to begin next.
    pub next: usize,
    /// Iterations at once.
    pub parallelism: usize,
    /// Iterations finished.
    pub finished: usize,
    /// Of those, how many had a step whose failure was continued.
    #[serde(default, skip_serializing_if = "is_zero_size")]
    pub failed: usize,
    /// Results of finished iterations, by their number, if the loop collects them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<Option<Arc<Value>>>,
    /// About how much JSON the results are, in bytes.
    #[serde(default, skip_serializing_if = "is_zero_size")]
    pub bytes: usize,
}

impl RunState {
    /// The run.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.start.run
    }

    /// How many transitions it has made.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Where it stands. A run that is held is `quarantined` or `paused`, whatever its steps do; one in which nothing runs
    /// and something is awaited is `waiting`.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        if self.quarantined.is_some() {
            RunStatus::Quarantined
        } else if self.paused.is_some() {
            RunStatus::Paused
        } else if self.status == RunStatus::Running
            && self.waiting + self.children > 0
            && self.is_parked()
            && self.ready.is_empty()
        {
            RunStatus::Waiting
        } else {
            self.status
        }
    }

    /// Who paused it, while it is.
    #[must_use]
    pub const fn paused(&self) -> Option<&Hold> {
        self.paused.as_ref()
    }

    /// Who set it aside, while it is.
    #[must_use]
    pub const fn quarantined(&self) -> Option<&Hold> {
        self.quarantined.as_ref()
    }

    /// What it ends with when everything is undone, while it is being undone.
    #[must_use]
    pub const fn failing(&self) -> Option<&Failing> {
        self.failing.as_ref()
    }

    /// Whether nothing may be dispatched by itself.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.paused.is_some() || self.quarantined.is_some()
    }

    /// The plan it runs on.
    #[must_use]
    pub const fn plan(&self) -> &PlanHash {
        &self.plan
    }

    /// What it was started with; the input has its defaults.
    #[must_use]
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// Its variables.
    #[must_use]
    pub const fn variables(&self) -> &Map<String, Value> {
        &self.variables
    }

    /// Its output, once it completed.
    #[must_use]
    pub fn output(&self) -> Option<&Value> {
        self.output.as_deref()
    }

    /// The first failure so far; what ended the run once it failed.
    #[must_use]
    pub const fn error(&self) -> Option<&RunError> {
        self.error.as_ref()
    }

    /// Why it was canceled.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// When the whole run must have ended.
    #[must_use]
    pub const fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    /// Whether no attempt is in the queue or with a worker: the run waits for something else, or has ended.
    #[must_use]
    pub const fn is_parked(&self) -> bool {
        self.in_flight == self.children
    }

    /// A step instance; `None` when there is no such scope or node.
    #[must_use]
    pub fn step(&self, place: Place) -> Option<&StepState> {
        let scope = self.scopes.get(&place.scope)?;
        scope.steps.get(scope.position(place.node)?)
    }

    /// All step instances, scope by scope, in document order within each.
    pub fn steps(&self) -> impl Iterator<Item = (Place, &StepState)> {
        self.scopes.keys().flat_map(|scope| self.places(*scope))
    }

    /// The step whose block a scope is an instance of; `None` for the run itself.
    #[must_use]
    pub fn owner(&self, scope: ScopeId) -> Option<Place> {
        let state = self.scopes.get(&scope)?;
        Some(Place {
            scope: state.parent?,
            node: state.node?,
        })
    }

    /// The step and the blocks it stands in, innermost first.
    pub fn around(&self, place: Place) -> impl Iterator<Item = Place> + '_ {
        std::iter::successors(Some(place), |place| self.owner(place.scope))
    }

    /// The scopes below a block, those in them included.
    #[must_use]
    pub fn scopes_of(&self, block: Place) -> Vec<ScopeId> {
        let scopes = |place: Place| {
            let block = self.step(place).and_then(|step| step.block.as_deref());
            block.map_or(&[][..], |block| &block.scopes)
        };
        let mut found = scopes(block).to_vec();
        let mut next = 0;
        while let Some(scope) = found.get(next).copied() {
            next += 1;
            let steps = self.places(scope).map(|(place, _)| place);
            let inner: Vec<ScopeId> = steps.flat_map(|place| scopes(place).to_vec()).collect();
            found.extend(inner);
        }
        found
    }

    /// The steps of a scope, in document order.
    pub fn places(&self, scope: ScopeId) -> impl Iterator<Item = (Place, &StepState)> {
        let found = self.scopes.get(&scope).into_iter();
        found.flat_map(move |state| {
            let nodes = (state.first.0..).map(NodeId);
            let places = nodes.map(move |node| Place { scope, node });
            places.zip(&state.steps)
        })
    }

    /// A scope; `None` when it was not opened, or is gone.
    #[must_use]
    pub fn scope(&self, scope: ScopeId) -> Option<&ScopeState> {
        self.scopes.get(&scope)
    }
}

/// A field that is there has a value, also when that value is null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

const fn first_scope() -> u32 {
    1
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_zero_size(number: &usize) -> bool {
    *number == 0
}

fn is_false(value: &bool) -> bool {
    !value
}
