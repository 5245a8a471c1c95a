//! The parsed form of an expression.
//!
//! Chains (`a || b || c`, `.a.b.c`, `| f | g`) are lists, so the depth of the tree is bounded by what the
//! parser counts as nesting, and parsing, evaluating and dropping it need bounded stack.

use serde_json::Value;

use super::pattern::CompiledPattern;

#[derive(Debug)]
pub(super) enum Node {
    Literal(Value),
    Path(Path),
    /// Members of something that is not a name: `(a || b).c`.
    Member {
        base: Box<Node>,
        steps: Steps,
    },
    Array(Box<[Node]>),
    Object(Box<[(String, Node)]>),
    Not(Box<Node>),
    /// `||` over two or more operands.
    Any(Box<[Node]>),
    /// `&&` over two or more operands.
    All(Box<[Node]>),
    Compare {
        operator: Operator,
        operands: Box<[Node; 2]>,
    },
    Matches(Box<(Node, Pattern)>),
    Conditional(Box<Conditional>),
    Pipe {
        value: Box<Node>,
        filters: Box<[Filter]>,
    },
    Exists(Box<Node>),
    Now,
    Uuid,
}

impl Node {
    /// Whether the author wrote an object here, which `in` and `contains` compare by its own pairs only.
    pub(super) fn is_object_literal(&self) -> bool {
        matches!(self, Self::Object(_) | Self::Literal(Value::Object(_)))
    }
}

#[derive(Debug)]
pub(super) struct Conditional {
    pub(super) condition: Node,
    pub(super) then: Node,
    pub(super) otherwise: Option<Node>,
}

/// A name and what follows it.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) root: Box<str>,
    pub(super) steps: Steps,
    /// As the author wrote it, for messages.
    pub(super) text: Box<str>,
}

/// What follows a value: `.key`, `[0]`, `.*`, `[expression]`.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) list: Box<[Step]>,
    /// The expressions of the computed steps, in order.
    pub(super) computed: Box<[Node]>,
}

#[derive(Debug)]
pub(super) enum Step {
    Key(Box<str>),
    Index(i64),
    Wildcard,
    /// `[expression]`: its number among the computed steps.
    Computed(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Contains,
    StartsWith,
    EndsWith,
}

/// The regular expression of `matches`, compiled at load when it is written as a string.
#[derive(Debug)]
pub(super) enum Pattern {
    Compiled(CompiledPattern),
    Computed(Node),
}

#[derive(Debug)]
pub(super) enum Filter {
    Length,
    List,
    First,
    Last,
    Lower,
    Upper,
    Trim,
    ToJson,
    Join(Option<Node>),
    Default(Node),
    Select(Box<Selection>),
}

/// `selectattr` and `rejectattr`.
#[derive(Debug)]
pub(super) struct Selection {
    /// Whether elements that pass the test are kept or dropped.
    pub(super) keep: bool,
    pub(super) attribute: Box<[Step]>,
    pub(super) test: Test,
}

#[derive(Debug)]
pub(super) enum Test {
    Truthy,
    Defined,
    Undefined,
    Compare(Operator, Node),
    Matches { at_start: bool, pattern: Pattern },
}
