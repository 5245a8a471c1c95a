//! The steps of a manifest, block by block: those of the workflow first, then those of the blocks among them, and so on.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::compile::Compiler;
use super::dependency::{self, Mentions};
use super::ids::Ids;
use super::task::Caller;
use super::{
    Action, Block, BlockId, Branches, Construct, Join, Node, NodeId, OnError, PlanError,
    PlannedBranch, PlannedLoop, TaskCall, TaskSteps, jump, read, support,
};
use crate::expression::References;
use crate::manifest::model::{
    Body, Branch, Manifest, OutputBinding, Step, StepAction, StepErrorAction, Task, Workflow,
};
use crate::policy::RetryPolicy;

/// Steps that a plan may have, those of the tasks it is made of included.
const MAX_NODES: usize = 100_000;

/// A manifest that is compiled, or one that it refers to.
pub(super) enum Source<'a> {
    Own(&'a Manifest),
    Called(Arc<Manifest>),
}

impl Deref for Source<'_> {
    type Target = Manifest;

    fn deref(&self) -> &Manifest {
        match self {
            Self::Own(manifest) => manifest,
            Self::Called(manifest) => manifest,
        }
    }
}

/// What the steps of one manifest have in common.
pub(super) struct Context<'a> {
    /// Where they stand: references are followed from there, and it binds the capabilities of inline tasks.
    pub(super) manifest: Source<'a>,
    /// Default policy.
    pub(super) retry: Option<RetryPolicy>,
    /// Default bound on an attempt.
    pub(super) step_timeout: Option<Duration>,
    /// Names that mean a variable rather than a step.
    pub(super) variables: Vec<String>,
    /// The tasks made of steps that led here, outermost first.
    pub(super) calls: Vec<String>,
}

impl<'a> Context<'a> {
    pub(super) fn workflow(manifest: &'a Manifest, workflow: &Workflow) -> Self {
        Self {
            manifest: Source::Own(manifest),
            retry: workflow.retry.clone(),
            step_timeout: workflow.step_timeout,
            variables: workflow.variables.iter().map(|(n, _)| n.clone()).collect(),
            calls: Vec::new(),
        }
    }

    pub(super) fn task(manifest: Source<'a>, task: &Task, calls: &[String]) -> Self {
        let name = &manifest.metadata.name;
        Self {
            calls: calls.iter().chain([name]).cloned().collect(),
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
    /// Those of a manifest are copied one by one, when their turn comes.
    pub(super) steps: Cow<'a, [Step]>,
    pub(super) context: Rc<Context<'a>>,
    /// Names of the loops around it, as far as its steps see them.
    pub(super) loops: Rc<[String]>,
    /// Nothing in it may be async: it goes when it is done.
    pub(super) waited_for_wholly: bool,
    /// The one node of the block, which no step stands for.
    pub(super) item: Option<Item>,
}

/// What a batch does with each item.
pub(super) struct Item {
    pub(super) path: String,
    pub(super) call: TaskCall,
    pub(super) on_error: Option<OnError>,
}

/// The arena of a plan while it grows.
#[derive(Default)]
pub(super) struct Arena<'a> {
    pub(super) blocks: Vec<Block>,
    pub(super) nodes: Vec<Node>,
    pub(super) ids: Ids,
    pub(super) mentions: Vec<Mentions>,
    /// What the output of the run is made of.
    pub(super) result: Vec<References>,
    /// Steps that jump on an error, and the ids they jump to.
    pub(super) jumps: Vec<(NodeId, String)>,
    pending: VecDeque<Pending<'a>>,
}

impl<'a> Arena<'a> {
    /// An arena whose top level is one node.
    pub(super) fn of(node: Node) -> Self {
        let mut arena = Self::default();
        arena.ids.add_block(false, None);
        arena.ids.add(BlockId::ROOT, &node.id, NodeId(0));
        arena.blocks.push(Block {
            owner: None,
            join: Join::All,
            first: NodeId(0),
            count: 1,
            isolated: false,
        });
        arena
            .mentions
            .push(Mentions::of(None, None, &node, &|_| true));
        arena.nodes.push(node);
        arena
    }

