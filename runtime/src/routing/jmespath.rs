//! JMESPath under bounds.
//!
//! The crate parses and evaluates by recursion and copies as often as it is told to. So a text that nests too deeply is
//! refused before it is parsed, and one whose result may grow by too much before it is evaluated.

use jmespath::ast::Ast;
use jmespath::{DEFAULT_RUNTIME, Expression, Variable};
use serde_json::Value;

/// Longest text of one expression, in bytes.
const MAX_SOURCE_BYTES: usize = 8 * 1024;

/// Most operators that stand one in or after another.
const MAX_CHAIN: usize = 96;

/// Largest magnitude of an index or a part of a slice: sums of two stay within what the crate counts with.
const MAX_INDEX: i32 = 1_000_000_000;

/// How many times larger than the payload a result may become at most.
const MAX_GROWTH: f64 = 1e6;

/// Parts of the payload times growth that one evaluation may come to.
const MAX_WORK: f64 = 5e7;

/// Most parts of a result; a text counts one part for each 64 bytes.
const MAX_PARTS: usize = 1_000_000;

/// A JMESPath expression, parsed once.
#[derive(Debug)]
pub(super) struct JmesPath {
    expression: Expression<'static>,
    /// How many times as many parts as the payload an evaluation may look at or make.
    growth: f64,
    /// Bare `true`, `false` and `null`, which are names of fields.
    bare_words: Vec<&'static str>,
}

impl JmesPath {
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        if source.len() > MAX_SOURCE_BYTES {
            return Err(format!(
                "the expression is longer than {MAX_SOURCE_BYTES} bytes"
            ));
        }
        if chain(source) > MAX_CHAIN {
            return Err(format!(
                "the expression nests or chains more than {MAX_CHAIN} operators"
            ));
        }
        let expression = jmespath::compile(source.trim()).map_err(|error| reason(&error))?;
        let mut survey = Survey::default();
        let growth = survey.visit(expression.as_ast());
        if let Some(problem) = survey.problem {
            return Err(problem);
        }
        if growth > MAX_GROWTH {
            return Err(
                "the result could become a million times larger than the payload".to_owned(),
            );
        }
        Ok(Self {
            expression,
            growth,
            bare_words: survey.bare_words,
        })
    }

    /// `true`, `false` and `null` as far as they stand there without backticks.
    pub(super) fn bare_words(&self) -> &[&'static str] {
        &self.bare_words
    }

    pub(super) fn apply(&self, payload: &Value) -> Result<Value, String> {
        if to_float(parts_of_value(payload)) * self.growth > MAX_WORK {
            return Err("the payload is too large for this expression".to_owned());
        }
        let result = self
            .expression
            .search(payload)
            .map_err(|error| reason(&error))?;
        let mut left = MAX_PARTS;
        if !take_parts(&result, &mut left) {
            return Err(format!(
                "the result has more than {MAX_PARTS} parts, or an expression in it"
            ));
        }
        serde_json::to_value(&*result).map_err(|error| error.to_string())
    }
}

/// What the crate says, on one line, without the expression it repeats.
fn reason(error: &jmespath::JmespathError) -> String {
    let text = error.to_string();
    text.lines()
        .next()
        .unwrap_or("it cannot be read")
        .to_owned()
}

