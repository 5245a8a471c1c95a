//! What a reader of manifests has to say: code, place, message and help.

use std::cmp::Ordering;
use std::path::PathBuf;

use serde::Serialize;

use super::code;
use super::yaml::Mark;

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is used; the author should change something.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One finding about a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable code, such as `OSSA-M041`; `ossa explain` prints its page.
    pub code: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What is wrong and with which value, on one line.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where it stands in the document: `$.spec.steps[2].input`.
    pub path: String,
    /// The file, as it was named by whoever loaded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Line in the file, from 1; 0 when it has no place in the text.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Characters from the column on that are meant.
    pub length: u32,
    /// The line of the file, shortened when it is long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<Snippet>,
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Snippet {
    /// The text, without line end.
    pub text: String,
    /// Characters of the line that were cut off before it.
    pub cut: u32,
}

impl From<Snippet> for String {
    fn from(snippet: Snippet) -> Self {
        snippet.text
    }
}

impl Diagnostic {
    /// A finding without a place yet.
    #[must_use]
    pub fn new(code: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            help: None,
            path: "$".to_owned(),
            file: None,
            line: 0,
            column: 0,
            length: 1,
            snippet: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says where in the document it stands.
    #[must_use]
    pub fn at_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    pub(crate) fn at_mark(mut self, mark: Mark) -> Self {
        self.line = mark.line;
        self.column = mark.column;
        self.length = mark.length;
        self
    }

    /// Whether the document is refused because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Adds the line of `source` it points at.
    pub(crate) fn with_snippet(mut self, source: &str) -> Self {
        const LONGEST: usize = 160;
        const BEFORE: usize = 40;
        let line = usize::try_from(self.line).unwrap_or(0);
        let Some(text) = line
            .checked_sub(1)
            .and_then(|line| source.lines().nth(line))
        else {
            return self;
        };
        let column = usize::try_from(self.column).unwrap_or(1);
        let cut = if text.chars().count() > LONGEST {
            column.saturating_sub(BEFORE)
        } else {
            0
        };
        // Where the finding is that a secret stands there, showing it would spread it further.
        let hidden = if self.code == code::PLAIN_SECRET {
            let length = usize::try_from(self.length).unwrap_or(usize::MAX);
            column.saturating_sub(1)..column.saturating_sub(1).saturating_add(length)
        } else {
            0..0
        };
        let shown =
            text.chars().enumerate().map(
                |(at, character)| {
                    if hidden.contains(&at) { '*' } else { character }
                },
            );
        self.snippet = Some(Snippet {
            text: shown.skip(cut).take(LONGEST).collect(),
            cut: u32::try_from(cut).unwrap_or(0),
        });
        self
    }

    /// File order, then weight, then code: the same for the same text, always.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        (
            self.line,
            self.column,
            self.severity,
            self.code,
            &self.path,
            &self.message,
        )
            .cmp(&(
                other.line,
                other.column,
                other.severity,
                other.code,
                &other.path,
                &other.message,
            ))
    }
}
