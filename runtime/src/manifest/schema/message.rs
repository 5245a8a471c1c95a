//! What a violated schema means, in words and at its place.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::super::diagnostic::Severity;
use super::super::reader::{Part, Report, describe, nearest};

/// Reports `error` about a part of `document`.
pub(super) fn push(
    document: &Part<'_>,
    error: &ValidationError<'_>,
    severity: Severity,
    code: &'static str,
    report: &Report,
) {
    let part = document.at_pointer(&error.instance_path().to_string());
    if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
        for name in unexpected {
            if report.is_full(severity) {
                return;
            }
            let member = part.member(name).unwrap_or_else(|| part.clone());
            report.push(
                member
                    .finding(
                        severity,
                        code,
                        format!("the schema has no field `{name}` here"),
                    )
                    .at_mark(member.marks.head()),
            );
        }
        return;
    }
    let diagnostic = part.finding(severity, code, message(error.kind(), part.value));
    report.push(match help(error.kind(), part.value) {
        Some(help) => diagnostic.with_help(help),
        None => diagnostic,
    });
}

fn message(kind: &ValidationErrorKind, value: &Value) -> String {
    match kind {
        ValidationErrorKind::Required { property } => {
            format!("`{}` is missing", property.as_str().unwrap_or_default())
        }
        ValidationErrorKind::Type { kind } => {
            format!("expected {}, found {}", types(kind), describe(value))
        }
        ValidationErrorKind::Enum { .. } => {
            format!("{} is not one of the values allowed here", describe(value))
        }
        ValidationErrorKind::Pattern { pattern } => {
            format!("{} does not match `{pattern}`", describe(value))
        }
        ValidationErrorKind::Minimum { limit } => {
            format!("{} is less than {limit}", describe(value))
        }
        ValidationErrorKind::Maximum { limit } => {
            format!("{} is more than {limit}", describe(value))
        }
        ValidationErrorKind::MaxLength { limit } => {
            format!("the text is longer than {limit} characters")
        }
        ValidationErrorKind::MinItems { limit } => {
            format!("the list has fewer than {limit} elements")
        }
        ValidationErrorKind::UniqueItems => "an element of the list stands twice".to_owned(),
        other => format!(
            "the value breaks the rule `{}` of the schema",
            other.keyword()
        ),
    }
}

fn help(kind: &ValidationErrorKind, value: &Value) -> Option<String> {
    let ValidationErrorKind::Enum { options } = kind else {
        return None;
    };
    let options: Vec<&str> = options
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    if let Some(option) = value.as_str().and_then(|value| nearest(value, &options)) {
        return Some(format!("did you mean `{option}`?"));
    }
    let list: Vec<String> = options.iter().map(|option| format!("`{option}`")).collect();
    Some(format!("use one of {}", list.join(", ")))
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => name(*kind).to_owned(),
        TypeKind::Multiple(kinds) => kinds.iter().map(name).collect::<Vec<_>>().join(" or "),
    }
}

fn name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "text",
    }
}