/// The longest chain of operators outside of texts: an upper bound on how deeply the parser and the evaluation recurse.
fn chain(source: &str) -> usize {
    let mut open: Vec<usize> = Vec::new();
    let (mut current, mut most) = (0_usize, 0_usize);
    let mut characters = source.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' | '`' => {
                while let Some(inner) = characters.next() {
                    match inner {
                        '\\' => drop(characters.next()),
                        _ if inner == character => break,
                        _ => {}
                    }
                }
            }
            '(' | '[' | '{' => {
                open.push(current);
                current += 1;
            }
            ')' | ']' | '}' => {
                open.pop();
                current += 1;
            }
            ',' => current = open.last().map_or(0, |outer| outer + 1),
            '.' | '*' | '|' | '&' | '!' | '<' | '>' | '=' | '@' | '?' => current += 1,
            _ => {}
        }
        most = most.max(current);
    }
    most
}

/// A walk over a parsed expression.
#[derive(Default)]
struct Survey {
    problem: Option<String>,
    bare_words: Vec<&'static str>,
}

impl Survey {
    /// How many times larger than what the node sees the work on it and its result may be.
    fn visit(&mut self, node: &Ast) -> f64 {
        match node {
            Ast::Identity { .. } => 1.0,
            Ast::Field { name, .. } => {
                let word = ["true", "false", "null"]
                    .into_iter()
                    .find(|word| word == name);
                self.bare_words.extend(word);
                1.0
            }
            Ast::Index { idx, .. } => {
                self.check_numbers([Some(*idx)]);
                1.0
            }
            Ast::Slice {
                start, stop, step, ..
            } => {
                self.check_numbers([*start, *stop, Some(*step)]);
                1.0
            }
            Ast::Literal { value, .. } => {
                let mut left = MAX_PARTS;
                take_parts(value, &mut left);
                to_float(MAX_PARTS - left).max(1.0)
            }
            Ast::Not { node, .. }
            | Ast::Flatten { node, .. }
            | Ast::ObjectValues { node, .. }
            | Ast::Expref { ast: node, .. } => self.visit(node),
            Ast::Subexpr { lhs, rhs, .. } | Ast::Projection { lhs, rhs, .. } => {
                self.visit(lhs) * self.visit(rhs)
            }
            Ast::Condition {
                predicate, then, ..
            } => self.visit(predicate) + self.visit(then),
            Ast::Comparison { lhs, rhs, .. }
            | Ast::And { lhs, rhs, .. }
            | Ast::Or { lhs, rhs, .. } => self.visit(lhs) + self.visit(rhs),
            Ast::MultiList { elements, .. } => {
                elements.iter().map(|element| self.visit(element)).sum()
            }
            Ast::MultiHash { elements, .. } => {
                elements.iter().map(|pair| self.visit(&pair.value)).sum()
            }
            Ast::Function { name, args, .. } => self.function(name, args),
        }
    }

    fn function(&mut self, name: &str, args: &[Ast]) -> f64 {
        if DEFAULT_RUNTIME.get_function(name).is_none() {
            self.object(format!("there is no function `{name}`"));
        }
        let (mut each, mut all) = (1.0, 1.0);
        for arg in args {
            let growth = self.visit(arg);
            match arg {
                Ast::Expref { .. } => each *= growth,
                _ => all += growth,
            }
        }
        match (name, args.first()) {
            // Between any two elements, so its length counts each time.
            ("join", Some(Ast::Literal { value, .. })) => {
                let glue = value.as_string().map_or(0, String::len);
                all * (1.0 + to_float(glue))
            }
            ("join", _) => {
                self.object("the glue of `join` must be a literal text, such as ', '".to_owned());
                all
            }
            // A text in a text in a text escapes its escapes.
            ("to_string", _) => all * 6.0,
            _ => all * each,
        }
    }

    fn check_numbers<const N: usize>(&mut self, numbers: [Option<i32>; N]) {
        let is_large = |number: &i32| !(-MAX_INDEX..=MAX_INDEX).contains(number);
        if numbers.iter().flatten().any(is_large) {
            self.object(format!("an index is larger than {MAX_INDEX}"));
        }
    }

    fn object(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}

/// Counts the parts of a result, shared ones as often as they occur; false when there are more than `left`, or one is no
/// value.
fn take_parts(value: &Variable, left: &mut usize) -> bool {
    let own = match value {
        Variable::String(text) => 1 + text.len() / 64,
        Variable::Expref(_) => return false,
        _ => 1,
    };
    match left.checked_sub(own) {
        Some(rest) => *left = rest,
        None => return false,
    }
    match value {
        Variable::Array(items) => items.iter().all(|item| take_parts(item, left)),
        Variable::Object(members) => members.values().all(|member| take_parts(member, left)),
        _ => true,
    }
}

fn parts_of_value(value: &Value) -> usize {
    match value {
        Value::String(text) => 1 + text.len() / 64,
        Value::Array(items) => 1 + items.iter().map(parts_of_value).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(parts_of_value).sum::<usize>(),
        _ => 1,
    }
}

#[allow(clippy::cast_precision_loss, reason = "an estimate")]
fn to_float(number: usize) -> f64 {
    number as f64
}
