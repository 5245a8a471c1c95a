//! The stored form of a plan and its hash.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::canonical::canonical;
use super::ids::Ids;
use super::model::Model;
use super::{Action, BlockId, Node, NodeId, OnError, Plan, PlanLoadError, steps};
use crate::port::PlanHash;

/// The format this build writes and reads.
pub(super) const FORMAT: u32 = 1;
/// Where the stored form keeps the plans of the workflows that steps run. They are no part of what is hashed: the steps
/// name them by their own hashes.
const SUBFLOWS: &str = "subflows";

impl Plan {
    /// The JSON a store keeps.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut ordered: Vec<_> = self.subflows.values().collect();
        // What a workflow runs stands before it.
        ordered.sort_by_cached_key(|plan| (plan.subflows.len(), plan.hash.clone()));
        stored(&Stored {
            model: &self.model,
            subflows: ordered.iter().map(|plan| &plan.model).collect(),
        })
    }

    /// The plan that [`to_json`](Self::to_json) wrote, under the same hash. Schemas are compiled when first used.
    ///
    /// # Errors
    /// When a newer version wrote it, or it is damaged.
    pub fn from_json(json: &str) -> Result<Self, PlanLoadError> {
        let damaged = |error: serde_json::Error| PlanLoadError::Damaged {
            reason: error.to_string(),
        };
        let mut value: Value = serde_json::from_str(json).map_err(damaged)?;
        let subflows = value
            .as_object_mut()
            .and_then(|members| members.remove(SUBFLOWS));
        let subflows: Vec<Value> =
            serde_json::from_value(subflows.unwrap_or_else(|| Vec::<Value>::new().into()))
                .map_err(damaged)?;
        let mut known = BTreeMap::new();
        for subflow in subflows {
            let plan = Arc::new(Self::from_value(subflow, &known)?);
            known.insert(plan.hash.clone(), plan);
        }
        Self::from_value(value, &known)
    }

    fn from_value(
        value: Value,
        known: &BTreeMap<PlanHash, Arc<Self>>,
    ) -> Result<Self, PlanLoadError> {
        let damaged = |error: serde_json::Error| PlanLoadError::Damaged {
            reason: error.to_string(),
        };
        let format = value.get("format").and_then(Value::as_u64).unwrap_or(0);
        if format != u64::from(FORMAT) {
            return Err(PlanLoadError::Format {
                found: format,
                known: FORMAT,
            });
        }
        // Whoever kept it may have written it in another way.
        let hash = hash(&value.to_string());
        let model: Model = serde_json::from_value(value).map_err(damaged)?;
        check(&model).map_err(|reason| PlanLoadError::Damaged { reason })?;
        let mut subflows = BTreeMap::new();
        for node in &model.nodes {
            let Action::Subflow(subflow) = &node.action else {
                continue;
            };
            let plan = known
                .get(&subflow.plan)
                .ok_or_else(|| PlanLoadError::Damaged {
                    reason: format!("the workflow that step `{}` runs is missing", node.id),
                })?;
            add(&mut subflows, plan);
        }
        Ok(Self::new(model, hash, subflows))
    }

    /// The plan of a model that the compiler made, with those of the workflows that its steps run.
    pub(super) fn of(model: Model, subflows: Vec<Arc<Self>>) -> Self {
        let hash = hash(&stored(&model));
        let mut table = BTreeMap::new();
        for plan in &subflows {
            add(&mut table, plan);
        }
        Self::new(model, hash, table)
    }

    fn new(model: Model, hash: PlanHash, subflows: BTreeMap<PlanHash, Arc<Self>>) -> Self {
        let mut ids = Ids::default();
        for (number, block) in model.blocks.iter().enumerate() {
            let owner = block.owner.and_then(|owner| node(&model, owner));
            let around = owner.map(|owner| owner.block);
            ids.add_block(
                block.isolated,
                around.or((number > 0).then_some(BlockId::ROOT)),
            );
        }
        let mut dependants = vec![Vec::new(); model.nodes.len()];
        for (id, node) in (0..).map(NodeId).zip(&model.nodes) {
            ids.add(node.block, &node.id, id);
            for dependency in &node.depends_on {
                if let Some(list) = index(*dependency).and_then(|at| dependants.get_mut(at)) {
                    list.push(id);
                }
            }
        }
        let document_order = document_order(&model);
        Self {
            model,
            hash,
            ids,
            dependants,
            document_order,
            subflows,
        }
    }
}

