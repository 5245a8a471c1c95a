//! References to other manifests.

use crate::expression::{Dialects, Template};

use super::super::code;
use super::super::model::Reference;
use super::super::reader::{Fields, Part, Report};

/// A reference: text, or a mapping with `ref` or `name`.
pub(super) fn reference(part: &Part<'_>, report: &Report) -> Option<Reference> {
    if part.value.is_object() {
        let fields = Fields::of(part, report);
        let Some(inner) = fields.get("ref").or_else(|| fields.get("name")) else {
            fields.missing("ref");
            return None;
        };
        return reference(&inner, report);
    }
    let text = part.text(report)?;
    if part.is_empty_text() || text.contains('\0') {
        report.push(
            part.error(code::BAD_REFERENCE, "the reference is empty")
                .with_help(
                    "name a file below a manifest root, or the `metadata.name` of a manifest",
                ),
        );
        return None;
    }
    if text.starts_with(['/', '\\'])
        || text
            .get(1..3)
            .is_some_and(|colon| colon == ":\\" || colon == ":/")
    {
        report.push(
            part.error(code::BAD_REFERENCE, format!("`{text}` is an absolute path"))
                .with_help(
                    "name a file below a manifest root, or the `metadata.name` of a manifest",
                ),
        );
        return None;
    }
    if let Err(error) = Template::parse(text, Dialects::FIELDS) {
        report.push(
            part.error(
                code::BAD_EXPRESSION,
                format!("{} ({})", error.message(), error.code()),
            )
            .with_help(error.help()),
        );
        return None;
    }
    Some(Reference(text.trim().to_owned()))
}
