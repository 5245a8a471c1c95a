//! The steps of a manifest, block by block: those of the workflow first, then those of the blocks among them, and so on.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::compile::Compiler;
use super::dependency::{self, Mentions};
use super::ids::Ids;
use super::task::Caller;
use super::{
    Action, Block, BlockId, Branches, Join, Node, NodeId, OnError, PlanError, PlannedBranch,
    support,
};
use crate::manifest::model::{
    Branch, Manifest, OutputBinding, Step, StepAction, StepErrorAction, Task, Workflow,
};
use crate::policy::RetryPolicy;

/// What the steps of one manifest have in common.
pub(super) struct Context<'a> {
    /// Where they stand: references are followed from there, and it binds the capabilities of inline tasks.
    pub(super) manifest: &'a Manifest,
    /// Default policy.
    pub(super) retry: Option<RetryPolicy>,
    /// Default bound on an attempt.
    pub(super) step_timeout: Option<Duration>,
    /// Names that mean a variable rather than a step.
    pub(super) variables: Vec<String>,
}

impl<'a> Context<'a> {
    pub(super) fn workflow(manifest: &'a Manifest, workflow: &Workflow) -> Self {
        Self {
            manifest,
            retry: workflow.retry.clone(),
            step_timeout: workflow.step_timeout,
            variables: workflow.variables.iter().map(|(n, _)| n.clone()).collect(),
        }
    }

    pub(super) fn task(manifest: &'a Manifest, task: &Task) -> Self {
        Self {
            manifest,
            retry: task.retry.clone(),
            step_timeout: None,
            variables: Vec::new(),
        }
    }
}

/// Which of its siblings a step waits for when it does not say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The one above it.
    Sequence,
    /// None.
    Beside,
}

/// Steps whose block has its number already and is still to be compiled.
pub(super) struct Pending<'a> {
    pub(super) owner: Option<NodeId>,
    pub(super) order: Order,
    pub(super) isolated: bool,
    pub(super) steps: Vec<Step>,
    pub(super) context: Rc<Context<'a>>,
}

/// The arena of a plan while it grows.
#[derive(Default)]
pub(super) struct Arena<'a> {
    pub(super) blocks: Vec<Block>,
    pub(super) nodes: Vec<Node>,
    pub(super) ids: Ids,
    pub(super) mentions: Vec<Mentions>,
    pending: VecDeque<Pending<'a>>,
}

impl<'a> Arena<'a> {
    /// Gives steps a block; they are compiled when those before them are.
    pub(super) fn reserve(&mut self, pending: Pending<'a>) -> BlockId {
        let number = self.blocks.len() + self.pending.len();
        self.pending.push_back(pending);
        BlockId(u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn next_node(&self) -> NodeId {
        NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX))
    }
}

impl<'a> Compiler<'a> {
    /// Compiles all blocks that are reserved, and those that they contain.
    pub(super) fn blocks(&mut self, arena: &mut Arena<'a>) {
        while let Some(pending) = arena.pending.pop_front() {
            let number = BlockId(u32::try_from(arena.blocks.len()).unwrap_or(u32::MAX));
            let owner = pending.owner.and_then(|owner| at(&arena.nodes, owner));
            let around = owner.map(|owner| owner.block);
            arena.ids.add_block(pending.isolated, around);
            arena.blocks.push(Block {
                owner: pending.owner,
                join: Join::All,
                first: arena.next_node(),
                count: u32::try_from(pending.steps.len()).unwrap_or(u32::MAX),
                isolated: pending.isolated,
            });
            let Pending {
                order,
                steps,
                context,
                ..
            } = pending;
            for (position, step) in steps.into_iter().enumerate() {
                let above = (order == Order::Sequence && position > 0).then(|| {
                    let NodeId(next) = arena.next_node();
                    NodeId(next.saturating_sub(1))
                });
                self.step(arena, number, above, step, &context);
            }
        }
        dependency::resolve(arena, &mut self.errors);
    }

    fn step(
        &mut self,
        arena: &mut Arena<'a>,
        block: BlockId,
        above: Option<NodeId>,
        mut step: Step,
        context: &Rc<Context<'a>>,
    ) {
        let number = arena.next_node();
        support::step(&step, &mut self.errors);
        if let Some(first) = arena.ids.add(block, &step.id, number) {
            let first = at(&arena.nodes, first);
            self.errors.push(PlanError::DuplicateStep {
                step: step.id.clone(),
                path: step.path.clone(),
                first: first.map(|node| node.path.clone()).unwrap_or_default(),
            });
        }
        let action = self.action(arena, number, &mut step, context);
        let is_task = matches!(action, Action::Task(_));
        let OutputBinding {
            to,
            fields,
            mapping,
        } = step.output;
        let node = Node {
            id: step.id,
            name: step.name,
            block,
            path: step.path,
            depends_on: Vec::new(),
            condition: step.condition,
            action,
            input: step.input.filter(|_| !is_task),
            output_to: to,
            output_fields: fields,
            output_mapping: mapping,
            on_error: match &step.on_error {
                Some(StepErrorAction::Continue) => Some(OnError::Continue),
                Some(StepErrorAction::Fail) => Some(OnError::Fail),
                // Goto and Compensate were refused by name.
                Some(StepErrorAction::Goto(_) | StepErrorAction::Compensate(_)) | None => {
                    step.continue_on_error.then_some(OnError::Continue)
                }
            },
            is_async: step.is_async,
            labels: step.labels,
        };
        let mentions = Mentions::of(step.depends_on, above, &node, &context.variables);
        arena.mentions.push(mentions);
        arena.nodes.push(node);
    }

    fn action(
        &mut self,
        arena: &mut Arena<'a>,
        node: NodeId,
        step: &mut Step,
        context: &Rc<Context<'a>>,
    ) -> Action {
        let mut reserve = |order, steps: &mut Vec<Step>| {
            arena.reserve(Pending {
                owner: Some(node),
                order,
                isolated: false,
                steps: std::mem::take(steps),
                context: Rc::clone(context),
            })
        };
        match &mut step.action {
            StepAction::Parallel(steps) => Action::Parallel(reserve(Order::Beside, steps)),
            StepAction::Conditional {
                branches,
                otherwise,
            } => Action::Conditional(Box::new(Branches {
                branches: (0..)
                    .zip(branches)
                    .map(|(position, branch)| planned(position, branch, &mut reserve))
                    .collect(),
                otherwise: (!otherwise.is_empty()).then(|| reserve(Order::Sequence, otherwise)),
            })),
            _ => {
                let caller = Caller::step(context, step);
                Action::Task(Box::new(self.call(&caller, step)))
            }
        }
    }
}

/// A node that is compiled.
pub(super) fn at(nodes: &[Node], id: NodeId) -> Option<&Node> {
    nodes.get(usize::try_from(id.0).ok()?)
}

fn planned(
    position: u32,
    branch: &mut Branch,
    reserve: &mut impl FnMut(Order, &mut Vec<Step>) -> BlockId,
) -> PlannedBranch {
    PlannedBranch {
        name: branch.name.take().unwrap_or_else(|| position.to_string()),
        condition: branch.condition.clone(),
        block: reserve(Order::Sequence, &mut branch.steps),
    }
}
