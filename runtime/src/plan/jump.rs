//! `on_error: goto`: where the jumps lead.

use std::cmp::Ordering;

use super::steps::{self, Arena};
use super::{NodeId, OnError, PlanError};

/// Sets the targets of jumps, and reports those that lead nowhere: a jump goes on to a later step of the same list.
pub(super) fn resolve(arena: &mut Arena<'_>, errors: &mut Vec<PlanError>) {
    for (from, id) in std::mem::take(&mut arena.jumps) {
        let Some(node) = steps::at(&arena.nodes, from) else {
            continue;
        };
        let target = arena.ids.find(node.block, &id);
        let reason = match target {
            None => Some("there is no such step"),
            Some(target) => reason_not_to_jump(arena, from, target),
        };
        if let Some(reason) = reason {
            errors.push(PlanError::BadJump {
                step: node.id.clone(),
                path: node.path.clone(),
                target: id,
                reason,
            });
        } else if let Some(node) = usize::try_from(from.0)
            .ok()
            .and_then(|at| arena.nodes.get_mut(at))
        {
            node.on_error = target.map(OnError::Goto);
        }
    }
}

fn reason_not_to_jump(arena: &Arena<'_>, from: NodeId, target: NodeId) -> Option<&'static str> {
    let (node, to) = (
        steps::at(&arena.nodes, from)?,
        steps::at(&arena.nodes, target)?,
    );
    if node.block != to.block {
        return Some("it stands in another block");
    }
    match target.cmp(&from) {
        Ordering::Less => Some("it stands before this step"),
        Ordering::Equal => Some("it is the step itself"),
        Ordering::Greater => None,
    }
}
