//! Which step an id means.

use std::collections::HashMap;

use super::{BlockId, NodeId};

/// Nodes by step id. Each block that is isolated has ids of its own, the blocks in it included.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids {
    /// For each block, the one around it that its ids belong to.
    spaces: Vec<BlockId>,
    nodes: HashMap<BlockId, HashMap<String, NodeId>>,
}

impl Ids {
    /// Adds the next block.
    pub(super) fn add_block(&mut self, isolated: bool, around: Option<BlockId>) {
        let own = BlockId(u32::try_from(self.spaces.len()).unwrap_or(u32::MAX));
        let around = around.filter(|_| !isolated);
        let space = around.and_then(|around| self.space(around));
        self.spaces.push(space.unwrap_or(own));
    }

    /// Names a node of a block; the node that has the id already, if one does.
    pub(super) fn add(&mut self, block: BlockId, id: &str, node: NodeId) -> Option<NodeId> {
        let ids = self.nodes.entry(self.space(block)?).or_default();
        if let Some(first) = ids.get(id) {
            return Some(*first);
        }
        ids.insert(id.to_owned(), node);
        None
    }

    /// The node that `id` means to a step of `block`.
    pub(super) fn find(&self, block: BlockId, id: &str) -> Option<NodeId> {
        self.nodes.get(&self.space(block)?)?.get(id).copied()
    }

    /// The block around `block` that its ids belong to.
    pub(super) fn space(&self, block: BlockId) -> Option<BlockId> {
        self.spaces.get(usize::try_from(block.0).ok()?).copied()
    }
}
