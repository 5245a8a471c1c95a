//! Texts and whole JSON values with expressions inside.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::compiled::Expression;
use super::dialect::{Dialects, Marker, environment_reference};
use super::error::{Code, EvaluationError, ExpressionError};
use super::limits::{Budget, MAX_VALUE_DEPTH};
use super::operand::environment;
use super::parser::parse_embedded;
use super::references::References;
use super::scope::{Scope, Segment};
use super::text::BoundedText;

/// A text, or a JSON value whose texts may contain expressions, parsed once. Clones share the parsed form.
///
/// A text that is one expression and nothing else keeps the type of its value; expressions within other
/// text are written into it. Keys of objects are never evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(Arc<Node>);

/// The stored form of a template follows these names: changing one changes the format of plans.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Node {
    Constant(Value),
    Expression(Expression),
    Text(Box<[Part]>),
    Array(Box<[Node]>),
    Object(Box<[(String, Node)]>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Text(Box<str>),
    Expression(Expression),
}

impl Template {
    /// Parses one text, such as `https://example.org/${{ input.id }}`.
    ///
    /// # Errors
    /// When an expression in it is wrong or not closed.
    pub fn parse(text: &str, dialects: Dialects) -> Result<Self, ExpressionError> {
        let node = Loading::new(dialects).text(text)?;
        Ok(Self(Arc::new(node)))
    }

    /// Parses every text within a JSON value.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), with the [path](ExpressionError::path) of the text; also for a value
    /// nested deeper than [`MAX_VALUE_DEPTH`].
    pub fn parse_value(value: &Value, dialects: Dialects) -> Result<Self, ExpressionError> {
        let mut loading = Loading::new(dialects);
        match loading.node(value, 0) {
            Ok(node) => Ok(Self(Arc::new(node))),
            Err(error) => Err(error.at_path(loading.trail.to_string())),
        }
    }

    /// Parses the text of a field that holds nothing but an expression, such as `condition`. The markers
    /// may be left out, stand around the whole, or around its operands: `${status} === 'done'`.
    ///
    /// # Errors
    /// As [`Expression::parse`].
    pub fn parse_condition(text: &str, dialects: Dialects) -> Result<Expression, ExpressionError> {
        Expression::parse_condition(text, dialects)
    }

    /// The value with every expression evaluated in `scope`.
    ///
    /// # Errors
    /// As [`Expression::evaluate`], with the expression and its path; all expressions of the template share
    /// the bounds of one evaluation.
    pub fn render(&self, scope: &dyn Scope) -> Result<Value, EvaluationError> {
        self.render_with(scope, false)
    }

    /// As [`render`](Self::render), with an error for a path that leads to nothing, as in
    /// [`Expression::evaluate_strict`].
    ///
    /// # Errors
    /// As [`render`](Self::render), and for the first missing path.
    pub fn render_strict(&self, scope: &dyn Scope) -> Result<Value, EvaluationError> {
        self.render_with(scope, true)
    }

    fn render_with(&self, scope: &dyn Scope, strict: bool) -> Result<Value, EvaluationError> {
        let rendering = Rendering {
            scope,
            budget: Budget::new(),
            strict,
        };
        let mut trail = Trail::default();
        rendering
            .node(&self.0, &mut trail)
            .map_err(|error| match trail.0.is_empty() {
                true => error,
                false => error.at_path(trail.to_string()),
            })
    }

    /// The path that it is, if it is nothing else.
    pub(crate) fn as_path(&self) -> Option<Vec<Segment<'_>>> {
        match &*self.0 {
            Node::Expression(expression) => expression.as_path(),
            _ => None,
        }
    }

    /// Whether there is no expression in it.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.0.is_constant()
    }

    /// The names all its expressions use.
    #[must_use]
    pub fn references(&self) -> References {
        let mut references = References::default();
        self.0.add_to(&mut references);
        references
    }
}

impl Node {
    fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }

    fn into_constant(self) -> Option<Value> {
        match self {
            Self::Constant(value) => Some(value),
            _ => None,
        }
    }

    fn add_to(&self, references: &mut References) {
        match self {
            Self::Constant(_) => {}
            Self::Expression(expression) => references.merge(expression.references()),
            Self::Text(parts) => {
                for part in parts {
                    if let Part::Expression(expression) = part {
                        references.merge(expression.references());
                    }
                }
            }
            Self::Array(items) => items.iter().for_each(|item| item.add_to(references)),
            Self::Object(members) => {
                members
                    .iter()
                    .for_each(|(_, member)| member.add_to(references));
            }
        }
    }
}

/// The way from a failed text up to the whole value, innermost part first: it is laid while the error
/// travels up, so that success costs nothing.
#[derive(Default)]
struct Trail(Vec<PathPart>);

enum PathPart {
    Key(String),
    Index(usize),
}

