//! The value of a parsed expression in a scope. Pure: nothing is read but the scope.

use std::borrow::Cow;
use std::cell::Cell;

use serde_json::{Map, Value};

use super::ast::{Conditional, Node, Operator, Path, Pattern};
use super::compare::{LiteralObjects, compare, truthy};
use super::error::{Code, EvaluationError};
use super::limits::Budget;
use super::pattern::CompiledPattern;
use super::scope::Scope;

pub(super) type Evaluated<T> = Result<T, EvaluationError>;

/// One evaluation: where names come from, what it may still spend, and how it treats missing paths.
pub(super) struct Evaluator<'a> {
    pub(super) scope: &'a dyn Scope,
    pub(super) budget: &'a Budget,
    /// Whether a path that leads to nothing is an error; null otherwise.
    strict: bool,
    /// Above zero inside constructs that ask whether something is there.
    asking: Cell<u32>,
}

/// The pattern of `matches`, ready to use.
pub(super) enum ReadyPattern<'a> {
    Literal(&'a CompiledPattern),
    Computed(CompiledPattern),
    /// The computed pattern is no string: nothing matches it.
    Nothing,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(scope: &'a dyn Scope, budget: &'a Budget, strict: bool) -> Self {
        Self {
            scope,
            budget,
            strict,
            asking: Cell::new(0),
        }
    }

    pub(super) fn evaluate(&self, node: &'a Node) -> Evaluated<Cow<'a, Value>> {
        self.budget.take(1)?;
        match node {
            Node::Literal(value) => Ok(Cow::Borrowed(value)),
            Node::Path(path) => self.path(path),
            Node::Member { base, steps } => {
                let computed = self.all_of(&steps.computed)?;
                let base = self.evaluate(base)?;
                let found = self.walk(base, &steps.list, &computed)?;
                self.found(found, || "a member of a value".to_owned())
            }
            Node::Array(items) => self.array(items),
            Node::Object(pairs) => self.object(pairs),
            Node::Not(operand) => Ok(boolean(!self.truth(operand)?)),
            Node::Any(operands) => self.any(operands),
            Node::All(operands) => self.all(operands),
            Node::Compare { operator, operands } => self.compare(*operator, operands).map(boolean),
            Node::Matches(operands) => {
                let (text, pattern) = &**operands;
                self.matches(text, pattern).map(boolean)
            }
            Node::Conditional(conditional) => self.conditional(conditional),
            Node::Pipe { value, filters } => self.pipe(value, filters),
            Node::Exists(operand) => {
                let value = self.asking(|| self.evaluate(operand))?;
                Ok(boolean(!value.is_null()))
            }
            Node::Now => supplied(self.scope.now(), "now()"),
            Node::Uuid => supplied(self.scope.uuid(), "uuid()"),
        }
    }

    pub(super) fn truth(&self, node: &'a Node) -> Evaluated<bool> {
        Ok(truthy(self.evaluate(node)?.as_ref()))
    }

    /// An own copy of a value, paid for.
    pub(super) fn own(&self, value: Cow<'a, Value>) -> Evaluated<Value> {
        if let Cow::Borrowed(value) = value {
            self.budget.take_value(value)?;
        }
        Ok(value.into_owned())
    }

    /// Evaluates while a missing path is an answer and no mistake.
    pub(super) fn asking<T>(&self, ask: impl FnOnce() -> Evaluated<T>) -> Evaluated<T> {
        self.asking.set(self.asking.get() + 1);
        let answer = ask();
        self.asking.set(self.asking.get().saturating_sub(1));
        answer
    }

    pub(super) fn all_of(&self, nodes: &'a [Node]) -> Evaluated<Vec<Cow<'a, Value>>> {
        nodes.iter().map(|node| self.evaluate(node)).collect()
    }

    /// A found value, or what stands for a missing one.
    pub(super) fn found(
        &self,
        found: Option<Cow<'a, Value>>,
        path: impl FnOnce() -> String,
    ) -> Evaluated<Cow<'a, Value>> {
        match found {
            Some(value) => Ok(value),
            None if self.strict && self.asking.get() == 0 => Err(EvaluationError::new(
                Code::MissingPath,
                format!("{} leads to nothing", path()),
                "correct the path, or give a default: x || 'default'",
            )),
            None => Ok(Cow::Owned(Value::Null)),
        }
    }

    fn path(&self, path: &'a Path) -> Evaluated<Cow<'a, Value>> {
        let found = self.resolve(path)?;
        self.found(found, || format!("`{}`", path.text))
    }

    fn array(&self, items: &'a [Node]) -> Evaluated<Cow<'a, Value>> {
        let items = items
            .iter()
            .map(|item| self.own(self.evaluate(item)?))
            .collect::<Evaluated<_>>()?;
        Ok(Cow::Owned(Value::Array(items)))
    }

    fn object(&self, pairs: &'a [(String, Node)]) -> Evaluated<Cow<'a, Value>> {
        let members = pairs
            .iter()
            .map(|(key, node)| Ok((key.clone(), self.own(self.evaluate(node)?)?)))
            .collect::<Evaluated<Map<_, _>>>()?;
        Ok(Cow::Owned(Value::Object(members)))
    }

    /// The first operand that is true, or the last.
    fn any(&self, operands: &'a [Node]) -> Evaluated<Cow<'a, Value>> {
        let Some((last, earlier)) = operands.split_last() else {
            return Ok(Cow::Owned(Value::Null));
        };
        for operand in earlier {
            let value = self.asking(|| self.evaluate(operand))?;
            if truthy(&value) {
                return Ok(value);
            }
        }
        self.evaluate(last)
    }

    /// The first operand that is false, or the last.
    fn all(&self, operands: &'a [Node]) -> Evaluated<Cow<'a, Value>> {
        let Some((last, earlier)) = operands.split_last() else {
            return Ok(Cow::Owned(Value::Null));
        };
        for operand in earlier {
            let value = self.evaluate(operand)?;
            if !truthy(&value) {
                return Ok(value);
            }
        }
        self.evaluate(last)
    }

    fn conditional(&self, conditional: &'a Conditional) -> Evaluated<Cow<'a, Value>> {
        if self.truth(&conditional.condition)? {
            return self.evaluate(&conditional.then);
        }
        match &conditional.otherwise {
            Some(otherwise) => self.evaluate(otherwise),
            None => Ok(Cow::Owned(Value::Null)),
        }
    }

    fn compare(&self, operator: Operator, operands: &'a [Node; 2]) -> Evaluated<bool> {
        let [left, right] = operands;
        let literal = LiteralObjects {
            left: left.is_object_literal(),
            right: right.is_object_literal(),
        };
        let both = || Ok((self.evaluate(left)?, self.evaluate(right)?));
        let (left, right) = match is_null_literal(left) || is_null_literal(right) {
            true => self.asking(both)?,
            false => both()?,
        };
        compare(operator, &left, &right, literal, self.budget)
    }

    fn matches(&self, text: &'a Node, pattern: &'a Pattern) -> Evaluated<bool> {
        let text = self.evaluate(text)?;
        let pattern = self.pattern(pattern)?;
        self.occurs(&pattern, &text, false)
    }

    pub(super) fn pattern(&self, pattern: &'a Pattern) -> Evaluated<ReadyPattern<'a>> {
        match pattern {
            Pattern::Compiled(pattern) => Ok(ReadyPattern::Literal(pattern)),
            Pattern::Computed(node) => match self.evaluate(node)?.as_ref() {
                Value::String(text) => {
                    CompiledPattern::compile_computed(text, self.budget).map(ReadyPattern::Computed)
                }
                _ => Ok(ReadyPattern::Nothing),
            },
        }
    }

    pub(super) fn occurs(
        &self,
        pattern: &ReadyPattern<'_>,
        text: &Value,
        at_start: bool,
    ) -> Evaluated<bool> {
        let pattern = match pattern {
            ReadyPattern::Literal(pattern) => *pattern,
            ReadyPattern::Computed(pattern) => pattern,
            ReadyPattern::Nothing => return Ok(false),
        };
        match text {
            Value::String(text) => pattern.occurs(text, at_start, self.budget),
            _ => Ok(false),
        }
    }
}

pub(super) fn boolean<'a>(truth: bool) -> Cow<'a, Value> {
    Cow::Owned(Value::Bool(truth))
}

fn is_null_literal(node: &Node) -> bool {
    matches!(node, Node::Literal(Value::Null))
}

fn supplied<'a>(value: Option<String>, function: &str) -> Evaluated<Cow<'a, Value>> {
    match value {
        Some(text) => Ok(Cow::Owned(Value::String(text))),
        None => Err(EvaluationError::new(
            Code::Unavailable,
            format!("`{function}` has no value here"),
            "use it where a run supplies it, such as context.variables and step inputs",
        )),
    }
}
