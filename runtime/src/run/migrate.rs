//! A run that goes on with another version of its workflow.
//!
//! Tokens and effect keys name a step by its node, so a step that has begun must stand at the same place in both versions.
//! What has not begun is taken from the new one.

use std::mem::discriminant;

use super::event::Event;
use super::evolve::Unfitting;
use super::machine::Machine;
use super::state::{Phase, Place, RunState, ScopeId, ScopeState, StepState};
use super::transition::{Answer, Rejection, Transition};
use crate::plan::{BlockId, NodeId, Plan};
use crate::port::{PlanHash, RunStatus, Timestamp};

/// Something in which two versions of a workflow differ for a run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The step it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// For people.
    pub text: String,
    /// It stands in the way.
    pub blocks: bool,
}

impl Difference {
    fn blocking(step: Option<&str>, text: impl Into<String>) -> Self {
        Self {
            step: step.map(str::to_owned),
            text: text.into(),
            blocks: true,
        }
    }
}

/// What differs for a run between the plan it is pinned to and another one; what stands in the way first.
#[must_use]
pub fn differences(old: &Plan, new: &Plan, state: &RunState) -> Vec<Difference> {
    let mut found = of_run(old, new, state);
    for (place, step) in root(state) {
        let id = old.node(place.node).map_or("", |node| node.id.as_str());
        if has_begun(step) {
            if let Some(text) = in_the_way((old, new), state, place, step, id) {
                found.push(Difference::blocking(Some(id), text));
            }
        } else if new.find_from(BlockId::ROOT, id).is_none() {
            found.push(Difference {
                step: Some(id.to_owned()),
                text: format!("`{id}` has not begun, and is no longer there"),
                blocks: false,
            });
        }
    }
    for node in new.nodes_of(BlockId::ROOT).filter_map(|id| new.node(id)) {
        if old.find_from(BlockId::ROOT, &node.id).is_none() {
            found.push(Difference {
                step: Some(node.id.clone()),
                text: format!("`{}` is new", node.id),
                blocks: false,
            });
        }
    }
    found.sort_by_key(|difference| !difference.blocks);
    found
}

fn of_run(old: &Plan, new: &Plan, state: &RunState) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut claim = |holds: bool, text: String| {
        if !holds {
            found.push(Difference::blocking(None, text));
        }
    };
    let ended = state.ended_at.is_none();
    claim(ended, "the run has ended".to_owned());
    claim(
        state.failing.is_none(),
        "the run undoes what it did".to_owned(),
    );
    claim(
        old.hash() != new.hash(),
        "the run is on this version already".to_owned(),
    );
    claim(
        old.name() == new.name() && old.kind() == new.kind(),
        format!("`{}` is another workflow than `{}`", new.name(), old.name()),
    );
    for (name, _) in new.variables() {
        claim(
            state.variables.contains_key(name),
            format!("variable `{name}` is new, and variables are computed at the start"),
        );
    }
    let max = new.max_parallel().unwrap_or(u32::MAX);
    claim(
        state.in_flight <= max,
        format!(
            "{} steps are in flight, the new version allows {max}",
            state.in_flight
        ),
    );
    found
}

