//! Expressions and templates of a document, with the place of what is wrong in them.

use serde_json::Value;

use crate::expression::{Dialects, Expression, ExpressionError, Template};

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::reader::{Part, Report};
use super::super::yaml::Mark;

/// A value whose texts may contain expressions.
pub(super) fn template(part: &Part<'_>, report: &Report) -> Option<Template> {
    match Template::parse_value(part.value, Dialects::FIELDS) {
        Ok(template) => Some(template),
        Err(error) => {
            if !report_each(part, report) {
                report.push(diagnostic(part, &error));
            }
            None
        }
    }
}

/// A field that is an expression, with or without markers around it.
pub(super) fn condition(part: &Part<'_>, report: &Report) -> Option<Expression> {
    let text = match part.value {
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        _ => part.text(report)?,
    };
    match Template::parse_condition(text, Dialects::FIELDS) {
        Ok(expression) => Some(expression),
        Err(error) => {
            report.push(diagnostic(part, &error));
            None
        }
    }
}

/// Reports every text below `part` that is no template; false when there is none.
fn report_each(part: &Part<'_>, report: &Report) -> bool {
    match part.value {
        Value::String(text) => match Template::parse(text, Dialects::FIELDS) {
            Ok(_) => false,
            Err(error) => {
                report.push(diagnostic(part, &error));
                true
            }
        },
        // `|`, not `||`: the parts after the first bad one are looked at, too.
        Value::Array(_) => part.elements().fold(false, |found, element| {
            found | report_each(&element, report)
        }),
        Value::Object(_) => part.members().fold(false, |found, (_, member)| {
            found | report_each(&member, report)
        }),
        _ => false,
    }
}

fn diagnostic(part: &Part<'_>, error: &ExpressionError) -> Diagnostic {
    let diagnostic = part
        .error(
            code::BAD_EXPRESSION,
            format!("{} ({})", error.message(), error.code()),
        )
        .with_help(error.help());
    match part.value.as_str() {
        Some(text) => diagnostic.at_mark(within(
            part.marks.value,
            text,
            error.offset(),
            error.length(),
        )),
        None => diagnostic,
    }
}

/// The place of `length` bytes at `offset` of `text` in the file, as far as it can be told from how the text is written.
fn within(mark: Mark, text: &str, offset: usize, length: usize) -> Mark {
    let Some((before, rest)) = text.split_at_checked(offset) else {
        return mark;
    };
    let written = usize::try_from(mark.length).unwrap_or(usize::MAX);
    let quotes = match written.checked_sub(text.chars().count()) {
        Some(0) if !text.contains('\n') => 0,
        Some(2) if !text.contains('\n') => 1,
        // A block scalar keeps its lines; other multi-line texts are folded and cannot be told apart from it here
        // unless the first line is the same.
        _ if text
            .lines()
            .next()
            .is_some_and(|line| line.trim_end().chars().count() == written) =>
        {
            0
        }
        _ => return mark,
    };
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or("").chars().count();
    let length = rest
        .get(..length)
        .unwrap_or("")
        .lines()
        .next()
        .unwrap_or("")
        .chars()
        .count();
    let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Mark {
        line: mark.line.saturating_add(short(line)),
        column: mark.column.saturating_add(short(column + quotes)),
        length: short(length.max(1)),
    }
}
