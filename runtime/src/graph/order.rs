//! The order within a block: ranks, and which waits follow from others.

use std::ops::Range;

use super::Vertex;

/// The rank of each vertex of a block: one more than the highest rank it waits for, from 0. Vertices that wait for each
/// other, which a plan does not have, get 0.
pub(super) fn ranks(vertices: &[Vertex], block: &Range<usize>) -> Vec<usize> {
    let mut ranks = vec![0; block.len()];
    for at in topological(vertices, block) {
        let rank = inner(vertices, block, at)
            .filter_map(|before| ranks.get(before))
            .map(|rank| rank + 1)
            .max();
        if let Some(slot) = ranks.get_mut(at) {
            *slot = rank.unwrap_or(0);
        }
    }
    ranks
}

/// Removes each wait that follows from the others of the same vertex.
pub(super) fn reduce(vertices: &mut [Vertex], block: &Range<usize>) {
    let order = topological(vertices, block);
    let ranks = ranks(vertices, block);
    let words = block.len().div_ceil(64);
    // Everything that comes before a vertex, a bit each.
    let mut before: Vec<Vec<u64>> = vec![Vec::new(); block.len()];
    for at in order {
        let mut waits: Vec<usize> = inner(vertices, block, at).collect();
        // Those of the highest rank cannot follow from others.
        waits.sort_by_key(|wait| (std::cmp::Reverse(ranks.get(*wait).copied()), *wait));
        let mut all = vec![0_u64; words];
        let mut kept = Vec::with_capacity(waits.len());
        for wait in waits {
            let (word, bit) = (wait / 64, 1_u64 << (wait % 64));
            if all.get(word).is_some_and(|word| word & bit != 0) {
                continue;
            }
            kept.push(block.start + wait);
            for (all, before) in all.iter_mut().zip(before.get(wait).into_iter().flatten()) {
                *all |= before;
            }
            if let Some(word) = all.get_mut(word) {
                *word |= bit;
            }
        }
        kept.sort_unstable();
        if let Some(vertex) = vertices.get_mut(block.start + at) {
            vertex.after = kept;
        }
        if let Some(slot) = before.get_mut(at) {
            *slot = all;
        }
    }
}

/// The positions in the block that the vertex at a position waits for.
fn inner<'v>(
    vertices: &'v [Vertex],
    block: &Range<usize>,
    at: usize,
) -> impl Iterator<Item = usize> + use<'v> {
    let (start, end) = (block.start, block.end);
    vertices
        .get(start + at)
        .into_iter()
        .flat_map(|vertex| &vertex.after)
        .filter(move |before| (start..end).contains(before))
        .map(move |before| before - start)
}

/// Positions in the block, each after those it waits for.
fn topological(vertices: &[Vertex], block: &Range<usize>) -> Vec<usize> {
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); block.len()];
    let mut open = vec![0_usize; block.len()];
    for at in 0..block.len() {
        for before in inner(vertices, block, at) {
            if let (Some(followers), Some(open)) = (followers.get_mut(before), open.get_mut(at)) {
                followers.push(at);
                *open += 1;
            }
        }
    }
    let mut order: Vec<usize> = (0..block.len())
        .filter(|at| open.get(*at) == Some(&0))
        .collect();
    let mut next = 0;
    while let Some(at) = order.get(next).copied() {
        next += 1;
        for follower in followers.get(at).into_iter().flatten() {
            if let Some(open) = open.get_mut(*follower) {
                *open -= 1;
                if *open == 0 {
                    order.push(*follower);
                }
            }
        }
    }
    order
}
