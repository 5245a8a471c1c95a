//! Filters, ready to be asked.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use crate::expression::{CompiledPattern, Expression, PatternError, Scope, Segment};
use crate::manifest::model::{self, Comparison};
use crate::manifest::{Diagnostic, Severity};
use crate::port::Timestamp;

use super::code;
use super::envelope::Envelope;
use super::field::Field;
use super::value::{contains, loosely_equal, order};

/// What must hold of a message, compiled from a rule, a subscription or a trigger.
#[derive(Debug)]
pub struct Filter {
    conditions: Box<[Condition]>,
    expression: Option<Expression>,
}

/// What a filter says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Passes,
    /// A condition or the expression does not hold: said in words, with the field and without its value.
    Fails(String),
    /// It cannot be told: an expression or a regular expression exceeded a bound.
    Error(String),
}

#[derive(Debug)]
struct Condition {
    field: Field,
    test: Test,
    /// The field as written.
    name: Box<str>,
}

#[derive(Debug)]
enum Test {
    AnyOf(Box<[Value]>),
    NoneOf(Box<[Value]>),
    Compare(Comparison, Value),
    Exists(bool),
    Matches(Box<str>, CompiledPattern),
    Contains(Value),
}

impl Filter {
    /// Compiles the filter of a manifest.
    ///
    /// # Errors
    /// A finding for each regular expression that is none, or is too large.
    pub fn compile(filter: &model::Filter) -> Result<Self, Vec<Diagnostic>> {
        let mut conditions = Vec::with_capacity(filter.conditions.len());
        let mut errors = Vec::new();
        for condition in &filter.conditions {
            match Test::compile(&condition.test) {
                Ok(test) => conditions.push(Condition {
                    field: Field::new(&condition.field),
                    test,
                    name: condition.field.as_str().into(),
                }),
                Err(reason) => errors.push(
                    Diagnostic::new(code::BAD_FILTER, Severity::Error, reason)
                        .with_help(
                            "test the regular expression apart; `.` and `*` are not globs in it",
                        )
                        .at_path(condition.path.clone()),
                ),
            }
        }
        if errors.is_empty() {
            Ok(Self {
                conditions: conditions.into(),
                expression: filter.expression.clone(),
            })
        } else {
            Err(errors)
        }
    }

    /// What the filter says of `message` at `now`.
    #[must_use]
    pub fn judge(&self, message: &Envelope, now: Timestamp) -> Verdict {
        for condition in &self.conditions {
            match condition.holds(message) {
                Ok(true) => {}
                Ok(false) => return Verdict::Fails(condition.describe(message)),
                Err(reason) => return Verdict::Error(reason),
            }
        }
        match self.expression_holds(message, now) {
            Ok(true) => Verdict::Passes,
            Ok(false) => {
                let source = self.expression.as_ref().map_or("", Expression::source);
                Verdict::Fails(format!("`{source}` does not hold"))
            }
            Err(reason) => Verdict::Error(reason),
        }
    }

    /// What holds of a message that passes.
    pub(super) fn in_words(&self) -> String {
        let conditions = self.conditions.iter();
        let conditions = conditions.map(|it| format!("`{}` is {}", it.name, it.test.describe()));
        let expression = self.expression.as_ref();
        let expression = expression.map(|it| format!("`{}` holds", it.source()));
        conditions
            .chain(expression)
            .collect::<Vec<_>>()
            .join(" and ")
    }

    /// Whether `message` passes, without the words.
    pub(super) fn passes(&self, message: &Envelope, now: Timestamp) -> Result<bool, String> {
        for condition in &self.conditions {
            if !condition.holds(message)? {
                return Ok(false);
            }
        }
        self.expression_holds(message, now)
    }

    fn expression_holds(&self, message: &Envelope, now: Timestamp) -> Result<bool, String> {
        match &self.expression {
            None => Ok(true),
            Some(expression) => expression
                .is_truthy(&MessageScope { message, now })
                .map_err(|error| format!("{} ({})", error.message(), error.code())),
        }
    }

    /// A field and the values one of which it must have, for an index: the first condition that names some. None of
    /// them is null, a list or an object.
    pub(super) fn indexable(&self) -> Option<(&Field, &[Value])> {
        self.conditions
            .iter()
            .find_map(|condition| match &condition.test {
                Test::AnyOf(values) if !values.is_empty() && values.iter().all(is_scalar) => {
                    Some((&condition.field, &**values))
                }
                _ => None,
            })
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_))
}

impl Condition {
    fn holds(&self, message: &Envelope) -> Result<bool, String> {
        let value = self.field.of(message);
        let value = value.as_deref().unwrap_or(&Value::Null);
        match &self.test {
            Test::AnyOf(values) => Ok(is_one_of(value, values)),
            Test::NoneOf(values) => Ok(!is_one_of(value, values)),
            Test::Compare(comparison, bound) => Ok(any(value, |value| {
                order(value, bound).is_some_and(|order| fits(*comparison, order))
            })),
            Test::Exists(wanted) => Ok(value.is_null() != *wanted),
            Test::Contains(part) => Ok(contains(value, part)),
            Test::Matches(_, pattern) => occurs(pattern, value),
        }
    }

