//! The filters: `value | name(arguments)`.
//!
//! A filter on a value it is not made for gives null; on null it gives its empty result.

use std::borrow::Cow;

use serde_json::Value;

use super::access::{length, member};
use super::ast::{Filter, Node, Operator, Selection, Step, Test};
use super::compare::{LiteralObjects, compare, truthy};
use super::evaluate::{Evaluated, Evaluator, ReadyPattern};
use super::resolve::segment;
use super::scope::Segment;
use super::text::BoundedText;

/// A test with its argument evaluated.
enum ReadyTest<'a> {
    Truthy,
    Defined,
    Undefined,
    Compare {
        operator: Operator,
        argument: Cow<'a, Value>,
        literal: LiteralObjects,
    },
    Matches {
        at_start: bool,
        pattern: ReadyPattern<'a>,
    },
}

impl<'a> Evaluator<'a> {
    pub(super) fn pipe(&self, value: &'a Node, filters: &'a [Filter]) -> Evaluated<Cow<'a, Value>> {
        let mut value = match filters.first() {
            Some(Filter::Default(_)) => self.asking(|| self.evaluate(value))?,
            _ => self.evaluate(value)?,
        };
        for filter in filters {
            self.budget.take(1)?;
            value = self.filter(value, filter)?;
        }
        Ok(value)
    }

    fn filter(&self, value: Cow<'a, Value>, filter: &'a Filter) -> Evaluated<Cow<'a, Value>> {
        match filter {
            Filter::Length => self.count(&value),
            Filter::List => self.list(value),
            Filter::First => Ok(end(value, 0)),
            Filter::Last => Ok(end(value, -1)),
            Filter::Lower => self.change_text(value, |text| text.to_lowercase()),
            Filter::Upper => self.change_text(value, |text| text.to_uppercase()),
            Filter::Trim => self.change_text(value, |text| text.trim().to_owned()),
            Filter::ToJson => {
                let mut text = BoundedText::default();
                text.push_json(&value, self.budget)?;
                Ok(Cow::Owned(text.into_value()))
            }
            Filter::Join(separator) => self.join(value, separator.as_ref()),
            Filter::Default(fallback) if value.is_null() => self.evaluate(fallback),
            Filter::Default(_) => Ok(value),
            Filter::Select(selection) => self.select(value, selection),
        }
    }

    /// Characters of a string, elements of an array, members of an object; 0 for null, null for the rest.
    fn count(&self, value: &Value) -> Evaluated<Cow<'a, Value>> {
        let count = match value {
            Value::Null => 0,
            Value::String(text) => {
                self.budget.take_text(text)?;
                text.chars().count()
            }
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            Value::Bool(_) | Value::Number(_) => return Ok(Cow::Owned(Value::Null)),
        };
        Ok(Cow::Owned(length(count)))
    }

    fn list(&self, value: Cow<'a, Value>) -> Evaluated<Cow<'a, Value>> {
        let items = match value {
            Cow::Borrowed(Value::Array(_)) | Cow::Owned(Value::Array(_)) => return Ok(value),
            Cow::Borrowed(Value::Null) | Cow::Owned(Value::Null) => Vec::new(),
            Cow::Owned(Value::Object(members)) => {
                members.into_iter().map(|(_, member)| member).collect()
            }
            Cow::Borrowed(Value::Object(members)) => members
                .values()
                .map(|member| self.own(Cow::Borrowed(member)))
                .collect::<Evaluated<_>>()?,
            value => vec![self.own(value)?],
        };
        Ok(Cow::Owned(Value::Array(items)))
    }

    fn change_text(
        &self,
        value: Cow<'a, Value>,
        change: impl FnOnce(&str) -> String,
    ) -> Evaluated<Cow<'a, Value>> {
        let Value::String(text) = value.as_ref() else {
            return Ok(Cow::Owned(Value::Null));
        };
        self.budget.take_text(text)?;
        Ok(Cow::Owned(Value::String(change(text))))
    }

    fn join(
        &self,
        value: Cow<'a, Value>,
        separator: Option<&'a Node>,
    ) -> Evaluated<Cow<'a, Value>> {
        let mut text = BoundedText::default();
        let mut between = BoundedText::default();
        if let Some(separator) = separator {
            between.push_value(self.evaluate(separator)?.as_ref(), self.budget)?;
        }
        match value.as_ref() {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        text.push(between.as_str())?;
                    }
                    self.budget.take(1)?;
                    text.push_value(item, self.budget)?;
                }
            }
            value => text.push_value(value, self.budget)?,
        }
        Ok(Cow::Owned(text.into_value()))
    }

    fn select(&self, value: Cow<'a, Value>, selection: &'a Selection) -> Evaluated<Cow<'a, Value>> {
        let test = self.ready(&selection.test)?;
        let kept = match self.list(value)? {
            Cow::Borrowed(Value::Array(items)) => {
                let mut kept = Vec::new();
                for item in items {
                    if self.passes(item, selection, &test)? == selection.keep {
                        kept.push(self.own(Cow::Borrowed(item))?);
                    }
                }
                kept
            }
            Cow::Owned(Value::Array(items)) => {
                let mut kept = Vec::new();
                for item in items {
                    if self.passes(&item, selection, &test)? == selection.keep {
                        kept.push(item);
                    }
                }
                kept
            }
            _ => Vec::new(),
        };
        Ok(Cow::Owned(Value::Array(kept)))
    }

    fn ready(&self, test: &'a Test) -> Evaluated<ReadyTest<'a>> {
        Ok(match test {
            Test::Truthy => ReadyTest::Truthy,
            Test::Defined => ReadyTest::Defined,
            Test::Undefined => ReadyTest::Undefined,
            Test::Compare(operator, argument) => ReadyTest::Compare {
                operator: *operator,
                argument: self.evaluate(argument)?,
                literal: LiteralObjects {
                    left: false,
                    right: argument.is_object_literal(),
                },
            },
            Test::Matches { at_start, pattern } => ReadyTest::Matches {
                at_start: *at_start,
                pattern: self.pattern(pattern)?,
            },
        })
    }

    fn passes(&self, item: &Value, selection: &Selection, test: &ReadyTest<'_>) -> Evaluated<bool> {
        let attribute = attribute(item, &selection.attribute);
        self.budget.take(1 + selection.attribute.len())?;
        match test {
            ReadyTest::Truthy => Ok(truthy(&attribute)),
            ReadyTest::Defined => Ok(!attribute.is_null()),
            ReadyTest::Undefined => Ok(attribute.is_null()),
            ReadyTest::Compare {
                operator,
                argument,
                literal,
            } => compare(*operator, &attribute, argument, *literal, self.budget),
            ReadyTest::Matches { at_start, pattern } => self.occurs(pattern, &attribute, *at_start),
        }
    }
}

/// The attribute of an element, null when it has none.
fn attribute<'v>(item: &'v Value, steps: &[Step]) -> Cow<'v, Value> {
    let mut value = Cow::Borrowed(item);
    for step in steps {
        match segment(step, &[]).and_then(|segment| member(value, segment)) {
            Some(member) => value = member,
            None => return Cow::Owned(Value::Null),
        }
    }
    value
}

/// One end of an array, null when there is none.
fn end<'a>(value: Cow<'a, Value>, index: i64) -> Cow<'a, Value> {
    match value.is_array() {
        true => member(value, Segment::Index(index)).unwrap_or(Cow::Owned(Value::Null)),
        false => Cow::Owned(Value::Null),
    }
}
