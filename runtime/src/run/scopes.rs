//! Blocks in the fold: their scopes are opened, iterations leave, failures are found in them.

use std::sync::Arc;

use super::data::Data;
use super::event::{Event, RunError};
use super::evolve::Unfitting;
use super::state::{BlockState, Cursor, Phase, Place, RunState, ScopeId, ScopeState, StepState};
use crate::plan::{BlockId, OnError, Plan};
use crate::port::Timestamp;

impl RunState {
    /// The long list in the run's input that these members lead to.
    pub(super) fn list_of_input(&self, way: &[String]) -> Result<Data, Unfitting> {
        let list = self.start.input.list_at(way);
        list.ok_or_else(|| Unfitting::new("a loop goes over a list that the input does not have"))
    }

    /// Folds an event about a block.
    pub(super) fn evolve_block(
        &mut self,
        plan: &Plan,
        place: Place,
        event: &Event,
        at: Timestamp,
    ) -> Result<(), Unfitting> {
        match event {
            Event::StepOpened {
                input,
                branch,
                items,
                items_of_input,
                parallelism,
                ..
            } => {
                let input = self.kept(input);
                let items = match items_of_input {
                    Some(way) => Some(self.list_of_input(way)?),
                    None => items.as_ref().map(|items| {
                        let items = self.kept(items.clone()).shared_with(&input);
                        items.shared_with(&self.start.input)
                    }),
                };
                let step = self.step_mut(place)?;
                step.input = Some(input);
                step.started_at.get_or_insert(at);
                step.block = Some(Box::new(BlockState {
                    scopes: Vec::new(),
                    branch: branch.clone(),
                    cursor: items.map(|items| Cursor {
                        items,
                        of_input: items_of_input.clone(),
                        next: 0,
                        parallelism: parallelism.unwrap_or(1),
                        finished: 0,
                        failed: 0,
                        results: Vec::new(),
                        bytes: 0,
                    }),
                }));
                self.enter(plan, place, Phase::Open, at)
            }
            Event::ScopeOpened {
                opened,
                block,
                iteration,
                ..
            } => {
                let opened = self.new_scope(*opened)?;
                let mut scope = ScopeState::open(plan, BlockId(*block), Some(place))?;
                scope.iteration = *iteration;
                let owner = self.block_mut(place)?;
                owner.scopes.push(opened);
                if let (Some(cursor), Some(iteration)) = (&mut owner.cursor, iteration) {
                    cursor.next = iteration.saturating_add(1);
                }
                self.scopes.insert(opened, scope);
                self.next_scope = opened.0.saturating_add(1);
                Ok(())
            }
            Event::IterationFinished {
                closed,
                iteration,
                failed,
                result,
                ..
            } => {
                let owner = self.block_mut(place)?;
                let open = owner.scopes.len();
                owner.scopes.retain(|scope| scope.0 != *closed);
                if owner.scopes.len() == open {
                    return Err(Unfitting::new("the iteration is not open"));
                }
                self.drop_scope(ScopeId(*closed));
                let cursor = self.block_mut(place)?.cursor.as_mut();
                let cursor = cursor
                    .filter(|cursor| *iteration < cursor.items.len())
                    .ok_or_else(|| Unfitting::new("the block has no such iteration"))?;
                cursor.finished += 1;
                cursor.failed += usize::from(*failed);
                if let Some(result) = result {
                    cursor.bytes += result.to_string().len();
                    if cursor.results.len() <= *iteration {
                        cursor.results.resize(iteration.saturating_add(1), None);
                    }
                    if let Some(slot) = cursor.results.get_mut(*iteration) {
                        *slot = Some(Arc::new(result.clone()));
                    }
                }
                Ok(())
            }
            _ => Err(Unfitting::new("the event is not about a block")),
        }
    }

    /// Opens the scope of steps that undo something.
    pub(super) fn open_undo(
        &mut self,
        plan: &Plan,
        opened: ScopeId,
        block: BlockId,
        owner: Option<Place>,
    ) -> Result<(), Unfitting> {
        let opened = self.new_scope(opened.0)?;
        let scope = ScopeState::open(plan, block, owner)?;
        self.scopes.insert(opened, scope);
        self.next_scope = opened.0.saturating_add(1);
        self.undo.push(opened);
        if owner.is_none()
            && let Some(failing) = &mut self.failing
        {
            failing.compensation = Some(opened);
        }
        Ok(())
    }

