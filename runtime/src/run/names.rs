//! What expressions see of a run: the names of facts §13.7, answered without copying where possible.

use std::borrow::Cow;
use std::cell::Cell;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::data::{Data, Hit};
use super::input::Start;
use super::state::{Place, RunState, ScopeId, ScopeState, StepState};
use crate::expression::{Scope, Segment};
use crate::plan::{Action, BlockId, NodeId, Plan, SECRET_KEY};
use crate::port::Timestamp;

/// The names at one point of one run.
///
/// A path begins with a root that has a meaning of its own (`workflow`, `steps`, `context`…), or else names, in this
/// order: a variable, a step, a field of the input.
pub(super) struct Names<'a> {
    pub(super) plan: &'a Plan,
    pub(super) start: &'a Start,
    pub(super) variables: &'a Map<String, Value>,
    /// `None` while the variables are evaluated: there are no steps yet.
    pub(super) state: Option<&'a RunState>,
    pub(super) now: Timestamp,
    /// `input` for the expressions of a task; `None` = the run's.
    pub(super) input: Option<Given<'a>>,
    /// `output`, where there is one.
    pub(super) output: Option<&'a Value>,
    /// The task comes from another manifest: bare names are fields of its input and nothing else.
    pub(super) isolated: bool,
    pub(super) site: Site,
}

/// The input of a task: as it was just rendered, or as the run keeps it.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    Value(&'a Value),
    Data(&'a Data),
}

impl<'a> Given<'a> {
    fn find(self, path: &[Segment<'_>]) -> (Hit<'a>, usize) {
        match self {
            Self::Value(value) => (Hit::Value(Cow::Borrowed(value)), 0),
            Self::Data(data) => data.find(path),
        }
    }
}

/// Where an expression is evaluated: makes the values of `uuid()` distinct, and the same when computed again.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) place: Option<Place>,
    pub(super) attempt: u32,
    pub(super) purpose: &'static str,
    pub(super) used: Cell<u32>,
}

impl Site {
    /// A place outside all steps.
    pub(super) const fn of_run(purpose: &'static str) -> Self {
        Self {
            place: None,
            attempt: 0,
            purpose,
            used: Cell::new(0),
        }
    }
}

/// What a path leads to, and how many of its segments were used.
type Found<'a> = Option<(Hit<'a>, usize)>;

impl<'a> Names<'a> {
    /// The long list that the path leads to, if that is what it leads to.
    pub(super) fn list(&self, path: &[Segment<'_>]) -> Option<Data> {
        match self.look_up(path)? {
            (Hit::List(list), used) if used == path.len() => Some(list.clone().into()),
            _ => None,
        }
    }

    fn input(&self) -> Given<'a> {
        let task = || self.input_of_task_around().map(Given::Data);
        self.input
            .or_else(task)
            .unwrap_or(Given::Data(&self.start.input))
    }

