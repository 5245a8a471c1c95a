//! What must hold of every run after every transition; for simulators and tests.

use super::state::{Phase, Place, RunState, ScopeId, ScopeState, StepState};
use crate::plan::{FailureMode, Node, OnError, Plan};
use crate::port::RunStatus;

/// What is wrong with a run; empty when nothing is.
///
/// - Counters equal what they count: steps in flight, unmet dependencies, steps a scope's end waits for.
/// - The ready list holds the ready steps, each once.
/// - No step is past pending before its dependencies are settled.
/// - A block that is open has a step that its end waits for; one that failed has none that goes on.
/// - A loop has no more scopes than iterations it may run at once, and none for those that are finished.
/// - Never more steps in flight than the plan allows.
/// - A running run has something in flight, for nothing else moves it (deadlock detection); a ready step means that all
///   slots are taken, or the run is held. What has ended is not held.
/// - A run that failed or was canceled has no step left unsettled, one that completed only async ones.
/// - A completed run has an output, a failed one an error; only `notify` lets a run go on after a failure.
#[must_use]
pub fn check_invariants(plan: &Plan, state: &RunState) -> Vec<String> {
    let mut broken = Vec::new();
    let mut claim = |holds: bool, what: &dyn Fn() -> String| {
        if !holds {
            broken.push(what());
        }
    };
    claim(state.plan() == plan.hash(), &|| {
        "the run is pinned to another plan".to_owned()
    });
    let in_flight = state
        .steps()
        .filter(|(_, s)| s.phase.is_in_flight())
        .count();
    claim(usize::try_from(state.in_flight) == Ok(in_flight), &|| {
        format!("{} in flight, counted {in_flight}", state.in_flight)
    });
    let waiting = state.steps().filter(|(_, s)| s.phase == Phase::Waiting);
    let waiting = waiting.count();
    claim(usize::try_from(state.waiting) == Ok(waiting), &|| {
        format!("{} waiting, counted {waiting}", state.waiting)
    });
    let children = state.steps().filter(|(_, s)| s.phase == Phase::Child);
    let children = children.count();
    claim(usize::try_from(state.children) == Ok(children), &|| {
        format!("{} child runs at work, counted {children}", state.children)
    });
    for (place, step) in state.steps() {
        let listed = state.ready.iter().filter(|ready| **ready == place).count();
        let expected = usize::from(step.phase == Phase::Ready);
        claim(listed == expected, &|| {
            format!(
                "node {} is {} times in the ready list",
                place.node.0, listed
            )
        });
    }
    for scope in state.scopes.values() {
        let pending = waited_for(plan, scope);
        claim(usize::try_from(scope.pending) == Ok(pending), &|| {
            format!("scope pending {}, counted {pending}", scope.pending)
        });
    }
    for (place, step) in state.steps() {
        let Some(node) = plan.node(place.node) else {
            claim(false, &|| format!("the plan has no node {}", place.node.0));
            continue;
        };
        for problem in step_problems(state, place, step, node) {
            claim(false, &|| format!("step `{}`: {problem}", node.id));
        }
    }
    for problem in run_problems(plan, state) {
        claim(false, &|| problem.clone());
    }
    broken
}

fn waited_for(plan: &Plan, scope: &ScopeState) -> usize {
    let nodes = plan.nodes_of(scope.block).filter_map(|id| plan.node(id));
    nodes
        .zip(&scope.steps)
        .filter(|(node, step)| !node.is_async && !step.phase.is_settled())
        .count()
}

