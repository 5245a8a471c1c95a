//! Template transforms: text with paths into the message, `toJson`, and `now` with a layout of Go.

use std::fmt::Write as _;

use jiff::Zoned;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::port::Timestamp;

/// Longest text of one template, in bytes.
const MAX_SOURCE_BYTES: usize = 64 * 1024;

/// Longest text that a template may make, in bytes.
const MAX_RESULT_BYTES: usize = 4 * 1024 * 1024;

/// A template, parsed once.
#[derive(Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
    /// Whether the text is JSON: then so is what comes out.
    is_json: bool,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Action {
        value: Operand,
        filters: Vec<Filter>,
        /// Whether it stands between the quotes of a JSON text.
        is_quoted: bool,
    },
}

#[derive(Debug)]
enum Operand {
    Now,
    Path(Vec<String>),
    Literal(String),
}

#[derive(Debug)]
enum Filter {
    ToJson,
    Date(String),
}

impl Template {
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        if source.len() > MAX_SOURCE_BYTES {
            return Err(format!(
                "the template is longer than {MAX_SOURCE_BYTES} bytes"
            ));
        }
        let source = source.trim();
        let is_json = source.starts_with(['{', '[', '"']) && !source.starts_with("{{");
        let mut parts = Vec::new();
        let mut quotes = Quotes::default();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once("{{") {
            if !before.is_empty() {
                quotes.read(before);
                parts.push(Part::Text(before.to_owned()));
            }
            let Some((inside, after)) = after.split_once("}}") else {
                return Err("`{{` is not closed".to_owned());
            };
            let (value, filters) = action(inside)?;
            parts.push(Part::Action {
                value,
                filters,
                is_quoted: quotes.is_open,
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts, is_json })
    }

    /// What the template makes of the message at `now`: JSON when the template is, else text.
    pub(super) fn render(&self, message: &Value, now: Timestamp) -> Result<Value, String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Action {
                    value,
                    filters,
                    is_quoted,
                } => {
                    let (value, is_written) = evaluate(value, filters, message, now)?;
                    self.push(&mut text, &value, is_written, *is_quoted);
                }
            }
            if text.len() > MAX_RESULT_BYTES {
                return Err(format!(
                    "the result is longer than {MAX_RESULT_BYTES} bytes"
                ));
            }
        }
        if !self.is_json {
            return Ok(Value::String(text));
        }
        serde_json::from_str(&text).map_err(|error| format!("the result is no JSON: {error}"))
    }

    /// Between quotes of JSON, what would end them is escaped; beside them, a text gets its own.
    fn push(&self, text: &mut String, value: &Value, is_written: bool, is_quoted: bool) {
        match value {
            Value::String(content) if self.is_json && is_quoted => {
                let escaped = Value::from(content.as_str()).to_string();
                text.push_str(
                    escaped
                        .trim_start_matches('"')
                        .strip_suffix('"')
                        .unwrap_or(""),
                );
            }
            Value::String(content) if is_written || !self.is_json => text.push_str(content),
            Value::Null if is_quoted || !self.is_json => {}
            Value::Array(_) | Value::Object(_) if self.is_json && is_quoted => {
                let json = Value::from(value.to_string());
                self.push(text, &json, false, true);
            }
            value => drop(write!(text, "{value}")),
        }
    }
}

/// Whether a text of JSON is open at the end of what was read.
#[derive(Default)]
struct Quotes {
    is_open: bool,
}

impl Quotes {
    fn read(&mut self, text: &str) {
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' if self.is_open => drop(characters.next()),
                '"' => self.is_open = !self.is_open,
                _ => {}
            }
        }
    }
}