    /// Gives steps a block; they are compiled when those before them are.
    pub(super) fn reserve(&mut self, pending: Pending<'a>) -> BlockId {
        let number = self.blocks.len() + self.pending.len();
        self.pending.push_back(pending);
        BlockId(u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn push_item(&mut self, block: BlockId, item: Item) {
        let node = Node {
            id: "item".to_owned(),
            name: None,
            block,
            path: item.path,
            depends_on: Vec::new(),
            condition: None,
            action: Action::Task(Box::new(item.call)),
            input: None,
            output_to: None,
            output_fields: Vec::new(),
            output_mapping: Vec::new(),
            on_error: item.on_error,
            is_async: false,
            labels: Vec::new(),
        };
        self.ids.add(block, &node.id, self.next_node());
        self.mentions
            .push(Mentions::of(None, None, &node, &|_| true));
        self.nodes.push(node);
    }

    fn next_node(&self) -> NodeId {
        NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX))
    }
}

impl<'a> Compiler<'a> {
    /// Compiles all blocks that are reserved, and those that they contain.
    pub(super) fn blocks(&mut self, arena: &mut Arena<'a>) {
        while let Some(pending) = arena.pending.pop_front() {
            if arena.nodes.len() + pending.steps.len() > MAX_NODES {
                self.errors.push(PlanError::TooLarge { limit: MAX_NODES });
                return;
            }
            let number = BlockId(u32::try_from(arena.blocks.len()).unwrap_or(u32::MAX));
            let owner = pending.owner.and_then(|owner| at(&arena.nodes, owner));
            let around = owner.map(|owner| owner.block);
            let root = (number != BlockId::ROOT).then_some(BlockId::ROOT);
            arena.ids.add_block(pending.isolated, around.or(root));
            arena.blocks.push(Block {
                owner: pending.owner,
                join: Join::All,
                first: arena.next_node(),
                count: u32::try_from(pending.steps.len().max(usize::from(pending.item.is_some())))
                    .unwrap_or(u32::MAX),
                isolated: pending.isolated,
            });
            let Pending {
                order,
                steps,
                context,
                loops,
                waited_for_wholly,
                item,
                ..
            } = pending;
            if let Some(item) = item {
                arena.push_item(number, item);
            }
            let place = Around {
                block: number,
                context,
                loops,
                waited_for_wholly,
            };
            arena.nodes.reserve(steps.len());
            arena.mentions.reserve(steps.len());
            let steps: Box<dyn Iterator<Item = Step>> = match steps {
                Cow::Borrowed(steps) => Box::new(steps.iter().cloned()),
                Cow::Owned(steps) => Box::new(steps.into_iter()),
            };
            for (position, step) in steps.enumerate() {
                let above = (order == Order::Sequence && position > 0).then(|| {
                    let NodeId(next) = arena.next_node();
                    NodeId(next.saturating_sub(1))
                });
                self.step(arena, &place, above, step);
            }
        }
        dependency::resolve(arena, &mut self.errors);
        jump::resolve(arena, &mut self.errors);
        read::collect(arena);
    }

    fn step(
        &mut self,
        arena: &mut Arena<'a>,
        place: &Around<'a>,
        above: Option<NodeId>,
        mut step: Step,
    ) {
        let number = arena.next_node();
        support::step(&step, place.waited_for_wholly, &mut self.errors);
        if let Some(first) = arena.ids.add(place.block, &step.id, number) {
            let first = at(&arena.nodes, first);
            self.errors.push(PlanError::DuplicateStep {
                step: step.id.clone(),
                path: step.path.clone(),
                first: first.map(|node| node.path.clone()).unwrap_or_default(),
            });
        }
        let action = self.action(arena, number, &mut step, place);
        let is_task = match &action {
            Action::Task(_) | Action::Steps(_) | Action::Wait(_) | Action::Subflow(_) => true,
            Action::Loop(repeat) => repeat.batch.is_some(),
            Action::Parallel(_) | Action::Conditional(_) => false,
        };
        if step.close.is_some() && !matches!(action, Action::Subflow(_)) {
            let refused = Construct::ClosePolicyOfTask;
            let refused = support::unsupported(refused, Some(&step.id), &step.path);
            self.errors.push(refused);
        }
        let OutputBinding {
            to,
            fields,
            mapping,
        } = step.output;
        let node = Node {
            id: step.id,
            name: step.name,
            block: place.block,
            path: step.path,
            depends_on: Vec::new(),
            condition: step.condition,
            action,
            input: step.input.filter(|_| !is_task),
            output_to: to,
            output_fields: fields,
            output_mapping: mapping,
            on_error: self
                .on_error(arena, number, step.on_error, place)
                .or_else(|| step.continue_on_error.then_some(OnError::Continue)),
            is_async: step.is_async,
            labels: step.labels,
        };
        let taken = |name: &str| {
            let mut names = place.context.variables.iter().chain(&*place.loops);
            names.any(|taken| taken == name)
        };
        let mentions = Mentions::of(step.depends_on, above, &node, &taken);
        arena.mentions.push(mentions);
        arena.nodes.push(node);
    }

