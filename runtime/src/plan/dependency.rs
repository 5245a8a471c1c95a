//! What each step waits for: what its author says, the step above where the author says nothing, and every step whose
//! result its expressions read.

use std::collections::{BTreeSet, HashSet};

use super::steps::{self, Arena};
use super::{
    Action, BlockId, Node, NodeId, PlanError, PlannedWait, Relation, TaskCall, TaskInput, WaitKind,
};
use crate::expression::References;

/// The steps that one step mentions.
pub(super) struct Mentions {
    depends_on: Option<Vec<String>>,
    /// The step it waits for when it does not say.
    above: Option<NodeId>,
    reads: References,
    /// Names that mean a step unless something else has them.
    names: BTreeSet<String>,
}

impl Mentions {
    pub(super) fn of(
        depends_on: Option<Vec<String>>,
        above: Option<NodeId>,
        node: &Node,
        taken: &dyn Fn(&str) -> bool,
    ) -> Self {
        let mut reads = References::default();
        if let Some(condition) = &node.condition {
            reads.merge(condition.references());
        }
        if let Some(input) = &node.input {
            reads.merge(input.references());
        }
        add_action(node, &mut reads);
        let mut mapped = References::default();
        for (_, template) in &node.output_mapping {
            mapped.merge(template.references());
        }
        // What a step maps its own output with is read after it ran.
        mapped.steps.remove(&node.id);
        let names = mapped.names().chain(reads.names());
        let names = names
            .filter(|name| *name != node.id && !taken(name))
            .map(str::to_owned)
            .collect();
        reads.merge(mapped);
        Self {
            depends_on,
            above,
            reads,
            names,
        }
    }

    /// Ids and bare names that may be ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.reads
            .steps
            .iter()
            .chain(&self.names)
            .map(String::as_str)
    }

    /// Whether any step may be meant, or one by its position.
    pub(super) fn any_step(&self) -> bool {
        self.reads.every_step || !self.reads.step_positions.is_empty()
    }
}

/// What a step's action reads before its steps run, if it has any: those have mentions of their own.
fn add_action(node: &Node, reads: &mut References) {
    match &node.action {
        Action::Task(_) | Action::Steps(_) | Action::Wait(_) | Action::Subflow(_) => {
            let Some(task) = node.task() else { return };
            if let TaskInput::Rendered(template) = &task.input {
                reads.merge(template.references());
            }
            if task.name.is_none() {
                add_task(task, reads);
                if let Action::Wait(wait) = &node.action {
                    add_wait(wait, reads);
                }
            }
        }
        Action::Parallel(_) => {}
        Action::Conditional(choice) => {
            for branch in &choice.branches {
                reads.merge(branch.condition.references());
            }
        }
        Action::Loop(repeat) => {
            if let Some(task) = &repeat.batch {
                if let TaskInput::Rendered(template) = &task.input {
                    reads.merge(template.references());
                }
                if task.name.is_none() {
                    add_task(task, reads);
                }
                return;
            }
            reads.merge(repeat.over.references());
            if let Some(parallelism) = &repeat.parallelism {
                reads.merge(parallelism.references());
            }
        }
    }
}

fn add_wait(wait: &PlannedWait, reads: &mut References) {
    if let Some(assignee) = &wait.assignee {
        reads.merge(assignee.references());
    }
    if let WaitKind::Event { filter, .. } = &wait.kind {
        for (_, template) in filter {
            reads.merge(template.references());
        }
    }
}

/// A task that stands in the step sees the steps of the workflow; one of another manifest does not.
fn add_task(task: &TaskCall, reads: &mut References) {
    let checks = task.preconditions.iter().chain(&task.postconditions);
    let conditions = checks.map(|check| &check.expression).chain(&task.condition);
    for condition in conditions {
        reads.merge(condition.references());
    }
    for config in task.bindings.iter().filter_map(|b| b.config.as_ref()) {
        reads.merge(config.references());
    }
}

