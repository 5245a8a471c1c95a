//! Diagnostics as text for people.

use std::fmt::Write as _;
use std::path::Path;

use super::diagnostic::{Diagnostic, Severity};

/// Whether text carries ANSI colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    #[default]
    Never,
    /// ANSI colours.
    Always,
}

/// A diagnostic as text of several lines: what, where, the line with a mark under it, help.
#[must_use]
pub fn text(diagnostic: &Diagnostic, colour: Colour) -> String {
    let paint = Paint(colour);
    let mut out = String::new();
    let head = format!("{}[{}]", diagnostic.severity.as_str(), diagnostic.code);
    let _ = writeln!(
        out,
        "{}{}",
        paint.severity(diagnostic.severity, &head),
        paint.bold(&format!(": {}", visible(&diagnostic.message)))
    );
    let file = diagnostic
        .file
        .as_deref()
        .map_or_else(|| "<text>".into(), Path::to_string_lossy);
    let gutter = diagnostic.line.to_string().len();
    let place = if diagnostic.line == 0 {
        file.into_owned()
    } else {
        format!("{file}:{}:{}", diagnostic.line, diagnostic.column)
    };
    let path = if diagnostic.path == "$" {
        String::new()
    } else {
        format!(" ({})", visible(&diagnostic.path))
    };
    let _ = writeln!(out, "{:gutter$}{} {place}{path}", "", paint.dim("-->"));
    if let Some(snippet) = &diagnostic.snippet {
        let bar = paint.dim("|");
        let column = diagnostic
            .column
            .saturating_sub(1)
            .saturating_sub(snippet.cut);
        let before: String = snippet
            .text
            .chars()
            .take(usize::try_from(column).unwrap_or(0))
            .map(|character| if character == '\t' { '\t' } else { ' ' })
            .collect();
        let rest = snippet
            .text
            .chars()
            .count()
            .saturating_sub(before.chars().count());
        let length = usize::try_from(diagnostic.length)
            .unwrap_or(1)
            .min(rest)
            .max(1);
        let marks = paint.severity(diagnostic.severity, &"^".repeat(length));
        let _ = writeln!(out, "{:gutter$} {bar}", "");
        let _ = writeln!(
            out,
            "{} {bar} {}",
            paint.dim(&diagnostic.line.to_string()),
            visible(&snippet.text)
        );
        let _ = writeln!(out, "{:gutter$} {bar} {before}{marks}", "");
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(
            out,
            "{:gutter$} {} help: {}",
            "",
            paint.dim("="),
            visible(help)
        );
    }
    out
}

/// Control characters would let a manifest write to the reader's terminal.
fn visible(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() && character != '\t' {
                char::REPLACEMENT_CHARACTER
            } else {
                character
            }
        })
        .collect()
}

struct Paint(Colour);

impl Paint {
    fn with(&self, style: &str, text: &str) -> String {
        match self.0 {
            Colour::Never => text.to_owned(),
            Colour::Always => format!("\u{1b}[{style}m{text}\u{1b}[0m"),
        }
    }

    fn severity(&self, severity: Severity, text: &str) -> String {
        let style = match severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
            Severity::Note => "1;36",
        };
        self.with(style, text)
    }

    fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.with("2", text)
    }
}
