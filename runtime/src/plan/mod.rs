//! Manifests made runnable: every reference followed, every dependency resolved, nothing left to look up.
//!
//! A [`Plan`] is self-contained: the tasks its steps run are embedded, so a run started on it does not notice when
//! manifests change. Its hash is pinned to the run, its JSON is kept by the store and read back by later versions.
//!
//! Steps are nodes in an arena, numbered in document order, block by block. Block 0 holds the top-level steps; the
//! steps of a Parallel, a Conditional branch or a Loop form a block of their own, owned by that node, of which a run
//! opens a scope each time the node runs. Constructs that are not built are refused by name
//! ([`PlanError::Unsupported`]); nothing is ever left out silently.

mod batch;
mod binding;
mod block;
mod canonical;
mod compile;
mod dependency;
mod error;
mod ids;
mod jump;
mod model;
mod read;
mod schema;
mod steps;
mod stored;
mod subflow;
mod support;
mod task;
mod wait;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::manifest::model::{Manifest, Notification, Reference, Secret};
use crate::policy::RetryPolicy;
use crate::port::PlanHash;
use crate::run::HandlerKey;

pub use block::{Action, Block, Branches, Join, PlannedBranch, PlannedLoop, TaskSteps};
pub use error::{Construct, PlanError, PlanLoadError, Relation};
pub use model::{
    BlockId, Check, FailureMode, Node, NodeId, OnError, PlanKind, PlannedBinding,
    PlannedConcurrency, RunResult, TaskCall, TaskInput,
};
pub use schema::Schema;
pub use subflow::{MAX_SUBFLOW_DEPTH, PlannedSubflow};
pub use wait::{PlannedWait, WaitKind};

pub(crate) use schema::SECRET_KEY;

use ids::Ids;
use model::Model;

/// Bound on an attempt when neither step, task nor workflow names one.
pub const DEFAULT_STEP_TIMEOUT: Duration = Duration::from_secs(300);

/// What a plan takes from beyond its manifest: the manifests that steps refer to, and what the host says of its handlers.
pub trait Resolver {
    /// The manifest `reference` leads to, read from the manifest `from`.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    fn resolve(&self, reference: &Reference, from: &Manifest) -> Result<Arc<Manifest>, Unresolved>;

    /// The policy of the handler that is bound under a key: for calls of which no manifest says how often they are tried.
    fn retry_of(&self, _key: &HandlerKey) -> Option<RetryPolicy> {
        None
    }
}

/// Why a reference leads to nothing: where it was looked for, or what is wrong with what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unresolved {
    /// For people.
    pub reason: String,
}

/// A workflow or task, ready to run.
#[derive(Debug, Clone)]
pub struct Plan {
    model: Model,
    hash: PlanHash,
    ids: Ids,
    dependants: Vec<Vec<NodeId>>,
    document_order: Vec<NodeId>,
    /// The plans of the workflows that its steps run, and of those that theirs run.
    subflows: BTreeMap<PlanHash, Arc<Plan>>,
}

impl Plan {
    /// The plan of a workflow or a task; manifests it refers to come from `resolver`.
    ///
    /// # Errors
    /// Everything that stands in the way, not only the first.
    pub fn compile(manifest: &Manifest, resolver: &dyn Resolver) -> Result<Self, Vec<PlanError>> {
        compile::compile(manifest, resolver)
    }

    /// Identifies the plan by its content.
    #[must_use]
    pub const fn hash(&self) -> &PlanHash {
        &self.hash
    }

    /// What the plan was made of.
    #[must_use]
    pub const fn kind(&self) -> PlanKind {
        self.model.kind
    }