    /// A step's own answer to a failure. The target of a jump is found when all steps are there.
    fn on_error(
        &mut self,
        arena: &mut Arena<'a>,
        node: NodeId,
        action: Option<StepErrorAction>,
        place: &Around<'a>,
    ) -> Option<OnError> {
        Some(match action? {
            StepErrorAction::Continue => OnError::Continue,
            StepErrorAction::Fail => OnError::Fail,
            StepErrorAction::Goto(target) => {
                arena.jumps.push((node, target));
                OnError::Fail
            }
            StepErrorAction::Compensate(undo) => OnError::Compensate(arena.reserve(Pending {
                waited_for_wholly: true,
                ..place.block(node, Order::Sequence, vec![*undo])
            })),
        })
    }

    fn action(
        &mut self,
        arena: &mut Arena<'a>,
        node: NodeId,
        step: &mut Step,
        place: &Around<'a>,
    ) -> Action {
        let mut reserve = |order, steps: &mut Vec<Step>| {
            let steps = std::mem::take(steps);
            arena.reserve(place.block(node, order, steps))
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
            StepAction::Loop(repeat) => {
                let steps = std::mem::take(&mut repeat.steps);
                let mut pending = place.block(node, Order::Sequence, steps);
                let own = [&repeat.item, &repeat.index].into_iter().cloned();
                let own = own.chain(["item".to_owned(), "index".to_owned()]);
                pending.loops = place.loops.iter().cloned().chain(own).collect();
                pending.waited_for_wholly = true;
                Action::Loop(Box::new(PlannedLoop {
                    over: repeat.over.clone(),
                    item: repeat.item.clone(),
                    index: repeat.index.clone(),
                    parallelism: repeat.parallelism.clone(),
                    block: arena.reserve(pending),
                    collects: false,
                    batch: None,
                }))
            }
            _ => self.task_action(arena, node, step, place),
        }
    }

    /// A task, made of handlers or of steps.
    fn task_action(
        &mut self,
        arena: &mut Arena<'a>,
        node: NodeId,
        step: &Step,
        place: &Around<'a>,
    ) -> Action {
        let caller = Caller::step(&place.context, step);
        let called = match &step.action {
            StepAction::Call(reference) => self.called(&caller, reference, &place.context.manifest),
            _ => None,
        };
        let call = self.call(&caller, step, called.as_ref());
        if let StepAction::Approval(waiting) = &step.action {
            return Action::Wait(Box::new(self.wait(&caller, waiting, None, call)));
        }
        let (task, isolated) = match (&step.action, &called) {
            (StepAction::Inline(task), _) => (&**task, false),
            (_, Some(manifest)) => match &manifest.body {
                Body::Task(task) => (&**task, true),
                Body::Workflow(workflow) => {
                    return self.subflow(&caller, step, (manifest, workflow), call);
                }
                _ => return Action::Task(Box::new(call)),
            },
            _ => return Action::Task(Box::new(call)),
        };
        if let Some(waiting) = &task.waiting {
            return Action::Wait(Box::new(self.wait(&caller, waiting, Some(task), call)));
        }
        if let Some(batch) = &task.batch {
            let pending = place.block(node, Order::Sequence, Vec::new());
            return self.batch(arena, &caller, batch, task, call, pending);
        }
        if task.steps.is_empty() {
            return Action::Task(Box::new(call));
        }
        let mut pending = place.block(node, Order::Sequence, task.steps.clone());
        if let Some(manifest) = called.as_ref().filter(|_| isolated) {
            let source = Source::Called(Arc::clone(manifest));
            let context = Context::task(source, task, &place.context.calls);
            if place.context.calls.contains(&manifest.metadata.name) {
                self.errors.push(PlanError::Recursion {
                    step: step.id.clone(),
                    path: step.path.clone(),
                    calls: context.calls,
                });
                return Action::Task(Box::new(call));
            }
            pending.context = Rc::new(context);
            pending.loops = Rc::default();
        }
        pending.isolated = isolated;
        Action::Steps(Box::new(TaskSteps {
            task: call,
            block: arena.reserve(pending),
        }))
    }
}

/// What is around the steps of a block.
struct Around<'a> {
    block: BlockId,
    context: Rc<Context<'a>>,
    loops: Rc<[String]>,
    waited_for_wholly: bool,
}

impl<'a> Around<'a> {
    /// Steps that belong to a node of the block.
    fn block(&self, owner: NodeId, order: Order, steps: Vec<Step>) -> Pending<'a> {
        Pending {
            owner: Some(owner),
            order,
            isolated: false,
            steps: steps.into(),
            context: Rc::clone(&self.context),
            loops: Rc::clone(&self.loops),
            waited_for_wholly: self.waited_for_wholly,
            item: None,
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
