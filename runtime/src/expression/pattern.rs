//! Regular expressions under bounds.
//!
//! The `regex` crate matches in time linear in the text, but the factor grows with the compiled pattern, so
//! matching is paid by text times size.

use regex::{Regex, RegexBuilder};

use super::error::{Code, EvaluationError};
use super::limits::{Budget, MAX_MATCHED_BYTES, MAX_PATTERN_BYTES, MAX_SOURCE_BYTES};

/// Steps paid for compiling one pattern during an evaluation.
const COMPILE_STEPS: usize = 20_000;

/// Deepest nesting of groups in one pattern.
const MAX_NESTING: u32 = 64;

/// Memory for states the engine computes while matching; it starts over when that is full.
const CACHE_BYTES: usize = 1024 * 1024;

/// The sizes tried in turn, in bytes. The smallest that fits is taken as the size of a pattern.
const SIZES: [usize; 4] = [16 * 1024, 64 * 1024, 256 * 1024, MAX_PATTERN_BYTES];

#[derive(Debug)]
pub(crate) struct CompiledPattern {
    regex: Regex,
    /// Memory the pattern takes at most, in bytes: one of [`SIZES`].
    size: usize,
}

pub(crate) enum PatternError {
    /// With the reason, free of the pattern itself.
    Syntax(String),
    TooLarge,
}

impl CompiledPattern {
    pub(crate) fn compile(pattern: &str) -> Result<Self, PatternError> {
        if pattern.len() > MAX_SOURCE_BYTES {
            return Err(PatternError::TooLarge);
        }
        for size in SIZES {
            let built = RegexBuilder::new(pattern)
                .size_limit(size)
                .dfa_size_limit(CACHE_BYTES)
                .nest_limit(MAX_NESTING)
                .build();
            match built {
                Ok(regex) => return Ok(Self { regex, size }),
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(other) => return Err(PatternError::Syntax(reason(&other.to_string()))),
            }
        }
        Err(PatternError::TooLarge)
    }

    /// Compiles a pattern that came out of data, which messages must not repeat.
    pub(super) fn compile_computed(
        pattern: &str,
        budget: &Budget,
    ) -> Result<Self, EvaluationError> {
        budget.take(COMPILE_STEPS)?;
        Self::compile(pattern).map_err(|error| match error {
            PatternError::Syntax(reason) => EvaluationError::new(
                Code::InvalidPattern,
                format!("the computed pattern is not a regular expression: {reason}"),
                "check the value the pattern is taken from, or write the pattern as a string",
            ),
            PatternError::TooLarge => EvaluationError::new(
                Code::PatternTooLarge,
                format!("the computed pattern needs more than {MAX_PATTERN_BYTES} bytes"),
                "use a smaller pattern: fewer counted repetitions, [0-9] instead of \\d",
            ),
        })
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// Whether the pattern occurs in `text`, as a work of its own.
    pub(crate) fn occurs_in(&self, text: &str) -> Result<bool, EvaluationError> {
        self.occurs(text, false, &Budget::new())
    }

    /// Whether the pattern occurs in `text`: anywhere, or only at its start.
    pub(super) fn occurs(
        &self,
        text: &str,
        at_start: bool,
        budget: &Budget,
    ) -> Result<bool, EvaluationError> {
        if text.len() > MAX_MATCHED_BYTES {
            return Err(EvaluationError::new(
                Code::MatchedTextTooLong,
                format!(
                    "a text of {} bytes is too long to match against a regular expression (limit {MAX_MATCHED_BYTES})",
                    text.len()
                ),
                "use `contains`, or match a shorter part of the text",
            ));
        }
        let [smallest, ..] = SIZES;
        budget.take(1 + text.len() * (self.size / smallest))?;
        Ok(match at_start {
            // The leftmost match starts at 0 exactly when some match does.
            true => self
                .regex
                .find(text)
                .is_some_and(|found| found.start() == 0),
            false => self.regex.is_match(text),
        })
    }
}

/// The last line of the crate's report; the lines before it repeat the pattern.
fn reason(report: &str) -> String {
    let last = report.lines().last().unwrap_or(report).trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
