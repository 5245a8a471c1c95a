//! What an expression sees: names and their values.

use std::borrow::Cow;
use std::cell::Cell;

use serde_json::{Map, Value};

/// Names with a meaning of their own at the start of a path.
///
/// A loop variable, variable or step with one of these names would hide the root or be hidden by it, so a
/// manifest should not use them. `inputs` and `outputs` are read as `input` and `output`.
pub const NAMED_ROOTS: [&str; 15] = [
    "context", "env", "event", "index", "input", "inputs", "item", "message", "metadata", "output",
    "outputs", "secrets", "steps", "trigger", "workflow",
];

/// One part of a path: `steps['ai-review'].output[0]` is key, key, key, index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Segment<'p> {
    /// A member of an object. The first segment of a path is always a key: the name of its root.
    Key(&'p str),
    /// A position in an array; a negative one counts from the end. On an object it is the key of the
    /// same digits, and `steps[0]` is the first step of the document.
    Index(i64),
}

/// Answers the names of an expression.
///
/// Spelling variants never reach a scope: the parser has already read `inputs` as `input`, `outputs` as
/// `output`, `workflow.inputs` as `workflow.input`, `steps.X.outputs` as `steps.X.output` and `$name` as
/// `name`.
pub trait Scope {
    /// The value at the longest prefix of `path` that the scope can answer without copying, and how many
    /// segments that prefix has (at least 1). The evaluator walks the rest itself, `.length` included.
    ///
    /// `path` is the path up to its first wildcard, at most 8 segments of it. `None` means the path leads
    /// to nothing, which evaluates to null.
    fn resolve<'a>(&'a self, path: &[Segment<'_>]) -> Option<(Cow<'a, Value>, usize)>;

    /// The member names `root.*` ranges over, in document order, when the scope keeps the members apart
    /// and would have to build the whole object to answer `resolve([root])`. Each member is then resolved
    /// by name. `None` lets the evaluator range over the resolved value.
    fn members<'a>(&'a self, root: &str) -> Option<Vec<Cow<'a, str>>> {
        let _ = root;
        None
    }

    /// The value of `now()`: RFC 3339 in UTC with milliseconds. It belongs to the transition being
    /// computed and is never read from a clock. `None` makes `now()` an error.
    fn now(&self) -> Option<String>;

    /// The value of the next call of `uuid()`, the same whenever the transition is computed again.
    /// `None` makes `uuid()` an error.
    fn uuid(&self) -> Option<String>;
}

/// A scope whose roots are the members of one JSON object.
#[derive(Debug, Clone, Default)]
pub struct MapScope {
    roots: Map<String, Value>,
    now: Option<String>,
    uuids: Vec<String>,
    used_uuids: Cell<usize>,
}

impl MapScope {
    /// A scope over `roots`, without `now()` and `uuid()`.
    #[must_use]
    pub fn new(roots: Map<String, Value>) -> Self {
        Self {
            roots,
            ..Self::default()
        }
    }

    /// Gives `now()` its value.
    #[must_use]
    pub fn with_now(mut self, now: impl Into<String>) -> Self {
        self.now = Some(now.into());
        self
    }

    /// Gives `uuid()` its values, one for each call in order of evaluation.
    #[must_use]
    pub fn with_uuids(mut self, uuids: impl IntoIterator<Item = String>) -> Self {
        self.uuids = uuids.into_iter().collect();
        self
    }
}

impl FromIterator<(String, Value)> for MapScope {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(roots: T) -> Self {
        Self::new(roots.into_iter().collect())
    }
}

impl Scope for MapScope {
    fn resolve<'a>(&'a self, path: &[Segment<'_>]) -> Option<(Cow<'a, Value>, usize)> {
        match path.first() {
            Some(Segment::Key(root)) => Some((Cow::Borrowed(self.roots.get(*root)?), 1)),
            _ => None,
        }
    }

    fn now(&self) -> Option<String> {
        self.now.clone()
    }

    fn uuid(&self) -> Option<String> {
        let used = self.used_uuids.get();
        let uuid = self.uuids.get(used).cloned();
        self.used_uuids.set(used + 1);
        uuid
    }
}