impl fmt::Display for Trail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_char('$')?;
        for part in self.0.iter().rev() {
            match part {
                PathPart::Index(index) => write!(formatter, "[{index}]")?,
                PathPart::Key(key) if is_plain(key) => write!(formatter, ".{key}")?,
                PathPart::Key(key) => {
                    write!(
                        formatter,
                        "['{}']",
                        key.replace('\\', "\\\\").replace('\'', "\\'")
                    )?;
                }
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// One parsing of one template.
struct Loading {
    dialects: Dialects,
    /// Memory the literal regular expressions take so far.
    pattern_bytes: usize,
    trail: Trail,
}

impl Loading {
    fn new(dialects: Dialects) -> Self {
        Self {
            dialects,
            pattern_bytes: 0,
            trail: Trail::default(),
        }
    }

    fn node(&mut self, value: &Value, depth: usize) -> Result<Node, ExpressionError> {
        if depth > MAX_VALUE_DEPTH {
            return Err(ExpressionError::new(
                Code::ValueTooDeep,
                "",
                0..0,
                format!("the value nests deeper than {MAX_VALUE_DEPTH} levels"),
                "flatten the value",
            ));
        }
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                let mut nodes = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let node = self.node(item, depth + 1);
                    nodes.push(node.inspect_err(|_| self.trail.0.push(PathPart::Index(index)))?);
                }
                Ok(array(nodes))
            }
            Value::Object(members) => {
                let mut nodes = Vec::with_capacity(members.len());
                for (key, member) in members {
                    let node = self.node(member, depth + 1);
                    let node =
                        node.inspect_err(|_| self.trail.0.push(PathPart::Key(key.clone())))?;
                    nodes.push((key.clone(), node));
                }
                Ok(object(nodes))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(Node::Constant(value.clone())),
        }
    }

    fn text(&mut self, text: &str) -> Result<Node, ExpressionError> {
        let mut parts = Vec::new();
        let mut read = 0;
        while let Some((start, marker)) = next_marker(text, read, self.dialects) {
            let (expression, end) = self.expression(text, start, marker)?;
            if read == 0 && is_blank(text.get(..start)) && is_blank(text.get(end..)) {
                return Ok(Node::Expression(expression));
            }
            push_text(&mut parts, text.get(read..start));
            parts.push(Part::Expression(expression));
            read = end;
        }
        if parts.is_empty() {
            return Ok(Node::Constant(Value::String(text.to_owned())));
        }
        push_text(&mut parts, text.get(read..));
        Ok(Node::Text(parts.into()))
    }

    /// The expression whose marker stands at byte `start`, and the byte after its closing braces.
    fn expression(
        &mut self,
        text: &str,
        start: usize,
        marker: Marker,
    ) -> Result<(Expression, usize), ExpressionError> {
        let rest = text.get(start..).unwrap_or("");
        if marker == Marker::Dollar
            && let Some((name, default, length)) = environment_reference(rest)
        {
            let source = rest.get(..length).unwrap_or(rest);
            let expression = Expression::new(source, environment(name, default));
            return Ok((expression, start + length));
        }
        let inner = start + marker.opening().len();
        let (node, closing, end) = parse_embedded(text, marker, inner, &mut self.pattern_bytes)?;
        let source = text.get(inner..closing).unwrap_or("");
        Ok((Expression::new(source, node), end))
    }
}

/// The first marker at or after byte `from`.
fn next_marker(text: &str, from: usize, dialects: Dialects) -> Option<(usize, Marker)> {
    let rest = text.get(from..)?;
    rest.match_indices(['$', '{']).find_map(|(at, _)| {
        let marker = dialects.opening(rest.get(at..)?)?;
        Some((from + at, marker))
    })
}

fn is_blank(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.trim().is_empty())
}

fn push_text(parts: &mut Vec<Part>, text: Option<&str>) {
    match text {
        Some(text) if !text.is_empty() => parts.push(Part::Text(text.into())),
        _ => {}
    }
}

fn array(nodes: Vec<Node>) -> Node {
    match nodes.iter().all(Node::is_constant) {
        true => Node::Constant(nodes.into_iter().filter_map(Node::into_constant).collect()),
        false => Node::Array(nodes.into()),
    }
}

fn object(members: Vec<(String, Node)>) -> Node {
    match members.iter().all(|(_, member)| member.is_constant()) {
        true => Node::Constant(
            members
                .into_iter()
                .filter_map(|(key, member)| Some((key, member.into_constant()?)))
                .collect(),
        ),
        false => Node::Object(members.into()),
    }
}

/// One rendering of one template.
struct Rendering<'s> {
    scope: &'s dyn Scope,
    budget: Budget,
    strict: bool,
}

impl Rendering<'_> {
    fn node(&self, node: &Node, trail: &mut Trail) -> Result<Value, EvaluationError> {
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Expression(expression) => expression.value(self.scope, &self.budget, self.strict),
            Node::Text(parts) => self.text(parts),
            Node::Array(items) => {
                let mut values = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let value = self
                        .node(item, trail)
                        .inspect_err(|_| trail.0.push(PathPart::Index(index)))?;
                    values.push(value);
                }
                Ok(Value::Array(values))
            }
            Node::Object(members) => {
                let mut values = Map::with_capacity(members.len());
                for (key, member) in members {
                    let value = self
                        .node(member, trail)
                        .inspect_err(|_| trail.0.push(PathPart::Key(key.clone())))?;
                    values.insert(key.clone(), value);
                }
                Ok(Value::Object(values))
            }
        }
    }

    fn text(&self, parts: &[Part]) -> Result<Value, EvaluationError> {
        let mut text = BoundedText::default();
        for part in parts {
            match part {
                Part::Text(literal) => text.push(literal)?,
                Part::Expression(expression) => {
                    expression.append_to(&mut text, self.scope, &self.budget, self.strict)?;
                }
            }
        }
        Ok(text.into_value())
    }
}
