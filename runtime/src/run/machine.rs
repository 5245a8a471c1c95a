//! The workbench of one transition: what was decided so far, and what is still to be considered.

use std::cell::Cell;
use std::collections::VecDeque;

use super::effect::Effect;
use super::event::Event;
use super::input::StepError;
use super::names::{Given, Names, Site};
use super::state::{Place, RunState, ScopeId, StepState};
use super::transition::{Answer, Rejection, Transition};
use crate::expression::EvaluationError;
use crate::plan::{Node, Plan, TaskCall};
use crate::port::{RunStatus, Timestamp};

/// Decisions only record events; each is folded into the state at once, so the next decision sees it.
pub(super) struct Machine<'a> {
    pub(super) plan: &'a Plan,
    pub(super) state: RunState,
    pub(super) now: Timestamp,
    pub(super) events: Vec<Event>,
    pub(super) effects: Vec<Effect>,
    /// Steps whose dependencies are settled; those that have begun already are passed over in their turn.
    pub(super) unblocked: VecDeque<Place>,
    /// Scopes below a block in which nothing is left that its end waits for.
    pub(super) done: VecDeque<ScopeId>,
    /// The run is aborted: what is stopped is not to undo anything.
    pub(super) aborting: bool,
}

impl<'a> Machine<'a> {
    pub(super) const fn new(plan: &'a Plan, state: RunState, now: Timestamp) -> Self {
        Self {
            plan,
            state,
            now,
            events: Vec::new(),
            effects: Vec::new(),
            unblocked: VecDeque::new(),
            done: VecDeque::new(),
            aborting: false,
        }
    }

    pub(super) fn record(&mut self, event: Event) -> Result<(), Rejection> {
        self.clear_wait(&event);
        self.tell_parent(&event);
        self.concern_group(&event);
        self.state.evolve(self.plan, &event, self.now)?;
        self.events.push(event);
        Ok(())
    }

    pub(super) fn finish(mut self, answer: Answer) -> Transition {
        if !self.events.is_empty() {
            let version = self.state.version().next();
            self.state.commit(version, self.now);
        }
        let status = self.state.status();
        Transition {
            state: self.state,
            events: self.events,
            effects: self.effects,
            answer: answer.of(status),
        }
    }

    /// Carries on until nothing can be decided without another input.
    pub(super) fn advance(&mut self) -> Result<(), Rejection> {
        loop {
            if let Some(place) = self.unblocked.pop_front() {
                self.consider(place)?;
            } else if let Some(scope) = self.done.pop_front() {
                self.scope_done(scope)?;
            } else if let Some(place) = self.free_slot() {
                self.dispatch(place)?;
            } else {
                self.end_if_done()?;
                // The end may open steps that undo something.
                if self.unblocked.is_empty() {
                    return Ok(());
                }
            }
        }
    }

    /// The step that may be dispatched next.
    fn free_slot(&self) -> Option<Place> {
        let free = self.has_free_slot() && !self.state.is_held();
        self.state.ready.front().copied().filter(|_| free)
    }

    /// Whether the workflow allows one more step in flight.
    pub(super) fn has_free_slot(&self) -> bool {
        let max = self.plan.max_parallel();
        max.is_none_or(|max| self.state.in_flight < max)
    }

    /// Notes what a step that was just settled was waited for by: its dependants, and the end of its block.
    pub(super) fn unblock_dependants(&mut self, place: Place) {
        let scope = self.state.scope(place.scope);
        if scope.is_some_and(|scope| scope.pending == 0) {
            self.done.push_back(place.scope);
        }
        for dependant in self.plan.dependants(place.node) {
            let dependant = Place {
                scope: place.scope,
                node: *dependant,
            };
            let waits = self.state.step(dependant);
            if waits.is_some_and(|step| step.unmet == 0) {
                self.unblocked.push_back(dependant);
            }
        }
    }

    pub(super) fn node(&self, place: Place) -> Result<&'a Node, Rejection> {
        self.plan
            .node(place.node)
            .ok_or_else(|| Rejection::Inconsistent {
                reason: format!("the plan has no node {}", place.node.0),
            })
    }

    pub(super) fn step(&self, place: Place) -> Result<&StepState, Rejection> {
        self.state
            .step(place)
            .ok_or_else(|| Rejection::Inconsistent {
                reason: format!(
                    "there is no step at scope {}, node {}",
                    place.scope.0, place.node.0
                ),
            })
    }

    /// The task that the step's attempts run at present.
    pub(super) fn call(&self, place: Place) -> Result<&'a TaskCall, Rejection> {
        let task = self.node(place)?.task();
        let task = task.ok_or_else(|| Rejection::Inconsistent {
            reason: format!("node {} is no task", place.node.0),
        })?;
        let fallback = task.fallback.as_deref();
        let fell_back = self.step(place)?.fallback;
        Ok(fallback.filter(|_| fell_back).unwrap_or(task))
    }

    /// What the step's own expressions see.
    pub(super) fn names_of_step(&self, place: Place, purpose: &'static str) -> Names<'_> {
        self.names_at(Site {
            place: Some(place),
            attempt: self.state.step(place).map_or(0, |step| step.attempt),
            purpose,
            used: Cell::new(0),
        })
    }

    /// What expressions at this site see of the run.
    pub(super) fn names_at(&self, site: Site) -> Names<'_> {
        Names {
            plan: self.plan,
            start: self.state.start(),
            variables: self.state.variables(),
            state: Some(&self.state),
            now: self.now,
            input: None,
            output: None,
            isolated: false,
            site,
        }
    }

    /// What the expressions of the step's task see.
    pub(super) fn names_of_task<'s>(
        &'s self,
        place: Place,
        call: &TaskCall,
        input: Given<'s>,
        purpose: &'static str,
    ) -> Names<'s> {
        Names {
            input: Some(input),
            isolated: call.name.is_some(),
            ..self.names_of_step(place, purpose)
        }
    }

    /// Where the run's steps stand, whether or not it is held: decisions are the same in both cases.
    pub(super) const fn status(&self) -> RunStatus {
        self.state.status
    }
}

/// An expression that gives no value fails its step.
pub(super) fn expression_error(subject: &str, error: &EvaluationError) -> StepError {
    StepError::new("EXPRESSION_ERROR", format!("{subject}: {error}"))
}
