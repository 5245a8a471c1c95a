//! Plans drawn: which step waits for which, as Mermaid, DOT, SVG or text; with the states of a run where there is one.
//!
//! ```
//! use ossa_runtime::graph::{Format, Graph};
//! # use ossa_runtime::manifest::{self, Options, model::{Manifest, Reference}};
//! # use ossa_runtime::plan::{Plan, Resolver, Unresolved};
//! # struct Nothing;
//! # impl Resolver for Nothing {
//! #     fn resolve(&self, _: &Reference, _: &Manifest) -> Result<std::sync::Arc<Manifest>, Unresolved> {
//! #         Err(Unresolved { reason: String::new() })
//! #     }
//! # }
//! # let loaded = manifest::load_str(
//! #     "{apiVersion: ossa/v0.3.0, kind: Workflow, metadata: {name: order}, spec: {steps: [{id: reserve}, {id: charge}]}}",
//! #     &Options::default(),
//! # );
//! # let plan = Plan::compile(loaded.manifests().next().expect("a manifest"), &Nothing).expect("a plan");
//! let drawn = Graph::of(&plan).draw(Format::Mermaid);
//! assert!(drawn.starts_with("flowchart TD\n"));
//! ```

mod coordinates;
mod dot;
mod layout;
mod mermaid;
mod order;
mod state;
mod svg;
mod text;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::plan::{Action, BlockId, Node, NodeId, Plan, TaskCall, WaitKind};
use crate::run::HandlerKeyKind;

pub use state::State;

/// The formats a graph is drawn in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For Markdown files and issue trackers.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// A picture that needs no other program.
    Svg,
    /// For terminals.
    Text,
}

/// Steps and what they wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    name: String,
    version: Option<String>,
    vertices: Vec<Vertex>,
    /// The first holds the top-level steps.
    blocks: Vec<Block>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Vertex {
    id: String,
    /// What there is to say about it, a line each.
    remarks: Vec<String>,
    /// The steps it waits for, without those that these wait for anyway.
    after: Vec<usize>,
    /// Blocks that belong to it.
    blocks: Vec<usize>,
    state: Option<State>,
}

/// Steps side by side or one after another, within a step or at the top.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    /// The step around it.
    owner: Option<usize>,
    /// What tells it from the other blocks of the same step.
    label: Option<String>,
    vertices: Range<usize>,
}

impl Graph {
    /// The graph of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut blocks: Vec<Block> = plan
            .blocks()
            .iter()
            .map(|block| {
                let first = place(block.first);
                let count = usize::try_from(block.count).unwrap_or(0);
                Block {
                    owner: block.owner.map(place),
                    label: None,
                    vertices: first..first.saturating_add(count),
                }
            })
            .collect();
        let mut vertices: Vec<Vertex> = plan.nodes().iter().map(vertex).collect();
        // The top-level block has no owner, whatever a damaged plan says: what is drawn is a tree.
        for (number, block) in blocks.iter().enumerate().skip(1) {
            let owner = block.owner.and_then(|owner| vertices.get_mut(owner));
            if let Some(owner) = owner {
                owner.blocks.push(number);
            }
        }
        for (block, label) in plan.nodes().iter().flat_map(labels) {
            let at = usize::try_from(block.0).ok();
            if let Some(block) = at.and_then(|at| blocks.get_mut(at)) {
                block.label = Some(label);
            }
        }
        for block in &blocks {
            order::reduce(&mut vertices, &block.vertices);
        }
        Self {
            name: plan.name().to_owned(),
            version: plan.version().map(str::to_owned),
            vertices,
            blocks,
        }
    }

    /// The same graph with the states of the steps of a run. Of a step that ran several times the last one counts, one
    /// that is not named is pending.
    #[must_use]
    pub fn with_states(mut self, states: impl IntoIterator<Item = (NodeId, State)>) -> Self {
        for vertex in &mut self.vertices {
            vertex.state = Some(State::Pending);
        }
        for (node, state) in states {
            if let Some(vertex) = self.vertices.get_mut(place(node)) {
                vertex.state = Some(state);
            }
        }
        self
    }

    /// The same graph with what there is to say of the child runs of its steps. Of a step that ran several the last one
    /// counts.
    #[must_use]
    pub fn with_children(mut self, children: impl IntoIterator<Item = (NodeId, String)>) -> Self {
        let children: BTreeMap<usize, String> = children
            .into_iter()
            .map(|(node, child)| (place(node), child))
            .collect();
        for (node, child) in children {
            if let Some(vertex) = self.vertices.get_mut(node) {
                vertex.remarks.push(child);
            }
        }
        self
    }

    /// The drawing, ending with a line end.
    #[must_use]
    pub fn draw(&self, format: Format) -> String {
        match format {
            Format::Mermaid => mermaid::draw(self),
            Format::Dot => dot::draw(self),
            Format::Svg => svg::draw(self),
            Format::Text => text::draw(self),
        }
    }

    /// Name and version.
    fn title(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.name),
            None => self.name.clone(),
        }
    }

    /// What a block is called; `None` for one without a name.
    fn label_of(&self, block: usize) -> Option<&str> {
        self.blocks.get(block)?.label.as_deref()
    }

    /// The steps of a block with their numbers; none for a block that is not there.
    fn within(&self, block: usize) -> impl Iterator<Item = (usize, &Vertex)> {
        let range = self.blocks.get(block).map(|block| block.vertices.clone());
        range
            .into_iter()
            .flatten()
            .filter_map(|number| Some((number, self.vertices.get(number)?)))
    }
}

