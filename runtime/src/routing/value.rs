//! Values as filters compare them: numbers and truths may be written as text.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Deepest nesting that is compared; deeper values are different.
const MAX_DEPTH: usize = 256;

/// A number, a truth, or a text that says one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numeric {
    Whole(i128),
    Float(f64),
}

impl Numeric {
    /// The number that a scalar stands for: itself, 1 and 0 for true and false, and what a text says.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(truth) => Some(Self::Whole(i128::from(*truth))),
            Value::Number(number) => Some(Self::of_number(number)),
            Value::String(text) => Self::of_text(text),
            _ => None,
        }
    }

    fn of_number(number: &Number) -> Self {
        let whole = number.as_i64().map(i128::from);
        match whole.or_else(|| number.as_u64().map(i128::from)) {
            Some(whole) => Self::Whole(whole),
            None => Self::of_float(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "an i128 holds every whole float below 1e30 exactly"
    )]
    fn of_float(float: f64) -> Self {
        if float.fract() == 0.0 && float.abs() < 1e30 {
            Self::Whole(float as i128)
        } else {
            Self::Float(float)
        }
    }

    fn of_text(text: &str) -> Option<Self> {
        // Longer texts are no numbers that anyone writes, and "inf" is no number here.
        const LONGEST: usize = 40;
        match text {
            "true" => return Some(Self::Whole(1)),
            "false" => return Some(Self::Whole(0)),
            _ => {}
        }
        let first = *text.as_bytes().first()?;
        if text.len() > LONGEST || !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.'))
        {
            return None;
        }
        if let Ok(whole) = text.parse() {
            return Some(Self::Whole(whole));
        }
        let float: f64 = text.parse().ok()?;
        float.is_finite().then(|| Self::of_float(float))
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "beyond 2^53 a float is near enough"
    )]
    fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => Some(left.cmp(&right)),
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(&right),
            (Self::Whole(left), Self::Float(right)) => (left as f64).partial_cmp(&right),
            (Self::Float(left), Self::Whole(right)) => left.partial_cmp(&(right as f64)),
        }
    }
}

/// Whether two values are the same, or two scalars say the same: `1`, `"1"` and `true` do, `"01"` and `"1"` do not.
pub(super) fn loosely_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left == right,
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => {
            equal(left, right, 0)
        }
        (Value::Null, _) | (_, Value::Null) => left.is_null() && right.is_null(),
        _ => match (Numeric::of(left), Numeric::of(right)) {
            (Some(left), Some(right)) => left.order(right) == Some(Ordering::Equal),
            _ => false,
        },
    }
}

/// The same type and the same value, a whole float being an integer.
fn equal(left: &Value, right: &Value, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            Numeric::of_number(left).order(Numeric::of_number(right)) == Some(Ordering::Equal)
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| equal(left, right, depth + 1))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, left)| {
                    right
                        .get(key)
                        .is_some_and(|right| equal(left, right, depth + 1))
                })
        }
        (left, right) => left == right,
    }
}

/// The order of two scalars: of texts when both are, else of the numbers that they say. `None` = they have none.
pub(super) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.as_str().cmp(right)),
        _ => Numeric::of(left)?.order(Numeric::of(right)?),
    }
}

/// Whether `container` has `part` in it: as part of a text, as an element, as a key.
pub(super) fn contains(container: &Value, part: &Value) -> bool {
    match (container, part) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Array(items), part) => items.iter().any(|item| loosely_equal(item, part)),
        (Value::Object(members), Value::String(key)) => members.contains_key(key),
        _ => false,
    }
}
