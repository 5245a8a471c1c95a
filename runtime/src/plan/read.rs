//! Whose output is read: the results of a loop that nobody reads are not kept.

use std::collections::HashSet;

use super::steps::Arena;
use super::{Action, BlockId, Node, NodeId};

/// Marks the loops whose output something reads: by name, through a variable, or as part of what is around them.
pub(super) fn collect(arena: &mut Arena<'_>) {
    let mut read = vec![false; arena.nodes.len()];
    let mentioned = mentioned(arena);
    for index in 0..arena.nodes.len() {
        let Some(node) = arena.nodes.get(index) else {
            continue;
        };
        let bound = node.output_to.is_some()
            || !node.output_fields.is_empty()
            || !node.output_mapping.is_empty();
        // The output of a block is made of those of its steps. Nodes stand behind the node they belong to.
        let owner = block(arena, node).and_then(|block| block.owner);
        let owner = owner.and_then(|NodeId(owner)| usize::try_from(owner).ok());
        let passed_on = owner.and_then(|owner| read.get(owner)).copied();
        let is_read = bound || passed_on.unwrap_or(false) || mentioned.reads(arena, node);
        if let Some(read) = read.get_mut(index) {
            *read = is_read;
        }
    }
    for (node, read) in arena.nodes.iter_mut().zip(read) {
        if let Action::Loop(repeat) = &mut node.action {
            repeat.collects = read || repeat.batch.is_some();
        }
    }
}

/// What expressions mention.
struct Mentioned {
    ids: HashSet<(BlockId, String)>,
    /// Manifests, by their top-level blocks, of which any step may be meant.
    all: HashSet<BlockId>,
}

impl Mentioned {
    fn reads(&self, arena: &Arena<'_>, node: &Node) -> bool {
        let space = arena.ids.space(node.block).unwrap_or(node.block);
        self.all.contains(&space) || self.ids.contains(&(space, node.id.clone()))
    }
}

fn mentioned(arena: &Arena<'_>) -> Mentioned {
    let mut mentioned = Mentioned {
        ids: HashSet::new(),
        all: HashSet::new(),
    };
    for (node, mentions) in arena.nodes.iter().zip(&arena.mentions) {
        let space = arena.ids.space(node.block).unwrap_or(node.block);
        let ids = mentions.ids().map(|id| (space, id.to_owned()));
        mentioned.ids.extend(ids);
        if mentions.any_step() {
            mentioned.all.insert(space);
        }
    }
    for references in &arena.result {
        let names = references.names().map(str::to_owned);
        let ids = references.steps.iter().cloned().chain(names);
        mentioned.ids.extend(ids.map(|id| (BlockId::ROOT, id)));
        if references.every_step || !references.step_positions.is_empty() {
            mentioned.all.insert(BlockId::ROOT);
        }
    }
    mentioned
}

fn block<'a>(arena: &'a Arena<'_>, node: &Node) -> Option<&'a super::Block> {
    arena.blocks.get(usize::try_from(node.block.0).ok()?)
}
