//! The functions, filters and tests by name, and what arguments they take.
//!
//! `f(x, a)` and `x | f(a)` are the same thing for every filter, so most functions are filters.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use super::ast::{Filter, Node, Operator, Pattern, Selection, Step, Test};
use super::error::Code;
use super::limits::{MAX_PATTERN_BYTES, MAX_PATTERNS_BYTES};
use super::pattern::{CompiledPattern, PatternError};

pub(super) struct Argument {
    pub(super) node: Node,
    pub(super) span: Range<usize>,
}

/// A wrong use of a name, before it is placed in a text.
pub(super) struct Misuse {
    pub(super) code: Code,
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) help: Cow<'static, str>,
}

impl Misuse {
    fn new(
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code,
            span,
            message: message.into(),
            help: help.into(),
        }
    }
}

/// A comparison by word or sign; its right operand decides what node it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Operator(Operator),
    Matches,
}

/// The comparisons that are words.
const WORDS: [(&str, Comparison); 5] = [
    ("in", Comparison::Operator(Operator::In)),
    ("contains", Comparison::Operator(Operator::Contains)),
    ("starts_with", Comparison::Operator(Operator::StartsWith)),
    ("ends_with", Comparison::Operator(Operator::EndsWith)),
    ("matches", Comparison::Matches),
];

const FILTERS: &str =
    "default, first, join, last, length, list, lower, rejectattr, selectattr, tojson, trim, upper";

const TESTS: &str = "match, search, eq, ne, lt, le, gt, ge, in, contains, starts_with, ends_with, defined, undefined";

/// The comparison a word between two operands stands for, in any case.
pub(super) fn comparison_word(word: &str) -> Option<Comparison> {
    let mut words = WORDS.iter();
    let known = words.find(|(known, _)| word.eq_ignore_ascii_case(known))?;
    Some(known.1)
}

/// The comparison a function of two arguments stands for: `contains(a, b)`.
pub(super) fn comparison_function(name: &str) -> Option<Comparison> {
    match name {
        "startsWith" => comparison_word("starts_with"),
        "endsWith" => comparison_word("ends_with"),
        name => comparison_word(name),
    }
}

/// The call of a function that is not a comparison. `pattern_bytes` counts the memory of literal patterns.
pub(super) fn function(
    name: &str,
    span: Range<usize>,
    mut arguments: Vec<Argument>,
    pattern_bytes: &mut usize,
) -> Result<Node, Misuse> {
    match name {
        "now" => exactly(name, &span, arguments).map(|[]| Node::Now),
        "uuid" => exactly(name, &span, arguments).map(|[]| Node::Uuid),
        "exists" => exactly(name, &span, arguments)
            .map(|[Argument { node, .. }]| Node::Exists(Box::new(node))),
        _ if !is_filter(name) => Err(Misuse::new(
            Code::UnknownFunction,
            span,
            format!("unknown function `{name}`"),
            format!(
                "functions are now, uuid, exists, contains, starts_with, ends_with, matches, and every filter with its value as first argument: {FILTERS}"
            ),
        )),
        _ if arguments.is_empty() => Err(Misuse::new(
            Code::Arguments,
            span,
            format!("`{name}` needs a value"),
            format!("write {name}(x) or x | {name}"),
        )),
        _ => {
            let value = arguments.remove(0).node;
            let filter = filter(name, span, arguments, pattern_bytes)?;
            Ok(Node::Pipe {
                value: Box::new(value),
                filters: Box::new([filter]),
            })
        }
    }
}

fn canonical(name: &str) -> &str {
    match name {
        "count" => "length",
        "toJson" | "toJSON" | "to_json" => "tojson",
        name => name,
    }
}

fn is_filter(name: &str) -> bool {
    FILTERS.split(", ").any(|known| known == canonical(name))
}

/// The filter `name` with the arguments that follow the filtered value.
pub(super) fn filter(
    name: &str,
    span: Range<usize>,
    arguments: Vec<Argument>,
    pattern_bytes: &mut usize,
) -> Result<Filter, Misuse> {
    let plain = match canonical(name) {
        "length" => Filter::Length,
        "list" => Filter::List,
        "first" => Filter::First,
        "last" => Filter::Last,
        "lower" => Filter::Lower,
        "upper" => Filter::Upper,
        "trim" => Filter::Trim,
        "tojson" => Filter::ToJson,
        "join" if arguments.is_empty() => Filter::Join(None),
        "join" => {
            let [separator] = exactly(name, &span, arguments)?;
            return Ok(Filter::Join(Some(separator.node)));
        }
        "default" => {
            let [fallback] = exactly(name, &span, arguments)?;
            return Ok(Filter::Default(fallback.node));
        }
        "selectattr" => return selection(true, &span, arguments, pattern_bytes),
        "rejectattr" => return selection(false, &span, arguments, pattern_bytes),
        _ => {
            return Err(Misuse::new(
                Code::UnknownFilter,
                span,
                format!("unknown filter `{name}`"),
                format!("the filters are {FILTERS}"),
            ));
        }
    };
    exactly(name, &span, arguments).map(|[]| plain)
}

