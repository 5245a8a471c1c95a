//! The stored form of a plan and its hash.

use std::collections::HashMap;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::model::Model;
use super::{NodeId, Plan, PlanLoadError};
use crate::port::PlanHash;

/// The format this build writes and reads.
pub(super) const FORMAT: u32 = 1;

impl Plan {
    /// The JSON a store keeps.
    #[must_use]
    pub fn to_json(&self) -> String {
        stored(&self.model).to_string()
    }

    /// The plan that [`to_json`](Self::to_json) wrote, under the same hash. Schemas are compiled when first used.
    ///
    /// # Errors
    /// When a newer version wrote it, or it is damaged.
    pub fn from_json(json: &str) -> Result<Self, PlanLoadError> {
        let damaged = |error: serde_json::Error| PlanLoadError::Damaged {
            reason: error.to_string(),
        };
        let value: Value = serde_json::from_str(json).map_err(damaged)?;
        let format = value.get("format").and_then(Value::as_u64).unwrap_or(0);
        if format != u64::from(FORMAT) {
            return Err(PlanLoadError::Format {
                found: format,
                known: FORMAT,
            });
        }
        let hash = hash(&value);
        let model: Model = serde_json::from_value(value).map_err(damaged)?;
        check(&model).map_err(|reason| PlanLoadError::Damaged { reason })?;
        Ok(Self::new(model, hash))
    }

    /// The plan of a model that the compiler made.
    pub(super) fn of(model: Model) -> Self {
        let hash = hash(&stored(&model));
        Self::new(model, hash)
    }

    fn new(model: Model, hash: PlanHash) -> Self {
        let mut dependants = vec![Vec::new(); model.nodes.len()];
        let mut ids = HashMap::with_capacity(model.nodes.len());
        for (id, node) in (0..).map(NodeId).zip(&model.nodes) {
            ids.insert(node.id.clone(), id);
            for dependency in &node.depends_on {
                if let Some(list) = index(*dependency).and_then(|at| dependants.get_mut(at)) {
                    list.push(id);
                }
            }
        }
        Self {
            model,
            hash,
            ids,
            dependants,
        }
    }
}

/// What the machine relies on: blocks cover the nodes without gap or overlap, and dependencies stay in their block.
fn check(model: &Model) -> Result<(), String> {
    let mut next = 0_u32;
    for (number, block) in model.blocks.iter().enumerate() {
        if block.first.0 != next {
            return Err(format!("block {number} does not begin at node {next}"));
        }
        next = next.saturating_add(block.count);
    }
    if index(NodeId(next)) != Some(model.nodes.len()) {
        return Err("the blocks do not hold all nodes".to_owned());
    }
    for node in &model.nodes {
        let sibling = |id: &NodeId| {
            index(*id)
                .and_then(|at| model.nodes.get(at))
                .is_some_and(|other| other.block == node.block)
        };
        if !node.depends_on.iter().all(sibling) {
            return Err(format!(
                "step `{}` waits for a step outside its block",
                node.id
            ));
        }
    }
    Ok(())
}

fn index(id: NodeId) -> Option<usize> {
    usize::try_from(id.0).ok()
}

fn stored(model: &Model) -> Value {
    // Every part of a model is made of strings, numbers and JSON values, all of which JSON can hold.
    serde_json::to_value(model).unwrap_or_default()
}

/// SHA-256 of the canonical JSON: members sorted by name, so that the order in which they were written does not count.
fn hash(plan: &Value) -> PlanHash {
    let digest = Sha256::digest(canonical(plan).to_string());
    PlanHash(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            let members: Map<_, _> = sorted
                .into_iter()
                .map(|(key, member)| (key.clone(), canonical(member)))
                .collect();
            Value::Object(members)
        }
        Value::Array(elements) => elements.iter().map(canonical).collect(),
        other => other.clone(),
    }
}
