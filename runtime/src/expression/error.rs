//! What can be wrong with an expression, when it is read and when it is evaluated.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// The stable codes of this module. Each has a page `runtime/errors/<code>.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The text does not follow the grammar.
    Syntax,
    /// A string, a bracket or a `${{` has no end.
    Unclosed,
    /// There is no expression where one is required.
    Empty,
    /// A function of that name does not exist.
    UnknownFunction,
    /// A filter of that name does not exist.
    UnknownFilter,
    /// `selectattr` or `rejectattr` names a test that does not exist.
    UnknownTest,
    /// A function, filter or test got too many, too few or unusable arguments.
    Arguments,
    /// A regular expression has wrong syntax.
    InvalidPattern,
    /// A regular expression compiles to more than the allowed size.
    PatternTooLarge,
    /// The expression text is longer than [`MAX_SOURCE_BYTES`](super::MAX_SOURCE_BYTES).
    SourceTooLong,
    /// The expression nests deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    NestedTooDeep,
    /// `x exists` is no expression of this language.
    ExistsOperator,
    /// A value nests deeper than [`MAX_VALUE_DEPTH`](super::MAX_VALUE_DEPTH).
    ValueTooDeep,
    /// An evaluation took more than [`MAX_STEPS`](super::MAX_STEPS) steps.
    TooManySteps,
    /// An evaluation made a text longer than [`MAX_TEXT_BYTES`](super::MAX_TEXT_BYTES).
    TextTooLong,
    /// A text to match is longer than [`MAX_MATCHED_BYTES`](super::MAX_MATCHED_BYTES).
    MatchedTextTooLong,
    /// `now()` or `uuid()` is used where nothing supplies it.
    Unavailable,
    /// A path leads to nothing (strict evaluation only).
    MissingPath,
}

impl Code {
    /// Every code, in the order of their numbers.
    pub const ALL: [Self; 18] = [
        Self::Syntax,
        Self::Unclosed,
        Self::Empty,
        Self::UnknownFunction,
        Self::UnknownFilter,
        Self::UnknownTest,
        Self::Arguments,
        Self::InvalidPattern,
        Self::PatternTooLarge,
        Self::SourceTooLong,
        Self::NestedTooDeep,
        Self::ExistsOperator,
        Self::ValueTooDeep,
        Self::TooManySteps,
        Self::TextTooLong,
        Self::MatchedTextTooLong,
        Self::Unavailable,
        Self::MissingPath,
    ];

    /// The code as users see it, such as `OSSA-E001`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "OSSA-E001",
            Self::Unclosed => "OSSA-E002",
            Self::Empty => "OSSA-E003",
            Self::UnknownFunction => "OSSA-E004",
            Self::UnknownFilter => "OSSA-E005",
            Self::UnknownTest => "OSSA-E006",
            Self::Arguments => "OSSA-E007",
            Self::InvalidPattern => "OSSA-E008",
            Self::PatternTooLarge => "OSSA-E009",
            Self::SourceTooLong => "OSSA-E010",
            Self::NestedTooDeep => "OSSA-E011",
            Self::ExistsOperator => "OSSA-E012",
            Self::ValueTooDeep => "OSSA-E013",
            Self::TooManySteps => "OSSA-E014",
            Self::TextTooLong => "OSSA-E015",
            Self::MatchedTextTooLong => "OSSA-E016",
            Self::Unavailable => "OSSA-E017",
            Self::MissingPath => "OSSA-E018",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Why a text is not an expression or a template, and where in the text.
///
/// It displays as one line: what is wrong, and its place as line and column of the text that was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExpressionError(Box<Rejection>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rejection {
    code: Code,
    message: String,
    help: Cow<'static, str>,
    span: Range<usize>,
    line: usize,
    column: usize,
    path: Option<String>,
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at ", self.message)?;
        if self.line > 1 {
            write!(formatter, "line {}, ", self.line)?;
        }
        write!(formatter, "column {}", self.column)?;
        match &self.path {
            Some(path) => write!(formatter, " of {path}"),
            None => Ok(()),
        }
    }
}

impl ExpressionError {
    pub(super) fn new(
        code: Code,
        text: &str,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<Cow<'static, str>>,
    ) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self(Box::new(Rejection {
            code,
            message: message.into(),
            help: help.into(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or("").chars().count() + 1,
            span,
            path: None,
        }))
    }

    pub(super) fn at_path(mut self, path: String) -> Self {
        self.0.path = Some(path);
        self
    }

    /// The stable code, such as `OSSA-E005`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code.as_str()
    }

    /// The code as a value to branch on.
    #[must_use]
    pub fn kind(&self) -> Code {
        self.0.code
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.0.help
    }

    /// Byte offset of the faulty part in the text that was read.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.span.start
    }

    /// Length of the faulty part in bytes; 0 when something is missing at [`offset`](Self::offset).
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.span.len()
    }

    /// Where the text stands in the value given to [`Template::parse_value`](super::Template::parse_value),
    /// written as `$.headers['X-Priority'][0]` with `$` for that value; `None` for a text parsed alone.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }
}

/// Why a parsed expression gave no value.
///
/// Values of the scope never appear in it: they may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvaluationError(Box<Failure>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure {
    code: Code,
    message: String,
    help: &'static str,
    expression: Option<String>,
    path: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if let Some(expression) = &self.expression {
            write!(formatter, " in `{expression}`")?;
        }
        match &self.path {
            Some(path) => write!(formatter, " at {path}"),
            None => Ok(()),
        }
    }
}

impl EvaluationError {
    pub(super) fn new(code: Code, message: impl Into<String>, help: &'static str) -> Self {
        Self(Box::new(Failure {
            code,
            message: message.into(),
            help,
            expression: None,
            path: None,
        }))
    }

    pub(super) fn in_expression(mut self, source: &str) -> Self {
        self.0.expression.get_or_insert_with(|| excerpt(source));
        self
    }

    pub(super) fn at_path(mut self, path: String) -> Self {
        self.0.path = Some(path);
        self
    }

    /// The stable code, such as `OSSA-E014`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code.as_str()
    }

    /// The code as a value to branch on.
    #[must_use]
    pub fn kind(&self) -> Code {
        self.0.code
    }

    /// What went wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &str {
        self.0.help
    }

    /// The text of the expression that failed, shortened when it is long.
    #[must_use]
    pub fn expression(&self) -> Option<&str> {
        self.0.expression.as_deref()
    }

    /// Where the expression stands in the rendered template, as in [`ExpressionError::path`].
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }
}

/// The text on one line, cut after 80 characters.
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut words = String::new();
    for word in text.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
        if words.len() > 4 * LONGEST {
            break;
        }
    }
    match words.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", words.get(..cut).unwrap_or("")),
        None => words,
    }
}