fn step_problems(state: &RunState, place: Place, step: &StepState, node: &Node) -> Vec<String> {
    let mut problems = Vec::new();
    let unmet = node
        .depends_on
        .iter()
        .filter(|dependency| {
            let dependency = Place {
                node: **dependency,
                ..place
            };
            state
                .step(dependency)
                .is_none_or(|step| !step.phase.is_settled())
        })
        .count();
    if usize::try_from(step.unmet) != Ok(unmet) {
        problems.push(format!("{} unmet, counted {unmet}", step.unmet));
    }
    let began = step.phase.has_begun();
    let scopes = step.block.iter().flat_map(|block| &block.scopes);
    if scopes
        .clone()
        .any(|scope| state.owner(*scope) != Some(place))
    {
        problems.push("has a scope that is not its own".to_owned());
    }
    let waits = |scope: &ScopeId| state.scope(*scope).is_some_and(|scope| scope.pending > 0);
    let undoes = |scope: ScopeId| {
        let mut around = state
            .owner(scope)
            .into_iter()
            .flat_map(|owner| state.around(owner));
        around.any(|around| state.owner(around.scope) == Some(place))
    };
    let waits_to_undo = state.undo.iter().any(|undo| waits(undo) && undoes(*undo));
    if step.phase == Phase::Open && !scopes.clone().any(waits) && !waits_to_undo {
        problems.push("is open, but nothing in it is waited for".to_owned());
    }
    if let Some((block, cursor)) = step
        .block
        .as_deref()
        .and_then(|b| Some((b, b.cursor.as_ref()?)))
    {
        if block.scopes.len() > cursor.parallelism {
            problems.push("more iterations than may run at once".to_owned());
        }
        if cursor.finished + block.scopes.len() != cursor.next || cursor.next > cursor.items.len() {
            problems.push("iterations begun, finished and open disagree".to_owned());
        }
    }
    let unsettled = |scope: &ScopeId| {
        let mut steps = state.places(*scope);
        steps.any(|(_, step)| !step.phase.is_settled())
    };
    let stopped = matches!(step.phase, Phase::Failed { .. } | Phase::Canceled);
    if stopped && scopes.clone().any(unsettled) {
        problems.push("has ended badly, but a step in it goes on".to_owned());
    }
    if began && unmet > 0 {
        problems.push("began before its dependencies were settled".to_owned());
    }
    if began && step.input.is_none() {
        problems.push("began without an input".to_owned());
    }
    if step.phase.is_in_flight() && step.attempt == 0 {
        problems.push("in flight without an attempt".to_owned());
    }
    if step.phase == Phase::Child && step.child.is_none() {
        problems.push("waits for a child run that has no name".to_owned());
    }
    if step.phase == Phase::Completed && step.output.is_none() {
        problems.push("completed without an output".to_owned());
    }
    if matches!(step.phase, Phase::Failed { .. }) && step.error.is_none() {
        problems.push("failed without an error".to_owned());
    }
    if step.phase.is_settled() != step.finished_at.is_some() {
        problems.push("settled and finished_at disagree".to_owned());
    }
    problems
}

fn run_problems(plan: &Plan, state: &RunState) -> Vec<String> {
    let mut problems = Vec::new();
    let mut claim = |holds: bool, what: &str| {
        if !holds {
            problems.push(what.to_owned());
        }
    };
    let status = state.status();
    let max = plan.max_parallel().unwrap_or(u32::MAX);
    claim(state.in_flight <= max, "more steps in flight than allowed");
    let free = state.in_flight < max && !state.ready.is_empty() && !state.is_held();
    claim(!free, "a step is ready and a slot is free");
    claim(
        status != RunStatus::Running || state.in_flight > 0,
        "running, but nothing is in flight",
    );
    claim(
        status.is_terminal() == state.ended_at.is_some(),
        "ended and ended_at disagree",
    );
    claim(
        !(state.is_held() && state.ended_at.is_some()),
        "held after its end",
    );
    let begun = || state.steps().any(|(_, step)| step.phase != Phase::Pending);
    claim(
        state.status != RunStatus::Pending || !begun(),
        "waits for its slot, and a step has begun",
    );
    let unsettled = |async_too: bool| {
        state.steps().any(|(place, step)| {
            let mut around = state
                .around(place)
                .filter_map(|place| plan.node(place.node));
            let is_async = around.any(|node| node.is_async);
            !step.phase.is_settled() && (async_too || !is_async)
        })
    };
    let failed = state.steps().any(|(place, step)| {
        matches!(step.phase, Phase::Failed { continued: false }) && !state.is_caught(plan, place)
    });
    match status {
        RunStatus::Completed => {
            claim(
                !unsettled(false),
                "completed with a step left that it waits for",
            );
            claim(!failed, "completed although a step failed");
            claim(state.output.is_some(), "completed without an output");
        }
        RunStatus::Failed => {
            claim(!unsettled(true), "failed with a step left unsettled");
            claim(state.error.is_some(), "failed without an error");
        }
        RunStatus::Canceled => claim(!unsettled(true), "canceled with a step left unsettled"),
        _ => claim(
            !failed || plan.on_failure() == FailureMode::Notify || may_go_on(plan, state),
            "goes on although a step failed",
        ),
    }
    problems
}

/// Whether a run goes on after a failure because something is undone, or because a later step answers the failure.
fn may_go_on(plan: &Plan, state: &RunState) -> bool {
    let jumps = || {
        plan.nodes()
            .iter()
            .any(|node| matches!(node.on_error, Some(OnError::Goto(_))))
    };
    state.failing.is_some() || jumps()
}