fn selection(
    keep: bool,
    span: &Range<usize>,
    arguments: Vec<Argument>,
    pattern_bytes: &mut usize,
) -> Result<Filter, Misuse> {
    let mut arguments = arguments.into_iter();
    let (attribute, _) = literal_text(arguments.next(), span, "the attribute")?;
    let attribute = attribute.split('.').map(attribute_step).collect();
    let test = match arguments.next() {
        None => Test::Truthy,
        Some(test_name) => {
            let (test_name, span) = literal_text(Some(test_name), span, "the test")?;
            test(&test_name, span, arguments.collect(), pattern_bytes)?
        }
    };
    Ok(Filter::Select(Box::new(Selection {
        keep,
        attribute,
        test,
    })))
}

fn attribute_step(part: &str) -> Step {
    match part.parse() {
        Ok(position) => Step::Index(position),
        Err(_) => Step::Key(part.into()),
    }
}

fn test(
    name: &str,
    span: Range<usize>,
    arguments: Vec<Argument>,
    pattern_bytes: &mut usize,
) -> Result<Test, Misuse> {
    let operator = match name {
        "defined" => return exactly(name, &span, arguments).map(|[]| Test::Defined),
        "undefined" => return exactly(name, &span, arguments).map(|[]| Test::Undefined),
        "match" | "search" => {
            let [argument] = exactly(name, &span, arguments)?;
            return Ok(Test::Matches {
                at_start: name == "match",
                pattern: pattern(argument, pattern_bytes)?,
            });
        }
        "eq" | "equalto" | "==" => Operator::Equal,
        "ne" | "!=" => Operator::NotEqual,
        "lt" | "lessthan" | "<" => Operator::Less,
        "le" | "<=" => Operator::LessOrEqual,
        "gt" | "greaterthan" | ">" => Operator::Greater,
        "ge" | ">=" => Operator::GreaterOrEqual,
        "in" => Operator::In,
        "contains" => Operator::Contains,
        "starts_with" => Operator::StartsWith,
        "ends_with" => Operator::EndsWith,
        _ => {
            return Err(Misuse::new(
                Code::UnknownTest,
                span,
                format!("unknown test `{name}`"),
                format!("the tests are {TESTS}"),
            ));
        }
    };
    let [argument] = exactly(name, &span, arguments)?;
    Ok(Test::Compare(operator, argument.node))
}

/// A regular expression; compiled now when it is written as a string, and then counted.
pub(super) fn pattern(argument: Argument, pattern_bytes: &mut usize) -> Result<Pattern, Misuse> {
    let Argument { node, span } = argument;
    let Node::Literal(literal) = &node else {
        return Ok(Pattern::Computed(node));
    };
    let Value::String(text) = literal else {
        return Err(Misuse::new(
            Code::Arguments,
            span,
            "a regular expression is a string",
            "put quotes around the pattern",
        ));
    };
    let pattern = match CompiledPattern::compile(text) {
        Ok(pattern) => pattern,
        Err(PatternError::Syntax(reason)) => {
            return Err(Misuse::new(
                Code::InvalidPattern,
                span,
                format!("invalid regular expression: {reason}"),
                "look-around and back references are not supported; a literal sign is escaped as in '\\.yml$'",
            ));
        }
        Err(PatternError::TooLarge) => {
            return Err(Misuse::new(
                Code::PatternTooLarge,
                span,
                format!("the regular expression needs more than {MAX_PATTERN_BYTES} bytes"),
                "use fewer counted repetitions, or [0-9] and [A-Za-z] instead of \\d and \\w",
            ));
        }
    };
    *pattern_bytes = pattern_bytes.saturating_add(pattern.size());
    if *pattern_bytes > MAX_PATTERNS_BYTES {
        return Err(Misuse::new(
            Code::PatternTooLarge,
            span,
            format!("the regular expressions need more than {MAX_PATTERNS_BYTES} bytes together"),
            "use fewer or smaller patterns, or let a task do the matching",
        ));
    }
    Ok(Pattern::Compiled(pattern))
}

/// The arguments when there are as many as wanted.
pub(super) fn exactly<const WANTED: usize>(
    name: &str,
    span: &Range<usize>,
    arguments: Vec<Argument>,
) -> Result<[Argument; WANTED], Misuse> {
    arguments.try_into().map_err(|given: Vec<Argument>| {
        let plural = if WANTED == 1 { "" } else { "s" };
        Misuse::new(
            Code::Arguments,
            span.clone(),
            format!(
                "`{name}` takes {WANTED} argument{plural}, not {}",
                given.len()
            ),
            "the page on expressions shows each function, filter and test",
        )
    })
}

/// The text of an argument that must be a string literal, and its place.
fn literal_text(
    argument: Option<Argument>,
    span: &Range<usize>,
    what: &str,
) -> Result<(String, Range<usize>), Misuse> {
    match argument {
        Some(Argument {
            node: Node::Literal(Value::String(text)),
            span,
        }) => Ok((text, span)),
        other => Err(Misuse::new(
            Code::Arguments,
            other.map_or_else(|| span.clone(), |argument| argument.span),
            format!("{what} of a selection is a string"),
            "write selectattr('path', 'match', 'config/.*')",
        )),
    }
}