    /// Whether the step, or a block around it, undoes something.
    pub(super) fn undoes(&self, place: Place) -> bool {
        !self.undo.is_empty()
            && self
                .around(place)
                .any(|place| self.undo.contains(&place.scope))
    }

    /// The scopes that undo something and are not done.
    pub(super) fn undoing(&self) -> impl Iterator<Item = ScopeId> + '_ {
        let open = |scope: &ScopeId| self.scope(*scope).is_some_and(|scope| scope.pending > 0);
        self.undo.iter().copied().filter(open)
    }

    /// The number of a scope to be opened: the next one, so that no scope stands in itself.
    fn new_scope(&self, opened: u32) -> Result<ScopeId, Unfitting> {
        if opened == self.next_scope {
            Ok(ScopeId(opened))
        } else {
            Err(Unfitting::new(format!(
                "scope {opened} is opened, {} is the next",
                self.next_scope
            )))
        }
    }

    fn block_mut(&mut self, place: Place) -> Result<&mut BlockState, Unfitting> {
        let block = self.step_mut(place)?.block.as_deref_mut();
        block.ok_or_else(|| Unfitting::new("the block is not open"))
    }

    /// Takes away a scope and those below it. All their steps are settled.
    fn drop_scope(&mut self, scope: ScopeId) {
        let mut left = vec![scope];
        while let Some(scope) = left.pop() {
            let below =
                |undo: &ScopeId| self.scopes.get(undo).and_then(|s| s.parent) == Some(scope);
            left.extend(self.undo.iter().copied().filter(below));
            self.undo.retain(|undo| *undo != scope);
            let steps = self.scopes.remove(&scope).into_iter();
            let steps = steps.flat_map(|scope| scope.steps);
            left.extend(
                steps
                    .flat_map(|step| step.block.map(|block| block.scopes))
                    .flatten(),
            );
        }
    }

    /// The first step whose failure ends the run or will, as the run's error.
    pub(super) fn first_failure(&self, plan: &Plan) -> Option<RunError> {
        let failed = self.failure_below(plan, ScopeId::ROOT)?;
        let step = self.step(failed)?;
        let id = plan.node(failed.node).map(|node| node.id.as_str());
        Some(RunError::of_step(
            step.error.as_deref()?,
            id.unwrap_or_default(),
            step.attempt,
        ))
    }

    /// The first step of a scope, or of a block in it, whose failure nobody takes on himself. Of a block that failed
    /// because of a step in it, that step.
    fn failure_below(&self, plan: &Plan, scope: ScopeId) -> Option<Place> {
        self.places(scope).find_map(|(place, step)| {
            let failed = matches!(step.phase, Phase::Failed { continued: false });
            if !failed && step.phase != Phase::Open {
                return None;
            }
            let mut scopes = step.block.iter().flat_map(|block| &block.scopes);
            let inner = scopes.find_map(|scope| self.failure_below(plan, *scope));
            let inner = inner.filter(|inner| failed || !self.is_contained(plan, place, *inner));
            inner.or(failed.then_some(place))
        })
    }

    /// The first step of a scope whose failure nobody continued.
    pub(super) fn failure_in(&self, scope: ScopeId) -> Option<Place> {
        let mut steps = self.places(scope);
        let failed = |step: &StepState| matches!(step.phase, Phase::Failed { continued: false });
        steps.find(|(_, step)| failed(step)).map(|(place, _)| place)
    }

    /// Whether a block around the step takes its failure on itself, or was skipped by an operator, so that it is none of
    /// the run.
    pub(super) fn is_caught(&self, plan: &Plan, place: Place) -> bool {
        let skipped = |block: Place| {
            let step = self.step(block);
            step.is_some_and(|step| matches!(step.phase, Phase::Skipped { .. }))
        };
        let mut blocks = self.around(place).skip(1);
        blocks.any(|block| self.is_contained(plan, block, place) || skipped(block))
    }

    fn is_contained(&self, plan: &Plan, block: Place, failed: Place) -> bool {
        let error = self.step(failed).and_then(|step| step.error.as_deref());
        let code = error.map_or("", |error| &error.code);
        let Some(block) = plan.node(block.node) else {
            return false;
        };
        let handled = match block.on_error {
            Some(OnError::Goto(target)) => plan
                .node(target)
                .is_some_and(|target| target.on_error == Some(OnError::Continue)),
            _ => false,
        };
        handled || block.contains_failure(code)
    }
}
