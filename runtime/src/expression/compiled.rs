//! One parsed expression.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::ast::{Node, Step};
use super::compare::truthy;
use super::dialect::Dialects;
use super::error::{EvaluationError, ExpressionError};
use super::evaluate::Evaluator;
use super::limits::Budget;
use super::parser;
use super::references::References;
use super::scope::{Scope, Segment};
use super::text::BoundedText;

/// An expression, parsed once and never changed. Clones share the parsed form; two expressions are equal
/// when their texts are.
#[derive(Clone)]
pub struct Expression(Arc<Parsed>);

struct Parsed {
    source: Box<str>,
    root: Node,
}

impl Expression {
    /// Parses a bare expression, such as `steps.review.output.approved && !input.draft`.
    ///
    /// # Errors
    /// When the text does not follow the grammar, uses an unknown name or exceeds a bound.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        let root = parser::parse_whole(source, None)?;
        Ok(Self::new(source, root))
    }

    /// Parses the text of a condition, in which markers may or may not be written.
    pub(super) fn parse_condition(text: &str, dialects: Dialects) -> Result<Self, ExpressionError> {
        let root = parser::parse_whole(text, Some(dialects))?;
        Ok(Self::new(text, root))
    }

    pub(super) fn new(source: &str, root: Node) -> Self {
        Self(Arc::new(Parsed {
            source: source.trim().into(),
            root,
        }))
    }

    /// The text of the expression, without white space around it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The value in `scope`. A path that leads to nothing is null.
    ///
    /// # Errors
    /// When a bound is exceeded, a computed regular expression is invalid, or `now()` or `uuid()` is not
    /// supplied. Types never cause an error.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, EvaluationError> {
        self.value(scope, &Budget::new(), false)
    }

    /// The value in `scope`, with an error for a path that leads to nothing.
    ///
    /// A missing path is still an answer where the expression asks for it: before `||` or `| default`, in
    /// `exists(…)`, and in a comparison with a literal `null`.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate), and for the first missing path.
    pub fn evaluate_strict(&self, scope: &dyn Scope) -> Result<Value, EvaluationError> {
        self.value(scope, &Budget::new(), true)
    }

    /// Whether the value in `scope` counts as true, see [`truthy`].
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn is_truthy(&self, scope: &dyn Scope) -> Result<bool, EvaluationError> {
        let budget = Budget::new();
        let evaluator = Evaluator::new(scope, &budget, false);
        let value = evaluator.evaluate(&self.0.root);
        value
            .map(|value| truthy(&value))
            .map_err(|error| error.in_expression(self.source()))
    }

    /// The names the expression uses.
    #[must_use]
    pub fn references(&self) -> References {
        let mut references = References::default();
        references.add(&self.0.root);
        references
    }

    /// The path that it is, if it is nothing else.
    pub(super) fn as_path(&self) -> Option<Vec<Segment<'_>>> {
        let Node::Path(path) = &self.0.root else {
            return None;
        };
        let steps = path.steps.list.iter().map(|step| match step {
            Step::Key(key) => Some(Segment::Key(key)),
            Step::Index(index) => Some(Segment::Index(*index)),
            Step::Wildcard | Step::Computed(_) => None,
        });
        let root = Some(Segment::Key(&path.root));
        std::iter::once(root).chain(steps).collect()
    }

    pub(super) fn value(
        &self,
        scope: &dyn Scope,
        budget: &Budget,
        strict: bool,
    ) -> Result<Value, EvaluationError> {
        let evaluator = Evaluator::new(scope, budget, strict);
        let value = evaluator.evaluate(&self.0.root);
        value
            .and_then(|value| evaluator.own(value))
            .map_err(|error| error.in_expression(self.source()))
    }

    /// Appends the value as text.
    pub(super) fn append_to(
        &self,
        text: &mut BoundedText,
        scope: &dyn Scope,
        budget: &Budget,
        strict: bool,
    ) -> Result<(), EvaluationError> {
        let evaluator = Evaluator::new(scope, budget, strict);
        let value = evaluator.evaluate(&self.0.root);
        value
            .and_then(|value| text.push_value(&value, budget))
            .map_err(|error| error.in_expression(self.source()))
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Expression({:?})", self.source())
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.source())
    }
}
