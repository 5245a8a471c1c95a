//! What each step waits for: what its author says, the step above where the author says nothing, and every step whose
//! result its expressions read.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Node, NodeId, PlanError, Relation, TaskCall, TaskInput};
use crate::expression::References;
use crate::manifest::model::{Step, Workflow};

/// The steps that one step mentions.
pub(super) struct Mentions {
    depends_on: Option<Vec<String>>,
    reads: References,
    /// Names that mean a step unless something else has them.
    names: BTreeSet<String>,
}

impl Mentions {
    pub(super) fn of(step: &Step, node: &Node, workflow: &Workflow) -> Self {
        let mut reads = References::default();
        if let Some(condition) = &node.condition {
            reads.merge(condition.references());
        }
        let task = node.task();
        if let TaskInput::Rendered(template) = &task.input {
            reads.merge(template.references());
        }
        if task.name.is_none() {
            add_task(task, &mut reads);
        }
        let mut mapped = References::default();
        for (_, template) in &node.output_mapping {
            mapped.merge(template.references());
        }
        // What a step maps its own output with is read after it ran.
        mapped.steps.remove(&step.id);
        let names = mapped.names().chain(reads.names());
        let names = names
            .filter(|name| *name != step.id)
            .filter(|name| {
                !workflow
                    .variables
                    .iter()
                    .any(|(variable, _)| variable == name)
            })
            .map(str::to_owned)
            .collect();
        reads.merge(mapped);
        Self {
            depends_on: step.depends_on.clone(),
            reads,
            names,
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
pub(super) fn resolve(
    nodes: &mut [Node],
    mentions: &[Mentions],
    ids: &HashMap<&str, NodeId>,
    errors: &mut Vec<PlanError>,
) {
    let count = nodes.len();
    for (number, (node, mentions)) in (0_u32..).zip(nodes.iter_mut().zip(mentions)) {
        let mut unknown = |unknown: &str, relation| {
            errors.push(PlanError::UnknownStep {
                step: node.id.clone(),
                path: node.path.clone(),
                unknown: unknown.to_owned(),
                relation,
            });
        };
        let mut found = BTreeSet::new();
        match &mentions.depends_on {
            Some(listed) => {
                for id in listed {
                    match ids.get(id.as_str()) {
                        Some(dependency) => drop(found.insert(*dependency)),
                        None => unknown(id, Relation::DependsOn),
                    }
                }
            }
            None => found.extend(number.checked_sub(1).map(NodeId)),
        }
        for id in &mentions.reads.steps {
            match ids.get(id.as_str()) {
                Some(dependency) => drop(found.insert(*dependency)),
                None => unknown(id, Relation::Reads),
            }
        }
        for position in &mentions.reads.step_positions {
            match u32::try_from(*position) {
                Ok(position_id) if *position < count => drop(found.insert(NodeId(position_id))),
                _ => unknown(&format!("steps[{position}]"), Relation::Reads),
            }
        }
        let named = mentions
            .names
            .iter()
            .filter_map(|name| ids.get(name.as_str()));
        found.extend(named);
        node.depends_on = found.into_iter().collect();
    }
    if let Some(cycle) = cycle(nodes) {
        errors.push(cycle);
    }
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
