//! Cutting a file into its documents, so that a broken one does not hide the others.
//!
//! YAML does not allow a line that begins with `---` or `...` inside any scalar, so cutting at those lines is exact.

/// The text of one document and where it begins in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk<'t> {
    /// The text, with its `---` line and directives.
    pub(super) text: &'t str,
    /// Lines of the file before it.
    pub(super) lines_before: u32,
}

/// The documents of `text`, in order. Parts that hold only comments and blank lines are no documents.
pub(super) fn documents(text: &str) -> Vec<Chunk<'_>> {
    let mut chunks = Vec::new();
    let mut start = Cut::default();
    let mut at = Cut::default();
    let mut has_content = false;
    let mut is_open = false;
    for line in text.split_inclusive('\n') {
        let marker = marker_of(line);
        if has_content && marker.is_some() {
            push(&mut chunks, text, start, at);
            start = at;
            has_content = false;
        }
        match marker {
            // Directives and comments before a first `---` belong to the document after it.
            Some(Marker::Start { has_rest }) => {
                if is_open {
                    start = at;
                }
                is_open = true;
                has_content = has_rest;
            }
            Some(Marker::End) => {
                start = at.after(line);
                is_open = false;
                has_content = false;
            }
            None => has_content |= is_content(line),
        }
        at = at.after(line);
    }
    if has_content {
        push(&mut chunks, text, start, at);
    }
    chunks
}

#[derive(Clone, Copy, Default)]
struct Cut {
    byte: usize,
    line: u32,
}

impl Cut {
    fn after(self, line: &str) -> Self {
        Self {
            byte: self.byte + line.len(),
            line: self.line.saturating_add(1),
        }
    }
}

fn push<'t>(chunks: &mut Vec<Chunk<'t>>, text: &'t str, from: Cut, to: Cut) {
    if let Some(text) = text.get(from.byte..to.byte) {
        chunks.push(Chunk {
            text,
            lines_before: from.line,
        });
    }
}

enum Marker {
    Start { has_rest: bool },
    End,
}

fn marker_of(line: &str) -> Option<Marker> {
    let (marker, rest) = line.split_at_checked(3)?;
    if !(rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n'])) {
        return None;
    }
    match marker {
        "---" => Some(Marker::Start {
            has_rest: is_content(rest),
        }),
        "..." => Some(Marker::End),
        _ => None,
    }
}

fn is_content(line: &str) -> bool {
    let line = line.trim_start_matches('\u{feff}');
    let trimmed = line.trim();
    !(trimmed.is_empty() || trimmed.starts_with('#') || line.starts_with('%'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn texts(text: &str) -> Vec<(u32, &str)> {
        documents(text)
            .iter()
            .map(|chunk| (chunk.lines_before, chunk.text))
            .collect()
    }

    #[test]
    fn one_document_needs_no_marker() {
        assert_eq!(texts("a: 1\nb: 2\n"), [(0, "a: 1\nb: 2\n")]);
    }

    #[test]
    fn markers_cut_and_keep_the_line_count() {
        assert_eq!(
            texts("# top\n---\na: 1\n---\nb: 2\n...\n---\nc: 3"),
            [
                (0, "# top\n---\na: 1\n"),
                (3, "---\nb: 2\n"),
                (6, "---\nc: 3")
            ]
        );
    }

    #[test]
    fn comments_and_blank_parts_are_no_documents() {
        assert!(texts("# nothing\n---\n\n---\n# still nothing\n").is_empty());
    }

    #[test]
    fn an_empty_part_is_not_read_with_the_document_after_it() {
        assert_eq!(texts("---\n# nothing\n---\na: 1\n"), [(2, "---\na: 1\n")]);
        assert_eq!(
            texts("a: 1\n---\n---\nb: 2\n"),
            [(0, "a: 1\n"), (2, "---\nb: 2\n")]
        );
    }

    #[test]
    fn directives_stay_with_the_document_after_them() {
        assert_eq!(
            texts("%YAML 1.2\n---\na: 1\n"),
            [(0, "%YAML 1.2\n---\na: 1\n")]
        );
    }

    #[test]
    fn a_rule_of_more_dashes_or_an_indented_marker_does_not_cut() {
        assert_eq!(texts("a: |\n  ---\n  ----\n").len(), 1);
    }

    #[test]
    fn content_on_the_marker_line_counts() {
        assert_eq!(texts("--- {a: 1}\n--- {b: 2}\n").len(), 2);
    }
}