/// Sets `depends_on` of each node, and reports ids that no step has and steps that wait for each other.
///
/// Steps wait for steps beside them. Where a step mentions one of another block, the blocks wait that stand side by side
/// around the two.
pub(super) fn resolve(arena: &mut Arena<'_>, errors: &mut Vec<PlanError>) {
    let mut waits: Vec<BTreeSet<NodeId>> = vec![BTreeSet::new(); arena.nodes.len()];
    for (number, (node, mentions)) in (0..)
        .map(NodeId)
        .zip(arena.nodes.iter().zip(&arena.mentions))
    {
        let mut unknown = |unknown: &str, relation| {
            errors.push(PlanError::UnknownStep {
                step: node.id.clone(),
                path: node.path.clone(),
                unknown: unknown.to_owned(),
                relation,
            });
        };
        let mut found = BTreeSet::new();
        for id in mentions.depends_on.iter().flatten() {
            match arena.ids.find(node.block, id) {
                Some(dependency) => drop(found.insert(dependency)),
                None => unknown(id, Relation::DependsOn),
            }
        }
        if mentions.depends_on.is_none() {
            found.extend(mentions.above);
        }
        for id in &mentions.reads.steps {
            match arena.ids.find(node.block, id) {
                Some(dependency) => drop(found.insert(dependency)),
                None => unknown(id, Relation::Reads),
            }
        }
        for position in &mentions.reads.step_positions {
            match positioned(arena, node.block, *position) {
                Some(dependency) => drop(found.insert(dependency)),
                None => unknown(&format!("steps[{position}]"), Relation::Reads),
            }
        }
        let names = mentions.names.iter();
        found.extend(names.filter_map(|name| arena.ids.find(node.block, name)));
        for dependency in found {
            if let Some((step, dependency)) = siblings(arena, number, dependency)
                && let Some(waits) = usize::try_from(step.0)
                    .ok()
                    .and_then(|at| waits.get_mut(at))
            {
                waits.insert(dependency);
            }
        }
    }
    for (node, waits) in arena.nodes.iter_mut().zip(waits) {
        node.depends_on = waits.into_iter().collect();
    }
    if let Some(cycle) = cycle(&arena.nodes) {
        errors.push(cycle);
    }
}

/// The step at a position of the list that `block` belongs to.
fn positioned(arena: &Arena<'_>, block: BlockId, position: usize) -> Option<NodeId> {
    let space = arena.ids.space(block)?;
    let block = arena.blocks.get(usize::try_from(space.0).ok()?)?;
    let position = u32::try_from(position).ok()?;
    (position < block.count).then_some(NodeId(block.first.0.checked_add(position)?))
}

/// The two steps side by side that are, or contain, `step` and `other`. `None` when one of them contains the other, which
/// has no result before, or when they stand in different branches, of which only one runs.
fn siblings(arena: &Arena<'_>, step: NodeId, other: NodeId) -> Option<(NodeId, NodeId)> {
    let around = |node: NodeId| {
        let block = steps::at(&arena.nodes, node)?.block;
        arena.blocks.get(usize::try_from(block.0).ok()?)?.owner
    };
    let way = |node| std::iter::successors(Some(node), |node| around(*node)).collect::<Vec<_>>();
    let (ours, theirs) = (way(step), way(other));
    let shared = ours.iter().rev().zip(theirs.iter().rev());
    let shared = shared.take_while(|(ours, theirs)| ours == theirs).count();
    let apart = |way: &[NodeId]| {
        let position = way.len().checked_sub(shared + 1)?;
        way.get(position).copied()
    };
    let (ours, theirs) = match (apart(&ours), apart(&theirs)) {
        (Some(ours), Some(theirs)) => (ours, theirs),
        (None, None) => (step, other),
        _ => return None,
    };
    let block = |node| steps::at(&arena.nodes, node).map(|node| node.block);
    (block(ours) == block(theirs)).then_some((ours, theirs))
}

/// The first steps found to wait for each other. Takes away what can run until nothing is left, or only cycles and what
/// waits for them; from there, following what is waited for must lead into a cycle.
fn cycle(nodes: &[Node]) -> Option<PlanError> {
    let mut unmet: Vec<usize> = nodes.iter().map(|node| node.depends_on.len()).collect();
    let mut dependants = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        for dependency in &node.depends_on {
            if let Some(list) = at(*dependency).and_then(|at| dependants.get_mut(at)) {
                list.push(index);
            }
        }
    }
    let mut runnable: Vec<usize> = (0..nodes.len())
        .filter(|index| unmet.get(*index) == Some(&0))
        .collect();
    let mut stuck: BTreeSet<usize> = (0..nodes.len()).collect();
    while let Some(index) = runnable.pop() {
        stuck.remove(&index);
        for dependant in dependants.get(index).into_iter().flatten() {
            if let Some(unmet) = unmet.get_mut(*dependant) {
                *unmet = unmet.saturating_sub(1);
                if *unmet == 0 {
                    runnable.push(*dependant);
                }
            }
        }
    }
    let mut here = *stuck.first()?;
    let mut way = vec![here];
    let mut seen: HashSet<usize> = way.iter().copied().collect();
    loop {
        let mut waits_for = nodes.get(here)?.depends_on.iter().copied().filter_map(at);
        here = waits_for.find(|next| stuck.contains(next))?;
        way.push(here);
        if !seen.insert(here) {
            break;
        }
    }
    let circle = way.iter().skip_while(|index| **index != here);
    let members: Vec<&Node> = circle.filter_map(|index| nodes.get(*index)).collect();
    Some(PlanError::Cycle {
        path: members.first()?.path.clone(),
        steps: members.iter().map(|node| node.id.clone()).collect(),
    })
}

fn at(id: NodeId) -> Option<usize> {
    usize::try_from(id.0).ok()
}
