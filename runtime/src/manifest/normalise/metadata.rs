//! `metadata`.

use std::sync::LazyLock;

use regex::Regex;

use super::super::code;
use super::super::model::Metadata;
use super::super::reader::{Fields, Part, Report};

/// Dashes and lower-case letters and digits, as DNS labels are written.
static NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$").ok());
static VERSION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$").ok());

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

/// `metadata`; `None` without a name.
pub(super) fn metadata(part: &Part<'_>, report: &Report) -> Option<Metadata> {
    part.object(report)?;
    let fields = Fields::of(part, report);
    let name = name(&fields)?;
    let version = fields.get("version").and_then(|part| {
        let version = part.scalar_text(report)?;
        if !matches(&VERSION, &version) {
            report.push(
                part.warning(
                    code::BAD_NAME,
                    format!("`{version}` is not a semantic version"),
                )
                .with_help("write three numbers: `1.0.0`"),
            );
        }
        Some(version)
    });
    Some(Metadata {
        name,
        version,
        description: fields.text("description"),
        labels: fields
            .get("labels")
            .map(|part| pairs(&part, report))
            .unwrap_or_default(),
        annotations: fields
            .get("annotations")
            .map(|part| pairs(&part, report))
            .unwrap_or_default(),
    })
}

fn name(fields: &Fields<'_, '_>) -> Option<String> {
    let report = fields.report;
    let part = fields.required("name")?;
    let name = part.scalar_text(report)?;
    if name.trim().is_empty() {
        report.push(part.error(code::BAD_NAME, "the name is empty"));
        return None;
    }
    if !matches(&NAME, &name) || name.len() > 253 {
        report.push(
            part.warning(code::BAD_NAME, format!("`{name}` is not a DNS label"))
                .with_help("use lower-case letters, digits and dashes, at most 253 characters"),
        );
    }
    Some(name)
}

/// The members of a mapping of scalars, in document order.
pub(super) fn pairs(part: &Part<'_>, report: &Report) -> Vec<(String, String)> {
    part.object(report);
    part.members()
        .filter(|(_, part)| !part.value.is_null())
        .filter_map(|(key, part)| Some((key.to_owned(), part.scalar_text(report)?)))
        .collect()
}