/// Why a step that has begun does not fit the new version.
fn in_the_way(
    (old, new): (&Plan, &Plan),
    state: &RunState,
    place: Place,
    step: &StepState,
    id: &str,
) -> Option<String> {
    let now = match step.phase {
        phase if phase.is_in_flight() => "is in flight",
        phase if phase.is_settled() => "has run",
        _ => "has begun",
    };
    if step
        .block
        .as_ref()
        .is_some_and(|block| !block.scopes.is_empty())
    {
        return Some(format!(
            "block `{id}` has begun; a run is migrated before its blocks begin"
        ));
    }
    let node = new
        .node(place.node)
        .filter(|node| node.block == BlockId::ROOT);
    let Some(node) = node.filter(|node| node.id == id) else {
        return Some(format!(
            "`{id}` {now}, and is not at the same place of the new version: it would be orphaned"
        ));
    };
    if step.phase.is_settled() {
        return None;
    }
    let before = old.node(place.node).map(|node| discriminant(&node.action));
    if before != Some(discriminant(&node.action)) {
        return Some(format!(
            "`{id}` {now}, and is of another kind in the new version"
        ));
    }
    let unmet = node.depends_on.iter().filter(|dependency| {
        let dependency = state.step(Place {
            node: **dependency,
            ..place
        });
        dependency.is_none_or(|step| !step.phase.is_settled())
    });
    let waits: Vec<_> = unmet
        .filter_map(|dependency| new.node(*dependency))
        .map(|node| format!("`{}`", node.id))
        .collect();
    (step.phase != Phase::Pending && !waits.is_empty()).then(|| {
        format!(
            "`{id}` {now}, and waits for {} in the new version",
            waits.join(", ")
        )
    })
}

fn root(state: &RunState) -> impl Iterator<Item = (Place, &StepState)> {
    state
        .steps()
        .filter(|(place, _)| place.scope == ScopeId::ROOT)
}

/// Whether anything of the step is to be kept.
fn has_begun(step: &StepState) -> bool {
    step.phase != Phase::Pending || step.attempt > 0 || step.to_skip
}

/// Has a run go on with another version of its workflow, from the first step on that has not begun.
///
/// # Errors
/// When a difference stands in the way; nothing changed then.
pub fn migrate(
    old: &Plan,
    new: &Plan,
    state: RunState,
    by: String,
    reason: String,
    now: Timestamp,
) -> Result<Transition, Rejection> {
    let blocking = differences(old, new, &state).into_iter();
    let blocking: Vec<_> = blocking.filter(|it| it.blocks).map(|it| it.text).collect();
    if !blocking.is_empty() {
        return Err(Rejection::NotMigratable {
            run: state.run(),
            status: state.status(),
            differences: blocking,
        });
    }
    let mut machine = Machine::new(new, state, now);
    machine.record(Event::RunMigrated {
        from: old.hash().clone(),
        to: new.hash().clone(),
        by,
        reason,
    })?;
    let free = root(&machine.state).filter(|(_, step)| step.unmet == 0);
    let free = free.map(|(place, _)| place).collect();
    if machine.status() == RunStatus::Running {
        machine.unblocked = free;
        machine.advance()?;
    }
    let status = machine.status();
    Ok(machine.finish(Answer::Applied { status }))
}

impl RunState {
    /// Keeps what has begun and takes the rest from the new plan.
    pub(super) fn migrate(&mut self, new: &Plan, to: &PlanHash) -> Result<(), Unfitting> {
        let mut scope = ScopeState::open(new, BlockId::ROOT, None)?;
        for (place, step) in root(self) {
            if has_begun(step)
                && let Some(at) = scope.position(place.node)
                && let Some(slot) = scope.steps.get_mut(at)
            {
                *slot = step.clone();
            }
        }
        let settled = |scope: &ScopeState, node: NodeId| {
            let step = scope.position(node).and_then(|at| scope.steps.get(at));
            step.is_some_and(|step| step.phase.is_settled())
        };
        let mut pending = 0;
        let mut unmet = Vec::with_capacity(scope.steps.len());
        for id in new.nodes_of(BlockId::ROOT) {
            let Some(node) = new.node(id) else { continue };
            let waits = node
                .depends_on
                .iter()
                .filter(|it| !settled(&scope, **it))
                .count();
            unmet.push(u32::try_from(waits).unwrap_or(u32::MAX));
            pending += u32::from(!node.is_async && !settled(&scope, id));
        }
        for (step, unmet) in scope.steps.iter_mut().zip(unmet) {
            step.unmet = unmet;
        }
        scope.pending = pending;
        self.scopes.insert(ScopeId::ROOT, scope);
        self.plan = to.clone();
        Ok(())
    }
}