fn place(node: NodeId) -> usize {
    usize::try_from(node.0).unwrap_or(usize::MAX)
}

fn vertex(node: &Node) -> Vertex {
    let mut remarks = Vec::new();
    remarks.extend(node.name.clone().filter(|name| *name != node.id));
    remarks.extend(what(node));
    remarks.extend(waits_for(node));
    remarks.extend(
        node.condition
            .as_ref()
            .map(|condition| format!("if {condition}")),
    );
    if node.is_async {
        remarks.push("async".to_owned());
    }
    Vertex {
        id: node.id.clone(),
        remarks,
        after: node.depends_on.iter().copied().map(place).collect(),
        blocks: Vec::new(),
        state: None,
    }
}

/// What a step does, in a word or two, unless its id says so.
fn what(node: &Node) -> Option<String> {
    let what = match node.task() {
        // Whether or not the step has its name: it says that there is more to see.
        Some(task) if matches!(node.action, Action::Subflow(_)) => {
            return Some(format!(
                "workflow {}",
                task.name.as_deref().unwrap_or_default()
            ));
        }
        Some(task) => match &task.name {
            Some(name) if *name != node.id => name.clone(),
            _ => handlers(task),
        },
        None => node.action.kind().to_owned(),
    };
    (!what.is_empty() && what != node.id).then_some(what)
}

/// Who or what answers a step that waits.
fn waits_for(node: &Node) -> Option<String> {
    let Action::Wait(wait) = &node.action else {
        return None;
    };
    let kind = wait.kind.as_str();
    Some(match &wait.kind {
        WaitKind::Event { name, .. } => format!("{kind} {name}"),
        WaitKind::Human | WaitKind::Approval { .. } => kind.to_owned(),
    })
}

/// What tells the blocks of a step apart, where it has several.
fn labels(node: &Node) -> Vec<(BlockId, String)> {
    let Action::Conditional(choice) = &node.action else {
        return Vec::new();
    };
    let branches = choice
        .branches
        .iter()
        .map(|branch| (branch.block, format!("if {}", branch.condition)));
    let otherwise = choice.otherwise.map(|block| (block, "else".to_owned()));
    branches.chain(otherwise).collect()
}

/// The names under which the handlers of a task are bound, the names of task and step aside.
fn handlers(task: &TaskCall) -> String {
    let keys = task.calls.iter().flat_map(|call| &call.keys);
    let names: Vec<&str> = keys
        .filter(|key| {
            matches!(
                key.kind,
                HandlerKeyKind::Entrypoint | HandlerKeyKind::Capability
            )
        })
        .map(|key| key.key.as_str())
        .collect();
    names.join(", ")
}
