//! Equality, order, membership and truth of JSON values.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::ast::Operator;
use super::error::EvaluationError;
use super::limits::{Budget, check_value_depth};

/// Whether a value counts as true: everything but `false`, `null`, `0` and `""`. Empty arrays and objects
/// are true.
#[must_use]
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Which side of `in` or `contains` the author wrote as an object literal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LiteralObjects {
    pub(super) left: bool,
    pub(super) right: bool,
}

pub(super) fn compare(
    operator: Operator,
    left: &Value,
    right: &Value,
    literal: LiteralObjects,
    budget: &Budget,
) -> Result<bool, EvaluationError> {
    budget.take(1)?;
    match operator {
        Operator::Equal => equal(left, right, budget),
        Operator::NotEqual => Ok(!equal(left, right, budget)?),
        Operator::Less => Ok(order(left, right) == Some(Ordering::Less)),
        Operator::LessOrEqual => Ok(order(left, right).is_some_and(Ordering::is_le)),
        Operator::Greater => Ok(order(left, right) == Some(Ordering::Greater)),
        Operator::GreaterOrEqual => Ok(order(left, right).is_some_and(Ordering::is_ge)),
        Operator::In => holds(right, left, literal.left, budget),
        Operator::NotIn => Ok(!holds(right, left, literal.left, budget)?),
        Operator::Contains => holds(left, right, literal.right, budget),
        Operator::StartsWith => affix(left, right, budget, |text, part| text.starts_with(part)),
        Operator::EndsWith => affix(left, right, budget, |text, part| text.ends_with(part)),
    }
}

fn affix(
    text: &Value,
    part: &Value,
    budget: &Budget,
    fits: fn(&str, &str) -> bool,
) -> Result<bool, EvaluationError> {
    match (text, part) {
        (Value::String(text), Value::String(part)) => {
            budget.take_text(part)?;
            Ok(fits(text, part))
        }
        _ => Ok(false),
    }
}

/// `container` contains `part`: an element of an array, a substring of a string, a key of an object.
fn holds(
    container: &Value,
    part: &Value,
    part_is_literal_object: bool,
    budget: &Budget,
) -> Result<bool, EvaluationError> {
    match (container, part) {
        (Value::Array(items), Value::Object(pairs)) if part_is_literal_object => {
            any(items, |item| has_pairs(item, pairs, budget))
        }
        (Value::Array(items), part) => any(items, |item| equal(item, part, budget)),
        (Value::String(text), Value::String(part)) => {
            budget.take_text(text)?;
            Ok(text.contains(part.as_str()))
        }
        (Value::Object(members), Value::String(key)) => Ok(members.contains_key(key)),
        _ => Ok(false),
    }
}

fn any(
    items: &[Value],
    mut fits: impl FnMut(&Value) -> Result<bool, EvaluationError>,
) -> Result<bool, EvaluationError> {
    for item in items {
        if fits(item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_pairs(
    item: &Value,
    pairs: &Map<String, Value>,
    budget: &Budget,
) -> Result<bool, EvaluationError> {
    budget.take(1)?;
    let Value::Object(members) = item else {
        return Ok(false);
    };
    for (key, wanted) in pairs {
        match members.get(key) {
            Some(member) if equal(member, wanted, budget)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Same type and same value; an integer equals a float of the same value. Order of keys does not matter.
pub(super) fn equal(left: &Value, right: &Value, budget: &Budget) -> Result<bool, EvaluationError> {
    equal_nested(left, right, 0, budget)
}

fn equal_nested(
    left: &Value,
    right: &Value,
    depth: usize,
    budget: &Budget,
) -> Result<bool, EvaluationError> {
    check_value_depth(depth)?;
    budget.take(1)?;
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            Ok(order_numbers(left, right) == Some(Ordering::Equal))
        }
        (Value::String(left), Value::String(right)) => {
            budget.take(left.len().min(right.len()) / 64)?;
            Ok(left == right)
        }
        (Value::Array(left), Value::Array(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(right) {
                if !equal_nested(left, right, depth + 1, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(left), Value::Object(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (key, left) in left {
                match right.get(key) {
                    Some(right) if equal_nested(left, right, depth + 1, budget)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        (left, right) => Ok(left == right),
    }
}

/// The order of two numbers or of two strings (by code point); other values have none.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => order_numbers(left, right),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn order_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        (Some(left), None) => order_mixed(left, right.as_f64()?),
        (None, Some(right)) => order_mixed(right, left.as_f64()?).map(Ordering::reverse),
        (None, None) => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn integer(number: &Number) -> Option<i128> {
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}

/// Exact, also beyond 2^53 where a float cannot tell neighbouring integers apart.
#[allow(
    clippy::cast_possible_truncation,
    reason = "an i128 holds every whole float below 1e30 exactly"
)]
fn order_mixed(integer: i128, float: f64) -> Option<Ordering> {
    if float.abs() >= 1e30 {
        return 0.0.partial_cmp(&float);
    }
    let whole = float.floor();
    let order = integer.cmp(&(whole as i128));
    Some(order.then(match float > whole {
        true => Ordering::Less,
        false => Ordering::Equal,
    }))
}

/// The integer a number stands for as a position: `2`, and `2.0` too.
#[allow(
    clippy::cast_possible_truncation,
    reason = "checked to be whole and below 2^53"
)]
pub(super) fn position(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
    })
}
