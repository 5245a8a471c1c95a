//! Blocks: steps that run together and end together, as one step of the block around them.

use serde_json::{Map, Value};

use super::bounds::violations;
use super::event::Event;
use super::input::StepError;
use super::machine::{Machine, expression_error};
use super::state::{Phase, Place, ScopeId};
use super::transition::Rejection;
use crate::plan::{Action, BlockId, Branches};

impl Machine<'_> {
    /// Begins the steps of a block that has one way only.
    pub(super) fn open_block(
        &mut self,
        place: Place,
        input: Value,
        block: BlockId,
    ) -> Result<(), Rejection> {
        self.opened(place, input, None)?;
        self.open_scope(place, block, None)
    }

    /// Begins the steps of the first branch whose condition holds, else of the last resort, else none.
    pub(super) fn open_branch(
        &mut self,
        place: Place,
        input: Value,
        choice: &Branches,
    ) -> Result<(), Rejection> {
        let mut taken = None;
        for branch in &choice.branches {
            let names = self.names_of_step(place, "branch");
            match branch.condition.is_truthy(&names) {
                Ok(false) => {}
                Ok(true) => {
                    taken = Some((branch.name.clone(), branch.block));
                    break;
                }
                Err(error) => {
                    let subject = format!("the condition of branch `{}`", branch.name);
                    let error = expression_error(&subject, &error);
                    return self.settle_failure(place, error).map(drop);
                }
            }
        }
        let otherwise = choice.otherwise.map(|block| ("else".to_owned(), block));
        match taken.or(otherwise) {
            Some((name, block)) => {
                self.opened(place, input, Some(name))?;
                self.open_scope(place, block, None)
            }
            None => {
                self.opened(place, input, None)?;
                self.complete(place, Value::Null, None)
            }
        }
    }

    fn opened(
        &mut self,
        place: Place,
        input: Value,
        branch: Option<String>,
    ) -> Result<(), Rejection> {
        self.record(Event::StepOpened {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            input,
            branch,
            items: None,
            items_of_input: None,
            parallelism: None,
        })
    }

    pub(super) fn open_scope(
        &mut self,
        owner: Place,
        block: BlockId,
        iteration: Option<usize>,
    ) -> Result<(), Rejection> {
        let opened = ScopeId(self.state.next_scope);
        self.record(Event::ScopeOpened {
            step: self.node(owner)?.id.clone(),
            scope: owner.scope.0,
            node: owner.node.0,
            opened: opened.0,
            block: block.0,
            iteration,
        })?;
        self.begin_scope(opened);
        Ok(())
    }

    /// Has the first steps of a new scope considered, or its end when it has none.
    pub(super) fn begin_scope(&mut self, opened: ScopeId) {
        let free = self.state.places(opened);
        let free = free.filter(|(_, step)| step.unmet == 0);
        self.unblocked.extend(free.map(|(place, _)| place));
        let scope = self.state.scope(opened);
        if scope.is_some_and(|scope| scope.pending == 0) {
            self.done.push_back(opened);
        }
    }

    /// Nothing is left in a scope that its block waits for: the block has its result.
    pub(super) fn scope_done(&mut self, scope: ScopeId) -> Result<(), Rejection> {
        let Some(block) = self.state.owner(scope) else {
            return Ok(());
        };
        if self.state.undo.contains(&scope) {
            // The blocks around may have waited for it.
            let around = self.state.around(block).map(|place| place.scope);
            self.done
                .extend(around.filter(|scope| *scope != ScopeId::ROOT));
            return Ok(());
        }
        if self.step(block)?.phase != Phase::Open || self.scope_waits(scope) {
            return Ok(());
        }
        let action = &self.node(block)?.action;
        if let Action::Loop(repeat) = action {
            return self.iteration_done(block, repeat, scope);
        }
        if let Some(failed) = self.state.failure_in(scope) {
            return self.fail_block(block, failed);
        }
        let output = match action {
            Action::Parallel(_) => self.outputs(scope)?,
            _ => self.last_output(scope),
        };
        self.block_done(block, output)
    }

    /// Whether something in the scope is not done: a step that its end waits for, or what undoes one of its steps.
    fn scope_waits(&self, scope: ScopeId) -> bool {
        let waits = |scope: &ScopeId| self.state.scope(*scope).is_some_and(|s| s.pending > 0);
        waits(&scope)
            || self.state.undoing().any(|undo| {
                let owner = self.state.owner(undo);
                let mut around = owner.into_iter().flat_map(|owner| self.state.around(owner));
                around.any(|place| place.scope == scope)
            })
    }

    /// Settles a block with its output, once that has passed its checks.
    pub(super) fn block_done(&mut self, block: Place, output: Value) -> Result<(), Rejection> {
        let checked = if self.node(block)?.task().is_some() {
            self.accept(block, output)?
        } else {
            let broken = violations(None, &output);
            if broken.is_empty() {
                self.mapped(block, output)?
            } else {
                Err(self.violated(block, "output", broken)?)
            }
        };
        match checked {
            Ok(output) => self.complete(block, output, None),
            Err(error) => self.settle_failure(block, error).map(drop),
        }
    }

    /// A step of a block failed, and nobody continues it: the block fails with its error, and what is left of it is
    /// stopped.
    pub(super) fn fail_block(&mut self, block: Place, failed: Place) -> Result<(), Rejection> {
        if self.step(block)?.phase != Phase::Open {
            return Ok(());
        }
        let error = self.step(failed)?.error.as_deref().cloned();
        let error = error.ok_or_else(|| Rejection::Inconsistent {
            reason: format!("node {} failed without an error", failed.node.0),
        })?;
        self.end_block(block, error)
    }

    /// Fails a block, and stops what is left of it.
    pub(super) fn end_block(&mut self, block: Place, error: StepError) -> Result<(), Rejection> {
        self.stop_block(block)?;
        self.settle_failure(block, error).map(drop)
    }

    /// The outputs of a scope's steps, by step id; null for those that have none.
    fn outputs(&self, scope: ScopeId) -> Result<Value, Rejection> {
        let mut outputs = Map::new();
        for (place, step) in self.state.places(scope) {
            let output = step.output.clone().unwrap_or_default().into_value();
            outputs.insert(self.node(place)?.id.clone(), output);
        }
        Ok(Value::Object(outputs))
    }

    /// The output of the last step of a scope that ran, in document order.
    pub(super) fn last_output(&self, scope: ScopeId) -> Value {
        let steps = self.state.places(scope);
        let ran = steps
            .filter(|(_, step)| step.phase == Phase::Completed)
            .last();
        let output = ran.and_then(|(_, step)| step.output.clone());
        output.unwrap_or_default().into_value()
    }
}