/// The value, and whether it is JSON that is written out already.
fn evaluate(
    operand: &Operand,
    filters: &[Filter],
    message: &Value,
    now: Timestamp,
) -> Result<(Value, bool), String> {
    let mut value = match operand {
        Operand::Now => Value::String(now.to_string()),
        Operand::Literal(text) => Value::String(text.clone()),
        Operand::Path(path) => {
            let found = path.iter().try_fold(message, |value, name| match value {
                Value::Object(members) => members.get(name),
                Value::Array(items) => items.get(name.parse::<usize>().ok()?),
                _ => None,
            });
            found.cloned().unwrap_or(Value::Null)
        }
    };
    let mut is_written = false;
    for filter in filters {
        value = match filter {
            Filter::ToJson => {
                is_written = true;
                Value::String(value.to_string())
            }
            Filter::Date(layout) => {
                let Some(at) = value
                    .as_str()
                    .and_then(|text| text.parse::<jiff::Timestamp>().ok())
                else {
                    return Err("`date` needs a date with time and zone".to_owned());
                };
                Value::String(format_date(&at.to_zoned(TimeZone::UTC), layout))
            }
        };
    }
    Ok((value, is_written))
}

fn action(text: &str) -> Result<(Operand, Vec<Filter>), String> {
    let text = text.trim().trim_matches('-').trim();
    let mut parts = split_pipes(text).into_iter();
    let operand = operand(parts.next().unwrap_or(""))?;
    let filters = parts.map(filter).collect::<Result<_, _>>()?;
    Ok((operand, filters))
}

/// The parts between the pipes outside of quotes.
fn split_pipes(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut is_quoted) = (0, false);
    for (at, character) in text.char_indices() {
        match character {
            '"' => is_quoted = !is_quoted,
            '|' if !is_quoted => {
                parts.push(text.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default().trim());
    parts
}

fn operand(text: &str) -> Result<Operand, String> {
    if text == "now" {
        return Ok(Operand::Now);
    }
    if let Some(literal) = quoted(text) {
        return Ok(Operand::Literal(literal));
    }
    let path = text.strip_prefix('.').unwrap_or(text);
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'))
    };
    if text == "." {
        Ok(Operand::Path(Vec::new()))
    } else if path.split('.').all(is_name) {
        Ok(Operand::Path(path.split('.').map(str::to_owned).collect()))
    } else {
        Err(format!(
            "`{text}` is no path: write `.payload.severity`, `.`, or `now`"
        ))
    }
}

fn filter(text: &str) -> Result<Filter, String> {
    let (name, argument) = match text.split_once(char::is_whitespace) {
        Some((name, argument)) => (name, Some(argument.trim())),
        None => (text, None),
    };
    match (name, argument) {
        ("toJson" | "tojson", None) => Ok(Filter::ToJson),
        ("date", Some(layout)) => match quoted(layout) {
            Some(layout) => Ok(Filter::Date(layout)),
            None => Err("the layout of `date` stands in quotes".to_owned()),
        },
        ("date", None) => Err("`date` needs a layout, such as \"2006-01-02\"".to_owned()),
        _ => Err(format!(
            "there is no filter `{text}`: use `toJson` or `date \"2006-01-02\"`"
        )),
    }
}

/// The text between quotes; in YAML that keeps backslashes, the quotes have them.
fn quoted(text: &str) -> Option<String> {
    let inner = text
        .strip_prefix("\\\"")
        .and_then(|text| text.strip_suffix("\\\""))
        .or_else(|| {
            text.strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'))
        })?;
    (!inner.contains('"')).then(|| inner.to_owned())
}

/// A part of a layout: how the reference date of Go says it.
const LAYOUT: &[(&str, &str)] = &[
    ("January", "%B"),
    ("Monday", "%A"),
    ("2006", "%Y"),
    ("Z07:00", "Z"),
    ("-07:00", "%:z"),
    ("Z0700", "Z"),
    ("-0700", "%z"),
    (".000000", ".%6f"),
    (".000", ".%3f"),
    ("Jan", "%b"),
    ("Mon", "%a"),
    ("MST", "%Z"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("15", "%H"),
    ("PM", "%p"),
    ("pm", "%P"),
];

fn format_date(at: &Zoned, layout: &str) -> String {
    let mut text = String::new();
    let mut rest = layout;
    while !rest.is_empty() {
        let known = LAYOUT
            .iter()
            .find_map(|(reference, format)| Some((rest.strip_prefix(reference)?, format)));
        if let Some((after, format)) = known {
            text.push_str(&jiff::fmt::strtime::format(format, at).unwrap_or_default());
            rest = after;
        } else {
            let mut characters = rest.chars();
            text.extend(characters.next());
            rest = characters.as_str();
        }
    }
    text
}
