//! The operands of the grammar: literals, paths, calls, arrays and objects.

use serde_json::{Map, Value};

use super::ast::{Node, Path, Step, Steps};
use super::builtin::{self, Argument};
use super::dialect::Marker;
use super::error::Code;
use super::lexer::{Symbol, Token};
use super::parser::{Parsed, Parser};

impl<'s> Parser<'s> {
    pub(super) fn postfix(&mut self) -> Parsed<Node> {
        if let Some(name) = self.root_name()? {
            return self.path(name);
        }
        let base = self.primary()?;
        if (self.at(Symbol::Dot) || self.at(Symbol::LeftBracket)) && is_plain_literal(&base) {
            return Err(self.error(
                Code::Syntax,
                self.span.clone(),
                "numbers, booleans and null have no members",
                "put quotes around text that looks like a number, such as a version: '1.2.3'",
            ));
        }
        let steps = self.steps()?;
        Ok(match steps.list.is_empty() {
            true => base,
            false => Node::Member {
                base: Box::new(base),
                steps,
            },
        })
    }

    /// The current token when it is the name a path starts with.
    fn root_name(&self) -> Parsed<Option<&'s str>> {
        let Token::Name(name) = self.token else {
            return Ok(None);
        };
        if ["and", "or", "not", "in"]
            .iter()
            .any(|word| self.at_word(word))
        {
            return Err(self.unexpected("a value"));
        }
        let is_root =
            literal_word(name).is_none() && self.following()? != Token::Symbol(Symbol::LeftParen);
        Ok(is_root.then_some(name))
    }

    fn path(&mut self, name: &str) -> Parsed<Node> {
        let start = self.span.start;
        self.advance()?;
        let root = canonical_root(name);
        let mut steps = self.steps()?;
        canonical_steps(root, &mut steps.list);
        let text = self.lexer.text().get(start..self.previous_end);
        Ok(Node::Path(Path {
            root: root.into(),
            steps,
            text: text.unwrap_or(name).into(),
        }))
    }

    fn steps(&mut self) -> Parsed<Steps> {
        let mut list = Vec::new();
        let mut computed = Vec::new();
        let depth = self.depth;
        loop {
            let step = if self.take(Symbol::Dot)? {
                self.dotted_step()?
            } else if self.take(Symbol::LeftBracket)? {
                self.bracketed_step(&mut computed)?
            } else {
                break;
            };
            if matches!(step, Step::Wildcard) {
                self.deepen()?;
            }
            list.push(step);
        }
        self.depth = depth;
        if self.at(Symbol::LeftParen) && !list.is_empty() {
            return Err(self.error(
                Code::Syntax,
                self.span.clone(),
                "values have no methods",
                "call a function by its name, as in length(x), or use a filter, as in x | length",
            ));
        }
        Ok(Steps {
            list: list.into(),
            computed: computed.into(),
        })
    }

    fn dotted_step(&mut self) -> Parsed<Step> {
        let step = match self.token {
            Token::Name(name) => Step::Key(name.into()),
            Token::Position(position) => Step::Index(position),
            Token::Symbol(Symbol::Star) => Step::Wildcard,
            _ => return Err(self.unexpected("a member name")),
        };
        self.advance()?;
        Ok(step)
    }

    fn bracketed_step(&mut self, computed: &mut Vec<Node>) -> Parsed<Step> {
        let opened = self.previous_end.saturating_sub(1);
        let step = if self.take(Symbol::Star)? {
            Step::Wildcard
        } else {
            match self.expression()? {
                Node::Literal(Value::String(key)) => Step::Key(key.into()),
                Node::Literal(Value::Number(number)) if number.as_i64().is_some() => {
                    Step::Index(number.as_i64().unwrap_or_default())
                }
                node => {
                    computed.push(node);
                    Step::Computed(computed.len() - 1)
                }
            }
        };
        self.close(Symbol::RightBracket, "]", opened)?;
        Ok(step)
    }

    fn primary(&mut self) -> Parsed<Node> {
        let start = self.span.start;
        match self.token.clone() {
            Token::Text(text) => {
                self.advance()?;
                Ok(Node::Literal(Value::String(text.into_owned())))
            }
            Token::Number(number) => {
                self.advance()?;
                Ok(Node::Literal(Value::Number(number)))
            }
            Token::Symbol(Symbol::Tilde) => {
                self.advance()?;
                Ok(Node::Literal(Value::Null))
            }
            Token::Name(name) => match literal_word(name) {
                Some(value) => {
                    self.advance()?;
                    Ok(Node::Literal(value))
                }
                None => self.call(name),
            },
            Token::Symbol(Symbol::LeftParen) => {
                self.advance()?;
                let node = self.expression()?;
                self.close(Symbol::RightParen, ")", start)?;
                Ok(node)
            }
            Token::Symbol(Symbol::LeftBracket) => self.array(),
            Token::Symbol(Symbol::LeftBrace) => self.object(),
            Token::Opening(marker) => self.marked(marker),
            Token::Environment { name, default } => {
                self.advance()?;
                Ok(environment(name, default))
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    fn call(&mut self, name: &str) -> Parsed<Node> {
        let span = self.span.clone();
        self.advance()?;
        let arguments = self.arguments()?;
        match builtin::comparison_function(name) {
            Some(comparison) => {
                let [left, right] = self.checked(builtin::exactly(name, &span, arguments))?;
                self.compare(comparison, left.node, right)
            }
            None => {
                let node = builtin::function(name, span, arguments, &mut self.pattern_bytes);
                self.checked(node)
            }
        }
    }

    pub(super) fn arguments(&mut self) -> Parsed<Vec<Argument>> {
        let opened = self.span.start;
        self.advance()?;
        let mut arguments = Vec::new();
        if self.take(Symbol::RightParen)? {
            return Ok(arguments);
        }
        loop {
            let start = self.span.start;
            let node = self.expression()?;
            arguments.push(Argument {
                node,
                span: start..self.previous_end,
            });
            if !self.take(Symbol::Comma)? {
                break;
            }
        }
        self.close(Symbol::RightParen, ")", opened)?;
        Ok(arguments)
    }

    fn array(&mut self) -> Parsed<Node> {
        let opened = self.span.start;
        self.advance()?;
        let mut items = Vec::new();
        if !self.take(Symbol::RightBracket)? {
            loop {
                items.push(self.expression()?);
                if !self.take(Symbol::Comma)? {
                    break;
                }
            }
            self.close(Symbol::RightBracket, "]", opened)?;
        }
        Ok(constant_array(items))
    }

    fn object(&mut self) -> Parsed<Node> {
        let opened = self.span.start;
        self.advance()?;
        let mut pairs = Vec::new();
        if !self.take(Symbol::RightBrace)? {
            loop {
                pairs.push(self.pair()?);
                if !self.take(Symbol::Comma)? {
                    break;
                }
            }
            self.close(Symbol::RightBrace, "}", opened)?;
        }
        Ok(constant_object(pairs))
    }

    fn pair(&mut self) -> Parsed<(String, Node)> {
        let key = match &self.token {
            Token::Name(name) => (*name).to_owned(),
            Token::Text(text) => text.clone().into_owned(),
            _ => return Err(self.unexpected("a key")),
        };
        self.advance()?;
        if !self.take(Symbol::Colon)? {
            return Err(self.unexpected("`:` after the key"));
        }
        Ok((key, self.expression()?))
    }

    /// `${x}` inside a condition: an operand, never text to paste.
    fn marked(&mut self, marker: Marker) -> Parsed<Node> {
        let opened = self.span.end;
        self.advance()?;
        let node = self.expression()?;
        if !self.at(Symbol::RightBrace) || !self.rest_of_text().starts_with(marker.closing()) {
            return Err(self.missing_closing(marker, opened));
        }
        for _ in marker.closing().chars() {
            self.advance()?;
        }
        Ok(node)
    }
}

/// `NAME` of the environment, or the default when it is unset or empty, as a shell reads it.
pub(super) fn environment(name: &str, default: Option<&str>) -> Node {
    let variable = Node::Path(Path {
        root: "env".into(),
        steps: Steps {
            list: Box::new([Step::Key(name.into())]),
            computed: Box::new([]),
        },
        text: format!("env.{name}").into(),
    });
    match default {
        None => variable,
        Some(default) => Node::Any(Box::new([
            variable,
            Node::Literal(Value::String(default.to_owned())),
        ])),
    }
}

/// The literals that are words, in the spellings of the YAML core schema.
fn literal_word(name: &str) -> Option<Value> {
    match name {
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        "null" | "Null" | "NULL" => Some(Value::Null),
        _ => None,
    }
}

fn canonical_root(name: &str) -> &str {
    let name = match name.strip_prefix('$') {
        Some(bare) if !bare.is_empty() => bare,
        _ => name,
    };
    match name {
        "inputs" => "input",
        "outputs" => "output",
        _ => name,
    }
}

/// Reads `workflow.inputs` as `workflow.input` and `steps.X.outputs` as `steps.X.output`.
fn canonical_steps(root: &str, steps: &mut [Step]) {
    let (place, variant, canonical) = match root {
        "workflow" => (0, "inputs", "input"),
        "steps" => (1, "outputs", "output"),
        _ => return,
    };
    if let Some(Step::Key(key)) = steps.get_mut(place)
        && **key == *variant
    {
        *key = canonical.into();
    }
}

fn constant_array(items: Vec<Node>) -> Node {
    if !items.iter().all(|item| matches!(item, Node::Literal(_))) {
        return Node::Array(items.into());
    }
    let values = items.into_iter().filter_map(literal);
    Node::Literal(Value::Array(values.collect()))
}

fn constant_object(pairs: Vec<(String, Node)>) -> Node {
    if !pairs
        .iter()
        .all(|(_, node)| matches!(node, Node::Literal(_)))
    {
        return Node::Object(pairs.into());
    }
    let members = pairs
        .into_iter()
        .filter_map(|(key, node)| Some((key, literal(node)?)));
    Node::Literal(Value::Object(members.collect::<Map<_, _>>()))
}

fn is_plain_literal(node: &Node) -> bool {
    use Value::{Bool, Null, Number};
    matches!(node, Node::Literal(Null | Bool(_) | Number(_)))
}

fn literal(node: Node) -> Option<Value> {
    match node {
        Node::Literal(value) => Some(value),
        _ => None,
    }
}