    /// `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.model.name
    }

    /// `metadata.version`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.model.version.as_deref()
    }

    /// `metadata.labels`: every run has them.
    #[must_use]
    pub fn labels(&self) -> &[(String, String)] {
        &self.model.labels
    }

    /// Schema of the run's input.
    #[must_use]
    pub const fn input(&self) -> Option<&Schema> {
        self.model.input.as_ref()
    }

    /// Schema of the run's output.
    #[must_use]
    pub const fn output(&self) -> Option<&Schema> {
        self.model.output.as_ref()
    }

    /// Where the run's output comes from.
    #[must_use]
    pub const fn result(&self) -> &RunResult {
        &self.model.result
    }

    /// Variables and what they are rendered from at the start, in document order.
    #[must_use]
    pub fn variables(&self) -> &[(String, crate::expression::Template)] {
        &self.model.variables
    }

    /// Secrets the host resolves when a step is called.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.model.secrets
    }

    /// What a step that failed for good means for the run.
    #[must_use]
    pub const fn on_failure(&self) -> FailureMode {
        self.model.on_failure
    }

    /// The steps that undo what a run did, when it fails.
    #[must_use]
    pub const fn compensation(&self) -> Option<BlockId> {
        self.model.compensation
    }

    /// Whom to tell about a failure.
    #[must_use]
    pub const fn notification(&self) -> Option<&Notification> {
        self.model.notification.as_ref()
    }

    /// Bound on the whole run.
    #[must_use]
    pub const fn timeout(&self) -> Option<Duration> {
        self.model.timeout
    }

    /// At most so many steps at once.
    #[must_use]
    pub const fn max_parallel(&self) -> Option<u32> {
        self.model.max_parallel
    }

    /// The group that bounds how many runs go on at once.
    #[must_use]
    pub const fn concurrency(&self) -> Option<&PlannedConcurrency> {
        self.model.concurrency.as_ref()
    }

    /// Whether dependants of a skipped step are skipped too.
    #[must_use]
    pub const fn propagate_skips(&self) -> bool {
        self.model.propagate_skips
    }

    /// The nodes, by number.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.model.nodes
    }

    /// A node; `None` when the plan has no such node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.model.nodes.get(usize::try_from(id.0).ok()?)
    }

    /// The plan of a workflow that one of its steps runs.
    #[must_use]
    pub fn subflow(&self, hash: &PlanHash) -> Option<&Arc<Self>> {
        self.subflows.get(hash)
    }

    /// The plans of the workflows that its steps run, and of those that theirs run.
    pub fn subflows(&self) -> impl Iterator<Item = &Arc<Self>> {
        self.subflows.values()
    }

    /// The nodes in document order: each block's below the node that it belongs to.
    #[must_use]
    pub fn document_order(&self) -> &[NodeId] {
        &self.document_order
    }

    /// The node with this step id, at the top level or in a block of the same manifest.
    #[must_use]
    pub fn find(&self, step: &str) -> Option<NodeId> {
        self.find_from(BlockId::ROOT, step)
    }

    /// The node that a step id means to the steps of a block.
    #[must_use]
    pub fn find_from(&self, block: BlockId, step: &str) -> Option<NodeId> {
        self.ids.find(block, step)
    }

    /// The block whose steps are the top-level ones of the manifest that `block` comes from.
    #[must_use]
    pub fn space(&self, block: BlockId) -> BlockId {
        self.ids.space(block).unwrap_or(BlockId::ROOT)
    }

    /// Nodes that wait for this one, ascending.
    #[must_use]
    pub fn dependants(&self, id: NodeId) -> &[NodeId] {
        usize::try_from(id.0)
            .ok()
            .and_then(|index| self.dependants.get(index))
            .map_or(&[], Vec::as_slice)
    }

    /// The blocks, by number.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.model.blocks
    }

    /// A block; `None` when the plan has no such block.
    #[must_use]
    pub fn block(&self, id: BlockId) -> Option<&Block> {
        self.model.blocks.get(usize::try_from(id.0).ok()?)
    }

    /// The numbers of a block's nodes, in document order.
    pub fn nodes_of(&self, id: BlockId) -> impl Iterator<Item = NodeId> + use<> {
        let (first, count) = self
            .block(id)
            .map_or((0, 0), |block| (block.first.0, block.count));
        (first..first.saturating_add(count)).map(NodeId)
    }
}