    /// What is asked and not so.
    fn describe(&self, message: &Envelope) -> String {
        let name = &self.name;
        if self.field.of(message).is_none_or(|value| value.is_null()) {
            return format!("`{name}` is missing, and must be {}", self.test.describe());
        }
        format!("`{name}` must be {}", self.test.describe())
    }
}

impl Test {
    fn compile(test: &model::Test) -> Result<Self, String> {
        Ok(match test {
            model::Test::AnyOf(values) => Self::AnyOf(values.as_slice().into()),
            model::Test::NoneOf(values) => Self::NoneOf(values.as_slice().into()),
            model::Test::Compare(comparison, bound) => Self::Compare(*comparison, bound.clone()),
            model::Test::Exists(wanted) => Self::Exists(*wanted),
            model::Test::Contains(part) => Self::Contains(part.clone()),
            model::Test::Matches(text) => match CompiledPattern::compile(text) {
                Ok(pattern) => Self::Matches(text.as_str().into(), pattern),
                Err(PatternError::Syntax(reason)) => {
                    return Err(format!("this is not a regular expression: {reason}"));
                }
                Err(PatternError::TooLarge) => {
                    return Err("the regular expression is too large".to_owned());
                }
            },
        })
    }

    fn describe(&self) -> String {
        match self {
            Self::AnyOf(values) => match &**values {
                [Value::Null] => "missing".to_owned(),
                values => list(values),
            },
            Self::NoneOf(values) => format!("other than {}", list(values)),
            Self::Compare(comparison, bound) => {
                let word = match comparison {
                    Comparison::Less => "less than",
                    Comparison::AtMost => "at most",
                    Comparison::Greater => "more than",
                    Comparison::AtLeast => "at least",
                };
                format!("{word} {bound}")
            }
            Self::Exists(true) => "there".to_owned(),
            Self::Exists(false) => "missing".to_owned(),
            Self::Matches(pattern, _) => format!("text in which `{pattern}` occurs"),
            Self::Contains(part) => format!("something that contains {part}"),
        }
    }
}

fn list(values: &[Value]) -> String {
    const MOST: usize = 5;
    let mut words: Vec<String> = values.iter().take(MOST).map(Value::to_string).collect();
    if values.len() > MOST {
        words.push(format!("{} more", values.len() - MOST));
    }
    words.join(" or ")
}

fn is_one_of(value: &Value, wanted: &[Value]) -> bool {
    any(value, |value| {
        wanted.iter().any(|it| loosely_equal(value, it))
    })
}

/// Whether the value itself, or an element of the list that it is, is so.
fn any(value: &Value, is_so: impl Fn(&Value) -> bool) -> bool {
    is_so(value)
        || value
            .as_array()
            .is_some_and(|items| items.iter().any(is_so))
}

fn occurs(pattern: &CompiledPattern, value: &Value) -> Result<bool, String> {
    let in_text = |text: &str| {
        pattern
            .occurs_in(text)
            .map_err(|error| format!("{} ({})", error.message(), error.code()))
    };
    match value {
        Value::String(text) => in_text(text),
        Value::Array(items) => {
            for text in items.iter().filter_map(Value::as_str) {
                if in_text(text)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

fn fits(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::AtMost => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::AtLeast => order.is_ge(),
    }
}

/// What the expression of a filter sees: `message`, which is the payload and behind it the envelope; and the members of
/// both by their names.
pub(super) struct MessageScope<'e> {
    pub(super) message: &'e Envelope,
    pub(super) now: Timestamp,
}

impl MessageScope<'_> {
    fn member(&self, name: &str) -> Option<Cow<'_, Value>> {
        match self.message.payload.get(name) {
            Some(value) => Some(Cow::Borrowed(value)),
            None if name == "payload" => Some(Cow::Borrowed(&self.message.payload)),
            None => self.message.member(name).map(Cow::Owned),
        }
    }
}

impl Scope for MessageScope<'_> {
    fn resolve<'a>(&'a self, path: &[Segment<'_>]) -> Option<(Cow<'a, Value>, usize)> {
        match path {
            [Segment::Key("message" | "event"), Segment::Key(name), ..] => {
                match self.member(name) {
                    Some(value) => Some((value, 2)),
                    // `.length`, and paths into a payload that is a list.
                    None => Some((Cow::Borrowed(&self.message.payload), 1)),
                }
            }
            [Segment::Key("message" | "event"), ..] => {
                Some((Cow::Borrowed(&self.message.payload), 1))
            }
            [Segment::Key(name), ..] => Some((self.member(name)?, 1)),
            _ => None,
        }
    }

    fn now(&self) -> Option<String> {
        Some(self.now.to_string())
    }

    fn uuid(&self) -> Option<String> {
        None
    }
}
