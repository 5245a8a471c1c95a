//! Filters of rules, subscriptions and triggers, in every form they are written in.

use serde_json::Value;

use super::super::code;
use super::super::model::{Comparison, Condition, Filter, Test};
use super::super::reader::{Part, Report, describe, nearest};
use super::expression;

const OPERATORS: &[&str] = &[
    "$eq",
    "$ne",
    "$in",
    "$nin",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$exists",
    "$regex",
    "$contains",
];

/// Deepest nesting of fields in fields.
const MAX_NESTING: usize = 16;

/// `{fields}`, `{expression}`, both, a bare map of fields, or an expression alone.
pub(super) fn filter(part: &Part<'_>, report: &Report) -> Option<Filter> {
    let mut filter = Filter {
        path: part.path.to_string(),
        ..Filter::default()
    };
    if part.value.is_string() {
        filter.expression = Some(expression::condition(part, report)?);
        return Some(filter);
    }
    part.object(report)?;
    let mut reading = Reading {
        report,
        conditions: Vec::new(),
    };
    let mut is_whole = true;
    for (name, part) in part.members() {
        match name {
            // A field of the message may have these names, too; then what stands there looks otherwise.
            "expression" if part.value.is_string() => {
                filter.expression = expression::condition(&part, report);
                is_whole &= filter.expression.is_some();
            }
            "fields" if part.value.is_object() => {
                for (name, part) in part.members() {
                    is_whole &= reading.field(name, &part, 0).is_some();
                }
            }
            _ => is_whole &= reading.field(name, &part, 0).is_some(),
        }
    }
    filter.conditions = reading.conditions;
    is_whole.then_some(filter)
}

struct Reading<'r> {
    report: &'r Report,
    conditions: Vec<Condition>,
}

impl Reading<'_> {
    /// What `field` must be: a value, a list of values, operators, or fields of its own. `None` = it was refused.
    fn field(&mut self, field: &str, part: &Part<'_>, depth: usize) -> Option<()> {
        if field.is_empty() || field.split('.').any(str::is_empty) {
            let message = format!("`{field}` is not the path of a field");
            self.report.push(
                part.error(code::BAD_NAME, message)
                    .with_help("write names with dots between them, such as `summary.critical`"),
            );
            return None;
        }
        match part.value {
            Value::Object(members) if members.keys().any(|key| key.starts_with('$')) => {
                for (operator, operand) in part.members() {
                    let test = self.operator(operator, &operand)?;
                    self.push(field, test, &operand);
                }
                Some(())
            }
            Value::Object(members) if !members.is_empty() => {
                if depth >= MAX_NESTING {
                    let message = format!("fields nest deeper than {MAX_NESTING} levels");
                    self.report.push(part.error(code::TOO_DEEP, message));
                    return None;
                }
                for (name, part) in part.members() {
                    self.field(&format!("{field}.{name}"), &part, depth + 1)?;
                }
                Some(())
            }
            Value::Array(values) => {
                self.push(field, Test::AnyOf(values.clone()), part);
                Some(())
            }
            value => {
                self.push(field, Test::AnyOf(vec![value.clone()]), part);
                Some(())
            }
        }
    }

    fn push(&mut self, field: &str, test: Test, part: &Part<'_>) {
        self.conditions.push(Condition {
            field: field.to_owned(),
            test,
            path: part.path.to_string(),
        });
    }

    fn operator(&self, operator: &str, part: &Part<'_>) -> Option<Test> {
        let value = part.value;
        let test = match operator {
            "$eq" => Test::AnyOf(vec![value.clone()]),
            "$ne" => Test::NoneOf(vec![value.clone()]),
            "$in" => Test::AnyOf(self.values(operator, part)?),
            "$nin" => Test::NoneOf(self.values(operator, part)?),
            "$gt" => self.order(Comparison::Greater, operator, part)?,
            "$gte" => self.order(Comparison::AtLeast, operator, part)?,
            "$lt" => self.order(Comparison::Less, operator, part)?,
            "$lte" => self.order(Comparison::AtMost, operator, part)?,
            "$exists" => Test::Exists(part.boolean(self.report)?),
            "$regex" => Test::Matches(part.text(self.report)?.to_owned()),
            "$contains" => Test::Contains(value.clone()),
            other => {
                let help = match nearest(other, OPERATORS) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!("there are {}", OPERATORS.join(", ")),
                };
                let message = format!("`{other}` is no operator of filters");
                self.report
                    .push(part.error(code::UNKNOWN_VALUE, message).with_help(help));
                return None;
            }
        };
        Some(test)
    }

    fn values(&self, operator: &str, part: &Part<'_>) -> Option<Vec<Value>> {
        match part.value {
            Value::Array(values) => Some(values.clone()),
            _ => {
                self.wrong(operator, "a list", part);
                None
            }
        }
    }

    fn order(&self, comparison: Comparison, operator: &str, part: &Part<'_>) -> Option<Test> {
        match part.value {
            Value::Number(_) | Value::String(_) => {
                Some(Test::Compare(comparison, part.value.clone()))
            }
            _ => {
                self.wrong(operator, "a number or text", part);
                None
            }
        }
    }

    fn wrong(&self, operator: &str, expected: &str, part: &Part<'_>) {
        self.report.push(part.error(
            code::WRONG_TYPE,
            format!(
                "`{operator}` needs {expected}, found {}",
                describe(part.value)
            ),
        ));
    }
}