/// Adds a plan and those that it runs.
fn add(table: &mut BTreeMap<PlanHash, Arc<Plan>>, plan: &Arc<Plan>) {
    for (hash, plan) in &plan.subflows {
        table.insert(hash.clone(), Arc::clone(plan));
    }
    table.insert(plan.hash.clone(), Arc::clone(plan));
}

/// Each node, followed by those of the blocks it runs.
fn document_order(model: &Model) -> Vec<NodeId> {
    let mut order = Vec::with_capacity(model.nodes.len());
    let nodes = |block: BlockId| {
        let block = usize::try_from(block.0).ok();
        let block = block.and_then(|at| model.blocks.get(at));
        let (first, count) = block.map_or((0, 0), |block| (block.first.0, block.count));
        (first..first.saturating_add(count)).rev().map(NodeId)
    };
    let blocks = (0..).map(BlockId).zip(&model.blocks);
    let roots: Vec<BlockId> = blocks
        .filter(|(_, block)| block.owner.is_none())
        .map(|(id, _)| id)
        .collect();
    let mut left: Vec<NodeId> = roots.into_iter().rev().flat_map(nodes).collect();
    while let Some(id) = left.pop() {
        order.push(id);
        let inner = node(model, id).map(|node| node.blocks());
        left.extend(inner.into_iter().flatten().rev().flat_map(nodes));
    }
    order
}

/// What the machine relies on: blocks cover the nodes without gap or overlap, and belong to a node that stands before
/// them; dependencies stay in their block.
fn check(model: &Model) -> Result<(), String> {
    let mut next = 0_u32;
    for (number, block) in (0..).map(BlockId).zip(&model.blocks) {
        if block.first.0 != next {
            return Err(format!("block {} does not begin at node {next}", number.0));
        }
        if block.owner.is_some_and(|owner| owner >= block.first) {
            return Err(format!(
                "block {} stands before the node it belongs to",
                number.0
            ));
        }
        next = next.saturating_add(block.count);
        let nodes = (block.first.0..next).map(NodeId);
        if !nodes
            .map(|id| node(model, id))
            .all(|node| node.is_some_and(|node| node.block == number))
        {
            return Err(format!("block {} does not hold its nodes", number.0));
        }
    }
    if index(NodeId(next)) != Some(model.nodes.len()) {
        return Err("the blocks do not hold all nodes".to_owned());
    }
    if model.compensation == Some(BlockId::ROOT)
        || model
            .compensation
            .is_some_and(|block| usize::try_from(block.0).is_ok_and(|at| at >= model.blocks.len()))
    {
        return Err("the compensation is no block of its own".to_owned());
    }
    for (id, found) in (0..).map(NodeId).zip(&model.nodes) {
        if let Some(OnError::Goto(target)) = found.on_error
            && (target <= id
                || node(model, target).is_none_or(|target| target.block != found.block))
        {
            return Err(format!(
                "step `{}` jumps to a step that does not follow it",
                found.id
            ));
        }
        let sibling =
            |id: &NodeId| node(model, *id).is_some_and(|other| other.block == found.block);
        if !found.depends_on.iter().all(sibling) {
            return Err(format!(
                "step `{}` waits for a step outside its block",
                found.id
            ));
        }
        let owned = |block: &BlockId| {
            let block = usize::try_from(block.0)
                .ok()
                .and_then(|at| model.blocks.get(at));
            block.is_some_and(|block| block.owner == Some(id))
        };
        if !found.blocks().iter().all(owned) {
            return Err(format!(
                "step `{}` runs a block that is not its own",
                found.id
            ));
        }
    }
    Ok(())
}

fn node(model: &Model, id: NodeId) -> Option<&Node> {
    steps::at(&model.nodes, id)
}

fn index(id: NodeId) -> Option<usize> {
    usize::try_from(id.0).ok()
}

/// A plan with those of the workflows that its steps run; [`SUBFLOWS`] is the name of these.
#[derive(Serialize)]
struct Stored<'a> {
    #[serde(flatten)]
    model: &'a Model,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subflows: Vec<&'a Model>,
}

fn stored(plan: &impl Serialize) -> String {
    // Every part of a model is made of strings, numbers and JSON values, all of which JSON can hold.
    serde_json::to_string(plan).unwrap_or_default()
}

/// SHA-256 of the canonical JSON, so that the order in which members were written does not count.
fn hash(json: &str) -> PlanHash {
    let mut digest = Sha256::new();
    canonical(json, |part| digest.update(part));
    PlanHash(
        digest
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    )
}
