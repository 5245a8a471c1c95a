//! `apiVersion`.

use super::super::code;
use super::super::reader::{Part, Report};

/// A version of OSSA: `ossa/v0.3.5`, `ossa/v0.4`, `ossa/v1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    /// `None` in `ossa/v1`.
    pub(crate) minor: Option<u32>,
    /// `None` in `ossa/v0.4`.
    pub(crate) patch: Option<u32>,
}

/// The version `text` names; `None` for anything else.
pub(crate) fn version(text: &str) -> Option<Version> {
    let numbers = text.strip_prefix("ossa/v")?;
    let numbers = numbers
        .split_once(['-', '+'])
        .map_or(numbers, |(numbers, _)| numbers);
    let mut parts = numbers.split('.');
    let mut next = || -> Option<Option<u32>> {
        match parts.next() {
            None => Some(None),
            Some(part) => part.parse().ok().map(Some),
        }
    };
    let (major, minor, patch) = (next()??, next()?, next()?);
    parts.next().is_none().then_some(Version {
        major,
        minor,
        patch,
    })
}

/// Warns about versions that this runtime was not written for.
pub(super) fn check(part: &Part<'_>, text: &str, report: &Report) {
    let known = version(text).is_some_and(|version| match (version.major, version.minor) {
        (0, Some(minor)) => (3..=5).contains(&minor),
        (1, None | Some(0)) => true,
        _ => false,
    });
    if !known {
        report.push(
            part.warning(
                code::UNKNOWN_VERSION,
                format!("`{text}` is no version this runtime knows; it is read like 0.3"),
            )
            .with_help("use `ossa/v0.3.0` to `ossa/v0.5.0`"),
        );
    }
}