    /// The input of the innermost task made of steps that the expression stands in.
    fn input_of_task_around(&self) -> Option<&'a Data> {
        let state = self.state?;
        let task = state.around(self.site.place?).skip(1).find(|place| {
            let node = self.plan.node(place.node);
            node.is_some_and(|node| node.task().is_some())
        })?;
        state.step(task)?.input.as_ref()
    }

    /// The element or the position of the innermost loop around that goes by this name.
    fn loop_variable(&self, name: &str, rest: &[Segment<'_>]) -> Found<'a> {
        let state = self.state?;
        let mut scope = self.home().0;
        loop {
            let here = state.scope(scope)?;
            let owner = state.owner(scope)?;
            if let (Some(iteration), Action::Loop(repeat)) =
                (here.iteration, &self.plan.node(owner.node)?.action)
            {
                if name == repeat.index || name == "index" {
                    return owned(iteration.into(), 1);
                }
                if name == repeat.item || name == "item" {
                    let cursor = state.step(owner)?.block.as_deref()?.cursor.as_ref()?;
                    let item = cursor.items.element(iteration)?;
                    // `item.<as>` is the element, too, unless the element has such a member.
                    let named = rest.first() == Some(&Segment::Key(&repeat.item));
                    let again = named && name == "item" && item.get(&repeat.item).is_none();
                    return Some((Hit::Value(item), if again { 2 } else { 1 }));
                }
            }
            if self.plan.block(here.block)?.isolated {
                return None;
            }
            scope = here.parent?;
        }
    }

    fn workflow(&self, rest: &[Segment<'_>]) -> Found<'a> {
        let Some(Segment::Key(member)) = rest.first() else {
            let members = [
                "input",
                "run_id",
                "name",
                "version",
                "correlation_id",
                "error",
            ];
            let whole = members.map(|member| {
                let value = self.workflow_member(member, &[]);
                let value = value.map(|(value, _)| value.into_value());
                (member.to_owned(), value.unwrap_or_default())
            });
            return owned(Value::Object(whole.into_iter().collect()), 1);
        };
        let rest = rest.get(1..).unwrap_or_default();
        let (value, used) = self.workflow_member(member, rest)?;
        Some((value, used + 2))
    }

    fn workflow_member(&self, member: &str, rest: &[Segment<'_>]) -> Found<'a> {
        let value: Value = match member {
            // To the steps of a task in a manifest of its own, the task is the workflow.
            "input" if self.plan.space(self.home().1) != BlockId::ROOT => {
                return Some(self.input_of_task_around()?.find(rest));
            }
            "input" => return Some(self.start.input.find(rest)),
            "run_id" => self.start.run.to_string().into(),
            "name" => self.plan.name().into(),
            "version" => self.plan.version()?.into(),
            "correlation_id" => self.start.correlation_id.as_deref()?.into(),
            "error" => serde_json::to_value(self.state?.error.as_ref()?).ok()?,
            _ => return None,
        };
        owned(value, 0)
    }

    fn steps(&self, rest: &[Segment<'_>]) -> Found<'a> {
        let Some((step, rest)) = rest.split_first() else {
            let whole = self.nodes().filter_map(|(id, node)| {
                let (value, _) = self.step(node, &[])?;
                Some((id.to_owned(), value.into_value()))
            });
            return owned(Value::Object(whole.collect()), 1);
        };
        let node = match step {
            Segment::Key(id) => self.find(id)?,
            Segment::Index(position) => self.positioned(*position)?,
        };
        let (value, used) = self.step(node, rest)?;
        Some((value, used + 2))
    }

    /// The scope the expression stands in, and its block.
    fn home(&self) -> (ScopeId, BlockId) {
        let scope = self.site.place.map_or(ScopeId::ROOT, |place| place.scope);
        let state = self.state.and_then(|state| state.scope(scope));
        (scope, state.map_or(BlockId::ROOT, |state| state.block))
    }

    fn find(&self, id: &str) -> Option<NodeId> {
        self.plan.find_from(self.home().1, id)
    }

    /// The steps that have a name here, in document order.
    fn nodes(&self) -> impl Iterator<Item = (&'a str, NodeId)> + use<'a> {
        let plan = self.plan;
        let space = plan.space(self.home().1);
        let nodes = plan.document_order().iter();
        nodes.filter_map(move |id| {
            let node = plan.node(*id)?;
            (plan.space(node.block) == space).then_some((node.id.as_str(), *id))
        })
    }

    fn positioned(&self, position: i64) -> Option<NodeId> {
        let mut nodes = self.plan.nodes_of(self.plan.space(self.home().1));
        match usize::try_from(position) {
            Ok(position) => nodes.nth(position),
            Err(_) => {
                let back = usize::try_from(position.unsigned_abs()).ok()?;
                let nodes: Vec<_> = nodes.collect();
                nodes.get(nodes.len().checked_sub(back)?).copied()
            }
        }
    }

    /// The instance of a step that is meant here: in a scope around the expression, or below one of those.
    pub(super) fn instance(&self, node: NodeId) -> Option<Place> {
        let state = self.state?;
        let around = |block: BlockId| {
            // What undoes something sees the steps of the run.
            let parent = |scope: &ScopeId| {
                let parent = state.scope(*scope)?.parent;
                parent.or((*scope != ScopeId::ROOT).then_some(ScopeId::ROOT))
            };
            let mut scopes = std::iter::successors(Some(self.home().0), parent);
            scopes.find(|scope| state.scope(*scope).is_some_and(|s| s.block == block))
        };
        // Out of the blocks around the step until one has a scope here, then back in through their scopes.
        let mut block = self.plan.node(node)?.block;
        let mut way = Vec::new();
        let mut scope = loop {
            if let Some(scope) = around(block) {
                break scope;
            }
            let owner = self.plan.block(block)?.owner?;
            way.push((owner, block));
            block = self.plan.node(owner)?.block;
        };
        while let Some((node, block)) = way.pop() {
            let owner = state.step(Place { scope, node })?;
            let mut scopes = owner.block.as_deref()?.scopes.iter().copied();
            // Of a loop, no iteration stands for all.
            let is_it = |scope: &ScopeState| scope.block == block && scope.iteration.is_none();
            scope = scopes.find(|scope| state.scope(*scope).is_some_and(is_it))?;
        }
        Some(Place { scope, node })
    }

    /// What `rest` leads to within a step, and how many of its segments were used.
    fn step(&self, node: NodeId, rest: &[Segment<'_>]) -> Found<'a> {
        let state = self.state?.step(self.instance(node)?)?;
        let Some(field) = rest.first() else {
            let whole = json!({
                "output": state.output,
                "status": state.phase.as_str(),
                "error": self.error(node, state),
            });
            return owned(whole, 0);
        };
        let within = |data: &'a Data| {
            let (value, used) = data.find(rest.get(1..).unwrap_or_default());
            Some((value, used + 1))
        };
        let value = match field {
            Segment::Key("output" | "outputs") => return within(state.output.as_ref()?),
            Segment::Key("input") => return within(state.input.as_ref()?),
            Segment::Key("status") => state.phase.as_str().into(),
            Segment::Key("branch" | "case") if state.block.is_some() => {
                let branch = state.block.as_deref()?.branch.as_deref()?;
                branch.into()
            }
            Segment::Key("attempt") => state.attempt.into(),
            Segment::Key("error") => self.error(node, state)?,
            // `steps.X.field` is short for `steps.X.output.field`.
            _ => return Some(state.output.as_ref()?.find(rest)),
        };
        owned(value, 1)
    }

    fn error(&self, node: NodeId, state: &StepState) -> Option<Value> {
        let error = state.error.as_ref()?;
        Some(json!({
            "code": error.code,
            "message": error.message,
            "step_id": self.plan.node(node).map(|node| &node.id),
            "attempt": state.attempt,
            "retryable": error.retryable,
            "details": error.details,
        }))
    }

    fn context(&self, rest: &[Segment<'_>]) -> Found<'a> {
        match rest {
            [Segment::Key("variables"), Segment::Key(name), ..] => {
                borrowed(self.variables.get(*name)?, 3)
            }
            [Segment::Key("variables"), ..] => owned(self.variables.clone().into(), 2),
            [Segment::Key(name), ..] => borrowed(self.variables.get(*name)?, 2),
            _ => owned(json!({ "variables": self.variables }), 1),
        }
    }

    fn environment(&self, rest: &[Segment<'_>]) -> Found<'a> {
        match rest.first() {
            Some(Segment::Key(name)) => borrowed(self.start.env.get(*name)?, 2),
            _ => owned(self.start.env.clone().into(), 1),
        }
    }

    /// A secret's value never enters the run: the host finds this in its place.
    fn secret(&self, rest: &[Segment<'_>]) -> Found<'a> {
        let Some(Segment::Key(name)) = rest.first() else {
            return None;
        };
        let declared = self
            .plan
            .secrets()
            .iter()
            .any(|secret| secret.name == *name);
        if declared {
            owned(json!({ SECRET_KEY: name }), 2)
        } else {
            None
        }
    }

    fn bare(&self, path: &[Segment<'_>], name: &str, rest: &[Segment<'_>]) -> Found<'a> {
        if !self.isolated {
            let is_own = self.plan.space(self.home().1) == BlockId::ROOT;
            if let Some(value) = self.variables.get(name).filter(|_| is_own) {
                return borrowed(value, 1);
            }
            if let Some(node) = self.find(name) {
                let (value, used) = self.step(node, rest)?;
                return Some((value, used + 1));
            }
        }
        match self.input().find(path) {
            (Hit::Value(Cow::Borrowed(whole)), 0) => borrowed(whole.get(name)?, 1),
            (_, 0) => None,
            found => Some(found),
        }
    }

    fn look_up(&self, path: &[Segment<'_>]) -> Found<'a> {
        let (Segment::Key(root), rest) = path.split_first()? else {
            return None;
        };
        if !self.isolated
            && let Some(found) = self.loop_variable(root, rest)
        {
            return Some(found);
        }
        match *root {
            "input" => {
                let (value, used) = self.input().find(rest);
                Some((value, used + 1))
            }
            "workflow" => self.workflow(rest),
            "steps" => self.steps(rest),
            "context" => self.context(rest),
            "env" => self.environment(rest),
            "secrets" => self.secret(rest),
            "trigger" => borrowed(self.start.trigger.as_ref()?, 1),
            "event" => borrowed(self.start.trigger.as_ref()?.get("event")?, 1),
            "output" if self.output.is_some() => borrowed(self.output?, 1),
            name => self.bare(path, name, rest),
        }
    }
}

impl Scope for Names<'_> {
    fn resolve<'s>(&'s self, path: &[Segment<'_>]) -> Option<(Cow<'s, Value>, usize)> {
        let (hit, used) = self.look_up(path)?;
        match hit {
            Hit::Value(value) => Some((value, used)),
            Hit::List(list) => {
                let (value, more) = list.walk(path.get(used))?;
                Some((Cow::Owned(value), used + more))
            }
        }
    }

    fn members<'s>(&'s self, root: &str) -> Option<Vec<Cow<'s, str>>> {
        (root == "steps").then(|| self.nodes().map(|(id, _)| Cow::Borrowed(id)).collect())
    }

    fn now(&self) -> Option<String> {
        Some(self.now.to_string())
    }

    fn uuid(&self) -> Option<String> {
        let count = self.site.used.get();
        self.site.used.set(count + 1);
        let at = self.site.place.map_or_else(String::new, |place| {
            format!("{}/{}", place.scope.0, place.node.0)
        });
        let name = format!("{at}/{}/{}/{count}", self.site.purpose, self.site.attempt);
        Some(Uuid::new_v5(self.start.run.as_uuid(), name.as_bytes()).to_string())
    }
}

fn owned<'a>(value: Value, used: usize) -> Found<'a> {
    Some((Hit::Value(Cow::Owned(value)), used))
}

fn borrowed(value: &Value, used: usize) -> Found<'_> {
    Some((Hit::Value(Cow::Borrowed(value)), used))
}
