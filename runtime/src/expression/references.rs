//! What an expression refers to, found without evaluating it.

use std::collections::BTreeSet;

use super::ast::{Filter, Node, Path, Pattern, Step, Steps, Test};
use super::scope::NAMED_ROOTS;

/// The names an expression or a template uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Ids in `steps.ID…`.
    pub steps: BTreeSet<String>,
    /// Positions in `steps[N]…`, counted from 0 in document order.
    pub step_positions: BTreeSet<usize>,
    /// Whether any step may be meant: `steps.*`, `steps[expression]`, or `steps` as a whole.
    pub every_step: bool,
    /// First names of all paths, `steps` and the other [`NAMED_ROOTS`] included.
    pub roots: BTreeSet<String>,
    /// Names in `env.NAME`; `*` stands for a computed name or the whole of `env`.
    pub environment: BTreeSet<String>,
    /// Names in `secrets.NAME`; `*` stands for a computed name or the whole of `secrets`.
    pub secrets: BTreeSet<String>,
    /// Memory its literal regular expressions take at most, in bytes. Who loads many expressions should bound
    /// the sum.
    pub pattern_bytes: usize,
    /// Whether `now()` is called.
    pub now: bool,
    /// Whether `uuid()` is called.
    pub uuid: bool,
}

impl References {
    /// The roots without a meaning of their own: loop variables, variables, step ids or input fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let roots = self.roots.iter().map(String::as_str);
        roots.filter(|root| !NAMED_ROOTS.contains(root))
    }

    /// Adds what `other` refers to.
    pub fn merge(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.step_positions.extend(other.step_positions);
        self.every_step |= other.every_step;
        self.roots.extend(other.roots);
        self.environment.extend(other.environment);
        self.secrets.extend(other.secrets);
        self.pattern_bytes += other.pattern_bytes;
        self.now |= other.now;
        self.uuid |= other.uuid;
    }

    pub(super) fn add(&mut self, node: &Node) {
        match node {
            Node::Literal(_) => {}
            Node::Now => self.now = true,
            Node::Uuid => self.uuid = true,
            Node::Path(path) => self.add_path(path),
            Node::Member { base, steps } => {
                self.add(base);
                self.add_all(&steps.computed);
            }
            Node::Array(nodes) | Node::Any(nodes) | Node::All(nodes) => self.add_all(nodes),
            Node::Object(pairs) => pairs.iter().for_each(|(_, node)| self.add(node)),
            Node::Not(operand) | Node::Exists(operand) => self.add(operand),
            Node::Compare { operands, .. } => self.add_all(&operands[..]),
            Node::Matches(operands) => {
                let (text, pattern) = &**operands;
                self.add(text);
                self.add_pattern(pattern);
            }
            Node::Conditional(conditional) => {
                self.add(&conditional.condition);
                self.add(&conditional.then);
                conditional.otherwise.iter().for_each(|node| self.add(node));
            }
            Node::Pipe { value, filters } => {
                self.add(value);
                filters.iter().for_each(|filter| self.add_filter(filter));
            }
        }
    }

    fn add_all(&mut self, nodes: &[Node]) {
        nodes.iter().for_each(|node| self.add(node));
    }

    fn add_pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Compiled(pattern) => self.pattern_bytes += pattern.size(),
            Pattern::Computed(node) => self.add(node),
        }
    }

    fn add_filter(&mut self, filter: &Filter) {
        match filter {
            Filter::Join(Some(node)) | Filter::Default(node) => self.add(node),
            Filter::Select(selection) => match &selection.test {
                Test::Compare(_, node) => self.add(node),
                Test::Matches { pattern, .. } => self.add_pattern(pattern),
                Test::Truthy | Test::Defined | Test::Undefined => {}
            },
            Filter::Join(None)
            | Filter::Length
            | Filter::List
            | Filter::First
            | Filter::Last
            | Filter::Lower
            | Filter::Upper
            | Filter::Trim
            | Filter::ToJson => {}
        }
    }

    fn add_path(&mut self, path: &Path) {
        self.roots.insert(path.root.to_string());
        self.add_all(&path.steps.computed);
        match &*path.root {
            "steps" => self.add_step(&path.steps),
            "env" => self.environment.extend([name_or_any(&path.steps)]),
            "secrets" => self.secrets.extend([name_or_any(&path.steps)]),
            _ => {}
        }
    }

    fn add_step(&mut self, steps: &Steps) {
        match steps.list.first() {
            Some(Step::Key(id)) => {
                self.steps.insert(id.to_string());
            }
            Some(Step::Index(position)) => match usize::try_from(*position) {
                Ok(position) => self.step_positions.extend([position]),
                Err(_) => self.every_step = true,
            },
            Some(Step::Wildcard | Step::Computed(_)) | None => self.every_step = true,
        }
    }
}

fn name_or_any(steps: &Steps) -> String {
    match steps.list.first() {
        Some(Step::Key(name)) => name.to_string(),
        Some(Step::Index(index)) => index.to_string(),
        Some(Step::Wildcard | Step::Computed(_)) | None => "*".to_owned(),
    }
}
